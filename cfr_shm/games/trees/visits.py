"""How often a training comes by: expected visits of every decision node, by its tree alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.tree import CHANCE, DECISION, Tree


def uniform_visits(tree: Tree) -> NDArray[np.float64]:
    """Return how often an iteration of external sampling updates each node, all playing uniformly.

    The sweep for the actor takes all of its own actions and samples those of everybody else,
    so that a node is visited with the product of the others' and of chance's probabilities on
    the way. In a public tree one of the actor's rows is updated at each visit.

    Returns:
        (nodes,) float64, 0 where nobody decides.
    """
    nodes = tree.nodes
    players = tree.utility.shape[1]
    visits = np.zeros(len(nodes))
    level = np.zeros(1, np.int64)
    # Column p: the probability that all but p (and chance) come here.
    reach = np.ones((1, players))
    while len(level):
        records = nodes[level]
        deciding = records["kind"] == DECISION
        actors = records["actor"][deciding].astype(np.int64)
        visits[level[deciding]] = reach[deciding, actors]
        inner = deciding | (records["kind"] == CHANCE)
        level, reach = _below(tree, level[inner], records[inner], reach[inner])
    return visits


def _below(
    tree: Tree, level: NDArray[np.int64], records: NDArray[Any], reach: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the children of a level's inner nodes, and the reach of each."""
    count = records["count"].astype(np.int64)
    parent = np.repeat(np.arange(len(level)), count)
    place = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
    children = records["first_child"].astype(np.int64)[parent] + place
    found = reach[parent]
    chance = (records["kind"] == CHANCE)[parent]
    first = records["detail"].astype(np.int64)[parent]
    cumulative = tree.outcome_cumulative
    outcome = np.where(chance, first + place, 0)
    before = np.where(chance & (place > 0), cumulative[np.maximum(outcome - 1, 0)], 0.0)
    probability = np.where(chance, cumulative[outcome] - before, 1.0 / count[parent])
    actor = records["actor"].astype(np.int64)[parent]
    found *= probability[:, np.newaxis]
    decided = np.flatnonzero(~chance)
    # The traverser takes every one of its own actions.
    found[decided, actor[decided]] = reach[parent[decided], actor[decided]]
    return children, found


def row_visits(
    tree: Tree, bucket_count: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how often an iteration updates an infoset, and how many infosets that is true of.

    All play uniformly, and a node's visits are averaged over the actor's buckets.

    Args:
        tree: the game's.
        bucket_count: (players, streets).

    Returns:
        Expected updates per iteration, (groups,) float64, and infosets, (groups,) int64: a
        group is a public node, or the nodes of a history tree that share one row.
    """
    nodes = tree.nodes
    visits = uniform_visits(tree)
    deciding = nodes["kind"] == DECISION
    public = np.flatnonzero(deciding & (nodes["row_stride"] > 0))
    rows = bucket_count[nodes["actor"][public], nodes["street"][public]].astype(np.int64)
    shared = np.flatnonzero(deciding & (nodes["row_stride"] == 0))
    _, group = np.unique(nodes["row_base"][shared], return_inverse=True)
    together = np.bincount(group, weights=visits[shared]) if len(shared) else np.zeros(0)
    return (
        np.concatenate([visits[public] / rows, together]),
        np.concatenate([rows, np.ones(len(together), np.int64)]),
    )
