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
from types import TracebackType
from typing import Self

from cfr_shm.engine.books import open_books
from cfr_shm.engine.clock import Clock, SystemClock
from cfr_shm.engine.collection import CollectionPolicy
from cfr_shm.engine.crew import Collected, Crew, Lost
from cfr_shm.engine.dealing.apart import DealApart
from cfr_shm.engine.dealing.choice import choose_dealing
from cfr_shm.engine.dealing.contract import DealingFactory
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.platform_profile import choose_profile
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.recovery import Recovery
from cfr_shm.engine.serial import ThreadCrew
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.engine.usage import NOTHING, thread_usage
from cfr_shm.engine.waits import CollectionLimits
from cfr_shm.errors import WorkerError
from cfr_shm.layout.control import RUN, STOP_AT_WINDOW
from cfr_shm.memory.arena import Arena
from cfr_shm.memory.tables import TrainingViews, training_views


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
        dealing: makes the policy by which iterations are dealt to workers.

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
        dealing: DealingFactory = DealApart,
    ) -> None:
        self._settings = settings
        self._crew = crew
        self._clock = SystemClock() if clock is None else clock
        profile = choose_profile(settings.wait_base_ms, settings.wait_min_ms, settings.wait_max_ms)
        self._collection = CollectionPolicy(profile, self._clock, limits)
        self._books = open_books(settings, crew, self._clock)
        self._dealing = dealing(self._books)
        self._recovery = Recovery(
            settings, self._books, self._dealing, self._clock, lambda line: self.on_loss(line)
        )
        self.on_loss: Callable[[str], None] = _ignore
        self.while_starting: Callable[[], None] = _do_nothing
        self.stopped_at = 0.0
        self._usable = False
        self._pausing = False
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
            self._dealing.settle()
        finally:
            self._own_usage = self._own_usage.plus(thread_usage().since(before))
        self._usable = True

    def stats(self) -> EngineStats:
        """Return the totals so far."""
        assignments, totals, losses = (
            self._books.assignments,
            self._books.totals,
            self._books.losses,
        )
        used = self._own_usage
        for worker in assignments.workers:
            used = used.plus(worker.total_usage())
        return EngineStats(
            iterations=totals.iterations,
            nodes=totals.nodes,
            utility_sums=tuple(totals.utility_sums),
            strategy_weight=totals.strategy_weight,
            seconds=assignments.seconds(),
            busy_fraction=tuple(worker.busy_fraction() for worker in assignments.workers),
            user_cpu_seconds=used.user_seconds,
            system_cpu_seconds=used.system_seconds,
            voluntary_context_switches=used.voluntary_switches,
            involuntary_context_switches=used.involuntary_switches,
            largest_message_bytes=self._crew.largest_message_bytes,
            batches=assignments.batches,
            polls=self._collection.polls + self._collection.sleeps,
            workers=self._settings.worker_count,
            batch_iterations=tuple(worker.batch for worker in assignments.workers),
            worker_restarts=tuple(losses.restarts),
            replayed_iterations=losses.replayed_iterations,
            longest_recovery_seconds=losses.longest_recovery_seconds,
            clamped_regrets=self._dealing.clamped_regrets,
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
        assignments = self._books.assignments
        assignments.watch.restart()
        self._fill_all(ledger)
        while assignments.unanswered() or self._waits_for_successors(ledger):
            assignments.begin_round()
            collected = self._collection.collect(
                lambda timeout: self._poll(timeout, ledger),
                assignments.waiting_for,
                quiet_seconds=0.0 if self._pausing else assignments.quiet_seconds(),
                until=None if self._pausing else pause_at,
            )
            # Before the callback: what it takes must not count against a worker.
            self._recovery.see_to_liveness()
            if collected:
                on_collect(self.stats())
            if not self._pausing and pause_is_due():
                self._pausing = True
                self.stopped_at = self._clock.monotonic()
                if self._dealing.may_stop_at_windows:
                    self._crew.set_stop(STOP_AT_WINDOW)
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
        self._books.assignments.watch.waited(timeout)
        for each in news:
            if isinstance(each, Collected):
                results += 1
                self._dealing.accept(each.worker, each.result, ledger)
            elif isinstance(each, Lost):
                lost = True
                self._recovery.lost(each.worker, each.reason, ledger)
            else:
                self._recovery.joined(each.worker)
            if not self._pausing:
                self._dealing.fill(each.worker, ledger)
        if lost and not self._pausing:
            # Whoever had run out of tasks takes those of the dead.
            self._fill_all(ledger)
        return results

    def _fill_all(self, ledger: IterationLedger) -> None:
        for worker in range(self._settings.worker_count):
            self._dealing.fill(worker, ledger)

    def _waits_for_successors(self, ledger: IterationLedger) -> bool:
        """Return whether there is work that nobody but the successor of a lost worker can do."""
        starting = not self._books.assignments.all_ready()
        return starting and not self._pausing and ledger.remaining != 0

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
    views = training_views(tables) if isinstance(tables, Arena) else tables
    crew: Crew
    if in_process:
        crew = ThreadCrew(settings, views)
    elif isinstance(tables, Arena):
        crew = ProcessCrew(settings, tables)
    else:
        raise TypeError("worker processes need an arena, not views of private memory")
    return Engine(settings, crew, dealing=choose_dealing(settings, views))


def _do_nothing() -> None:
    """Let workers start."""


def _ignore(text: str) -> None:
    """Listen to nothing."""
