"""The tables that come out: the same for a thread and a process, however the batches fall."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest
from engine_harness import settings_for as default_settings_for
from numpy.typing import NDArray
from production import compiled_once

from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.kernel_calls import load_kernel, prepare_kernel
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.lost_updates import estimate_lost_updates, total_strategy_weight
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.games.game import Game
from cfr_shm.games.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout import DECISION, RESULT_UTILITY, RESULT_WEIGHT, Task, worker_line
from cfr_shm.memory import tables
from cfr_shm.memory.tables import (
    allocate_scratch,
    create_training_arena,
    private_views,
    table_of,
    training_views,
)

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
    kernel = load_kernel(settings.kernel)
    kernel(views.tree, views.deals, views.table, task, scratch, views.control, result)
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


@pytest.mark.parametrize("in_flight", [1, 8])
@pytest.mark.parametrize("disturbance", [None, 1, 2])
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


@pytest.mark.parametrize("update", ["atomic", "racy"])
def test_lost_updates_are_measured(game: Game, update: str) -> None:
    """Where workers have sums of their own, by some tasks that share theirs."""
    settings = settings_for(game, 2, update=update, batch_size=4 * WINDOW)
    ledger = IterationLedger(4 * ITERATIONS, drain_window=WINDOW)
    with create_training_arena(game, 2, "") as arena:
        stats = _train(open_engine(settings, arena, in_process=False), ledger, None)
        views = training_views(arena)
        total = total_strategy_weight(game.tree, game.deals.bucket_count, views.table.strategy_sum)
        lost = estimate_lost_updates(stats.strategy_weight, stats.raced_weight, 0.0, total)
        del views
    if update == "atomic":
        assert stats.raced_weight == stats.strategy_weight
    else:
        assert 0.0 < stats.raced_weight < 0.1 * stats.strategy_weight
    assert lost is not None
    if update == "atomic" and not JIT_DISABLED:
        assert lost == 0.0
    else:
        assert 0.0 <= lost < 0.2


def test_workers_that_race_on_a_small_table_lose_no_strategy_sums_of_their_own(
    game: Game,
) -> None:
    settings = settings_for(game, 2, update="racy", batch_size=ITERATIONS // 2)
    ledger = IterationLedger(4 * ITERATIONS, drain_window=WINDOW)  # Too few tasks for a witness.
    with create_training_arena(game, 2, "") as arena:
        stats = _train(open_engine(settings, arena, in_process=False), ledger, None)
        views = training_views(arena)
        total = total_strategy_weight(game.tree, game.deals.bucket_count, views.table.strategy_sum)
        del views
    assert stats.raced_weight == 0.0
    if not JIT_DISABLED:
        assert total == pytest.approx(stats.strategy_weight, rel=1e-9)


def test_sums_of_their_own_are_the_sums_of_one_worker(game: Game) -> None:
    rows, _ = _one_call(game, 1)
    views = private_views(game, 2)
    calls = [prepare_kernel(settings_for(game, 2, seed=11), views, worker) for worker in (0, 1)]
    for first in range(0, ITERATIONS, 50 * WINDOW):
        count = min(50 * WINDOW, ITERATIONS - first)
        task = Task(11, first, count, WINDOW, 1, 0, worker_line(first // (50 * WINDOW) % 2))
        calls[first // (50 * WINDOW) % 2](task, np.zeros(RESULT_UTILITY + 2))
    expected = table_of(rows)
    for node in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        buckets = int(game.deals.bucket_count[node["actor"], node["street"]])
        for row in range(
            node["row_base"],
            node["row_base"] + buckets * node["row_stride"],
            node["row_stride"],
        ):
            place = row, int(node["count"])
            assert views.table.sums_of(*place) == pytest.approx(expected.sums_of(*place))
            assert np.array_equal(views.table.regrets_of(*place), expected.regrets_of(*place))


def test_what_a_dead_worker_had_not_handed_over_is_handed_over_by_its_successor(
    game: Game,
) -> None:
    views, result = private_views(game, 2), np.zeros(RESULT_UTILITY + 2)
    settings = settings_for(game, 2, seed=11)
    whole = Task(11, 0, ITERATIONS, WINDOW, 1, 0, worker_line(1))
    prepare_kernel(settings, views, 1)(whole, result)
    expected = views.table.strategy_sum.copy()

    views.rows[:] = 0.0
    died = views._replace(table=views.table._replace(strategy_sum=views.own_sums[1]))
    prepare_kernel(settings, died, 1, shares_sums=True)(whole, result)  # and is killed here
    for standby in (0, 1):
        prepare_kernel(settings, views, standby)(whole._replace(iteration_count=0), result)
    assert views.own_sums[1].any()
    strategy_sum = views.table.strategy_sum
    assert total_strategy_weight(game.tree, game.deals.bucket_count, strategy_sum) == 0.0
    successor = prepare_kernel(settings, views, 1)
    successor(Task(11, ITERATIONS, WINDOW, WINDOW, 1, 0, worker_line(1)), result)
    assert not views.own_sums.any()
    added = result[RESULT_WEIGHT]
    weights = [
        total_strategy_weight(game.tree, game.deals.bucket_count, each)
        for each in (strategy_sum, expected)
    ]
    assert weights[0] == pytest.approx(weights[1] + added, rel=1e-9)


def test_tables_beyond_the_limit_are_shared_whole(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "OWN_SUMS_BYTES", game.table_bytes - 1)
    rows, _ = _one_call(game, 1)
    views = private_views(game, 2)
    call = prepare_kernel(settings_for(game, 2, seed=11), views, 0)
    call(Task(11, 0, ITERATIONS, WINDOW, 1, 0, worker_line(0)), np.zeros(RESULT_UTILITY + 2))
    assert views.rows.tobytes() == rows.tobytes()


def test_no_kernel_is_compiled_twice(game: Game) -> None:
    settings = settings_for(game, 1, seed=1)
    views = private_views(game)
    _train(open_engine(settings, views, in_process=True), _ledger(), None)
    with create_training_arena(game, 1, "") as arena:
        _train(open_engine(settings, arena, in_process=True), _ledger(), None)
    kernel = load_kernel(settings.kernel)
    assert not hasattr(kernel, "signatures") or compiled_once(kernel)
