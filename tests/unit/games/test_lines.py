"""The grammar of lines: what it reads, what it refuses."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.lines import (
    ALL_IN,
    BIG_BLINDS,
    CALL,
    CHECK,
    CHIPS,
    FOLD,
    MULTIPLE,
    POT_FRACTION,
    RAISE,
    chips_text,
    parse_line,
    raise_text,
)

NUMBERS = st.one_of(
    st.integers(1, 10**9).map(str),
    st.tuples(st.integers(0, 10**4), st.integers(1, 999)).map(lambda n: f"{n[0]}.{n[1]:03d}"),
)
UNITS = {"bb": BIG_BLINDS, "x": MULTIPLE, "p": POT_FRACTION}
KINDS = {"f": FOLD, "x": CHECK, "c": CALL, "a": ALL_IN, "allin": ALL_IN, "AllIn": ALL_IN}


def one(text):
    ((action,),) = parse_line(text)
    return action


@pytest.mark.parametrize(("text", "kind"), KINDS.items())
def test_words(text, kind):
    assert one(text).kind == kind


@given(st.sampled_from("brBR"), NUMBERS, st.sampled_from(sorted(UNITS)))
def test_sizes(verb, number, suffix):
    action = one(verb + number + suffix)
    assert (action.kind, action.unit, action.number) == (RAISE, UNITS[suffix], Fraction(number))


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("b500", CHIPS, 500),
        ("b500.0", CHIPS, 500),
        ("r50%", POT_FRACTION, Fraction(1, 2)),
        ("r33%", POT_FRACTION, Fraction(33, 100)),
        ("B.5P", POT_FRACTION, Fraction(1, 2)),
        ("r3.X", MULTIPLE, 3),
    ],
)
def test_forms_of_sizes(text, unit, number):
    action = one(text)
    assert (action.unit, action.number) == (unit, number)


def test_separators_and_streets():
    for text in ("b2.5bb c/x", "b2.5bb-c / x", " b2.5bb - c /  x ", "b2.5bb--c/x"):
        streets = parse_line(text)
        assert [[action.kind for action in street] for street in streets] == [
            [RAISE, CALL],
            [CHECK],
        ]
        assert [action.place for street in streets for action in street] == [1, 2, 3]
    assert parse_line("") == ((),)
    assert [len(street) for street in parse_line("c x /")] == [2, 0]


@given(st.lists(st.lists(st.sampled_from([*KINDS, "b2bb", "r0.5p", "r700"]), max_size=5)))
def test_a_line_is_read_as_it_is_joined(streets):
    found = parse_line("/".join(" ".join(street) for street in streets))
    assert [[action.text for action in street] for street in found] == (streets or [[]])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("k", "action 1, 'k', is none: expected f, x, c, a, or b and a size"),
        ("c b", "action 2, 'b', is none"),
        ("c / bx", "action 2, 'bx', is none"),
        ("b-5", "action 1, 'b', is none"),
        ("b2.5", "action 1, 'b2.5': chips are whole; for big blinds write b2.5bb"),
        ("b0bb", "action 1, 'b0bb': a size is above 0"),
        ("r1e5", "action 1, 'r1e5', is none"),
        ("call", "action 1, 'call', is none"),
        ("b\u0663bb", "is none"),
        ("b" + "9" * 19, "is none"),
    ],
)
def test_what_is_no_action_is_named(text, told):
    with pytest.raises(UsageError) as caught:
        parse_line(text)
    assert told in str(caught.value)
    assert repr(text) in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    told = None
    try:
        parse_line(text)
    except UsageError as error:
        told = str(error)
    assert told is None or re.search("expected|chips are whole|above 0", told)


@given(st.integers(1, 10**7), st.sampled_from([None, 1.0, 2.0, 100.0, 200.0, 300.0]))
def test_amounts_are_written_so_that_they_read_back_exactly(chips, big_blind):
    text = chips_text(chips, big_blind)
    action = one(raise_text(chips, big_blind, opens=True))
    assert action.text == "b" + text
    assert action.number * (Fraction(big_blind) if action.unit == BIG_BLINDS else 1) == chips
