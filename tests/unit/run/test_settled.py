"""What the configuration leaves open is settled once in a run, and handed down."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.games.registry import load_game
from cfr_shm.games.small.synthetic import synthetic_buckets
from cfr_shm.run import setup
from cfr_shm.run.setup import settle
from cfr_shm.run.train import train

#: Each makes one part of the record; the first three look through the tree or the machine.
DERIVATIONS = (
    "settle",
    "algorithm_settings",
    "engine_settings",
    "worker_count",
    "usable_cores",
    "freeze_plan",
    "with_freeze",
    "with_averages",
    "discount_plan",
    "drain_window",
    "runs_in_process",
    "fingerprint",
)


def count_calls(monkeypatch) -> Counter[str]:
    """Count the calls of every derivation, wherever in the run its name was imported to."""
    import sys

    calls: Counter[str] = Counter()

    def counting(name, original):
        def counted(*arguments, **named):
            calls[name] += 1
            return original(*arguments, **named)

        return counted

    for name in DERIVATIONS:
        original = getattr(setup, name)
        for module in [m for key, m in sys.modules.items() if key.startswith("cfr_shm.run.")]:
            if getattr(module, name, None) is original:
                monkeypatch.setattr(module, name, counting(name, original))
    return calls


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("algorithm.weighting=dcfr", "algorithm.discount_interval=64"),
        ("engine.mode=deterministic", "engine.freeze=64"),
        ("game.players=3",),
        ("algorithm.name=cfr_plus",),
    ],
    ids=["plain", "discounted", "deterministic", "three players", "full width"],
)
def test_a_run_settles_each_thing_once(tmp_path, monkeypatch, overrides):
    told = ["run.iterations=128", "engine.num_workers=1", "engine.drain_window=64"]
    config = load_config("kuhn", overrides=[*told, *overrides])
    calls = count_calls(monkeypatch)
    summary = train(config, tmp_path / "run")
    assert summary["iterations"] == 128
    assert calls == dict.fromkeys(DERIVATIONS, 1)


def test_a_run_with_worker_processes_settles_each_thing_once(tmp_path, monkeypatch):
    config = load_config("kuhn", overrides=["run.iterations=2048", "engine.num_workers=2"])
    calls = count_calls(monkeypatch)
    assert train(config, tmp_path / "run")["workers"] == 2
    assert calls == dict.fromkeys(DERIVATIONS, 1)


def test_the_record_holds_what_the_configuration_leaves_open():
    config = load_config("kuhn", overrides=["game.players=3", "engine.mode=deterministic"])
    settled = settle(config, load_game(config.game), Path("d"))
    assert settled.config.engine.freeze == settled.engine.freeze.iterations
    assert settled.config.algorithm.average_opponents == "sampled"
    assert settled.fingerprint == setup.fingerprint(settled.config)
    assert settled.algorithm is settled.engine.algorithm
    assert settled.in_process == (settled.engine.worker_count == 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settled.in_process = True


def test_settling_again_changes_nothing():
    config = load_config("leduc", overrides=["engine.mode=deterministic"])
    game = load_game(config.game)
    settled = settle(config, game, Path("d"))
    assert settle(settled.config, game, Path("d")) == settled


def test_how_much_is_explored_follows_the_schedule():
    steps = ["algorithm.name=outcome_sampling", "algorithm.epsilon=0:1,7:.5"]
    config = load_config("kuhn", overrides=steps)
    settled = settle(config, load_game(config.game), Path())
    assert [settled.epsilon_at(done) for done in (0, 6, 7, 10**9)] == [1.0, 1.0, 0.5, 0.5]
    plain = load_config("kuhn")
    assert settle(plain, load_game(plain.game), Path()).epsilon_at(5) is None


@pytest.mark.parametrize(
    ("mebibytes", "workers", "expected"),
    [(1, 1, 1), (4, 1, 1), (4.1, 1, 8), (1, 2, 1), (1.1, 2, 8), (4, 8, 8), (0.1, 8, 1)],
)
def test_traversals_in_flight_follow_table_and_workers(mebibytes, workers, expected):
    assert setup.in_flight(Config(), int(mebibytes * (1 << 20)), workers) == expected
    given = load_config(None, {}, ["algorithm.in_flight=3"])
    assert setup.in_flight(given, int(mebibytes * (1 << 20)), workers) == 3


def test_traversals_in_flight_are_no_part_of_a_run():
    """Or a run of one worker could not be resumed with two."""
    given = ["game.name=synthetic", f"game.buckets={synthetic_buckets(2 << 20)}"]
    configs = [load_config(None, {}, [*given, f"engine.num_workers={count}"]) for count in (1, 2)]
    settled = [settle(each, load_game(each.game), Path("x")) for each in configs]
    assert [each.engine.in_flight for each in settled] == [1, 8]
    assert settled[0].fingerprint == settled[1].fingerprint


def test_a_regret_floor_of_zero_is_doubted_where_it_was_measured_to_lose():
    floor = "algorithm.regret_floor=0"
    (said,) = setup.doubts_of(load_config(overrides=["game.name=holdem", floor]))
    assert "43 big blinds per 100 hands" in said
    assert setup.doubts_of(load_config(overrides=[floor])) == []
    assert setup.doubts_of(load_config(overrides=["game.name=holdem"])) == []
    low = ["game.name=holdem", "algorithm.regret_floor=-1e9"]
    assert setup.doubts_of(load_config(overrides=low)) == []


def test_a_share_of_smoothing_that_there_is_not_is_told():
    own = "run.smoothing_own=0.1"
    (said,) = setup.doubts_of(load_config(overrides=[own]))
    assert "run.smoothing says that there is none" in said
    assert setup.doubts_of(load_config(overrides=[own, "run.smoothing=16"])) == []
