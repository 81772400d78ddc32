"""Every sampling scheme against plain recursion that reads the same random numbers."""

from __future__ import annotations

import numpy as np
import pytest
from any_algorithm import train
from draws import KeyedDraws
from first_cases import first_cases
from poker_rules import Kuhn, Leduc
from production import node_of_lines
from sampled import (
    ChanceSolver,
    OutcomeSolver,
    PruningSolver,
    PublicChanceSolver,
    SeparateSolver,
)

from cfr_shm.algorithms import Pruning
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc

SEED = 11
GAMES = {
    "kuhn": (kuhn, Kuhn(), 300),
    "kuhn 3 players": (lambda: kuhn(3), Kuhn(players=3), 100),
    "leduc merged": (leduc, Leduc(merged=True), 60),
    "leduc 3 players": (lambda: leduc(3), Leduc(players=3, merged=True), 5),
}
each_game = pytest.mark.parametrize("name", GAMES)
each_kind_of_pass = pytest.mark.parametrize("opponents", first_cases(["sampled", "explored"]))
each_weighting = pytest.mark.parametrize("weighting", ["vanilla", "linear"])


def keyed(game, rules):
    lines = node_of_lines(game, rules)
    draws = KeyedDraws(SEED, game.deals.alias_threshold, game.deals.alias_other, lines)
    return draws, lines


def assert_same_tables(game, rules, run, plain):
    rows = {label.name: label.row for label in game.infosets()}
    table = run.views.table
    visited = set()
    for infoset, regret in plain.regret.items():
        row, count = rows[rules.name(infoset)], len(regret)
        found = table.regrets_of(row, count)
        np.testing.assert_allclose(found, regret, rtol=2e-4, atol=2e-4, err_msg=str(infoset))
        sums = table.sums_of(row, count)
        np.testing.assert_allclose(sums, plain.strategy_sum[infoset], rtol=1e-5, atol=1e-7)
        visited.add(row)
    assert not run.strategy().weight[list(set(rows.values()) - visited)].any()
    assert run.utility_sums == pytest.approx(plain.utility_sums, rel=1e-5, abs=1e-5)


@each_weighting
@each_game
@pytest.mark.parametrize("epsilon", [0.6, 1.0])
def test_outcome_sampling(name, weighting, epsilon):
    build, rules, iterations = GAMES[name]
    game = build()
    draws, _ = keyed(game, rules)
    plain = OutcomeSolver(rules, draws, weighting == "linear", epsilon=epsilon).run(iterations)
    options = {"seed": SEED, "weighting": weighting, "epsilon": ((0, epsilon),)}
    run = train(game, "outcome_sampling", iterations, **options)
    assert_same_tables(game, rules, run, plain)


@each_weighting
@each_game
def test_chance_sampling(name, weighting):
    build, rules, iterations = GAMES[name]
    game = build()
    draws, _ = keyed(game, rules)
    count = iterations // 5
    plain = ChanceSolver(rules, draws, weighting == "linear").run(count)
    run = train(game, "chance_sampling", count, seed=SEED, weighting=weighting)
    assert_same_tables(game, rules, run, plain)


@each_weighting
def test_public_chance_sampling(weighting):
    game, rules = leduc(), Leduc(merged=True)
    draws, _ = keyed(game, rules)
    plain = PublicChanceSolver(rules, draws, weighting == "linear").run(12)
    run = train(game, "public_chance_sampling", 12, seed=SEED, weighting=weighting)
    assert_same_tables(game, rules, run, plain)


@each_weighting
@each_game
@each_kind_of_pass
def test_external_sampling_with_separate_averages(name, weighting, opponents):
    build, rules, iterations = GAMES[name]
    game = build()
    draws, lines = keyed(game, rules)
    plain = SeparateSolver(
        rules,
        draws,
        weighting == "linear",
        seed=SEED,
        node=lines,
        sampled=opponents == "sampled",
    )
    plain.run(iterations)
    options = {"seed": SEED, "weighting": weighting, "averaging": "separate"}
    run = train(game, "external_sampling", iterations, average_opponents=opponents, **options)
    assert_same_tables(game, rules, run, plain)


@each_weighting
@each_game
@each_kind_of_pass
def test_external_sampling_with_rare_averages(name, weighting, opponents):
    build, rules, iterations = GAMES[name]
    game = build()
    draws, lines = keyed(game, rules)
    iterations *= 3
    plain = SeparateSolver(
        rules,
        draws,
        weighting == "linear",
        seed=SEED,
        node=lines,
        average_probability=0.3,
        sampled=opponents == "sampled",
    ).run(iterations)
    assert 0 < plain.averaged < iterations
    options = {"seed": SEED, "weighting": weighting, "averaging": "separate"}
    options |= {"average_probability": 0.3, "average_opponents": opponents}
    run = train(game, "external_sampling", iterations, **options)
    assert_same_tables(game, rules, run, plain)


@pytest.mark.thorough
def test_rare_averages_of_three_players_come_out_as_those_of_every_iteration():
    """On Kuhn with three players, from samples that are ten times fewer."""
    options = {"averaging": "separate", "seed": SEED}
    every = train(kuhn(3), "external_sampling", 200_000, **options).evaluate()
    rare = train(
        kuhn(3), "external_sampling", 200_000, average_probability=0.1, in_flight=8, **options
    ).evaluate()
    assert every.nash_conv < 0.03
    assert rare.nash_conv == pytest.approx(every.nash_conv, abs=0.01)


@pytest.mark.thorough
@pytest.mark.parametrize("build", [lambda: kuhn(3), lambda: leduc(3)], ids=["kuhn", "leduc"])
def test_sampled_passes_have_the_average_of_explored_ones(build):
    """Passes leave the regrets alone, so that both average the same policies: up to noise."""
    game, options = build(), {"averaging": "separate", "seed": SEED, "weighting": "vanilla"}
    explored, sampled = (
        train(game, "external_sampling", 200_000, average_opponents=each, **options)
        for each in ("explored", "sampled")
    )
    compared, deviations = 0, []
    for label in game.infosets():
        row, count = label.row, len(label.actions)
        tables = (explored.views.table, sampled.views.table)
        assert np.array_equal(*(table.regrets_of(row, count) for table in tables))
        sums = [table.sums_of(row, count) for table in tables]
        visits = [each.sum() for each in sums]
        if min(visits) < 400:
            continue
        first, second = (each / total for each, total in zip(sums, visits, strict=True))
        # A mean of so many policies between 0 and 1, each of them at a visit.
        error = 0.5 * sum(1 / np.sqrt(total) for total in visits)
        deviations.append(np.abs(first - second).max() / error)
        compared += 1
    assert compared >= 30
    assert max(deviations) < 4.0


def test_regret_pruning_and_floor():
    game, rules, iterations = leduc(), Leduc(merged=True), 300
    draws, _ = keyed(game, rules)
    options = {"seed": SEED, "threshold": -20.0, "probability": 0.7, "after_iterations": 40}
    plain = PruningSolver(rules, draws, False, floor=-25.0, **options).run(iterations)
    pruning = Pruning(threshold=-20.0, probability=0.7, after=40)
    run = train(
        game,
        "external_sampling",
        iterations,
        seed=SEED,
        weighting="vanilla",
        pruning=pruning,
        regret_floor=-25.0,
    )
    assert plain.skipped > 50
    assert_same_tables(game, rules, run, plain)


@pytest.mark.parametrize("in_flight", [1, 8])
def test_pruning_does_not_depend_on_what_is_in_flight_or_where_tasks_end(in_flight):
    """One iteration alone in its window cannot tell how many could be in flight."""
    options = {
        "pruning": Pruning(threshold=-5.0, probability=0.95, after=0),
        "seed": SEED,
        "drain_window": 1,
    }
    alone = train(leduc(), "external_sampling", 200, **options)
    other = train(leduc(), "external_sampling", 200, in_flight=in_flight, **options)
    assert np.array_equal(alone.views.rows, other.views.rows)
