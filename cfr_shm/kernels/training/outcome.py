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

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import atomic_load
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.regret import add_gain, gains_at, match_row, whole_units
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.sampling import sample_action, sample_outcome
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.layout.control import STOP_FLAG, STOP_NOW
from cfr_shm.layout.scratch import FRAME_ACTION, FRAME_COUNT, FRAME_ROW
from cfr_shm.layout.task import RESULT_UTILITY, RESULT_WEIGHT, UPDATE_ATOMIC, WEIGHT_LINEAR
from cfr_shm.layout.tree import DECISION, TERMINAL

#: What a traverser's frame keeps of a drawn action, in ``frame_value``.
_POLICY, _DRAWN, _REACH = range(3)
FRAME_VALUES = 3


@kernel
def outcome_sampling(tree, deals, table, task, scratch, control, exploration, result):
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared, read and written.
        task: layout.Task.
        scratch: layout.Scratch with one lane and at least FRAME_VALUES actions.
        control: (control_words,) int64, shared; the stop flag is read, this worker's line
            written.
        exploration: layout.Exploration.
        result: (RESULT_UTILITY + players,) float64, out; utilities are importance-weighted.

    The stop flag ends it as ``kernels.parts.windows`` says.
    """
    views = (tree, deals, table, task, scratch, control, exploration, result)
    run_windows(_window, views, table, task, control, result, task.drain_window)


@device
def _window(views, first, end):
    return _iterations(views, first, end, False)


@kernel
def outcome_sampling_frozen(views, table, task, scratch, exploration, border, result):
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: (layout.Tree, layout.Deals, control block): tree and deals read-only.
        table: layout.Table, shared; written to at borders.
        task: layout.Task, without weights: they are the border's.
        scratch: layout.Scratch with one lane and at least FRAME_VALUES actions.
        exploration: layout.Exploration.
        border: layout.Border.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    tree, deals, control = views
    shared = (tree, deals, table, task, scratch, control, exploration, result)
    run_freezes(_frozen_window, shared, table, task, control, border, result)


@device
def _frozen_window(views, first, end):
    return _iterations(views, first, end, True)


@device
def _iterations(views, first, end, frozen):
    """Run iterations ``[first, end)``; return the nodes visited, or ABANDONED."""
    tree, deals, table, task, scratch, control, exploration, result = views
    steps = exploration.first.shape[0]
    step = 0
    visited = 0
    for iteration in range(first, end):
        if atomic_load(control, STOP_FLAG) == STOP_NOW:
            return ABANDONED
        while step + 1 < steps and exploration.first[at(step + 1)] <= iteration:
            step += 1
        draw_deal(deals, task.seed, iteration, 0, scratch)
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
                frozen,
            )
    return visited


@device
def _sweep(tree, table, task, scratch, epsilon, exploration, iteration, traverser, result, frozen):
    """Play one line, then update the traverser's infosets on it; return the nodes visited."""
    nodes = tree.nodes
    reach = exploration.reach
    players = reach.shape[0]
    atomic = task.update == UPDATE_ATOMIC
    weight = iteration + 1.0 if task.weighting == WEIGHT_LINEAR else 1.0
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
        row = record["row_base"] + bucket * np.int64(record["row_stride"])
        total = match_row(table, row, count, frame_policy, depth, frozen)
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
                table, row, count, share, atomic, frame_policy, depth, total, unit, frozen
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
        value = _settle(table, task, scratch, depth, value, weight, atomic, frozen)
    result[RESULT_UTILITY + traverser] += whole_units(value, table, frozen)
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
def _settle(table, task, scratch, frame, value, weight, atomic, frozen):
    """Add the regrets at one infoset of the line and return its importance-weighted value."""
    row = scratch.frame_state[at(frame), FRAME_ROW]
    action = scratch.frame_state[at(frame), FRAME_ACTION]
    count = scratch.frame_state[at(frame), FRAME_COUNT]
    worth = value / scratch.frame_value[at(frame), _DRAWN]
    expected = scratch.frame_value[at(frame), _POLICY] * worth
    scale = weight / scratch.frame_value[at(frame), _REACH]
    first = gains_at(table, row, count, frozen)
    for other in range(count):
        gain = scale * ((worth if other == action else 0.0) - expected)
        add_gain(table, first + other, gain, task.regret_floor, atomic, frozen)
    return expected
