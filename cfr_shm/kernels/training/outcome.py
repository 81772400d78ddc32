"""Outcome-sampling MCCFR: one line of play per sweep, weighted by how likely it was drawn.

One *iteration* draws one deal and plays one line for each player (a *sweep*). The traverser
explores: an action is uniform with probability epsilon, else drawn from the policy; everybody
else plays the policy. Source: Lanctot et al. 2009, "Monte Carlo sampling for regret
minimization in extensive games", sections 3.1 and 3.3.

The average is taken at the nodes of the others, as in external sampling: a node is reached by
its owner's policy, and the weight is divided by what everybody else's draws had to contribute.
That keeps weights below (actions / epsilon) ** depth, which averages taken at the traverser's
own nodes do not (they are divided by the others' reach). Of three and more players the weight
is also divided by what the remaining others' draws contributed, which has no bound: freezes,
whose whole numbers need one, cut it at ``largest_share``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import atomic_load
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.regret import add_gain, gains_at, match_row, whole_units
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.kernels.parts.sampling import sample_action, sample_outcome
from cfr_shm.kernels.parts.weighting import iteration_weight
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.layout.control import STOP_FLAG, STOP_NOW
from cfr_shm.layout.scratch import FRAME_ACTION, FRAME_COUNT, FRAME_ROW
from cfr_shm.layout.task import RESULT_UTILITY, RESULT_WEIGHT, UPDATE_ATOMIC, Task
from cfr_shm.layout.tree import DECISION, TERMINAL
from cfr_shm.layout.views import KernelViews

#: What a traverser's frame keeps of a drawn action, in ``frame_value``.
_POLICY, _DRAWN, _REACH = range(3)
FRAME_VALUES = 3


@kernel
def outcome_sampling(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: ``own`` is a layout.LineMemory.
        task: what to run.
        result: (RESULT_UTILITY + players,) float64, out; utilities are importance-weighted.

    The stop flag ends it as ``kernels.parts.windows`` says.
    """
    run_windows(_iterations, views, task, result, task.drain_window)


@kernel
def outcome_sampling_frozen(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: as ``outcome_sampling`` has them, with a border.
        task: without weights: they are the border's.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    run_freezes(_iterations, views, task, result)


@device
def _iterations(views, task, result, first, end):
    """Run iterations ``[first, end)``; return the nodes visited, or ABANDONED."""
    tree, table = views.tree, views.table
    scratch, exploration = views.own.scratch, views.own.exploration
    steps = exploration.first.shape[0]
    step = 0
    visited = 0
    for iteration in range(first, end):
        if atomic_load(views.control, STOP_FLAG) == STOP_NOW:
            return ABANDONED
        while step + 1 < steps and exploration.first[at(step + 1)] <= iteration:
            step += 1
        draw_deal(views.deals, task.seed, iteration, 0, scratch)
        epsilon = exploration.epsilon[at(step)]
        for traverser in range(tree.utility.shape[1]):
            visited += _sweep(
                tree,
                table,
                task,
                scratch,
                epsilon,
                exploration,
                iteration,
                traverser,
                result,
            )
    return visited


@device
def _sweep(tree, table, task, scratch, epsilon, exploration, iteration, traverser, result):
    """Play one line, then update the traverser's infosets on it; return the nodes visited."""
    nodes = tree.nodes
    reach = exploration.reach
    players = reach.shape[0]
    atomic = task.update == UPDATE_ATOMIC
    weight = iteration_weight(task, iteration)
    key = sweep_key(task.seed, iteration, traverser)
    frame_policy = scratch.frame_policy
    node, depth, visited = np.int64(0), np.int64(0), np.int64(1)
    drawn = 1.0  # product of the probabilities with which the traverser's moves were drawn
    followed = 1.0  # the same of the others' moves
    if players > 2:
        reach[:] = 1.0
    while nodes[at(node)]["kind"] < TERMINAL:
        record = nodes[at(node)]
        unit = uniform(key, node)
        visited += 1
        if record["kind"] != DECISION:
            node = sample_outcome(tree, record, unit)
            continue
        actor = record["actor"]
        count = np.int64(record["count"])
        bucket = np.int64(scratch.lane_bucket[0, at(actor), at(record["street"])])
        row = row_of(record, bucket)
        total = match_row(table, row, count, frame_policy, depth)
        if actor == traverser:
            action = _explore(frame_policy, depth, count, total, epsilon, unit)
            policy = frame_policy[at(depth), at(action)] / total
            chance = epsilon / count + (1.0 - epsilon) * policy
            scratch.frame_state[at(depth), FRAME_ROW] = row
            scratch.frame_state[at(depth), FRAME_ACTION] = action
            scratch.frame_state[at(depth), FRAME_COUNT] = count
            scratch.frame_value[at(depth), _POLICY] = policy
            scratch.frame_value[at(depth), _DRAWN] = chance
            scratch.frame_value[at(depth), _REACH] = drawn
            drawn *= chance
            depth += 1
        else:
            share = weight / drawn
            if players > 2:
                share = min(share * (reach[at(actor)] / followed), exploration.largest_share)
            action = sample_action(
                table, row, count, share, atomic, frame_policy, depth, total, unit
            )
            result[RESULT_WEIGHT] += share
            if players > 2:
                policy = frame_policy[at(depth), at(action)] / total
                reach[at(actor)] *= policy
                followed *= policy
        node = np.int64(record["first_child"]) + action
    value = leaf_utility(tree, node, traverser, scratch.lane_strength, 0)
    while depth > 0:
        depth -= 1
        value = _settle(table, task, scratch, depth, value, weight, atomic)
    result[RESULT_UTILITY + traverser] += whole_units(value, table)
    return visited


@device
def _explore(frame_policy, frame, count, total, epsilon, unit):
    """Return an action drawn from the policy mixed with the uniform one."""
    even = epsilon / count
    scale = (1.0 - epsilon) / total
    cumulative = 0.0
    action = 0
    for other in range(count):
        cumulative += even + scale * frame_policy[at(frame), at(other)]
        action += cumulative <= unit
    return min(action, count - 1)


@device
def _settle(table, task, scratch, frame, value, weight, atomic):
    """Add the regrets at one infoset of the line and return its importance-weighted value."""
    row = scratch.frame_state[at(frame), FRAME_ROW]
    action = scratch.frame_state[at(frame), FRAME_ACTION]
    count = scratch.frame_state[at(frame), FRAME_COUNT]
    worth = value / scratch.frame_value[at(frame), _DRAWN]
    expected = scratch.frame_value[at(frame), _POLICY] * worth
    scale = weight / scratch.frame_value[at(frame), _REACH]
    first = gains_at(table, row, count)
    for other in range(count):
        gain = scale * ((worth if other == action else 0.0) - expected)
        add_gain(table, first + other, gain, task.regret_floor, atomic)
    return expected
