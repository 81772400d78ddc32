"""Prepare a game for vector algorithms: where each node's vectors lie, and what leaves pay."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import device, kernel
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.tree import CHANCE, DECISION, Tree

VALUE_WORDS = 0
REACH_WORDS = 1
SIZE_WORDS = 2


@device
def _place_child(form_nodes, reach, class_count, node, child, actor, size):
    """Give ``child`` its vectors; a player's reach moves on where the player or chance acts."""
    players = class_count.shape[0]
    above = form_nodes[node]["street"]
    street = form_nodes[child]["street"]
    longest = 0
    for player in range(players):
        longest = max(longest, class_count[player, above])
        if player == actor or street != above:
            reach[child, player] = size[REACH_WORDS]
            size[REACH_WORDS] += class_count[player, street]
        else:
            reach[child, player] = reach[node, player]
    form_nodes[child]["above"] = above
    form_nodes[child]["value"] = size[VALUE_WORDS]
    size[VALUE_WORDS] += longest


@kernel
def place_vectors(
    tree: Tree,
    class_count: NDArray[np.int64],
    form_nodes: NDArray[Any],
    reach: NDArray[np.int64],
    size: NDArray[np.int64],
) -> None:
    """Lay out the vectors of every node.

    Args:
        tree: layout.Tree, read-only.
        class_count: (players, streets) int64, read-only.
        form_nodes: (nodes,) layout.VECTOR_NODE_DTYPE, out, but for ``exclusive``.
        reach: (nodes, players) int64, out.
        size: (SIZE_WORDS,) int64, out; words of all value and of all reach vectors.

    Children share a player's reach with their parent unless that player moved. A node is
    never on an earlier street than its parent, whatever a leaf says.
    """
    players = class_count.shape[0]
    size[:] = 0
    street = tree.nodes[0]["street"]
    form_nodes[0]["street"] = street
    form_nodes[0]["above"] = street
    form_nodes[0]["scale"] = 1.0
    form_nodes[0]["value"] = 0
    for player in range(players):
        reach[0, player] = size[REACH_WORDS]
        size[REACH_WORDS] += class_count[player, street]
        size[VALUE_WORDS] = max(size[VALUE_WORDS], class_count[player, street])
    for node in range(form_nodes.shape[0]):
        record = tree.nodes[node]
        kind = record["kind"]
        if kind != DECISION and kind != CHANCE:
            continue
        actor = np.int64(record["actor"]) if kind == DECISION else -1
        before = 0.0
        for outcome in range(record["count"]):
            child = np.int64(record["first_child"]) + outcome
            share = 1.0
            if kind == CHANCE:
                cumulative = tree.outcome_cumulative[record["detail"] + outcome]
                share = cumulative - before
                before = cumulative
            form_nodes[child]["scale"] = form_nodes[node]["scale"] * share
            form_nodes[child]["street"] = max(
                form_nodes[node]["street"], tree.nodes[child]["street"]
            )
            _place_child(form_nodes, reach, class_count, node, child, actor, size)


@kernel
def count_row_uses(
    tree: Tree,
    form_nodes: NDArray[Any],
    class_first: NDArray[np.int64],
    class_count: NDArray[np.int64],
    class_bucket: NDArray[np.int32],
    uses: NDArray[np.int32],
) -> None:
    """Count how many classes at how many nodes use each row.

    Args:
        tree: layout.Tree, read-only.
        form_nodes: (nodes,) layout.VECTOR_NODE_DTYPE, read and written: ``exclusive`` is set.
        class_first: (players, streets) int64, read-only.
        class_count: (players, streets) int64, read-only.
        class_bucket: (classes,) int32, read-only.
        uses: (entries,) int32, zero, out; at each row's first entry.
    """
    for counting in (True, False):
        for node in range(form_nodes.shape[0]):
            record = tree.nodes[node]
            if record["kind"] != DECISION:
                continue
            actor = record["actor"]
            street = form_nodes[node]["street"]
            first = class_first[actor, street]
            alone = 1
            for each in range(first, first + class_count[actor, street]):
                row = row_of(record, class_bucket[each])
                if counting:
                    uses[row] += 1
                elif uses[row] > 1:
                    alone = 0
            form_nodes[node]["exclusive"] = alone


@kernel
def fill_payoffs(
    tree: Tree,
    deals: Deals,
    leaves: NDArray[np.int64],
    streets: NDArray[np.int64],
    first: NDArray[np.int64],
    deal_joint: NDArray[np.int64],
    payoff: NDArray[np.float64],
) -> None:
    """Add up what each kind of leaf pays, times probability, over the deals of every joint.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals of kind DEALS_TABLE, read-only.
        leaves: (kinds,) int64, read-only; one leaf of each kind.
        streets: (kinds,) int64, read-only; the street of each kind.
        first: (kinds, players) int64, read-only; where each kind's payoffs begin.
        deal_joint: (players, streets, deals) int64, read-only; each deal's joint.
        payoff: (payoffs,) float64, zero, out.
    """
    for kind in range(leaves.shape[0]):
        for player in range(first.shape[1]):
            for deal in range(deals.probability.shape[0]):
                utility = leaf_utility(tree, leaves[kind], player, deals.strength, deal)
                joint = deal_joint[player, streets[kind], deal]
                payoff[first[kind, player] + joint] += deals.probability[deal] * utility
