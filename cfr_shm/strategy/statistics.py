"""What a table says of the training: visits, regrets and entropy, by street."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.kernels.tables.statistics import (
    COLUMNS,
    ENTROPY,
    REGRET_NORM,
    ROWS,
    VISITED,
    table_statistics,
)
from cfr_shm.layout.table import Table
from cfr_shm.telemetry.events import StreetMeasured


def street_statistics(
    game: Game, table: Table, iteration_weight: float | None
) -> tuple[StreetMeasured, ...]:
    """Return the statistics of each street, and those of all at the end.

    Args:
        game: whose table it is.
        table: only read; nobody may write to it meanwhile.
        iteration_weight: sum of the iterations' weights so far, None where the regrets are not
            in the rows.
    """
    sums, regret = _read_only(table.strategy_sum), _read_only(table.regret)
    found = np.zeros((game.street_count, COLUMNS))
    table_statistics(game.tree.nodes, game.deals.bucket_count, sums, regret, found)
    rows: NDArray[np.float64] = np.vstack([found, found.sum(axis=0)])
    return tuple(_measured(row, iteration_weight) for row in rows)


def _measured(row: NDArray[np.float64], weight: float | None) -> StreetMeasured:
    visited = float(row[VISITED])
    norm = None
    if weight is not None:
        norm = float(row[REGRET_NORM]) / (visited * weight) if visited and weight > 0 else 0.0
    return StreetMeasured(
        infosets=int(row[ROWS]),
        infosets_visited=int(visited),
        average_regret_norm=norm,
        policy_entropy=float(row[ENTROPY]) / visited if visited else 0.0,
    )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view
