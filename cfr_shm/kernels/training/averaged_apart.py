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
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.regret import match_row
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.kernels.parts.sampling import sample_action, sample_outcome
from cfr_shm.kernels.parts.weighting import iteration_weight
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.average_path import AVERAGE_STREAM, averages_iteration, decides_below
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.kernels.training.external import run_window
from cfr_shm.layout.scratch import FRAME_ACTION, FRAME_COUNT, FRAME_FIRST_CHILD
from cfr_shm.layout.task import AVERAGE_APART, RESULT_WEIGHT, UPDATE_ATOMIC, Task
from cfr_shm.layout.tree import CHANCE, DECISION
from cfr_shm.layout.views import KernelViews


@kernel
def external_sampling_averaged_apart(
    views: KernelViews, task: Task, result: NDArray[np.float64]
) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: ``own`` is a layout.PassMemory.
        task: what to run.
        result: (RESULT_UTILITY + players,) float64, out.

    An iteration is external sampling's, followed, with ``task.average_probability``, by one pass
    for each player with the iteration's deal and actions of its own stream. Iterations up to the
    next that has passes are interleaved as in ``external_sampling``, which it stops like.
    """
    run_windows(_iterations, views, task, result, task.drain_window)


@kernel
def external_sampling_averaged_apart_frozen(
    views: KernelViews, task: Task, result: NDArray[np.float64]
) -> None:
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: as ``external_sampling_averaged_apart`` has them, with a border.
        task: without weights: they are the border's.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    run_freezes(_iterations, views, task, result)


@device
def _iterations(views, task, result, first, border):
    """Run iterations ``[first, border)``; return the nodes visited, or ABANDONED."""
    tree, table = views.tree, views.table
    scratch, stack = views.own.scratch, views.own.stack
    visited = 0
    while first < border:
        last = first
        while last < border - 1 and not averages_iteration(task, last):
            last += 1
        nodes = run_window(views, scratch, task, result, first, last + 1, False, AVERAGE_APART)
        if nodes == ABANDONED:
            return ABANDONED
        visited += nodes
        if averages_iteration(task, last):
            if last > first:
                # After a single iteration its deal is still in lane 0.
                draw_deal(views.deals, task.seed, last, 0, scratch)
            for player in range(tree.utility.shape[1]):
                visited += _pass(tree, table, task, scratch, stack, last, player, result)
        first = last + 1
    return visited


@device
def _pass(tree, table, task, scratch, stack, iteration, player, result):
    """Add one player's policy to the average wherever the player's own draws lead.

    What lies below the player's last decision is left out: the draws are keyed by node.
    """
    atomic = task.update == UPDATE_ATOMIC
    weight = iteration_weight(task, iteration)
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
            row = row_of(record, bucket)
            policy = scratch.frame_policy
            total = match_row(table, row, count, policy, 0)
            unit = uniform(key, node)
            node = np.int64(record["first_child"]) + sample_action(
                table, row, count, weight, atomic, policy, 0, total, unit
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
