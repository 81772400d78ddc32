"""What papers and public projects report: uniform profiles, equilibrium values, convergence."""

from __future__ import annotations

import numpy as np
import pytest
from any_algorithm import train as train_any
from first_cases import first_cases
from production import table_with, train

from cfr_shm.evaluation.best_response import Evaluation, evaluate
from cfr_shm.games.game import Game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.strategy.average import Strategy

needs_speed = pytest.mark.skipif(JIT_DISABLED, reason="convergence needs compiled kernels")


def trained(game: Game, iterations: int, seed: int, linear: bool, in_flight: int = 1) -> Evaluation:
    run = train(game, iterations, seed=seed, linear=linear, in_flight=in_flight, window=1024)
    return evaluate(game, run.strategy())


# --- uniform profiles --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "exploitability"),
    [(kuhn, 0.458333), (leduc, 2.37361), (lambda: leduc(merge_suits=False), 2.37361)],
)
def test_uniform_profiles_are_as_exploitable_as_openspiel_reports(build, exploitability):
    game = build()
    sums = np.zeros(game.table_entries)
    uniform = Strategy.from_table(game, table_with(game, sums))
    assert evaluate(game, uniform).exploitability == pytest.approx(exploitability, abs=1e-5)


# --- game values -------------------------------------------------------------------------


@needs_speed
def test_averages_on_sampled_paths_of_three_player_kuhn_end_in_its_known_family():
    # Szafron et al. 2013: u1 = -(1 + 2b) / 48, u2 = -1 / 48, u3 = (1 + b) / 24, b in [0, 1].
    options = {"averaging": "separate", "average_opponents": "sampled", "in_flight": 8, "seed": 1}
    found = train_any(kuhn(3), "external_sampling", 2_000_000, weighting="linear", **options)
    result = found.evaluate()
    assert result.nash_conv < 0.006
    b = 24 * result.values[2] - 1
    assert -0.05 <= b <= 1.05
    assert result.values[0] == pytest.approx(-(1 + 2 * b) / 48, abs=2e-3)
    assert result.values[1] == pytest.approx(-1 / 48, abs=2e-3)


@needs_speed
@pytest.mark.parametrize("linear", first_cases([False, True]), ids=["vanilla", "linear"])
@pytest.mark.parametrize(
    ("build", "value", "tolerance"),
    first_cases(
        [
            (kuhn, -1 / 18, 0.002),  # Kuhn 1950
            (leduc, -0.085606424078, 0.01),  # OpenSpiel, linear program
            (lambda: leduc(merge_suits=False), -0.085606424078, 0.02),
            (lambda: goofspiel(cards=4), 0.0, 0.005),  # symmetric
            (lambda: liars_dice(sides=4), 1 / 16, 0.005),  # solved by full-width algorithms
            (liars_dice, -0.0271318, 0.01),
        ],
        keep=3,
    ),
)
def test_training_ends_at_the_known_value(build, value, tolerance, linear):
    game = build()
    result = trained(game, 1_000_000, seed=1, linear=linear)
    assert game.value == pytest.approx(value, abs=1e-11)
    assert result.exploitability < 1.5 * tolerance
    # In a two-player zero-sum game best responses bracket the value, whatever the profile.
    assert -result.best_response_values[1] <= value <= result.best_response_values[0]
    assert result.values[0] == pytest.approx(value, abs=tolerance)


# --- convergence of external sampling ----------------------------------------------------

# Leduc, suits apart, mean exploitability over 5 seeds of external sampling that redraws the
# board in each branch, as OpenSpiel's solver does. One deal shared by both sweeps of an
# iteration has less variance, so that these are bounds.
REDRAWN = {
    (False, 10_000): 0.289,
    (False, 100_000): 0.0713,
    (False, 1_000_000): 0.0228,
    (True, 10_000): 0.247,
    (True, 100_000): 0.0640,
    (True, 1_000_000): 0.0234,
}


@needs_speed
@pytest.mark.parametrize("in_flight", first_cases([8, 1]))
@pytest.mark.parametrize(("linear", "iterations"), first_cases(REDRAWN, keep=2))
def test_leduc_is_not_worse_than_external_sampling_elsewhere(linear, iterations, in_flight):
    game = leduc(merge_suits=False)
    seeds = range(5 if iterations == 1_000_000 else 16)
    found = [trained(game, iterations, seed, linear, in_flight).exploitability for seed in seeds]
    assert np.mean(found) <= REDRAWN[linear, iterations]


@needs_speed
@pytest.mark.thorough
def test_leduc_with_merged_suits_is_not_worse_than_the_best_peer_s():
    # donksolver's toy game has merged suits too: 0.0083 after 2.5 million iterations.
    found = [trained(leduc(), 2_500_000, seed, linear=False).exploitability for seed in range(5)]
    assert np.mean(found) <= 0.0083
