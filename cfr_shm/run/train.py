"""Train: wire game, tables, engine, checkpoints and telemetry together, and run.

::

    config -> game -> tables (arena) -> engine --totals--> meter -> listeners
                         |                 ^                         (terminal, log.txt,
                         |                 | ledger                   metrics.jsonl, ...)
                         |     pause: checkpoint due, time is up, signal
                         v
               rows copied at the barrier -> checkpoint on disk -> evaluation -> summary.json

Nobody writes to the tables while the engine is paused; that is when rows are copied.
"""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import FULL_WIDTH
from cfr_shm.config.identity import fingerprint
from cfr_shm.config.sections import Config, to_dict
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.kernel_calls import keeps_own_table
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.lost_updates import (
    COMPACT_ROUNDING,
    ROUNDING,
    StrategyWeights,
    total_strategy_weight,
)
from cfr_shm.engine.stats import EngineStats
from cfr_shm.evaluation.best_response import Evaluation, evaluate
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game, pinned
from cfr_shm.layout.table import Table
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.memory.tables import (
    TrainingViews,
    begin_rows,
    load_rows,
    table_of,
)
from cfr_shm.run.checkpoint_writer import CheckpointWriter
from cfr_shm.run.directory import CHECKPOINTS, RunDirectory
from cfr_shm.run.forecast import refuse_too_large
from cfr_shm.run.report import Meter, Pauses, Summary, Totals
from cfr_shm.run.resources import (
    listeners,
    make_kernels_ready,
    notes_on,
    run_started,
    sweep,
    tables_and_engine,
)
from cfr_shm.run.setup import (
    algorithm_settings,
    discount_plan,
    drain_window,
    engine_settings,
    epsilon_at,
    freeze_plan,
    mean_iteration_weight,
    with_averages,
    with_freeze,
)
from cfr_shm.run.signals import StopRequested, StopSignals
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.statistics import street_statistics
from cfr_shm.telemetry.events import (
    CheckpointBegun,
    Evaluated,
    GameImporting,
    Listener,
    Noted,
    TableMeasured,
    Warned,
    ignore,
)
from cfr_shm.telemetry.tensorboard import require_tensorboard

#: However short the interval between checkpoints, there is training in between.
LEAST_TRAINING_SECONDS = 0.1

#: Saving more than this at the end of a run is announced.
SLOW_TO_SAVE_BYTES = 1 << 28

#: Checkpoints of games with at most so many (node, deal) pairs are evaluated during the run.
EVALUATED_PAIRS = 1 << 22


def train(
    config: Config,
    run_directory: Path,
    *,
    resume: Checkpoint | None = None,
    report: Listener = ignore,
    signals: StopSignals | None = None,
) -> dict[str, Any]:
    """Train as configured and return the content of ``summary.json``.

    Args:
        config: the run's.
        run_directory: made if need be; it must not hold another run, or must be the one that
            ``resume`` is from.
        resume: the checkpoint to go on from.
        report: is told what happens, besides the run directory's own files.
        signals: entered by the caller; without them nothing but the bounds ends the run.

    Raises:
        CfrShmError: its kind and line say what went wrong; checkpoints on disk are intact.
    """
    if config.run.tensorboard:
        require_tensorboard()
    signals = StopSignals() if signals is None else signals
    if resume is None:
        config = pinned(config)
    refuse_too_large(config, lambda text: report(GameImporting(text)))
    game = load_game(config.game, lambda text: report(GameImporting(text)), config.abstraction)
    config = with_averages(with_freeze(config, game), game)
    algorithm = algorithm_settings(config, game)
    freeze_plan(config, game)  # Refused before anything is written.
    with contextlib.ExitStack() as stack:
        claim = RunDirectory.claim(run_directory, config, resuming=resume is not None)
        directory = stack.enter_context(claim)
        listen = stack.enter_context(listeners(config, directory.path, report))
        sweep(listen)
        frozen = config.engine.mode == "deterministic"
        make_kernels_ready(listen, algorithm, frozen, config.table.compact)
        views, engine = stack.enter_context(
            tables_and_engine(config, game, directory, signals, listen)
        )
        if resume is None:
            begin_rows(views, game)
        else:
            load_rows(views, resume.rows)
        listen(run_started(config, game, directory, resume))
        for note in notes_on(game):
            listen(Noted(note))
        with engine:
            return _Run(config, game, directory, listen, views, engine, resume, signals).execute()


class _Run:
    """One training from its first task to its summary; what it holds belongs to ``train``."""

    def __init__(
        self,
        config: Config,
        game: Game,
        directory: RunDirectory,
        listen: Listener,
        views: TrainingViews,
        engine: Engine,
        resume: Checkpoint | None,
        signals: StopSignals,
    ) -> None:
        self._config, self._game, self._directory, self._listen = config, game, directory, listen
        self._views, self._engine, self._signals = views, engine, signals
        self._before = Totals.before(resume, game.player_count)
        self._ledger = IterationLedger(
            config.run.iterations,
            () if resume is None else resume.completed,
            drain_window=drain_window(config),
        )
        self._discounts = discount_plan(config)
        self._meter = Meter(
            self._before,
            config.run.progress_interval,
            epsilon=lambda iterations: epsilon_at(config, iterations),
        )
        store = CheckpointStore(directory.path / CHECKPOINTS, config.run.keep_checkpoints)
        self._writer = CheckpointWriter(store, game, listen, self._after_checkpoint)
        settings = engine_settings(config, game, directory.path)
        self._may_lose = settings.races and not keeps_own_table(settings, views)
        resumed = self._may_lose and resume is not None
        self._weights = StrategyWeights(self._weight(views.rows) if resumed else 0.0)
        self._pauses = Pauses()
        self._summary = self._summarise("running", engine.stats())
        self._ends_at = math.inf
        self._checkpoint_at = math.inf
        engine.on_loss = lambda text: listen(Warned(text))

    def execute(self) -> dict[str, Any]:
        """Train to the end, write what is to be written, and return the summary.

        Raises:
            StopRequested: a signal came before anything was done.
        """
        try:
            self._train()
            if self._signals.pending and self._engine.stats().iterations == 0:
                raise StopRequested(self._signals.signal_number)
            return self._finish()
        except StopRequested:
            raise
        except BaseException:
            self._fail()
            raise

    def _train(self) -> None:
        """Advance from checkpoint to checkpoint until a bound is reached or a signal comes."""
        run = self._config.run
        now = time.monotonic()
        if run.time_budget is not None:
            self._ends_at = now + run.time_budget - self._before.seconds
        interval = max(run.checkpoint_interval, LEAST_TRAINING_SECONDS)
        if run.checkpoint_interval == 0.0:
            interval = math.inf
        self._checkpoint_at = now + interval
        if self._checkpoint_at < self._ends_at:
            self._writer.prepare(len(self._views.rows))
        while True:
            # Nobody is stopped for a checkpoint that cannot begin.
            cannot = self._writer.busy or not self._ledger.completed_count
            pause_at = self._ends_at if cannot else min(self._ends_at, self._checkpoint_at)
            if self._discounts is not None:
                self._ledger.stop_before(self._discounts.next_after(self._ledger.completed_count))
            self._engine.advance(
                self._ledger,
                self._should_pause,
                self._on_collect,
                None if pause_at == math.inf else pause_at,
            )
            paused_at = time.monotonic()
            self._discount()
            if self._is_over(paused_at):
                return
            if self._checkpoint_is_due():
                self._signals.take_checkpoint_request()
                self._checkpoint()
                now = time.monotonic()
                self._checkpoint_at = now + interval
                self._pauses = self._pauses.plus(now - self._engine.stopped_at)
            # Pausing is not training: the budget does not pay for it.
            self._ends_at += time.monotonic() - paused_at

    def _should_pause(self) -> bool:
        return self._signals.pending or self._writer.failed or self._checkpoint_is_due()

    def _checkpoint_is_due(self) -> bool:
        wanted = self._signals.wants_checkpoint or time.monotonic() >= self._checkpoint_at
        return wanted and not self._writer.busy and self._ledger.completed_count > 0

    def _is_over(self, now: float) -> bool:
        return (
            self._signals.pending
            or self._writer.failed
            or self._ledger.finished
            or now >= self._ends_at
        )

    def _discount(self) -> None:
        """Discount the table if that is due at exactly this many iterations; nobody writes."""
        completed = self._ledger.completed_count
        if self._discounts is not None and completed == self._ledger.barrier:
            factor = self._discounts.apply(self._views, completed)
            self._weights = self._weights.discounted(self._engine.stats(), factor)

    def _on_collect(self, stats: EngineStats) -> None:
        self._directory.keep()
        progress = self._meter.progress(stats)
        if progress is not None:
            self._listen(progress)

    def _checkpoint(self) -> None:
        """Copy the rows and have the copy written; without memory for it, write while paused.

        Only while the writer is not busy.
        """
        self._summary = self._summarise("running", self._engine.stats())
        rows = self._views.rows
        copy = self._writer.copy_of(rows)
        if copy is None:
            self._listen(Warned("no memory for a snapshot: training waits for the checkpoint"))
            self._writer.write_now(self._snapshot(rows))
        else:
            self._writer.begin(self._snapshot(copy))

    def _snapshot(self, rows: NDArray[np.float64]) -> Checkpoint:
        totals = self._summary.totals
        return Checkpoint(
            fingerprint=fingerprint(self._config),
            config=to_dict(self._config),
            completed=self._ledger.completed,
            iterations=totals.iterations,
            nodes=totals.nodes,
            utility_sums=totals.utility_sums,
            seconds=totals.seconds,
            rows=rows,
        )

    def _after_checkpoint(self, checkpoint: Checkpoint, path: Path) -> None:
        """Evaluate a checkpoint that is on disk, and write the summary; in the writer's thread."""
        summary = self._summary.changed(
            checkpoint=self._relative(path),
            checkpoints=self._writer.saved,
            lost_update_estimate=self._lost(checkpoint.rows),
        )
        pairs = len(self._game.tree.nodes) * len(self._game.deals.probability)
        if self._game.why_not_enumerable() is None and pairs <= EVALUATED_PAIRS:
            evaluation = self._evaluate(checkpoint.table, summary)
            summary = summary.changed(evaluation=evaluation)
        self._measure_table(checkpoint.table, summary)
        try:
            self._directory.write_summary(summary.as_dict())
        except OSError as error:
            self._listen(Warned(f"summary.json cannot be written: {error.strerror}"))

    def _finish(self) -> dict[str, Any]:
        """Write the last checkpoint first, then evaluate, then the last summary."""
        stats = self._engine.stats()
        progress = self._meter.last(stats)
        if progress is not None:
            self._listen(progress)
        self._writer.wait()
        done = self._ledger.finished or time.monotonic() >= self._ends_at
        status = "interrupted" if self._signals.pending and not done else "finished"
        self._summary = self._summarise(status, stats)
        lost = self._lost(self._views.rows)
        self._summary = self._summary.changed(lost_update_estimate=lost)
        if self._summary.totals.iterations:
            if self._views.rows.nbytes >= SLOW_TO_SAVE_BYTES:
                iterations = self._summary.totals.iterations
                self._listen(CheckpointBegun(iterations, self._views.rows.nbytes))
            path = self._writer.write_last(self._snapshot(self._views.rows))
            self._summary = self._summary.changed(
                checkpoint=self._relative(path), checkpoints=self._writer.saved
            )
            self._directory.write_summary(self._summary.as_dict())
        if self._game.why_not_enumerable() is None:
            evaluation = self._evaluate(self._views.table, self._summary)
            self._summary = self._summary.changed(evaluation=evaluation)
        self._measure_table(self._views.table, self._summary)
        document = self._summary.as_dict()
        self._directory.write_summary(document)
        self._listen(self._summary.ended(str(self._directory.path)))
        return document

    def _fail(self) -> None:
        """Say in ``summary.json`` that the run failed, as far as that can still be done."""
        with contextlib.suppress(Exception):
            self._writer.wait()
        with contextlib.suppress(Exception):
            failed = self._summarise("failed", self._engine.stats())
            failed = failed.changed(checkpoint=self._summary.checkpoint)
            self._directory.write_summary(failed.as_dict())

    def _evaluate(self, table: Table, summary: Summary) -> Evaluation:
        evaluation = evaluate(self._game, Strategy.from_table(self._game, table))
        self._listen(
            Evaluated(
                iterations=summary.totals.iterations,
                seconds=summary.totals.seconds,
                exploitability=evaluation.exploitability,
                nash_conv=evaluation.nash_conv,
                unit=evaluation.unit,
                method=evaluation.method,
            )
        )
        return evaluation

    def _measure_table(self, table: Table, summary: Summary) -> None:
        """Say how far a table has come that nobody writes to."""
        done = summary.totals.iterations
        weight = None
        if self._config.algorithm.name not in FULL_WIDTH:
            weight = done * mean_iteration_weight(self._config, done)
        *streets, whole = street_statistics(self._game, table, weight)
        self._listen(TableMeasured(done, summary.totals.seconds, whole, tuple(streets)))

    def _weight(self, rows: NDArray[np.float64]) -> float:
        sums = table_of(rows, self._config.table.compact).strategy_sum
        return total_strategy_weight(self._game.tree, self._game.deals.bucket_count, sums)

    def _lost(self, rows: NDArray[np.float64]) -> float | None:
        """Return the share of updates that racing workers lost since this part began.

        None once a worker was lost: what it had added since its last result is in the table,
        and nobody knows how much that is. None also before anything was measured.
        """
        if not self._may_lose:
            return 0.0
        if self._summary.stats.replayed_iterations:
            return None
        rounding = COMPACT_ROUNDING if self._config.table.compact else ROUNDING
        weight = self._weight(rows)
        return self._summarised_weights.lost(self._summary.stats, weight, rounding)

    def _summarise(self, status: str, stats: EngineStats) -> Summary:
        self._summarised_weights = self._weights
        return Summary(
            status=status,
            game=self._game.name,
            fingerprint=fingerprint(self._config),
            seed=self._config.run.seed,
            mode=self._config.engine.mode,
            freeze=self._config.engine.freeze,
            totals=self._before.plus(stats),
            stats=stats,
            pauses=self._pauses,
            buckets=self._game.bucket_file,
            not_evaluated=self._game.why_not_enumerable(),
        )

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._directory.path).as_posix()
