"""Hold'em on small decks: every deal listed, and every hand a bucket of its own up to suits.

The deck's ranks are the highest of the standard deck, its cards numbered as there. A bucket is
what a player has seen, street by street, up to renaming suits: nothing is forgotten, so that
best responses are exact. The showdown is by the cards that are dealt and no others: five to
seven make the best five-card hand; fewer are ranked by how often their ranks occur (four of a
kind, three, two pairs, a pair, nothing) and then by rank, without straights and flushes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import STANDARD, SUIT_COUNT
from cfr_shm.cards.evaluator import evaluate_all
from cfr_shm.cards.ranges import hand_of
from cfr_shm.errors import GameError
from cfr_shm.games.trees.deals import MAX_DEALS, table_deals
from cfr_shm.layout.cards import HOLE_CARDS
from cfr_shm.layout.deals import Deals

_Ints = NDArray[np.int64]


class SmallDeck(NamedTuple):
    """The highest ``ranks`` ranks of the standard deck in the first ``suits`` suits."""

    ranks: int
    suits: int

    @property
    def cards(self) -> list[int]:
        """Return its cards, numbered as in the standard deck."""
        lowest = STANDARD.rank_count - self.ranks
        return [
            SUIT_COUNT * rank + suit
            for rank in range(lowest, STANDARD.rank_count)
            for suit in range(self.suits)
        ]


class ListedDeals(NamedTuple):
    """All deals, and a hand as text for each bucket of each street."""

    deals: Deals
    hands: tuple[tuple[str, ...], ...]


def list_deals(
    deck: SmallDeck,
    player_count: int,
    board_cards: Sequence[int],
    *,
    board: Sequence[int] = (),
    ranges: Sequence[NDArray[np.float64]] | None = None,
) -> ListedDeals:
    """List what can be dealt, with its probability.

    Args:
        deck: the deck.
        player_count: at least 2.
        board_cards: cards dealt to the board before the betting of each street.
        board: the first of them, where they are fixed.
        ranges: weights by player over the hands of the standard deck, None for all alike.

    Raises:
        GameError: nothing can be dealt, or so much that no list holds it.
    """
    if any(card not in deck.cards for card in board):
        raise GameError(f"game.board: the deck has no {STANDARD.text(board)}")
    symmetric = ranges is None and not board
    masks, weight = _all_deals(deck, player_count, _parts(board_cards, board), ranges, symmetric)
    if len(weight) == 0:
        raise GameError("game.ranges: no deal is possible: each shares a card with another hand")
    public = masks[:, player_count:]
    bucket = np.empty((len(weight), player_count, len(board_cards)), np.int64)
    hands = []
    for street in range(len(board_cards)):
        seen = np.concatenate(
            [
                np.column_stack([masks[:, player], public[:, : street + 1]])
                for player in range(player_count)
            ]
        )
        found, names = _classes(seen, deck.suits)
        bucket[:, :, street] = found.reshape(player_count, -1).T
        hands.append(names)
    strength = np.column_stack(
        [_strengths(masks[:, player] | _union(public)) for player in range(player_count)]
    )
    deals = table_deals(weight, bucket, _dense(strength))
    return ListedDeals(deals, tuple(hands))


def hand_texts(
    deck: SmallDeck, hands: NDArray[np.uint8], parts: Sequence[Sequence[int]]
) -> list[str]:
    """Return the text that ``ListedDeals.hands`` has for each hand; equal up to suits.

    Args:
        deck: the deck.
        hands: (hands, 2) hole cards.
        parts: cards that were dealt to the board before each street so far, fixed ones too.
    """
    masks = [sum(1 << card for card in each) for each in (*hands.tolist(), *parts)]
    board = np.array(masks[len(hands) :], np.int64)
    seen = np.column_stack([masks[: len(hands)], np.tile(board, (len(hands), 1))]).astype(np.int64)
    found, names = _classes(seen, deck.suits)
    return [names[kind] for kind in found]


def hand_strengths(hands: NDArray[np.int64], board: Sequence[int]) -> _Ints:
    """Return (hands,) the strength of hole cards with a board; higher wins, equal ties."""
    held = (1 << hands[:, 0]) | (1 << hands[:, 1])
    return _strengths(held | sum(1 << card for card in board))


def _parts(board_cards: Sequence[int], board: Sequence[int]) -> list[tuple[int, int]]:
    """Return, for each street, the mask of its fixed cards and how many more are dealt."""
    parts, left = [], list(board)
    for count in board_cards:
        fixed, left = left[:count], left[count:]
        parts.append((sum(1 << card for card in fixed), count - len(fixed)))
    if left:
        raise GameError(f"game.board: {len(board)} cards, game.board_cards has {sum(board_cards)}")
    return parts


def _all_deals(
    deck: SmallDeck,
    player_count: int,
    parts: Sequence[tuple[int, int]],
    ranges: Sequence[NDArray[np.float64]] | None,
    symmetric: bool,
) -> tuple[_Ints, NDArray[np.float64]]:
    """Return (deals, players + streets) card masks, and the deals' weights.

    Where suits can be renamed the first player gets one hand of each kind, as often as there
    are hands of its kind: the list is shorter by as much.
    """
    fixed = sum(mask for mask, _ in parts)
    rows = np.zeros((1, 0), np.int64)
    weight = np.ones(1)
    used = np.full(1, fixed, np.int64)
    hands = _sets(deck.cards, HOLE_CARDS)
    for player in range(player_count):
        weights = np.ones(len(hands)) if ranges is None else _weights(hands, ranges[player])
        if symmetric and player == 0:
            kind, _ = _classes(hands[:, None], deck.suits)
            _, first, counts = np.unique(kind, return_index=True, return_counts=True)
            weights = np.zeros(len(hands))
            weights[first] = counts
        rows, weight, used = _extended(rows, weight, used, hands, weights)
    for mask, count in parts:
        sets = _sets(deck.cards, count)
        before = used
        rows, weight, used = _extended(rows, weight, before, sets, np.ones(len(sets)))
        rows[:, -1] |= mask
    return rows, weight


def _extended(
    rows: _Ints, weight: NDArray[np.float64], used: _Ints, sets: _Ints, weights: NDArray[np.float64]
) -> tuple[_Ints, NDArray[np.float64], _Ints]:
    """Deal one more set of cards to every row, in every way that is possible."""
    sets, weights = sets[weights > 0.0], weights[weights > 0.0]
    if len(rows) * len(sets) > 1 << 28:
        raise GameError(_too_many())
    row, dealt = np.nonzero((used[:, None] & sets[None, :]) == 0)
    if len(row) > MAX_DEALS:
        raise GameError(_too_many())
    grown = np.column_stack([rows[row], sets[dealt]])
    return grown, weight[row] * weights[dealt], used[row] | sets[dealt]


def _too_many() -> str:
    return (
        f"game.ranks: more than {MAX_DEALS:,} deals, too many to list; use fewer ranks, players "
        "or board cards, or a deck that has bucket files (game.suits 4 and game.ranks 13, 9 or 5 "
        "with abstraction.bucket_method)"
    )


def _sets(cards: Sequence[int], count: int) -> _Ints:
    """Return the masks of all sets of ``count`` cards."""
    if math.comb(len(cards), count) > MAX_DEALS:
        raise GameError(_too_many())
    return np.array([sum(1 << card for card in each) for each in combinations(cards, count)])


def _weights(hands: _Ints, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([weights[hand_of(*_cards_of(int(hand)))] for hand in hands])


def _cards_of(mask: int) -> list[int]:
    return [card for card in range(mask.bit_length()) if (mask >> card) & 1]


def _union(masks: _Ints) -> _Ints:
    union: _Ints = np.bitwise_or.reduce(masks, axis=1)
    return union


def _classes(seen: _Ints, suits: int) -> tuple[_Ints, tuple[str, ...]]:
    """Number what was seen up to renaming suits, and return a text for each number.

    Args:
        seen: (rows, sets) masks of cards.
        suits: how many suits the deck has.
    """
    distinct, inverse = np.unique(seen, axis=0, return_inverse=True)
    least = distinct
    for images in permutations(range(suits)):
        renamed = _renamed(distinct, images)
        least = np.where(_less(renamed, least)[:, None], renamed, least)
    kinds, kind = np.unique(least, axis=0, return_inverse=True)
    names = [
        " ".join(STANDARD.text(_cards_of(int(mask))[::-1]) for mask in row if mask) for row in kinds
    ]
    return kind.reshape(-1)[inverse.reshape(-1)], tuple(names)


def _renamed(masks: _Ints, images: Sequence[int]) -> _Ints:
    """Return the masks with suit s called ``images[s]``."""
    every = sum(1 << (SUIT_COUNT * rank) for rank in range(STANDARD.rank_count))
    renamed = np.zeros_like(masks)
    for suit, image in enumerate(images):
        renamed |= ((masks >> suit) & every) << image
    return renamed


def _less(left: _Ints, right: _Ints) -> NDArray[np.bool_]:
    """Compare rows lexicographically."""
    less = np.zeros(len(left), np.bool_)
    equal = np.ones(len(left), np.bool_)
    for column in range(left.shape[1]):
        less |= equal & (left[:, column] < right[:, column])
        equal &= left[:, column] == right[:, column]
    return less


def _strengths(masks: _Ints) -> _Ints:
    """Return the strength of each row's cards; higher wins."""
    distinct, inverse = np.unique(masks, return_inverse=True)
    cards = np.array([_cards_of(int(mask)) for mask in distinct], np.uint8)
    if cards.shape[1] >= 5:
        found = evaluate_all(STANDARD, cards).astype(np.int64)
    else:
        found = np.array([_by_ranks(row) for row in (cards // SUIT_COUNT).tolist()], np.int64)
    strengths: _Ints = found[inverse.reshape(-1)]
    return strengths


def _by_ranks(ranks: Sequence[int]) -> int:
    """Return a number for how often ranks occur, most often first, then for the ranks."""
    groups = sorted(((ranks.count(rank), rank) for rank in set(ranks)), reverse=True)
    number = 0
    padded = groups + [(0, 0)] * (4 - len(groups))
    for count, _ in padded:
        number = number * (SUIT_COUNT + 1) + count
    for _, rank in padded:
        number = number * STANDARD.rank_count + rank
    return number


def _dense(strength: _Ints) -> _Ints:
    """Number each deal's strengths from 0: who beats whom is all that counts."""
    dense = np.zeros_like(strength)
    ordered = np.sort(strength, axis=1)
    for player in range(strength.shape[1]):
        below = ordered < strength[:, player : player + 1]
        new = np.column_stack([np.ones(len(ordered), np.bool_), np.diff(ordered, axis=1) > 0])
        dense[:, player] = (below & new).sum(axis=1)
    return dense
