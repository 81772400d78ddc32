"""External sampling whose average strategy is taken in passes of its own.

Averages taken on the way, at the nodes of whoever is not the traverser, count an infoset as
often as the *other* non-traversers' policies come there: with three and more players that
skews them. Here a pass for each player draws chance and the player's own actions, explores
everybody else's, and adds the policy at every own node: an infoset then counts as often as
chance and its owner come there, as it should.

Exploring everybody else takes much longer in a large tree than a sweep. So the passes follow an
iteration with a probability only, decided by a draw of the iteration. All that is left counts
alike and its share of the sums is what matters, so nothing is divided by that probability: on
average the normalised sums are the same, from fewer samples. Source: Brown & Sandholm 2019,
"Superhuman AI for multiplayer poker", supplement (UPDATE-STRATEGY).
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.regret import match_row
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.sampling import sample_action, sample_outcome
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.average_path import AVERAGE_STREAM, averages_iteration, decides_below
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.kernels.training.external import run_window
from cfr_shm.layout.scratch import FRAME_ACTION, FRAME_COUNT, FRAME_FIRST_CHILD
from cfr_shm.layout.task import AVERAGE_APART, RESULT_WEIGHT, UPDATE_ATOMIC, WEIGHT_LINEAR
from cfr_shm.layout.tree import CHANCE, DECISION


@kernel
def external_sampling_averaged_apart(tree, deals, table, task, scratch, control, stack, result):
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared, read and written.
        task: layout.Task.
        scratch: layout.Scratch; more than one lane is of use only between rare passes.
        control: (control_words,) int64, shared.
        stack: (decisions on the longest path + 1, FRAME_WORDS) int64, scratch.
        result: (RESULT_UTILITY + players,) float64, out.

    An iteration is external sampling's, followed, with ``task.average_probability``, by one pass
    for each player with the iteration's deal and actions of its own stream. Iterations up to the
    next that has passes are interleaved as in ``external_sampling``, which it stops like.
    """
    views = (tree, deals, table, task, scratch, control, result)
    run_windows(_window, (views, stack), table, task, control, result, task.drain_window)


@device
def _window(views, first, end):
    return _iterations(views, first, end, False)


@kernel
def external_sampling_averaged_apart_frozen(views, table, task, scratch, stack, border, result):
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: (layout.Tree, layout.Deals, control block): tree and deals read-only.
        table: layout.Table, shared; written to at borders.
        task: layout.Task, without weights: they are the border's.
        scratch: as ``external_sampling_averaged_apart`` has it.
        stack: as ``external_sampling_averaged_apart`` has it.
        border: layout.Border.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    tree, deals, control = views
    shared = (tree, deals, table, task, scratch, control, result)
    run_freezes(_frozen_window, (shared, stack), table, task, control, border, result)


@device
def _frozen_window(views, first, end):
    return _iterations(views, first, end, True)


@device
def _iterations(views, first, border, frozen):
    """Run iterations ``[first, border)``; return the nodes visited, or ABANDONED."""
    of_sweeps, stack = views
    tree, deals, table, task, scratch, _, result = of_sweeps
    visited = 0
    while first < border:
        last = first
        while last < border - 1 and not averages_iteration(task, last):
            last += 1
        nodes = run_window(of_sweeps, first, last + 1, False, AVERAGE_APART, frozen)
        if nodes == ABANDONED:
            return ABANDONED
        visited += nodes
        if averages_iteration(task, last):
            if last > first:
                # After a single iteration its deal is still in lane 0.
                draw_deal(deals, task.seed, last, 0, scratch)
            for player in range(tree.utility.shape[1]):
                visited += _pass(tree, table, task, scratch, stack, last, player, result, frozen)
        first = last + 1
    return visited


@device
def _pass(tree, table, task, scratch, stack, iteration, player, result, frozen):
    """Add one player's policy to the average wherever the player's own draws lead.

    What lies below the player's last decision is left out: the draws are keyed by node.
    """
    atomic = task.update == UPDATE_ATOMIC
    weight = iteration + 1.0 if task.weighting == WEIGHT_LINEAR else 1.0
    key = sweep_key(task.seed, iteration, AVERAGE_STREAM + player)
    node, depth, visited = np.int64(0), np.int64(0), np.int64(0)
    while node >= 0:
        visited += 1
        record = tree.nodes[at(node)]
        decides = decides_below(record, player)
        if record["kind"] == CHANCE and decides:
            node = sample_outcome(tree, record, uniform(key, node))
        elif record["kind"] == DECISION and record["actor"] == player:
            count = np.int64(record["count"])
            bucket = np.int64(scratch.lane_bucket[0, at(player), at(record["street"])])
            row = record["row_base"] + bucket * np.int64(record["row_stride"])
            policy = scratch.frame_policy
            total = match_row(table, row, count, policy, 0, frozen)
            unit = uniform(key, node)
            node = np.int64(record["first_child"]) + sample_action(
                table, row, count, weight, atomic, policy, 0, total, unit, frozen
            )
            result[RESULT_WEIGHT] += weight
        elif record["kind"] == DECISION and decides:
            stack[at(depth), FRAME_FIRST_CHILD] = record["first_child"]
            stack[at(depth), FRAME_COUNT] = record["count"]
            stack[at(depth), FRAME_ACTION] = 0
            depth += 1
            node = np.int64(record["first_child"])
        else:
            node = np.int64(-1)
            while depth > 0 and node < 0:
                frame = depth - 1
                stack[at(frame), FRAME_ACTION] += 1
                if stack[at(frame), FRAME_ACTION] < stack[at(frame), FRAME_COUNT]:
                    node = stack[at(frame), FRAME_FIRST_CHILD] + stack[at(frame), FRAME_ACTION]
                else:
                    depth -= 1
    return visited
