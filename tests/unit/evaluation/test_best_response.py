"""Exact evaluation against pyspiel, against trying every pure strategy, and on known games."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyspiel
import pytest
from history_kuhn import history_kuhn
from production import compiled_once, table_with
from random_games import RandomGame

from cfr_shm.errors import GameError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games import game as game_module
from cfr_shm.games.game import Game
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.tables import best_response as kernels
from cfr_shm.kernels.tables.average import average_strategy
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.reach import reach_of_rows

GAMES = {
    "kuhn": kuhn,
    "kuhn 3 players": lambda: kuhn(3),
    "kuhn 4 players": lambda: kuhn(4),
    "kuhn as a history tree": history_kuhn,
    "leduc apart": lambda: leduc(merge_suits=False),
    "leduc merged": lambda: leduc(merge_suits=True),
}


def strategy_of(game: Game, sums: np.ndarray) -> Strategy:
    return Strategy.from_table(game, table_with(game, sums))


def random_strategy(game: Game, seed: int) -> Strategy:
    """A random profile in which some actions, and some whole rows, have no weight."""
    rng = np.random.default_rng(seed)
    sums = rng.exponential(size=game.table_entries) ** 3
    return strategy_of(game, np.where(rng.random(game.table_entries) < 0.2, 0.0, sums))


def openspiel_policy(game: Game, strategy: Strategy) -> pyspiel.TabularPolicy:
    return pyspiel.TabularPolicy(
        {
            label.name: [
                (action, float(strategy.probability[label.row + index]))
                for index, action in enumerate(label.actions)
            ]
            for label in game.infosets()
        }
    )


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("seed", range(3))
def test_random_profiles_are_worth_what_pyspiel_says(name, seed):
    assert_equal_to_pyspiel(GAMES[name](), seed)


@pytest.mark.slow
def test_three_player_leduc_is_worth_what_pyspiel_says():
    assert_equal_to_pyspiel(leduc(3, merge_suits=False), 0)


def assert_equal_to_pyspiel(game: Game, seed: int) -> None:
    strategy = random_strategy(game, seed)
    theirs = pyspiel.load_game(game.openspiel_name)
    policy = openspiel_policy(game, strategy)
    ours = evaluate(game, strategy)
    values = pyspiel.expected_returns(theirs.new_initial_state(), policy, -1, True)
    nash_conv = pyspiel.nash_conv(theirs, policy, True)
    assert ours.values == pytest.approx(values, abs=1e-9)
    assert ours.nash_conv == pytest.approx(nash_conv, abs=1e-9)
    assert ours.exploitability == pytest.approx(nash_conv / game.player_count, abs=1e-9)
    if game.player_count == 2:
        exploitability = pyspiel.exploitability(theirs, policy)
        assert ours.exploitability == pytest.approx(exploitability, abs=1e-9)
        for player in range(2):
            reply = pyspiel.TabularBestResponse(theirs, player, policy)
            value = reply.value_from_state(theirs.new_initial_state())
            assert ours.best_response_values[player] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_general_sum_history_trees_against_every_pure_strategy(seed):
    plain = RandomGame(seed, players=2 + seed % 2)
    while not 50 <= plain.pure_strategies() <= 2000:
        seed += 1000
        plain = RandomGame(seed, players=plain.players)
    game = plain.build()
    assert np.count_nonzero(game.tree.nodes["kind"] == DECISION) > len(plain.infosets)
    strategy = random_strategy(game, seed)
    names = {str(name): name for name in plain.infosets}
    policy = {
        names[label.name]: strategy.probability[label.row : label.row + len(label.actions)].tolist()
        for label in game.infosets()
    }
    ours = evaluate(game, strategy)
    best = [plain.best_response_value(policy, player) for player in range(plain.players)]
    assert ours.values == pytest.approx(plain.value(policy), abs=1e-12)
    assert ours.best_response_values == pytest.approx(best, abs=1e-12)
    assert ours.gains == pytest.approx(np.subtract(best, ours.values), abs=1e-12)
    assert ours.nash_conv == pytest.approx(sum(ours.gains), abs=1e-12)
    assert ours.exploitability == ours.nash_conv


def test_nash_conv_is_shared_among_the_players_of_a_constant_sum_game_only():
    game = kuhn(3)
    strategy = random_strategy(game, 1)
    constant = evaluate(game, strategy)
    general = evaluate(dataclasses.replace(game, constant_sum=False), strategy)
    assert constant.exploitability == pytest.approx(constant.nash_conv / 3)
    assert general.exploitability == general.nash_conv == constant.nash_conv
    assert (constant.unit, constant.method) == ("chips", "exact best response")


@pytest.mark.parametrize("merge_suits", [False, True])
def test_the_uniform_profile_of_leduc_has_its_published_exploitability(merge_suits):
    game = leduc(merge_suits=merge_suits)
    uniform = strategy_of(game, np.zeros(game.table_entries))
    assert evaluate(game, uniform).exploitability == pytest.approx(2.37361, abs=1e-5)


def test_kuhn_s_equilibrium_is_worth_minus_one_eighteenth_and_cannot_be_exploited():
    # Kuhn 1950 with alpha = 1/3: bluff jacks with 1/3, bet every king, call queens with 1/3 + 1/3.
    bet = {
        "0": 1 / 3, "1": 0.0, "2": 1.0,
        "0pb": 0.0, "1pb": 2 / 3, "2pb": 1.0,
        "0p": 1 / 3, "1p": 0.0, "2p": 1.0,
        "0b": 0.0, "1b": 1 / 3, "2b": 1.0,
    }  # fmt: skip
    for game in (kuhn(), history_kuhn()):
        sums = np.zeros(game.table_entries)
        for label in game.infosets():
            sums[label.row : label.row + 2] = 1.0 - bet[label.name], bet[label.name]
        result = evaluate(game, strategy_of(game, sums))
        assert result.values[0] == pytest.approx(-1 / 18, abs=1e-12)
        assert result.exploitability == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_reach_of_one_player_s_first_moves_sums_to_one(name):
    game = GAMES[name]()
    reach = reach_of_rows(game, random_strategy(game, 5))
    first_moves = {label.row for label in game.infosets() if is_first_move(label.name)}
    assert reach[list(first_moves)].sum() == pytest.approx(1.0)
    assert reach.min() >= 0.0
    assert reach.max() <= 1.0 + 1e-12


def is_first_move(name: str) -> bool:
    return name.isdigit() or ("[Player: 0]" in name and "[Round1: ][Round2: ]" in name)


def test_games_whose_deals_are_not_listed_are_refused_in_one_line():
    game = synthetic(buckets=3)
    uniform = strategy_of(game, np.zeros(game.table_entries))
    message = "exact evaluation of game synthetic is not possible: its buckets are drawn"
    with pytest.raises(GameError, match=message):
        evaluate(game, uniform)


def test_games_too_large_for_memory_are_refused_with_the_numbers(monkeypatch):
    monkeypatch.setattr(game_module, "MAX_PAIRS", 100)
    with pytest.raises(GameError, match="85 nodes x 24 deals"):
        evaluate(leduc(), random_strategy(leduc(), 0))


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_each_kernel_is_compiled_for_one_signature():
    for game in (kuhn(), leduc(), history_kuhn()):
        evaluate(game, random_strategy(game, 0))
        reach_of_rows(game, random_strategy(game, 0))
    for name in ("best_response", "profile_values", "reach_probability", "row_reach"):
        assert len(getattr(kernels, name).signatures) == 1
    assert compiled_once(average_strategy)
