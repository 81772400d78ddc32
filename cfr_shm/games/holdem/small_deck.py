"""Hold'em with every deal listed: small decks, and few hands on a fixed board of any deck.

The deck's ranks are the highest of the standard deck, its cards numbered as there. A bucket is
what a player has seen, street by street, up to renaming suits as far as that leaves the game as
it is (cards/suits.py): nothing is forgotten, so that best responses are exact. The showdown of a
small deck is by the cards that are dealt and no others: five to seven make the best five-card
hand; fewer are ranked by how often their ranks occur (four of a kind, three, two pairs, a pair,
nothing) and then by rank, without straights and flushes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import STANDARD, SUIT_COUNT, Deck
from cfr_shm.cards.evaluator import evaluate_all
from cfr_shm.cards.suits import Renaming, every_renaming, kept_renamings
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.seen_hands import SeenHands, cards_of, cards_of_each, number_rows
from cfr_shm.games.trees.deals import MAX_DEALS, table_deals
from cfr_shm.layout.cards import HOLE_CARDS
from cfr_shm.layout.deals import Deals

_Ints = NDArray[np.int64]


class SmallDeck(NamedTuple):
    """The highest ``ranks`` ranks of the standard deck in the first ``suits`` suits."""

    ranks: int
    suits: int

    @property
    def is_whole(self) -> bool:
        """Return whether it is the standard deck itself."""
        return (self.ranks, self.suits) == (STANDARD.rank_count, SUIT_COUNT)

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
    hands: tuple[SeenHands, ...]
    renamings: tuple[Renaming, ...]  # that hands are merged by


class Drawn(NamedTuple):
    """All deals card by card, before any that look alike are merged."""

    weight: NDArray[np.float64]  # (deals,)
    bucket: _Ints  # (deals, players, streets), a number for what each player has seen
    strength: _Ints  # (deals, players), dense: who beats whom
    hands: tuple[SeenHands, ...]
    renamings: tuple[Renaming, ...]


def list_deals(
    deck: SmallDeck,
    player_count: int,
    board_cards: Sequence[int],
    *,
    board: Sequence[int] = (),
    ranges: Sequence[NDArray[np.float64]] | None = None,
) -> ListedDeals:
    """List what can be dealt, with its probability; the arguments are those of ``draw_all``.

    Raises:
        GameError: as ``draw_all`` says.
    """
    drawn = draw_all(deck, player_count, board_cards, board=board, ranges=ranges)
    deals = table_deals(drawn.weight, drawn.bucket, drawn.strength)
    return ListedDeals(deals, drawn.hands, drawn.renamings)


def draw_all(
    deck: SmallDeck,
    player_count: int,
    board_cards: Sequence[int],
    *,
    showdown_cards: int = 0,
    board: Sequence[int] = (),
    ranges: Sequence[NDArray[np.float64]] | None = None,
    ranking: Deck = STANDARD,
) -> Drawn:
    """List what can be dealt.

    Args:
        deck: the deck.
        player_count: at least 2.
        board_cards: cards dealt to the board before the betting of each street.
        showdown_cards: cards dealt to the board after the last betting.
        board: the first of them all, where they are fixed.
        ranges: weights by player over the hands of the standard deck, None for all alike.
        ranking: whose rules rank hands of five and more cards, with as many ranks as the deck.

    Raises:
        GameError: nothing can be dealt, or so much that no list holds it.
    """
    if any(card not in deck.cards for card in board):
        raise GameError(f"game.board: the deck has no {STANDARD.text(board)}")
    symmetric = ranges is None and not board
    parts = deal_parts(board_cards, showdown_cards, board)
    masks, weight = _all_deals(deck, player_count, parts, ranges, symmetric)
    if len(weight) == 0:
        raise GameError("game.ranges: no deal is possible: each shares a card with another hand")
    renamings = merging_renamings(deck, parts, ranges)
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
        found, names = number_rows(seen, renamings)
        bucket[:, :, street] = found.reshape(player_count, -1).T
        hands.append(names)
    strength = np.column_stack(
        [_strengths(masks[:, player] | _union(public), ranking) for player in range(player_count)]
    )
    return Drawn(weight, bucket, _dense(strength), tuple(hands), renamings)


def merging_renamings(
    deck: SmallDeck, parts: Sequence[tuple[int, int]], ranges: Sequence[NDArray[np.float64]] | None
) -> tuple[Renaming, ...]:
    """Return the group of renamings that hands are merged by: those that leave the game as it is.

    Where everybody sees all fixed cards from the first street on, whatever hands are merged have
    them alike; with ranges that tell no suits apart hands are then merged by all renamings, which
    makes the same classes and keeps their numbers.
    """
    fixed = [cards_of(mask) for mask, _ in parts]
    every = every_renaming(deck.suits)
    (first, left), later = parts[0], parts[1:]
    shown = not any(mask for mask, _ in later) and (first == 0 or left == 0)
    if shown and not deck.is_whole and _kept(deck, ranges, ()) == every:
        return every
    return _kept(deck, ranges, fixed)


def _kept(
    deck: SmallDeck,
    ranges: Sequence[NDArray[np.float64]] | None,
    fixed: Sequence[Sequence[int]],
) -> tuple[Renaming, ...]:
    return kept_renamings(STANDARD, ranges, fixed, suit_count=deck.suits, dealt=deck.cards)


def count_deals(
    deck: SmallDeck,
    player_count: int,
    board_cards: Sequence[int],
    showdown_cards: int,
    board: Sequence[int],
    ranges: Sequence[NDArray[np.float64]] | None,
) -> int | None:
    """Return how many deals ``draw_all`` would list, None where they are too many.

    Raises:
        GameError: the board has more cards than are dealt.
    """
    parts = deal_parts(board_cards, showdown_cards, board)
    left = len(deck.cards) - HOLE_CARDS * player_count - len(board)
    run_outs = 1
    for _, count in parts:
        run_outs *= math.comb(left, count)
        left -= count
    used = np.full(1, sum(mask for mask, _ in parts), np.int64)
    rows, weight = np.zeros((1, 0), np.int64), np.ones(1)
    hands = _sets(deck.cards, HOLE_CARDS)
    try:
        for player in range(player_count):
            weights = np.ones(len(hands)) if ranges is None else _weights(hands, ranges[player])
            rows, weight, used = _extended(
                rows, weight, used, hands, weights, MAX_DEALS // max(run_outs, 1)
            )
    except GameError:
        return None
    return len(rows) * run_outs


def hand_strengths(
    hands: NDArray[np.int64], board: Sequence[int], ranking: Deck = STANDARD
) -> _Ints:
    """Return (hands,) the strength of hole cards with a board; higher wins, equal ties."""
    held = (1 << hands.astype(np.int64)).sum(axis=1)
    return _strengths(held | sum(1 << card for card in board), ranking)


def deal_parts(
    board_cards: Sequence[int], showdown_cards: int, board: Sequence[int]
) -> list[tuple[int, int]]:
    """Return, for each street and the showdown, the mask of fixed cards and how many more come."""
    parts, left = [], list(board)
    for count in (*board_cards, *([showdown_cards] if showdown_cards else [])):
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
            kind, _ = number_rows(hands[:, None], every_renaming(deck.suits))
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
    rows: _Ints,
    weight: NDArray[np.float64],
    used: _Ints,
    sets: _Ints,
    weights: NDArray[np.float64],
    most: int = MAX_DEALS,
) -> tuple[_Ints, NDArray[np.float64], _Ints]:
    """Deal one more set of cards to every row, in every way that is possible."""
    sets, weights = sets[weights > 0.0], weights[weights > 0.0]
    if len(rows) * len(sets) > 1 << 28:
        raise GameError(_too_many())
    row, dealt = np.nonzero((used[:, None] & sets[None, :]) == 0)
    if len(row) > most:
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
    low, high = cards_of_each(hands).astype(np.int64).T
    found: NDArray[np.float64] = weights[high * (high - 1) // 2 + low]
    return found


def _union(masks: _Ints) -> _Ints:
    union: _Ints = np.bitwise_or.reduce(masks, axis=1)
    return union


def _strengths(masks: _Ints, ranking: Deck) -> _Ints:
    """Return the strength of each row's cards; higher wins."""
    distinct, inverse = np.unique(masks, return_inverse=True)
    cards = cards_of_each(distinct)
    if cards.shape[1] >= 5:
        found = evaluate_all(ranking, cards - _lowest_card(ranking)).astype(np.int64)
    else:
        found = np.array([_by_ranks(row) for row in (cards // SUIT_COUNT).tolist()], np.int64)
    strengths: _Ints = found[inverse.reshape(-1)]
    return strengths


def _lowest_card(ranking: Deck) -> np.uint8:
    """Return the number in the standard deck of a deck's lowest card."""
    return np.uint8(STANDARD.card_count - ranking.card_count)


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
