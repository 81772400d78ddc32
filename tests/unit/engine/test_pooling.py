"""Pooling of regrets over neighbouring buckets; plain loops beside the kernel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from neighbours import decisions, slowly_averaged

from cfr_shm.cli.main import main
from cfr_shm.cli.session import load_strategy
from cfr_shm.config.load import load_config
from cfr_shm.engine.discounts import DiscountPlan, Pooling
from cfr_shm.errors import ConfigError, GameError
from cfr_shm.games.registry import load_game
from cfr_shm.memory.tables import private_views
from cfr_shm.run.setup import discount_plan
from cfr_shm.run.train import train

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: METHOD, bucket_counts: [25, 6, 5, 4]}
algorithm: {weighting: dcfr, discount_interval: 100, pooling: 3}
engine: {num_workers: 1}
run: {iterations: 1000, quality: off, seed: 5}
"""


def royal(tmp_path, method: str = "percentile", **overrides):
    path = tmp_path / f"{method}.yaml"
    path.write_text(ROYAL.replace("METHOD", method))
    return load_config(path, overrides=[f"{key}={value}" for key, value in overrides.items()])


@pytest.mark.parametrize(("method", "compact"), [("percentile", False), ("ochs", True)])
def test_regrets_of_streets_with_a_board_are_averaged_and_nothing_else(tmp_path, method, compact):
    config = royal(tmp_path, method)
    game = load_game(config.game, abstraction=config.abstraction)
    plan = discount_plan(config, game)
    assert (plan.pooling.passes_after(1), plan.pooling.passes_after(2)) == (2, 1)
    views = private_views(game, compact=compact)
    words = views.rows.view(np.float32)
    words[:] = np.random.default_rng(3).integers(-9, 9, len(words))
    words[words < 0] *= 0.5 if compact else 1.0
    before = private_views(game, compact=compact)
    before.rows[:] = views.rows
    # Factors of the first discount, by hand: 1 / 2 for both signs, 1 / 4 for strategy sums.
    assert plan.apply(views, 100) == 0.25
    unbeaten = game.bucket_file.unbeaten
    assert (unbeaten is None) == (method == "percentile")
    seen = set()
    for street, count, row in decisions(game):
        given = [(before.table.regrets_of(each, count) / 2).tolist() for each in row]
        found = [views.table.regrets_of(each, count).tolist() for each in row]
        apart = unbeaten if street == 3 else None
        expected = slowly_averaged(given, 2, apart) if street >= 1 else given
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        for each in row:
            was = before.table.sums_of(each, count)
            np.testing.assert_allclose(views.table.sums_of(each, count), was / 4)
        seen.add(street)
    assert seen == {0, 1, 2, 3}


def test_passes_are_as_many_as_the_growth_says():
    pooling = Pooling(rate=7.5, apart=(-1,))
    for last in (1, 10, 1000):
        passes = [pooling.passes_after(number) for number in range(1, last + 1)]
        assert sum(passes) == math.floor(7.5 * math.log(last + 1))
        assert min(passes) >= 0
    assert Pooling(rate=1e-9, apart=(-1,)).passes_after(1) == 0


def test_a_run_that_went_on_is_as_if_it_had_never_ended(tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    train(royal(tmp_path), whole)
    train(royal(tmp_path, **{"run.iterations": 450}), halves)
    assert main(["resume", str(halves), "--iters", "1000"]) == 0
    one, other = load_strategy(str(whole)), load_strategy(str(halves))
    np.testing.assert_array_equal(one.strategy.probability, other.strategy.probability)
    unpooled = tmp_path / "unpooled"
    train(royal(tmp_path, **{"algorithm.pooling": "null"}), unpooled)
    without = load_strategy(str(unpooled)).strategy.probability
    assert not np.array_equal(one.strategy.probability, without)


@pytest.mark.parametrize("weighting", ["linear", "vanilla"])
def test_pooling_comes_with_discounts(tmp_path, weighting):
    overrides = {"algorithm.weighting": weighting, "algorithm.discount_interval": "null"}
    with pytest.raises(ConfigError, match=r"algorithm\.pooling needs algorithm\.weighting dcfr"):
        royal(tmp_path, **overrides)


def test_without_buckets_there_is_nothing_to_pool_over():
    config = load_config("leduc", overrides=["algorithm.weighting=dcfr", "algorithm.pooling=2"])
    with pytest.raises(GameError, match=r"algorithm\.pooling out"):
        discount_plan(config, load_game(config.game))
    assert isinstance(
        discount_plan(load_config("leduc", overrides=["algorithm.weighting=dcfr"]), None),
        DiscountPlan,
    )
