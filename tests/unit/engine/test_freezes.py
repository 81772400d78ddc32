"""What is fixed when a run is frozen: units, refusals, runs of rows, and what runs share."""

from __future__ import annotations

import numpy as np
import pytest
from plain_settings import algorithm_settings

from cfr_shm.config.identity import fingerprint, fingerprinted_values
from cfr_shm.config.load import load_config
from cfr_shm.engine.freezes import (
    COARSEST_BITS,
    SUM_BITS,
    default_freeze,
    payoff_range,
    plan_freezes,
)
from cfr_shm.errors import ConfigError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.memory.increments import table_runs
from cfr_shm.run.setup import with_freeze

EXTERNAL = algorithm_settings()


@pytest.mark.parametrize(("game", "expected"), [(kuhn(), 4.0), (leduc(), 26.0), (kuhn(3), 6.0)])
def test_the_payoff_range_covers_every_pot(game, expected):
    assert payoff_range(game.tree) == expected


@pytest.mark.parametrize("freeze", [1, 64, 4096, 2**30])
@pytest.mark.parametrize("game", [kuhn(), leduc(), liars_dice(dice=1, sides=3)])
def test_a_freeze_cannot_overflow(game, freeze):
    plan = plan_freezes(game, EXTERNAL, freeze, 2)
    nodes = game.tree.nodes[game.tree.nodes["kind"] == 0]
    shared = np.unique(nodes["row_base"], return_counts=True)[1].max()
    visits = freeze * int(shared) * game.player_count
    assert visits * payoff_range(game.tree) * plan.per_chip < 2.0**SUM_BITS
    assert visits * plan.per_weight < 2.0**SUM_BITS
    # Fine enough for float32, whose numbers have 24 bits.
    assert payoff_range(game.tree) * plan.per_chip >= 2.0 ** (COARSEST_BITS - 1)


def test_units_do_not_depend_on_the_workers():
    plans = [plan_freezes(leduc(), EXTERNAL, 64, workers) for workers in (1, 2, 8)]
    assert [plan.copies for plan in plans] == [1, 2, 8]
    assert len({(p.per_weight, p.per_chip, p.per_utility) for p in plans}) == 1


def test_what_does_not_fit_is_refused_with_its_numbers():
    rare = algorithm_settings(name="outcome_sampling", epsilon=((0, 0.001),))
    with pytest.raises(ConfigError, match=r"engine.freeze 64 x 3 visits .* range of 26 .* 24 "):
        plan_freezes(leduc(), rare, 64, 2)


@pytest.mark.parametrize("freeze", [1, 64, 4096])
def test_weights_without_bound_are_cut_at_what_fits(freeze):
    outcome = algorithm_settings(name="outcome_sampling")
    plan = plan_freezes(kuhn(3), outcome, freeze, 2)
    visits = freeze * 4  # a sweep for each player and what more there may be
    assert visits * plan.largest_share * plan.per_weight < 2.0**SUM_BITS
    assert plan.largest_share > 2.0**20
    assert plan_freezes(kuhn(2), outcome, freeze, 2).largest_share == np.inf


def test_a_smaller_freeze_that_is_proposed_fits():
    rare = algorithm_settings(name="outcome_sampling", epsilon=((0, 0.01),))
    with pytest.raises(ConfigError, match="at most") as refused:
        plan_freezes(leduc(), rare, 2**20, 1)
    most = int(str(refused.value).rpartition(" ")[2])
    plan_freezes(leduc(), rare, most, 1)
    with pytest.raises(ConfigError):
        plan_freezes(leduc(), rare, 2 * most, 1)


@pytest.mark.parametrize(
    "game", [kuhn(), leduc(merge_suits=False), liars_dice(dice=1, sides=3), synthetic(buckets=9)]
)
def test_every_row_is_in_one_run(game):
    found = {}
    for base, stride, count, rows in table_runs(game.tree, game.deals.bucket_count).tolist():
        for row in range(base, base + stride * rows, stride):
            assert row not in found
            found[row] = count
    assert found == {label.row: len(label.actions) for label in game.infosets()}


def test_old_runs_keep_their_fingerprint_and_the_freeze_is_part_of_it():
    plain = load_config()
    engine = [key for key in fingerprinted_values(plain) if key.startswith("engine.")]
    assert engine == ["engine.drain_window"]
    chosen = load_config(overrides=["engine.mode=deterministic"])
    game = leduc()
    settled = with_freeze(chosen, game)
    assert settled.engine.freeze == default_freeze(game)
    other = with_freeze(
        load_config(overrides=["engine.mode=deterministic", "engine.freeze=3"]), game
    )
    assert len({fingerprint(each) for each in (plain, settled, other)}) == 3
    assert with_freeze(plain, game) == plain


def test_a_freeze_without_the_mode_is_refused():
    with pytest.raises(ConfigError, match=r"engine\.freeze needs engine\.mode deterministic"):
        load_config(overrides=["engine.freeze=64"])


def test_full_width_algorithms_need_no_freeze():
    config = load_config(overrides=["engine.mode=deterministic", "algorithm.name=cfr_plus"])
    assert with_freeze(config, kuhn()).engine.freeze is None
