"""The engine: gives out tasks, collects results, and never lets a worker idle.

::

    IterationLedger --take--> task (25 bytes) --pipe--> worker process: blocks in receive
         ^    ^                two in flight              |
         |    |                per worker                 v
         |    +--give_back--- the part not done      kernel, GIL released
         |                         ^                      |
         +--complete--- result (about 110 bytes) <--pipe--+--> rows, in shared memory:
                           |                              |    regrets and strategy sums
                           v                              +--> control block: counters
       CollectionPolicy: main wait on all pipes and
       sentinels -> 3 ms grace -> drain -> main wait
                           |
                           v
       should_pause? -> stop flag in the control block -> kernels end at their next window
                        -> every task is answered -> flag cleared: nobody writes any more

Invariants:

- A worker answers every task, in order, with the prefix that it has done (nothing, if the stop
  flag was up). So the count of unanswered tasks says whether anybody may still write.
- Whatever a dead worker had not answered goes back to the ledger: its tasks are run again by
  whoever is free, from their start, and its successor gets tasks once it is ready.
- The stop flag is cleared only when no task is unanswered: no kernel can miss it.
- Iterations leave the ledger in ascending order, and what was stopped goes out first, so that
  one worker runs all of them in the order of an undisturbed run.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from cfr_shm.engine.batches import BatchSizer
from cfr_shm.engine.clock import Clock, SystemClock
from cfr_shm.engine.collection import CollectionLimits, CollectionPolicy
from cfr_shm.engine.crew import TASKS_PER_WORKER, Collected, Crew, Lost
from cfr_shm.engine.deadlines import DeadlineWatch
from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.platform_profile import choose_profile
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.recovery import LossAccount
from cfr_shm.engine.serial import ThreadCrew
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.engine.usage import NOTHING, thread_usage
from cfr_shm.engine.worker_record import WorkerRecord
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.kernels.parts.barrier import least_phase
from cfr_shm.layout.control import RUN, STOP_AT_WINDOW
from cfr_shm.memory.arena import Arena
from cfr_shm.memory.tables import TrainingViews, training_views

#: Liveness and deadlines are looked at this often, not on every poll: a death ends the main
#: wait by itself, through the sentinel.
LIVENESS_SECONDS = 0.1

#: A batch counts as late, and polling begins, at this many times what the measured rate says.
#: Waiting longer costs nothing (a result ends the wait), polling early costs wake-ups: on a
#: machine shared with others batches take up to twice their time.
LATE = 2.0


class Engine:
    """What trains: the coordinator over a crew of processes, or of one thread.

    Its workers live from ``__enter__`` to ``__exit__``, which always ends them, within 10 s.

    >>> with open_engine(settings, arena, in_process=False) as engine:  # doctest: +SKIP
    ...     engine.advance(IterationLedger(1_000_000), lambda: False, lambda stats: None)

    Args:
        settings: the engine's.
        crew: not started yet; the coordinator starts and closes it.
        clock: monotonic clock; tests put a scripted one in its place.
        limits: of the collection policy.
        settle: called when all tasks are done: brings what workers keep apart into the table.

    Attributes:
        on_loss: told in one line of each worker that was lost and is being replaced.
        while_starting: called while workers are started; what it raises ends the start.
        stopped_at: monotonic moment at which workers were last told to stop for a pause.
    """

    def __init__(
        self,
        settings: EngineSettings,
        crew: Crew,
        clock: Clock | None = None,
        limits: CollectionLimits | None = None,
        settle: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings
        self._settle = _do_nothing if settle is None else settle
        self._crew = crew
        self._clock = SystemClock() if clock is None else clock
        profile = choose_profile(settings.wait_base_ms, settings.wait_min_ms, settings.wait_max_ms)
        self._policy = CollectionPolicy(profile, self._clock, limits)
        self._watch = DeadlineWatch(self._clock, settings.deadline_seconds)
        self._workers = [self._new_worker() for _ in range(settings.worker_count)]
        self._losses = LossAccount(settings.worker_count, settings.drain_window, self._clock)
        self.on_loss: Callable[[str], None] = _ignore
        self.while_starting: Callable[[], None] = _do_nothing
        self.stopped_at = 0.0
        self._usable = False
        self._pausing = False
        self._next_task_id = 0
        self._checked_at = 0.0
        self._first_task_at: float | None = None
        self._last_result_at = 0.0
        self._iterations = 0
        self._nodes = 0
        self._batches = 0
        self._strategy_weight = 0.0
        self._utility_sums = [0.0] * settings.player_count
        self._own_usage = NOTHING

    def __enter__(self) -> Self:
        """Start the workers and wait until they are ready."""
        atexit.register(self._crew.close)
        try:
            self._crew.start(self.while_starting)
        except BaseException:
            self._close()
            raise
        self._usable = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the workers: stop their kernels, join them for 10 s at most, kill the rest."""
        self._close()

    def advance(
        self,
        ledger: IterationLedger,
        should_pause: Callable[[], bool],
        on_collect: Callable[[EngineStats], None],
        pause_at: float | None = None,
    ) -> None:
        """Work on the ledger until it is empty or a pause is asked for.

        On return every task is answered and nobody writes to the tables. An exception, a
        callback's included, leaves the engine to be closed.

        Args:
            ledger: where iterations come from; whole windows are completed, the rest of a
                stopped task is given back.
            should_pause: asked before the first task and after every wait of the coordinator.
            on_collect: called with the totals after every round that had results.
            pause_at: monotonic moment at which to pause (a time budget, a checkpoint).

        Raises:
            WorkerError: a worker reported an exception, or workers died and are not replaced.
            DeadlineError: a worker did not answer in time and is not replaced.
        """
        if not self._usable:
            raise WorkerError("the engine is not running: it was not entered, or it has failed")
        self._usable = False
        before = thread_usage()
        try:
            self._run(ledger, should_pause, on_collect, pause_at)
            self._settle()
        finally:
            self._own_usage = self._own_usage.plus(thread_usage().since(before))
        self._usable = True

    def stats(self) -> EngineStats:
        """Return the totals so far."""
        used = self._own_usage
        for worker in self._workers:
            used = used.plus(worker.total_usage())
        losses = self._losses
        started = self._first_task_at
        return EngineStats(
            iterations=self._iterations,
            nodes=self._nodes,
            utility_sums=tuple(self._utility_sums),
            strategy_weight=self._strategy_weight,
            seconds=0.0 if started is None else max(0.0, self._last_result_at - started),
            busy_fraction=tuple(worker.busy_fraction() for worker in self._workers),
            user_cpu_seconds=used.user_seconds,
            system_cpu_seconds=used.system_seconds,
            voluntary_context_switches=used.voluntary_switches,
            involuntary_context_switches=used.involuntary_switches,
            largest_message_bytes=self._crew.largest_message_bytes,
            batches=self._batches,
            polls=self._policy.polls + self._policy.sleeps,
            workers=self._settings.worker_count,
            batch_iterations=tuple(worker.batch for worker in self._workers),
            worker_restarts=tuple(losses.restarts),
            replayed_iterations=losses.replayed_iterations,
            longest_recovery_seconds=losses.longest_recovery_seconds,
        )

    def wake(self) -> None:
        """Have ``should_pause`` asked now, however long the current wait."""
        self._crew.wake()

    def _run(
        self,
        ledger: IterationLedger,
        should_pause: Callable[[], bool],
        on_collect: Callable[[EngineStats], None],
        pause_at: float | None,
    ) -> None:
        def pause_is_due() -> bool:
            late = pause_at is not None and self._clock.monotonic() >= pause_at
            return should_pause() or late

        self.stopped_at = self._clock.monotonic()
        if pause_is_due():
            return
        self._watch.restart()
        self._fill_all(ledger)
        while self._unanswered() or self._waits_for_successors(ledger):
            for state in self._workers:
                state.reported = False
            collected = self._policy.collect(
                lambda timeout: self._poll(timeout, ledger),
                self._waiting_for,
                quiet_seconds=0.0 if self._pausing else self._quiet_seconds(),
                until=None if self._pausing else pause_at,
            )
            # Before the callback: what it takes must not count against a worker.
            self._see_to_liveness()
            if collected:
                on_collect(self.stats())
            if not self._pausing and pause_is_due():
                self._pausing = True
                self.stopped_at = self._clock.monotonic()
                self._stop_at_window()
        if self._pausing:
            self._crew.set_stop(RUN)
            self._pausing = False
        else:
            self.stopped_at = self._clock.monotonic()

    def _poll(self, timeout: float, ledger: IterationLedger) -> int:
        """Take in every result and every loss, and give tasks; return how many results."""
        results = 0
        lost = False
        news = self._crew.poll(timeout)
        self._watch.waited(timeout)
        for each in news:
            if isinstance(each, Collected):
                results += 1
                self._accept(each.worker, each.result, ledger)
            elif isinstance(each, Lost):
                lost = True
                self._lose(each.worker, each.reason, ledger)
            else:
                self._workers[each.worker].is_ready = True
                self._losses.joined(each.worker)
            if not self._pausing:
                self._fill(each.worker, ledger)
        if lost and not self._pausing:
            # Whoever had run out of tasks takes those of the dead.
            self._fill_all(ledger)
        return results

    def _stop_at_window(self) -> None:
        self._crew.set_stop(STOP_AT_WINDOW)

    def _fill_all(self, ledger: IterationLedger) -> None:
        for worker in range(len(self._workers)):
            self._fill(worker, ledger)

    def _fill(self, worker: int, ledger: IterationLedger) -> None:
        """Give a worker as many tasks as it may have in flight."""
        state = self._workers[worker]
        while state.is_ready and len(state.unanswered) < TASKS_PER_WORKER:
            remaining = ledger.remaining
            share = None
            if remaining is not None:
                share = -(-remaining // (TASKS_PER_WORKER * len(self._workers)))
            taken = ledger.take(state.sizer.next_size(share))
            if taken is None:
                return
            task = TaskMessage(self._next_task_id, *taken)
            self._next_task_id += 1
            state.unanswered.append(task)
            if self._first_task_at is None:
                self._first_task_at = self._clock.monotonic()
            if len(state.unanswered) == 1:
                self._begin(worker)
            self._crew.send(worker, task)

    def _begin(self, worker: int) -> None:
        """Note that a worker is now at the first of its tasks."""
        state = self._workers[worker]
        state.heartbeat = self._crew.heartbeat(worker)
        expected = state.sizer.seconds_for(state.unanswered[0].iteration_count)
        self._watch.begin(worker, expected)

    def _lose(self, worker: int, reason: str, ledger: IterationLedger) -> None:
        """Give back what a dead worker has not answered, and have it replaced.

        Raises:
            WorkerError: workers are not to be replaced, or this was once too often.
        """
        if self._settings.on_worker_death == "abort":
            raise WorkerError(reason)
        unreported = self._crew.unreported(worker)
        tasks = self._workers[worker].lose()
        self._watch.end(worker)
        for task in tasks:
            ledger.give_back(task.first_iteration, task.iteration_count)
        replayed = self._losses.lost(worker, reason, tasks[0] if tasks else None, unreported)
        again = f", {replayed:,} iterations are run again" if replayed else ""
        self.on_loss(f"{reason}; it is being replaced{again}")
        self._crew.replace(worker)

    def _accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a result into the books."""
        state = self._workers[worker]
        task = state.unanswered.popleft() if state.unanswered else None
        if task is None or result.task_id != task.task_id:
            raise WorkerError(f"worker {worker} answered task {result.task_id} out of turn")
        done = result.iterations
        if done:
            ledger.complete(task.first_iteration, done)
            self._losses.done(worker, task.first_iteration, done)
        if done < task.iteration_count:
            ledger.give_back(task.first_iteration + done, task.iteration_count - done)
        state.sizer.observe(done, result.kernel_seconds)
        state.last = result
        state.reported = True
        if state.unanswered:
            self._begin(worker)
        else:
            self._watch.end(worker)
        self._last_result_at = self._clock.monotonic()
        state.batch = done or state.batch
        self._iterations += done
        self._nodes += result.nodes
        self._batches += 1
        self._strategy_weight += result.strategy_weight
        for player, utility in enumerate(result.utility_sums):
            self._utility_sums[player] += utility

    def _see_to_liveness(self) -> None:
        now = self._clock.monotonic()
        if now - self._checked_at < LIVENESS_SECONDS:
            return
        self._checked_at = now
        self._crew.check()
        worker = self._watch.overdue()
        if worker is None:
            return
        worker = self._culprit(worker)
        state, heartbeat = self._workers[worker], self._crew.heartbeat(worker)
        if heartbeat != state.heartbeat and self._settings.deadline_seconds is None:
            # Slow, not stuck: it has finished a window since.
            state.heartbeat = heartbeat
            self._watch.extend(worker)
            return
        task, allowed = state.unanswered[0], self._watch.allowed(worker)
        reason = (
            f"did not finish iterations [{task.first_iteration}, "
            f"{task.first_iteration + task.iteration_count}) within {allowed:g} s: it was stopped "
            "or hung; if the machine is only slow, raise engine.deadline_seconds"
        )
        self._watch.end(worker)
        self._crew.give_up(worker, reason)
        if self._settings.on_worker_death == "abort":
            raise DeadlineError(f"worker {worker} {reason}")

    def _culprit(self, overdue: int) -> int:
        """Return whose fault it is that a worker is overdue."""
        return overdue

    def _quiet_seconds(self) -> float:
        """Return for how long no result can be due: 0 as long as a rate is not known."""
        now = self._clock.monotonic()
        quiet = float("inf")
        for index, state in enumerate(self._workers):
            began = self._watch.began(index)
            if began is None:
                continue
            expected = state.sizer.seconds_for(state.unanswered[0].iteration_count)
            if expected is None:
                return 0.0
            quiet = min(quiet, began + expected * LATE - now)
        return 0.0 if quiet == float("inf") else max(0.0, quiet)

    def _waiting_for(self) -> int:
        """Return how many workers have a task out and have not reported in this round."""
        return sum(1 for w in self._workers if w.unanswered and not w.reported)

    def _waits_for_successors(self, ledger: IterationLedger) -> bool:
        """Return whether there is work that nobody but the successor of a lost worker can do."""
        starting = not all(worker.is_ready for worker in self._workers)
        return starting and not self._pausing and ledger.remaining != 0

    def _unanswered(self) -> int:
        return sum(len(state.unanswered) for state in self._workers)

    def _new_worker(self) -> WorkerRecord:
        settings = self._settings
        sizer = BatchSizer(settings.drain_window, settings.batch_seconds, settings.batch_size)
        return WorkerRecord(sizer)

    def _close(self) -> None:
        self._usable = False
        self._crew.close()
        atexit.unregister(self._crew.close)


def open_engine(
    settings: EngineSettings, tables: Arena | TrainingViews, *, in_process: bool
) -> Engine:
    """Return an engine, not started yet.

    Args:
        settings: for one worker when ``in_process``.
        tables: the arena for worker processes; in-process, an arena or private views.
        in_process: run the kernels in a thread of this process.
    """
    from cfr_shm.engine.frozen_engine import FrozenEngine
    from cfr_shm.engine.joint_engine import JointEngine

    views = training_views(tables) if isinstance(tables, Arena) else tables
    crew: Crew
    if in_process:
        crew = ThreadCrew(settings, views)
    elif isinstance(tables, Arena):
        crew = ProcessCrew(settings, tables)
    else:
        raise TypeError("worker processes need an arena, not views of private memory")
    if settings.freeze is not None:
        return FrozenEngine(settings, crew, Freezes(settings, views))
    if settings.works_together:
        slowest = partial(least_phase, views.control, settings.worker_count)
        return JointEngine(settings, crew, slowest)
    settle = views.own.settling(views.table, views.tree, views.deals.bucket_count)
    return Engine(settings, crew, settle=settle)


def _do_nothing() -> None:
    """Let workers start."""


def _ignore(text: str) -> None:
    """Listen to nothing."""
