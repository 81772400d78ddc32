"""Lines through betting trees: what they come to, how sizes are read, what is refused."""

from __future__ import annotations

import functools
import random
import re

import pytest
from betting_trees import all_in, pot_sizes, tree_of
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.config.load import load_config
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.action_menu import compile_menu
from cfr_shm.games.holdem.betting_tree import build_betting_tree
from cfr_shm.games.holdem.build import rules_of
from cfr_shm.games.holdem.line_walk import position, walk_line
from cfr_shm.games.holdem.lines import ALL_IN, CALL, CHECK, FOLD, RAISE
from cfr_shm.games.holdem.translation import smaller_probability
from cfr_shm.layout.tree import DECISION

BIG_BLIND = 200.0


def heads_up_menu(hand):
    if hand.street == 0:
        sizes = ([500], pot_sizes(hand, 1.0), [])[min(hand.raises, 2)]
    else:
        sizes = pot_sizes(hand, 0.5, 1.0) if hand.raises == 0 else []
    return [*sizes, all_in(hand)]


@functools.cache
def heads_up():
    return tree_of(heads_up_menu)


@functools.cache
def three_handed():
    return tree_of(
        lambda hand: [500] if hand.street == 0 and hand.raises == 0 else [],
        players=3,
        blinds=[100, 200],
        stacks=2000,
        streets=2,
    )


def walk(line, draws=None):
    return walk_line(heads_up(), line, BIG_BLIND, draws)


def tokens(place):
    return [choice.token for choice in place.choices]


# --- lines that the tree has ----------------------------------------------------------------


def test_the_empty_line_is_the_root():
    place = walk("")
    assert (place.node, place.seat, place.street, place.line) == (0, 0, 0, "")
    assert tokens(place) == ["f", "c", "b2.5bb", "a"]
    kinds = [choice.kind for choice in place.choices]
    assert kinds == [FOLD, CALL, RAISE, ALL_IN]
    names = [choice.name for choice in place.choices]
    assert names == ["fold", "call 100", "raise to 500 (2.5bb)", "all-in 20,000 (100bb)"]


@pytest.mark.parametrize(
    "line",
    ["b2.5bb c / x b0.5p", "b500-c-x-b50%", "R500 C X R500", "b2.5x c/x b2.5bb", "b.75p c/x b.5p"],
)
def test_ways_to_write_one_line(line):
    place = walk(line)
    assert place.line == "b2.5bb c / x b2.5bb"
    assert [step.translation for step in place.steps] == [None] * 4
    assert (place.seat, place.street, place.hand.pot) == (1, 1, 1500)
    assert [step.choice.kind for step in place.steps] == [RAISE, CALL, CHECK, RAISE]
    assert [step.seat for step in place.steps] == [0, 1, 1, 0]


def test_a_line_may_end_where_a_street_begins():
    assert walk("c x /").node == walk("c x").node
    assert walk("c x").line == "c x /"
    assert walk("c x / x x /").street == 2


def test_steps_name_the_rows_entries():
    place = walk("b2.5bb c / x")
    node = 0
    for step in place.steps:
        assert step.node == node
        record = heads_up().built.tree.nodes[node]
        assert int(record["actor"]) == step.seat
        node = int(record["first_child"]) + step.entry
        assert heads_up().move[node] == step.choice.move
    assert place.node == node


@given(st.integers(0, 2**32))
def test_every_node_is_found_again_by_its_line(seed):
    rng = random.Random(seed)
    tree = heads_up() if rng.random() < 0.7 else three_handed()
    place = walk_line(tree, "", BIG_BLIND)
    line: list[str] = []
    while True:
        choice = rng.choice(place.choices)
        if int(tree.built.tree.nodes[choice.node]["kind"]) != DECISION:
            break
        line.append(choice.token)
        place = walk_line(tree, " ".join(line), BIG_BLIND)
        assert place.node == choice.node
        assert place.hand is place.tree_hand
        again = walk_line(tree, place.line, BIG_BLIND)
        assert (again.node, again.line) == (place.node, place.line)
        assert all(step.translation is None for step in again.steps)


def test_chips_serve_where_there_is_no_big_blind():
    place = walk_line(heads_up(), "b500 c / x")
    assert place.line == "b500 c / x"
    with pytest.raises(UsageError, match="this game has no big blind; write chips"):
        walk_line(heads_up(), "b2.5bb")


def test_all_in_may_be_a_call():
    assert walk("a").hand.all_in == (0,)
    assert tokens(walk("a")) == ["f", "c"]
    assert walk("a").choices[1].name == "call 19,800 all-in"
    with pytest.raises(UsageError, match="action 2, 'a' ends the betting"):
        walk("a a")


def test_positions():
    assert [position(seat, 2) for seat in range(2)] == ["SB", "BB"]
    assert [position(seat, 3) for seat in range(3)] == ["SB", "BB", "BTN"]
    assert [position(seat, 4) for seat in range(4)] == ["SB", "BB", "CO", "BTN"]
    assert [position(seat, 6) for seat in range(6)] == ["SB", "BB", "UTG", "HJ", "CO", "BTN"]
    assert position(3, 9) == "UTG+1"
    assert position(5, 9) == "LJ"


# --- sizes that the tree does not have --------------------------------------------------------


def fraction(to, highest, pot_after_call):
    return (to - highest) / pot_after_call


def test_a_size_between_two_is_mapped_by_pot_fractions():
    place = walk("b2.5bb r9bb")
    step = place.steps[1]
    # 700 in the pot and 300 to call: sizes are parts of 1000, on top of 500.
    low, high = fraction(1500, 500, 1000), fraction(20_000, 500, 1000)
    expected = smaller_probability(low, high, fraction(1800, 500, 1000))
    assert step.translation.smaller_probability == pytest.approx(expected)
    assert [choice.token for choice in step.neighbours] == ["r7.5bb", "a"]
    assert expected > 0.5
    assert step.choice.token == "r7.5bb"
    assert (step.played, place.line) == ("raise to 1,800 (9bb)", "b2.5bb r7.5bb")
    assert (place.hand.pot, place.tree_hand.pot) == (500 + 1800, 500 + 1500)


def test_draws_decide_between_neighbours():
    likely = walk("b2.5bb r9bb").steps[1].translation.smaller_probability
    assert walk("b2.5bb r9bb", iter([likely - 1e-6])).line == "b2.5bb r7.5bb"
    assert walk("b2.5bb r9bb", iter([likely + 1e-6])).line == "b2.5bb a"


def test_a_small_raise_may_be_taken_for_a_call():
    step = walk("b2bb").steps[0]
    assert [choice.token for choice in step.neighbours] == ["c", "b2.5bb"]
    assert step.translation.smaller_size == 0.0
    assert step.translation.smaller_probability == pytest.approx(
        smaller_probability(0.0, 0.75, 0.5)
    )
    assert walk("b2bb", iter([0.0])).line == "c"
    # The others go on as if it had been one: a call of it is a check.
    assert walk("b2bb c", iter([0.0])).line == "c x /"


def test_a_raise_is_not_taken_for_a_call_that_ends_the_street():
    small = walk("b2.5bb c / x b1bb").steps[3]
    assert [choice.token for choice in small.neighbours] == ["b2.5bb", "b2.5bb"]
    assert small.translation.chosen_probability == 1.0


def test_after_a_translation_sizes_follow_the_pots():
    # 3bb is read as 2.5bb; half of the larger pot is still half a pot.
    place = walk("b3bb c / b0.5p")
    assert place.line == "b2.5bb c / b2.5bb"
    assert place.steps[0].translation.size == pytest.approx(1.0)
    assert place.steps[2].played == "bet 600 (3bb)"
    assert place.steps[2].choice.move == 500
    assert place.steps[2].translation.chosen_probability == pytest.approx(1.0)
    assert place.hand.pot == 1800
    assert place.tree_hand.pot == 1500


def test_all_in_stays_all_in_after_a_translation():
    assert walk("b3bb c / a").line == "b2.5bb c / a"


def test_hands_that_part_are_refused():
    with pytest.raises(UsageError) as caught:
        walk("b90bb c")
    assert "action 2, 'c'" in str(caught.value)
    assert "it takes b90bb as a" in str(caught.value)
    assert "write the line with sizes of the tree" in str(caught.value)


# --- refusals -----------------------------------------------------------------------------------

EXPECTED = "expected f, c, b2.5bb, a, or a size of 2bb to 100bb"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x", f"action 1, 'x' of SB preflop: there are 0.5bb to call; {EXPECTED}"),
        ("c c", "action 2, 'c' of BB preflop: there is nothing to call; expected x, b"),
        ("c x / f", "action 3, 'f' of BB on the flop: nothing to call: check instead of folding"),
        ("b1.5bb", f"a bet or raise is to 2bb up to 100bb, not 1.5bb; {EXPECTED}"),
        ("b150bb", "a bet or raise is to 2bb up to 100bb, not 150bb"),
        ("b399", "a bet or raise is to 2bb up to 100bb, not 1.995bb"),
        ("b90bb r95bb", "a bet or raise is to 100bb, not 95bb; expected f, c"),
        ("a r200bb", "action 2, 'r200bb' of BB preflop: seat 1 may not bet or raise here"),
        ("c x / b2x", "nobody has bet, so there is nothing to multiply"),
        ("f", "action 1, 'f' ends the betting: nobody is to act; leave it out"),
        ("f f", "action 2, 'f': the betting is over after action 1, 'f'"),
        ("c x x x x x x x", "action 8, 'x' ends the betting"),
        ("c /", "'/' after action 1, 'c', where no street ends; expected x"),
        ("/", f"'/' at its beginning, where no street ends; {EXPECTED}"),
        ("c x / /", "'/' after action 2, 'x', where no street ends"),
        ("c x / b1bb k", "action 4, 'k', is none: expected f, x, c, a, or b and a size"),
    ],
)
def test_refusals_name_the_action_and_what_could_be_done(line, told):
    with pytest.raises(UsageError) as caught:
        walk(line)
    assert told in str(caught.value)
    assert str(caught.value).startswith(f"line {line!r}: ")


def test_a_tree_without_raises_has_nothing_to_take_one_for():
    with pytest.raises(UsageError, match="the tree has no bet or raise here to take it for"):
        walk_line(three_handed(), "b2.5bb r8bb", BIG_BLIND)


WORDS = ["f", "x", "c", "a", "b2bb", "b2.5bb", "b4bb", "r3x", "r0.3p", "b1p", "b80bb", "/"]


@given(st.lists(st.sampled_from(WORDS)))
def test_any_line_is_walked_or_refused_in_one_line(words):
    text, told = " ".join(words), None
    try:
        place = walk(text)
    except UsageError as error:
        told = str(error)
    if told is None:
        assert place.choices
        assert place.hand.actor == place.tree_hand.actor
        assert walk(place.line).node == place.node
    else:
        assert re.fullmatch(r"line '.*': .+", told)


# --- trees of configurations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "line", "canonical"),
    [
        ("peer_donk_hu100", "b0.6p r1p c / x b33% r100% c", None),
        ("peer_donk_hu100", "b1.2p r1.0p r0.8p a", "b3.4bb r10.2bb r26.52bb a"),
        ("hu_standard", "b2.5bb r3x", "b2.5bb r7.5bb"),
        ("sixmax_small", "b2.5bb f f f f c / x", "b2.5bb f f f f c / x"),
        ("peer_donk_6max100", "f f f b.6p r1p f c / b0.5p", "f f f b2.5bb r8.5bb f c / b9bb"),
        ("pushfold", "a", "a"),
    ],
)
def test_the_sizes_of_a_menu_find_its_nodes_as_the_menu_writes_them(config, line, canonical):
    loaded = load_config(config, {}, [], [])
    rules = rules_of(loaded.game)
    menu = compile_menu(loaded.game, loaded.abstraction)
    tree = build_betting_tree(rules, menu, [[1] * rules.streets] * rules.players)
    place = walk_line(tree, line, float(loaded.game.big_blind_chips))
    assert [step.translation for step in place.steps] == [None] * len(place.steps)
    assert canonical in (None, place.line)
    node = place.node
    for step in reversed(place.steps):
        assert (int(tree.parent[node]), int(tree.move[node])) == (step.node, step.choice.move)
        node = step.node
    assert node == 0
