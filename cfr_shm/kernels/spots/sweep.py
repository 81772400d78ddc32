"""Sweeps over a whole spot: one player's values on every board, by all workers together.

::

    worker 0: reach down on the first street -> lifted
              ---- meet ----
    everybody: takes groups of next boards, sweeps each with all that comes after -> sums
              ---- meet ----
    everybody: adds up a share of the sums -> total
              ---- meet ----
    worker 0: values up on the first street

Which worker takes a group changes nothing: a group's boards are added up in their order into a
place of its own, and the groups' sums in theirs. So the same bits come of any number of workers.

What is done on a board, and in which order, is a list of *steps*: on the last street down and
up, segment by segment; on the streets before it down, then the boards below, then up. A list
instead of a function for each street: the parts have one caller, and are compiled once.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, kernel, outlined
from cfr_shm.kernels.parts.atomics import atomic_claim
from cfr_shm.kernels.parts.barrier import meet
from cfr_shm.kernels.spots.lanes import LANES, load, same, store
from cfr_shm.kernels.spots.nodes import reach_down, values_up
from cfr_shm.kernels.spots.street_links import collect, drop, lift, send
from cfr_shm.kernels.spots.terminals import settle
from cfr_shm.layout.control import STOP_NOW
from cfr_shm.layout.spots import (
    BASE,
    PLAN_AVERAGE,
    PLAN_MODE,
    PLAN_NEGATIVE,
    PLAN_PLAYER,
    PLAN_POSITIVE,
    PLAN_PREDICT,
    PLAN_SCALE,
    STEP_BOARD,
    STEP_DOWN,
    STEP_LEVEL,
    STEP_SEGMENT,
    STEP_UP,
    TRAIN,
    WIDTH,
    Weights,
)


@outlined
def _walk(spot, first, last, p, own, other, gathered, summed, space, weights):
    """Take some steps of a sweep.

    Args:
        spot: layout.spots.Spot, read-only.
        first: step.
        last: one past the last.
        p: the traverser.
        own: his tables, as ``values_up`` takes them.
        other: the table that the other player's strategy is made of.
        gathered: layout.spots.Gathered.
        summed: (lines * stride,) float32, added to: values of boards below the first.
        space: layout.spots.SweepSpace, this worker's.
        weights: layout.spots.Weights.
    """
    boards = spot.boards
    q = 1 - p
    stride = len(boards.order[0, 0])
    for step in range(first, last):
        board = spot.steps[at(step), STEP_BOARD]
        segment = spot.steps[at(step), STEP_SEGMENT]
        number = spot.steps[at(step), STEP_LEVEL]
        level = spot.first
        above = spot.first.links
        reach = space.reach_0
        value = space.value_0
        source = gathered.lifted
        target = gathered.lifted
        inner = gathered.total
        outer = summed
        if number == 1:
            level = spot.second
            reach = space.reach_1
            value = space.value_1
            target = space.lifted
            inner = space.summed
        elif number == 2:
            level = spot.third
            above = spot.second.links
            reach = space.reach_2
            value = space.value_2
            source = space.lifted
            outer = space.summed
        goes_on = len(level.links.offsets) > 0
        if spot.steps[at(step), STEP_DOWN] > 0:
            if number > 0:
                send(boards, above, stride, segment, p, board, source, reach, space.others)
            else:
                factor = same(weights.scale)
                for i in range(0, stride, LANES):
                    store(reach, i, load(spot.reach[at(q)], i) * factor)
            width = boards.about[at(q), at(board), WIDTH]
            base = boards.about[at(q), at(board), BASE]
            reach_down(level.forest, segment, p, other, base, width, reach)
            settle(boards, level.columns, segment, p, board, reach, value, space, weights.uneven)
            if goes_on:
                lift(boards, level.links.offsets, stride, p, board, reach, target)
                inner[:] = np.float32(0.0)
        if spot.steps[at(step), STEP_UP] > 0:
            if goes_on:
                offsets = level.links.offsets
                drop(boards, offsets, stride, p, board, spot.chance[at(number)], inner, value)
            values_up(boards, spot.locks, level.forest, segment, p, board, own, value, weights)
            if number > 0:
                collect(boards, above, stride, segment, p, board, value, outer, space.shown)


@outlined
def _add_share(gathered, member, participants):
    """Add up a worker's share of the groups' sums, in the order of the groups."""
    total = gathered.total
    blocks = len(total) // LANES
    first = blocks * member // participants * LANES
    last = blocks * (member + 1) // participants * LANES
    for i in range(first, last, LANES):
        store(total, i, load(gathered.sums[0], i))
    for group in range(1, len(gathered.sums)):
        row = gathered.sums[at(group)]
        for i in range(first, last, LANES):
            store(total, i, load(total, i) + load(row, i))


@outlined
def _sweep(spot, p, own, other, gathered, space, weights, control, meeting):
    """Sweep the spot for one player, with all workers; return False if it was called off.

    The first step and the last, of the first street, are worker 0's.
    """
    groups = len(spot.groups) - 1
    last = len(spot.steps)
    first = 0
    group = -1
    if meeting.member == 0:
        gathered.claimed[0] = 0
        _walk(spot, 0, 1, p, own, other, gathered, gathered.total, space, weights)
    if groups > 0:
        if meet(control, meeting) == STOP_NOW:
            return False
        group = atomic_claim(gathered.claimed, 0, 1)
        while group < groups:
            summed = gathered.sums[at(group)]
            summed[:] = np.float32(0.0)
            first = spot.groups[at(group)]
            end = spot.groups[at(group + 1)]
            _walk(spot, first, end, p, own, other, gathered, summed, space, weights)
            group = atomic_claim(gathered.claimed, 0, 1)
        if meet(control, meeting) == STOP_NOW:
            return False
        _add_share(gathered, meeting.member, meeting.participants)
        if meet(control, meeting) == STOP_NOW:
            return False
    if meeting.member == 0:
        _walk(spot, last - 1, last, p, own, other, gathered, gathered.total, space, weights)
    return True


@kernel
def run_sweeps(spot, tables, gathered, space, control, meeting, plan, result):
    """Run the sweeps of a plan, one after the other, together with the other workers.

    Args:
        spot: layout.spots.Spot, read-only.
        tables: layout.spots.SpotTables, shared; training sweeps write to the traverser's.
        gathered: layout.spots.Gathered, shared.
        space: layout.spots.SweepSpace, this worker's own.
        control: (control_words,) int64, the control block.
        meeting: layout.control.Meeting, this worker's.
        plan: (sweeps, PLAN_WORDS) float64, read-only.
        result: (sweeps, stride) float32, out, by worker 0: the root's values, by hand.

    Returns the sweeps that were done: all, unless the stop flag was STOP_NOW.
    """
    for row in range(len(plan)):
        p = np.int64(plan[at(row), PLAN_PLAYER])
        weights = Weights(
            np.int64(plan[at(row), PLAN_MODE]),
            np.float32(plan[at(row), PLAN_POSITIVE]),
            np.float32(plan[at(row), PLAN_NEGATIVE]),
            np.float32(plan[at(row), PLAN_AVERAGE]),
            np.float32(plan[at(row), PLAN_PREDICT]),
            np.float32(plan[at(row), PLAN_SCALE]),
            spot.uneven[0] != 0,
        )
        if weights.mode == TRAIN:
            own = (tables.regret_0, tables.ahead_0, tables.average_0)
            other = tables.ahead_1
            if p == 1:
                own = (tables.regret_1, tables.ahead_1, tables.average_1)
                other = tables.ahead_0
            done = _sweep(spot, p, own, other, gathered, space, weights, control, meeting)
        else:
            own = (tables.average_0, tables.average_0, tables.average_0)
            other = tables.average_1
            if p == 1:
                own = (tables.average_1, tables.average_1, tables.average_1)
                other = tables.average_0
            done = _sweep(spot, p, own, other, gathered, space, weights, control, meeting)
        if not done:
            return row
        if meeting.member == 0:
            for hand in range(len(result[0])):
                result[at(row), at(hand)] = space.value_0[at(hand)]
    return len(plan)
