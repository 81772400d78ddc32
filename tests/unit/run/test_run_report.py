"""Progress on schedule, rates, totals over the parts of a run, and the keys of summary.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from cfr_shm.config.algorithm import AlgorithmConfig
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.engine.stats import EngineStats
from cfr_shm.evaluation.best_response import Evaluation
from cfr_shm.games.registry import load_game
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.machine.cores import usable_cores
from cfr_shm.run.report import Meter, Summary, Totals
from cfr_shm.run.setup import (
    runs_in_process,
    settle,
    worker_count,
)
from cfr_shm.telemetry.events import Progress

#: What other programs read; changing a key breaks them.
SUMMARY_KEYS = [
    "status",
    "game",
    "fingerprint",
    "seed",
    "mode",
    "freeze",
    "iterations",
    "nodes",
    "seconds",
    "iterations_per_second",
    "nodes_per_second",
    "workers",
    "busy_fraction",
    "user_cpu_seconds",
    "system_cpu_seconds",
    "voluntary_context_switches",
    "involuntary_context_switches",
    "restarts",
    "worker_restarts",
    "longest_recovery_seconds",
    "replayed_iterations",
    "clamped_regrets",
    "lost_update_estimate",
    "utility",
    "exploitability",
    "nash_conv",
    "quality",
    "ended_by",
    "buckets",
    "checkpoint",
    "checkpoints",
    "checkpoint_pause_seconds",
    "longest_checkpoint_pause_seconds",
    "ranks",
    "exchanges",
    "exchange_seconds",
    "longest_exchange_seconds",
    "ranks_lost",
    "iterations_not_averaged",
    "moved_to",
]


def stats(iterations: int = 0, seconds: float = 0.0, **changes) -> EngineStats:
    fields = {
        "iterations": iterations,
        "nodes": 10 * iterations,
        "utility_sums": (0.5 * iterations, -0.5 * iterations),
        "strategy_weight": 0.0,
        "seconds": seconds,
        "busy_fraction": (1.0, 0.98),
        "user_cpu_seconds": 2 * seconds,
        "system_cpu_seconds": 0.02 * seconds,
        "voluntary_context_switches": 3,
        "involuntary_context_switches": 4,
        "largest_message_bytes": 100,
        "batches": 1,
        "polls": 1,
        "workers": 2,
    }
    return EngineStats(**(fields | changes))


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


NOTHING = Totals(0, 0, (0.0, 0.0), 0.0)


def test_progress_is_due_on_schedule_and_live_in_between():
    clock = Clock()
    meter = Meter(NOTHING, 30.0, clock)
    found = []
    for step in range(1, 321):
        clock.now = 50.0 + step / 10
        found.append(meter.progress(stats(100 * step, step / 10)))
    due = [progress.seconds for progress in found if progress is not None and progress.due]
    assert due == [5.0, 10.0, 30.0]
    live = [progress for progress in found if progress is not None and not progress.due]
    assert 80 <= len(live) <= 130


def test_rates_are_those_of_the_last_interval():
    meter = Meter(NOTHING, 10.0, Clock())
    first = meter.progress(stats(1000, 10.0))
    second = meter.progress(stats(4000, 20.0))
    assert first is not None
    assert second is not None
    assert (first.iterations_per_second, second.iterations_per_second) == (100.0, 300.0)
    assert second.nodes_per_second == 3000.0
    assert second.system_cpu_fraction == pytest.approx(0.02 / 2.02)
    assert second.utility == 0.5


def test_the_moving_average_forgets_and_switches_are_counted_by_interval():
    meter = Meter(Totals(100, 0, (500.0, 0.0), 1.0), 10.0, Clock())
    found = []
    for interval in range(1, 21):
        # Ten intervals at utility 1, then ten at utility 2.
        done = 100 * interval
        sums = done if interval <= 10 else 1000 + 2 * (done - 1000)
        found.append(
            meter.progress(
                stats(
                    done,
                    10.0 * interval,
                    utility_sums=(float(sums), 0.0),
                    voluntary_context_switches=30 * interval,
                    involuntary_context_switches=20 * interval,
                )
            )
        )
    assert found[0].utility_moving_average == pytest.approx(1.0)
    assert found[9].utility_moving_average == pytest.approx(1.0)
    assert found[-1].utility_moving_average == pytest.approx(2.0)
    assert 1.0 < found[14].utility_moving_average < 2.0
    assert found[-1].context_switches_per_second == pytest.approx(5.0)


def test_epsilon_is_told_where_there_is_one():
    def epsilon_of(name: str, epsilon: str | None) -> Callable[[int], float | None]:
        config = Config(algorithm=AlgorithmConfig(name=name, epsilon=epsilon))
        return settle(config, kuhn(), Path()).epsilon_at

    exploring = epsilon_of("outcome_sampling", "0:0.6, 1000:0.2")
    assert [exploring(done) for done in (0, 999, 1000)] == [0.6, 0.6, 0.2]
    assert epsilon_of("external_sampling", None)(5) is None
    meter = Meter(NOTHING, 10.0, Clock(), epsilon=exploring)
    assert meter.progress(stats(2000, 10.0)).epsilon == 0.2


def test_a_short_last_interval_does_not_make_up_a_rate():
    meter = Meter(NOTHING, 10.0, Clock())
    meter.progress(stats(1000, 10.0))
    last = meter.last(stats(1500, 10.001))
    assert last is not None
    assert last.iterations_per_second == pytest.approx(150.0, rel=1e-3)


def test_a_late_collection_is_due_once():
    meter = Meter(NOTHING, 1.0, Clock())
    late = meter.progress(stats(1000, 7.5))
    assert late is not None
    assert late.due
    assert meter.progress(stats(1100, 7.6)) is None


def test_a_run_without_work_has_nothing_to_tell():
    assert Meter(NOTHING, 1.0).last(stats()) is None
    assert NOTHING.utility is None
    assert NOTHING.iterations_per_second == 0.0


def test_totals_add_up_over_the_parts_of_a_run():
    before = Totals(1000, 9000, (1.0, -1.0), 2.0)
    total = before.plus(stats(3000, 6.0))
    assert total == Totals(4000, 39000, (1501.0, -1501.0), 8.0)
    assert total.iterations_per_second == 500.0
    progress = Meter(before, 1.0, Clock()).progress(stats(3000, 6.0))
    assert progress is not None
    assert (progress.iterations, progress.seconds) == (4000, 8.0)
    assert progress.iterations_per_second == 500.0  # of this part, not of the run


def test_the_summary_has_its_literal_keys():
    totals = NOTHING.plus(stats(10, 1.0))
    summary = Summary("running", "kuhn", "f" * 64, 7, "async", None, totals, stats(10, 1.0))
    document = summary.as_dict()
    assert list(document) == SUMMARY_KEYS
    assert document["exploitability"] is None
    assert document["mode"] == "async"
    evaluation = Evaluation((0.1, -0.1), (0.2, 0.0), (0.1, 0.1), 0.2, 0.1, "chips", "exact")
    evaluated = summary.changed(evaluation=evaluation).as_dict()
    assert evaluated["exploitability"] == {"value": 0.1, "unit": "chips", "method": "exact"}
    assert evaluated["nash_conv"] == 0.2
    assert summary.changed(evaluation=evaluation, status="finished").ended("d").unit == "chips"


# --- what the configuration leaves open --------------------------------------------------


def test_one_worker_runs_in_process_unless_told_otherwise():
    def choice(*overrides: str) -> tuple[int, bool]:
        config = load_config(overrides=overrides)
        workers = worker_count(config, kuhn(), usable_cores())
        return workers, runs_in_process(config, workers)

    assert choice("engine.num_workers=1") == (1, True)
    assert choice("engine.num_workers=2") == (2, False)
    assert choice("engine.num_workers=1", "engine.in_process=false") == (1, False)
    assert choice("engine.in_process=true") == (1, True)
    assert choice()[0] == usable_cores()


def test_small_games_are_not_swept_by_more_workers_than_gain():
    dice, small = liars_dice(), leduc()
    full = load_config(overrides=["algorithm.name=cfr_plus"])
    assert worker_count(full, small, cores=64) == 1
    assert 2 <= worker_count(full, dice, cores=64) < 32
    assert worker_count(Config(), small, cores=64) == 64
    told = load_config(overrides=["algorithm.name=cfr_plus", "engine.num_workers=3"])
    assert worker_count(told, small, cores=64) == 3


def test_settings_follow_the_configuration_and_the_game():
    config = load_config(overrides=["run.seed=5", "engine.num_workers=3", "engine.batch_size=4096"])
    settings = settle(config, kuhn(), Path("d")).engine
    assert (settings.seed, settings.worker_count, settings.batch_size) == (5, 3, 4096)
    assert (settings.in_flight, settings.update) == (1, "racy")
    assert settle(Config(), kuhn(), Path("d")).engine.batch_size is None
    chosen = load_config(overrides=["algorithm.in_flight=4"])
    assert settle(chosen, kuhn(), Path("d")).engine.in_flight == 4


@pytest.mark.parametrize(
    ("config", "in_flight", "update"),
    [("leduc", 1, "racy"), ("synthetic_16mb", 8, "racy"), ("synthetic_large", 8, "atomic")],
)
def test_traversals_in_flight_and_updates_follow_the_size_of_the_table(config, in_flight, update):
    loaded = load_config(config)
    settings = settle(loaded, load_game(loaded.game), Path("d")).engine
    assert (settings.in_flight, settings.update) == (in_flight, update)


def test_the_documentation_explains_every_key():
    text = (Path(__file__).parents[3] / "docs" / "run_directory.md").read_text()
    explained = {
        part for line in text.splitlines() if line.startswith("| `") for part in line.split("`")
    }
    assert set(SUMMARY_KEYS) <= explained
    fields = {field.name for field in dataclasses.fields(Progress)} - {"due"}
    assert fields <= explained
