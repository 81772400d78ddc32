"""Regret matching, and the ways to add to a table: at once, or to the increments of a freeze.

Which of the two is told by the type of the table's increments, so that each kernel is compiled for
its own.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device
from cfr_shm.kernels.parts.atomics import atomic_add, nearest
from cfr_shm.kernels.parts.exchange import is_own, note_row
from cfr_shm.kernels.parts.increments import copied_regret, gain_cell_beside, weight_cell
from cfr_shm.kernels.parts.rows import (
    add_to_sum,
    is_compact,
    is_frozen,
    regret_index,
    rounding_bits,
    sum_index,
)


@device
def add(array, index, value, atomic):
    """Add to one cell that other workers may add to at the same time.

    Plain adds may be lost between two workers; that hurts little and is measured
    (docs/adr/0003-updates.md). Atomic adds never are.
    """
    if atomic:
        atomic_add(array, index, value)
    else:
        array[at(index)] += value


@device
def add_floored(array, index, value, floor, atomic):
    """Add to one cell of float32 regrets that never falls below ``floor``.

    A floor of minus infinity costs nothing: the test is the same for the whole task, and the
    compiler takes it out of the loops.
    """
    if floor > -np.inf:
        if atomic:
            atomic_add(array, index, value)
            array[at(index)] = max(array[at(index)], np.float32(floor))
        else:
            array[at(index)] = max(array[at(index)] + value, np.float32(floor))
    else:
        add(array, index, value, atomic)


@device
def add_weight(table, row, count, action, weight, unit, atomic):
    """Add to one strategy sum: at once, or in units to what the freeze will add.

    ``unit`` is a draw in [0, 1) of this infoset's, by which float32 sums are rounded.
    """
    if is_frozen(table):
        increments = table.increments
        units = nearest(weight * increments.per_weight)
        add(increments.units, weight_cell(row, action), units, atomic)
    else:
        index = sum_index(table.strategy_sum, row, count) + action
        if is_compact(table.strategy_sum):
            bits = rounding_bits(unit, action)
            add_to_sum(table.strategy_sum, index, weight, bits, atomic)
        else:
            add(table.strategy_sum, index, weight, atomic)


@device
def gains_at(table, row, count):
    """Return where the gains of a row's first action go: an index of regrets, or of units.

    They have to follow: a worker with a table of its own tells the others of this row.
    """
    return gains_beside(table, regrets_at(table, row, count), count)


@device
def gains_beside(table, first, count):
    """Return what ``gains_at`` does, from where the row's first regret is read."""
    if is_frozen(table):
        return gain_cell_beside(first, count)
    if is_own(table) and count > 1:  # A lone action is played whatever its regret is.
        note_row(table, first)
    return first


@device
def add_gain(table, index, gain, floor, atomic):
    """Add to one regret: at once, never below ``floor``, or in units to what the freeze will add.

    ``index`` counts from ``gains_at``. Within a freeze the floor waits for the sum.
    """
    if is_frozen(table):
        increments = table.increments
        units = nearest(gain * increments.per_chip)
        add(increments.units, index, units, atomic)
    else:
        add_floored(table.regret, index, np.float32(gain), floor, atomic)


@device
def whole_units(value, table):
    """Return a utility as it is to be summed: within a freeze a whole number of units.

    Sums of whole numbers are exact below 2**53, in whatever order.
    """
    return np.rint(value * table.increments.per_utility) if is_frozen(table) else value


@device
def regrets_at(table, row, count):
    """Return where a row's first regret is read: in the table, within a freeze in its block."""
    if is_frozen(table):
        return copied_regret(row, count)
    return regret_index(table.strategy_sum, row, count)


@device
def current_regret(table, index):
    """Return one regret; ``index`` counts from ``regrets_at``."""
    frozen = is_frozen(table)
    return np.float64(table.increments.regret[at(index)] if frozen else table.regret[at(index)])


@device
def match_row(table, row, count, frame_policy, frame):
    """Write a row's policy as ``regret_match`` does, from the regrets that are at hand."""
    return match_at(table, regrets_at(table, row, count), count, frame_policy, frame)


@device
def match_at(table, first, count, frame_policy, frame):
    """Do what ``match_row`` does; ``first`` is what ``regrets_at`` returns."""
    if is_frozen(table):
        return regret_match(table.increments.regret, first, count, frame_policy, frame)
    return regret_match(table.regret, first, count, frame_policy, frame)


@device
def regret_match(regret, first, count, frame_policy, frame):
    """Write one infoset's regret-matching policy, unnormalised, and return its sum.

    Args:
        regret: float32, read-only; a table's cumulative regrets, chips.
        first: index of the infoset's first regret.
        count: legal actions, >= 1 (unchecked).
        frame_policy: (frames, actions) float64, out; the first ``count`` divided by the
            returned sum are the policy.
        frame: row to write.

    The division is left to the caller, because sampling an action does not need it: off the
    critical path it costs nothing. Uniform when no regret is positive. Source: Zinkevich et
    al. 2007, eq. 8.
    """
    total = 0.0
    for action in range(count):
        positive = max(np.float64(regret[at(first + action)]), 0.0)
        frame_policy[at(frame), at(action)] = positive
        total += positive
    if total > 0.0:
        return total
    for action in range(count):
        frame_policy[at(frame), at(action)] = 1.0
    return np.float64(count)
