"""Bet sizes and the trees that they make."""

import pytest
from spot_cases import basic_spot, menu

from cfr_shm.errors import UsageError
from cfr_shm.spots.sizes import Facing, Thresholds, amounts, parse_sizes
from cfr_shm.spots.street_trees import TreeRules, build_trees

ROOT = Facing(pot=200.0, bet=0.0, least=1.0, most=900.0, streets=2)
BET = Facing(pot=440.0, bet=120.0, least=240.0, most=900.0, streets=2)


NONE = Thresholds()


def total(text, facing, thresholds=NONE, raises=True):
    return amounts(parse_sizes(text, raises=raises, place="sizes"), facing, thresholds)


@pytest.mark.parametrize(
    ("text", "facing", "expected"),
    [
        ("60%", ROOT, [120]),
        ("60", ROOT, [120]),
        ("e", ROOT, [216]),
        ("1e", ROOT, [900]),
        ("2e", ROOT, [216]),
        ("3e", ROOT, [115]),
        ("e50%", ROOT, [100]),
        ("100c", ROOT, [100]),
        ("a", ROOT, [900]),
        ("60%,e,a", ROOT, [120, 216, 900]),
        ("2.5x", BET, [300]),
        ("50%", BET, [340]),
        ("200c", BET, [320]),
        ("1.5x", BET, [240]),
        ("9999%", BET, [900]),
    ],
)
def test_sizes_come_to_these_amounts(text, facing, expected):
    assert total(text, facing) == expected


def test_allin_is_added_up_to_so_many_pots():
    assert total("60%", ROOT, Thresholds(add_allin=4.5)) == [120, 900]
    assert total("60%", ROOT, Thresholds(add_allin=4.4)) == [120]


def test_allin_is_forced_where_little_would_be_left():
    assert total("150%", ROOT, Thresholds(force_allin=0.76)) == [900]
    assert total("150%", ROOT, Thresholds(force_allin=0.74)) == [300]


def test_near_sizes_are_merged_from_the_largest_down():
    assert total("100%,95%,50%", ROOT, Thresholds(merge=0.1)) == [100, 200]
    assert total("100%,80%", ROOT, Thresholds(merge=0.1)) == [160, 200]


@pytest.mark.parametrize("text", ["60$", "x", "0%", "2.5", "e5x", "-3%", "1x"])
def test_what_is_no_size_is_refused(text):
    if text == "2.5":
        assert parse_sizes(text, raises=False, place="bets")
        return
    with pytest.raises(UsageError, match="bets"):
        parse_sizes(text, raises=text == "1x", place="bets")


def test_a_first_bet_has_no_bet_to_multiply():
    with pytest.raises(UsageError, match="no bet to multiply"):
        parse_sizes("2.5x", raises=False, place="bets")


def codes(forest, number=0):
    return [action.code for action in forest.nodes[number].actions]


def test_the_basic_example_has_its_published_actions():
    trees = basic_spot("Td9d6hQc").trees
    assert codes(trees[0]) == ["x", "b120", "b216", "b900"]
    answer = trees[0].nodes[trees[0].nodes[0].children[1]]
    assert [action.code for action in answer.actions] == ["f", "c", "r300"]


def rules(donk, **further):
    small = menu("50%", "60%")
    return TreeRules(
        1,
        100.0,
        400.0,
        ((small, small), (small, small), (menu("50%", "60%", donk), small)),
        **further,
    )


@pytest.mark.parametrize(
    ("donk", "expected"), [(None, ["x", "b100"]), ("none", ["x"]), ("25%", ["x", "b50"])]
)
def test_who_called_before_leads_with_the_donk_list(donk, expected):
    trees = build_trees(rules(donk))
    called = next(r for r in trees[1].roots if trees[1].nodes[r].line == "x-b50-c/")
    assert codes(trees[1], called) == expected
    checked = next(r for r in trees[1].roots if trees[1].nodes[r].line == "x-x/")
    assert codes(trees[1], checked) == ["x", "b50"]


def test_lines_are_removed_and_added():
    trees = build_trees(rules(None, removed=frozenset({"b50"}), added=frozenset({"b33", "x-b77"})))
    assert codes(trees[0]) == ["x", "b33"]
    assert codes(trees[0], trees[0].nodes[0].children[0]) == ["x", "b50", "b77"]


def test_a_line_that_the_tree_has_not_is_refused():
    with pytest.raises(UsageError, match="b51"):
        build_trees(rules(None, removed=frozenset({"b51"})))


@pytest.mark.parametrize(
    ("pasted", "plain"),
    [
        ("33 %, 75 %", "33%,75%"),
        ("33;75", "33%,75%"),
        ("0.5p, 1p", "50%,100%"),
        ("100 c 2.5 x", "100c,2.5x"),
        ("all in", "a"),
        ("all-in, 50", "a,50%"),
        ("\uff13\uff13\uff05", "33%"),
        ("\u201c60%, e\u201d", "60%,e"),
        ("33 75 125", "33%,75%,125%"),
    ],
)
def test_sizes_are_read_as_pages_and_chats_have_them(pasted, plain):
    found = parse_sizes(pasted, raises=True, place="bets")
    assert found == parse_sizes(plain, raises=True, place="bets")
