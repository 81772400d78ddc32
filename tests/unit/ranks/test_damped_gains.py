"""What ranks that take over two thirds of their mean gains hold, and what they are refused."""

import numpy as np
import pytest
from ranked_training import DAMPED, damped_exchange, settings
from threaded_world import run_ranks

from cfr_shm.errors import ConfigError
from cfr_shm.layout.row_sets import RowSets
from cfr_shm.memory.tables import table_of
from cfr_shm.run.ranked import is_damped, refuse_with_ranks, with_ranks

ENTRIES = 40
SETS = RowSets(*(np.array([each]) for each in (0, 1, 0, 1, 1, ENTRIES)))


def table_of_regrets(values):
    table = table_of(np.zeros(ENTRIES), compact=True)
    table.regret[1::2] = values
    return table


def test_two_thirds_of_the_mean_gains_are_taken_over_and_files_hold_their_sum():
    """By hand, in float64: h = W / 4.5 of three ranks; W gains what all gain, each in full."""
    draw = np.random.default_rng(1)
    whole, rounds = draw.normal(size=ENTRIES), draw.normal(size=(4, 3, ENTRIES))

    def work(world):
        exchange, table = damped_exchange(world, SETS), table_of_regrets(whole)
        held = table.regret[1::2]
        exchange.take_share(table, resumed=False)
        np.testing.assert_allclose(held, whole / 4.5, rtol=1e-6)
        for number, gains in enumerate(rounds):
            before = held.astype(np.float64)
            held += gains[world.rank]
            exchange.bring_together(table, ())
            exchange.take_in(table, ())
            np.testing.assert_allclose(held, before + gains.mean(0) * 2 / 3, atol=1e-5)
            if number == 1:  # What is written on the way changes nothing of it.
                exchange.make_whole(table_of_regrets(held))
        kept = held.copy()
        exchange.make_whole(table)
        return kept, held.copy()

    found = run_ranks(3, work)
    for kept, written in found:
        assert (kept == found[0][0]).all()
        np.testing.assert_allclose(written, whole + rounds.sum((0, 1)), atol=1e-4)


def test_floors_and_deals_follow():
    settled = settings(*DAMPED, "algorithm.regret_floor=-9.0")[0]
    assert with_ranks(settled, 4).engine.algorithm.regret_floor == -1.5
    assert with_ranks(settled, 4).engine.algorithm.deals_apart
    assert with_ranks(settled, 1) is settled
    assert not is_damped(settled, 1)
    assert not with_ranks(settings()[0], 4).engine.algorithm.deals_apart


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("engine.mode=deterministic",), "engine.mode deterministic"),
        (
            ("algorithm.weighting=dcfr", "algorithm.discount_interval=1000"),
            "algorithm.weighting dcfr",
        ),
        (("algorithm.name=outcome_sampling",), "algorithm.name outcome_sampling"),
    ],
)
def test_what_changes_regrets_between_meetings_is_refused(overrides, named):
    settled = settings(*DAMPED, *overrides)[0]

    def work(world):
        with pytest.raises(ConfigError, match=f"damped does not go with {named}"):
            refuse_with_ranks(settled, world)

    run_ranks(2, work)
