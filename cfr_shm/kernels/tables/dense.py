"""Carry regrets, strategy sums and units between the rows of a table and one dense array.

What ranks send each other is dense: rows have sums and regrets side by side, and some tables hold
entries that belong to no row. A *slice* is what of a set of rows (``layout.row_sets``) goes into
one array: (base, stride, actions, rows), int64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, kernel
from cfr_shm.kernels.parts.increments import gain_cell, weight_cell
from cfr_shm.kernels.parts.rows import regret_index, sum_index
from cfr_shm.layout.table import Table


@kernel
def collect_regrets(table: Table, slices: NDArray[np.int64], out: NDArray[np.float32]) -> None:
    """Write the regrets of ``slices`` to ``out``, one row after the other.

    Args:
        table: layout.Table, read-only.
        slices: (n, 4) int64.
        out: (entries of the slices,) float32, written.
    """
    place = 0
    for part in range(slices.shape[0]):
        base, stride, count = slices[part, 0], slices[part, 1], slices[part, 2]
        for number in range(slices[part, 3]):
            first = regret_index(table.strategy_sum, base + number * stride, count)
            for action in range(count):
                out[at(place + action)] = table.regret[at(first + action)]
            place += count


@kernel
def spread_regrets(
    table: Table, slices: NDArray[np.int64], values: NDArray[np.float32], factor: float
) -> None:
    """Write ``factor`` times ``values`` to the regrets of ``slices``.

    Args:
        table: layout.Table, written; nobody else may read or write meanwhile.
        slices: (n, 4) int64.
        values: (entries of the slices,) float32, as ``collect_regrets`` orders them.
        factor: of every value.
    """
    place = 0
    for part in range(slices.shape[0]):
        base, stride, count = slices[part, 0], slices[part, 1], slices[part, 2]
        for number in range(slices[part, 3]):
            first = regret_index(table.strategy_sum, base + number * stride, count)
            for action in range(count):
                table.regret[at(first + action)] = np.float32(values[at(place + action)] * factor)
            place += count


@kernel
def collect_sums(table: Table, slices: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Write the strategy sums of ``slices`` to ``out``, (entries of the slices,) float64."""
    place = 0
    for part in range(slices.shape[0]):
        base, stride, count = slices[part, 0], slices[part, 1], slices[part, 2]
        for number in range(slices[part, 3]):
            first = sum_index(table.strategy_sum, base + number * stride, count)
            for action in range(count):
                out[at(place + action)] = table.strategy_sum[at(first + action)]
            place += count


@kernel
def spread_sums(
    table: Table, slices: NDArray[np.int64], values: NDArray[np.float64], factor: float
) -> None:
    """Write ``factor`` times ``values`` to the strategy sums of ``slices``."""
    place = 0
    for part in range(slices.shape[0]):
        base, stride, count = slices[part, 0], slices[part, 1], slices[part, 2]
        for number in range(slices[part, 3]):
            first = sum_index(table.strategy_sum, base + number * stride, count)
            for action in range(count):
                table.strategy_sum[at(first + action)] = values[at(place + action)] * factor
            place += count


@kernel
def collect_units(
    units: NDArray[np.int64], slices: NDArray[np.int64], out: NDArray[np.int64]
) -> None:
    """Write what all workers have added to the rows of ``slices`` to ``out``.

    Args:
        units: (copies, BLOCK_WORDS * entries), read-only, as ``Increments.units``.
        slices: (n, 4) int64.
        out: (2 * entries of the slices,) int64, written: of each row what its strategy sums are to
            get, then its regrets.
    """
    place = 0
    for part in range(slices.shape[0]):
        base, stride, count = slices[part, 0], slices[part, 1], slices[part, 2]
        for number in range(slices[part, 3]):
            row = base + number * stride
            for action in range(count):
                weights, gains = np.int64(0), np.int64(0)
                for copy in range(units.shape[0]):
                    weights += units[at(copy), at(weight_cell(row, action))]
                    gains += units[at(copy), at(gain_cell(row, count, action))]
                out[at(place + action)] = weights
                out[at(place + count + action)] = gains
            place += 2 * count


@kernel
def spread_units(
    units: NDArray[np.int64], slices: NDArray[np.int64], values: NDArray[np.int64]
) -> None:
    """Write ``values``, as ``collect_units`` orders them, to the first copy; clear the others."""
    place = 0
    for part in range(slices.shape[0]):
        base, stride, count = slices[part, 0], slices[part, 1], slices[part, 2]
        for number in range(slices[part, 3]):
            row = base + number * stride
            for copy in range(units.shape[0]):
                for action in range(count):
                    whole = copy == 0
                    weights = values[at(place + action)] if whole else 0
                    gains = values[at(place + count + action)] if whole else 0
                    units[at(copy), at(weight_cell(row, action))] = weights
                    units[at(copy), at(gain_cell(row, count, action))] = gains
            place += 2 * count
