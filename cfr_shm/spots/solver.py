"""Solve a spot: iterations, exact exploitability, expected values.

::

    with SpotSolver(game, settings) as solver:
        solver.iterate(100)
        solver.exploitability()   # in % of the pot

Exploitability is what best responses gain on average: (best response of one + of the other -
what both get now) / 2; without rake both get the pot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.spots import (
    BEST,
    PLAN_MODE,
    PLAN_PLAYER,
    PLAN_SCALE,
    PLAN_WORDS,
    TRAIN,
    VALUE,
    Spot,
    SweepSpace,
)
from cfr_shm.machine.leased_files import LeasedFiles
from cfr_shm.memory.arena import Arena
from cfr_shm.spots.arena_tables import (
    create_spot_arena,
    gathered,
    private_tables,
    spot_tables,
    table_names,
)
from cfr_shm.spots.iteration_weights import IterationWeights, SpotAlgorithm, spot_algorithm
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.sweep_crew import SweepCrew

_DEFAULT = spot_algorithm("dcfr")


@dataclass(frozen=True)
class SolverSettings:
    """How a spot is solved.

    Attributes:
        algorithm: by name.
        worker_count: threads.
        cores: that they may use.
        compact: whether tables take 16 bits a number.
    """

    algorithm: SpotAlgorithm = _DEFAULT
    worker_count: int = 1
    cores: int = 1
    compact: bool = False


class Quality(NamedTuple):
    """How near to an equilibrium the average strategies are, in chips."""

    gains: tuple[float, float]  # of each player's best response
    values: tuple[float, float]  # each player's share of the pot

    @property
    def exploitability(self) -> float:
        """Return the mean of both gains."""
        return sum(self.gains) / 2.0


class Responses(NamedTuple):
    """What the average strategies get, and best responses to them: shares of the pot, chips."""

    values: tuple[float, float]
    best: tuple[float, float]

    @property
    def gains(self) -> tuple[float, float]:
        """Return what each player's best response gains."""
        return self.best[0] - self.values[0], self.best[1] - self.values[1]


class SpotSolver:
    """A spot with its tables and workers; owns both, from the call to ``close``.

    Args:
        game: the spot.
        settings: how it is solved.
        fingerprint: of the configuration, for whoever attaches to the arena.
        looks: whether tables that were saved are looked at and nothing is learnt: they are then
            this process's own, or mapped files, and take no memory until they are filled.

    Raises:
        MemoryReserveError: too little memory for the tables.
    """

    def __init__(
        self,
        game: SpotGame,
        settings: SolverSettings | None = None,
        fingerprint: str = "",
        *,
        looks: bool = False,
    ) -> None:
        self.game = game
        self.settings = settings or SolverSettings()
        self.iterations = 0
        self.looks = looks
        self._leases: LeasedFiles | None = None
        self._weights = self.settings.algorithm.weights()
        self.arena: Arena = create_spot_arena(
            game,
            self.settings.worker_count,
            compact=self.settings.compact,
            predicts=self.settings.algorithm.predicts,
            fingerprint=fingerprint,
            tables=not looks,
        )
        try:
            self.tables = (
                private_tables(game, compact=self.settings.compact)
                if looks
                else spot_tables(self.arena)
            )
            self.gathered = gathered(self.arena)
            self._crew = SweepCrew(
                game,
                self.tables,
                self.gathered,
                self.arena.array("control"),
                self.settings.worker_count,
                self.settings.cores,
            )
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and give the memory back."""
        self._crew.close()
        self._release()

    def _release(self) -> None:
        self.arena.unlink()
        self.__dict__.pop("tables", None)
        self.__dict__.pop("gathered", None)
        self.__dict__.pop("_crew", None)
        self.arena.close()
        if self._leases is not None:
            self._leases.close()

    @property
    def mapped(self) -> int:
        """Return how many tables are mapped files."""
        return 0 if self._leases is None else self._leases.held

    def look_at(self, averages: Sequence[NDArray[np.generic]], leases: LeasedFiles) -> None:
        """Take mapped averages, by player, in place of one's own; who looks has no others.

        Args:
            averages: as the tables' own.
            leases: of their files, closed with the solver.
        """
        self._leases = leases
        self.tables = self.tables._replace(average_0=averages[0], average_1=averages[1])
        self._crew.turn_to(self.tables)

    def stop(self) -> None:
        """Call off what runs: the tables are of no use any more."""
        self._crew.stop()

    def iterate(self, count: int) -> None:
        """Run ``count`` iterations: both players' sweeps, one after the other."""
        plan = np.zeros((2 * count, PLAN_WORDS))
        scale = self.game.scale()
        for row, weights in enumerate(islice(self._weights, count)):
            for p in range(2):
                plan[2 * row + p] = (p, TRAIN, *weights, scale)
        self._crew.run(plan)
        self.iterations += count

    def hold_locks(self) -> None:
        """Put the given strategies into tables that were made with others; no iteration counts."""
        weights = IterationWeights(positive=1.0, negative=1.0, share=0.0, predict=0.0)
        for player in range(2):
            self.sweep(player, TRAIN, weights)

    def sweep(
        self, player: int, mode: int, weights: IterationWeights | None = None
    ) -> NDArray[np.float64]:
        """Sweep once for one player; return each of his hands' values at the root.

        Whoever trains sweep by sweep counts the iterations.

        Args:
            player: whose hands get values.
            mode: TRAIN, VALUE or BEST.
            weights: of the iteration, to TRAIN.
        """
        plan = np.zeros((1, PLAN_WORDS))
        scale = self.game.scale() if mode == TRAIN else 1.0
        plan[0] = (player, mode, *(weights or (0.0,) * 4), scale)
        found = self._crew.run(plan).astype(np.float64) / scale
        values: NDArray[np.float64] = found[0, : len(self.game.hands.weights[player])]
        return values

    def sweep_alone(
        self,
        arrays: Spot,
        player: int,
        mode: int,
        weights: IterationWeights | None,
        space: SweepSpace,
    ) -> None:
        """Take steps of one's own for a player, in this thread and this work space.

        Args:
            arrays: the game's, with other steps.
            player: whose hands get values.
            mode: TRAIN, VALUE or BEST.
            weights: of the iteration, to TRAIN.
            space: keeps what was computed, and may hold what the steps begin from.
        """
        plan = np.zeros((1, PLAN_WORDS))
        plan[0] = (player, mode, *(weights or (0.0,) * 4), 1.0)
        self._crew.run_alone(arrays, plan, space)

    def skip_to(self, iterations: int) -> None:
        """Take the tables for those after so many iterations, as they come from a checkpoint."""
        self._weights = self.settings.algorithm.weights()
        next(islice(self._weights, iterations, iterations), None)
        self.iterations = iterations

    def root_values(self, mode: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each hand's value at the root, summed over the hands that it can meet.

        Args:
            mode: VALUE of the average strategies, or BEST response to the other's.
        """
        plan = np.zeros((2, PLAN_WORDS))
        for p in range(2):
            plan[p, [PLAN_PLAYER, PLAN_MODE, PLAN_SCALE]] = (p, mode, 1.0)
        found = self._crew.run(plan).astype(np.float64)
        one, two = (len(side) for side in self.game.hands.weights)
        return found[0, :one], found[1, :two]

    def look(
        self,
        level: int,
        board: int,
        segment: int = 0,
        mode: int = VALUE,
        players: Sequence[int] = (0, 1),
    ) -> list[SweepSpace]:
        """Sweep what leads to one board, and it, for players; return the work spaces.

        In them are the other player's reach and the player's values at every node of the board's
        level (of the last level: of the segment).

        Args:
            level: of the board; 0 sweeps everything.
            board: its number.
            segment: of the last level's forest.
            mode: VALUE of the averages, or BEST response to the other's.
            players: whose values.
        """
        arrays = self.game.arrays
        if level > 0:
            steps = self.game.steps_to(level, board, segment)
            arrays = arrays._replace(steps=steps, groups=np.array([1, len(steps) - 1], np.int64))
        found = []
        for p in players:
            plan = np.zeros((1, PLAN_WORDS))
            plan[0, [PLAN_PLAYER, PLAN_MODE, PLAN_SCALE]] = (p, mode, 1.0)
            found.append(self._crew.run_alone(arrays, plan))
        return found

    def quality(self) -> Quality:
        """Return gains of best responses, exact but for float32 sums, and the values."""
        weights, mass = self.game.hands.weights, self.game.hands.mass()
        half = self.game.pot / 2.0
        sums: dict[int, list[float]] = {}
        for mode in (BEST, VALUE) if self.game.payoffs.uneven else (BEST,):
            values = self.root_values(mode)
            sums[mode] = [float(weights[p] @ values[p]) / mass for p in range(2)]
        best = sums[BEST]
        if VALUE in sums:
            now = sums[VALUE]
            return Quality((best[0] - now[0], best[1] - now[1]), (half + now[0], half + now[1]))
        # Their values add up to nothing: each is between its best response and the other's.
        gain = sum(best) / 2.0
        return Quality((gain, gain), (half + best[0] - gain, half + best[1] - gain))

    def responses(self) -> Responses:
        """Return what each player gets, and what his best response would get, chips."""
        weights, mass = self.game.hands.weights, self.game.hands.mass()
        now, best = self.root_values(VALUE), self.root_values(BEST)
        half = self.game.pot / 2.0
        one, two = (
            (float(weights[p] @ now[p]) / mass, float(weights[p] @ best[p]) / mass)
            for p in range(2)
        )
        return Responses((half + one[0], half + two[0]), (half + one[1], half + two[1]))

    def exploitability(self) -> float:
        """Return the exploitability in % of the pot."""
        return 100.0 * self.quality().exploitability / self.game.pot

    def table_names(self) -> tuple[str, ...]:
        """Return the names of the arena's arrays that a checkpoint holds."""
        return table_names(predicts=self.settings.algorithm.predicts)
