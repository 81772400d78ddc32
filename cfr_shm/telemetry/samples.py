"""What the processes of a run, and the machine, have used: sampled from outside.

A *snapshot* holds running totals, a *frame* what happened between two snapshots. Frames are
what ``metrics.jsonl`` keeps and what diagnoses are made of; any process tree can be sampled,
also one that knows nothing of us.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil

from cfr_shm.errors import UsageError

#: Sampling takes at most this share of one core: the interval is stretched if need be.
COST_LIMIT = 0.001

#: Children are looked for this often: it means reading the parents of all processes.
FAMILY_SECONDS = 10.0

#: In less time nobody can be called idle, and no rate can be told: CPU time comes in ticks.
LEAST_FRAME_SECONDS = 0.5

MAIN, CHILD, TRACKER = "main", "child", "tracker"


class ProcessTotals(NamedTuple):
    """What one process has used since it began; None: the platform does not tell."""

    pid: int
    role: str  # "main", "child", or Python's resource "tracker"
    user_seconds: float
    system_seconds: float
    voluntary_switches: int  # of all its threads
    involuntary_switches: int
    page_faults: int | None
    migrations: int | None  # between cores
    resident_bytes: int
    shared_bytes: int | None  # shared memory among the resident


class MachineTotals(NamedTuple):
    """Seconds of all cores together since the machine started."""

    cores: int
    busy_seconds: float
    system_seconds: float
    stolen_seconds: float  # taken by the hypervisor
    kernel_task_seconds: float | None  # macOS, and only where it may be asked


class Snapshot(NamedTuple):
    """Running totals at one moment."""

    monotonic: float
    time: float
    processes: tuple[ProcessTotals, ...]
    machine: MachineTotals


@dataclass(frozen=True)
class ProcessUse:
    """What one process did during a frame. Fractions are of one core, the rest per second."""

    pid: int
    role: str
    user_fraction: float
    system_fraction: float
    voluntary_per_second: float
    involuntary_per_second: float
    page_faults_per_second: float | None
    migrations_per_second: float | None
    resident_bytes: int
    shared_bytes: int | None

    @property
    def cpu_fraction(self) -> float:
        """User and system CPU together, as a fraction of one core."""
        return self.user_fraction + self.system_fraction


@dataclass(frozen=True)
class MachineUse:
    """What the whole machine did during a frame, as fractions of all its cores."""

    cores: int
    busy_fraction: float
    system_fraction: float
    stolen_fraction: float
    kernel_task_fraction: float | None  # of one core


@dataclass(frozen=True)
class Frame:
    """What happened between two snapshots."""

    time: float  # Unix time of its end
    seconds: float
    processes: tuple[ProcessUse, ...]
    machine: MachineUse

    def as_dict(self) -> dict[str, Any]:
        """Return the frame as ``metrics.jsonl`` holds it."""
        return asdict(self)


Use = TypeVar("Use", ProcessUse, MachineUse)


def frame_of(line: Mapping[str, Any]) -> Frame:
    """Return the frame that ``Frame.as_dict`` gave; later versions may have added keys."""
    processes = tuple(_of(ProcessUse, process) for process in line["processes"])
    machine = _of(MachineUse, line["machine"])
    return Frame(float(line["time"]), float(line["seconds"]), processes, machine)


def _of(kind: type[Use], values: Mapping[str, Any]) -> Use:
    given: dict[str, Any] = {each.name: values.get(each.name) for each in fields(kind)}
    return kind(**given)


def frame_between(earlier: Snapshot, later: Snapshot) -> Frame | None:
    """Return what happened between two snapshots, None if they are of the same moment.

    Processes that are not in both have no part in it.
    """
    seconds = later.monotonic - earlier.monotonic
    if seconds <= 0:
        return None
    before = {process.pid: process for process in earlier.processes}
    processes = tuple(
        _use(before[process.pid], process, seconds)
        for process in later.processes
        if process.pid in before
    )
    return Frame(later.time, seconds, processes, _machine_use(earlier, later, seconds))


def _use(earlier: ProcessTotals, later: ProcessTotals, seconds: float) -> ProcessUse:
    def rate(after: float, before: float) -> float:
        # A thread that ended takes its switches with it: the sum may shrink.
        return max(0.0, after - before) / seconds

    def optional(after: int | None, before: int | None) -> float | None:
        return None if after is None or before is None else rate(after, before)

    return ProcessUse(
        pid=later.pid,
        role=later.role,
        user_fraction=rate(later.user_seconds, earlier.user_seconds),
        system_fraction=rate(later.system_seconds, earlier.system_seconds),
        voluntary_per_second=rate(later.voluntary_switches, earlier.voluntary_switches),
        involuntary_per_second=rate(later.involuntary_switches, earlier.involuntary_switches),
        page_faults_per_second=optional(later.page_faults, earlier.page_faults),
        migrations_per_second=optional(later.migrations, earlier.migrations),
        resident_bytes=later.resident_bytes,
        shared_bytes=later.shared_bytes,
    )


def _machine_use(earlier: Snapshot, later: Snapshot, seconds: float) -> MachineUse:
    before, after = earlier.machine, later.machine
    whole = seconds * after.cores
    kernel_task = None
    if after.kernel_task_seconds is not None and before.kernel_task_seconds is not None:
        kernel_task = (after.kernel_task_seconds - before.kernel_task_seconds) / seconds
    return MachineUse(
        cores=after.cores,
        busy_fraction=min(1.0, (after.busy_seconds - before.busy_seconds) / whole),
        system_fraction=(after.system_seconds - before.system_seconds) / whole,
        stolen_fraction=(after.stolen_seconds - before.stolen_seconds) / whole,
        kernel_task_fraction=kernel_task,
    )


class Sampler:
    """Takes snapshots of a process and of its descendants.

    Args:
        pid: the root of the tree; may be this process.

    Raises:
        UsageError: there is no such process, or it is another user's.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._root = psutil.Process(pid)
            self._root.cpu_times()
            if sys.platform != "linux":
                self._root.num_ctx_switches()
            self._roles = {pid: MAIN}
        except psutil.NoSuchProcess:
            raise UsageError(
                f"--pid {pid}: there is no such process; 'ps' lists those that run"
            ) from None
        except psutil.AccessDenied:
            raise UsageError(
                f"--pid {pid}: the process belongs to another user; run this command as that user"
            ) from None
        self._family = [self._root]
        self._family_at = float("-inf")
        self.cost_seconds = 0.0  # CPU time of the last snapshot

    def snapshot(self) -> Snapshot:
        """Return what the tree and the machine have used so far.

        Processes that have ended are left out; when the root has, there are none.
        """
        began = time.thread_time()
        now = time.monotonic()
        if now - self._family_at >= FAMILY_SECONDS:
            self._family_at = now
            self._find_family()
        found = [self._totals(process) for process in self._family]
        processes = tuple(totals for totals in found if totals is not None)
        snapshot = Snapshot(now, time.time(), processes, _machine_totals())
        self.cost_seconds = time.thread_time() - began
        return snapshot

    def interval(self, wanted: float) -> float:
        """Return the seconds to the next snapshot: ``wanted``, or more to keep the cost low."""
        return max(wanted, self.cost_seconds / COST_LIMIT)

    def _find_family(self) -> None:
        try:
            self._family = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            self._family = [self._root]
        for process in self._family:
            if process.pid not in self._roles:
                self._roles[process.pid] = _role(process)

    def _totals(self, process: psutil.Process) -> ProcessTotals | None:
        try:
            if sys.platform == "linux":
                return _linux_totals(process.pid, self._roles[process.pid])
            return _psutil_totals(process, self._roles[process.pid])
        except (psutil.Error, OSError, ValueError, IndexError):
            return None


def _role(process: psutil.Process) -> str:
    try:
        tracks = any("resource_tracker" in word for word in process.cmdline())
    except psutil.Error:
        return CHILD
    return TRACKER if tracks else CHILD


def _psutil_totals(process: psutil.Process, role: str) -> ProcessTotals:
    with process.oneshot():
        times, switches = process.cpu_times(), process.num_ctx_switches()
        memory: Any = process.memory_info()
    faults = getattr(memory, "num_page_faults", None)
    if faults is None and hasattr(memory, "pfaults"):  # macOS
        faults = memory.pfaults
    return ProcessTotals(
        pid=process.pid,
        role=role,
        user_seconds=times.user,
        system_seconds=times.system,
        voluntary_switches=switches.voluntary,
        involuntary_switches=switches.involuntary,
        page_faults=faults,
        migrations=None,
        resident_bytes=memory.rss,
        shared_bytes=None,
    )


if sys.platform == "linux":
    import os

    _TICK = 1.0 / os.sysconf("SC_CLK_TCK")
    _PAGE = os.sysconf("SC_PAGE_SIZE")


def _linux_totals(pid: int, role: str) -> ProcessTotals:
    """Read /proc: a tenth of the cost, and switches of every thread, not of the first alone."""
    directory = Path(f"/proc/{pid}")
    # The name, in parentheses, may hold anything; what follows it is numbers.
    stat = (directory / "stat").read_bytes().rpartition(b")")[2].split()
    if stat[0] in (b"Z", b"X"):
        raise ValueError("it has ended")
    voluntary = involuntary = migrations = 0
    told = False
    for task in _tasks(directory, int(stat[17])):
        switches = _numbers(task / "status", (b"voluntary_ctxt_", b"nonvoluntary_ctxt_"))
        voluntary += switches[0] or 0
        involuntary += switches[1] or 0
        (moved,) = _numbers(task / "sched", (b"se.nr_migrations",))
        told = told or moved is not None
        migrations += moved or 0
    (shared,) = _numbers(directory / "status", (b"RssShmem",))
    return ProcessTotals(
        pid=pid,
        role=role,
        user_seconds=int(stat[11]) * _TICK,
        system_seconds=int(stat[12]) * _TICK,
        voluntary_switches=voluntary,
        involuntary_switches=involuntary,
        page_faults=int(stat[7]) + int(stat[9]),
        migrations=migrations if told else None,
        resident_bytes=int(stat[21]) * _PAGE,
        shared_bytes=None if shared is None else shared * 1024,
    )


def _tasks(directory: Path, threads: int) -> Iterable[Path]:
    return [directory] if threads == 1 else (directory / "task").iterdir()


def _numbers(path: Path, names: tuple[bytes, ...]) -> list[int | None]:
    """Return the number on the line that begins with each of ``names``, None without one."""
    try:
        text = b"\n" + path.read_bytes()
    except OSError:
        return [None] * len(names)
    found: list[int | None] = []
    for name in names:
        rest = text.partition(b"\n" + name)[2].partition(b"\n")[0].partition(b":")[2].split()
        found.append(int(rest[0]) if rest else None)
    return found


def _machine_totals() -> MachineTotals:
    times: Any = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guests are counted in user time already.
    counted = [name for name in times._fields if not name.startswith("guest")]
    total = sum(getattr(times, name) for name in counted)
    system = times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0)
    return MachineTotals(
        cores=psutil.cpu_count() or 1,
        busy_seconds=total - idle,
        system_seconds=system,
        stolen_seconds=getattr(times, "steal", 0.0),
        kernel_task_seconds=_kernel_task_seconds(),
    )


def _kernel_task_seconds() -> float | None:
    """Return the CPU time of macOS's kernel_task; only root may ask for it."""
    if sys.platform != "darwin":
        return None
    try:
        times = psutil.Process(0).cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)
