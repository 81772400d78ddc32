"""The showdown sweep against comparing every hand with every other."""

import numpy as np
import pytest

from cfr_shm.cards.deck import SHORT, STANDARD
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.cards.showdown import hand_order, pair_up, showdown_sums
from cfr_shm.kernels.holdem.showdown import fold_values, showdown_values
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.showdown import Amounts

ROUNDS = 20 if JIT_DISABLED else 1_000

#: Boards that tie often: the board plays, or nearly so.
BOARDS = ["AsKsQsJsTs", "2c2d2h2sAc", "2c2d2h3s3d", "9h8h7h6h5h", "KcKdQcQd2h", "QsJh2h7c3d"]


def all_holes(deck, board):
    cards = [card for card in range(deck.card_count) if card not in board]
    return np.array([(a, b) for a in cards for b in cards if a > b])


def brute_force(deck, board, holes, weights, amounts):
    """Compare every hand of each side with every hand of the other, one by one."""
    strength = [{tuple(h): evaluate(deck, [*board, *h]) for h in side.tolist()} for side in holes]
    shown = [np.zeros(len(side)) for side in holes]
    folded = [np.zeros(len(side)) for side in holes]
    for me in range(2):
        for i, mine in enumerate(holes[me].tolist()):
            for j, yours in enumerate(holes[1 - me].tolist()):
                if set(mine) & set(yours):
                    continue
                weight = weights[1 - me][j]
                gap = strength[me][tuple(mine)] - strength[1 - me][tuple(yours)]
                shown[me][i] += weight * (
                    amounts.win if gap > 0 else amounts.lose if gap < 0 else amounts.tie
                )
                folded[me][i] += weight * amounts.win
    return shown, folded


def swept(deck, board, holes, weights, amounts):
    orders, rows = zip(*(hand_order(deck, board, side) for side in holes), strict=True)
    orders = pair_up(*orders)
    shown = [np.zeros(len(side)) for side in holes]
    folded = [np.zeros(len(side)) for side in holes]
    for me in range(2):
        values = np.zeros(len(rows[me]))
        reach = weights[1 - me][rows[1 - me]]
        sums = showdown_sums(deck)
        showdown_values(orders[me], orders[1 - me], reach, amounts, sums, values)
        shown[me][rows[me]] = values
        fold_values(orders[me], orders[1 - me], reach, amounts.win, sums, values)
        folded[me][rows[me]] = values
    return shown, folded


def test_the_sweep_equals_comparing_all_pairs_on_random_ranges():
    rng = np.random.default_rng(7)
    for turn in range(ROUNDS):
        deck = STANDARD if turn % 4 else SHORT
        if turn % 5 == 0 and deck is STANDARD:
            board = deck.parse(BOARDS[turn // 5 % len(BOARDS)])
        else:
            board = tuple(rng.permutation(deck.card_count)[:5].tolist())
        every = all_holes(deck, board)
        holes = [every[rng.permutation(len(every))[: rng.integers(1, 40)]] for _ in range(2)]
        if turn % 3 == 0:
            # The same hands on both sides, and many that share a card.
            holes[1] = holes[0][rng.permutation(len(holes[0]))]
        weights = [rng.random(len(side)) * (rng.random(len(side)) < 0.9) for side in holes]
        amounts = Amounts(*rng.normal(size=3))
        for fast, slow in zip(
            swept(deck, board, holes, weights, amounts),
            brute_force(deck, board, holes, weights, amounts),
            strict=True,
        ):
            for side in range(2):
                np.testing.assert_allclose(fast[side], slow[side], rtol=1e-9, atol=1e-11)


def test_hands_that_the_board_blocks_are_left_out():
    board = STANDARD.parse("AsKsQsJsTs")
    order, rows = hand_order(STANDARD, board, np.array([[51, 50], [50, 49]]))
    assert rows.tolist() == [1]
    assert (order.card_a.tolist(), order.card_b.tolist()) == ([50], [49])


@pytest.mark.parametrize("cards", [0, 3, 4])
def test_before_the_river_no_hand_has_a_strength(cards):
    board = STANDARD.parse("AsKsQsJsTs")[:cards]
    holes = np.array([[5, 4], [9, 8], [45, 1]])
    order, rows = hand_order(STANDARD, board, holes)
    assert order.strength.tolist() == [0, 0, 0]
    assert rows.tolist() == [0, 1, 2]
