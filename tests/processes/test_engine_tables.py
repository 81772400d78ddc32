"""The tables that come out: the same for a thread and a process, however the batches fall."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest
from engine_harness import settings_for as default_settings_for
from first_cases import first_cases
from numpy.typing import NDArray
from production import compiled_once

from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.kernel_calls import keeps_own_table, prepare_kernel
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.lost_updates import estimate_lost_updates, total_strategy_weight
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.game import Game
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.training.external import external_sampling
from cfr_shm.layout.control import worker_line
from cfr_shm.layout.task import RESULT_UTILITY, RESULT_WEIGHT, Task
from cfr_shm.layout.tree import DECISION
from cfr_shm.memory import own_tables
from cfr_shm.memory.tables import (
    TrainingViews,
    allocate_scratch,
    create_training_arena,
    private_views,
    table_of,
    training_views,
)
from cfr_shm.strategy.average import Strategy

# Keyed hashes overflow on purpose; as plain Python, in a thread, NumPy says so.
pytestmark = pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")

#: Kernels that run as plain Python are some hundred times slower.
WINDOW = 8 if JIT_DISABLED else 1024
ITERATIONS = 150 * WINDOW + 5


def settings_for(game: Game, workers: int, **changes: Any) -> EngineSettings:
    return default_settings_for(game, workers, drain_window=WINDOW, **changes)


@pytest.fixture(scope="module")
def game() -> Game:
    return leduc()


def _ignore(stats: EngineStats) -> None:
    pass


def _train(engine: Engine, ledger: IterationLedger, seed: int | None) -> EngineStats:
    """Train to the ledger's end, paused at random moments unless ``seed`` is None."""
    generator = random.Random(seed)
    with engine:
        while ledger.remaining:
            pause_at = None if seed is None else time.monotonic() + generator.uniform(0, 0.01)
            engine.advance(ledger, lambda: False, _ignore, pause_at)
    assert ledger.completed == ((0, ledger.target),)
    return engine.stats()


def _ledger() -> IterationLedger:
    return IterationLedger(ITERATIONS, drain_window=WINDOW)


def _one_call(game: Game, in_flight: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The truth: all iterations in one call of the kernel."""
    views = private_views(game)
    result = np.zeros(RESULT_UTILITY + game.player_count)
    scratch = allocate_scratch(
        game.player_count, game.street_count, game.max_depth, game.max_actions, in_flight
    )
    settings = settings_for(game, 1, seed=11)
    task = Task(11, 0, ITERATIONS, WINDOW, settings.weighting_kind, settings.update_kind, 8)
    external_sampling(views.for_kernel(scratch), task, result)
    return views.rows, result


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize("batch_size", [None, 1, 10_000])
def test_a_thread_gives_the_table_of_one_call(
    game: Game, in_flight: int, batch_size: int | None
) -> None:
    rows, result = _one_call(game, in_flight)
    settings = settings_for(
        game, 1, seed=11, in_flight=in_flight, batch_size=batch_size, batch_seconds=0.005
    )
    views = private_views(game)
    stats = _train(open_engine(settings, views, in_process=True), _ledger(), seed=3)
    assert views.rows.tobytes() == rows.tobytes()
    assert stats.iterations == ITERATIONS
    assert stats.nodes == result[1]
    assert stats.utility_sums == pytest.approx(tuple(result[RESULT_UTILITY:]))


@pytest.mark.parametrize("in_flight", first_cases([8, 1]))
@pytest.mark.parametrize("disturbance", first_cases([1, None, 2]))
def test_one_process_gives_the_table_of_one_call(
    game: Game, in_flight: int, disturbance: int | None
) -> None:
    rows, result = _one_call(game, in_flight)
    settings = settings_for(
        game, 1, seed=11, in_flight=in_flight, batch_seconds=0.005, update="atomic"
    )
    with create_training_arena(game, 1, "") as arena:
        stats = _train(open_engine(settings, arena, in_process=False), _ledger(), disturbance)
        assert training_views(arena).rows.tobytes() == rows.tobytes()
    assert stats.nodes == result[1]


def test_a_thread_works_on_an_arena_too(game: Game) -> None:
    rows, _ = _one_call(game, 1)
    with create_training_arena(game, 1, "") as arena:
        engine = open_engine(settings_for(game, 1, seed=11), arena, in_process=True)
        _train(engine, _ledger(), None)
        assert training_views(arena).rows.tobytes() == rows.tobytes()


def _total(game: Game, views: TrainingViews) -> float:
    sums = views.table.strategy_sum
    return total_strategy_weight(game.tree, game.deals.bucket_count, sums)


@pytest.mark.parametrize("update", ["atomic", "racy"])
def test_lost_updates_are_measured(
    game: Game, update: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_tables, "OWN_TABLE_BYTES", game.table_bytes - 1)
    settings = settings_for(game, 2, update=update, batch_size=4 * WINDOW)
    ledger = IterationLedger(4 * ITERATIONS, drain_window=WINDOW)
    with create_training_arena(game, 2, "") as arena:
        stats = _train(open_engine(settings, arena, in_process=False), ledger, None)
        views = training_views(arena)
        lost = estimate_lost_updates(stats.strategy_weight, 0.0, _total(game, views))
        del views
    assert lost is not None
    if update == "atomic" and not JIT_DISABLED:
        assert lost == 0.0
    else:
        assert 0.0 <= lost < 0.2


# --- tables of the workers' own ----------------------------------------------------------


def test_workers_with_tables_of_their_own_lose_nothing(game: Game) -> None:
    settings = settings_for(game, 3, update="racy", batch_size=4 * WINDOW)
    ledger = IterationLedger(4 * ITERATIONS, drain_window=WINDOW)
    with create_training_arena(game, 3, "") as arena:
        stats = _train(open_engine(settings, arena, in_process=False), ledger, 5)
        views = training_views(arena)
        assert keeps_own_table(settings, views)
        assert not views.own.gained.any()
        assert not views.own.rows.any()
        total = _total(game, views)
        exploitability = evaluate(game, Strategy.from_table(game, views.table)).exploitability
        del views
    assert total == pytest.approx(stats.strategy_weight, rel=1e-9)
    if not JIT_DISABLED:
        assert 0.0 < exploitability < 0.05


def _task(worker: int, first: int, count: int) -> Task:
    return Task(11, first, count, WINDOW, 1, 0, worker_line(worker))


def test_tasks_in_turn_on_tables_of_their_own_give_the_table_of_one_worker(game: Game) -> None:
    """But for the rounding of what is exchanged."""
    rows, _ = _one_call(game, 1)
    views = private_views(game, 3)
    settings = settings_for(game, 3, seed=11)
    calls = [prepare_kernel(settings, views, worker) for worker in range(3)]
    for turn, first in enumerate(range(0, ITERATIONS, 50 * WINDOW)):
        task = _task(turn % 3, first, min(50 * WINDOW, ITERATIONS - first))
        calls[turn % 3](task, np.zeros(RESULT_UTILITY + 2))
    assert not views.rows.any()
    views.own.settling(views.table, views.tree, views.deals.bucket_count)()
    expected = table_of(rows)
    assert _total(game, views) == pytest.approx(
        total_strategy_weight(game.tree, game.deals.bucket_count, expected.strategy_sum)
    )
    for node in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        buckets = int(game.deals.bucket_count[node["actor"], node["street"]])
        for bucket in range(buckets):
            place = int(node["row_base"] + bucket * node["row_stride"]), int(node["count"])
            found, wanted = views.table.sums_of(*place), expected.sums_of(*place)
            assert found == pytest.approx(wanted, rel=0.01, abs=1.0)
            found, wanted = views.table.regrets_of(*place), expected.regrets_of(*place)
            assert found == pytest.approx(wanted, rel=0.01, abs=50.0)


def test_what_a_dead_worker_had_learnt_counts(game: Game) -> None:
    views, result = private_views(game, 2), np.zeros(RESULT_UTILITY + 2)
    settings = settings_for(game, 2, seed=11)
    prepare_kernel(settings, views, 1)(_task(1, 0, ITERATIONS), result)
    added = result[RESULT_WEIGHT]
    learnt = views.own.gained[1].copy()
    assert learnt.any()

    for standby in (0, 1):  # Makes its kernel ready, and is nobody yet.
        prepare_kernel(settings, views, standby)(_task(standby, 0, 0), result)
    assert np.array_equal(views.own.gained[1], learnt)
    assert not views.own.gained[0].any()

    successor = prepare_kernel(settings, views, 1)
    successor(_task(1, ITERATIONS, WINDOW), result)
    added += result[RESULT_WEIGHT]
    change = np.abs(views.own.gained[1] - learnt)
    assert 0.0 < change.max() < 0.2 * np.abs(learnt).max()
    views.own.settling(views.table, views.tree, views.deals.bucket_count)()
    assert _total(game, views) == pytest.approx(added, rel=1e-9)


def test_tables_beyond_the_limit_are_shared_whole(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_tables, "OWN_TABLE_BYTES", game.table_bytes - 1)
    rows, _ = _one_call(game, 1)
    views = private_views(game, 2)
    call = prepare_kernel(settings_for(game, 2, seed=11), views, 0)
    call(_task(0, 0, ITERATIONS), np.zeros(RESULT_UTILITY + 2))
    assert views.rows.tobytes() == rows.tobytes()


def test_no_kernel_is_compiled_twice(game: Game) -> None:
    settings = settings_for(game, 1, seed=1)
    views = private_views(game)
    _train(open_engine(settings, views, in_process=True), _ledger(), None)
    with create_training_arena(game, 1, "") as arena:
        _train(open_engine(settings, arena, in_process=True), _ledger(), None)
    assert JIT_DISABLED or compiled_once(external_sampling)
