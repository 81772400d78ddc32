"""Regret matching, and the ways to add to a table: at once, or to the increments of a freeze.

Which of the two is a constant of every kernel, ``frozen``, so that each is compiled for its own.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.atomics import atomic_add, nearest
from cfr_shm.kernels.increments import copied_regret, gain_cell, weight_cell
from cfr_shm.kernels.jit import at, device


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
def add_weight(table, row, action, weight, atomic, frozen):
    """Add to one strategy sum: at once, or in units to what the freeze will add."""
    if frozen:
        increments = table.increments
        units = nearest(weight * increments.per_weight)
        add(increments.units, weight_cell(row, action), units, atomic)
    else:
        add(table.strategy_sum, row + action, weight, atomic)


@device
def add_gain(table, row, count, action, gain, floor, atomic, frozen):
    """Add to one regret: at once, never below ``floor``, or in units to what the freeze will add.

    Within a freeze the floor waits for the sum.
    """
    if frozen:
        increments = table.increments
        units = nearest(gain * increments.per_chip)
        add(increments.units, gain_cell(row, count, action), units, atomic)
    else:
        first = 2 * (row + count)
        add_floored(table.regret, first + action, np.float32(gain), floor, atomic)


@device
def whole_units(value, table, frozen):
    """Return a utility as it is to be summed: within a freeze a whole number of units.

    Sums of whole numbers are exact below 2**53, in whatever order.
    """
    return np.rint(value * table.increments.per_utility) if frozen else value


@device
def current_regret(table, row, count, action, frozen):
    """Return one regret of a row: the table's, or within a freeze the copy in its block."""
    if frozen:
        return np.float64(table.increments.regret[at(copied_regret(row, count) + action)])
    return np.float64(table.regret[at(2 * (row + count) + action)])


@device
def match_row(table, row, count, frame_policy, frame, frozen):
    """Write a row's policy as ``regret_match`` does, from the regrets that are at hand."""
    if frozen:
        first = copied_regret(row, count)
        return regret_match(table.increments.regret, first, count, frame_policy, frame)
    return regret_match(table.regret, 2 * (row + count), count, frame_policy, frame)


@device
def regret_match(regret, first, count, frame_policy, frame):
    """Write one infoset's regret-matching policy, unnormalised, and return its sum.

    Args:
        regret: (2 * words,) float32, read-only; cumulative, chips.
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
