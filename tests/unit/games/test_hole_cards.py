"""The hole cards of a dealt game against the bucket file that it was built with."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file
from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.ranges import hand_pairs, parse_range
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.card_deals import holdem_deals
from cfr_shm.games.holdem.hole_cards import DealtCards, ListedCards, check_board
from cfr_shm.games.holdem.small_deck import SmallDeck, list_deals

BOARD = ROYAL.parse("TdJcAhQs")


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    spec = BucketSpec(deck="royal", methods=FAMILIES["percentile"], counts=(20, 300, 9, 8))
    return build_file(spec, tmp_path_factory.mktemp("buckets") / "royal", workers=1)


@pytest.mark.parametrize(("first", "street"), [(0, 0), (0, 1), (0, 2), (1, 0), (2, 1)])
def test_buckets_are_those_of_the_file(buckets, first, street):
    board = (*BOARD, 0)[: (0, 3, 4, 5)[first + street]]
    cards = DealtCards(holdem_deals(buckets, 2, 4 - first, first_street=first, board=board))
    assert cards.deck is ROYAL
    assert cards.fixed_board == board
    assert cards.board_count(street) == len(board)
    assert cards.bucket_count(1, street) == buckets.counts[first + street]
    hands, _ = cards.hands(0)
    hands = hands[~np.isin(hands, board).any(axis=1)]
    found = cards.buckets(0, street, hands, board)
    assert found.tolist() == [buckets.lookup(hand.tolist(), board) for hand in hands]


def test_every_hand_is_held_where_there_are_no_ranges(buckets):
    hands, weight = DealtCards(holdem_deals(buckets, 2, 4)).hands(1)
    assert hands.tolist() == hand_pairs(ROYAL).tolist()
    assert set(weight.tolist()) == {1.0}


def test_ranges_come_back_with_their_weights(buckets):
    texts = ["AA,KQs:0.5,JTo:0.25", "*"]
    ranges = [parse_range(ROYAL, text) for text in texts]
    cards = DealtCards(holdem_deals(buckets, 2, 4, ranges=ranges))
    for seat, expected in enumerate(ranges):
        hands, weight = cards.hands(seat)
        pairs = hand_pairs(ROYAL)[expected > 0]
        assert hands.tolist() == pairs.tolist()
        assert weight == pytest.approx(expected[expected > 0])


def test_boards_must_begin_with_the_games_own(buckets):
    cards = DealtCards(holdem_deals(buckets, 2, 3, first_street=1, board=BOARD[:3]))
    check_board(cards, 0, BOARD[:3])
    check_board(cards, 1, BOARD)
    with pytest.raises(UsageError, match="TdJcKhQs does not begin with the game's own, TdJcAh"):
        check_board(cards, 1, ROYAL.parse("TdJcKhQs"))
    with pytest.raises(UsageError, match="a board of 4 cards where 3 lie"):
        check_board(cards, 0, BOARD)


# --- small decks -------------------------------------------------------------------------------


@pytest.mark.parametrize(("ranks", "suits", "board_cards"), [(3, 4, (0, 3)), (4, 2, (0, 1, 1))])
def test_hands_of_small_decks_have_the_buckets_that_are_listed(ranks, suits, board_cards):
    small = SmallDeck(ranks, suits)
    listed = list_deals(small, 2, board_cards)
    cards = ListedCards(small, board_cards, listed.hands)
    assert cards.dealt == tuple(small.cards)
    rng = np.random.default_rng(1)
    board = tuple(rng.permutation(small.cards)[: sum(board_cards)].tolist())
    for street, texts in enumerate(listed.hands):
        count = sum(board_cards[: street + 1])
        assert cards.board_count(street) == count
        assert cards.bucket_count(0, street) == len(texts)
        hands, weight = cards.hands(0)
        assert len(hands) == len(weight) == len(small.cards) * (len(small.cards) - 1) // 2
        hands = hands[~np.isin(hands, board).any(axis=1)]
        found = cards.buckets(0, street, hands, board[:count])
        # Alike up to suits, street by street: what a player has seen, written another way.
        parts = [board[sum(board_cards[:s]) : sum(board_cards[: s + 1])] for s in range(street + 1)]
        for one, other in itertools.combinations(range(len(hands)), 2):
            alike = any(
                [renamed(part, images) for part in (hands[one].tolist(), *parts)]
                == [renamed(part, range(4)) for part in (hands[other].tolist(), *parts)]
                for images in itertools.permutations(range(suits))
            )
            assert alike == (found[one] == found[other])


def renamed(part, images):
    return sorted(4 * (card // 4) + images[card % 4] for card in part)


def test_ranges_of_small_decks():
    small = SmallDeck(3, 4)
    ranges = (parse_range(STANDARD, "AA,KQs:0.5"), parse_range(STANDARD, "*"))
    cards = ListedCards(small, (0,), list_deals(small, 2, (0,), ranges=ranges).hands, (), ranges)
    hands, weight = cards.hands(0)
    assert len(hands) == 6 + 4
    assert sorted(set(weight.tolist())) == [0.5, 1.0]
    assert len(cards.hands(1)[0]) == 66


def test_cards_that_a_small_deck_lacks_are_refused():
    small = SmallDeck(3, 4)
    cards = ListedCards(small, (0, 3), list_deals(small, 2, (0, 3)).hands)
    with pytest.raises(UsageError, match="the card 2c is not in the game's deck, which has 12"):
        check_board(cards, 1, STANDARD.parse("AhKd2c"))
