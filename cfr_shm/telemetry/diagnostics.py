"""Verdicts on the health of a training: measured, against a threshold, with cause and remedy.

What is judged is always the same, whether frames come from a live process tree or from a run's
``metrics.jsonl``:

- system CPU, of all CPU time of the process tree: kernel work instead of training;
- idle wake-ups: voluntary context switches of children that use no CPU, which is polling;
- busy: of each worker, the share of the time in which it works;
- rate drift: from the start to the end, along a straight line;
- wake-ups of the main process, per child: unlimited polling for results;
- whether anybody works at all: a deadlock is quiet.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cfr_shm.telemetry.samples import (
    CHILD,
    LEAST_FRAME_SECONDS,
    MAIN,
    Frame,
    MachineUse,
    ProcessUse,
)

#: Thresholds of the verdicts; beyond them a training loses something that can be had back.
SYSTEM_CPU_LIMIT = 0.05
IDLE_WAKE_UPS_LIMIT = 0.5  # per second; below it is the noise of signals and start-up
BUSY_LIMIT = 0.99
DRIFT_LIMIT = 0.05
MAIN_WAKE_UPS_LIMIT = 20.0  # per second and child

#: A child below this share of a core is idle, one above that share works.
IDLE_CPU = 0.02
WORKING_CPU = 0.10

#: Fewer points do not make a trend.
DRIFT_POINTS = 4

#: CPU time is counted in ticks: a busy process may seem to miss one or two of them.
_TICK_SECONDS = 0.02

_CROWDED = 0.97

Status = Literal["ok", "bad", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """One judgement; ``cause`` and ``remedy`` are empty unless the status is "bad"."""

    name: str
    status: Status
    value: float | None
    measured: str
    threshold: str
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Points:
    """A figure over time: ``value[i]`` at ``seconds[i]``."""

    seconds: tuple[float, ...]
    value: tuple[float, ...]


@dataclass(frozen=True)
class Diagnosis:
    """Everything that is known of a process tree or a run, and what it means.

    Attributes:
        subject: the run directory, or the process.
        seconds: that were observed.
        processes: mean over the frames of each process.
        machine: mean over the frames, None without any.
        busy: per worker, as the engine counts it, or as CPU time shows it.
        rate: iterations per second over time; empty where only processes were seen.
        frames: what the means are of.
        verdicts: what it means.
    """

    subject: str
    seconds: float
    processes: tuple[ProcessUse, ...]
    machine: MachineUse | None
    busy: tuple[float, ...]
    rate: Points
    frames: tuple[Frame, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether no verdict is bad."""
        return all(verdict.status != "bad" for verdict in self.verdicts)

    def as_dict(self) -> dict[str, Any]:
        """Return the document that ``--json`` prints."""
        fields = asdict(self)
        return {"healthy": self.is_healthy, **fields}


def diagnose(
    subject: str,
    frames: Sequence[Frame],
    *,
    system_fraction: float | None = None,
    busy: tuple[float, ...] | None = None,
    rate: Points | None = None,
    cpu_rate: Points | None = None,
    restarts: tuple[int, ...] | None = None,
) -> Diagnosis:
    """Judge what was seen.

    Args:
        subject: what the frames are of.
        frames: of one process tree, in order; may be empty.
        system_fraction: of all CPU time, where the engine counted it itself.
        busy: per worker, where the engine counted it itself.
        rate: iterations per second over time.
        cpu_rate: iterations per CPU second over time, to tell a slow machine from a shared one.
        restarts: per worker, how often it was replaced, where the engine counted it.
    """
    rate = Points((), ()) if rate is None else rate
    processes = mean_uses(frames)
    machine = mean_machine(frames)
    if system_fraction is None:
        system_fraction = _system_fraction(processes)
    crowded = machine is not None and machine.busy_fraction > _CROWDED
    counted = busy is not None
    if busy is None:
        busy = tuple(process.cpu_fraction for process in _workers(processes))
    verdicts = (
        _system_verdict(system_fraction),
        _idle_verdict(frames),
        _busy_verdict(busy, counted, crowded, _swing(frames), _seconds(frames)),
        _drift_verdict(rate, cpu_rate),
        _main_verdict(processes),
        _alive_verdict(processes),
        *(() if restarts is None else (_restarts_verdict(restarts),)),
    )
    seconds = _seconds(frames)
    if rate.seconds:
        seconds = max(seconds, rate.seconds[-1])
    return Diagnosis(subject, seconds, processes, machine, busy, rate, tuple(frames), verdicts)


def mean_uses(frames: Iterable[Frame]) -> tuple[ProcessUse, ...]:
    """Return each process's mean over the frames that it is in, sizes as last seen."""
    seen: dict[int, list[tuple[float, ProcessUse]]] = {}
    for frame in frames:
        for process in frame.processes:
            seen.setdefault(process.pid, []).append((frame.seconds, process))
    return tuple(_mean_use(uses) for uses in seen.values())


def _mean_use(uses: list[tuple[float, ProcessUse]]) -> ProcessUse:
    last = uses[-1][1]

    def mean(name: str) -> float:
        total: float = sum(w * getattr(use, name) for w, use in uses)
        return total / sum(w for w, _ in uses)

    return ProcessUse(
        pid=last.pid,
        role=last.role,
        user_fraction=mean("user_fraction"),
        system_fraction=mean("system_fraction"),
        voluntary_per_second=mean("voluntary_per_second"),
        involuntary_per_second=mean("involuntary_per_second"),
        page_faults_per_second=None
        if last.page_faults_per_second is None
        else mean("page_faults_per_second"),
        migrations_per_second=None
        if last.migrations_per_second is None
        else mean("migrations_per_second"),
        resident_bytes=last.resident_bytes,
        shared_bytes=last.shared_bytes,
    )


def mean_machine(frames: Sequence[Frame]) -> MachineUse | None:
    """Return the machine's mean over the frames, None without any."""
    if not frames:
        return None
    whole = sum(frame.seconds for frame in frames)

    def mean(name: str) -> float:
        total: float = sum(f.seconds * getattr(f.machine, name) for f in frames)
        return total / whole

    told = all(frame.machine.kernel_task_fraction is not None for frame in frames)
    return MachineUse(
        cores=frames[-1].machine.cores,
        busy_fraction=mean("busy_fraction"),
        system_fraction=mean("system_fraction"),
        stolen_fraction=mean("stolen_fraction"),
        kernel_task_fraction=mean("kernel_task_fraction") if told else None,
    )


def relative_drift(points: Points) -> float | None:
    """Return how much a straight line changes over the points, as a share of their mean.

    None with fewer than ``DRIFT_POINTS`` points.

    >>> relative_drift(Points((0.0, 1.0, 2.0, 3.0), (97.0, 99.0, 101.0, 103.0)))
    0.06
    """
    if len(points.value) < DRIFT_POINTS or statistics.fmean(points.value) == 0:
        return None
    slope = statistics.linear_regression(points.seconds, points.value).slope
    span = points.seconds[-1] - points.seconds[0]
    return slope * span / statistics.fmean(points.value)


def _workers(processes: Sequence[ProcessUse]) -> list[ProcessUse]:
    """Return the children that work; without any, the main process if it does."""
    working = [process for process in processes if process.cpu_fraction > WORKING_CPU]
    children = [process for process in working if process.role == CHILD]
    return children or [process for process in working if process.role == MAIN]


def _system_fraction(processes: Sequence[ProcessUse]) -> float | None:
    user = sum(process.user_fraction for process in processes)
    system = sum(process.system_fraction for process in processes)
    return system / (user + system) if user + system > WORKING_CPU else None


def _system_verdict(fraction: float | None) -> Verdict:
    name, threshold = "system CPU", f"< {SYSTEM_CPU_LIMIT:.0%} of CPU time"
    if fraction is None:
        return Verdict(name, "unknown", None, "next to no CPU time used", threshold)
    measured = f"{fraction:.1%}"
    if fraction < SYSTEM_CPU_LIMIT:
        return Verdict(name, "ok", fraction, measured, threshold)
    return Verdict(
        name,
        "bad",
        fraction,
        measured,
        threshold,
        "polling with short timeouts, large messages through pipes, or page faults",
        "let batches be sized by time (engine.batch_size: auto), leave the waits of "
        "engine.wait_*_ms at null; many page faults: see 'cfr-shm doctor', huge pages",
    )


def _idle_verdict(frames: Sequence[Frame]) -> Verdict:
    name, threshold = "idle wake-ups", "0/s of each idle child"
    rates: dict[int, list[float]] = {}
    for frame in frames:
        if frame.seconds < LEAST_FRAME_SECONDS:
            continue
        for process in frame.processes:
            if process.role == CHILD and process.cpu_fraction < IDLE_CPU:
                rates.setdefault(process.pid, []).append(process.voluntary_per_second)
    if not rates:
        return Verdict(name, "unknown", None, "no child was idle", threshold)
    worst = max(statistics.median(found) for found in rates.values())
    measured = f"{worst:.1f}/s"
    if worst <= IDLE_WAKE_UPS_LIMIT:
        return Verdict(name, "ok", worst, measured, threshold)
    return Verdict(
        name,
        "bad",
        worst,
        measured,
        threshold,
        f"idle children poll about every {1000 / worst:.0f} ms instead of blocking",
        "receive without a timeout; cfr-shm's own workers do (report it if they are these)",
    )


def _busy_verdict(
    busy: tuple[float, ...], counted: bool, crowded: bool, swing: float, seconds: float
) -> Verdict:
    name, threshold = "busy", f">= {BUSY_LIMIT:.0%} of each worker's time"
    if not busy:
        return Verdict(name, "unknown", None, "no process was working", threshold)
    least = min(busy)
    measured = f"{least:.1%} at least, {statistics.fmean(busy):.1%} on average"
    tolerance = 0.0 if counted or seconds <= 0 else _TICK_SECONDS / seconds
    if least >= BUSY_LIMIT - tolerance:
        return Verdict(name, "ok", least, measured, threshold)
    if swing > 0.25:
        cause = "all workers stop and go together: they wait for a collector between batches"
        remedy = "collect while workers run, with the next task in hand; cfr-shm does"
    elif crowded and not counted:
        cause = "the cores are shared: the machine is fully used, by others too"
        remedy = "end other programs, or use fewer workers (--num-workers)"
    elif counted:
        cause = "batches are too short, or the coordinator gets no core in time"
        remedy = "raise engine.batch_seconds, or leave a core free (--num-workers)"
    else:
        cause = "workers wait: for tasks, for a lock, or for the disk"
        remedy = "larger batches, no lock shared by workers, a second task in hand"
    return Verdict(name, "bad", least, measured, threshold, cause, remedy)


def _drift_verdict(rate: Points, cpu_rate: Points | None) -> Verdict:
    name, threshold = "rate drift", f"within {DRIFT_LIMIT:.0%} from start to end"
    drift = relative_drift(rate)
    if drift is None:
        measured = f"{len(rate.value)} intervals, {DRIFT_POINTS} are needed"
        return Verdict(name, "unknown", None, measured, threshold)
    measured = f"{drift:+.1%}"
    if abs(drift) <= DRIFT_LIMIT:
        return Verdict(name, "ok", drift, measured, threshold)
    per_cpu = None if cpu_rate is None else relative_drift(cpu_rate)
    if per_cpu is not None and abs(per_cpu) < abs(drift) / 2:
        cause = f"the share of the cores changed (per CPU second: {per_cpu:+.1%})"
        remedy = "see what else runs on this machine (top), or wants cores of its host"
    elif drift < 0:
        cause = "the cores got slower: heat, efficiency cores, or a shared memory bus"
        remedy = "see to cooling and power settings; 'cfr-shm bench soak' tells which"
    else:
        cause = "it became faster: caches warmed, or another program ended"
        remedy = "none is needed"
    return Verdict(name, "bad", drift, measured, threshold, cause, remedy)


def _restarts_verdict(restarts: tuple[int, ...]) -> Verdict:
    name, threshold, total = "workers replaced", "0", sum(restarts)
    if not total:
        return Verdict(name, "ok", 0, "0", threshold)
    each = ", ".join(f"worker {w}: {count}" for w, count in enumerate(restarts) if count)
    return Verdict(
        name,
        "bad",
        total,
        f"{total} ({each})",
        threshold,
        "workers were killed, crashed or hung; no iteration was lost",
        "log.txt says what ended each of them; for SIGKILL see the kernel log: out of memory?",
    )


def _main_verdict(processes: Sequence[ProcessUse]) -> Verdict:
    name = "main wake-ups"
    threshold = f"< {MAIN_WAKE_UPS_LIMIT:g}/s per child"
    children = sum(1 for process in processes if process.role == CHILD)
    main = next((process for process in processes if process.role == MAIN), None)
    if main is None or children == 0:
        return Verdict(name, "unknown", None, "no children were seen", threshold)
    each = main.voluntary_per_second / children
    measured = f"{each:.1f}/s"
    if each < MAIN_WAKE_UPS_LIMIT:
        return Verdict(name, "ok", each, measured, threshold)
    return Verdict(
        name,
        "bad",
        each,
        measured,
        threshold,
        "the main process polls for results with timeouts of milliseconds",
        "wait on all pipes together, drain briefly after a first result, then wait again",
    )


def _alive_verdict(processes: Sequence[ProcessUse]) -> Verdict:
    name, threshold = "alive", f"> {IDLE_CPU:.0%} of a core used"
    if not processes:
        return Verdict(name, "unknown", None, "no processes were seen", threshold)
    used = sum(process.cpu_fraction for process in processes)
    measured = f"{used:.0%} of a core"
    if used > IDLE_CPU:
        return Verdict(name, "ok", used, measured, threshold)
    return Verdict(
        name,
        "bad",
        used,
        measured,
        threshold,
        "nobody works: it rests, or it is a deadlock (workers joined before their queue is read)",
        "read results while workers run, and send little; 'py-spy dump' tells where each waits",
    )


def _swing(frames: Sequence[Frame]) -> float:
    """Return the deviation of the workers' summed CPU from frame to frame, over its mean."""
    sums = [sum(p.cpu_fraction for p in f.processes if p.role == CHILD) for f in frames]
    if len(sums) < DRIFT_POINTS or statistics.fmean(sums) == 0:
        return 0.0
    return statistics.pstdev(sums) / statistics.fmean(sums)


def _seconds(frames: Sequence[Frame]) -> float:
    return sum(frame.seconds for frame in frames)
