"""TreeBuilder: what it lays out, and what it refuses."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from history_kuhn import history_kuhn

from cfr_shm.errors import GameError
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.games.trees import builder as tree_builder
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.row_order import SMALL_TABLE_ENTRIES
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.tree import CHANCE, DECISION

GAMES = {
    "kuhn": kuhn,
    "leduc apart": lambda: leduc(merge_suits=False),
    "leduc 3 players": lambda: leduc(3),
    "synthetic": lambda: synthetic(3, 2, 2, 7),
    "history kuhn": history_kuhn,
    "liars dice": lambda: liars_dice(dice=2, sides=2),
    "goofspiel": lambda: goofspiel(cards=3),
}


@pytest.mark.parametrize("name", GAMES)
def test_parents_come_before_children_and_children_are_contiguous(name):
    nodes = GAMES[name]().tree.nodes
    parents = np.full(len(nodes), -1)
    for node, record in enumerate(nodes):
        if record["kind"] in (DECISION, CHANCE):
            children = slice(record["first_child"], record["first_child"] + record["count"])
            assert record["first_child"] > node
            assert np.all(parents[children] == -1)
            parents[children] = node
    assert np.all(parents[1:] >= 0)


@pytest.mark.parametrize("name", GAMES)
def test_rows_lie_side_by_side_and_fill_the_table(name):
    game = GAMES[name]()
    used = np.zeros(game.table_entries, dtype=int)
    gaps = 0
    for record in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        count = int(record["count"])
        shared = record["row_stride"] == 0
        buckets = 1 if shared else game.deals.bucket_count[record["actor"], record["street"]]
        small = game.table_entries <= SMALL_TABLE_ENTRIES
        assert shared or small or record["row_stride"] == count
        gaps += buckets if small else 1
        for bucket in range(buckets):
            first = record["row_base"] + bucket * record["row_stride"]
            assert count % 2 == 1 or first % 2 == 0
            rows = slice(first, first + count)
            used[rows] = 1 if shared else used[rows] + 1
    assert used.max() == 1
    assert table_words(game.table_entries) % 8 == table_words(game.table_entries, True) % 8 == 0
    assert game.table_entries - used.sum() < gaps + 16


def test_rows_of_one_bucket_lie_together_in_a_small_table():
    """On each of Leduc's boards a player's rows make one block per bucket, with at most one gap."""
    nodes = leduc().tree.nodes
    decisions = nodes[nodes["kind"] == DECISION]
    blocks = {}
    for record in decisions:
        count = int(record["count"])
        block = blocks.setdefault((int(record["actor"]), int(record["row_stride"])), [])
        block.append((int(record["row_base"]), count))
    for (_, stride), rows in blocks.items():
        assert -sum(count for _, count in rows) % stride <= len(rows) // 2
    second = decisions[decisions["street"] == 1]
    assert min(second["row_stride"]) > max(second["count"])


@pytest.mark.parametrize("name", GAMES)
def test_depth_and_action_limits_hold_and_are_reached(name):
    game = GAMES[name]()
    nodes = game.tree.nodes
    moves = np.zeros((len(nodes), game.player_count), dtype=int)
    for node, record in enumerate(nodes):
        for child in range(record["first_child"], record["first_child"] + record["count"]):
            if record["kind"] in (DECISION, CHANCE):
                moves[child] = moves[node]
            if record["kind"] == DECISION:
                moves[child, record["actor"]] += 1
    assert game.max_depth == moves.max()
    assert game.max_actions == nodes["count"][nodes["kind"] == DECISION].max()


def test_tree_arrays_are_read_only_and_contiguous():
    for array in leduc().tree:
        assert not array.flags.writeable
        assert array.flags.c_contiguous


def test_payoffs_pots_and_outcomes_are_stored_once():
    tree = leduc().tree
    assert len(np.unique(tree.utility, axis=0)) == len(tree.utility) < len(tree.nodes)
    assert history_kuhn().tree.outcome_cumulative.tolist() == pytest.approx(
        [1 / 3, 2 / 3, 1.0, 0.5, 1.0]
    )


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        ([3, 2, 1], [10.0, 10.0, -20.0]),
        ([1, 3, 2], [-5.0, 25.0, -20.0]),
        ([3, 3, 1], [2.5, 17.5, -20.0]),
        ([2, 2, 2], [0.0, 0.0, 0.0]),
        ([1, 2, 2], [-5.0, 2.5, 2.5]),
    ],
)
def test_side_pots_go_to_those_who_may_win_them(strength, expected):
    # Player 0 is all-in for 5; players 1 and 2 put in 20 each: a main pot of 15 and a side
    # pot of 30 that player 0 may not win.
    builder = TreeBuilder(3)
    builder.showdown(0, [-5.0, -20.0, -20.0], [(15.0, 0b111), (30.0, 0b110)])
    tree = builder.finish().tree
    hands = np.array([strength], dtype=np.int32)
    got = [leaf_utility(tree, 0, player, hands, 0) for player in range(3)]
    assert got == pytest.approx(expected)


def test_the_docstring_s_example_runs():
    assert doctest.testmod(tree_builder).failed == 0


def declared(builder: TreeBuilder) -> TreeBuilder:
    for leaf in builder.decision(0, 0, 2):
        builder.terminal(leaf, [0.0, 0.0])
    return builder


def nested_infoset() -> None:
    builder = TreeBuilder(2)
    child = builder.decision(0, 0, 2, infoset="same")[0]
    builder.decision(child, 0, 2, infoset="same")


def forgetful_infoset() -> None:
    builder = TreeBuilder(2)
    for child in builder.decision(0, 0, 2, infoset="first"):
        builder.decision(child, 0, 2, infoset="which?")


def two_owners() -> None:
    builder = TreeBuilder(2)
    left, right = builder.chance(0, [0.5, 0.5])
    builder.decision(left, 0, 2, infoset="shared")
    builder.decision(right, 1, 2, infoset="shared")


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: TreeBuilder(0), "0 players"),
        (lambda: TreeBuilder(2).finish(), "node 0 of 1 was never declared"),
        (lambda: TreeBuilder(2).terminal(1, [0, 0]), "node 1 does not exist"),
        (lambda: declared(TreeBuilder(2)).terminal(0, [0, 0]), "node 0 was declared before"),
        (lambda: TreeBuilder(2).decision(0, 2, 2), "player 2"),
        (lambda: TreeBuilder(2).decision(0, 0, 0), "0 actions"),
        (lambda: TreeBuilder(2).decision(0, 0, 40_000), "40000 actions"),
        (lambda: TreeBuilder(2).decision(0, 0, 2, street=255), "street 255"),
        (lambda: TreeBuilder(2).decision(0, 0, 2, bucket_count=0), "0 buckets"),
        (lambda: TreeBuilder(2).chance(0, [0.5, 0.6]), "sum to 1.1"),
        (lambda: TreeBuilder(2).chance(0, [0.5, float("nan")]), "sum to nan"),
        (lambda: TreeBuilder(2).chance(0, [1.0, 0.0]), "positive probability"),
        (lambda: TreeBuilder(2).chance(0, []), "positive probability"),
        (lambda: TreeBuilder(2).terminal(0, [1.0]), "expected 2 finite numbers"),
        (lambda: TreeBuilder(2).terminal(0, [1.0, float("inf")]), "finite"),
        (lambda: TreeBuilder(2).showdown(0, [0, 0], []), "needs a pot"),
        (lambda: TreeBuilder(2).showdown(0, [0, 0], [(1.0, 0b100)]), "pot of 1.0"),
        (nested_infoset, "perfect recall"),
        (forgetful_infoset, "perfect recall"),
        (two_owners, "belongs to player 0 with 2 actions and to player 1 with 2"),
    ],
)
def test_impossible_trees_are_refused(action, message):
    with pytest.raises(GameError, match=message):
        action()
