"""Full width on several processes: the tables of one, resumed runs, and what a death does."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_harness import SEGMENTS, children, eventually, is_unlinked, settings_for
from first_cases import first_cases
from plain_settings import algorithm_settings

from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.engine import process_crew
from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.dealing.choice import choose_dealing
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.stats import EngineStats
from cfr_shm.engine.worker_process import WorkerProcess
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.trees.vector_form import outline
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.memory.tables import create_training_arena, private_views, training_views
from cfr_shm.run.directory import StoredRun
from cfr_shm.run.train import train

ITERATIONS = 12 if JIT_DISABLED else 3000


def ignore(stats: EngineStats) -> None:
    pass


def together(
    game: Game, workers: int, name: str, seed: int | None, **changes: Any
) -> tuple[bytes, EngineStats]:
    """Train by processes, paused at random moments unless ``seed`` is None; return the rows."""
    algorithm = algorithm_settings(name=name)
    options = {"drain_window": 1, "batch_seconds": 0.01, "on_worker_death": "abort", **changes}
    settings = settings_for(game, workers, algorithm=algorithm, **options)
    words = outline(game.tree, game.deals).vector_words
    ledger = IterationLedger(ITERATIONS)
    generator = random.Random(seed)
    with create_training_arena(game, workers, "", algorithm.state_planes, None, words) as arena:
        SEGMENTS.append(arena.name)
        with open_engine(settings, arena, in_process=False) as engine:
            while ledger.remaining:
                pause_at = None if seed is None else time.monotonic() + generator.uniform(0, 0.02)
                engine.advance(ledger, lambda: False, ignore, pause_at)
            stats = engine.stats()
        return training_views(arena).rows.tobytes(), stats


def alone(game: Game, name: str) -> tuple[bytes, EngineStats]:
    algorithm = algorithm_settings(name=name)
    settings = settings_for(game, 1, algorithm=algorithm, drain_window=1)
    views = private_views(game, 1, algorithm.state_planes)
    with open_engine(settings, views, in_process=True) as engine:
        engine.advance(IterationLedger(ITERATIONS), lambda: False, ignore)
        return views.rows.tobytes(), engine.stats()


@pytest.mark.parametrize("disturbance", [None, 1])
@pytest.mark.parametrize("workers", [2, 3])
def test_processes_give_the_table_of_a_thread(workers: int, disturbance: int | None) -> None:
    game = leduc()
    rows, stats = alone(game, "dcfr")
    found, several = together(game, workers, "dcfr", disturbance)
    assert found == rows
    assert several.iterations == ITERATIONS
    assert several.nodes == stats.nodes
    assert several.utility_sums == pytest.approx(stats.utility_sums)
    assert all(size > 0 for size in several.batch_iterations)


@pytest.mark.skipif(sys.platform != "linux", reason="fork is offered on Linux only")
def test_forked_processes_too() -> None:
    game = liars_dice(sides=2)
    found, _ = together(game, 4, "pcfr_plus", None, start_method="fork")
    assert found == alone(game, "pcfr_plus")[0]


def config_of(name: str, workers: int, iterations: int) -> Config:
    return load_config(
        "leduc",
        overrides=[
            f"algorithm.name={name}",
            f"run.iterations={iterations}",
            "run.time_budget=null",
            "run.checkpoint_interval=0",
            f"engine.num_workers={workers}",
        ],
    )


def load(path: Path, config: Config) -> Checkpoint:
    warnings: list[str] = []
    loaded = StoredRun(path).load_checkpoint(config, load_game(config.game), warnings.append)
    assert not warnings
    return loaded


@pytest.mark.parametrize("name", first_cases(["dcfr", "cfr", "pdcfr_plus"]))
def test_a_run_may_be_resumed_with_another_number_of_workers(tmp_path: Path, name: str) -> None:
    whole = config_of(name, 1, 60)
    train(whole, tmp_path / "whole")
    train(config_of(name, 2, 25), tmp_path / "parts")
    last = config_of(name, 3, 60)
    summary = train(last, tmp_path / "parts", resume=load(tmp_path / "parts", last))
    assert (summary["status"], summary["iterations"], summary["workers"]) == ("finished", 60, 3)
    assert summary["lost_update_estimate"] == 0.0
    found = load(tmp_path / "parts", last).rows
    assert found.tobytes() == load(tmp_path / "whole", whole).rows.tobytes()


@contextlib.contextmanager
def running(workers: int, **changes: Any) -> Iterator[tuple[Engine, ProcessCrew]]:
    """An engine whose processes train Leduc together, and its crew."""
    game, algorithm = leduc(), algorithm_settings(name="cfr")
    options = {"algorithm": algorithm, "drain_window": 1, "on_worker_death": "abort", **changes}
    settings = settings_for(game, workers, **options)
    words = outline(game.tree, game.deals).vector_words
    with create_training_arena(game, workers, "", algorithm.state_planes, None, words) as arena:
        SEGMENTS.append(arena.name)
        crew = ProcessCrew(settings, arena)
        dealing = choose_dealing(settings, training_views(arena))
        with Engine(settings, crew, dealing=dealing) as engine:
            yield engine, crew


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("victim", first_cases([1, 0, 2]))
def test_a_death_ends_the_run_and_the_others_leave_the_meeting(
    victim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to, by themselves: nobody else has to be killed, and nothing is left."""
    exit_codes: list[int | None] = []
    close = WorkerProcess.close

    def note(member: WorkerProcess) -> None:
        exit_codes.append(member.process.exitcode)
        close(member)

    monkeypatch.setattr(WorkerProcess, "close", note)
    monkeypatch.setattr(process_crew, "JOIN_SECONDS", 60.0)
    with running(3, batch_seconds=5.0) as (engine, crew):
        threading.Timer(0.5, os.kill, (crew.pids[victim], signal.SIGKILL)).start()
        with pytest.raises(WorkerError, match=r"killed by SIGKILL.*resume the run from its last"):
            engine.advance(IterationLedger(None), lambda: False, ignore)
    assert exit_codes == [-signal.SIGKILL, 0, 0]
    assert eventually(lambda: not children())
    assert all(is_unlinked(segment) for segment in SEGMENTS)


def cpu_seconds_beside_a_stopped_one(stopped: int, waiting: int) -> float:
    """Stop a worker for a second; return the CPU time that another uses meanwhile."""
    process = psutil.Process(waiting)
    os.kill(stopped, signal.SIGSTOP)
    try:
        time.sleep(0.1)
        before = process.cpu_times()
        time.sleep(1.0)
        after = process.cpu_times()
    finally:
        os.kill(stopped, signal.SIGCONT)
    return after.user - before.user + after.system - before.system


@pytest.mark.skipif(JIT_DISABLED, reason="plain Python waits by looking again")
@pytest.mark.skipif(sys.platform != "linux", reason="only there sleepers are called")
@pytest.mark.parametrize(("stopped", "waiting"), first_cases([(0, 1), (1, 0)]))
def test_who_waits_for_a_stopped_worker_uses_no_cpu(stopped: int, waiting: int) -> None:
    with running(2, batch_seconds=0.05) as (engine, crew), ThreadPoolExecutor() as pool:
        pids = crew.pids
        used = pool.submit(cpu_seconds_beside_a_stopped_one, pids[stopped], pids[waiting])
        engine.advance(IterationLedger(None), used.done, ignore)
        assert used.result() < 0.1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("stopped", first_cases([2, 0, 1]))
def test_the_worker_that_hangs_is_the_one_that_is_named(stopped: int) -> None:
    with running(3, batch_seconds=0.05, deadline_seconds=2.0) as (engine, crew):
        timer = threading.Timer(0.3, os.kill, (crew.pids[stopped], signal.SIGSTOP))
        timer.start()
        with pytest.raises(DeadlineError, match=f"^worker {stopped} did not finish"):
            engine.advance(IterationLedger(None), lambda: False, ignore)
