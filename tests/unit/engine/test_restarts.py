"""Restarts: a run's average is the sum of parts that learnt for themselves."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.cli.main import main
from cfr_shm.cli.session import load_strategy
from cfr_shm.config.load import load_config
from cfr_shm.engine.discounts import DiscountPlan, Restarts
from cfr_shm.errors import ConfigError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.memory.tables import private_views
from cfr_shm.run.setup import mean_iteration_weight
from cfr_shm.run.train import train

LEDUC = (
    "algorithm.weighting=dcfr",
    "algorithm.discount_interval=64",
    "algorithm.restart_interval=512",
    "engine.num_workers=1",
    "run.quality=off",
)


def plan(restarts: Restarts | None) -> DiscountPlan:
    return DiscountPlan(
        interval=10,
        until=None,
        alpha=1.5,
        beta=1.5,
        gamma=2.0,
        pooling=None,
        restarts=restarts,
    )


@pytest.mark.parametrize("length", [1, 2, 30])
def test_sums_are_those_of_the_parts_alone(length):
    views = private_views(kuhn())
    whole, alone = plan(Restarts(length)), plan(None)
    sums, regrets = views.table.sums_of(0, 2), views.table.regrets_of(0, 2)
    draws = np.random.default_rng(5).random((200, 2))
    finished, part, began = np.zeros(2), np.zeros(2), 0
    for number, drawn in enumerate(draws, start=1):
        sums += drawn
        regrets += (3.0, -2.0)
        whole.apply(views, 10 * number)
        part = (part + drawn) * alone.factors(10 * (number - began))[2]
        if number % length == 0:
            assert regrets.tolist() == [0.0, 0.0]
            finished, part, began = finished + part, np.zeros(2), number
            # So that it is once what it is when the next part is over.
            np.testing.assert_allclose(sums, finished * (length + 1) ** 2)
        else:
            assert regrets[0] > 0.0 > regrets[1]
    assert began >= 180


def test_the_mean_weight_is_that_of_what_is_in_the_table():
    whole, total = plan(Restarts(100)), 0.0
    for number in range(1, 501):
        total = (total + 10.0) * whole.factors(10 * number)[2]
        if number > 30:
            found = whole.mean_weight(10 * number) * 10 * number
            assert found == pytest.approx(total, rel=0.05)
    config = load_config("leduc", overrides=LEDUC)
    # After 8 intervals a part of 8 begins: what is there counts (8 + 1)**2 times until it is over.
    weights = [mean_iteration_weight(config, 64 * each) for each in (1, 7, 8)]
    assert weights == pytest.approx([1 / 3, 1 / 3, 81 / 3])


def test_a_run_that_went_on_is_as_if_it_had_never_ended(tmp_path):
    config = load_config("leduc", overrides=[*LEDUC, "run.iterations=5000"])
    train(config, tmp_path / "whole")
    shorter = load_config("leduc", overrides=[*LEDUC, "run.iterations=1900"])
    train(shorter, tmp_path / "halves")
    assert main(["resume", str(tmp_path / "halves"), "--iters", "5000"]) == 0
    one, other = (load_strategy(str(tmp_path / each)).strategy for each in ("whole", "halves"))
    np.testing.assert_array_equal(one.probability, other.probability)
    without = load_config(
        "leduc", overrides=[*LEDUC, "run.iterations=5000", "algorithm.restart_interval=null"]
    )
    train(without, tmp_path / "without")
    never = load_strategy(str(tmp_path / "without")).strategy.probability
    assert not np.array_equal(one.probability, never)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["algorithm.weighting=linear"], "needs algorithm.weighting dcfr"),
        (["algorithm.weighting=dcfr", "algorithm.discount_until=9"], "discount_until out"),
        (["algorithm.name=cfr_plus"], "algorithm.restart_interval is for"),
        (["algorithm.weighting=dcfr", "algorithm.restart_interval=0"], "restart_interval"),
        (["algorithm.weighting=dcfr", "algorithm.restart_interval=150000"], "is no multiple"),
    ],
)
def test_what_does_not_fit_is_refused(overrides, said):
    with pytest.raises(ConfigError, match=said):
        load_config("leduc", overrides=["algorithm.restart_interval=300000", *overrides])
