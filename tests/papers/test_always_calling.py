"""What best responders win of somebody who always calls, or always folds: closed forms.

Against a seat that calls everything nothing is worth more than to wait and to bet everything on
the river with the better half of hands: E[max(2 HS - 1, 0)] of what is behind, HS being the
strength against a random hand. Its mean over all boards of each street is known, and summed
by limit's bets (1, 1, 2, 2) it is 1163.48 mbb, as in Johanson et al. 2011, "Accelerating best
response calculation in large extensive games", table 1.
"""

from __future__ import annotations

import numpy as np
import pytest
from small_decks import game_of, strategy_of

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.equity import (
    flop_strengths,
    preflop_strengths,
    river_strengths,
    turn_strengths,
)
from cfr_shm.cards.isomorphism import card_index, hand_weights
from cfr_shm.evaluation.exact_response import exact_response
from cfr_shm.evaluation.local_response import local_response
from cfr_shm.evaluation.sampled_response import sampled_response
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.betting import CALL, FOLD

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="thousands of boards need compiled kernels")

MBB = 1000 / 200
#: E[max(2 HS - 1, 0)] preflop, on the flop, turn and river.
PREFLOP, FLOP, TURN, RIVER = 0.0801971038, 0.1667725522, 0.2019988347, 0.2562542184
#: What local best response wins of a caller, of every big blind behind: bets on the turn too.
LOCAL = 244.39282
#: From Student's 95 % interval to 99.99 % of a normal one.
WIDER = 3.89 / 1.96

NO_LIMIT = """
game: {{name: holdem, blinds: [100, 200], stacks: {stack}bb}}
abstraction: {{preflop: [[allin]], flop: [[1], [allin]], turn: [[1], [allin]],
              river: [[allin]], bucket_method: percentile, bucket_counts: [169, 2, 2, 2]}}
"""
LIMIT = """
game: {name: holdem, betting: fixed_limit, blinds: [100, 200], stacks: 100bb}
abstraction: {max_raises: [2, 2, 2, 2], bucket_method: percentile, bucket_counts: [169, 2, 2, 2]}
"""
#: One bet of a chip for a chip, before any card.
ONE_BET = """
game: {name: holdem, blinds: [0, 0], dead: 2, big_blind: 1, stacks: 1, board_cards: [0]}
abstraction: {preflop: [[allin]], bucket_method: percentile, bucket_counts: [169]}
"""
#: A pot of 400 chips that is there before anybody bets.
RAKED = """
game: {name: holdem, blinds: [0, 0], dead: 400, big_blind: 200, stacks: 100bb, rake_fraction: 0.5}
abstraction: {preflop: [[allin]], flop: [[allin]], turn: [[allin]], river: [[allin]],
              bucket_method: percentile, bucket_counts: [169, 2, 2, 2]}
"""


def always(text, move, tmp_path):
    """A strategy that takes one move where it can, and else checks or calls."""
    game = game_of(text, tmp_path)
    moves = game.betting.move

    def of_row(_node, record, _bucket):
        first, count = int(record["first_child"]), int(record["count"])
        legal = moves[first : first + count].tolist()
        return np.eye(count)[legal.index(move if move in legal else CALL)]

    return strategy_of(game, of_row)


def check_around(found, exact, most):
    """Check that a sampled mean lies around a value, and that its interval says something."""
    half = (found.high - found.value) * WIDER
    assert abs(found.value - exact) < half < most


@pytest.mark.thorough
@pytest.mark.parametrize("stack", [100, 200])
def test_a_best_response_from_the_river_on_wins_what_waiting_wins(stack, tmp_path):
    """25,369.17 mbb at 100 big blinds, 50,994.59 at 200.

    Boards that play alone are rare and worth far less than all others, which are worth nearly
    the same: with few boards the mean lies beyond its interval.
    """
    calls = always(NO_LIMIT.format(stack=stack), CALL, tmp_path)
    found = sampled_response(calls, 3, 3000, seed=1)
    check_around(found.gain.scaled(MBB), (stack - 1) * 1000 * RIVER, stack * 1.5)
    assert found.gain.value == pytest.approx(sum(each.value for each in found.seats) / 2)


@pytest.mark.slow
def test_limit_is_worth_what_all_hands_of_all_streets_say():
    """1163.4758 mbb: a small bet before the flop and on it, a large one on turn and river."""
    river = river_strengths(STANDARD)
    turn = turn_strengths(STANDARD, river, histograms=False)
    flop = flop_strengths(STANDARD, turn)
    found = [worth(each) for each in (preflop_strengths(STANDARD, flop), flop, turn, river)]
    assert found == pytest.approx([PREFLOP, FLOP, TURN, RIVER], abs=6e-11)
    assert 1000 * np.dot(found, [1, 1, 2, 2]) == pytest.approx(1163.4758, abs=5e-5)


def worth(strengths) -> float:
    """E[max(2 HS - 1, 0)] over all hands and boards of a street, some at a time."""
    weight = hand_weights(card_index(STANDARD), strengths.street)
    total = 0.0
    for first in range(0, len(weight), 1 << 22):
        some = slice(first, first + (1 << 22))
        total += np.dot(np.maximum(2 * strengths.mean(some) - 1, 0), weight[some])
    return total / weight.sum(dtype=np.int64)


@pytest.mark.slow
def test_exactly_one_bet_before_any_card(tmp_path):
    found = exact_response(always(ONE_BET, CALL, tmp_path))
    assert found.values == pytest.approx((1.0, 1.0), abs=1e-9)  # half of what lay there
    assert found.gains == pytest.approx((PREFLOP, PREFLOP), abs=5e-10)


@pytest.mark.thorough
@pytest.mark.parametrize("stack", [100, 200])
def test_local_best_response_to_a_caller(stack, tmp_path):
    """24,194.89 mbb at 100 big blinds, 48,634.17 at 200; nothing where it cannot bet."""
    calls = always(NO_LIMIT.format(stack=stack), CALL, tmp_path)
    found = local_response(calls, 1500, seed=3).gain.scaled(MBB)
    check_around(found, (stack - 1) * LOCAL, stack * 50.0)
    check_around(local_response(calls, 1500, actions="fc", seed=3).gain.scaled(MBB), 0.0, 100.0)


@pytest.mark.thorough
def test_local_best_response_in_limit_bets_what_limit_allows(tmp_path):
    """Two big blinds on turn and river each, with the better half of hands."""
    found = local_response(always(LIMIT, CALL, tmp_path), 3000, seed=3).gain.scaled(MBB)
    check_around(found, 2000 * (TURN + RIVER), 450.0)


@pytest.mark.thorough
def test_local_best_response_to_somebody_who_folds(tmp_path):
    """750 mbb with bets, without any spread; 250 without bets: the small blind, half the time."""
    folds = always(NO_LIMIT.format(stack=100), FOLD, tmp_path)
    for actions in ("fcpa", "56bets", "56bets-flop"):
        found = local_response(folds, 60, actions=actions, seed=3).gain.scaled(MBB)
        assert (found.value, found.low, found.high) == (750.0, 750.0, 750.0)
    check_around(local_response(folds, 1500, actions="fc", seed=3).gain.scaled(MBB), 250.0, 100.0)


@pytest.mark.thorough
def test_rake_that_is_paid_by_everybody_is_no_gain(tmp_path):
    """Nobody bets, half the pot is raked, half of the rest is what each seat wins in the mean."""
    found = local_response(always(RAKED, CALL, tmp_path), 500, actions="fc").gain
    check_around(found, 0.0, 10.0)
