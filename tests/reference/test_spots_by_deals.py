"""Spots against playing out every deal: values, best responses and the chance of every card."""

import random
from itertools import combinations

import numpy as np
import pytest
from spot_by_deals import SlowSpot, best_response, values
from spot_cases import menu, small_turn

from cfr_shm.cards.deck import ROYAL
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.cards.ranges import parse_range
from cfr_shm.errors import UsageError
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.places import find_place, hands_at, node_at, strategy_at
from cfr_shm.spots.sizes import Thresholds
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.street_trees import TreeRules


def slow(game, rake):
    ranges = [
        {tuple(sorted(hole)): weight for hole, weight in zip(side.tolist(), weights, strict=True)}
        for side, weights in zip(game.hands.holes, game.hands.weights.__iter__(), strict=True)
    ]
    return SlowSpot(
        list(range(ROYAL.card_count)),
        game.hands.board,
        tuple(ranges),
        game.pot,
        game.rules.stack,
        0.5,
        0.6,
        0.2,
        *rake,
        lambda cards: evaluate(ROYAL, cards),
    )


def lookup(solver):
    """Return the solver's average strategy as a function, each node read once."""
    game = solver.game
    tables = (solver.tables.average_0, solver.tables.average_1)
    known = {}

    def strategy(player, hand, cards, line):
        key = (line, cards)
        if key not in known:
            place = find_place(game, line.rstrip("/") + ("/" if line.endswith("/") else ""), cards)
            node = node_at(game, place)
            assert node.actor == player
            rows = {
                tuple(sorted(hole)): number
                for number, hole in enumerate(hands_at(game, place, player).tolist())
            }
            codes = [action.code for action in node.actions]
            known[key] = codes, rows, strategy_at(game, place, tables)
        codes, rows, chances = known[key]
        return dict(zip(codes, chances[:, rows[hand]], strict=True))

    return strategy


@pytest.mark.parametrize("rake", [(0.0, 0.0), (0.06, 9.0)])
@pytest.mark.parametrize("iterations", [3, 40])
def test_values_and_best_responses_equal_those_of_every_deal(rake, iterations):
    if JIT_DISABLED and iterations > 3:
        pytest.skip("too slow as plain Python")
    game = small_turn(rake)
    with SpotSolver(game, SolverSettings()) as solver:
        solver.iterate(iterations)
        quality = solver.quality()
        strategy = lookup(solver)
        spot = slow(game, rake)
        expected = values(spot, strategy)
        best = [best_response(spot, strategy, player) for player in range(2)]
    gains = (best[0] - expected[0], best[1] - expected[1])
    assert sum(gains) / 2 == pytest.approx(quality.exploitability, abs=2e-4)
    if rake[0]:
        assert expected == pytest.approx(quality.values, abs=2e-4)
        assert gains == pytest.approx(quality.gains, abs=2e-4)
    else:
        assert sum(expected) == pytest.approx(game.pot)
        assert best[0] == pytest.approx(quality.values[0] + quality.gains[0], abs=2e-4)
    assert np.isfinite(quality.exploitability)


def drawn_spot(draws, rake):
    """Return a turn or river on which each player has one to four hands of a few cards."""
    board = draws.sample(range(ROYAL.card_count), draws.choice((4, 5)))
    free = [card for card in range(ROYAL.card_count) if card not in board]
    pairs = list(combinations(sorted(draws.sample(free, draws.randint(4, 7))), 2))
    ranges = [
        ",".join(
            ROYAL.text(hand[::-1]) + draws.choice(("", ":0.5", ":0.01", ":0.000001"))
            for hand in draws.sample(pairs, draws.randint(1, 4))
        )
        for _ in range(2)
    ]
    half = menu("50%", "60%")
    rules = TreeRules(
        len(board) - 3, 100.0, 150.0, ((half, half),) * 3, Thresholds(force_allin=0.2)
    )
    weights = [parse_range(ROYAL, text) for text in ranges]
    return build_spot(tuple(board), weights, rules, ChipPayoffs(100.0, *rake), deck=ROYAL)


@pytest.mark.thorough
@pytest.mark.parametrize("rake", [(0.0, 0.0), (0.06, 9.0)])
def test_few_hands_of_uneven_weights_are_worth_what_every_deal_says(rake):
    """Hands that meet nobody, and hands of a millionth: refused where rounding would be told."""
    draws, done = random.Random(f"uneven {rake}"), 0
    while done < 40:
        try:
            game = drawn_spot(draws, rake)
        except UsageError as error:
            assert "no deal" in str(error) or "nearly every deal" in str(error)  # noqa: PT017
            continue
        done += 1
        with SpotSolver(game, SolverSettings()) as solver:
            solver.iterate(20)
            quality = solver.quality()
            spot, strategy = slow(game, rake), lookup(solver)
            expected = values(spot, strategy)
            best = [best_response(spot, strategy, player) for player in range(2)]
        gains = np.subtract(best, expected)
        assert sum(gains) / 2 == pytest.approx(quality.exploitability, abs=0.02)
        if rake[0]:
            assert expected == pytest.approx(quality.values, abs=0.02)
