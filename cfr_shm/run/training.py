"""One part of a run: from its first task, from checkpoint to checkpoint, to its summary."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.bucket_file import FileWatch
from cfr_shm.config.sections import to_dict
from cfr_shm.config.smoothing_values import smoothing_of
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import ArrayStoreError, WorkerError
from cfr_shm.games.game import Game
from cfr_shm.memory.checkpoint import HISTORY, Checkpoint
from cfr_shm.memory.tables import TrainingViews, table_of
from cfr_shm.ranks.account import NOT_AVERAGED
from cfr_shm.ranks.agreement import Agreed, Report
from cfr_shm.ranks.meetings import Meetings
from cfr_shm.run.checkpoint_writer import CheckpointWriter
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.losses import LossEstimate
from cfr_shm.run.measures import Measures
from cfr_shm.run.quality import OFF, Offered, quality_mode
from cfr_shm.run.quality_reader import QualityReader, Reading
from cfr_shm.run.report import Meter, Pauses, Summary, Totals
from cfr_shm.run.schedule import History, Schedule, keeps_history
from cfr_shm.run.setup import Settled
from cfr_shm.run.signals import StopRequested, StopSignals
from cfr_shm.run.stopping import StopRules, gain_below
from cfr_shm.strategy.smoothing import smoothed_rows
from cfr_shm.telemetry.events import CheckpointBegun, Event, Listener, Warned

#: Saving more than this at the end of a run is announced.
SLOW_TO_SAVE_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a training is put together from; it belongs to ``train``, which gives it back.

    Attributes:
        settled: the run's, with nothing left open.
        game: what is trained.
        directory: the run's, claimed.
        listen: is told what happens.
        views: the tables, as they are to begin with.
        engine: entered.
        resume: the checkpoint that the tables are from, None at the start of a run.
        signals: entered by the caller.
        meetings: with the other ranks, of which this is the first.
        stop: the rules by which the run ends itself.
    """

    settled: Settled
    game: Game
    directory: RunDirectory
    listen: Listener
    views: TrainingViews
    engine: Engine
    resume: Checkpoint | None
    signals: StopSignals
    meetings: Meetings
    stop: StopRules


class Training:
    """Trains to the end, and writes what is to be written; ``execute`` is called once."""

    def __init__(self, parts: Parts) -> None:
        settled, game, resume = parts.settled, parts.game, parts.resume
        run = settled.config.run
        self._parts = parts
        self._before = Totals.before(resume, game.player_count)
        self._meetings = parts.meetings
        self._ledger = parts.meetings.ledger(None)
        self._schedule = Schedule(run, self._before.seconds)
        wanted = keeps_history(run, game.betting is not None, game.table_bytes)
        self._history = History(wanted, self._before.iterations)
        self._history_due = False
        self._meter = Meter(self._before, run.progress_interval, epsilon=settled.epsilon_at)
        self._store = parts.directory.checkpoint_store(run.keep_checkpoints)
        self._writer = CheckpointWriter(self._store, game, parts.listen)
        self._measures = Measures(settled, game, parts.directory, self._tell_measured)
        self._losses = LossEstimate.begin(
            settled, game, parts.views, resumed=resume is not None, alone=parts.meetings.alone
        )
        self._quality = quality_mode(settled.config, game)
        self._reader: QualityReader | None = None
        self._pauses = Pauses()
        self._over, self._why = False, ""
        self._buckets = FileWatch(game.bucket_file)
        parts.engine.on_loss = parts.meetings.on_warning = lambda text: parts.listen(Warned(text))

    def execute(self) -> dict[str, Any]:
        """Train to the end, write what is to be written, and return the summary.

        Raises:
            StopRequested: a signal came before anything was done.
            ArrayStoreError: the bucket file was changed; a last checkpoint is written.
        """
        if self._quality != OFF:
            self._reader = self._open_reader()
        try:
            self._train()
            self._refuse_idle()
            document = self._finish()
            self._refuse_changed_buckets()
            return document
        except StopRequested:
            raise
        except BaseException:
            self._fail()
            raise
        finally:
            self._close_reader()

    def _open_reader(self) -> QualityReader:
        resume, run = self._parts.resume, self._parts.settled.config.run
        since = None
        if resume is not None and resume.path is not None:
            since = Offered(resume.path, resume.iterations, resume.seconds)
        reading = Reading(
            self._quality, gain_below=gain_below(run), since=since, smoothing=smoothing_of(run)
        )
        return QualityReader(self._parts.game, self._store.held, self._tell_measured, reading)

    def _tell_measured(self, event: Event) -> None:
        """Tell of a measure, and let the rules see it that end the run; in any thread."""
        self._parts.listen(event)
        self._parts.stop(event)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _refuse_idle(self) -> None:
        """End a run in which nothing was done: by a signal, or because nobody could work.

        Raises:
            StopRequested: a signal came before anything was done.
            WorkerError: the time was over before.
        """
        if self._stats().iterations:
            return
        if self._parts.signals.pending:
            raise StopRequested(self._parts.signals.signal_number)
        raise WorkerError(
            "the run's time is over, and no worker was ready to work in it: nothing was done; give "
            "it more time, or see 'cfr-shm doctor'"
        )

    def _train(self) -> None:
        """Advance from checkpoint to checkpoint until a bound is reached or a signal comes."""
        schedule, engine, meetings = self._schedule, self._parts.engine, self._meetings
        discounts = self._parts.settled.discounts
        schedule.begin()
        if schedule.reaches_a_checkpoint:
            self._writer.prepare(len(self._parts.views.rows))
        while True:
            done = meetings.completed_count
            possible = not self._writer.busy and done > 0
            pause_at = schedule.pause_at(checkpoint_possible=possible)
            barrier = None if discounts is None else discounts.next_after(done)
            self._ledger = meetings.ledger(barrier)
            meetings.advance(engine, self._ledger, self._should_pause, self._on_collect, pause_at)
            paused_at = time.monotonic()
            agreed = self._meet(paused_at)
            self._discount(barrier)
            if self._is_over(agreed):
                self._make_whole()
                return
            if agreed.checkpoint:
                self._parts.signals.take_checkpoint_request()
                self._checkpoint()
                begun = schedule.checkpoint_begun()
                self._pauses = self._pauses.plus(begun - engine.stopped_at)
            schedule.paused_since(paused_at)

    def _should_pause(self) -> bool:
        ended = self._parts.signals.pending or self._why_over()
        return bool(ended) or self._is_checkpoint_due() or self._meetings.is_called()

    def _why_over(self) -> str:
        """Return what ends the run before its time; nothing if nothing does."""
        if self._writer.failed:
            return "a checkpoint that is not finite"
        return self._buckets.why_changed() or self._parts.stop.why

    def _meet(self, now: float) -> Agreed:
        """Tell the other ranks how things are here, and learn how they are there."""
        stats, signals = self._parts.engine.stats(), self._parts.signals
        why = self._why_over()
        report = Report(
            iterations=stats.iterations,
            nodes=stats.nodes,
            seconds=stats.seconds,
            busy_seconds=0.0,
            signal=signals.signal_number,
            over=bool(why) or self._schedule.is_over(now),
            checkpoint=self._is_checkpoint_due(),
            utility_sums=stats.utility_sums,
        )
        agreed = self._meetings.meet(self._ledger, self._parts.views.table, report)
        signals.signal_number = agreed.signal or signals.signal_number
        signals.wants_checkpoint |= agreed.asked_elsewhere
        self._over, self._why = agreed.over, why
        return agreed

    def _stats(self) -> EngineStats:
        """Return the totals of all ranks."""
        return self._meetings.everybody(self._parts.engine.stats())

    def _make_whole(self) -> None:
        """Make of this rank's table the run's: training is over."""
        table = self._parts.views.table
        self._meetings.gather_sums(table)
        self._meetings.make_whole(table)

    def _is_checkpoint_due(self) -> bool:
        wanted = self._parts.signals.wants_checkpoint or self._schedule.is_checkpoint_due()
        wanted = wanted or self._history_due
        return wanted and not self._writer.busy and self._ledger.completed_count > 0

    def _is_over(self, agreed: Agreed) -> bool:
        # A signal that came since the report is told at the next meeting: the other ranks know
        # only what was reported.
        return bool(agreed.signal) or agreed.over or self._meetings.finished

    def _discount(self, barrier: int | None) -> None:
        """Discount the table if that is due at exactly this many iterations; nobody writes."""
        discounts, completed = self._parts.settled.discounts, self._meetings.completed_count
        if discounts is not None and completed == barrier:
            factor = discounts.apply(self._parts.views, completed)
            self._losses = self._losses.discounted(self._parts.engine.stats(), factor)

    def _on_collect(self, stats: EngineStats) -> None:
        self._parts.directory.keep()
        stats = self._meetings.everybody(stats)
        totals = self._before.plus(stats)
        self._history_due = self._history.is_due(totals.iterations, totals.seconds)
        progress = self._meter.progress(stats, self._meetings.account())
        if progress is not None:
            self._parts.listen(progress)

    def _checkpoint(self) -> None:
        """Copy the rows and have the copy written; without memory for it, write while paused.

        Only while the writer is not busy.
        """
        self._meetings.gather_sums(self._parts.views.table)
        summary = self._summary("running", self._stats())
        after = partial(self._after_checkpoint, summary=summary, losses=self._losses)
        rows = self._parts.views.rows
        copy = self._writer.copy_of(rows)
        if copy is None:
            warning = "no memory for a snapshot: training waits for the checkpoint"
            self._parts.listen(Warned(warning))
            table = self._parts.views.table
            self._meetings.make_whole(table)
            self._writer.write_now(self._snapshot(rows, summary.totals), after)
            self._meetings.take_share(table, resumed=False)
        else:
            self._meetings.make_whole(table_of(copy, self._parts.settled.compact))
            self._writer.begin(self._snapshot(copy, summary.totals), after)

    def _after_checkpoint(
        self, checkpoint: Checkpoint, path: Path, count: int, summary: Summary, losses: LossEstimate
    ) -> None:
        """Measure a checkpoint that is on disk; in the writer's thread."""
        self._measures.of_checkpoint(checkpoint, path, count, summary, losses)
        reader = self._reader
        if reader is not None:
            reader.offer(path, checkpoint.iterations, checkpoint.seconds)

    def _snapshot(self, rows: NDArray[np.float64], totals: Totals) -> Checkpoint:
        settled = self._parts.settled
        kept = self._history.is_due(totals.iterations, totals.seconds)
        if kept:
            self._history.kept(totals.iterations)
            self._history_due = False
        extra: dict[str, Any] = {HISTORY: True} if kept else {}
        if missing := self._meetings.not_averaged:
            extra[NOT_AVERAGED] = missing
        return Checkpoint(
            fingerprint=settled.fingerprint,
            config=to_dict(settled.config),
            completed=self._meetings.completed,
            iterations=totals.iterations,
            nodes=totals.nodes,
            utility_sums=totals.utility_sums,
            seconds=totals.seconds,
            rows=rows,
            extra=extra,
        )

    def _finish(self) -> dict[str, Any]:
        """Write the last checkpoint first, then evaluate, then the last summary."""
        parts, stats = self._parts, self._stats()
        progress = self._meter.last(stats, self._meetings.account())
        if progress is not None:
            parts.listen(progress)
        self._close_reader()
        self._writer.wait()
        status, ended_by = self._end()
        lost = self._losses.share(parts.views.rows, stats)
        summary = self._summary(status, stats)
        summary = summary.changed(lost_update_estimate=lost, ended_by=ended_by)
        if summary.totals.iterations:
            summary = self._last_checkpoint(summary)
        if parts.game.why_not_enumerable() is None:
            evaluation = self._measures.evaluate(parts.views.table, summary)
            summary = summary.changed(evaluation=evaluation)
        elif status == "finished" and self._quality != OFF:
            compact, smoothing = parts.settled.compact, smoothing_of(parts.settled.config.run)
            rows = smoothed_rows(parts.game, parts.views.rows, compact, smoothing)
            table = table_of(rows, compact)
            summary = self._measures.of_the_end(table, self._quality, summary)
        self._measures.statistics(parts.views.table, summary)
        document = parts.directory.write_summary(summary.as_dict())
        parts.listen(summary.ended(parts.directory.shown))
        return document

    def _end(self) -> tuple[str, str]:
        """Return the status that a run ends with, and what has ended it."""
        if self._meetings.finished:
            return "finished", "iterations"
        if self._buckets.why_changed():
            return "interrupted", "changed buckets"
        if self._over:
            return "finished", self._why or "time budget"
        return "interrupted", "signal"

    def _refuse_changed_buckets(self) -> None:
        """Raise an error if the bucket file is not what the run was trained with."""
        why = self._buckets.why_changed()
        if why:
            raise ArrayStoreError(
                f"the card buckets were changed under the run, which used a copy of them: {why};"
                f" put the file back, then 'cfr-shm resume {self._parts.directory.shown}' goes on"
            )

    def _last_checkpoint(self, summary: Summary) -> Summary:
        """Write the checkpoint that ends the run, and a summary that names it; return that."""
        rows = self._parts.views.rows
        if rows.nbytes >= SLOW_TO_SAVE_BYTES:
            self._parts.listen(CheckpointBegun(summary.totals.iterations, rows.nbytes))
        path = self._writer.write_last(self._snapshot(rows, summary.totals))
        name = self._measures.relative(path)
        summary = summary.changed(checkpoint=name, checkpoints=self._writer.saved)
        self._parts.directory.write_summary(summary.as_dict())
        return summary

    def _fail(self) -> None:
        """Say in ``summary.json`` that the run failed, as far as that can still be done."""
        with contextlib.suppress(Exception):
            self._writer.wait()
        with contextlib.suppress(Exception):
            failed = self._summary("failed", self._stats())
            if self._writer.newest is not None:
                name = self._measures.relative(self._writer.newest)
                failed = failed.changed(checkpoint=name, checkpoints=self._writer.saved)
            self._parts.directory.write_summary(failed.as_dict())

    def _summary(self, status: str, stats: EngineStats) -> Summary:
        settled, game = self._parts.settled, self._parts.game
        config = settled.config
        return Summary(
            status=status,
            game=game.name,
            fingerprint=settled.fingerprint,
            seed=config.run.seed,
            mode=config.engine.mode,
            freeze=config.engine.freeze,
            totals=self._before.plus(stats),
            stats=stats,
            pauses=self._pauses,
            ranks=self._meetings.account(),
            buckets=game.bucket_file,
            not_evaluated=game.why_not_enumerable(),
        )
