"""Ranges: read, written back, and refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.cards.deck import SHORT, STANDARD
from cfr_shm.cards.ranges import hand_of, hand_pairs, parse_range, range_text
from cfr_shm.errors import UsageError

RANKS = "23456789TJQKA"
HANDS = 1326

classes = st.builds(
    lambda one, two, suits: one + two + ("" if one == two else suits),
    st.sampled_from(RANKS),
    st.sampled_from(RANKS),
    st.sampled_from(["s", "o", ""]),
)
weights = st.sampled_from(["", ":1", ":0.75", ":0", ":1e-3", ": 0.5 "])
pieces = st.builds(
    lambda name, plus, weight: name + plus + weight, classes, st.sampled_from(["", "+"]), weights
)


@given(st.lists(pieces, min_size=1, max_size=8))
def test_what_is_written_is_read_back(parts):
    found = parse_range(STANDARD, ", ".join([*parts, "7h2c:0.125"]))
    assert np.array_equal(parse_range(STANDARD, range_text(STANDARD, found)), found)


@given(st.dictionaries(st.integers(0, HANDS - 1), st.floats(0.001, 1.0), min_size=1, max_size=30))
def test_any_weights_are_written_and_read_back(chosen):
    found = np.zeros(HANDS)
    for hand, weight in chosen.items():
        found[hand] = weight
    assert np.array_equal(parse_range(STANDARD, range_text(STANDARD, found)), found)


@given(st.text("AKQT92shdco+-:,*. [/]5%@;\n", max_size=14))
def test_nothing_but_a_range_or_a_clear_refusal(text):
    try:
        found = parse_range(STANDARD, text)
    except UsageError:
        return
    assert found.shape == (HANDS,)
    assert 0.0 <= found.min() <= found.max() <= 1.0
    assert found.any()


@given(classes)
def test_classes_have_the_hands_they_should(name):
    suits = name[2:]
    wanted = 6 if name[0] == name[1] else {"s": 4, "o": 12, "": 16}[suits]
    found = parse_range(STANDARD, name)
    assert found.sum() == wanted
    for low, high in hand_pairs(STANDARD)[found > 0].tolist():
        assert {RANKS[low // 4], RANKS[high // 4]} == set(name[:2])
        if name[0] != name[1] and suits:
            assert (low % 4 == high % 4) == (suits == "s")


def test_the_same_hands_as_pokerkit():
    pokerkit = pytest.importorskip("pokerkit")
    for text in ("22+", "ATs+", "76s+", "KK-TT", "T9s-65s", "AQo", "AK", "J8o+"):
        theirs = {
            hand_of(*(STANDARD.parse(repr(card))[0] for card in hand))
            for hand in pokerkit.parse_range(text)
        }
        assert set(np.flatnonzero(parse_range(STANDARD, text)).tolist()) == theirs, text


def test_the_last_piece_counts():
    found = parse_range(STANDARD, "AA,AhAd:0.25,KK:0.5,KK:0")
    assert found.sum() == 5.25
    assert found[hand_of(*STANDARD.parse("AhAd"))] == 0.25


def test_written_shortly():
    text = "AA-TT,AKs,76s,AhKd,AQo:0.75"
    assert range_text(STANDARD, parse_range(STANDARD, "QQ+,AKs,JJ-TT,76s+,AQo:0.75,AhKd")) == text
    assert range_text(STANDARD, parse_range(STANDARD, "*:0.5")) == "*:0.5"


def test_other_decks():
    assert parse_range(SHORT, "66").sum() == 6
    with pytest.raises(UsageError, match="'22' in the range '22' means no hands"):
        parse_range(SHORT, "22")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the range '' holds no hand"),
        (" ,\n", "holds no hand"),
        ("AKx", "'AKx' in the range 'AKx' means no hands"),
        ("AA:2", "'2' is no weight"),
        ("AA:nan", "'nan' is no weight"),
        ("AA:", "'' is no weight"),
        ("AhAh", "appears twice"),
        ("KK-AKs", "ends are of different kinds"),
        ("AKs-T2s", "neither the first card nor the gap"),
        ("QQ+-TT", "exclude each other"),
        ("AAs", "neither suited nor offsuit"),
        ("AA:0", "holds no hand"),
    ],
)
def test_refusals_name_the_piece(text, message):
    with pytest.raises(UsageError, match=message.replace("+", r"\+")):
        parse_range(STANDARD, text)


def test_weights_that_are_no_range_are_refused():
    for wrong in (np.ones(5), np.full(HANDS, 2.0), np.full(HANDS, np.nan), np.zeros(HANDS)):
        with pytest.raises(UsageError):
            range_text(STANDARD, wrong)
