"""External-sampling MCCFR as one loop over explicit stacks, several traversals interleaved.

What it computes, written as the recursion that it is::

    def sweep(node, traverser):
        if node.leaf:
            return utility(node, traverser)
        if node.chance:
            return sweep(draw(node.children, node.odds), traverser)
        policy = match(regret[node.infoset])
        if node.actor != traverser:
            strategy_sum[node.infoset] += weight * policy
            return sweep(draw(node.children, policy), traverser)
        values = [sweep(child, traverser) for child in node.children]
        regret[node.infoset] += weight * (values - dot(policy, values))
        return dot(policy, values)

One *iteration* draws one deal, or one for each sweep (``Task.deals_apart``), and sweeps once for
each player. A sweep explores every action of the traverser and samples one action of everybody
else. Source: Lanctot et al. 2009, "Monte Carlo sampling for regret minimization in extensive
games". The readable twin is tests/reference/mccfr.py, whose tables this one's are compared with,
number by number.

Here a sweep is a loop, because kernels do not recurse: the traverser's nodes on the path are
frames of an explicit stack, and at anybody else's the loop just goes on to the drawn child.
Beyond the last-level cache the loop waits for memory, so that a lane that has asked for its
next rows yields to the next lane (Kocberber et al. 2015, "Asynchronous memory access
chaining"): benchmarks/bench_traverse.py measures the ratio. Within the cache one lane is
fastest, and the same loop then keeps its state in registers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import atomic_load, prefetch_to_read
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.increments import copied_regret, prefetch_block
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.regret import (
    add_gain,
    current_regret,
    gains_beside,
    match_at,
    whole_units,
)
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import (
    is_frozen,
    prefetch_regrets,
    prefetch_row,
    regret_index_of,
    row_of,
)
from cfr_shm.kernels.parts.sampling import draw_action, sample_action, sample_outcome
from cfr_shm.kernels.parts.weighting import iteration_weight
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.average_path import AVERAGE_STREAM, averages_iteration, path_step
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.layout.control import STOP_FLAG, STOP_NOW
from cfr_shm.layout.scratch import (
    FRAME_ACTION,
    FRAME_COUNT,
    FRAME_FIRST_CHILD,
    FRAME_REGRETS,
    LANE_DEPTH,
    LANE_ITERATION,
    LANE_KEY,
    LANE_NODE,
    LANE_TRAVERSER,
)
from cfr_shm.layout.task import (
    AVERAGE_ON_PATHS,
    AVERAGE_ON_THE_WAY,
    NEVER,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    UPDATE_ATOMIC,
    Task,
)
from cfr_shm.layout.tree import DECISION, TERMINAL
from cfr_shm.layout.views import KernelViews

#: Where each sweep of iteration ``i`` has a deal of its own, player ``p``'s is that of iteration
#: ``i + (p << DEALS_APART_SHIFT)``: no run comes so far.
DEALS_APART_SHIFT = 56

#: The stream of the draws that decide which iterations skip actions.
PRUNE_STREAM = 128


@kernel
def external_sampling(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: ``own`` is a layout.Scratch, whose lanes are the traversals in flight.
        task: what to run.
        result: (RESULT_UTILITY + players,) float64, out.

    The interleaving is drained at multiples of ``drain_window``, so that the order of updates
    does not depend on where a task begins or ends. The stop flag ends it as
    ``kernels.parts.windows`` says.
    """
    run_windows(_plain_window, views, task, result, task.drain_window)


@device
def _plain_window(views, task, result, first, end):
    return run_window(views, views.own, task, result, first, end, True, AVERAGE_ON_THE_WAY)


@kernel
def external_sampling_with_options(
    views: KernelViews, task: Task, result: NDArray[np.float64]
) -> None:
    """Do the same as ``external_sampling``, with floor, pruning and deals apart as ``task`` says.

    Args:
        views: as ``external_sampling`` has them.
        task: what to run.
        result: (RESULT_UTILITY + players,) float64, out.

    A kernel of its own, so that what nobody asked for costs nothing: it was 2 % on Leduc.
    """
    run_windows(_window_with_options, views, task, result, task.drain_window)


@device
def _window_with_options(views, task, result, first, end):
    return run_window(views, views.own, task, result, first, end, False, AVERAGE_ON_THE_WAY)


@kernel
def external_sampling_frozen(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: as ``external_sampling`` has them, with a border.
        task: without weights: they are the border's.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    run_freezes(_window_with_options, views, task, result)


@device
def _prefetch_node(nodes, node, traverser, lane_bucket, lane, table, apart):
    """Ask for the row that ``node`` will read.

    Also for the records of its children: worth 14 % on a tree of 35 MB. Only for the regrets
    where no average is taken (``apart``); within a freeze for the part of its block that will be
    read and added to.
    """
    record = nodes[at(node)]
    found = record["kind"] == DECISION
    if found:
        bucket = lane_bucket[at(lane), at(record["actor"]), at(record["street"])]
        count = np.int64(record["count"])
        row = row_of(record, bucket)
        child = np.int64(record["first_child"])
        prefetch_to_read(nodes, child)
        prefetch_to_read(nodes, child + count - 1)
        if is_frozen(table):
            prefetch_block(table.increments, row, count, record["actor"] == traverser)
        elif apart:
            prefetch_regrets(table, row, count)
        else:
            prefetch_row(table, row, count)
    return found


@device
def _prefetch_children(nodes, child, count, traverser, lane_bucket, lane, table, apart):
    """Ask for the rows of all children at once: worth x1.3 beyond the cache."""
    found = False
    for action in range(count):
        found |= _prefetch_node(nodes, child + action, traverser, lane_bucket, lane, table, apart)
    return found


@device
def _suspend(lane_state, lane, iteration, traverser, node, depth, key):
    """Store what a lane needs to go on; ``node`` is the one to enter next, -1 for none."""
    lane_state[at(lane), LANE_ITERATION] = iteration
    lane_state[at(lane), LANE_TRAVERSER] = traverser
    lane_state[at(lane), LANE_NODE] = node
    lane_state[at(lane), LANE_DEPTH] = depth
    lane_state[at(lane), LANE_KEY] = np.int64(key)


@device
def _next_lane(lane_state, lane, lanes):
    """Return the next lane, round and round, that has a node to enter."""
    lane = lane + 1 if lane + 1 < lanes else 0
    while lane_state[at(lane), LANE_NODE] < 0:
        lane = lane + 1 if lane + 1 < lanes else 0
    return lane


@device
def _resume(lane_state, lane):
    """Return what ``_suspend`` stored: iteration, traverser, node, depth and key."""
    return (
        lane_state[at(lane), LANE_ITERATION],
        lane_state[at(lane), LANE_TRAVERSER],
        lane_state[at(lane), LANE_NODE],
        lane_state[at(lane), LANE_DEPTH],
        np.uint64(lane_state[at(lane), LANE_KEY]),
    )


@device
def _start_lanes(task, first, lanes, deals, scratch):
    """Put iterations ``first``, ``first + 1``, ... at the root, one in each lane."""
    for lane in range(lanes):
        key = sweep_key(task.seed, first + lane, 0)
        _suspend(scratch.lane_state, lane, first + lane, 0, 0, 0, key)
        draw_deal(deals, task.seed, first + lane, lane, scratch)


@device
def _settle_frame(table, count, weight, floor, atomic, scratch, frame, prunes):
    """Add the traverser's weighted instant regrets at one infoset and return its value.

    Actions that were skipped (NaN) have no value and get no regret.
    """
    frame_policy, frame_value = scratch.frame_policy, scratch.frame_value
    total = 0.0
    value = 0.0
    for action in range(count):
        if prunes and np.isnan(frame_value[at(frame), at(action)]):
            total += frame_policy[at(frame), at(action)]
            continue
        total += frame_policy[at(frame), at(action)]
        value += frame_policy[at(frame), at(action)] * frame_value[at(frame), at(action)]
    value /= total
    first = gains_beside(table, scratch.frame_state[at(frame), FRAME_REGRETS], count)
    for action in range(count):
        gain = weight * (frame_value[at(frame), at(action)] - value)
        if not (prunes and np.isnan(gain)):
            add_gain(table, first + action, gain, floor, atomic)
    return value


@device
def _pass_leaves(tree, scratch, frame, child, action, count, traverser, lane, prunes):
    """Value the leaves up to the next action to explore; return that, and how many they were.

    Actions that are skipped (NaN) are passed too.
    """
    leaves = 0
    while action < count:
        if tree.nodes[at(child + action)]["kind"] >= TERMINAL:
            leaves += 1
            scratch.frame_value[at(frame), at(action)] = leaf_utility(
                tree, child + action, traverser, scratch.lane_strength, lane
            )
        elif not (prunes and np.isnan(scratch.frame_value[at(frame), at(action)])):
            break
        action += 1
    return action, leaves


@device
def prunes_iteration(task, iteration):
    """Tell whether an iteration skips actions: decided once, by a draw of its own."""
    unit = uniform(sweep_key(task.seed, iteration, PRUNE_STREAM), 0)
    return iteration >= task.prune_after and unit < task.prune_probability


@device
def _terms(task, iteration, pruning):
    """Return what an iteration weighs and whether it skips actions."""
    return iteration_weight(task, iteration), pruning and prunes_iteration(task, iteration)


@device
def _open_frame(frame_state, frame, regrets, child, count):
    """Note where a traverser's node is, none of whose actions has been explored yet.

    Where its first regret is will be wanted again, not the row: worth 2 % on Leduc.
    """
    frame_state[at(frame), FRAME_REGRETS] = regrets
    frame_state[at(frame), FRAME_FIRST_CHILD] = child
    frame_state[at(frame), FRAME_ACTION] = -1
    frame_state[at(frame), FRAME_COUNT] = count


@device
def _regrets_of(table, record, bucket, row, count):
    """Return what ``regrets_at`` does, sooner."""
    if is_frozen(table):
        return copied_regret(row, count)
    return regret_index_of(table.strategy_sum, record, bucket, count)


@device
def _mark_pruned(tree, deals, table, task, record, regrets, scratch, frame):
    """Mark with NaN the actions that are skipped, with 0 those that are not.

    Skipped are actions of regret below the threshold, never on the last street and never ones
    that end the hand. Source: Brown & Sandholm 2019, "Superhuman AI for multiplayer poker",
    supplement.
    """
    count = np.int64(record["count"])
    last = record["street"] == deals.bucket_count.shape[1] - 1
    for action in range(count):
        regret = current_regret(table, regrets + action)
        ends = tree.nodes[at(record["first_child"] + action)]["kind"] >= TERMINAL
        skipped = regret < task.prune_threshold and not last and not ends
        scratch.frame_value[at(frame), at(action)] = np.nan if skipped else 0.0


@device
def _follows(task, iteration, traverser, player_count, averages):
    """Tell whether a sweep or a path of the same iteration follows that of ``traverser``."""
    if averages == AVERAGE_ON_PATHS and traverser + 1 >= player_count:
        return traverser + 1 < 2 * player_count and averages_iteration(task, iteration)
    return traverser + 1 < player_count


@device
def _key_of(task, iteration, traverser, player_count, averages):
    """Return the key of a sweep's draws, or of a path's."""
    if averages == AVERAGE_ON_PATHS and traverser >= player_count:
        return sweep_key(task.seed, iteration, AVERAGE_STREAM + traverser - player_count)
    return sweep_key(task.seed, iteration, traverser)


@device
def _own_deal(iteration, traverser):
    """Return the iteration whose deal a sweep has, where each has one of its own."""
    return iteration + (traverser << DEALS_APART_SHIFT)


@device
def run_window(views, scratch, task, result, first, border, plain, averages):
    """Run iterations ``[first, border)`` and return the nodes visited, or ABANDONED.

    ``scratch`` is a layout.Scratch, ``views.own`` or part of it. ``plain`` (without floor,
    pruning and deals apart) and ``averages`` (AVERAGE_...) are constants.

    On paths, traverser ``players + p`` stands for the path of player ``p``.

    The current lane's state is held in local variables and stored only when it yields. A
    lane whose iterations are exhausted has node -1.
    """
    tree, deals, table, control = views.tree, views.deals, views.table, views.control
    nodes, lane_state, lane_bucket = tree.nodes, scratch.lane_state, scratch.lane_bucket
    lane_strength, frame_state = scratch.lane_strength, scratch.frame_state
    frame_policy, frame_value = scratch.frame_policy, scratch.frame_value
    depth_limit = frame_state.shape[0] // lane_state.shape[0]
    lanes = min(lane_state.shape[0], border - first)
    interleaved = lanes > 1
    players = tree.utility.shape[1]
    atomic = task.update == UPDATE_ATOMIC
    floor = NEVER if plain else task.regret_floor
    apart = averages != AVERAGE_ON_THE_WAY

    _start_lanes(task, first, lanes, deals, scratch)
    next_iteration, active, visited, weight_added = first + lanes, lanes, 0, 0.0
    pruning = not plain and task.prune_probability > 0.0
    weight, prunes = _terms(task, first, pruning)
    zero = np.int64(0)  # typed: a literal is a type of its own, and callees compile for both
    lane, base, iteration, traverser, node, depth = zero, zero, first, zero, zero, zero
    key = sweep_key(task.seed, first, 0)

    while active > 0:
        visited += 1
        record = nodes[at(node)]
        yields, returned, exploring, value = False, False, False, 0.0
        on_path = averages == AVERAGE_ON_PATHS and traverser >= players
        if on_path:
            own = traverser - players
            node, steps, share = path_step(
                tree, table, task, scratch, lane, base, own, node, key, weight
            )
            visited, weight_added = visited + steps, weight_added + share
            returned = node < 0
        elif record["kind"] == DECISION:
            actor = record["actor"]
            count = np.int64(record["count"])
            child = np.int64(record["first_child"])
            bucket = np.int64(lane_bucket[at(lane), at(actor), at(record["street"])])
            row = row_of(record, bucket)
            frame = base + depth
            regrets = _regrets_of(table, record, bucket, row, count)
            total = match_at(table, regrets, count, frame_policy, frame)
            if actor == traverser:
                exploring = True
                _open_frame(frame_state, frame, regrets, child, count)
                depth += 1
                if prunes:
                    _mark_pruned(tree, deals, table, task, record, regrets, scratch, frame)
                if interleaved:
                    yields = _prefetch_children(
                        nodes, child, count, traverser, lane_bucket, lane, table, apart
                    )
            elif apart:
                node = child + draw_action(frame_policy, frame, count, total, uniform(key, node))
            else:
                unit = uniform(key, node)
                weight_added += weight
                node = child + sample_action(
                    table, row, count, weight, atomic, frame_policy, frame, total, unit
                )
        else:
            node = sample_outcome(tree, record, uniform(key, node))
        if not (exploring or returned):
            if nodes[at(node)]["kind"] >= TERMINAL:
                visited += 1
                returned = True
                value = leaf_utility(tree, node, traverser, lane_strength, lane)
            elif interleaved:
                yields = _prefetch_node(
                    nodes, node, traverser, lane_bucket, lane, table, apart and not on_path
                )

        while exploring or returned:
            if depth == 0:
                if not on_path:
                    result[RESULT_UTILITY + traverser] += whole_units(value, table)
                node = 0
                if _follows(task, iteration, traverser, players, averages):
                    traverser += 1
                    if not plain and task.deals_apart and traverser < players:
                        draw_deal(deals, task.seed, _own_deal(iteration, traverser), lane, scratch)
                else:
                    if atomic_load(control, STOP_FLAG) == STOP_NOW:
                        return ABANDONED
                    if next_iteration == border:
                        active -= 1
                        node = -1
                    else:
                        traverser, iteration = 0, next_iteration
                        next_iteration += 1
                        weight, prunes = _terms(task, iteration, pruning)
                        draw_deal(deals, task.seed, iteration, lane, scratch)
                key = _key_of(task, iteration, traverser, players, averages)
                break
            frame = base + depth - 1
            action = frame_state[at(frame), FRAME_ACTION]
            if returned:
                frame_value[at(frame), at(action)] = value
            count = frame_state[at(frame), FRAME_COUNT]
            child = frame_state[at(frame), FRAME_FIRST_CHILD]
            action, leaves = _pass_leaves(
                tree, scratch, frame, child, action + 1, count, traverser, lane, prunes
            )
            visited += leaves
            if action < count:
                frame_state[at(frame), FRAME_ACTION] = action
                node = child + action
                break
            value = _settle_frame(table, count, weight, floor, atomic, scratch, frame, prunes)
            depth -= 1
            returned = True

        if interleaved and active > 0 and (yields or node < 0):
            _suspend(lane_state, lane, iteration, traverser, node, depth, key)
            lane = _next_lane(lane_state, lane, lanes)
            iteration, traverser, node, depth, key = _resume(lane_state, lane)
            base = lane * depth_limit
            weight, prunes = _terms(task, iteration, pruning)
    result[RESULT_WEIGHT] += weight_added
    return visited
