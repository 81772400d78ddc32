"""The engine over scripted workers on a scripted clock: no process, no kernel, no waiting."""

from __future__ import annotations

import random

import pytest
from scripted_crew import WINDOW, ScriptedCrew, engine_on, settings_for

from cfr_shm.engine.crew import TASKS_PER_WORKER
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.layout.control import RUN


def _never() -> bool:
    return False


def _ignore(stats: EngineStats) -> None:
    pass


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_iteration_is_done_once_with_two_tasks_in_flight(workers: int) -> None:
    crew = ScriptedCrew([1e6 * (1 + 0.1 * w) for w in range(workers)], jitter=0.05)
    target = workers * 20_000_000 + 77
    ledger = IterationLedger(target, drain_window=WINDOW)
    seen: list[EngineStats] = []
    with engine_on(crew) as engine:
        engine.advance(ledger, _never, seen.append)
    stats = engine.stats()
    assert ledger.completed == ((0, target),)
    assert crew.most_in_flight == TASKS_PER_WORKER
    assert stats.iterations == target == sum(done for _, _, done in crew.answered)
    assert stats.nodes == 2 * target
    assert stats.utility_sums == (target, -target)
    assert stats.strategy_weight == target
    assert stats.batches == len(crew.answered)
    assert [s.iterations for s in seen] == sorted(s.iterations for s in seen)
    assert seen[-1].iterations == target
    # All workers end at about the same time, although one is 1.7 times as fast as another.
    assert stats.seconds < 1.01 * target / sum(crew.rates) + 0.1


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_at_most_four_polls_or_sleeps_per_batch_and_nobody_idles(workers: int) -> None:
    crew = ScriptedCrew([1e6] * workers, jitter=0.05)
    with engine_on(crew) as engine:
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, _ignore, 1060.0)
    stats = engine.stats()
    assert stats.polls <= 4 * stats.batches
    assert max(crew.idle) < 0.01 * 60


def test_one_worker_runs_the_iterations_in_order_whatever_the_pauses() -> None:
    crew = ScriptedCrew([1e6])
    ledger = IterationLedger(5_000_000, drain_window=WINDOW)
    generator = random.Random(3)
    with engine_on(crew) as engine:
        while ledger.remaining:
            pause_at = crew.now + generator.uniform(0.0, 0.4)
            engine.advance(ledger, lambda: generator.random() < 0.2, _ignore, pause_at)
    position = 0
    for _, first, done in crew.answered:
        if done:
            assert first == position
            position += done
    assert position == 5_000_000
    assert crew.pauses > 10


def test_a_pause_in_time_ends_within_a_tenth_of_a_second_of_it() -> None:
    crew = ScriptedCrew([1e6] * 4, jitter=0.1)
    ledger = IterationLedger(None, drain_window=WINDOW)
    with engine_on(crew) as engine:
        engine.advance(ledger, _never, _ignore, pause_at=crew.now + 7.3)
        assert 1007.3 <= crew.now < 1007.4
        assert crew.flag == RUN
        done = ledger.completed_count
        assert done == pytest.approx(7.3e6 * 4, rel=0.02)
        # Nothing of the stopped tasks is lost: they are given out first.
        engine.advance(ledger, _never, _ignore, pause_at=crew.now + 1.0)
        assert ledger.completed[0][0] == 0
        assert len(ledger.completed) <= 1 + 2 * 4


def test_a_pause_that_is_due_at_once_starts_nothing() -> None:
    crew = ScriptedCrew([1e6])
    with engine_on(crew) as engine:
        engine.advance(IterationLedger(None), lambda: True, _ignore)
        engine.advance(IterationLedger(None), _never, _ignore, pause_at=crew.now)
    assert crew.answered == []


def test_wake_has_the_caller_asked_at_once() -> None:
    crew = ScriptedCrew([1e3])
    asked: list[float] = []

    def should_pause() -> bool:
        asked.append(crew.now)
        return len(asked) == 2

    with engine_on(crew) as engine:
        engine.wake()
        engine.advance(IterationLedger(None, drain_window=WINDOW), should_pause, _ignore)
    assert asked == [1000.0, 1000.0]


def test_a_worker_that_never_answers_is_an_error_and_the_engine_is_done() -> None:
    crew = ScriptedCrew([1e6, 0.0])
    ledger = IterationLedger(None, drain_window=WINDOW)
    with engine_on(crew, deadline_seconds=3.0, on_worker_death="abort") as engine:
        with pytest.raises(DeadlineError, match=r"worker 1 did not finish .* within 3 s"):
            engine.advance(ledger, _never, _ignore)
        assert crew.now < 1003.2
        assert crew.given_up == [1]
        with pytest.raises(WorkerError, match="not running"):
            engine.advance(ledger, _never, _ignore)
    assert crew.closed == 1


def test_a_busy_caller_or_a_suspended_machine_kills_no_worker() -> None:
    crew = ScriptedCrew([1e3, 1e3])

    def long_evaluation(stats: EngineStats) -> None:
        crew.now += 100.0

    with engine_on(crew, deadline_seconds=5.0, batch_size=WINDOW) as engine:
        engine.advance(IterationLedger(20 * WINDOW), _never, long_evaluation)
    assert engine.stats().iterations == 20 * WINDOW


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_an_exception_in_a_callback_closes_the_crew(failure: type[BaseException]) -> None:
    crew = ScriptedCrew([1e6])

    def fail(stats: EngineStats) -> None:
        raise failure

    with pytest.raises(failure), engine_on(crew) as engine:
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, fail)
    assert crew.closed == 1


def test_no_engine_without_entering_it() -> None:
    with pytest.raises(WorkerError, match="not entered"):
        engine_on(ScriptedCrew([1.0])).advance(IterationLedger(1), _never, _ignore)


def test_one_writer_uses_no_atomics() -> None:
    assert settings_for(1, update="atomic").update_kind == settings_for(2).update_kind
    assert settings_for(2, update="atomic").update_kind != settings_for(2).update_kind
