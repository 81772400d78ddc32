"""A whole training in this process: its files, its bounds, its checkpoints, its failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.config.identity import fingerprint
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.errors import (
    CheckpointError,
    GameError,
    MemoryReserveError,
    NotFiniteError,
    UsageError,
)
from cfr_shm.games.registry import load_game
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.run import checkpoint_writer
from cfr_shm.run.directory import StoredRun
from cfr_shm.run.signals import StopRequested, StopSignals
from cfr_shm.run.train import train
from cfr_shm.telemetry import events

WINDOW = 64


def kuhn(*overrides: str) -> Config:
    """A short run of one worker; windows are small, so that it is short without compilation."""
    return load_config(
        "kuhn",
        overrides=[
            "run.iterations=256",
            "engine.num_workers=1",
            f"engine.drain_window={WINDOW}",
            *overrides,
        ],
    )


def load(path: Path, config: Config) -> Checkpoint:
    warnings: list[str] = []
    loaded = StoredRun(path).load_checkpoint(config, load_game(config.game), warnings.append)
    assert not warnings
    return loaded


def test_a_run_leaves_what_it_promises(tmp_path):
    path, heard = tmp_path / "run", []
    summary = train(kuhn(), path, report=heard.append)
    assert json.loads((path / "summary.json").read_text()) == summary
    assert summary["status"] == "finished"
    assert summary["iterations"] == 256
    assert summary["fingerprint"] == fingerprint(kuhn())
    assert summary["checkpoint"] == "checkpoints/256"
    assert summary["workers"] == len(summary["busy_fraction"]) == 1
    assert summary["lost_update_estimate"] == 0.0
    assert 0 < summary["exploitability"]["value"] < 0.459
    assert summary["nash_conv"] == pytest.approx(2 * summary["exploitability"]["value"])
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["interval", "evaluation", "table"]
    assert lines[0]["iterations"] == lines[1]["iterations"] == 256
    assert "finished: 256 iterations of kuhn" in (path / "log.txt").read_text()
    assert StoredRun(path).load_config() == kuhn()
    assert isinstance(heard[-1], events.RunEnded)
    loaded = load(path, kuhn())
    assert (loaded.iterations, loaded.completed) == (256, ((0, 256),))
    assert loaded.nodes == summary["nodes"]


def test_the_same_seed_gives_the_same_table_and_another_another(tmp_path):
    rows = []
    for name, override in [("a", "run.seed=1"), ("b", "run.seed=1"), ("c", "run.seed=2")]:
        train(kuhn(override), tmp_path / name)
        rows.append(load(tmp_path / name, kuhn(override)).rows)
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_a_resumed_run_ends_where_an_undisturbed_one_does(tmp_path):
    train(kuhn(), tmp_path / "whole")
    train(kuhn("run.iterations=128"), tmp_path / "parts")
    checkpoint = load(tmp_path / "parts", kuhn())
    heard: list[events.Event] = []
    summary = train(kuhn(), tmp_path / "parts", resume=checkpoint, report=heard.append)
    assert summary["iterations"] == 256
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    assert started.iterations == 128
    whole, parts = load(tmp_path / "whole", kuhn()), load(tmp_path / "parts", kuhn())
    assert np.array_equal(whole.rows, parts.rows)
    assert (whole.nodes, whole.utility_sums) == (parts.nodes, pytest.approx(parts.utility_sums))
    assert parts.seconds > checkpoint.seconds


def test_holes_in_a_checkpoint_are_filled(tmp_path):
    train(kuhn(), tmp_path / "run")
    whole = load(tmp_path / "run", kuhn())
    holes = Checkpoint(
        fingerprint=whole.fingerprint,
        config=whole.config,
        completed=((0, 64), (128, 192)),
        iterations=128,
        nodes=whole.nodes // 2,
        utility_sums=whole.utility_sums,
        seconds=whole.seconds,
        rows=np.zeros_like(whole.rows),
    )
    summary = train(kuhn(), tmp_path / "filled", resume=holes)
    assert summary["iterations"] == 256
    assert load(tmp_path / "filled", kuhn()).completed == ((0, 256),)


class PendingWhen(StopSignals):
    """As if SIGTERM came as soon as a condition holds."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition

    @property
    def pending(self) -> bool:
        if self._condition():
            self.signal_number = 15
        return self.signal_number != 0


#: No end but a signal, and as many checkpoints as there can be.
ENDLESS = ("run.iterations=null", "run.time_budget=600", "run.checkpoint_interval=1e-9")


def test_checkpoints_on_an_interval_are_evaluated_and_pruned(tmp_path, monkeypatch):
    saved: list[int] = []
    original = CheckpointStore.save

    def save(store, checkpoint, game):
        saved.append(checkpoint.iterations)
        return original(store, checkpoint, game)

    monkeypatch.setattr(CheckpointStore, "save", save)
    heard: list[events.Event] = []
    signals = PendingWhen(lambda: len(saved) >= 3)
    config = kuhn(*ENDLESS, f"engine.batch_size={WINDOW}")
    summary = train(config, tmp_path, report=heard.append, signals=signals)
    assert saved == sorted(saved)
    assert saved[0] > 0
    assert saved[-1] == summary["iterations"]
    kept = [stored.iterations for stored in CheckpointStore(tmp_path / "checkpoints").stored()]
    assert kept == saved[-2:]
    evaluated = [event.iterations for event in heard if isinstance(event, events.Evaluated)]
    assert evaluated == saved


def test_row_17_a_failed_checkpoint_does_not_end_the_run(tmp_path, monkeypatch):
    original, failures = CheckpointStore.save, [OSError(28, "No space left on device")]
    saved: list[int] = []

    def save(store, checkpoint, game):
        if failures:
            raise failures.pop()
        saved.append(checkpoint.iterations)
        return original(store, checkpoint, game)

    monkeypatch.setattr(CheckpointStore, "save", save)
    heard: list[events.Event] = []
    signals = PendingWhen(lambda: bool(saved))
    config = kuhn(*ENDLESS, f"engine.batch_size={WINDOW}")
    assert train(config, tmp_path, report=heard.append, signals=signals)["iterations"] == saved[-1]
    failed = [event for event in heard if isinstance(event, events.CheckpointFailed)]
    assert [event.reason for event in failed] == ["No space left on device"]
    assert "No space left on device" in (tmp_path / "log.txt").read_text()


def test_without_memory_for_a_snapshot_training_waits_for_the_checkpoint(tmp_path, monkeypatch):
    def no_memory(byte_count, limits):
        raise MemoryReserveError("too little")

    monkeypatch.setattr(checkpoint_writer, "require_memory", no_memory)
    heard: list[events.Event] = []
    signals = PendingWhen(lambda: any(isinstance(event, events.Evaluated) for event in heard))
    config = kuhn(*ENDLESS, f"engine.batch_size={WINDOW}")
    train(config, tmp_path, report=heard.append, signals=signals)
    warned = {event.text for event in heard if isinstance(event, events.Warned)}
    assert warned == {"no memory for a snapshot: training waits for the checkpoint"}
    assert load(tmp_path, config).iterations > 0


def test_row_23_a_table_that_is_not_finite_ends_the_run_and_keeps_the_last_checkpoint(tmp_path):
    train(kuhn("run.iterations=128"), tmp_path)
    checkpoint = load(tmp_path, kuhn())
    rows = checkpoint.rows.copy()
    rows[0] = np.nan
    poisoned = Checkpoint(**(vars(checkpoint) | {"rows": rows, "path": None}))
    with pytest.raises(NotFiniteError, match=r"strategy_sum\[0\] is nan"):
        train(kuhn(), tmp_path, resume=poisoned)
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "failed"
    assert "strategy_sum[0] is nan" in (tmp_path / "log.txt").read_text()
    assert load(tmp_path, kuhn()).iterations == 128


def test_a_signal_ends_the_run_with_a_checkpoint(tmp_path):
    config = kuhn("run.iterations=100000000", f"engine.batch_size={WINDOW}")
    heard: list[events.Event] = []
    # The first answer of ``heard`` is progress: the first result is in.
    signals = PendingWhen(lambda: any(isinstance(event, events.Progress) for event in heard))
    summary = train(config, tmp_path, report=heard.append, signals=signals)
    assert summary["status"] == "interrupted"
    assert signals.exit_code == 143
    assert summary["iterations"] == load(tmp_path, config).iterations
    assert 0 < summary["iterations"] < 100_000_000
    assert "to go on: cfr-shm resume" in (tmp_path / "log.txt").read_text()


def test_a_signal_before_the_first_iteration_leaves_nothing(tmp_path):
    with pytest.raises(StopRequested, match="SIGTERM"):
        train(kuhn(), tmp_path / "run", signals=PendingWhen(lambda: True))
    assert not (tmp_path / "run").exists()


def test_a_time_budget_ends_a_run(tmp_path):
    config = kuhn("run.iterations=null", "run.time_budget=0.3")
    summary = train(config, tmp_path)
    assert summary["status"] == "finished"
    assert summary["iterations"] > 0
    assert summary["iterations"] % WINDOW == 0


def test_wrong_games_are_refused_before_anything_is_written(tmp_path):
    config = load_config(overrides=["game.name=chess"])
    with pytest.raises(GameError):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tensorboard_is_looked_for_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="tensorboard is not installed"):
        train(kuhn("run.tensorboard=true"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path):
    train(kuhn(), tmp_path)
    with pytest.raises(CheckpointError, match=r"differs in run\.seed: 0 != 3"):
        load(tmp_path, kuhn("run.seed=3"))


def test_a_game_without_listed_deals_has_no_exploitability(tmp_path):
    config = load_config(
        overrides=[
            "game.name=synthetic",
            "game.streets=1",
            "game.max_raises=1",
            "game.buckets=3",
            "run.iterations=64",
            "engine.num_workers=1",
            f"engine.drain_window={WINDOW}",
        ]
    )
    summary = train(config, tmp_path)
    assert summary["exploitability"] is None
    assert summary["nash_conv"] is None
