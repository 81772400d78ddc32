"""External-sampling MCCFR as one loop over explicit stacks, several traversals interleaved.

One *iteration* draws one deal and traverses it once for each player (a *sweep*). A sweep
explores every action of the traverser and samples one action of everybody else. Source:
Lanctot et al. 2009, "Monte Carlo sampling for regret minimization in extensive games".

Beyond the last-level cache the loop waits for memory, so that a lane that has asked for its
next rows yields to the next lane (Kocberber et al. 2015, "Asynchronous memory access
chaining"): benchmarks/bench_traverse.py measures the ratio. Within the cache one lane is
fastest, and the same loop then keeps its state in registers.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.atomics import atomic_load, prefetch
from cfr_shm.kernels.deal import draw_deal
from cfr_shm.kernels.freeze import ABANDONED, run_freezes
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.payoff import leaf_utility
from cfr_shm.kernels.progress import tell
from cfr_shm.kernels.regret import (
    add_gain,
    add_weight,
    gains_at,
    regret_match,
    touch,
    whole_units,
)
from cfr_shm.kernels.rng import sweep_key, uniform
from cfr_shm.kernels.rows import prefetch_regrets, prefetch_row, regret_index_of
from cfr_shm.layout import (
    AVERAGE_ON_THE_WAY,
    DECISION,
    FRAME_ACTION,
    FRAME_COUNT,
    FRAME_FIRST_CHILD,
    FRAME_ROW,
    LANE_DEPTH,
    LANE_ITERATION,
    LANE_KEY,
    LANE_NODE,
    LANE_TRAVERSER,
    NEVER,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    RUN,
    STOP_FLAG,
    STOP_NOW,
    TERMINAL,
    UPDATE_ATOMIC,
    WEIGHT_LINEAR,
)

#: The stream of the draws that decide which iterations skip actions.
PRUNE_STREAM = 128


@kernel
def external_sampling(tree, deals, table, task, scratch, control, result):
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared, read and written.
        task: layout.Task.
        scratch: layout.Scratch, this worker's own; its lanes are the traversals in flight.
        control: (control_words,) int64, shared; the stop flag is read, this worker's line
            written.
        result: (RESULT_UTILITY + players,) float64, out.

    The interleaving is drained at multiples of ``drain_window``, so that the order of updates
    does not depend on where a task begins or ends. STOP_AT_WINDOW ends the task at the next
    such border, STOP_NOW within an iteration's time. Iterations, nodes and weight of ``result``
    are those of whole windows, always a prefix of the task; the utilities, like the table,
    keep what an abandoned window added.
    """
    _run_task(tree, deals, table, task, scratch, control, result, True)


@kernel
def external_sampling_with_options(tree, deals, table, task, scratch, control, result):
    """Do the same as ``external_sampling``, with the floor and the pruning of ``task``.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared, read and written.
        task: layout.Task.
        scratch: layout.Scratch, this worker's own.
        control: (control_words,) int64, shared.
        result: (RESULT_UTILITY + players,) float64, out.

    A kernel of its own, so that what nobody asked for costs nothing: it was 2 % on Leduc.
    """
    _run_task(tree, deals, table, task, scratch, control, result, False)


@kernel
def external_sampling_frozen(tree, deals, table, task, scratch, control, border, result):
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared; written to at borders.
        task: layout.Task, without weights: they are the border's.
        scratch: layout.Scratch, this worker's own.
        control: (control_words,) int64, shared.
        border: layout.Border.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.freeze`` says.
    """
    views = (tree, deals, table, task, scratch, control, result)
    run_freezes(_frozen_window, views, table, task, control, border, result)


@device
def _frozen_window(views, first, end):
    tree, deals, table, task, scratch, control, result = views
    return run_window(tree, deals, table, task, scratch, control, result, first, end, False, True)


@device
def _run_task(tree, deals, table, task, scratch, control, result, plain):
    """Run whole windows until the task is done or stopped; ``plain`` is a constant."""
    result[:] = 0.0
    first = task.first_iteration
    end = first + task.iteration_count
    while first < end and atomic_load(control, STOP_FLAG) == RUN:
        border = min(end, (first // task.drain_window + 1) * task.drain_window)
        visited = run_window(
            tree, deals, table, task, scratch, control, result, first, border, plain
        )
        if visited == ABANDONED:
            break
        tell(control, task.worker_line, result, border - first, visited)
        first = border


@device
def _prefetch_node(nodes, node, traverser, lane_bucket, lane, table, frozen):
    """Ask for the row that ``node`` will read.

    Within a freeze only for the regrets, and for the units that will be added to.
    """
    record = nodes[at(node)]
    found = record["kind"] == DECISION
    if found:
        bucket = lane_bucket[at(lane), at(record["actor"]), at(record["street"])]
        count = np.int64(record["count"])
        row = record["row_base"] + np.int64(bucket) * np.int64(record["row_stride"])
        if not frozen:
            prefetch_row(table, row, count)
        else:
            prefetch_regrets(table, row, count)
            units = 2 * row + (count if record["actor"] == traverser else 0)
            prefetch(table.increments.units, units)
            prefetch(table.increments.units, units + count - 1)
    return found


@device
def _prefetch_children(nodes, child, count, traverser, lane_bucket, lane, table, frozen):
    """Ask for the rows of all children at once: worth x1.3 beyond the cache."""
    found = False
    for action in range(count):
        found |= _prefetch_node(nodes, child + action, traverser, lane_bucket, lane, table, frozen)
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
def sample_action(
    table, row, count, weight, atomic, frame_policy, frame, total, unit, frozen=False
):
    """Add the weighted policy to the average and return an action drawn from it.

    ``unit`` is a draw in [0, 1); row ``frame`` of ``frame_policy`` sums to ``total``.
    """
    touch(table, row, frozen)
    draw = unit * total
    scale = weight / total
    cumulative = 0.0
    action = 0
    for other in range(count):
        share = frame_policy[at(frame), at(other)]
        add_weight(table, row, count, other, scale * share, unit, atomic, frozen)
        cumulative += share
        action += cumulative <= draw
    return min(action, count - 1)


@device
def sample_outcome(tree, record, unit):
    """Return the child that a chance node deals for a draw ``unit`` in [0, 1)."""
    outcome = np.int64(record["detail"])
    last = outcome + record["count"] - 1
    child = np.int64(record["first_child"])
    while outcome < last and tree.outcome_cumulative[at(outcome)] <= unit:
        outcome += 1
        child += 1
    return child


@device
def _open_frame(frame_state, frame, place, child, count):
    """Begin a traverser's node.

    ``place`` is what is wanted when it is settled, the row within a freeze, else the index of its
    first regret: not to compute that twice is worth 2 % on Leduc.
    """
    frame_state[at(frame), FRAME_ROW] = place
    frame_state[at(frame), FRAME_FIRST_CHILD] = child
    frame_state[at(frame), FRAME_ACTION] = -1
    frame_state[at(frame), FRAME_COUNT] = count


@device
def _settle_frame(table, place, count, weight, floor, atomic, scratch, frame, prunes, frozen):
    """Add the traverser's weighted instant regrets at one infoset and return its value.

    ``place`` is the row within a freeze, else its first regret. Actions that were skipped (NaN)
    have no value and get no regret.
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
    touch(table, place, frozen)
    first = gains_at(table, place, count, frozen) if frozen else place
    for action in range(count):
        gain = weight * (frame_value[at(frame), at(action)] - value)
        if not (prunes and np.isnan(gain)):
            add_gain(table, first + action, gain, floor, atomic, frozen)
    return value


@device
def prunes_iteration(task, iteration):
    """Tell whether an iteration skips actions: decided once, by a draw of its own."""
    unit = uniform(sweep_key(task.seed, iteration, PRUNE_STREAM), 0)
    return iteration >= task.prune_after and unit < task.prune_probability


@device
def _mark_pruned(tree, deals, table, task, record, first, frame_value, frame):
    """Mark with NaN the actions that are skipped, with 0 those that are not.

    Skipped are actions of regret below the threshold, never on the last street and never ones
    that end the hand. Source: Brown & Sandholm 2019, "Superhuman AI for multiplayer poker",
    supplement.
    """
    count = np.int64(record["count"])
    last = record["street"] == deals.bucket_count.shape[1] - 1
    for action in range(count):
        regret = np.float64(table.regret[at(first + action)])
        ends = tree.nodes[at(record["first_child"] + action)]["kind"] >= TERMINAL
        skipped = regret < task.prune_threshold and not last and not ends
        frame_value[at(frame), at(action)] = np.nan if skipped else 0.0


@device
def run_window(
    tree, deals, table, task, scratch, control, result, first, border, plain, frozen=False
):
    """Run iterations ``[first, border)`` and return the nodes visited, or ABANDONED.

    ``plain`` (without floor and pruning) and ``frozen`` (the table is only read, what is added
    goes to its increments) are constants.

    The current lane's state is held in local variables and stored only when it yields. A
    lane whose iterations are exhausted has node -1.
    """
    nodes, lane_state, lane_bucket = tree.nodes, scratch.lane_state, scratch.lane_bucket
    lane_strength, frame_state = scratch.lane_strength, scratch.frame_state
    frame_policy, frame_value = scratch.frame_policy, scratch.frame_value
    depth_limit = frame_state.shape[0] // lane_state.shape[0]
    lanes = min(lane_state.shape[0], border - first)
    interleaved = lanes > 1
    player_count = tree.utility.shape[1]
    atomic, linear = task.update == UPDATE_ATOMIC, task.weighting == WEIGHT_LINEAR
    floor = NEVER if plain else task.regret_floor

    _start_lanes(task, first, lanes, deals, scratch)
    next_iteration, active, visited, weight_added = first + lanes, lanes, 0, 0.0
    averaged = 1.0 if plain or task.averaging == AVERAGE_ON_THE_WAY else 0.0
    pruning = not plain and task.prune_probability > 0.0
    prunes = pruning and prunes_iteration(task, first)
    lane, base, iteration, traverser, node, depth = 0, 0, first, 0, 0, 0
    key = sweep_key(task.seed, first, 0)
    weight = np.float64(first + 1) if linear else 1.0

    while active > 0:
        visited += 1
        record = nodes[at(node)]
        yields, returned, exploring = False, False, False
        value = 0.0
        if record["kind"] == DECISION:
            actor = record["actor"]
            count = np.int64(record["count"])
            child = np.int64(record["first_child"])
            bucket = np.int64(lane_bucket[at(lane), at(actor), at(record["street"])])
            row = record["row_base"] + bucket * np.int64(record["row_stride"])
            frame = base + depth
            regrets = regret_index_of(table.strategy_sum, record, bucket, count)
            total = regret_match(table.regret, regrets, count, frame_policy, frame)
            if actor == traverser:
                exploring = True
                _open_frame(frame_state, frame, row if frozen else regrets, child, count)
                depth += 1
                if prunes:
                    _mark_pruned(tree, deals, table, task, record, regrets, frame_value, frame)
                if interleaved:
                    yields = _prefetch_children(
                        nodes, child, count, traverser, lane_bucket, lane, table, frozen
                    )
            else:
                unit, share = uniform(key, node), averaged * weight
                weight_added += share
                node = child + sample_action(
                    table, row, count, share, atomic, frame_policy, frame, total, unit, frozen
                )
        else:
            node = sample_outcome(tree, record, uniform(key, node))
        if not exploring:
            if nodes[at(node)]["kind"] >= TERMINAL:
                visited += 1
                returned = True
                value = leaf_utility(tree, node, traverser, lane_strength, lane)
            elif interleaved:
                yields = _prefetch_node(nodes, node, traverser, lane_bucket, lane, table, frozen)

        while exploring or returned:
            if depth == 0:
                result[RESULT_UTILITY + traverser] += whole_units(value, table, frozen)
                traverser += 1
                node = 0
                if traverser == player_count:
                    if atomic_load(control, STOP_FLAG) == STOP_NOW:
                        return ABANDONED
                    if next_iteration == border:
                        active -= 1
                        node = -1
                    else:
                        traverser = 0
                        iteration = next_iteration
                        next_iteration += 1
                        weight = np.float64(iteration + 1) if linear else 1.0
                        prunes = pruning and prunes_iteration(task, iteration)
                        draw_deal(deals, task.seed, iteration, lane, scratch)
                key = sweep_key(task.seed, iteration, traverser)
                break
            frame = base + depth - 1
            action = frame_state[at(frame), FRAME_ACTION]
            if returned:
                frame_value[at(frame), at(action)] = value
            action += 1
            count = frame_state[at(frame), FRAME_COUNT]
            child = frame_state[at(frame), FRAME_FIRST_CHILD]
            while action < count:
                if nodes[at(child + action)]["kind"] >= TERMINAL:
                    visited += 1
                    frame_value[at(frame), at(action)] = leaf_utility(
                        tree, child + action, traverser, lane_strength, lane
                    )
                elif not (prunes and np.isnan(frame_value[at(frame), at(action)])):
                    break
                action += 1
            if action < count:
                frame_state[at(frame), FRAME_ACTION] = action
                node = child + action
                break
            place = frame_state[at(frame), FRAME_ROW]
            value = _settle_frame(
                table, place, count, weight, floor, atomic, scratch, frame, prunes, frozen
            )
            depth -= 1
            returned = True

        if interleaved and active > 0 and (yields or node < 0):
            _suspend(lane_state, lane, iteration, traverser, node, depth, key)
            lane = _next_lane(lane_state, lane, lanes)
            iteration, traverser, node, depth, key = _resume(lane_state, lane)
            base = lane * depth_limit
            weight = np.float64(iteration + 1) if linear else 1.0
            prunes = pruning and prunes_iteration(task, iteration)
    result[RESULT_WEIGHT] += weight_added
    return visited
