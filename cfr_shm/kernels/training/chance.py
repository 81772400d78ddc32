"""Chance-sampled CFR: chance is drawn, every player's every action is explored.

One *iteration* draws one deal and traverses it once for each player (a *sweep*). Source:
Zinkevich et al. 2007, "Regret minimization in games with incomplete information", section 3.4;
Lanctot et al. 2009, section 3.

Rows are updated as soon as they are complete. That is sound as long as no infoset comes up
twice in one sweep: in games in which moves are seen by everybody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import atomic_load
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.regret import add_gain, add_weight, gains_at, match_row, whole_units
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.kernels.parts.sampling import sample_outcome
from cfr_shm.kernels.parts.weighting import iteration_weight
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.layout.control import STOP_FLAG, STOP_NOW
from cfr_shm.layout.scratch import FRAME_ACTION, FRAME_COUNT, FRAME_FIRST_CHILD, FRAME_ROW
from cfr_shm.layout.task import RESULT_UTILITY, RESULT_WEIGHT, UPDATE_ATOMIC, Task
from cfr_shm.layout.tree import CHANCE, DECISION
from cfr_shm.layout.views import KernelViews

#: The last two columns of ``frame_value``: reach of the traverser, and of the others.
REACH_COLUMNS = 2


@kernel
def chance_sampling(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: ``own`` is a layout.Scratch with one lane, a frame for each decision on the longest
            path and one more, and REACH_COLUMNS more actions than the game has.
        task: what to run.
        result: (RESULT_UTILITY + players,) float64, out; utilities are expectations given the
            deal.

    The stop flag ends it as ``kernels.parts.windows`` says.
    """
    run_windows(_iterations, views, task, result, 1)


@kernel
def chance_sampling_frozen(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: as ``chance_sampling`` has them, with a border.
        task: without weights: they are the border's.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    run_freezes(_iterations, views, task, result)


@device
def _iterations(views, task, result, first, end):
    """Run iterations ``[first, end)``; return the nodes visited, or ABANDONED."""
    tree, table, scratch = views.tree, views.table, views.own
    visited = 0
    for iteration in range(first, end):
        if atomic_load(views.control, STOP_FLAG) == STOP_NOW:
            return ABANDONED
        draw_deal(views.deals, task.seed, iteration, 0, scratch)
        for traverser in range(tree.utility.shape[1]):
            visited += _sweep(tree, table, task, scratch, iteration, traverser, result)
    return visited


@device
def _sweep(tree, table, task, scratch, iteration, traverser, result):
    """Traverse the whole tree under one deal for one player; return the nodes visited."""
    nodes = tree.nodes
    frames, policies, values = scratch.frame_state, scratch.frame_policy, scratch.frame_value
    own_column = values.shape[1] - 2
    other_column = values.shape[1] - 1
    weight = iteration_weight(task, iteration)
    key = sweep_key(task.seed, iteration, traverser)
    node, depth, visited = np.int64(0), np.int64(0), np.int64(0)
    own, others = 1.0, 1.0
    while node >= 0:
        visited += 1
        record = nodes[at(node)]
        value = 0.0
        if own > 0.0 or others > 0.0:
            if record["kind"] == CHANCE:
                node = sample_outcome(tree, record, uniform(key, node))
                continue
            if record["kind"] == DECISION:
                share = weight * own
                unit = uniform(key, node)
                _enter(table, task, scratch, record, depth, traverser, share, unit, result)
                values[at(depth), at(own_column)] = own
                values[at(depth), at(other_column)] = others
                depth += 1
                moves = record["actor"] == traverser
                own *= policies[at(depth - 1), 0] if moves else 1.0
                others *= 1.0 if moves else policies[at(depth - 1), 0]
                node = np.int64(record["first_child"])
                continue
            value = leaf_utility(tree, node, traverser, scratch.lane_strength, 0)
        node = np.int64(-1)
        while depth > 0 and node < 0:
            frame = depth - 1
            action = frames[at(frame), FRAME_ACTION]
            moves = (frames[at(frame), FRAME_COUNT] & 1) == 1
            values[at(frame), at(action)] = value
            action += 1
            own, others = values[at(frame), at(own_column)], values[at(frame), at(other_column)]
            if action < frames[at(frame), FRAME_COUNT] >> 1:
                frames[at(frame), FRAME_ACTION] = action
                own *= policies[at(frame), at(action)] if moves else 1.0
                others *= 1.0 if moves else policies[at(frame), at(action)]
                node = frames[at(frame), FRAME_FIRST_CHILD] + action
            else:
                value = _settle(table, task, scratch, frame, weight * others)
                depth -= 1
        if node < 0:
            result[RESULT_UTILITY + traverser] += whole_units(value, table)
    return visited


@device
def _enter(table, task, scratch, record, frame, traverser, share, unit, result):
    """Open a frame for a decision node; at the traverser's own, add to the average."""
    count = np.int64(record["count"])
    actor = record["actor"]
    bucket = np.int64(scratch.lane_bucket[0, at(actor), at(record["street"])])
    row = row_of(record, bucket)
    total = match_row(table, row, count, scratch.frame_policy, frame)
    scale = 1.0 / total
    for action in range(count):
        scratch.frame_policy[at(frame), at(action)] *= scale
    if actor == traverser and share > 0.0:
        atomic = task.update == UPDATE_ATOMIC
        for action in range(count):
            part = share * scratch.frame_policy[at(frame), at(action)]
            add_weight(table, row, count, action, part, unit, atomic)
        result[RESULT_WEIGHT] += share
    scratch.frame_state[at(frame), FRAME_ROW] = row
    scratch.frame_state[at(frame), FRAME_FIRST_CHILD] = record["first_child"]
    scratch.frame_state[at(frame), FRAME_ACTION] = 0
    scratch.frame_state[at(frame), FRAME_COUNT] = 2 * count + (actor == traverser)


@device
def _settle(table, task, scratch, frame, scale):
    """Return a frame's value; at the traverser's own, add ``scale`` times its regrets."""
    count = scratch.frame_state[at(frame), FRAME_COUNT] >> 1
    value = 0.0
    for action in range(count):
        value += (
            scratch.frame_policy[at(frame), at(action)] * scratch.frame_value[at(frame), at(action)]
        )
    if scratch.frame_state[at(frame), FRAME_COUNT] & 1 and scale > 0.0:
        atomic = task.update == UPDATE_ATOMIC
        row = scratch.frame_state[at(frame), FRAME_ROW]
        first = gains_at(table, row, count)
        for action in range(count):
            gain = scale * (scratch.frame_value[at(frame), at(action)] - value)
            add_gain(table, first + action, gain, task.regret_floor, atomic)
    return value
