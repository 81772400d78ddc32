"""The plain progress line, on a terminal or in a log, and the words for every event.

On a terminal one line overwrites itself about four times a second; anywhere else one line is
written at the end of each progress interval.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, TextIO

from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.telemetry.events import (
    CheckpointBegun,
    CheckpointFailed,
    CheckpointSaved,
    Evaluated,
    Event,
    GameImporting,
    KernelsCompiling,
    KernelsReady,
    Noted,
    Progress,
    QualityMeasured,
    RankProgress,
    RunEnded,
    RunFailed,
    RunStarted,
    TableMeasured,
    Warned,
)
from cfr_shm.telemetry.metrics import finite
from cfr_shm.telemetry.plain_text import plain, plain_line

LEVELS = ("debug", "info", "warning", "error")

LIVE_INTERVAL_SECONDS = 0.25
EARLY_SECONDS = (5.0, 10.0)

_CLEAR_LINE = "\r\x1b[K"
_YELLOW, _PLAIN = "\x1b[33m", "\x1b[0m"


def due_times(interval: float) -> Iterator[float]:
    """Yield the seconds at which progress is due: every ``interval``, and early in a long one."""
    yield from (early for early in EARLY_SECONDS if early < interval)
    count = 0
    while True:
        count += 1
        yield count * interval


def progress_line(progress: Progress) -> str:
    """Return ``Iteration 10000 (45,210 iter/s) utility 0.0123 workers 8``."""
    left = [each for each in progress.ranks if not each.lost]
    workers = sum(each.workers for each in left) or progress.workers
    return (
        f"Iteration {progress.iterations} ({progress.iterations_per_second:,.0f} iter/s) "
        f"utility {progress.utility:.4f} workers {workers}"
    )


def ranks_text(progress: Progress) -> str:
    """Return ``, 8 ranks with 900 to 1,200 iter/s, 3 exchanges in 0.4 s``; nothing on one machine.

    It is for where there is one line in all; ``rank_lines`` has one for each.
    """
    if not progress.ranks:
        return ""
    left = [each for each in progress.ranks if not each.lost]
    lost = len(progress.ranks) - len(left)
    lost_text = f" and {lost} lost" if lost else ""
    return (
        f", {_count(len(left), 'rank')}{lost_text} with {rate_span(left)} iter/s, "
        f"{_exchanges(progress)}"
    )


def rate_span(ranks: Sequence[RankProgress]) -> str:
    """Return ``900 to 1,200``, the least and the largest rate of those that live."""
    rates = [each.iterations_per_second for each in ranks if not each.lost]
    if not rates:
        return "lost"
    least, largest = f"{min(rates):,.0f}", f"{max(rates):,.0f}"
    return least if least == largest else f"{least} to {largest}"


def rank_lines(progress: Progress) -> list[str]:
    """Return a line for each of several ranks, and one of their exchanges; none on one machine."""
    if not progress.ranks:
        return []
    lines = [
        f"rank {each.rank} on {each.host}: "
        f"{'lost' if each.lost else f'{each.iterations_per_second:,.0f} iter/s'}, "
        f"{each.iterations:,} iterations, {_count(each.workers, 'worker')}"
        for each in progress.ranks
    ]
    return [plain_line(each) for each in (*lines, _exchanges(progress))]


def _exchanges(progress: Progress) -> str:
    return f"{_count(progress.exchanges, 'exchange')} in {progress.exchange_seconds:.1f} s"


def describe(event: Event) -> tuple[str, str]:
    """Return the level and the words (one line, or a few at the end of a run) of an event.

    They are plain: whatever a name in them holds, it reaches no terminal.
    """
    level, text = _words(event)
    return level, (plain if isinstance(event, RunEnded | RunFailed) else plain_line)(text)


def _words(event: Event) -> tuple[str, str]:
    match event:
        case GameImporting(text) | KernelsCompiling(text):
            return "info", text
        case KernelsReady(seconds, compiled):
            words = f"compiled in {seconds:.1f} s" if compiled else f"loaded in {seconds:.2f} s"
            return ("info" if compiled else "debug"), f"kernels {words}"
        case RunStarted():
            return "info", _started(event)
        case Progress():
            return "info", progress_line(event)
        case CheckpointBegun(iterations, size):
            return "info", f"saving the checkpoint at iteration {iterations}, {_bytes(size)} ..."
        case CheckpointSaved(path, iterations, seconds):
            return "debug", f"checkpoint at iteration {iterations} in {seconds:.2f} s: {path}"
        case CheckpointFailed(reason, iterations):
            return "warning", f"checkpoint at iteration {iterations} failed: {reason}"
        case Evaluated(iterations, _, exploitability, _, unit, method):
            words = f"exploitability {exploitability:.6f} {unit} ({method})"
            return "debug", f"{words} at iteration {iterations}"
        case QualityMeasured(iterations):
            return "info", f"{quality_text(event)} at iteration {iterations}"
        case TableMeasured(iterations, _, whole):
            words = f"{whole.infosets_visited:,} of {whole.infosets:,} infosets visited"
            return "debug", f"{words} at iteration {iterations}"
        case Noted(text):
            return "info", text
        case Warned(text):
            return "warning", text
        case RunEnded():
            return "info", _ended(event)
        case RunFailed(text):
            return "error", text


def quality_text(event: QualityMeasured) -> str:
    """Return what responders win at least, with the interval."""
    who, what = f"a best response from the {event.method} on wins", "boards"
    if event.against is not None:
        return (
            f"quality: wins {event.value:.2f} {event.unit} of itself at {event.against} "
            f"(95 % CI {event.low:.2f} to {event.high:.2f}, {event.n:,} boards)"
        )
    if event.method == "exploiter":
        who, what = "a seat that learns to play against all others gains", "deals"
    return (
        f"quality: {who} {event.value:.1f} {event.unit} "
        f"(95 % CI {event.low:.1f} to {event.high:.1f}, {event.n:,} {what})"
    )


def _started(event: RunStarted) -> str:
    where = "in this process" if event.in_process else f"on {_count(event.workers, 'worker')}"
    if event.idle_cores:
        where += " (the game is too small for more to gain; --num-workers N takes N)"
    resumed = f", from iteration {event.iterations}" if event.iterations else ""
    return (
        f"training {event.game} {where}, table {_bytes(event.table_bytes)}{resumed}, "
        f"in {event.directory}"
    )


def _ended(event: RunEnded) -> str:
    lines = [
        f"{event.status}: {event.iterations:,} iterations of {event.game} in "
        f"{event.seconds:.1f} s of training",
        f"rate: {event.iterations_per_second:,.0f} iter/s, {event.nodes_per_second:,.0f} nodes/s, "
        f"{_count(event.workers, 'worker')}",
    ]
    if event.ended_by is not None and event.ended_by.startswith("run.stop"):
        lines.append(f"ended by {event.ended_by}")
    if event.exploitability is not None:
        lines.append(f"exploitability: {event.exploitability:.6f} {event.unit} ({event.method})")
    elif event.quality is not None:
        lines.append(f"{quality_text(event.quality)} (cfr-shm eval says more)")
    elif event.not_evaluated is not None:
        lines.append(f"exploitability: not computed: {event.not_evaluated}")
    if event.restarts:
        again = f"{event.replayed_iterations:,} iterations run again"
        lines.append(f"workers replaced: {event.restarts}, {again}")
    if event.pause_seconds:
        lines.append(
            f"checkpoints: {event.checkpoints}, training paused {event.pause_fraction:.2%} of the "
            f"time for them, {event.longest_pause_seconds * 1000:.0f} ms at most"
        )
    lines.append(f"run directory: {event.directory}")
    if event.status == "interrupted":
        lines.append(f"to go on: cfr-shm resume {event.directory}")
    return "\n".join(map(plain_line, lines))


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _bytes(count: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


class Listening(Protocol):
    """A display: it is called with every event, and closed when no more come."""

    def __call__(self, event: Event) -> None:
        """Show ``event``, if it is of interest here."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class Display:
    """Write events of at least ``level`` to a stream that a person reads, usually stderr.

    The result at the end of a run goes to ``results``, whatever the level. Colour only on a
    terminal, and none when ``NO_COLOR`` is set or ``TERM`` is ``dumb``.
    """

    name = "to the terminal"

    def __init__(
        self,
        stream: TextIO,
        level: str = "info",
        *,
        results: TextIO | None = None,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._results = results
        self._level = LEVELS.index(level)
        self._live = stream.isatty() and environment.get("TERM") != "dumb"
        self._colour = self._live and not environment.get("NO_COLOR")
        self._clock = clock
        self._next_live = clock()
        self._line_open = False

    def __call__(self, event: Event) -> None:
        """Show ``event``, if it is of interest here."""
        level, text = describe(event)
        if isinstance(event, RunFailed):
            self._write("", line_open=False)  # the command prints the error
            return
        if isinstance(event, RunEnded) and self._results is not None:
            self._write("", line_open=False)
            self._results.write(text + "\n")
            self._results.flush()
            return
        if LEVELS.index(level) < self._level:
            return
        if isinstance(event, Progress):
            self._progress(event, text)
            return
        if self._colour and level == "warning":
            text = f"{_YELLOW}{text}{_PLAIN}"
        self._write(text + "\n", line_open=False)

    def close(self) -> None:
        """Leave the line that overwrites itself."""
        if self._line_open:
            self._write("", line_open=False)

    def _progress(self, progress: Progress, text: str) -> None:
        if not self._live:
            if progress.due:
                self._write(f"{text}{ranks_text(progress)}\n", line_open=False)
            return
        if self._clock() < self._next_live:
            return
        self._next_live = self._clock() + LIVE_INTERVAL_SECONDS
        busy = sum(progress.busy_fraction) / max(1, len(progress.busy_fraction))
        text = f"{text} busy {busy:.1%} {progress.seconds:.0f} s"
        self._write(text[: self._columns() - 1], line_open=True)

    def _write(self, text: str, *, line_open: bool) -> None:
        clear = _CLEAR_LINE if self._line_open or line_open else ""
        self._stream.write(clear + text)
        self._stream.flush()
        self._line_open = line_open

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80


class LogFile:
    """Append events of at least ``level`` to ``log.txt``, each with its time.

    Owned by the run; holds the file open until ``close``. As ``text`` every line is stamped; as
    ``json`` an event is one object on one line.
    """

    name = "log.txt"

    def __init__(
        self, path: Path, level: str = "info", log_format: str = "text", disk: Disk = DISK
    ) -> None:
        self._file = disk.append(path)
        self._level = LEVELS.index(level)
        self._json = log_format == "json"

    def __call__(self, event: Event) -> None:
        """Write ``event``, unless it is a live update or of a lesser level."""
        level, text = describe(event)
        if LEVELS.index(level) < self._level or (isinstance(event, Progress) and not event.due):
            return
        stamp = datetime.now().astimezone().isoformat(timespec="milliseconds")
        if self._json:
            fields = {
                "time": stamp,
                "level": level,
                "event": type(event).__name__,
                "text": text,
                "data": dataclasses.asdict(event),
            }
            self._file.write(json.dumps(finite(fields), allow_nan=False) + "\n")
            text = ""
        elif isinstance(event, Progress):
            text = "\n".join((text, *rank_lines(event)))
        for line in text.splitlines():
            self._file.write(f"{stamp} {level} {line}\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; what could not be written is lost."""
        try:
            self._file.close()
        except OSError:
            return
