"""Share a full-width sweep out among workers: whole subtrees, and whole rows.

The tree is cut below a small *trunk*: the most expensive subtree is opened, its root joining
the trunk, until no subtree is more than a small part of the whole. Subtrees then go to the
worker with the least to do, the expensive ones first. Nothing depends on chance or on the
machine; the tables that come out do not depend on the cut (docs/adr/0020).
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.trees.vector_form import outline, ranges
from cfr_shm.layout.control import Meeting
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.tree import CHANCE, DECISION, Tree
from cfr_shm.layout.vector import SweepShare, VectorForm

#: No subtree is more than this part of a worker's share, as far as nodes can be opened.
SUBTREE_PART = 1 / 16

#: Owner of the nodes above all subtrees.
_TRUNK = -1

#: Costs in the time of one joint at a leaf, about a nanosecond: of a node in one player's sweep
#: beyond that, and of a class's value of one action.
NODE_COST = 10
VALUE_COST = 2

Integers = NDArray[np.int64]


def share_of(tree: Tree, form: VectorForm, meeting: Meeting) -> SweepShare:
    """Return the share of participant ``meeting.member``; alone it does everything."""
    nodes = len(tree.nodes)
    if meeting.participants == 1:
        owner = np.zeros(nodes, np.int64)
    else:
        owner = _owners(tree, _subtree_costs(tree, _form_costs(tree, form)), meeting.participants)
    row_owner = _row_owners(form, owner, meeting.participants)
    rows = np.flatnonzero(row_owner == meeting.member)
    return SweepShare(
        nodes=np.flatnonzero(owner == meeting.member).astype(np.int32),
        trunk=np.flatnonzero(owner == _TRUNK).astype(np.int32),
        row_first=np.searchsorted(rows, form.shared_first).astype(np.int64),
        rows=rows,
        meeting=meeting,
    )


def sweep_nanoseconds(tree: Tree, deals: Deals) -> int:
    """Return about how long one iteration takes one worker; within a factor of 2 on one machine."""
    classes, nodes, *_ = outline(tree, deals)
    streets = range(classes.of_deal.shape[1])
    joints = [np.unique(classes.of_deal[:, street], axis=1).shape[1] for street in streets]
    return int(_node_costs(tree, nodes["street"], classes.sizes, np.array(joints)).sum())


def _form_costs(tree: Tree, form: VectorForm) -> Integers:
    streets = range(form.class_count.shape[1])
    parts = [form.class_first[0, s] + np.arange(form.class_count[0, s]) for s in streets]
    joints = np.array([form.joint_count[part].sum() for part in parts])
    return _node_costs(tree, form.nodes["street"], form.class_count, joints)


def _node_costs(
    tree: Tree, street: NDArray[Any], class_count: Integers, joints: Integers
) -> Integers:
    """Return the cost of each node in one sweep of every player, (nodes,) int64.

    Args:
        tree: the game's.
        street: (nodes,), of each node.
        class_count: (players, streets).
        joints: (streets,).
    """
    players = len(class_count)
    inner = np.isin(tree.nodes["kind"], (DECISION, CHANCE))
    values = class_count.sum(axis=0)[street] * tree.nodes["count"].astype(np.int64)
    leaf = players * (players - 1) * joints[street]
    cost: Integers = NODE_COST * players + np.where(inner, VALUE_COST * values, leaf)
    return cost


def _subtree_costs(tree: Tree, cost: Integers) -> Integers:
    """Return the cost of each node with all that is below it."""
    total = cost.copy()
    levels = [np.zeros(1, np.int64)]
    parents = []
    while len(levels[-1]):
        inner, below = _children(tree, levels[-1])
        parents.append(inner)
        levels.append(below)
    for parent, below in zip(reversed(parents), reversed(levels[1:]), strict=True):
        np.add.at(total, parent, total[below])
    return total


def _children(tree: Tree, nodes: Integers) -> tuple[Integers, Integers]:
    """Return all children of ``nodes``, and the parent of each."""
    inner = nodes[np.isin(tree.nodes["kind"][nodes], (DECISION, CHANCE))]
    each, count = ranges(tree.nodes["count"][inner].astype(np.int64))
    first = np.repeat(tree.nodes["first_child"][inner].astype(np.int64), count)
    return np.repeat(inner, count), first + each


def _owners(tree: Tree, total: Integers, participants: int) -> Integers:
    """Return whose each node is, ``_TRUNK`` for those above all subtrees, (nodes,) int64."""
    owner = np.full(len(tree.nodes), _TRUNK)
    largest = total[0] * SUBTREE_PART / participants
    heap = [(-int(total[0]), 0)]
    roots = []
    while heap:
        cost, node = heapq.heappop(heap)
        _, below = _children(tree, np.array([node]))
        if -cost > largest and len(below):
            for child in below.tolist():
                heapq.heappush(heap, (-int(total[child]), child))
        else:
            roots.append(node)
    load = [(0, member) for member in range(participants)]
    for root in roots:
        busy, member = heapq.heappop(load)
        owner[root] = member
        heapq.heappush(load, (busy + int(total[root]), member))
    level = np.array(roots)
    while len(level):
        parent, level = _children(tree, level)
        owner[level] = owner[parent]
    return owner


def _row_owners(form: VectorForm, owner: Integers, participants: int) -> Integers:
    """Return whose each shared row is: the trunk's are worker 0's, which walks it just before.

    Of each player's rows everybody gets about as many uses, next to each other.
    """
    uses = np.diff(form.use_first)
    row_owner = np.zeros(len(uses), np.int64)
    for player in range(len(form.shared_first) - 1):
        part = slice(form.shared_first[player], form.shared_first[player + 1])
        middle = np.cumsum(uses[part]) - uses[part] / 2.0
        row_owner[part] = middle * participants / max(1, int(uses[part].sum()))
    row_of_use = np.repeat(np.arange(len(uses)), uses)
    row_owner[row_of_use[owner[form.use_node] == _TRUNK]] = 0
    return row_owner
