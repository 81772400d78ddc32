"""Matches of a run's checkpoints against its own past: is it still getting better?

A checkpoint meets one two thirds as far, on the same boards in every match, and whoever is through
is what the next one meets. Boards are played until the gain is known well enough by a confidence
sequence, which may be watched; where the next opponent comes first, what is known by then is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cfr_shm.config.smoothing_values import UNSMOOTHED, Smoothing
from cfr_shm.config.stop_rules import PAST
from cfr_shm.evaluation.estimates import any_time_half_width
from cfr_shm.evaluation.measure import unit_of
from cfr_shm.evaluation.range_match import BOARDS, BoardMatch
from cfr_shm.games.game import Game
from cfr_shm.memory.checkpoint import load_checkpoint
from cfr_shm.memory.holds import Holds
from cfr_shm.run.quality import SEED, Offered
from cfr_shm.run.schedule import HISTORY_STEP
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.smoothing import smoothed
from cfr_shm.strategy.table import TableStrategy
from cfr_shm.telemetry.events import Event, QualityMeasured

#: Fewer boards say nothing of how far apart they lie.
LEAST_BOARDS = 50


@dataclass
class _Match:
    newer: Offered
    against: Offered
    boards: BoardMatch
    won: list[float] = field(default_factory=list)  # on each board, chips


class PastMatches:
    """Plays one match after the other, board by board; used by one thread.

    Args:
        game: of two players.
        held: where what the next match is against is held.
        below: gains are to be told apart from this, in the unit of measures.
        since: what the first match is against; None for the first that is offered.
        smoothing: as the run's configuration says.
    """

    def __init__(
        self,
        game: Game,
        held: Holds,
        below: float,
        since: Offered | None,
        smoothing: Smoothing = UNSMOOTHED,
    ) -> None:
        self._game, self._held, self._below = game, held, below
        self._smoothing = smoothing
        self._unit, self._factor = unit_of(game)
        self._mark: Offered | None = None
        self._match: _Match | None = None
        if since is not None:
            self._set_mark(since)

    @property
    def playing(self) -> bool:
        """Whether a match goes on."""
        return self._match is not None

    def offer(self, offered: Offered) -> list[Event]:
        """Take a new checkpoint in, which begins a match if it is far enough.

        Returns the point of a match that is ended by that, if one is.

        Raises:
            CheckpointError: one of the two cannot be read; it is as if this one was not offered.
            MemoryReserveError: there is no memory for both.
        """
        if self._mark is None:
            self._set_mark(offered)
            return []
        if offered.iterations < HISTORY_STEP * self._mark.iterations:
            return []
        points = [] if self._match is None else self._end(self._match)
        self._begin(offered, self._mark)
        return points

    def play(self) -> list[Event]:
        """Play one more board, if there is a match; return its point if that decides it."""
        match = self._match
        if match is None:
            return []
        match.won.append(match.boards.winnings(len(match.won)))
        if len(match.won) % LEAST_BOARDS or not self._is_decided(match.won):
            return []
        return self._end(match)

    def close(self) -> None:
        """Release what is held."""
        self._set_mark(None)

    def _set_mark(self, offered: Offered | None) -> None:
        if offered is not None:
            self._held.hold(offered.path)
        if self._mark is not None:
            self._held.release(self._mark.path)
        self._mark = offered

    def _begin(self, newer: Offered, mark: Offered) -> None:
        self._held.hold(mark.path)  # until it was read: it is the mark no more
        try:
            self._set_mark(newer)
            boards = BoardMatch(self._strategy(newer.path), self._strategy(mark.path), SEED)
        finally:
            self._held.release(mark.path)
        self._match = _Match(newer, mark, boards)

    def _strategy(self, path: Path) -> TableStrategy:
        stored = smoothed(self._game, load_checkpoint(path, game=self._game), self._smoothing)
        return TableStrategy(path.name, self._game, Strategy.from_table(self._game, stored.table))

    def _gain(self, won: list[float]) -> tuple[float, float]:
        """Return the mean gain and the half-width of its interval, in the unit of measures."""
        deviation = float(np.std(won, ddof=1))
        half = any_time_half_width(len(won), deviation, ratio=BOARDS.ratio)
        return float(np.mean(won)) * self._factor, half * self._factor

    def _is_decided(self, won: list[float]) -> bool:
        value, half = self._gain(won)
        still = value < self._below and value + half < 2.0 * self._below
        return still or value - half > self._below or half <= self._below

    def _end(self, match: _Match) -> list[Event]:
        """End the match; return its point, if enough was played to say anything."""
        self._match = None
        if len(match.won) < LEAST_BOARDS:
            return []
        value, half = self._gain(match.won)
        return [
            QualityMeasured(
                iterations=match.newer.iterations,
                seconds=match.newer.seconds,
                method=PAST,
                unit=self._unit,
                value=value,
                low=value - half,
                high=value + half,
                n=len(match.won),
                checkpoint=match.newer.path.name,
                against=match.against.path.name,
            )
        ]
