"""Does the rate stay what it was: one long training, minute by minute.

Iterations per second are what a user gets. Three things change them, which are told apart:

- the strategies, that come to lead to more or fewer nodes in an iteration;
- the machine: others who take its cores, caches or memory, and clocks that change;
- the program itself. That is nodes per CPU second, divided by what a calibration loop reaches in
  the same minute; the verdict is on it.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cfr_shm.bench.calibration import TrainingCalibration
from cfr_shm.config.sections import Config
from cfr_shm.engine.algorithm_kernels import make_algorithm_ready
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.warm import compile_kernels
from cfr_shm.run.forecast import refuse_too_large
from cfr_shm.run.setup import algorithm_settings
from cfr_shm.run.train import train
from cfr_shm.telemetry.events import Event, Progress

DRIFT_LIMIT = 0.02

#: The calibration loop runs so many times in an interval, spread over it. Its mean time counts:
#: a core that is shared with another thread half of the time is half as fast for training too.
CALIBRATIONS = 48

#: But of large tables, which take long to begin anew, it takes no more than this share of a core.
CALIBRATION_SHARE = 0.05

#: Students t, two-sided 95 %, by degrees of freedom; beyond the last the normal's.
_T95 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Minute:
    """One interval of the training."""

    seconds: float  # at its end
    iterations_per_second: float
    nodes_per_iteration: float
    nodes_per_cpu_second: float
    calibration: float  # nodes per CPU second

    @property
    def own_rate(self) -> float:
        """Nodes per node of the calibration loop."""
        return self.nodes_per_cpu_second / self.calibration


@dataclass(frozen=True)
class Trend:
    """How much a figure changes over the whole time, as a share of its mean."""

    drift: float
    margin: float  # half the width of the 95 % confidence interval


@dataclass(frozen=True)
class Soak:
    """A long training and its trends."""

    game: str
    workers: int
    interval_seconds: float
    minutes: tuple[Minute, ...]
    wall: Trend
    work: Trend  # nodes per iteration
    own: Trend

    @property
    def verdict(self) -> str:
        """Return "steady", "drifts", or "undecided" where the interval is too wide to tell."""
        drift, margin = abs(self.own.drift), self.own.margin
        if drift + margin <= DRIFT_LIMIT:
            return "steady"
        if drift - margin > DRIFT_LIMIT:
            return "drifts"
        within = max(drift, margin) <= DRIFT_LIMIT
        return "steady, within noise" if within else "undecided"

    def as_dict(self) -> dict[str, Any]:
        """Return the document that ``--json`` prints."""
        return {"verdict": self.verdict, **asdict(self)}


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit a line by least squares; at least three points.

    >>> trend([0, 1, 2, 3], [100, 101, 102, 103]).drift
    0.029556650246305417
    """
    slope, _ = statistics.linear_regression(seconds, values)
    mean_at, mean = statistics.fmean(seconds), statistics.fmean(values)
    residuals = [
        value - mean - slope * (at - mean_at) for at, value in zip(seconds, values, strict=True)
    ]
    freedom = len(values) - 2
    spread = sum((at - mean_at) ** 2 for at in seconds)
    error = math.sqrt(sum(r * r for r in residuals) / freedom / spread)
    span = seconds[-1] - seconds[0]
    student = _T95[freedom - 1] if freedom <= len(_T95) else 1.96 + 2.5 / freedom
    return Trend(slope * span / mean, student * error * span / mean)


def soak(config: Config, minutes: float, interval: float, say: Callable[[str], None]) -> Soak:
    """Train for ``minutes`` and look at the rate every ``interval`` seconds.

    The first seconds are left out: batches find their size in them.

    Args:
        config: the game and the algorithm; budgets are set here.
        minutes: of training, for at least five intervals.
        interval: seconds, 60 unless in a hurry.
        say: is told the rate after each interval.
    """
    run = dataclasses.replace(
        config.run,
        iterations=None,
        time_budget=60.0 * minutes,
        checkpoint_interval=0.0,
        progress_interval=interval,
        logdir=None,
    )
    follower = _Follower(_calibration(config, say), interval, say)
    with tempfile.TemporaryDirectory(prefix="cfr-shm-bench-") as directory:
        chosen = dataclasses.replace(config, run=run)
        summary = train(chosen, Path(directory) / "run", report=follower)
    found = follower.minutes
    at = [minute.seconds for minute in found]
    return Soak(
        game=summary["game"],
        workers=summary["workers"],
        interval_seconds=interval,
        minutes=tuple(found),
        wall=trend(at, [minute.iterations_per_second for minute in found]),
        work=trend(at, [minute.nodes_per_iteration for minute in found]),
        own=trend(at, [minute.own_rate for minute in found]),
    )


def _calibration(config: Config, say: Callable[[str], None]) -> TrainingCalibration:
    refuse_too_large(config, say)
    game = load_game(config.game, say, config.abstraction)
    compile_kernels(say, config.table.compact)
    make_algorithm_ready(algorithm_settings(config, game), False, config.table.compact, say)
    return TrainingCalibration(config, game)


class _Follower:
    """Listens to a training, and calibrates beside it."""

    def __init__(
        self, calibrate: TrainingCalibration, interval: float, say: Callable[[str], None]
    ) -> None:
        self.minutes: list[Minute] = []
        self._calibrate = calibrate
        self._interval = interval
        self._say = say
        self._calibrations: list[float] = []
        self._next_at = 0.0
        self._mark: Progress | None = None
        self._cpu_seconds_at_mark = 0.0

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Progress):
            return
        if event.due:
            self._take(event)
        if event.seconds >= self._next_at or not self._calibrations:
            before = self._calibrate.cpu_seconds
            self._calibrations.append(self._calibrate())
            taken = self._calibrate.cpu_seconds - before
            pause = max(self._interval / CALIBRATIONS, taken / CALIBRATION_SHARE)
            self._next_at = event.seconds + pause

    def _take(self, event: Progress) -> None:
        earlier = self._mark
        # Long intervals begin with short ones, and the last one is a remainder.
        if earlier is not None and event.seconds - earlier.seconds < 0.9 * self._interval:
            return
        if earlier is not None:
            # The loop runs in the coordinator's thread, whose time is in the training's.
            own = self._calibrate.cpu_seconds - self._cpu_seconds_at_mark
            calibration = statistics.harmonic_mean(self._calibrations)
            minute = _minute(earlier, event, own, calibration)
            self.minutes.append(minute)
            self._say(
                f"{minute.seconds:6.0f} s  {minute.iterations_per_second:12,.0f} iter/s  "
                f"{minute.nodes_per_iteration:6.1f} nodes/iter  "
                f"{minute.nodes_per_cpu_second / 1e6:7.2f} M nodes/CPU s  "
                f"calibration {minute.calibration / 1e6:.2f} M"
            )
        self._mark = event
        self._cpu_seconds_at_mark = self._calibrate.cpu_seconds
        self._calibrations.clear()


def _minute(earlier: Progress, later: Progress, own_seconds: float, calibration: float) -> Minute:
    done, nodes = later.iterations - earlier.iterations, later.nodes - earlier.nodes
    cpu = (later.user_cpu_seconds + later.system_cpu_seconds) - (
        earlier.user_cpu_seconds + earlier.system_cpu_seconds
    )
    return Minute(
        seconds=later.seconds,
        iterations_per_second=done / (later.seconds - earlier.seconds),
        nodes_per_iteration=nodes / max(1, done),
        nodes_per_cpu_second=nodes / max(1e-9, cpu - own_seconds),
        calibration=calibration,
    )
