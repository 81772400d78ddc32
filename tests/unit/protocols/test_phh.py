"""PHH: real hands pay what they say, random hands are pokerkit's, damage is named."""

from __future__ import annotations

import random
import statistics
import tarfile
import warnings
from fractions import Fraction
from pathlib import Path

import pytest
from pokerkit import HandHistory
from random_hands import random_hand, random_rules

from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.protocols.phh import documents, read_hand, turned, write_hand
from cfr_shm.protocols.played_hand import BOARD_COUNT, PlayedHand, decisions, payoffs_of
from cfr_shm.protocols.pokerkit_state import read_pokerkit, write_pokerkit

ARCHIVE = Path(__file__).parent / "hands" / "pluribus-hands.tar.xz"

#: A hand between two: PHH's first player has the big blind.
TWO = """
variant = 'NT'
antes = [0, 0]
blinds_or_straddles = [50, 100]
min_bet = 100
starting_stacks = [20000, 20000]
actions = ['d dh p1 AcAd', 'd dh p2 ????', 'p2 cbr 250', 'p1 cc', 'd db 2c3c4c', 'p1 cc',
           'p2 cbr 333', 'p1 cc', 'd db 5h', 'p1 cc', 'p2 cbr 900 # a comment', 'p1 f']
players = ['Anna', "Bea's"]
"""


def one(text: str) -> PlayedHand:
    (document,) = documents(text, "hand.phh")
    return read_hand(document)


def real_hands(step: int):
    with tarfile.open(ARCHIVE) as archive:
        files = [member for member in archive if member.name.endswith(".phh")]
        assert len(files) == 10_000
        for member in files[::step]:
            yield one(archive.extractfile(member).read().decode())


def check_real_hands(step: int) -> list[Fraction]:
    """Every hand conserves chips and pays what it says; return what Pluribus won."""
    won = []
    for played in real_hands(step):
        assert played.paid is not None
        assert sum(played.paid) == 0
        assert payoffs_of(played) == played.paid
        won.append(played.paid[played.names.index("Pluribus")] * played.unit)
    return won


def test_real_hands_pay_what_they_say():
    assert len(check_real_hands(40)) == 250


@pytest.mark.thorough
def test_pluribus_lost_what_is_published_of_its_raw_result():
    won = check_real_hands(1)
    assert sum(won) / 10_000 / 100 * 1000 == Fraction("-70.864")
    assert statistics.stdev(map(float, won)) / 100 == pytest.approx(8.815, abs=5e-4)


def test_a_line_is_read_as_it_was_played():
    played = one(TWO)
    assert played.moves == (250, 0, 0, 333, 0, 0, 900, -1)
    assert played.names == ("Bea's", "Anna")
    assert played.holes == ((), (48, 49))
    assert payoffs_of(played) == (583, -583)


def replayed(text: str):
    """The last state in which pokerkit replays a hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(HandHistory.loads(text).state_actions)[-1][0]


def check_against_pokerkit(rng: random.Random) -> None:
    """What we write pokerkit replays to the same end; what either has we read alike."""
    played = random_hand(rng, random_rules(rng), rng.choice((0.0, 0.0, 0.1)))
    text = write_hand(played)
    assert all(map(same, one(text), played))
    theirs = replayed(text)
    if played.paid is not None:
        assert [int(chips) for chips in theirs.payoffs] == list(turned(played.paid))
    made = write_pokerkit(played)
    for state in (theirs, made):
        found = read_pokerkit(state)
        wanted = played._replace(holes=found.holes)
        assert all(map(same, found, wanted))
    assert read_pokerkit(made).holes == played.holes
    if not played.last.finished:
        assert_same_legal(made, played.last)


def same(one_field, other) -> bool:
    return str(one_field) == str(other)


def test_random_hands_are_pokerkits():
    rng = random.Random(1)
    for _ in range(100):
        check_against_pokerkit(rng)


@pytest.mark.slow
def test_ten_thousand_random_hands_are_pokerkits():
    rng = random.Random(2)
    for _ in range(10_000):
        check_against_pokerkit(rng)


def assert_same_legal(state, hand) -> None:
    """Who is next, what a call costs and how far a raise may go are pokerkit's."""
    assert turned(range(hand.rules.players))[state.actor_index] == hand.actor
    least = state.min_completion_betting_or_raising_to_amount
    most = state.max_completion_betting_or_raising_to_amount
    assert hand.raise_bounds == (None if least is None else (least, most))
    assert state.checking_or_calling_amount == hand.call_amount
    assert state.can_fold() == hand.may_fold


def test_at_every_decision_pokerkit_has_the_same_legal_moves():
    rng = random.Random(3)
    compared = 0
    for _ in range(12):
        played = random_hand(rng, random_rules(rng))
        for place, (hand, _) in enumerate(decisions(played)):
            begun = played._replace(moves=played.moves[:place], paid=None)
            lie = played.board[: BOARD_COUNT[hand.street]]
            assert_same_legal(write_pokerkit(begun._replace(board=lie)), hand)
            compared += 1
    assert compared > 60


def test_money_with_decimals_is_counted_in_its_smallest_part():
    cents = TWO.replace("[50, 100]", "[0.5, 1]").replace("[20000, 20000]", "[100.25, 99]")
    cents = cents.replace("min_bet = 100", "min_bet = 1.00").replace("cbr 250", "cbr 2.5")
    cents = cents.replace("cbr 333", "cbr 3.35").replace("cbr 900", "cbr 12")
    played = one(cents)
    assert played.unit == Fraction(1, 100)
    assert played.rules.stack.tolist() == [9_900, 10_025]
    assert played.moves == (250, 0, 0, 335, 0, 0, 1_200, -1)
    assert all(map(same, one(write_hand(played)), played))


def test_many_hands_in_one_text():
    text = "\n".join(f"[{number}]\n{TWO}\nhand = {number}" for number in (1, 2))
    found = [read_hand(document) for document in documents(text, "two.phhs")]
    assert [played.number for played in found] == [1, 2]
    assert all(map(same, found[0][:5], found[1][:5]))


#: What is changed in TWO, and a word of what is said of it.
DAMAGE = (
    ("variant = 'NT'", "variant = 'PO'", "variant 'PO' is not read"),
    ("variant = 'NT'", "", "variant nothing is not read"),
    ("'p2 cbr 250'", "'p2 cbr 150'", "action 3, 'p2 cbr 150': seat 0 may bet or raise to 200"),
    ("'p2 cbr 250'", "'p1 cbr 250'", "it is p2's turn"),
    ("'p2 cbr 250'", "'p2 cbr'", "expected 'd dh pN CARDS'"),
    ("'p2 cbr 250'", "'p2 cbr -250'", "a bet is above 0"),
    ("'p2 cbr 250'", "'p2 cbr nan'", "no amount that can be played for"),
    ("'p2 cbr 250'", "'p2 cbr a lot'", "expected 'd dh pN CARDS'"),
    ("'p2 cbr 250'", "'p2 cbr x'", "'x' is no amount"),
    ("'p2 cbr 250'", "'p3 cc'", "'p3' is none of the players p1 to p2"),
    ("'d db 2c3c4c', ", "", "0 board cards are dealt, 3 should lie there"),
    ("2c3c4c", "2c3cAc", "the card Ac is dealt twice"),
    ("2c3c4c", "2c3c", "2 board cards would lie there"),
    ("'d db 5h'", "'d db 5h6h'", "5 board cards would lie there, 4 may"),
    ("AcAd", "AcAx", "no card of the standard deck"),
    ("AcAd", "AcAdAh", "a player has two cards"),
    ("'p1 f']", "'p1 f', 'p2 cc']", "the betting is over"),
    ("'p1 f']", "7]", "actions: 7 is no value of it"),
    ("[20000, 20000]", "[20000, inf]", "no amount that can be played for"),
    ("[20000, 20000]", "[20000]", "1 players"),
    ("[20000, 20000]", "[20000, true]", "True is no value of it"),
    ("[20000, 20000]", "[1e300, 5]", "no amount that can be played for"),
    ("[50, 100]", "[0.00000001, 100]", "8 decimals"),
    ("[50, 100]", "[50, -100]", "-100 chips"),
    ("min_bet = 100", "", "min_bet: expected an amount, found nothing"),
    ("min_bet = 100", "min_bet = ", "not TOML"),
    ("min_bet = 100", "x = " + "[" * 5_000, "not TOML"),
    ("min_bet = 100", "min_bet = 1" + "0" * 5_000, "not TOML"),
    ("min_bet = 100", "min_bet = 100.0" + "0" * 50, "more than 24 digits"),
    ("['Anna', \"Bea's\"]", "['Anna']", "1 names for 2 players"),
)


@pytest.mark.parametrize(("found", "put", "said"), DAMAGE)
def test_damage_is_named(found, put, said):
    assert found in TWO
    with pytest.raises(UsageError) as error:
        one(TWO.replace(found, put))
    assert said in str(error.value)
    assert str(error.value).startswith("hand.phh")
    assert "\n" not in str(error.value)


def test_rules_that_phh_cannot_tell_are_refused():
    rules = betting_rules(players=2, blinds=[1, 2], stacks=200, betting="pot_limit")
    with pytest.raises(UsageError, match="no-limit with one smallest bet"):
        write_hand(PlayedHand(rules, (), ((), ()), ()))


def test_names_are_quoted_whatever_is_in_them():
    played = one(TWO)._replace(names=('"]\n[x', "\\' \x7f\x00"))
    assert one(write_hand(played)).names == played.names
