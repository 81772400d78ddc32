"""Spots against playing out every deal: values, best responses and the chance of every card."""

import numpy as np
import pytest
from spot_by_deals import SlowSpot, best_response, values
from spot_cases import small_turn

from cfr_shm.cards.deck import ROYAL
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.places import find_place, hands_at, node_at, strategy_at
from cfr_shm.spots.solver import SolverSettings, SpotSolver


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
