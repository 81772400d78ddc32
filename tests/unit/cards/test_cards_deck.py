"""Cards as text and as numbers, and what is refused."""

import pytest

from cfr_shm.cards.deck import DECKS, ROYAL, SHORT, STANDARD, deck_named
from cfr_shm.errors import UsageError


@pytest.mark.parametrize("deck", DECKS.values(), ids=lambda deck: deck.name)
def test_text_and_numbers_are_inverse(deck):
    cards = tuple(range(deck.card_count))
    assert deck.parse(deck.text(cards)) == cards


def test_cards_may_be_written_in_several_ways():
    assert STANDARD.parse("AhKd") == STANDARD.parse("ah, kD") == STANDARD.parse(" Ah Kd ")
    assert STANDARD.parse("") == ()


@pytest.mark.parametrize(
    ("deck", "text", "words"),
    [
        (STANDARD, "Ax", "'Ax' in 'Ax' is no card of the standard deck"),
        (STANDARD, "1h", "'1h'"),
        (STANDARD, "AhK", "'K' in 'AhK'"),
        (STANDARD, "AhAh", "'Ah' appears twice"),
        (SHORT, "5h", "no card of the short deck"),
        (ROYAL, "9h", "ranks? of TJQKA|rank of TJQKA"),
    ],
)
def test_impossible_cards_are_named(deck, text, words):
    with pytest.raises(UsageError, match=words) as caught:
        deck.parse(text)
    assert "\n" not in str(caught.value)


def test_numbers_are_checked():
    with pytest.raises(UsageError, match=r"card number 52 is outside 0\.\.51"):
        STANDARD.check([52])
    with pytest.raises(UsageError, match="'2c' appears twice"):
        STANDARD.check([0, 1, 0])


def test_unknown_decks_are_named():
    with pytest.raises(UsageError, match="'tarot': expected one of standard, short, royal"):
        deck_named("tarot")
