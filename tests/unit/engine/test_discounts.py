"""Discounts of a whole table, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from history_kuhn import history_kuhn

from cfr_shm.engine.discounts import DiscountPlan
from cfr_shm.games.small.leduc import leduc
from cfr_shm.memory.tables import private_views


def plan(**changes) -> DiscountPlan:
    return DiscountPlan(
        **{
            "interval": 10,
            "until": None,
            "alpha": 1.5,
            "beta": 0.0,
            "gamma": 2.0,
            "pooling": None,
            "restarts": None,
            **changes,
        }
    )


@pytest.mark.parametrize("game", [leduc(), history_kuhn()], ids=["public tree", "history tree"])
def test_every_row_is_discounted_once(game):
    views = private_views(game)
    rows = {(label.row, len(label.actions)) for label in game.infosets()}
    signs = np.array([8.0, -8.0, 0.0], np.float32)
    for row, count in rows:
        views.table.sums_of(row, count)[:] = 9.0
        views.table.regrets_of(row, count)[:] = signs[:count]
    assert plan().apply(views, 20) == pytest.approx(4 / 9)
    keep = 2**1.5 / (2**1.5 + 1)
    for row, count in rows:
        assert views.table.sums_of(row, count) == pytest.approx(4.0)
        found = views.table.regrets_of(row, count)
        assert found == pytest.approx(np.array([8 * keep, -4.0, 0.0])[:count])


def test_extreme_exponents_keep_all_or_nothing():
    assert plan(alpha=100.0, beta=-100.0).factors(1000)[:2] == pytest.approx((1.0, 0.0))
    assert plan(alpha=100.0).factors(10)[0] == 0.5


def test_when_discounts_are_due():
    assert [plan().next_after(done) for done in (0, 9, 10, 25)] == [10, 10, 20, 30]
    assert [plan(until=20).next_after(done) for done in (0, 10, 20)] == [10, 20, None]
