"""The live display of a training, on a terminal with rich installed (extra ``rich``).

::

    leduc  iteration 9,285,632 of 20,000,000  ━━━━━━━━━━━╸━━━━━━━━━━━  46 %  ETA 0:00:17
    3,428,149 iter/s  124,782,001 nodes/s  utility -0.0858  system CPU 0.4 %
    exploitability 0.001412 chips, falling (0.002210 before)  checkpoint 12 s ago
    worker   busy     batch
         0   99.9 %   1,720,320
         1   99.8 %   1,714,176

It is drawn by whoever brings an event, never by a thread of its own, and so seldom that it
takes at most ``COST_LIMIT`` of a core.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TextIO

from cfr_shm.telemetry.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Progress,
    QualityMeasured,
    RankProgress,
    RunEnded,
    RunFailed,
    RunStarted,
)
from cfr_shm.telemetry.plain_text import plain_line
from cfr_shm.telemetry.progress import (
    LEVELS,
    Display,
    Listening,
    describe,
    rank_lines,
    rate_span,
)

COST_LIMIT = 0.004
LEAST_SECONDS = 0.5

#: More workers, or ranks, than this are summed up; of ranks, those between slowest and fastest.
MOST_ROWS = 16

#: Of the names of hosts: with more, rows of 80 columns would break into two.
_HOST_LETTERS = 24


def choose_display(
    stream: TextIO,
    level: str,
    *,
    results: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Listening:
    """Return the live display on a terminal with rich, else the plain one."""
    live = stream.isatty() and environment.get("TERM") != "dumb"
    if live and importlib.util.find_spec("rich") is not None:
        return LiveDisplay(stream, level, results=results)
    return Display(stream, level, results=results, environment=environment)


class LiveDisplay:
    """Shows a training in a few lines that are drawn over and over, other events above them.

    Owned by the command, which closes it; also the end of the run does.

    Args:
        stream: a terminal, usually stderr.
        level: events of less severity are not shown.
        results: gets the result at the end of the run, whatever the level.
        clock: monotonic clock.
        console: rich's, for tests.
    """

    name = "to the terminal"

    def __init__(
        self,
        stream: TextIO,
        level: str = "info",
        *,
        results: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        console: Any = None,
    ) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False) if console is None else console
        self._results = results
        self._level = LEVELS.index(level)
        self._clock = clock
        self._live: Any = None
        self._next = 0.0
        self._picture = Picture(clock)

    def __call__(self, event: Event) -> None:
        """Take in ``event``; draw it, or say it above what is drawn."""
        self._picture.take(event)
        level, text = describe(event)
        if isinstance(event, Progress):
            if self._level <= LEVELS.index("info"):
                self._draw()
        elif isinstance(event, RunFailed):
            self.close()  # the command prints the error
        elif isinstance(event, RunEnded) and self._results is not None:
            self.close()
            self._results.write(text + "\n")
            self._results.flush()
        elif LEVELS.index(level) >= self._level:
            style = "yellow" if level == "warning" else None
            self._console.print(text, style=style, markup=False)

    def close(self) -> None:
        """Draw no more; what was drawn last stays."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _draw(self) -> None:
        if self._clock() < self._next:
            return
        first = self._live is None
        if first:
            from rich.live import Live

            self._live = Live(
                console=self._console,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            # A second Ctrl-C leaves at once, and must not leave without a cursor.
            self._console.show_cursor(True)
        began = time.thread_time()
        self._live.update(self._picture.render(), refresh=True)
        # The first loads what all of them need: by its cost there would be no second for a minute.
        cost = 0.0 if first else time.thread_time() - began
        self._next = self._clock() + max(LEAST_SECONDS, cost / COST_LIMIT)


class Picture:
    """What is known of the run, and how it looks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started: RunStarted | None = None
        self._progress: Progress | None = None
        self._evaluations: list[Evaluated] = []
        self._point: QualityMeasured | None = None
        self._saved_at: float | None = None

    def take(self, event: Event) -> None:
        """Remember what will be shown."""
        match event:
            case RunStarted():
                self._started = event
            case Progress():
                self._progress = event
            case Evaluated():
                self._evaluations = [*self._evaluations[-1:], event]
            case QualityMeasured():
                self._point = event
            case CheckpointSaved():
                self._saved_at = self._clock()

    def render(self) -> Any:
        """Return the lines, for rich to draw."""
        from rich.console import Group
        from rich.text import Text

        progress = self._progress
        if progress is None:
            return ""
        rates = (
            f"{progress.iterations_per_second:,.0f} iter/s  "
            f"{progress.nodes_per_second:,.0f} nodes/s  utility {progress.utility:.4f}  "
            f"system CPU {progress.system_cpu_fraction:.1%}"
        )
        parts: list[Any] = [self._bar(progress), rates, Text(plain_line(self._quality_line()))]
        if progress.ranks:
            parts += [_ranks(progress), Text(rank_lines(progress)[-1])]
        elif len(progress.busy_fraction) > 1:
            parts.append(_workers(progress))
        else:
            parts.append(f"busy {sum(progress.busy_fraction):.1%}")
            if progress.restarts:
                parts.append(f"worker replaced: {progress.restarts}")
        return Group(*parts)

    def fraction(self) -> float | None:
        """Return how much of the budget is used, None without one."""
        started, progress = self._started, self._progress
        if started is None or progress is None:
            return None
        shares = []
        if started.target_iterations:
            shares.append(progress.iterations / started.target_iterations)
        if started.time_budget:
            shares.append(progress.seconds / started.time_budget)
        return min(1.0, max(shares)) if shares else None

    def remaining_seconds(self) -> float | None:
        """Return the time to whichever bound comes first, None without one."""
        started, progress = self._started, self._progress
        if started is None or progress is None:
            return None
        times = []
        if started.target_iterations and progress.iterations_per_second > 0:
            left = started.target_iterations - progress.iterations
            times.append(left / progress.iterations_per_second)
        if started.time_budget:
            times.append(started.time_budget - progress.seconds)
        return max(0.0, min(times)) if times else None

    def trend(self) -> str:
        """Return what became of exploitability since the evaluation before."""
        if len(self._evaluations) < 2:
            return ""
        before, now = (each.exploitability for each in self._evaluations)
        word = "falling" if now < before else "rising" if now > before else "unchanged"
        return f", {word} ({before:.6f} before)"

    def _bar(self, progress: Progress) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        started = self._started
        target = started.target_iterations if started else None
        of = f" of {target:,}" if target else ""
        name = started.game if started else "training"
        fraction, left = self.fraction(), self.remaining_seconds()
        line = Table.grid(padding=(0, 2))
        # As Text, since rich takes a name with brackets for markup.
        cells: list[Any] = [Text(plain_line(f"{name}  iteration {progress.iterations:,}{of}"))]
        if fraction is not None:
            cells += [ProgressBar(total=1.0, completed=fraction, width=24), f"{fraction:.0%}"]
        if left is not None:
            cells.append(f"ETA {timedelta(seconds=round(left))}")
        else:
            cells.append(f"{timedelta(seconds=round(progress.seconds))} so far")
        line.add_row(*cells)
        return line

    def _quality_line(self) -> str:
        parts = []
        if self._evaluations:
            last = self._evaluations[-1]
            parts.append(f"exploitability {last.exploitability:.6f} {last.unit}{self.trend()}")
        if self._point is not None:
            point = self._point
            what = "match" if point.against is not None else f"{point.method} response"
            parts.append(
                f"{what} {point.value:.1f} {point.unit} ({point.low:.1f} to "
                f"{point.high:.1f}) at iteration {point.iterations:,}"
            )
        if self._saved_at is None:
            parts.append("no checkpoint yet")
        else:
            parts.append(f"checkpoint {self._clock() - self._saved_at:.0f} s ago")
        return "  ".join(parts)


def _ranks(progress: Progress) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2), pad_edge=False)
    for name in ("rank", "host", "workers", "iter/s", "iterations"):
        table.add_column(name, justify="left" if name == "host" else "right")
    shown = _worth_a_row(progress.ranks)
    for each in shown:
        table.add_row(
            str(each.rank),
            Text(_short(plain_line(each.host))),
            str(each.workers),
            "lost" if each.lost else f"{each.iterations_per_second:,.0f}",
            f"{each.iterations:,}",
        )
    if rest := [each for each in progress.ranks if each not in shown]:
        workers, done = (sum(each.workers for each in rest), sum(each.iterations for each in rest))
        table.add_row("more", f"{len(rest)} others", f"{workers}", rate_span(rest), f"{done:,}")
    return table


def _short(host: str) -> str:
    """Return a host's name, cut so that its row fits 80 columns."""
    return host if len(host) <= _HOST_LETTERS else host[: _HOST_LETTERS - 1] + "…"


def _worth_a_row(ranks: Sequence[RankProgress]) -> list[RankProgress]:
    """Return the ranks that have a row of their own: all, or the lost, the slowest and the fastest.

    In the order of their numbers.
    """
    if len(ranks) <= MOST_ROWS:
        return list(ranks)
    lost = [each for each in ranks if each.lost][-MOST_ROWS // 4 :]
    by_rate = sorted(
        (each for each in ranks if not each.lost), key=lambda each: each.iterations_per_second
    )
    slowest = (MOST_ROWS - len(lost)) // 2
    fastest = MOST_ROWS - len(lost) - slowest
    shown = [*lost, *by_rate[:slowest], *by_rate[slowest:][-fastest:]]
    return sorted(shown, key=lambda each: each.rank)


def _workers(progress: Progress) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), pad_edge=False)
    replaced = progress.worker_restarts if progress.restarts else ()
    for name in ("worker", "busy", "batch", *(["replaced"] if replaced else [])):
        table.add_column(name, justify="right")
    rows = list(enumerate(progress.busy_fraction))
    for worker, busy in rows[:MOST_ROWS]:
        batch = progress.batch_iterations[worker : worker + 1]
        cells = [str(worker), f"{busy:.1%}", f"{batch[0]:,}" if batch else ""]
        table.add_row(*cells, *map(str, replaced[worker : worker + 1]))
    if rest := [busy for _, busy in rows[MOST_ROWS:]]:
        others = [str(sum(replaced[MOST_ROWS:]))] if replaced else []
        table.add_row(f"{len(rest)} more", f"{min(rest):.1%} at least", "", *others)
    return table
