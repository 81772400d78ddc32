"""The path by which one player's average is taken: chance, own policy, and constants for the rest.

The average of a player wants each infoset to count as often as chance and the player's own
actions come there. Everybody else's actions may be drawn from any distribution that is positive
and never changes: an infoset then counts less by a constant factor, the same for all its actions
and in every iteration, which is gone when its sums are divided by their total. A path draws from
the actions after which the player may still have a decision, and ends where there is none:
nothing it visits is in vain. docs/adr/0022-sampled-averages.md has the argument in full.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device
from cfr_shm.kernels.parts.regret import match_row
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.kernels.parts.sampling import sample_action, sample_outcome
from cfr_shm.layout.task import UPDATE_ATOMIC
from cfr_shm.layout.tree import DECISION

#: Streams of random numbers of the passes: this plus the player.
AVERAGE_STREAM = 64

#: A fold of somebody else is drawn so many times as often as any other action: most hands are
#: folded before the flop, and paths are to come where play does (docs/adr/0022).
LEAVING = 4.0

#: The stream of the draw that decides whether an iteration has passes.
AVERAGE_DRAW_STREAM = 192


@device
def averages_iteration(task, iteration):
    """Tell whether passes follow an iteration: decided once, by a draw of its own."""
    unit = uniform(sweep_key(task.seed, iteration, AVERAGE_DRAW_STREAM), 0)
    return unit < task.average_probability


@device
def decides_below(record, player):
    """Tell whether a player may decide at a node or below it."""
    return (np.int64(record["deciders"]) >> np.int64(player)) & 1 != 0


@device
def path_step(tree, table, task, scratch, lane, frame, player, node, key, weight):
    """Take one step of a player's path: through an own decision, on to the next.

    Args:
        tree: layout.Tree, read-only.
        table: layout.Table, added to.
        task: layout.Task.
        scratch: layout.Scratch; row ``frame`` of its policies is overwritten.
        lane: whose deal it is.
        frame: row of ``frame_policy`` to work in.
        player: whose average is taken.
        node: a decision of that player, or the root.
        key: of the path's draws.
        weight: of the iteration.

    Returns the next decision of the player, -1 for none, the nodes visited beyond the first,
    and the weight that was added.
    """
    record = tree.nodes[at(node)]
    visited, added = np.int64(0), 0.0
    if record["kind"] == DECISION and record["actor"] == player:
        atomic = task.update == UPDATE_ATOMIC
        count = np.int64(record["count"])
        bucket = np.int64(scratch.lane_bucket[at(lane), at(player), at(record["street"])])
        row = row_of(record, bucket)
        policy = scratch.frame_policy
        total = match_row(table, row, count, policy, frame)
        unit = uniform(key, node)
        node = np.int64(record["first_child"]) + sample_action(
            table, row, count, weight, atomic, policy, frame, total, unit
        )
        added = weight
        record = tree.nodes[at(node)]
        visited += 1
    while decides_below(record, player):
        if record["kind"] == DECISION and record["actor"] == player:
            return node, visited, added
        unit = uniform(key, node)
        if record["kind"] == DECISION:
            node = _draw_for_others(tree, record, player, unit)
        else:
            node = sample_outcome(tree, record, unit)
        record = tree.nodes[at(node)]
        visited += 1
    return np.int64(-1), visited, added


@device
def _draw_for_others(tree, record, player, unit):
    """Return a child below which the player may decide, drawn by shares that never change.

    There is one, for the player may decide below their parent.
    """
    child = np.int64(record["first_child"])
    count = np.int64(record["count"])
    total = 0.0
    for action in range(count):
        total += _share(tree, record, child + action, player)
    draw = unit * total
    cumulative = 0.0
    found = child
    for action in range(count):
        share = _share(tree, record, child + action, player)
        if share > 0.0 and cumulative <= draw:
            found = child + action
        cumulative += share
    return found


@device
def _share(tree, record, child, player):
    """Return how often a child is drawn, as a multiple of an ordinary one.

    The first action is a fold where there is something to call; anywhere else it seldom ends the
    actor's part.
    """
    below = tree.nodes[at(child)]
    if not decides_below(below, player):
        return 0.0
    first = child == record["first_child"]
    return 1.0 if not first or decides_below(below, record["actor"]) else LEAVING
