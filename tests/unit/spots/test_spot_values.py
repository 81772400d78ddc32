"""Spots against closed forms and published equilibria."""

import numpy as np
import pytest
from spot_cases import basic_spot, fast_spot, menu, toy_spot

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.spots import VALUE
from cfr_shm.spots.all_in_equity import equities
from cfr_shm.spots.iteration_weights import spot_algorithm
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.places import find_place, hands_at, node_at, strategy_at
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.spot_results import node_report
from cfr_shm.spots.street_trees import TreeRules

compiled = pytest.mark.skipif(JIT_DISABLED, reason="minutes as plain Python")


def solve(game, iterations, name="dcfr", **further):
    algorithm = spot_algorithm(name, first_street=3 - game.levels)
    solver = SpotSolver(game, SolverSettings(algorithm, **further))
    solver.iterate(iterations)
    return solver


def values(solver):
    game = solver.game
    found = solver.root_values(VALUE)
    mass = game.hands.mass()
    return [game.pot / 2 + float(game.hands.weights[p] @ found[p]) / mass for p in range(2)]


def frequencies(solver, line, cards=(), rank=None):
    """Return how often the actor takes each action, by code; of one rank's pairs if asked."""
    game = solver.game
    place = find_place(game, line, cards)
    node = node_at(game, place)
    chances = strategy_at(game, place, (solver.tables.average_0, solver.tables.average_1))
    hands = hands_at(game, place, node.actor)
    met = game.hands.met()
    often = game.hands.weights[node.actor] * (
        met @ game.hands.weights[1] if node.actor == 0 else met.T @ game.hands.weights[0]
    )
    if rank is not None:
        often = often * (hands // 4 == rank).all(axis=1)
    codes = [action.code for action in node.actions]
    return dict(zip(codes, chances @ often / often.sum(), strict=True))


# The best hand or nothing against a bluff catcher: bluffs make a call worth nothing, calls make
# a bluff worth nothing. QQ is rank 10, KK rank 11.
@pytest.mark.parametrize(
    ("stack", "rake", "bluffs", "calls", "shares"),
    [
        (100.0, 0.0, 1 / 2, 1 / 2, (75.0, 25.0)),
        (50.0, 0.0, 1 / 3, 2 / 3, (200 / 3, 100 / 3)),
        (100.0, 0.05, 100 / 185, 1 - 100 / 195, (69.424, 21.824)),
    ],
)
def test_the_river_on_which_one_player_has_the_best_hand_or_nothing(
    stack, rake, bluffs, calls, shares
):
    iterations = 300 if JIT_DISABLED else 10_000
    precision = 0.05 if JIT_DISABLED else 1e-3
    with solve(toy_spot(stack, rake), iterations, "cfr_plus") as solver:
        jam = f"b{stack:g}"
        assert frequencies(solver, "", rank=10)[jam] == pytest.approx(bluffs, abs=precision)
        assert frequencies(solver, jam)["c"] == pytest.approx(calls, abs=precision)
        assert values(solver) == pytest.approx(shares, abs=100 * precision / 2)


def test_equal_hands_share_the_pot():
    with solve(toy_spot(100.0, oop="AA", ip="AA"), 50) as solver:
        assert values(solver) == pytest.approx([50.0, 50.0], abs=1e-3)
        assert solver.exploitability() == pytest.approx(0.0, abs=1e-3)


@compiled
@pytest.mark.parametrize("name", ["dcfr", "dcfr_resets", "cfr_plus", "pcfr_plus", "pdcfr_plus"])
def test_every_algorithm_finds_the_published_river(name):
    with solve(fast_spot("QsJh2h7c3d"), 400, name) as solver:
        quality = solver.quality()
        assert 100 * quality.exploitability / 180 < 0.1
        assert quality.values == pytest.approx((100.539, 79.461), abs=0.18)


@compiled
def test_a_published_river_to_the_figures_of_its_equilibrium():
    with solve(fast_spot("QsJh2h7c3d"), 300) as solver:
        assert solver.exploitability() < 0.05
        assert values(solver) == pytest.approx([100.539, 79.461], abs=0.18)
        root = frequencies(solver, "")
        assert root == pytest.approx({"x": 0.659, "b126": 0.341}, abs=0.02)
        hands = solver.game.hands
        equity = equities(hands, hands.weights).mean(hands.weights)
        assert equity == pytest.approx([0.56872, 1 - 0.56872], abs=1e-4)


@compiled
def test_another_published_river():
    with solve(basic_spot("Td9d6hQc7s"), 300) as solver:
        assert solver.exploitability() < 0.05
        assert values(solver) == pytest.approx([93.828, 106.172], abs=0.2)
        root = frequencies(solver, "")
        assert root == pytest.approx({"x": 0.781, "b120": 0.219, "b900": 0.0}, abs=0.02)
        hands = solver.game.hands
        equity = equities(hands, hands.weights).mean(hands.weights)
        assert equity[0] == pytest.approx(0.52861, abs=1e-4)


@compiled
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("game", "equity", "shares", "checks"),
    [
        (lambda: basic_spot("Td9d6hQc"), 0.53060, (91.961, 108.039), 0.963),
        (lambda: fast_spot("QsJh2h7c"), 0.56342, (101.649, 78.351), 0.645),
    ],
    ids=["basic", "fast"],
)
def test_published_turns(game, equity, shares, checks):
    with solve(game(), 400) as solver:
        pot = solver.game.pot
        assert solver.exploitability() < 0.06
        assert values(solver) == pytest.approx(shares, abs=pot / 1000)
        assert frequencies(solver, "")["x"] == pytest.approx(checks, abs=0.02)
        hands = solver.game.hands
        found = equities(hands, hands.weights).mean(hands.weights)
        assert found[0] == pytest.approx(equity, abs=1e-4)


@compiled
@pytest.mark.thorough
def test_the_published_flop_in_short():
    with solve(fast_spot("QsJh2h"), 60, compact=True) as solver:
        assert solver.exploitability() < 0.8
        assert values(solver) == pytest.approx([105.11, 74.89], abs=0.5)
        assert frequencies(solver, "")["b94"] == pytest.approx(0.552, abs=0.02)


@compiled
@pytest.mark.slow
def test_the_published_flop():
    with solve(fast_spot("QsJh2h"), 100) as solver:
        assert solver.exploitability() <= 0.3
        solver.iterate(90)
        assert solver.exploitability() < 0.1
        assert values(solver) == pytest.approx([105.11, 74.89], abs=0.05)
        assert frequencies(solver, "")["b94"] == pytest.approx(0.552, abs=0.005)
        hands = solver.game.hands
        found = equities(hands, hands.weights).mean(hands.weights)
        assert found[0] == pytest.approx(0.55347, abs=1e-4)


@compiled
@pytest.mark.slow
def test_the_published_flop_with_rake():
    with solve(fast_spot("QsJh2h", (0.05, 30.0)), 140) as solver:
        assert solver.exploitability() < 0.2
        assert values(solver) == pytest.approx([95.57, 66.98], abs=0.15)


# So many does the best open solver take.
@compiled
@pytest.mark.parametrize(
    ("game", "iterations"),
    [
        pytest.param(lambda: fast_spot("QsJh2h7c3d"), 110, id="fast river"),
        pytest.param(lambda: fast_spot("QsJh2h7c"), 150, id="fast turn"),
        pytest.param(
            lambda: basic_spot("Td9d6hQc"), 230, id="basic turn", marks=pytest.mark.thorough
        ),
    ],
)
def test_a_tenth_of_a_percent_takes_no_more_iterations_than_elsewhere(game, iterations):
    with solve(game(), iterations) as solver:
        assert solver.exploitability() <= 0.1


@compiled
def test_workers_do_not_change_a_bit():
    tables = []
    for workers in (1, 2, 4, 8):
        with solve(fast_spot("QsJh2h7c"), 2, worker_count=workers, cores=2) as solver:
            tables.append([np.array(solver.arena.array(name)) for name in solver.table_names()])
    for other in tables[1:]:
        for one, two in zip(tables[0], other, strict=True):
            assert np.array_equal(one.view(np.uint32), two.view(np.uint32))


@compiled
@pytest.mark.parametrize(
    ("game", "iterations", "shares"),
    [
        pytest.param(lambda: fast_spot("QsJh2h7c"), 200, (101.649, 78.351), id="fast"),
        pytest.param(
            lambda: basic_spot("Td9d6hQc"),
            300,
            (91.961, 108.039),
            id="basic",
            marks=pytest.mark.thorough,
        ),
    ],
)
@pytest.mark.thorough
def test_sixteen_bits_come_within_a_thousandth_of_the_pot(game, iterations, shares):
    with solve(game(), iterations, compact=True) as solver:
        pot = solver.game.pot
        assert solver.exploitability() < 0.1
        assert values(solver) == pytest.approx(shares, abs=pot / 1000)
        whole = solver.game.table_bytes(compact=False)
        assert solver.game.table_bytes(compact=True) * 2 == whole


@pytest.mark.parametrize("light", [0.01, 1e-7])
def test_a_hand_that_meets_next_to_nobody_is_told_no_ev(light):
    """KhQs always loses to the only hand that does not block it."""
    half = menu("50%", "60%")
    rules = TreeRules(2, 100.0, 150.0, ((half, half),) * 3)
    oop = parse_range(STANDARD, "KhQs,AcAd,JsQh:0.7")
    ip = parse_range(STANDARD, f"KhQs,KhJs,KhJc,QsTc,TdQs,7s7d:{light:.7f}")
    game = build_spot(STANDARD.parse("2c3d5h8s9s"), [oop, ip], rules, ChipPayoffs(100.0))
    with SpotSolver(game, SolverSettings()) as solver:
        solver.iterate(200)
        report = node_report(solver)
    blocked = np.array([set(hand) == set(STANDARD.parse("KhQs")) for hand in report.hands.tolist()])
    assert blocked.sum() == 1
    assert np.isfinite(report.ev[~blocked]).all()
    if light < 1e-4:
        assert np.isnan(report.ev[blocked]).all()
        assert np.isnan(report.best_ev[blocked]).all()
        assert np.isnan(report.action_ev[:, blocked]).all()
    else:
        assert report.ev[blocked] == pytest.approx(0.0, abs=0.1)
    assert 40.0 < report.mean(report.ev) < 100.0
