"""How good the strategy is while it is trained, and at the end: what is measured, and how.

The curve of a run is measured by ``run.quality_reader``; here is whether there is one, of which
method, and the point at the end, outside the time budget. All points of all runs are measured on
the same boards, or deals, which makes them paired.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cfr_shm.config.sections import Config
from cfr_shm.errors import GameError
from cfr_shm.evaluation.exact_response import forecast_seconds
from cfr_shm.evaluation.kernels_ready import make_learning_ready, make_walks_ready
from cfr_shm.evaluation.measure import (
    AT_ONCE_SECONDS,
    DEFAULT_BOARDS,
    EXPLOITER,
    FLOP,
    RIVER,
    TURN,
    Measurement,
    measure_by_learning,
    measure_exactly,
    measure_from,
)
from cfr_shm.evaluation.sampled_response import BoardGains, street_named
from cfr_shm.games.game import Game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.deals import DEALS_HOLDEM
from cfr_shm.layout.table import Table
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy
from cfr_shm.telemetry.events import QualityMeasured

OFF, LIGHT, FULL = "off", "light", "full"

#: CPU seconds, on each core, for the point that ends a run: outside the time budget. Seats that
#: learn have so much each, at the end and for a point of the curve.
END_SECONDS = {LIGHT: 5.0, FULL: 30.0}
LEAST_AT_END = 20

#: Of the boards; the same as ``eval`` takes when nobody says another.
SEED = 0

#: A larger table's strategy is not copied beside the training.
MOST_TABLE_BYTES = 1 << 30


class Offered(NamedTuple):
    """A checkpoint that is on disk."""

    path: Path
    iterations: int
    seconds: float  # of training before it


def quality_mode(config: Config, game: Game) -> str:
    """Return what a run's ``run.quality`` comes to: OFF where there is nothing to measure by."""
    measurable = game.deals.kind == DEALS_HOLDEM and game.table_bytes <= MOST_TABLE_BYTES
    return config.run.quality if measurable and not JIT_DISABLED else OFF


def curve_method(game: Game) -> str | None:
    """Return by which method the curve of a game of hold'em is measured; None for by none.

    Three and more players: by what each seat gains that learns. Two: by best responses from the
    last street on which somebody bets.
    """
    if game.player_count > 2:
        return EXPLOITER
    for name in (RIVER, TURN, FLOP):
        try:
            street_named(game, name)
        except GameError:
            continue
        return name
    return None


def make_quality_ready(
    game: Game, announce: Callable[[str], None], *, matches: bool = False
) -> None:
    """Compile or load what measuring needs, before any worker waits for this process.

    Args:
        game: hold'em.
        announce: told if anything is compiled.
        matches: whether checkpoints are to meet, too.
    """
    if game.player_count > 2:
        make_learning_ready(game, announce)
    else:
        make_walks_ready(game, announce, matches=matches)


def learning_seconds(mode: str, game: Game) -> float:
    """Return for how much CPU all seats of a learned exploiter learn, together."""
    return END_SECONDS[mode] * game.player_count


def measure_end(game: Game, table: Table, mode: str) -> Measurement | None:
    """Measure the table that ends a run: exactly if that is a matter of seconds; None: nothing.

    For three and more players: what single seats gain that learn, with as much CPU for each.
    """
    if game.player_count > 2:
        rows = Strategy.from_table(game, table).probability
        seconds = learning_seconds(mode, game)
        return measure_by_learning(game, rows, seconds=seconds, seed=SEED).whole()
    strategy = TableStrategy("the end", game, Strategy.from_table(game, table))
    if forecast_seconds(strategy) < AT_ONCE_SECONDS:
        return measure_exactly(strategy)
    method = curve_method(game)
    if method is None:
        return None
    on_board = BoardGains(strategy, street_named(game, method), SEED)
    on_board(0)
    began = time.thread_time()
    on_board(1)
    each = max(time.thread_time() - began, 1e-6)
    boards = int(END_SECONDS[mode] / each)
    boards = max(LEAST_AT_END, min(boards, DEFAULT_BOARDS[RIVER]))
    return measure_from(strategy, method, boards=boards, seed=SEED).whole()


def point_of(measured: Measurement, offered: Offered) -> QualityMeasured:
    """Return a measurement as a point of the curve."""
    return QualityMeasured(
        iterations=offered.iterations,
        seconds=offered.seconds,
        method=measured.method,
        unit=measured.unit,
        value=measured.gain.value,
        low=measured.gain.low,
        high=measured.gain.high,
        n=measured.gain.n,
        checkpoint=offered.path.name,
    )
