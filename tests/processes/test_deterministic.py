"""Deterministic mode on worker processes: any number, any start, cut up, and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from engine_harness import SEGMENTS
from first_cases import first_cases
from frozen_crew import FrozenCrew
from plain_settings import algorithm_settings, engine_settings

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file
from cfr_shm.config.load import load_config
from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.dealing.choice import choose_dealing
from cfr_shm.engine.freezes import Freezes, plan_freezes
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.layout.control import CONTROL_LINE_WORDS
from cfr_shm.layout.freeze import FREEZE_STEP, freeze_lines
from cfr_shm.memory.checkpoint import CheckpointStore
from cfr_shm.memory.tables import create_training_arena, training_views
from cfr_shm.run.train import train
from cfr_shm.storage.names import CHECKPOINTS

FREEZE = 64
ITERATIONS = 200 * FREEZE

#: Workers that are killed in one run.
DEATHS = 4

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def settings_for(game: Game, workers: int, freeze: int, **options) -> EngineSettings:
    algorithm = options.pop("algorithm", algorithm_settings())
    fields = {
        "worker_count": workers,
        "seed": 5,
        "drain_window": freeze,
        "algorithm": algorithm,
        "freeze": plan_freezes(game, algorithm, freeze, workers),
        "cores": os.cpu_count() or 1,
    }
    return engine_settings(game, **{**fields, **options})


def undisturbed(game: Game, iterations: int, freeze: int = FREEZE) -> bytes:
    return FrozenCrew(game, 1, freeze).run_all([(0, iterations)]).table


@pytest.mark.parametrize(
    ("workers", "method", "options"),
    first_cases(
        [
            (3, "spawn", {"batch_size": 7 * FREEZE}),
            (2, "fork", {"batch_size": FREEZE}),
            (4, "fork", {"in_flight": 8}),
            (8, "fork", {"batch_seconds": 0.05}),
            (1, "spawn", {}),
        ],
        keep=4,
    ),
)
def test_the_table_does_not_depend_on_the_workers(workers, method, options):
    game = leduc()
    settings = settings_for(game, workers, FREEZE, start_method=method, **options)
    with create_training_arena(game, workers, "", 0, settings.freeze) as arena:
        SEGMENTS.append(arena.name)
        ledger = IterationLedger(ITERATIONS, drain_window=FREEZE)
        pauses = iter([False, True, False, True] + 10_000 * [False])
        with open_engine(settings, arena, in_process=False) as engine:
            while not ledger.finished:
                engine.advance(ledger, lambda: next(pauses), lambda stats: None)
            stats = engine.stats()
        views = training_views(arena)
        assert views.rows.tobytes() == undisturbed(game, ITERATIONS)
        assert stats.iterations == ITERATIONS
        assert Freezes(settings, views).totals()[:2] == (ITERATIONS, stats.nodes)
        del views


class Killer:
    """Kills workers of a crew, again and again, in the phase that is asked for.

    Attributes:
        phases: 0 for each worker that died while it added, 1 for each that applied.
    """

    def __init__(self, crew: ProcessCrew, line: np.ndarray, game: Game, pause: float) -> None:
        words = freeze_lines(game.player_count).words
        self._steps = line[CONTROL_LINE_WORDS:].reshape(-1, words)[:, FREEZE_STEP]
        self._crew, self._pause = crew, pause
        self._over = threading.Event()
        self.phases: list[int] = []
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()
        del self._steps

    def _work(self) -> None:
        wanted, seen = 0, 0
        while len(self.phases) < DEATHS and not self._over.wait(self._pause):
            if int(self._steps.min()) <= seen + 4:
                continue  # Those who were killed last have not been replaced yet.
            seen = int(self._steps.max())
            worker = len(self.phases) % len(self._steps)
            end = time.monotonic() + 0.2
            while self._steps[worker] & 1 != wanted and time.monotonic() < end:
                pass
            with contextlib.suppress(ProcessLookupError, IndexError):
                pid = self._crew.pids[worker]
                os.kill(pid, signal.SIGKILL)
                self.phases.append(int(self._steps[worker] & 1))
                wanted = 1 - wanted


def run_killed(game: Game, workers: int, iterations: int, freeze: int, pause: float):
    """Run under a killer; return the table, the phases in which workers died, and the stats."""
    settings = settings_for(game, workers, freeze, batch_seconds=0.05)
    with create_training_arena(game, workers, "", 0, settings.freeze) as arena:
        SEGMENTS.append(arena.name)
        views = training_views(arena)
        ledger = IterationLedger(iterations, drain_window=freeze)
        crew = ProcessCrew(settings, arena)
        engine = Engine(settings, crew, dealing=choose_dealing(settings, views))
        assert views.freeze is not None
        with engine, Killer(crew, views.freeze.line, game, pause) as killer:
            engine.advance(ledger, lambda: False, lambda stats: None)
        table, stats = views.rows.tobytes(), engine.stats()
        del views, engine, crew
    return table, killer.phases, stats


def test_killed_workers_leave_no_trace_in_a_small_table():
    game, iterations = leduc(), 20_000 * FREEZE
    table, phases, stats = run_killed(game, 2, iterations, FREEZE, pause=0.2)
    assert len(phases) >= 2
    assert stats.restarts >= 2
    assert stats.iterations == iterations
    assert table == undisturbed(game, iterations)


@pytest.mark.thorough
def test_killed_workers_leave_no_trace_in_a_large_table_in_either_phase():
    game, freeze = synthetic(buckets=400), 256
    iterations = 150 * freeze
    phases: list[int] = []
    expected = undisturbed(game, iterations, freeze)
    for _ in range(5):
        table, died, stats = run_killed(game, 3, iterations, freeze, pause=0.1)
        assert table == expected
        assert stats.iterations == iterations
        phases += died
        if set(phases) == {0, 1}:
            break
    assert set(phases) == {0, 1}


@pytest.fixture(scope="module")
def holdem(tmp_path_factory) -> Game:
    """Hold'em on the royal deck, with buckets on four streets: cards are drawn in the kernel."""
    directory = tmp_path_factory.mktemp("buckets")
    spec = BucketSpec("royal", FAMILIES["percentile"], (25, 8, 8, 8))
    build_file(spec, directory / "royal")
    path = directory / "royal.yaml"
    path.write_text(
        "game: {name: holdem, stacks: 6bb, ranks: 5}\n"
        f"abstraction: {{preflop: [[1, allin]], buckets: {directory / 'royal'}}}\n"
    )
    config = load_config(path)
    return load_game(config.game, None, config.abstraction)


@pytest.mark.thorough
@pytest.mark.parametrize(("workers", "in_flight"), [(2, 1), (4, 8)])
def test_holdem_is_the_same_for_any_number_of_workers(holdem, workers, in_flight):
    expected = undisturbed(holdem, 20 * FREEZE)
    several = FrozenCrew(holdem, workers, FREEZE, in_flight=in_flight, own_increments=False)
    assert several.run_all([(0, 7 * FREEZE), (7 * FREEZE, 13 * FREEZE)]).table == expected


@pytest.mark.thorough
def test_killed_workers_leave_no_trace_in_holdem(holdem):
    freeze, iterations = 1024, 600 * 1024
    table, phases, stats = run_killed(holdem, 2, iterations, freeze, pause=0.05)
    assert len(phases) >= 1
    assert stats.restarts >= 1
    assert stats.iterations == iterations
    assert table == undisturbed(holdem, iterations, freeze)


def run(directory: Path, *overrides: str, resume: bool = False, iterations: int = ITERATIONS):
    config = load_config(
        "leduc",
        overrides=[
            "engine.mode=deterministic",
            f"engine.freeze={FREEZE}",
            f"run.iterations={iterations}",
            *overrides,
        ],
    )
    store = CheckpointStore(directory / CHECKPOINTS)
    checkpoint = store.load_latest(warn=print) if resume else None
    summary = train(config, directory, resume=checkpoint)
    rows = store.load_latest(warn=print).rows
    return np.array(rows).tobytes(), summary


@pytest.mark.parametrize("weighting", first_cases(["linear", "dcfr"]))
def test_a_run_that_is_cut_up_and_resumed_with_other_workers_is_the_same(tmp_path, weighting):
    chosen = f"algorithm.weighting={weighting}"
    options = [chosen] if weighting == "linear" else [chosen, "algorithm.discount_interval=1000"]
    whole, summary = run(tmp_path / "whole", "engine.num_workers=1", *options)
    assert (summary["mode"], summary["freeze"]) == ("deterministic", FREEZE)
    parts = tmp_path / "parts"
    run(parts, "engine.num_workers=2", *options, iterations=50 * FREEZE)
    run(parts, "engine.num_workers=3", *options, resume=True, iterations=120 * FREEZE)
    resumed, again = run(parts, "engine.num_workers=1", *options, resume=True)
    assert resumed == whole
    same = ("iterations", "nodes", "utility", "exploitability", "fingerprint")
    assert {key: again[key] for key in same} == {key: summary[key] for key in same}
