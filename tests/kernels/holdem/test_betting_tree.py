"""The betting tree's kernel: the moves of a menu, shared payoffs, stopping and going on."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.errors import GameError
from cfr_shm.games.holdem import betting_tree
from cfr_shm.games.holdem.action_menu import compile_menu
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.games.holdem.betting_tree import build_betting_tree, measure_betting_tree
from cfr_shm.games.trees.deciders import mark_deciders
from cfr_shm.kernels.holdem.depth_first import next_decisions
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.tree import DECISION, SHOWDOWN

HEADS_UP = GameConfig(name="holdem")
STACK = 20_000


def built(streets=2, players=2, stacks=STACK, **keys):
    board = (0, 3, 1, 1)[:streets]
    game = GameConfig(name="holdem", players=players, board_cards=board)
    rules = betting_rules(players=players, blinds=(100, 200), stacks=stacks, streets=streets)
    menu = compile_menu(game, AbstractionConfig(**keys))
    return build_betting_tree(rules, menu, [[2] * streets] * players)


def at(tree, *line):
    """Return the moves of the node that a line of moves leads to."""
    node = 0
    for move in line:
        node = moves_below(tree, node)[move]
    return list(moves_below(tree, node))


def moves_below(tree, node):
    record = tree.built.tree.nodes[node]
    assert record["kind"] == DECISION
    first = int(record["first_child"])
    children = range(first, first + int(record["count"]))
    return {int(tree.move[child]): child for child in children}


def test_the_example_of_the_documentation():
    tree = built(
        preflop=(("2.5bb",), ("3x",), ("allin",)),
        flop=(("0.33", "0.75"), ("1",)),
        max_raises=(3, 2),
    )
    assert at(tree) == [FOLD, CALL, 500]
    assert at(tree, 500) == [FOLD, CALL, 1500]
    assert at(tree, 500, 1500) == [FOLD, CALL, STACK]
    assert at(tree, 500, 1500, STACK) == [FOLD, CALL]
    assert at(tree, 500, CALL) == [CALL, 330, 750]
    assert at(tree, 500, CALL, 330) == [FOLD, CALL, 1990]
    assert at(tree, 500, CALL, 330, 1990) == [FOLD, CALL]


def test_small_sizes_become_the_smallest_raise_and_duplicates_one():
    tree = built(1, preflop=(("0.001", "0.01", "1.1x"), ("allin",)))
    assert at(tree) == [FOLD, CALL, 400]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, [500, 900]),
        ({"allin_threshold": 0.9}, [500]),
        ({"allin_threshold": 0.9, "allin_rule": "allin"}, [500, 1000]),
        ({"allin": "always"}, [500, 900, 1000]),
        ({"allin": "always", "max_raises": 0}, [1000]),
        ({"allin": "pots", "allin_pots": 1.9}, [500, 900]),
        ({"allin": "pots", "allin_pots": 2.0}, [500, 900, 1000]),
    ],
)
def test_where_all_in_is_offered(keys, expected):
    # Stacks of 1,000: a raise to 900 puts in nine tenths, all-in raises by two pots of 400.
    tree = built(1, stacks=1000, preflop=(("2.5x", "4.5x"), ("allin",)), **keys)
    assert at(tree)[2:] == expected


def test_limps_and_callers_are_limited():
    sizes = {"preflop": (("2.5bb",), ("allin",)), "flop": (("1",),), "max_raises": 2}
    tree = built(players=3, limp=False, max_flop_players=2, **sizes)
    assert at(tree) == [FOLD, 500]
    assert at(tree, 500) == [FOLD, CALL, STACK]
    assert at(tree, 500, CALL) == [FOLD, STACK]
    assert at(tree, FOLD) == [FOLD, 500]


def test_too_many_players_check_the_hand_down():
    sizes = {"preflop": (("2.5bb",),), "flop": (("1",),), "max_raises": 1}
    played, checked = built(players=3, **sizes), built(players=3, check_down_above=2, **sizes)
    assert at(played, CALL, CALL, CALL) == [CALL, 600]
    leaf = 0
    for move in (CALL, CALL, CALL):
        leaf = moves_below(checked, leaf)[move]
    record = checked.built.tree.nodes[leaf]
    assert (record["kind"], record["street"], record["count"]) == (SHOWDOWN, 1, 1)
    assert checked.built.tree.pot_amount[record["detail"]] == 600
    assert checked.built.tree.pot_players[record["detail"]] == 0b111
    assert at(checked, CALL, FOLD, CALL) == [CALL, 500]


def test_equal_payoffs_and_pots_share_a_row():
    tree = built(players=3, stacks=[900, 2000, 5000], preflop=(("1", "allin"),), max_raises=2)
    utility = tree.built.tree.utility
    assert len(np.unique(utility, axis=0)) == len(utility)
    nodes = tree.built.tree.nodes
    showdowns = nodes[nodes["kind"] == SHOWDOWN]
    groups = {
        tuple(zip(*(array[first : first + count].tolist() for array in pots), strict=True))
        for first, count in zip(showdowns["detail"], showdowns["count"], strict=True)
        for pots in [(tree.built.tree.pot_amount, tree.built.tree.pot_players)]
    }
    assert len(np.unique(showdowns[["detail", "count"]])) == len(groups) < len(showdowns)
    assert showdowns["count"].max() == 2


def test_a_walk_that_stops_often_writes_the_same_tree(monkeypatch):
    keys = {"preflop": (("1", "2"), ("1",)), "flop": (("0.5",), ("allin",)), "max_raises": 3}
    whole = built(players=3, stacks=2000, **keys)
    monkeypatch.setattr(betting_tree, "_STEP", 5)
    monkeypatch.setattr(betting_tree, "_FIRST_DEPTH", 2)
    pieces = built(players=3, stacks=2000, **keys)
    for name, array in whole.built.tree._asdict().items():
        assert np.array_equal(array, getattr(pieces.built.tree, name)), name
    assert np.array_equal(whole.move, pieces.move)
    assert np.array_equal(whole.parent, pieces.parent)
    assert whole.built.table_entries == pieces.built.table_entries


def test_arrays_are_read_only_and_parents_come_first():
    tree = built()
    for array in (*tree.built.tree, tree.move, tree.parent):
        assert not array.flags.writeable
    assert tree.parent[0] == -1
    assert np.all(tree.parent[1:] < np.arange(1, len(tree.parent)))


def test_tables_beyond_two_to_the_31_entries_are_addressed():
    menu = compile_menu(HEADS_UP, AbstractionConfig(max_raises=1))
    rules = betting_rules(players=2, blinds=(100, 200), stacks=STACK)
    tree = build_betting_tree(rules, menu, [[169, 2**30, 2**30, 2**30]] * 2)
    rows = tree.built.tree.nodes["row_base"]
    assert rows.min() == 0
    assert rows.max() > 2**31
    assert tree.built.table_entries >= tree.street_rows.entries.sum() > 2**33


def test_what_cannot_be_a_tree_is_refused():
    with pytest.raises(GameError, match=r"^abstraction\.preflop: after 0 raises, seat 0 may only"):
        built(preflop=(("200bb",),), limp=False)
    with pytest.raises(GameError, match="no size of the menus is ever a legal bet or raise"):
        built(1, preflop=(("200bb",),))
    with pytest.raises(GameError, match=r"^game\.stacks: antes and blinds leave nobody anything"):
        built(1, stacks=[100, 200])
    menu = compile_menu(HEADS_UP, AbstractionConfig())
    rules = betting_rules(players=2, blinds=(100, 200), stacks=STACK)
    with pytest.raises(
        GameError, match=r"max_nodes: the betting tree has [\d,]+ nodes, over .* 9;"
    ):
        measure_betting_tree(rules, menu, [[1] * 4] * 2, max_nodes=9)
    with pytest.raises(GameError, match="bucket counts of shape"):
        measure_betting_tree(rules, menu, [[1] * 3] * 2)


@pytest.mark.parametrize("players", [2, 3])
def test_nodes_know_who_decides_there_and_below(players):
    nodes = built(players=players, preflop=(("2.5bb",), ("3x",)), flop=(("1",),)).built.tree.nodes
    expected = nodes.copy()
    expected["deciders"] = 0
    mark_deciders(expected)
    np.testing.assert_array_equal(nodes["deciders"], expected["deciders"])
    assert len(np.unique(nodes["deciders"])) > players


@pytest.mark.parametrize("together", [1, 7, 1000])
def test_decision_nodes_come_in_the_order_of_their_rows(together):
    tree = built(players=3, preflop=(("2.5bb", "4bb"), ("3x",)), flop=(("0.5", "1"), ("1",))).built
    nodes = tree.tree.nodes
    decisions = np.flatnonzero(nodes["kind"] == DECISION)
    waiting = np.zeros(tree.max_depth * 3 * tree.max_actions + 2, np.int64)
    waiting[0] = 1
    part, found = np.empty(together, np.int64), []
    while count := next_decisions(nodes, waiting, part):
        found += part[:count].tolist()
    assert found == decisions[np.argsort(nodes["row_base"][decisions])].tolist()
    assert found != decisions.tolist()
