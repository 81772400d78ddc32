"""Walks with all hands against the evaluator that lists every deal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_decks import (
    FIXED_BOARD,
    RAKED,
    THREE_STREETS,
    TWO_STREETS,
    game_of,
    random_strategy,
    raw,
    strategy_of,
)

from cfr_shm.config.load import load_config
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.exact_response import exact_response, forecast_seconds
from cfr_shm.evaluation.sampled_response import sampled_response
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED

MBB = 1000 / 200


@pytest.mark.parametrize(
    "text", [TWO_STREETS, THREE_STREETS, FIXED_BOARD, RAKED], ids=["two", "three", "fixed", "raked"]
)
def test_all_boards_give_what_all_deals_give(text, tmp_path):
    game = game_of(text, tmp_path)
    strategy = random_strategy(game, 3)
    listed, walked = evaluate(game, raw(strategy)), exact_response(strategy)
    np.testing.assert_allclose(walked.values, listed.values, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        walked.best_response_values, listed.best_response_values, rtol=1e-9, atol=1e-9
    )
    assert walked.exploitability == pytest.approx(listed.exploitability, rel=1e-9)


def test_responses_that_begin_later_win_less(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    for seed in range(3):
        strategy = random_strategy(game, seed)
        walk, players = BoardWalk(game), Players(strategy, strategy)
        for seat in range(2):
            won = [
                walk.seat_value(walk.root_values(players, seat, [], street), seat)
                for street in range(4)
            ]
            assert won[0] > won[1] > won[2] > won[3]
            assert won[3] == pytest.approx(exact_response(strategy).values[seat], abs=1e-12)


def test_the_mean_over_all_boards_is_exact_and_a_clairvoyant_wins_more(tmp_path):
    """Whoever sees later cards is no legal responder: its winnings bound nothing."""
    game = game_of(THREE_STREETS, tmp_path)
    strategy = random_strategy(game, 1)
    walk, players = BoardWalk(game), Players(strategy, strategy)

    def mean(size: int, street: int) -> float:
        won = []
        for board in itertools.permutations(walk.cards.dealt, size):
            values = walk.root_values(players, 0, board, street)
            won.append(walk.seat_value(values, 0, size))
        return float(np.mean(won))

    exact = [walk.seat_value(walk.root_values(players, 0, [], street), 0) for street in range(3)]
    assert mean(1, 1) == pytest.approx(exact[1], rel=1e-12)
    assert mean(2, 2) == pytest.approx(exact[2], rel=1e-12)
    # From the flop on with the turn's card already known.
    assert mean(2, 1) > exact[1] * 1.05


def test_samples_lie_around_the_exact_value_and_threads_change_nothing(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    strategy = random_strategy(game, 2)
    walk, players = BoardWalk(game), Players(strategy, strategy)
    exact = np.mean(
        [walk.seat_value(walk.root_values(players, seat, [], 2), seat) for seat in range(2)]
    )
    inside = 0
    for seed in range(20):
        found = sampled_response(strategy, 2, 60, seed=seed, workers=1)
        inside += found.gain.low <= exact <= found.gain.high
        half = found.gain.high - found.gain.value
        assert abs(found.gain.value - exact) < 2.5 * half  # about five standard errors
    assert inside >= 16
    again = sampled_response(strategy, 2, 60, seed=19, workers=3)
    np.testing.assert_array_equal(again.samples, found.samples)


def test_more_boards_begin_with_the_fewer(tmp_path):
    strategy = random_strategy(game_of(THREE_STREETS, tmp_path), 2)
    few = sampled_response(strategy, 1, 5, seed=4)
    many = sampled_response(strategy, 1, 9, seed=4)
    np.testing.assert_array_equal(many.samples[:5], few.samples)


@pytest.fixture(scope="module")
def push_or_fold():
    config = load_config("pushfold")
    return load_game(config.game, abstraction=config.abstraction)


@pytest.mark.skipif(JIT_DISABLED, reason="134,459 boards need compiled kernels")
@pytest.mark.parametrize(
    ("share", "small", "big"),
    [
        pytest.param(0.5, 558.9697, 438.8595, marks=pytest.mark.thorough),
        pytest.param(1.0, 568.2353, 377.7190, marks=pytest.mark.thorough),
    ],
    ids=["uniform", "always all-in"],
)
def test_push_or_fold_over_all_boards(push_or_fold, share, small, big):
    strategy = strategy_of(push_or_fold, lambda *_: [1.0 - share, share])
    assert forecast_seconds(strategy) < 60
    found = exact_response(strategy)
    assert found.best_response_values[0] * MBB == pytest.approx(small, abs=1e-3)
    assert found.best_response_values[1] * MBB == pytest.approx(big, abs=1e-3)
    assert found.exploitability * MBB == pytest.approx((small + big) / 2, abs=1e-3)


def test_forecasts_grow_with_the_boards(tmp_path):
    strategy = random_strategy(game_of(THREE_STREETS, tmp_path), 1)
    assert 0.0 < forecast_seconds(strategy) < 600
