"""Workers that die or hang, on a scripted clock: replaced, their tasks run again, all counted."""

from __future__ import annotations

import pytest
from scripted_crew import WINDOW, ScriptedCrew, engine_on

from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.crew import TRIES
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.stats import EngineStats
from cfr_shm.engine.waits import LEAST_SECONDS
from cfr_shm.errors import WorkerError

TARGET = 40_000_000


def _never() -> bool:
    return False


def _ignore(stats: EngineStats) -> None:
    pass


def _train(engine: Engine, target: int | None = TARGET) -> tuple[EngineStats, IterationLedger]:
    ledger = IterationLedger(target, drain_window=WINDOW)
    with engine:
        engine.advance(ledger, _never, _ignore)
    return engine.stats(), ledger


def test_every_iteration_is_counted_once_however_often_workers_die() -> None:
    crew = ScriptedCrew([1e6, 1.1e6, 0.9e6], jitter=0.05)
    crew.start_seconds = 0.3
    crew.hits = {0: [1002.1, 1004.5, 1009.0], 2: [1002.2, 1006.6]}
    stats, ledger = _train(engine_on(crew))
    assert ledger.completed == ((0, TARGET),)
    assert stats.iterations == TARGET == sum(done for _, _, done in crew.answered)
    assert stats.nodes == 2 * TARGET
    assert stats.worker_restarts == (3, 0, 2)
    assert stats.restarts == 5
    # Each was within a task of 0.5 s.
    assert 5 * WINDOW <= stats.replayed_iterations <= 5 * 0.55 * 1.2e6
    assert stats.longest_recovery_seconds == pytest.approx(0.3)


def test_what_is_run_again_is_what_was_done_and_not_reported() -> None:
    crew = ScriptedCrew([1e6])
    crew.hits = {0: [1005.0]}
    lost: list[str] = []
    engine = engine_on(crew, batch_size=1_000 * WINDOW)
    engine.on_loss = lost.append
    stats, _ = _train(engine, 20_000 * WINDOW)
    # Four tasks of 1.024 s are answered, of the fifth 0.904 s are done, 882 windows of 1024.
    assert stats.replayed_iterations == (882 + 1) * WINDOW
    assert lost == [
        "worker 0 was killed by SIGKILL; it is being replaced, 904,192 iterations are run again"
    ]


def test_others_work_on_while_a_successor_starts_and_take_over_its_tasks() -> None:
    crew = ScriptedCrew([1e6, 1e6])
    crew.start_seconds = 1e9
    crew.hits = {1: [1003.0]}
    _, ledger = _train(engine_on(crew))
    assert ledger.completed == ((0, TARGET),)
    after = [worker for worker, first, _ in crew.answered if first > 6_500_000]
    assert set(after) == {0}
    assert crew.idle[0] < 0.01


def test_the_only_worker_is_waited_for() -> None:
    crew = ScriptedCrew([1e6])
    crew.start_seconds = 2.0
    crew.hits = {0: [1003.0, 1003.5]}
    stats, ledger = _train(engine_on(crew))
    assert ledger.completed == ((0, TARGET),)
    assert stats.restarts == 2
    assert stats.longest_recovery_seconds == pytest.approx(2.5)


def test_a_pause_does_not_wait_for_a_successor() -> None:
    crew = ScriptedCrew([1e6])
    crew.start_seconds = 5.0
    crew.hits = {0: [1003.0]}
    ledger = IterationLedger(TARGET, drain_window=WINDOW)
    with engine_on(crew) as engine:
        engine.advance(ledger, _never, _ignore, pause_at=1004.0)
        assert crew.now == pytest.approx(1004.0)
        assert 2.4e6 < ledger.completed_count < 3e6
        engine.advance(ledger, _never, _ignore)
    assert ledger.completed == ((0, TARGET),)


def test_a_hung_worker_is_killed_after_its_deadline_and_replaced() -> None:
    crew = ScriptedCrew([1e6, 1e6])

    def hang(stats: EngineStats) -> None:
        if crew.now > 1005 and not crew.given_up:
            crew.rates[1] = 0.0

    replace = crew.replace
    crew.replace = lambda worker: (crew.rates.__setitem__(worker, 1e6), replace(worker))[1]  # type: ignore[method-assign,assignment]
    ledger = IterationLedger(TARGET, drain_window=WINDOW)
    with engine_on(crew) as engine:
        engine.advance(ledger, _never, hang)
    assert crew.given_up == [1]
    assert ledger.completed == ((0, TARGET),)
    assert engine.stats().worker_restarts == (0, 1)


def test_a_slow_worker_is_not_killed() -> None:
    """Its core is taken away for ten minutes: it gets on, a hundred times slower."""
    crew = ScriptedCrew([1e6, 1e6])
    ledger = IterationLedger(None, drain_window=WINDOW)

    def slow_down(stats: EngineStats) -> None:
        if crew.rates[1] == 1e6 and crew.now > 1005:
            done = (crew.now - crew.began[1]) * 1e6
            crew.rates[1] = 5e3
            crew.began[1] = crew.now - done / 5e3

    with engine_on(crew) as engine:
        engine.advance(ledger, _never, slow_down, pause_at=1600.0)
    assert crew.rates[1] == 5e3
    assert crew.given_up == []


def test_a_deadline_of_the_users_own_is_for_the_whole_task() -> None:
    crew = ScriptedCrew([1e6, 1e3])
    ledger = IterationLedger(None, drain_window=WINDOW)
    with engine_on(crew, deadline_seconds=LEAST_SECONDS, batch_size=100 * WINDOW) as engine:
        engine.advance(ledger, _never, _ignore, pause_at=1011.0)
    assert crew.given_up == [1]


def test_a_crash_loop_ends_the_run_with_its_reason() -> None:
    crew = ScriptedCrew([1e6, 1e6])
    crew.hits = {1: [1003.0 + 0.01 * n for n in range(20)]}
    with pytest.raises(WorkerError) as caught:
        _train(engine_on(crew))
    assert str(caught.value) == (
        "worker 1 was killed by SIGKILL; worker 1 has now died 5 times without finishing a task: "
        "giving up"
    )
    assert crew.closed == 1


def test_a_task_that_ends_everybody_ends_the_run() -> None:
    """Each worker finishes tasks between its deaths, so that none of them is in a loop."""
    crew = ScriptedCrew([1e6, 1e6])
    crew.start_seconds = 1.5
    poison = 9 * WINDOW * 1000
    begin = crew._begin

    def begin_and_die(worker: int, moment: float) -> None:
        begin(worker, moment)
        if crew.queues[worker]:
            task = crew.queues[worker][0]
            if task.first_iteration <= poison < task.first_iteration + task.iteration_count:
                crew.hits.setdefault(worker, []).append(moment + 0.001)

    crew._begin = begin_and_die  # type: ignore[method-assign]
    with pytest.raises(WorkerError, match=rf"have now ended {TRIES} workers: giving up"):
        _train(engine_on(crew))
    assert any(first > poison for _, first, _ in crew.answered)


def test_deaths_that_are_far_apart_are_no_loop() -> None:
    crew = ScriptedCrew([1e6, 1e6])
    crew.hits = {1: [1002.0 + n for n in range(15)]}
    stats, ledger = _train(engine_on(crew))
    assert stats.restarts == 15
    assert ledger.completed == ((0, TARGET),)


def test_deaths_that_come_faster_than_tasks_end_slow_a_worker_down_and_no_more() -> None:
    """After a death tasks are short: five deaths within the time of one long task are no loop."""
    crew = ScriptedCrew([1e6, 1e6])
    crew.hits = {1: [1002.0 + 0.15 * n for n in range(60)]}
    stats, ledger = _train(engine_on(crew))
    assert stats.worker_restarts == (0, 60)
    assert ledger.completed == ((0, TARGET),)
    during = [done for worker, first, done in crew.answered if worker == 1 and first > 5_000_000]
    assert sum(during) > 0


def test_abort_ends_the_run_at_the_first_death() -> None:
    crew = ScriptedCrew([1e6, 1e6])
    crew.hits = {1: [1003.0]}
    with pytest.raises(WorkerError, match="worker 1 was killed by SIGKILL"):
        _train(engine_on(crew, on_worker_death="abort"))
    assert crew.closed == 1
