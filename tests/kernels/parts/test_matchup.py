"""Matchups: looked up by the kernels as the builder laid them out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cfr_shm.errors import GameError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.game import Game, assemble_game
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.deals import table_deals, uniform_deals
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.training.external import external_sampling
from cfr_shm.layout.task import RESULT_UTILITY, UPDATE_PLAIN, WEIGHT_LINEAR, Task
from cfr_shm.layout.tree import MATCHUP
from cfr_shm.memory.tables import allocate_scratch, private_views
from cfr_shm.strategy.average import Strategy

HANDS = (2, 3, 2)


def three_player_matchups(seed: int = 0) -> tuple[Game, np.ndarray, np.ndarray]:
    """One decision of player 1, then one of two tables by all three hands, or a fixed end."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 12, 3))
    builder = TreeBuilder(player_count=3)
    a, b, c, d = builder.decision(0, 1, 4, bucket_count=HANDS[1])
    builder.matchup(a, first)
    builder.terminal(b, [1.0, 2.0, 3.0])
    builder.matchup(c, second)
    builder.matchup(d, first)
    hands = np.array(list(np.ndindex(*HANDS)))
    deals = table_deals(
        rng.exponential(size=len(hands)), hands[:, :, None], hands * np.array([6, 2, 1])
    )
    built = builder.finish()
    game = assemble_game(
        built,
        deals,
        name="matchups",
        infosets=lambda: iter(()),
        constant_sum=False,
        unit="points",
    )
    return game, first, second


def test_a_leaf_pays_the_row_of_all_hands_together():
    game, first, second = three_player_matchups()
    tree, deals = game.tree, game.deals
    assert len(tree.utility) == 1 + 2 * 12  # equal tables are stored once
    for deal, hands in enumerate(deals.bucket[:, :, 0]):
        row = np.ravel_multi_index(tuple(hands), HANDS)
        for node, table in ((1, first), (3, second), (4, first)):
            assert tree.nodes[node]["kind"] == MATCHUP
            found = [leaf_utility(tree, node, p, deals.strength, deal) for p in range(3)]
            assert found == table[row].tolist()
        assert [leaf_utility(tree, 2, p, deals.strength, deal) for p in range(3)] == [1, 2, 3]


def test_values_of_a_uniform_profile_are_the_mean_of_its_ends():
    game, first, second = three_player_matchups()
    rows = np.ravel_multi_index(tuple(game.deals.bucket[:, :, 0].T), HANDS)
    ends = (2 * first[rows] + second[rows] + np.array([1.0, 2.0, 3.0])) / 4
    views = private_views(game)
    found = evaluate(game, Strategy.from_table(game, views.table))
    assert found.values == pytest.approx(game.deals.probability @ ends)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_liars_dice_is_solved_to_its_value(in_flight):
    game = liars_dice(dice=1, sides=3 if JIT_DISABLED else 4)
    iterations, bound = (1_000, 0.5) if JIT_DISABLED else (100_000, 0.03)
    views = private_views(game)
    scratch = allocate_scratch(2, 1, game.max_depth, game.max_actions, in_flight)
    task = Task(5, 0, iterations, 1024, WEIGHT_LINEAR, UPDATE_PLAIN, 8)
    result = np.zeros(RESULT_UTILITY + 2)
    external_sampling(views.for_kernel(scratch), task, result)
    found = evaluate(game, Strategy.from_table(game, views.table))
    assert found.exploitability < bound
    if not JIT_DISABLED:
        assert game.value is not None
        assert found.values[0] == pytest.approx(game.value, abs=bound)


def test_strengths_outside_a_table_are_refused():
    game, _, _ = three_player_matchups()
    high = game.deals._replace(strength=game.deals.strength + 1)
    with pytest.raises(GameError, match="strengths add up to 3 to 14, but a matchup has 12 rows"):
        dataclasses.replace(game, deals=high)
    with pytest.raises(GameError, match="matchups need listed deals"):
        dataclasses.replace(game, deals=uniform_deals([[2], [3], [2]]))


@pytest.mark.parametrize(
    ("utility", "message"),
    [
        (np.zeros((4, 3)), r"shape \(4, 3\); expected \(rows, 2\)"),
        (np.zeros((0, 2)), r"shape \(0, 2\)"),
        (np.zeros(4), r"shape \(4,\)"),
        ([[1.0, np.nan]], "must be finite"),
    ],
)
def test_tables_that_cannot_be_are_refused(utility, message):
    with pytest.raises(GameError, match=message):
        TreeBuilder(player_count=2).matchup(0, utility)
