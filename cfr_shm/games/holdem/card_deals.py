"""Deals of hold'em with a bucket file: the arrays that kernels/holdem/card_deal.py reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.bucket_file import bytes_of
from cfr_shm.cards.buckets import Buckets
from cfr_shm.cards.deck import Deck
from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.isomorphism import BOARD_CARDS
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.errors import GameError
from cfr_shm.games.trees.deals import alias_table, frozen
from cfr_shm.layout.cards import (
    BUCKET_ARRAYS,
    CARD_SETTINGS,
    CARDS_IN_DECK,
    FIRST_STREET,
    FIXED_BOARD_CARDS,
    FULL_BOARD,
    HOLE_CARDS,
    RANGES_WEIGHTED,
    CardDeals,
)
from cfr_shm.layout.deals import DEALS_HOLDEM, Deals

#: Ranges collide in every deal but so few: then the kernel would draw hands all day.
LEAST_ACCEPTED = 1e-4
_TRIALS = 1 << 18

Weights = NDArray[np.float64]


def holdem_deals(
    buckets: Buckets,
    player_count: int,
    street_count: int,
    *,
    first_street: int = 0,
    board: Sequence[int] = (),
    ranges: Sequence[Weights] | None = None,
) -> Deals:
    """Deal hole cards from ranges, and a full board, whatever number of streets is played.

    Args:
        buckets: opened bucket file; its arrays are taken as they are.
        player_count: at least 2.
        street_count: streets on which there is betting; their buckets are dealt.
        first_street: of the cards, 0 preflop to 3 river; the game's first.
        board: cards of the board that are fixed, in the order in which they are dealt; the
            others are drawn.
        ranges: (hands,) weights for each player, None for all hands alike.

    Raises:
        GameError: more streets than there are, ranges that leave nothing to deal, or that
            collide in nearly every deal.
    """
    if not 1 <= street_count <= len(BOARD_CARDS) - first_street:
        raise GameError(f"{street_count} streets from street {first_street} on; there are 4")
    if len(board) > FULL_BOARD:
        raise GameError(f"game.board: {len(board)} cards; a board has {FULL_BOARD}")
    deck = buckets.deck
    deck.check(board)
    if FULL_BOARD + HOLE_CARDS * player_count > deck.card_count:
        raise GameError(f"{player_count} players are too many for the {deck.name} deck")
    setting = np.zeros(CARD_SETTINGS, np.int64)
    setting[CARDS_IN_DECK] = deck.card_count
    setting[FIXED_BOARD_CARDS] = len(board)
    setting[FIRST_STREET] = first_street
    weights = _possible(deck, player_count, ranges, board)
    setting[RANGES_WEIGHTED] = int(weights is not None)
    fixed = np.zeros(FULL_BOARD, np.int64)
    fixed[: len(board)] = board
    counts = buckets.counts[first_street : first_street + street_count]
    return frozen(
        Deals(
            kind=DEALS_HOLDEM,
            probability=np.ones(1),
            alias_threshold=np.ones(1),
            alias_other=np.zeros(1, np.int32),
            bucket=np.zeros((1, player_count, street_count), np.int32),
            strength=np.zeros((1, player_count), np.int32),
            bucket_count=np.tile(np.array(counts, np.int64), (player_count, 1)),
            cards=_cards(buckets, setting, fixed, weights, player_count),
        )
    )


def _cards(
    buckets: Buckets,
    setting: NDArray[np.int64],
    fixed_board: NDArray[np.int64],
    weights: list[Weights] | None,
    player_count: int,
) -> CardDeals:
    index, ranks = buckets.index, hand_rank_tables(buckets.deck)
    found = {
        **index._asdict(),
        **ranks._asdict(),
        **_range_tables(buckets.deck, weights, player_count),
    }
    found |= {"setting": setting, "fixed_board": fixed_board}
    found["bucket_bytes"] = np.array([each.dtype.itemsize for each in buckets.bucket], np.int64)
    found |= {
        name: bytes_of(each) for name, each in zip(BUCKET_ARRAYS, buckets.bucket, strict=True)
    }
    return CardDeals(**{name: found[name] for name in CardDeals._fields})


def _range_tables(
    deck: Deck, weights: list[Weights] | None, player_count: int
) -> dict[str, NDArray[np.generic]]:
    """Return each player's alias table over the hands that its range holds."""
    if weights is None:
        return {
            "range_first": np.zeros(player_count + 1, np.int64),
            "range_hole": np.zeros((1, HOLE_CARDS), np.int64),
            "range_threshold": np.ones(1),
            "range_other": np.zeros(1, np.int64),
        }
    pairs = hand_pairs(deck)
    held = [np.flatnonzero(each) for each in weights]
    tables = [
        alias_table(each[hands] / each[hands].sum())
        for each, hands in zip(weights, held, strict=True)
    ]
    return {
        "range_first": np.cumsum([0, *map(len, held)]).astype(np.int64),
        "range_hole": np.concatenate([pairs[hands] for hands in held]),
        "range_threshold": np.concatenate([threshold for threshold, _ in tables]),
        "range_other": np.concatenate([other for _, other in tables]).astype(np.int64),
    }


def _possible(
    deck: Deck, player_count: int, ranges: Sequence[Weights] | None, board: Sequence[int]
) -> list[Weights] | None:
    """Return the ranges without hands that the board holds, None where all hands are alike.

    Raises:
        GameError: no hand of a player's range is left, or the hands collide too often.
    """
    if ranges is None:
        return None
    if len(ranges) != player_count:
        raise GameError(f"{len(ranges)} ranges for {player_count} players; give one for each")
    # A board takes the same hands from all who hold every hand.
    if all(np.all(each == each[0]) and each[0] > 0.0 for each in ranges):
        return None
    blocked = np.isin(hand_pairs(deck), np.array(board, np.int64)).any(axis=1)
    weights = [np.where(blocked, 0.0, each) for each in ranges]
    for player, each in enumerate(weights):
        if not each.any():
            raise GameError(
                f"game.ranges: the board {deck.text(board)} holds a card of every hand of"
                f" player {player}'s range; widen it"
            )
    share = _accepted_share(deck, weights)
    if share < LEAST_ACCEPTED:
        raise GameError(
            "game.ranges: the players' hands share a card in nearly every deal (fewer than one"
            f" in {1 / LEAST_ACCEPTED:,.0f} is possible); widen the ranges"
        )
    return weights


def _accepted_share(deck: Deck, weights: list[Weights]) -> float:
    """Estimate how many draws, each player's by itself, give hands without a common card."""
    pairs = hand_pairs(deck)
    bits = (1 << pairs[:, 0]) | (1 << pairs[:, 1])
    random = np.random.default_rng(0)
    used = np.zeros(_TRIALS, np.int64)
    free = np.ones(_TRIALS, np.bool_)
    for each in weights:
        drawn = bits[random.choice(len(each), _TRIALS, p=each / each.sum())]
        free &= (used & drawn) == 0
        used |= drawn
    return float(free.mean())
