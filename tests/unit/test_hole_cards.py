"""The hole cards of a dealt game against the bucket file that it was built with."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file
from cfr_shm.cards.deck import ROYAL
from cfr_shm.cards.ranges import hand_pairs, parse_range
from cfr_shm.errors import UsageError
from cfr_shm.games.deals import no_deals
from cfr_shm.games.holdem_deals import holdem_deals
from cfr_shm.games.hole_cards import check_board, hole_cards_of

BOARD = ROYAL.parse("TdJcAhQs")


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    spec = BucketSpec(deck="royal", methods=FAMILIES["percentile"], counts=(20, 300, 9, 8))
    return build_file(spec, tmp_path_factory.mktemp("buckets") / "royal", workers=1)


def cards_of(deals):
    return hole_cards_of(SimpleNamespace(deals=deals))


@pytest.mark.parametrize(("first", "street"), [(0, 0), (0, 1), (0, 2), (1, 0), (2, 1)])
def test_buckets_are_those_of_the_file(buckets, first, street):
    board = (*BOARD, 0)[: (0, 3, 4, 5)[first + street]]
    cards = cards_of(holdem_deals(buckets, 2, 4 - first, first_street=first, board=board))
    assert cards.deck is ROYAL
    assert cards.fixed_board == board
    assert cards.board_count(street) == len(board)
    assert cards.bucket_count(1, street) == buckets.counts[first + street]
    hands, _ = cards.hands(0)
    hands = hands[~np.isin(hands, board).any(axis=1)]
    found = cards.buckets(0, street, hands, board)
    assert found.tolist() == [buckets.lookup(hand.tolist(), board) for hand in hands]


def test_every_hand_is_held_where_there_are_no_ranges(buckets):
    hands, weight = cards_of(holdem_deals(buckets, 2, 4)).hands(1)
    assert hands.tolist() == hand_pairs(ROYAL).tolist()
    assert set(weight.tolist()) == {1.0}


def test_ranges_come_back_with_their_weights(buckets):
    texts = ["AA,KQs:0.5,JTo:0.25", "*"]
    ranges = [parse_range(ROYAL, text) for text in texts]
    cards = cards_of(holdem_deals(buckets, 2, 4, ranges=ranges))
    for seat, expected in enumerate(ranges):
        hands, weight = cards.hands(seat)
        pairs = hand_pairs(ROYAL)[expected > 0]
        assert hands.tolist() == pairs.tolist()
        assert weight == pytest.approx(expected[expected > 0])


def test_boards_must_begin_with_the_games_own(buckets):
    cards = cards_of(holdem_deals(buckets, 2, 3, first_street=1, board=BOARD[:3]))
    check_board(cards, 0, BOARD[:3])
    check_board(cards, 1, BOARD)
    with pytest.raises(UsageError, match="TdJcKhQs does not begin with the game's own, TdJcAh"):
        check_board(cards, 1, ROYAL.parse("TdJcKhQs"))
    with pytest.raises(UsageError, match="a board of 4 cards where 3 lie"):
        check_board(cards, 0, BOARD)


def test_other_games_have_no_hole_cards():
    assert cards_of(no_deals(2)) is None
