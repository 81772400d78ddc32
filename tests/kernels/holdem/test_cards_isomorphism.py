"""Boards and hands up to renaming suits: exact counts, nothing missing, nothing twice."""

import itertools
import math

import numpy as np
import pytest
from brute_force_evaluator import simplest

from cfr_shm.cards.deck import DECKS, ROYAL, SHORT, STANDARD
from cfr_shm.cards.isomorphism import (
    BOARD_CARDS,
    card_index,
    hand_number,
    hand_numbers,
    representative,
)
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.clustering import weigh_hands
from cfr_shm.kernels.jit import JIT_DISABLED

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")


@needs_compilation
def test_the_counts_of_the_standard_deck_are_the_known_ones():
    index = card_index(STANDARD)
    assert np.diff(index.first_board).tolist() == [1, 1755, 16_432, 134_459]
    assert np.diff(index.first_raw).tolist() == [1, 22_100, 270_725, 2_598_960]
    assert index.hand_count.tolist() == [169, 1_286_792, 13_960_050, 123_156_254]


@pytest.mark.parametrize("street", range(4))
@pytest.mark.parametrize("deck", DECKS.values(), ids=lambda deck: deck.name)
def test_weights_sum_to_all_deals(deck, street):
    if JIT_DISABLED and deck is not ROYAL:
        pytest.skip("takes minutes when interpreted")
    index = card_index(deck)
    boards = index.first_board
    weight = np.zeros(int(index.hand_count[street]), np.int32)
    weigh_hands(index, int(boards[street]), int(boards[street + 1]), weight)
    n, board = deck.card_count, BOARD_CARDS[street]
    assert weight.min() > 0
    assert weight.sum(dtype=np.int64) == math.comb(n, board) * math.comb(n - board, 2)
    held = index.board_weight[boards[street] : boards[street + 1]]
    assert held.sum() == math.comb(n, board)


def all_hands(deck, street):
    """Every deal of a street: hole cards, then board."""
    rows = [
        (*hole, *board)
        for board in itertools.combinations(range(deck.card_count), BOARD_CARDS[street])
        for hole in itertools.combinations([c for c in range(deck.card_count) if c not in board], 2)
    ]
    return np.array(rows, np.uint8)


def test_numbers_are_equal_exactly_for_hands_that_differ_in_suits():
    """All 155,040 flop hands of twenty cards, against the least of 24 renamings."""
    hands = all_hands(ROYAL, 1)[::7]
    numbers = hand_numbers(ROYAL, 1, hands)
    number_of, form_of = {}, {}
    for hand, number in zip(hands.tolist(), numbers.tolist(), strict=True):
        form = simplest(hand[:2], hand[2:])
        assert number_of.setdefault(form, number) == number
        assert form_of.setdefault(number, form) == form


@needs_compilation
@pytest.mark.parametrize("street", [0, 1, 2])
def test_numbers_leave_no_gap_and_weigh_as_many_deals_as_they_stand_for(street):
    index = card_index(ROYAL)
    numbers = hand_numbers(ROYAL, street, all_hands(ROYAL, street))
    weight = np.zeros(int(index.hand_count[street]), np.int32)
    boards = index.first_board
    weigh_hands(index, int(boards[street]), int(boards[street + 1]), weight)
    assert np.array_equal(np.bincount(numbers, minlength=len(weight)), weight)


@needs_compilation
@pytest.mark.parametrize("deck", [STANDARD, SHORT], ids=lambda deck: deck.name)
@pytest.mark.parametrize("street", range(4))
def test_every_number_comes_back_from_its_representative(deck, street):
    """Onto and without collisions: the map back is a right inverse, counts are exact."""
    count = int(card_index(deck).hand_count[street])
    random = np.random.default_rng(street)
    for number in [0, count - 1, *random.integers(0, count, 300).tolist()]:
        hole, board = representative(deck, street, number)
        assert hand_number(deck, hole, board) == number


@needs_compilation
@pytest.mark.slow
def test_every_river_number_is_reached_from_canonical_boards():
    """All 123,156,254 hands of the 134,459 canonical rivers, each number as often as its orbit."""
    index = card_index(STANDARD)
    first, last = index.first_board[3:5]
    seen = np.zeros(int(index.hand_count[3]), np.uint8)
    pairs = np.array(list(itertools.combinations(range(47), 2)))
    from cfr_shm.cards.isomorphism import board_cards

    rows = np.empty((len(pairs), 7), np.uint8)
    for board in range(int(first), int(last)):
        held = board_cards(index, board)
        free = np.array([card for card in range(52) if card not in held], np.uint8)
        rows[:, :2] = free[pairs]
        rows[:, 2:] = held
        np.add.at(seen, hand_numbers(STANDARD, 3, rows), 1)
    assert seen.min() >= 1
    assert seen.max() <= 24


def test_the_index_is_read_only():
    assert not any(array.flags.writeable for array in card_index(ROYAL))


@pytest.mark.parametrize(
    ("hole", "board", "words"),
    [
        ((0,), (), "2 hole cards, found 1"),
        ((0, 1), (2, 3), "0, 3, 4 or 5 cards, found 2"),
        ((0, 1), (2, 3, 4, 5, 6, 7), "found 6"),
        ((0, 0), (), "appears twice"),
        ((0, 1), (1, 2, 3), "appears twice"),
        ((0, 20), (), r"outside 0\.\.19"),
    ],
)
def test_impossible_hands_are_refused(hole, board, words):
    with pytest.raises(UsageError, match=words):
        hand_number(ROYAL, hole, board)


def test_impossible_numbers_are_refused():
    with pytest.raises(UsageError, match=r"outside 0\.\.24 of the preflop"):
        representative(ROYAL, 0, 25)
