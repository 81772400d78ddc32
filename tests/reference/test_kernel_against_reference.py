"""The production kernel against plain recursion: the same draws, and the same statistics."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from draws import KeyedDraws, NumpyDraws, sweep_key, uniform
from exploitability import best_response_value, exploitability, value
from first_cases import first_cases
from mccfr import Solver
from poker_rules import Kuhn, Leduc
from production import node_of_lines, train

from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.parts import rng

GAMES = {
    "kuhn": (kuhn, Kuhn()),
    "kuhn 3 players": (lambda: kuhn(3), Kuhn(players=3)),
    "leduc apart": (lambda: leduc(merge_suits=False), Leduc()),
    "leduc merged": (lambda: leduc(merge_suits=True), Leduc(merged=True)),
    "leduc 3 players": (lambda: leduc(3, merge_suits=True), Leduc(players=3, merged=True)),
}

needs_speed = pytest.mark.skipif(JIT_DISABLED, reason="statistics need compiled kernels")


def test_the_reference_s_keyed_numbers_are_the_kernels():
    for seed, iteration, stream, index in [
        (0, 0, 0, 0),
        (7, 123, 255, 1),
        (2**63 - 1, 10**9, 1, 84),
    ]:
        key = sweep_key(seed, iteration, stream)
        assert key == int(np.uint64(rng.sweep_key(seed, iteration, stream)))
        assert uniform(key, index) == rng.uniform(np.uint64(key), index)


@pytest.mark.parametrize("linear", [False, True], ids=["vanilla", "linear"])
@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize(
    ("compact", "rtol", "apart"),
    [(False, 1e-9, False), (True, 2e-5, False), (False, 1e-9, True)],
    ids=["wide", "compact", "deals apart"],
)
def test_the_same_keyed_numbers_give_the_same_tables(name, linear, compact, rtol, apart):
    build, rules = GAMES[name]
    game, iterations, seed = build(), 200 if rules.players > 2 else 400, 11
    assert [float(each) for each in rules.deals().values()] == pytest.approx(
        game.deals.probability.tolist()
    )
    draws = KeyedDraws(
        seed, game.deals.alias_threshold, game.deals.alias_other, node_of_lines(game, rules)
    )
    plain = Solver(rules, draws, linear, apart).run(iterations)
    options = {"compact": compact, "deals_apart": apart}
    run = train(game, iterations, seed=seed, linear=linear, **options)

    rows = {label.name: label.row for label in game.infosets()}
    visited = set()
    for infoset, regret in plain.regret.items():
        row, count = rows[rules.name(infoset)], len(regret)
        found = run.table.regrets_of(row, count)
        np.testing.assert_allclose(found, regret, rtol=1e-4, atol=1e-4)
        sums = run.table.sums_of(row, count)
        np.testing.assert_allclose(sums, plain.strategy_sum[infoset], rtol=rtol, atol=1e-12)
        visited.add(row)
    assert not run.strategy().weight[list(set(rows.values()) - visited)].any()
    assert run.utility_sums == pytest.approx(plain.utility_sums, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["kuhn", "kuhn 3 players", "leduc apart", "leduc merged"])
def test_two_best_responses_agree(name):
    build, rules = GAMES[name]
    run = train(build(), 100, seed=3, linear=True)
    policy = reference_policy(run, rules)
    result = evaluate(run.game, run.strategy())
    for player in range(rules.players):
        assert result.values[player] == pytest.approx(value(rules, policy, player), abs=1e-9)
        best = best_response_value(rules, policy, player)
        assert result.best_response_values[player] == pytest.approx(best, abs=1e-9)


def reference_policy(run, rules) -> dict:
    rows = {label.name: (label.row, len(label.actions)) for label in run.game.infosets()}
    policy = {}
    for line in rules.lines():
        spot = rules.spot(line)
        if not spot.over:
            for deal in rules.deals():
                infoset = rules.infoset(deal, spot.actor, line)
                row, count = rows[rules.name(infoset)]
                policy[infoset] = run.strategy().probability[row : row + count].tolist()
    return policy


@cache
def plain_exploitability(name: str, linear: bool, iterations: int, seeds: int) -> list[float]:
    rules = GAMES[name][1]
    probability = [float(each) for each in rules.deals().values()]
    return [
        exploitability(
            rules, Solver(rules, NumpyDraws(seed, probability), linear).run(iterations).average()
        )
        for seed in range(seeds)
    ]


@needs_speed
@pytest.mark.parametrize("linear", first_cases([False, True]), ids=["vanilla", "linear"])
@pytest.mark.parametrize("in_flight", first_cases([8, 1]))
@pytest.mark.parametrize(
    ("name", "iterations"),
    [
        ("leduc apart", 2_000),
        ("leduc merged", 2_000),
        pytest.param("leduc apart", 10_000, marks=pytest.mark.slow),
        pytest.param("leduc merged", 10_000, marks=pytest.mark.slow),
    ],
)
def test_exploitability_agrees_with_the_reference_within_four_standard_errors(
    name, iterations, in_flight, linear
):
    game = GAMES[name][0]()
    plain = plain_exploitability(name, linear, iterations, seeds=8)
    options = {"linear": linear, "in_flight": in_flight, "window": 1024}
    ours = [
        evaluate(game, train(game, iterations, seed=seed, **options).strategy()).exploitability
        for seed in range(64)
    ]
    difference = np.mean(ours) - np.mean(plain)
    error = np.sqrt(np.var(ours, ddof=1) / len(ours) + np.var(plain, ddof=1) / len(plain))
    assert abs(difference) <= 4.0 * error, (np.mean(ours), np.mean(plain), error)
