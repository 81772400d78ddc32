"""Does the rate stay what it was: one long training, minute by minute.

Two rates are followed. The one per second is what a user gets; the one per CPU second, divided
by what a calibration loop reaches in the same minute, is the program's own doing: others who
take the cores, and clocks that change, do not count in it. The verdict is on the second.
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

from cfr_shm.bench.calibration import Calibration
from cfr_shm.config import Config
from cfr_shm.telemetry.events import Event, Progress
from cfr_shm.train import train

DRIFT_LIMIT = 0.02

#: The calibration loop runs so many times in an interval, spread over it. Its mean time counts:
#: a core that is shared with another thread half of the time is half as fast for training too.
CALIBRATIONS = 24

#: Students t, two-sided 95 %, by degrees of freedom; beyond the last the normal's.
_T95 = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Minute:
    """One interval of the training."""

    seconds: float  # at its end
    iterations_per_second: float
    iterations_per_cpu_second: float
    calibration: float  # accesses per CPU second

    @property
    def own_rate(self) -> float:
        """Iterations per access of the calibration loop."""
        return self.iterations_per_cpu_second / self.calibration


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
    own: Trend

    @property
    def verdict(self) -> str:
        """Return "steady", "drifts", or "undecided" where the interval is too wide to tell."""
        if abs(self.own.drift) + self.own.margin <= DRIFT_LIMIT:
            return "steady"
        if abs(self.own.drift) - self.own.margin > DRIFT_LIMIT:
            return "drifts"
        return "steady, within noise" if abs(self.own.drift) <= DRIFT_LIMIT else "undecided"

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
    follower = _Follower(interval, say)
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
        own=trend(at, [minute.own_rate for minute in found]),
    )


class _Follower:
    """Listens to a training, and calibrates beside it."""

    def __init__(self, interval: float, say: Callable[[str], None]) -> None:
        self.minutes: list[Minute] = []
        self._interval = interval
        self._say = say
        self._calibrate = Calibration()
        self._calibrations: list[float] = []
        self._calibrated_at = 0.0
        self._mark: Progress | None = None

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Progress):
            return
        since = event.seconds - self._calibrated_at
        if since >= self._interval / CALIBRATIONS or not self._calibrations:
            self._calibrated_at = event.seconds
            self._calibrations.append(self._calibrate())
        if event.due:
            self._take(event)

    def _take(self, event: Progress) -> None:
        earlier = self._mark
        # Long intervals begin with short ones, and the last one is a remainder.
        if earlier is not None and event.seconds - earlier.seconds < 0.9 * self._interval:
            return
        self._mark = event
        if earlier is not None:
            minute = _minute(earlier, event, statistics.harmonic_mean(self._calibrations))
            self.minutes.append(minute)
            self._say(
                f"{minute.seconds:6.0f} s  {minute.iterations_per_second:12,.0f} iter/s  "
                f"{minute.iterations_per_cpu_second:12,.0f} iter/CPU s  "
                f"calibration {minute.calibration / 1e6:.1f} M/s"
            )
        self._calibrations.clear()


def _minute(earlier: Progress, later: Progress, calibration: float) -> Minute:
    done = later.iterations - earlier.iterations
    cpu = (later.user_cpu_seconds + later.system_cpu_seconds) - (
        earlier.user_cpu_seconds + earlier.system_cpu_seconds
    )
    return Minute(
        seconds=later.seconds,
        iterations_per_second=done / (later.seconds - earlier.seconds),
        iterations_per_cpu_second=done / max(1e-9, cpu),
        calibration=calibration,
    )
