"""Run both sides of every incident and compare them.

Each side is a process of its own, with a time limit. Only processes that were started here are
ended, and all of them are.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from cfr_shm.bench.incidents.sides import BEGIN_MARK, END_MARK
from cfr_shm.errors import CfrShmError

Figures = dict[str, Any]

#: Starting processes and importing, on a busy machine.
START_SECONDS = 300.0

#: How long the side that must hang is given.
HANG_SECONDS = 5.0


@dataclass(frozen=True)
class Comparison:
    """One row of the table. ``met`` is None where nothing was promised."""

    incident: str
    figure: str
    old: str
    new: str
    ratio: float | None
    wanted: str
    met: bool | None


@dataclass(frozen=True)
class Replay:
    """All rows, and the busy workers over time of both sides of the second incident."""

    comparisons: tuple[Comparison, ...]
    old_trace: tuple[tuple[float, float], ...]
    new_trace: tuple[tuple[float, float], ...]
    trace_workers: int

    @property
    def all_met(self) -> bool:
        """Whether everything that was promised holds."""
        return all(row.met is not False for row in self.comparisons)

    def as_dict(self) -> dict[str, Any]:
        """Return the document that ``--json`` prints."""
        return {"all_met": self.all_met, **asdict(self)}


def replay(seconds: float, say: Callable[[str], None]) -> Replay:
    """Replay the five incidents; about ten times ``seconds`` in all.

    Args:
        seconds: that each side is measured for.
        say: is told what is being run.

    Raises:
        CfrShmError: a side that should end did not, or failed.
    """
    say("D1: results through a queue, joined before it is drained ...")
    rows = _deadlock(seconds)
    say("D2: a coordinator that sleeps for a second ...")
    sawtooth = run_side("old-sawtooth", 2, seconds)
    overlapped = run_side("new-overlapped", 2, seconds)
    rows += _sawtooth(sawtooth, overlapped)
    say("D3: 8 workers, polled every 10 ms ...")
    rows += _short_polls(
        run_side("old-short-polls", 8, seconds), run_side("new-quiet-waits", 8, seconds)
    )
    say("D4: 8 idle workers that wake up every 100 ms ...")
    rows += _idle_polls(run_side("old-idle-polls", 8, seconds), run_side("new-blocked", 8, seconds))
    say("D5: a drain without limit ...")
    rows += _endless_drain(seconds)
    return Replay(tuple(rows), _trace(sawtooth), _trace(overlapped), 2)


def _deadlock(seconds: float) -> list[Comparison]:
    hung = run_side("old-join-before-drain", 2, seconds, HANG_SECONDS, may_hang=True)
    drained = run_side("old-drain-before-join", 2, seconds)
    new = run_side("new-messages", 2, seconds)
    old_bytes, new_bytes = drained["bytes_per_batch"], new["bytes_per_batch"]
    ended = f"hangs (ended after {HANG_SECONDS:g} s)" if hung is None else "ends"
    ours = f"ends, joined in {new['join_seconds']:.2f} s"
    late = f"ends in {drained['wall_seconds']:.1f} s"
    ratio = old_bytes / new_bytes
    sizes = (f"{old_bytes:,}", f"{new_bytes:,}")
    return [
        Comparison("D1", "joined before drained", ended, ours, None, "no hang", hung is None),
        Comparison("D1", "drained in time", late, ours, None, "", None),
        Comparison("D1", "bytes per batch", *sizes, ratio, ">= 1,000 x fewer", ratio >= 1000),
    ]


def _sawtooth(old: Figures, new: Figures) -> list[Comparison]:
    least = min(new["busy"])
    before, now = statistics.fmean(old["busy"]), statistics.fmean(new["busy"])
    busy = (f"{before:.1%}", f"{now:.1%}")
    return [Comparison("D2", "busy fraction", *busy, now / before, ">= 99 %", least >= 0.99)]


def _short_polls(old: Figures, new: Figures) -> list[Comparison]:
    polls = [side["polls"] / side["seconds"] for side in (old, new)]
    return [
        _fewer("D3", "polls/s, 8 workers", polls[0], polls[1]),
        _fewer("D3", "coordinator's switches/s", old["main_switches"], new["main_switches"]),
    ]


def _idle_polls(old: Figures, new: Figures) -> list[Comparison]:
    before, now = old["children_switches"], new["children_switches"]
    return [_fewer("D4", "wake-ups/s, 8 idle workers", before, now, "0/s", now < 0.5)]


def _endless_drain(seconds: float) -> list[Comparison]:
    old, new = run_side("old-endless-drain", 4, seconds), run_side("new-bounded-drain", 4, seconds)
    polls = [side["polls"] / side["batches"] for side in (old, new)]
    met = polls[0] >= 25 * polls[1]
    rows = [_fewer("D5", "polls per batch", polls[0], polls[1], ">= 25 x fewer", met)]
    switches = [s["main_switches"] * s["seconds"] / s["batches"] for s in (old, new)]
    rows.append(_fewer("D5", "coordinator's switches per batch", switches[0], switches[1]))
    system = [100 * side["main_system"] for side in (old, new)]
    rows.append(_fewer("D5", "coordinator's system CPU, % of a core", system[0], system[1]))
    # A trace slows the processes down, so that the figures above are taken without.
    old_calls = calls_per_batch("old-endless-drain", 4, seconds)
    new_calls = calls_per_batch("new-bounded-drain", 4, seconds)
    if old_calls is not None and new_calls is not None:
        rows.append(_fewer("D5", "coordinator's system calls per batch", old_calls, new_calls))
    return rows


def _fewer(
    incident: str,
    figure: str,
    old: float,
    new: float,
    wanted: str = "",
    met: bool | None = None,
) -> Comparison:
    ratio = old / new if new > 0 else None
    return Comparison(incident, figure, f"{old:,.1f}", f"{new:,.1f}", ratio, wanted, met)


def _trace(figures: Figures) -> tuple[tuple[float, float], ...]:
    return tuple((float(at), float(cores)) for at, cores in figures["trace"])


# --- processes ---------------------------------------------------------------------------


def run_side(
    name: str,
    workers: int,
    seconds: float,
    limit: float | None = None,
    *,
    may_hang: bool = False,
    prefix: Sequence[str] = (),
) -> Any:
    """Run one side in a process of its own and return its figures; None: it hung.

    Args:
        name: a key of ``sides.SIDES``.
        workers: of that side.
        seconds: that it measures for.
        limit: seconds until it is ended with all its children, None for plenty.
        may_hang: hanging is a result, not an error.
        prefix: of the command, a tracer for example.

    Raises:
        CfrShmError: it failed, or did not end in time.
    """
    module = "cfr_shm.bench.incidents.sides"
    command = [*prefix, sys.executable, "-m", module, name, str(workers), str(seconds)]
    limit = 3 * seconds + START_SECONDS if limit is None else limit
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            end_tree(process.pid)
            process.communicate()
            if may_hang:
                return None
            raise CfrShmError(
                f"{name} did not end within {limit:g} s; was the machine asleep?"
            ) from None
        except BaseException:
            end_tree(process.pid)
            raise
        if process.returncode != 0:
            errors.seek(0)
            lines = errors.read().strip().splitlines() or ["it said nothing"]
            raise CfrShmError(f"{name} ended with status {process.returncode}: {lines[-1]}")
    return json.loads(output)


def calls_per_batch(name: str, workers: int, seconds: float) -> float | None:
    """Run one side under strace; return the system calls of its main thread for each batch.

    None: there is no strace here, or it may not trace.
    """
    strace = shutil.which("strace")
    if strace is None:
        return None
    with tempfile.TemporaryDirectory(prefix="cfr-shm-strace-") as directory:
        path = Path(directory) / "calls"
        try:
            figures = run_side(name, workers, seconds, prefix=(strace, "-o", str(path)))
            calls = count_calls(path.read_text(errors="replace"))
        except (CfrShmError, OSError):
            return None
    return None if calls is None else calls / max(1, figures["batches"])


def count_calls(trace: str) -> int | None:
    """Return the system calls between the two marks of a trace, None if they are not there."""
    _, begin, rest = trace.partition(BEGIN_MARK)
    measured, end, _ = rest.partition(END_MARK)
    # The rest of the first mark's line and the beginning of the second's are no calls.
    return measured.count("\n") - 1 if begin and end else None


def end_tree(pid: int) -> None:
    """Kill a process that we started and all its descendants, and wait until they are gone.

    Python's resource trackers are spared: they end by themselves, once they have removed the
    semaphores that the killed ones left behind.
    """
    try:
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    except psutil.Error:
        return
    trackers = [each for each in family if _is_tracker(each)]
    for process in family:
        if process not in trackers:
            with contextlib.suppress(psutil.Error):
                process.kill()
    psutil.wait_procs(trackers, timeout=5.0)


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.Error:
        return False
