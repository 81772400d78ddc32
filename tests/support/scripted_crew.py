"""Workers that follow a script, on a clock of their own: no process, no kernel, no waiting."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from plain_settings import engine_settings_of_sizes

from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.crew import Collected, Joined, Lost, News
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout.control import RUN

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
        self.hits: dict[int, list[float]] = {}  # worker, moments at which it is killed
        self.news: list[Lost] = []
        self.joins: dict[int, float] = {}  # worker, when its successor is ready
        self.start_seconds = 0.0
        self.progress = [0] * len(rates)  # iterations done and not reported, as workers count
        self.closed = 0
        self.woken = False
        self.most_in_flight = 0
        self.pauses = 0
        self.largest_message_bytes = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def start(self, while_waiting: Callable[[], None]) -> None:
        while_waiting()

    def close(self) -> None:
        self.closed += 1

    def check(self) -> None:
        pass

    def heartbeat(self, worker: int) -> int:
        if not self.queues[worker]:
            return -1
        return self._done_by(worker, self.now) // WINDOW

    def unreported(self, worker: int) -> int:
        return self.progress[worker]

    def give_up(self, worker: int, reason: str) -> None:
        self.given_up.append(worker)
        self._die(worker, self.now, f"worker {worker} {reason}")

    def replace(self, worker: int) -> None:
        self.joins[worker] = self.now + self.start_seconds

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

    def poll(self, timeout: float) -> list[News]:
        if self.woken:
            self.woken = False
            return []
        hits = {worker: moments[0] for worker, moments in self.hits.items() if moments}
        ends = [self._end(worker) for worker in range(len(self.queues))]
        first = min([*ends, *hits.values(), *self.joins.values()])
        if self.news:
            first = self.now
        if first > self.now + timeout:
            self.now += timeout
            return []
        self.now = max(self.now, first)
        found: list[News] = [self._answer(w, end) for w, end in enumerate(ends) if end <= self.now]
        for worker, moment in hits.items():
            if moment <= self.now:
                self.hits[worker].pop(0)
                self._die(worker, moment, f"worker {worker} was killed by SIGKILL")
        found += self.news
        self.news.clear()
        for worker in [worker for worker, moment in self.joins.items() if moment <= self.now]:
            del self.joins[worker]
            found.append(Joined(worker))
        return found

    def _die(self, worker: int, moment: float, reason: str) -> None:
        self.progress[worker] = self._done_by(worker, moment) if self.queues[worker] else 0
        self.queues[worker].clear()
        self.idle_since[worker] = None
        self.news.append(Lost(worker, reason))

    def _done_by(self, worker: int, moment: float) -> int:
        """Whole windows that the worker has done of its first task, in iterations."""
        rate = self.rates[worker] * self.speed[worker]
        done = int(max(0.0, moment - self.began[worker]) * rate) // WINDOW * WINDOW
        return min(done, self.queues[worker][0].iteration_count)

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
                task.task_id,
                done,
                2 * done,
                1.0 * done,
                seconds,
                1,
                0,
                0,
                0,
                0,
                0,
                (done, -done),
            ),
        )


def settings_for(workers: int, **changes: object) -> EngineSettings:
    return engine_settings_of_sizes(
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


def engine_on(crew: ScriptedCrew, **changes: object) -> Engine:
    return Engine(settings_for(len(crew.rates), **changes), crew, crew)
