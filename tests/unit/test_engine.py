"""The engine over scripted workers on a scripted clock: no process, no kernel, no waiting."""

from __future__ import annotations

import random
from collections import deque

import pytest

from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.crew import TASKS_PER_WORKER, Collected
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.layout import RUN

WINDOW = 1024


class ScriptedCrew:
    """Workers that run at given rates (iterations per second) on a clock of their own.

    Also the clock. A rate of 0 never answers. ``jitter`` scatters the time of a task.
    """

    def __init__(self, rates: list[float], jitter: float = 0.0) -> None:
        self.now = 1000.0
        self.rates = rates
        self.random = random.Random(5)
        self.jitter = jitter
        self.flag = RUN
        self.queues: list[deque[TaskMessage]] = [deque() for _ in rates]
        self.began = [0.0] * len(rates)
        self.speed = [1.0] * len(rates)
        self.idle_since: list[float | None] = [None] * len(rates)
        self.idle = [0.0] * len(rates)
        self.answered: list[tuple[int, int, int]] = []  # worker, first, done
        self.given_up: list[int] = []
        self.closed = 0
        self.woken = False
        self.most_in_flight = 0
        self.pauses = 0
        self.largest_message_bytes = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def start(self) -> None:
        pass

    def close(self) -> None:
        self.closed += 1

    def check(self) -> None:
        pass

    def give_up(self, worker: int) -> str:
        self.given_up.append(worker)
        return f"worker {worker}"

    def wake(self) -> None:
        self.woken = True

    def set_stop(self, flag: int) -> None:
        if flag == RUN:
            assert not any(self.queues), "the flag is cleared while tasks are unanswered"
        self.pauses += flag != RUN
        self.flag = flag

    def send(self, worker: int, task: TaskMessage) -> None:
        queue = self.queues[worker]
        queue.append(task)
        self.most_in_flight = max(self.most_in_flight, len(queue))
        if len(queue) == 1:
            idle_since = self.idle_since[worker]
            if idle_since is not None:
                self.idle[worker] += self.now - idle_since
            self._begin(worker, self.now)

    def poll(self, timeout: float) -> list[Collected]:
        if self.woken:
            self.woken = False
            return []
        ends = [self._end(worker) for worker in range(len(self.queues))]
        first = min(ends)
        if first > self.now + timeout:
            self.now += timeout
            return []
        self.now = max(self.now, first)
        return [self._answer(w, end) for w, end in enumerate(ends) if end <= self.now]

    def _begin(self, worker: int, moment: float) -> None:
        self.began[worker] = moment
        self.speed[worker] = 1.0 + self.random.uniform(-self.jitter, self.jitter)

    def _end(self, worker: int) -> float:
        """The moment at which the worker's first task is answered."""
        rate = self.rates[worker] * self.speed[worker]
        if not self.queues[worker] or not rate:
            return float("inf")
        if self.flag == RUN:
            return self.began[worker] + self.queues[worker][0].iteration_count / rate
        windows = -(-max(0.0, self.now - self.began[worker]) * rate // WINDOW)
        return self.began[worker] + windows * WINDOW / rate

    def _answer(self, worker: int, end: float) -> Collected:
        task = self.queues[worker].popleft()
        rate = self.rates[worker] * self.speed[worker]
        done = min(task.iteration_count, round((end - self.began[worker]) * rate))
        self.answered.append((worker, task.first_iteration, done))
        seconds = end - self.began[worker]
        self.idle_since[worker] = None if self.queues[worker] else end
        self._begin(worker, end)
        return Collected(
            worker,
            ResultMessage(
                task.task_id, done, 2 * done, 1.0 * done, seconds, 1, 0, 0, 0, 0, 0, (done, -done)
            ),
        )


def _settings(workers: int, **changes: object) -> EngineSettings:
    return EngineSettings(
        worker_count=workers,
        player_count=2,
        street_count=1,
        max_depth=1,
        max_actions=2,
        drain_window=WINDOW,
        wait_base_ms=10,
        wait_min_ms=10,
        wait_max_ms=100,
        **changes,  # type: ignore[arg-type]
    )


def _engine(crew: ScriptedCrew, **changes: object) -> Engine:
    return Engine(_settings(len(crew.rates), **changes), crew, crew)


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
    with _engine(crew) as engine:
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
    with _engine(crew) as engine:
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, _ignore, 1060.0)
    stats = engine.stats()
    assert stats.polls <= 4 * stats.batches
    assert max(crew.idle) < 0.01 * 60


def test_one_worker_runs_the_iterations_in_order_whatever_the_pauses() -> None:
    crew = ScriptedCrew([1e6])
    ledger = IterationLedger(5_000_000, drain_window=WINDOW)
    generator = random.Random(3)
    with _engine(crew) as engine:
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
    with _engine(crew) as engine:
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
    with _engine(crew) as engine:
        engine.advance(IterationLedger(None), lambda: True, _ignore)
        engine.advance(IterationLedger(None), _never, _ignore, pause_at=crew.now)
    assert crew.answered == []


def test_wake_has_the_caller_asked_at_once() -> None:
    crew = ScriptedCrew([1e3])
    asked: list[float] = []

    def should_pause() -> bool:
        asked.append(crew.now)
        return len(asked) == 2

    with _engine(crew) as engine:
        engine.wake()
        engine.advance(IterationLedger(None, drain_window=WINDOW), should_pause, _ignore)
    assert asked == [1000.0, 1000.0]


def test_a_worker_that_never_answers_is_an_error_and_the_engine_is_done() -> None:
    crew = ScriptedCrew([1e6, 0.0])
    ledger = IterationLedger(None, drain_window=WINDOW)
    with _engine(crew, deadline_seconds=3.0) as engine:
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

    with _engine(crew, deadline_seconds=5.0, batch_size=WINDOW) as engine:
        engine.advance(IterationLedger(20 * WINDOW), _never, long_evaluation)
    assert engine.stats().iterations == 20 * WINDOW


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_an_exception_in_a_callback_closes_the_crew(failure: type[BaseException]) -> None:
    crew = ScriptedCrew([1e6])

    def fail(stats: EngineStats) -> None:
        raise failure

    with pytest.raises(failure), _engine(crew) as engine:
        engine.advance(IterationLedger(None, drain_window=WINDOW), _never, fail)
    assert crew.closed == 1


def test_no_engine_without_entering_it() -> None:
    with pytest.raises(WorkerError, match="not entered"):
        _engine(ScriptedCrew([1.0])).advance(IterationLedger(1), _never, _ignore)


def test_one_writer_uses_no_atomics() -> None:
    assert _settings(1, update="atomic").update_kind == _settings(2).update_kind
    assert _settings(2, update="atomic").update_kind != _settings(2).update_kind
