"""Decks: which cards there are, how they are written, and which ranking rules hold.

A card is the integer ``4 * rank + suit``: ranks count from the deck's lowest, suits are
``c d h s``. Every deck has four suits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cfr_shm.cards.pasted_text import plain_text
from cfr_shm.errors import UsageError

SUITS = "cdhs"
SUIT_COUNT = 4

#: Categories of five cards in the standard order, weakest first.
CATEGORIES = (
    "high card",
    "pair",
    "two pair",
    "three of a kind",
    "straight",
    "flush",
    "full house",
    "four of a kind",
    "straight flush",
)


@dataclass(frozen=True)
class Deck:
    """A four-suited deck and its ranking rules.

    Attributes:
        name: how configuration and bucket files call it.
        ranks: the ranks, lowest first; the ace is last and also plays low in a straight.
        flush_beats_full_house: the short deck's rule (fewer flushes are dealt there).

    >>> STANDARD.card_count, STANDARD.parse("AhKd")
    (52, (50, 45))
    """

    name: str
    ranks: str
    flush_beats_full_house: bool = False

    @property
    def rank_count(self) -> int:
        """Return how many ranks the deck has."""
        return len(self.ranks)

    @property
    def card_count(self) -> int:
        """Return how many cards the deck has."""
        return SUIT_COUNT * len(self.ranks)

    @property
    def category_order(self) -> tuple[int, ...]:
        """Return each category's place in this deck's order, indexed as ``CATEGORIES``."""
        order = list(range(len(CATEGORIES)))
        if self.flush_beats_full_house:
            order[5], order[6] = order[6], order[5]
        return tuple(order)

    def text(self, cards: Iterable[int]) -> str:
        """Return cards as text, e.g. ``AhKd``."""
        return "".join(self.ranks[card // SUIT_COUNT] + SUITS[card % SUIT_COUNT] for card in cards)

    def parse(self, text: str) -> tuple[int, ...]:
        """Return the cards that ``text`` names: ``AhKd``, ``Ah Kd`` or ``Ah,Kd``.

        Raises:
            UsageError: a card that the deck does not have, half a card, or a card twice.
        """
        compact = "".join(plain_text(text).replace(",", " ").split())
        cards: list[int] = []
        for start in range(0, len(compact), 2):
            card = self._card(compact[start : start + 2], text)
            if card in cards:
                raise UsageError(f"card {compact[start : start + 2]!r} appears twice in {text!r}")
            cards.append(card)
        return tuple(cards)

    def _card(self, name: str, text: str) -> int:
        rank = self.ranks.find(name[:1].upper())
        suit = SUITS.find(name[1:].lower())
        if len(name) != 2 or rank < 0 or suit < 0:
            raise UsageError(
                f"{name!r} in {text!r} is no card of the {self.name} deck:"
                f" write a rank of {self.ranks} and a suit of {SUITS}, e.g. 'Ah'"
            )
        return SUIT_COUNT * rank + suit

    def check(self, cards: Sequence[int]) -> None:
        """Refuse numbers that are no cards of this deck, and duplicates.

        Raises:
            UsageError: naming the first offender.
        """
        for place, card in enumerate(cards):
            if not 0 <= card < self.card_count:
                raise UsageError(
                    f"card number {card} is outside 0..{self.card_count - 1}"
                    f" of the {self.name} deck"
                )
            if card in cards[:place]:
                raise UsageError(f"card {self.text([card])!r} appears twice")


STANDARD = Deck("standard", "23456789TJQKA")
#: Six-plus hold'em: a flush beats a full house, a straight still beats three of a kind, and
#: A-6-7-8-9 is the lowest straight (Triton rules).
SHORT = Deck("short", "6789TJQKA", flush_beats_full_house=True)
#: Twenty cards, ten to ace: small enough to try an idea, or a test, in a second.
ROYAL = Deck("royal", "TJQKA")

DECKS = {deck.name: deck for deck in (STANDARD, SHORT, ROYAL)}


def deck_named(name: str) -> Deck:
    """Return the deck called ``name``.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name not in DECKS:
        raise UsageError(f"unknown deck {name!r}: expected one of {', '.join(DECKS)}")
    return DECKS[name]
