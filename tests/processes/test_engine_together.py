"""Full width on several processes: the tables of one, resumed runs, and what a death does."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from engine_harness import SEGMENTS, children, eventually, is_unlinked, settings_for

from cfr_shm.algorithms import FULL_WIDTH, AlgorithmSettings
from cfr_shm.config import Config, load_config
from cfr_shm.engine.coordinator import open_engine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import WorkerError
from cfr_shm.games.game import Game
from cfr_shm.games.leduc import leduc
from cfr_shm.games.liars_dice import liars_dice
from cfr_shm.games.registry import load_game
from cfr_shm.games.vector_form import outline
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout import RESULT_UTILITY
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.memory.tables import create_training_arena, private_views, training_views
from cfr_shm.run_directory import StoredRun
from cfr_shm.train import train

ITERATIONS = 12 if JIT_DISABLED else 3000


def ignore(stats: EngineStats) -> None:
    pass


def together(
    game: Game, workers: int, name: str, seed: int | None, **changes: object
) -> tuple[bytes, EngineStats]:
    """Train by processes, paused at random moments unless ``seed`` is None; return the rows."""
    algorithm = AlgorithmSettings(name=name)
    options = {"drain_window": 1, "batch_seconds": 0.01, **changes}
    settings = settings_for(game, workers, algorithm=algorithm, **options)
    words = outline(game.tree, game.deals).vector_words
    ledger = IterationLedger(ITERATIONS)
    generator = random.Random(seed)
    with create_training_arena(game, workers, "", algorithm.state_planes, words) as arena:
        SEGMENTS.append(arena.name)
        with open_engine(settings, arena, in_process=False) as engine:
            while ledger.remaining:
                pause_at = None if seed is None else time.monotonic() + generator.uniform(0, 0.02)
                engine.advance(ledger, lambda: False, ignore, pause_at)
            stats = engine.stats()
        return training_views(arena).rows.tobytes(), stats


def alone(game: Game, name: str) -> tuple[bytes, EngineStats]:
    algorithm = AlgorithmSettings(name=name)
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
