"""Suits that nothing tells apart: the one place that says which hands and boards may be merged.

A *renaming* gives each suit another name: ``images[suit]`` is what the suit is called then. Two
hands, or a hand with a board, may be played alike if some renaming turns one into the other and
leaves the game as it is: every range with its weights, and every card that is fixed. Those
renamings are a group, so that being alike is the same from both sides; with ranges that name
suits, or a fixed board, it is smaller than that of all renamings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.ranges import hand_pairs

#: Images of the four suits.
Renaming = tuple[int, ...]


def every_renaming(suit_count: int = SUIT_COUNT) -> tuple[Renaming, ...]:
    """Return all renamings of the first suits, the identity first; later suits stay.

    >>> every_renaming(2)
    ((0, 1, 2, 3), (1, 0, 2, 3))
    """
    rest = tuple(range(suit_count, SUIT_COUNT))
    return tuple((*images, *rest) for images in permutations(range(suit_count)))


def kept_renamings(
    deck: Deck,
    ranges: Sequence[NDArray[np.float64]] | None = None,
    fixed: Iterable[Sequence[int]] = (),
    *,
    suit_count: int = SUIT_COUNT,
    dealt: Sequence[int] | None = None,
) -> tuple[Renaming, ...]:
    """Return the renamings that leave ranges and fixed cards as they are, the identity first.

    Args:
        deck: whose cards and hands are numbered.
        ranges: (hands,) weights for each player, None for all hands alike.
        fixed: sets of cards that lie on every board, one for each time that cards are dealt.
        suit_count: the first so many suits are in the game.
        dealt: the cards of the game, None for the whole deck. What hands weigh that hold other
            cards, or fixed ones, does not count.

    >>> from cfr_shm.cards.deck import STANDARD
    >>> [len(kept_renamings(STANDARD, None, [STANDARD.parse(board)])) for board in
    ...  ("", "AsKsQs", "AsKsQh", "AsKhQd")]
    [24, 6, 2, 1]
    """
    sets = [frozenset(cards) for cards in fixed]
    held = _possible(deck, dealt, frozenset().union(*sets))
    weights = [np.where(held, each, 0.0) for each in ranges or ()]
    return tuple(
        images
        for images in every_renaming(suit_count)
        if all({renamed_card(card, images) for card in cards} == cards for cards in sets)
        and all(np.array_equal(each[renamed_hands(deck, images)], each) for each in weights)
    )


def renamed_card(card: int, images: Renaming) -> int:
    """Return a card with its suit renamed."""
    return card - card % SUIT_COUNT + images[card % SUIT_COUNT]


@cache
def renamed_hands(deck: Deck, images: Renaming) -> NDArray[np.int64]:
    """Return (hands,) the number of what each hand is called after a renaming."""
    cards = hand_pairs(deck)
    named = cards - cards % SUIT_COUNT + np.array(images)[cards % SUIT_COUNT]
    low, high = named.min(axis=1), named.max(axis=1)
    numbers: NDArray[np.int64] = high * (high - 1) // 2 + low
    numbers.flags.writeable = False
    return numbers


def hand_orbits(deck: Deck, renamings: Sequence[Renaming]) -> NDArray[np.int64]:
    """Return (hands,) numbers from 0, equal for hole hands that a renaming turns into each other.

    Args:
        deck: the deck.
        renamings: a group.

    >>> from cfr_shm.cards.deck import STANDARD
    >>> int(hand_orbits(STANDARD, every_renaming()).max()) + 1
    169
    """
    least = np.min([renamed_hands(deck, images) for images in renamings], axis=0)
    _, orbit = np.unique(least, return_inverse=True)
    return orbit.reshape(-1).astype(np.int64)


def _possible(deck: Deck, dealt: Sequence[int] | None, fixed: frozenset[int]) -> NDArray[np.bool_]:
    """Return (hands,) which hands can be dealt at all."""
    free = np.zeros(deck.card_count, np.bool_)
    free[list(range(deck.card_count) if dealt is None else dealt)] = True
    free[list(fixed)] = False
    pairs = hand_pairs(deck)
    possible: NDArray[np.bool_] = free[pairs[:, 0]] & free[pairs[:, 1]]
    return possible
