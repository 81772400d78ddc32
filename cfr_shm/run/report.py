"""What is told of a run: progress while it lasts, and the content of ``summary.json``.

An engine counts from its own start. A run may have had earlier parts, before it was resumed;
what they did is in the checkpoint, and is added here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from cfr_shm.cards.bucket_file import BucketFile
from cfr_shm.engine.stats import EngineStats
from cfr_shm.evaluation.best_response import Evaluation
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.ranks.account import ALONE, RanksAccount
from cfr_shm.telemetry.events import Progress, QualityMeasured, RunEnded
from cfr_shm.telemetry.metrics import finite
from cfr_shm.telemetry.progress import LIVE_INTERVAL_SECONDS, due_times

LEAST_RATE_SECONDS = 1.0

#: Intervals that the moving average of the utility is taken over.
MOVING_INTERVALS = 10


@dataclass(frozen=True)
class Totals:
    """What a run has done in all its parts."""

    iterations: int
    nodes: int
    utility_sums: tuple[float, ...]
    seconds: float

    @classmethod
    def before(cls, resume: Checkpoint | None, player_count: int) -> Totals:
        """Return what was done before this part of the run."""
        if resume is None:
            return cls(0, 0, (0.0,) * player_count, 0.0)
        return cls(resume.iterations, resume.nodes, tuple(resume.utility_sums), resume.seconds)

    def plus(self, stats: EngineStats) -> Totals:
        """Return these totals with an engine's added."""
        sums = zip(self.utility_sums, stats.utility_sums, strict=True)
        return Totals(
            self.iterations + stats.iterations,
            self.nodes + stats.nodes,
            tuple(earlier + now for earlier, now in sums),
            self.seconds + stats.seconds,
        )

    @property
    def utility(self) -> float | None:
        """Mean sampled utility of player 0, chips."""
        return self.utility_sums[0] / self.iterations if self.iterations else None

    @property
    def iterations_per_second(self) -> float:
        """Mean rate over all parts."""
        return self.iterations / self.seconds if self.seconds > 0 else 0.0

    @property
    def nodes_per_second(self) -> float:
        """Mean rate over all parts."""
        return self.nodes / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class Pauses:
    """How long workers stood still for checkpoints: from the word to stop to the next tasks."""

    seconds: float = 0.0
    longest_seconds: float = 0.0

    def plus(self, seconds: float) -> Pauses:
        """Return these pauses and one more."""
        return Pauses(self.seconds + seconds, max(self.longest_seconds, seconds))


class Meter:
    """Turn an engine's totals into progress: live about four times a second, due on schedule.

    Rates are taken over the time since progress was last due, and over a second at least:
    results come in lumps of a task each.
    """

    def __init__(
        self,
        before: Totals,
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        epsilon: Callable[[int], float | None] = lambda _iterations: None,
    ) -> None:
        self._before = before
        self._epsilon = epsilon
        # (iterations, utility sum) when progress was due; the oldest is where the average begins.
        self._moving = deque([(before.iterations, before.utility_sums[0])], MOVING_INTERVALS)
        self._due_times = due_times(interval_seconds)
        self._next_due = next(self._due_times)
        self._next_live = 0.0
        self._clock = clock
        # The totals when progress was last due, and the time before that; None at the start.
        self._mark: EngineStats | None = None
        self._earlier: EngineStats | None = None

    def progress(self, stats: EngineStats, ranks: RanksAccount = ALONE) -> Progress | None:
        """Return progress if it is time for it."""
        due = stats.seconds >= self._next_due
        while stats.seconds >= self._next_due:
            self._next_due = next(self._due_times)
        now = self._clock()
        if not due and now < self._next_live:
            return None
        self._next_live = now + LIVE_INTERVAL_SECONDS
        progress = self._measure(stats, due, ranks)
        if due and stats.seconds - _seconds(self._mark) >= LEAST_RATE_SECONDS:
            self._mark, self._earlier = stats, self._mark
            totals = self._before.plus(stats)
            self._moving.append((totals.iterations, totals.utility_sums[0]))
        return progress

    def last(self, stats: EngineStats, ranks: RanksAccount = ALONE) -> Progress | None:
        """Return progress for the end of a run, unless nothing was done."""
        return self._measure(stats, True, ranks) if stats.iterations else None

    def _measure(self, stats: EngineStats, due: bool, ranks: RanksAccount) -> Progress:
        totals, mark = self._before.plus(stats), self._mark
        if stats.seconds - _seconds(mark) < LEAST_RATE_SECONDS:
            mark = self._earlier
        seconds = stats.seconds - _seconds(mark)
        user = stats.user_cpu_seconds - (mark.user_cpu_seconds if mark else 0.0)
        system = stats.system_cpu_seconds - (mark.system_cpu_seconds if mark else 0.0)

        def rate(count: int) -> float:
            return count / seconds if seconds > 0 else 0.0

        return Progress(
            due=due,
            iterations=totals.iterations,
            nodes=totals.nodes,
            seconds=totals.seconds,
            iterations_per_second=rate(stats.iterations - (mark.iterations if mark else 0)),
            nodes_per_second=rate(stats.nodes - (mark.nodes if mark else 0)),
            utility=totals.utility or 0.0,
            workers=stats.workers,
            busy_fraction=stats.busy_fraction,
            user_cpu_seconds=stats.user_cpu_seconds,
            system_cpu_seconds=stats.system_cpu_seconds,
            system_cpu_fraction=system / (user + system) if user + system > 0 else 0.0,
            voluntary_context_switches=stats.voluntary_context_switches,
            involuntary_context_switches=stats.involuntary_context_switches,
            context_switches_per_second=rate(_switches(stats) - (_switches(mark) if mark else 0)),
            utility_moving_average=self._moving_average(totals),
            batch_iterations=stats.batch_iterations,
            restarts=stats.restarts,
            worker_restarts=stats.worker_restarts,
            epsilon=self._epsilon(totals.iterations),
            ranks=ranks.members,
            exchanges=ranks.exchanges,
            exchange_seconds=ranks.exchange_seconds,
        )

    def _moving_average(self, totals: Totals) -> float:
        iterations, utility_sum = self._moving[0]
        done = totals.iterations - iterations
        return (totals.utility_sums[0] - utility_sum) / done if done > 0 else 0.0


def _switches(stats: EngineStats) -> int:
    return stats.voluntary_context_switches + stats.involuntary_context_switches


def _seconds(mark: EngineStats | None) -> float:
    return mark.seconds if mark else 0.0


def _measured(evaluation: Evaluation | None) -> dict[str, Any] | None:
    if evaluation is None:
        return None
    return {
        "value": evaluation.exploitability,
        "unit": evaluation.unit,
        "method": evaluation.method,
    }


@dataclass(frozen=True)
class Summary:
    """What ``summary.json`` says; ``docs/run_directory.md`` explains each key."""

    status: str  # "running", "finished", "interrupted" or "failed"
    game: str
    fingerprint: str
    seed: int
    mode: str
    freeze: int | None  # iterations of a freeze, in deterministic mode
    totals: Totals
    stats: EngineStats
    lost_update_estimate: float | None = None
    evaluation: Evaluation | None = None
    quality: QualityMeasured | None = None
    ended_by: str | None = None  # what has ended it: a bound, a signal, a rule of run.stop
    buckets: BucketFile | None = None
    not_evaluated: str | None = None  # why exploitability cannot be computed
    checkpoint: str | None = None
    checkpoints: int = 0
    pauses: Pauses = Pauses()
    ranks: RanksAccount = ALONE

    def changed(self, **changes: Any) -> Summary:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Return the document, with its literal keys in their order."""
        totals, stats, evaluation = self.totals, self.stats, self.evaluation
        return {
            "status": self.status,
            "game": self.game,
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "mode": self.mode,
            "freeze": self.freeze,
            "iterations": totals.iterations,
            "nodes": totals.nodes,
            "seconds": totals.seconds,
            "iterations_per_second": totals.iterations_per_second,
            "nodes_per_second": totals.nodes_per_second,
            "workers": stats.workers,
            "busy_fraction": list(stats.busy_fraction),
            "user_cpu_seconds": stats.user_cpu_seconds,
            "system_cpu_seconds": stats.system_cpu_seconds,
            "voluntary_context_switches": stats.voluntary_context_switches,
            "involuntary_context_switches": stats.involuntary_context_switches,
            "restarts": stats.restarts,
            "worker_restarts": list(stats.worker_restarts),
            "longest_recovery_seconds": stats.longest_recovery_seconds or None,
            "replayed_iterations": stats.replayed_iterations,
            "clamped_regrets": stats.clamped_regrets,
            "lost_update_estimate": self.lost_update_estimate,
            "utility": totals.utility,
            "exploitability": _measured(evaluation),
            "nash_conv": None if evaluation is None else evaluation.nash_conv,
            "quality": None if self.quality is None else finite(asdict(self.quality)),
            "ended_by": self.ended_by,
            "buckets": None if self.buckets is None else self.buckets._asdict(),
            "checkpoint": self.checkpoint,
            "checkpoints": self.checkpoints,
            "checkpoint_pause_seconds": self.pauses.seconds,
            "longest_checkpoint_pause_seconds": self.pauses.longest_seconds,
            **self.ranks.as_dict(),
            "moved_to": None,  # the run directory knows
        }

    def ended(self, directory: str) -> RunEnded:
        """Return the event that ends the run."""
        totals, evaluation = self.totals, self.evaluation
        return RunEnded(
            status=self.status,
            game=self.game,
            directory=directory,
            iterations=totals.iterations,
            seconds=totals.seconds,
            iterations_per_second=totals.iterations_per_second,
            nodes_per_second=totals.nodes_per_second,
            workers=self.ranks.workers or self.stats.workers,
            utility=totals.utility,
            exploitability=None if evaluation is None else evaluation.exploitability,
            unit=None if evaluation is None else evaluation.unit,
            method=None if evaluation is None else evaluation.method,
            not_evaluated=self.not_evaluated,
            quality=self.quality,
            ended_by=self.ended_by,
            restarts=self.stats.restarts,
            replayed_iterations=self.stats.replayed_iterations,
            checkpoints=self.checkpoints,
            pause_seconds=self.pauses.seconds,
            pause_fraction=self.pauses.seconds / max(1e-9, self.stats.seconds),
            longest_pause_seconds=self.pauses.longest_seconds,
        )
