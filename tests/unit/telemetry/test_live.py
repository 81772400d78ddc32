"""The live display: what it shows, how seldom it draws, and when the plain one takes its place."""

from __future__ import annotations

import dataclasses
import io

import pytest

from cfr_shm.telemetry import live
from cfr_shm.telemetry.events import (
    CheckpointSaved,
    Evaluated,
    Progress,
    QualityMeasured,
    RankProgress,
    RunEnded,
    RunFailed,
    RunStarted,
    Warned,
)
from cfr_shm.telemetry.progress import Display

pytest.importorskip("rich")

from rich.console import Console

STARTED = RunStarted("leduc", "runs/x", 2, False, 8448, 0, 20_000, 60.0)
PROGRESS = Progress(
    due=False,
    iterations=5_000,
    nodes=1,
    seconds=6.0,
    iterations_per_second=1000.0,
    nodes_per_second=7e4,
    utility=-0.0858,
    workers=2,
    busy_fraction=(0.999, 0.5),
    user_cpu_seconds=1.0,
    system_cpu_seconds=0.0,
    system_cpu_fraction=0.004,
    voluntary_context_switches=0,
    involuntary_context_switches=0,
    batch_iterations=(1024, 2048),
)
ENDED = RunEnded("finished", "leduc", "runs/x", 1, 1.0, 1.0, 1.0, 2, 0.0, None, None, None)


def evaluated(value: float) -> Evaluated:
    return Evaluated(1, 1.0, value, 2 * value, "chips", "exact")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def screen():
    clock = Clock()
    console = Console(
        file=io.StringIO(), force_terminal=True, width=100, highlight=False, color_system=None
    )
    results = io.StringIO()
    display = live.LiveDisplay(console.file, results=results, clock=clock, console=console)
    yield display, console.file, clock, results
    display.close()


def test_everything_that_a_user_watches_is_there(screen):
    display, shown, clock, _ = screen
    for event in (STARTED, evaluated(0.3), evaluated(0.2), CheckpointSaved("x", 1, 0.1)):
        display(event)
    clock.now += 12
    display(PROGRESS)
    text = shown.getvalue()
    for part in (
        "iteration 5,000 of 20,000",
        "25%",
        "ETA 0:00:15",
        "1,000 iter/s",
        "70,000 nodes/s",
        "exploitability 0.200000 chips, falling (0.300000 before)",
        "checkpoint 12 s ago",
        "99.9%",
        "2,048",
    ):
        assert part in text


def test_the_newest_point_of_the_quality_curve_is_there(screen):
    display, shown, _, _ = screen
    display(STARTED)
    for value in (500.0, 391.8):
        display(QualityMeasured(4_000, 2.0, "river", "mbb", value, 355.2, 428.4, 40, "4000"))
    display(PROGRESS)
    assert "river response 391.8 mbb (355.2 to 428.4) at iteration 4,000" in shown.getvalue()


def test_replaced_workers_have_a_column_once_there_are_any(screen):
    display, shown, clock, _ = screen
    display(PROGRESS)
    assert "replaced" not in shown.getvalue()
    clock.now += 12
    display(dataclasses.replace(PROGRESS, restarts=7, worker_restarts=(0, 7)))
    lines = [line.split() for line in shown.getvalue().splitlines()]
    assert ["worker", "busy", "batch", "replaced"] in lines
    assert ["1", "50.0%", "2,048", "7"] in lines


def test_the_nearer_bound_counts():
    picture = live.Picture(Clock())
    picture.take(STARTED)
    picture.take(dataclasses.replace(PROGRESS, seconds=55.0))
    assert picture.remaining_seconds() == 5.0
    assert picture.fraction() == pytest.approx(55 / 60)
    endless = live.Picture(Clock())
    endless.take(dataclasses.replace(STARTED, target_iterations=None, time_budget=None))
    endless.take(PROGRESS)
    assert endless.remaining_seconds() is None
    assert endless.fraction() is None


def test_it_draws_seldom(screen, monkeypatch):
    display, _, clock, _ = screen
    drawn = []
    monkeypatch.setattr(live.Picture, "render", lambda self: drawn.append(1) or "")
    for _ in range(100):
        clock.now += 0.01
        display(PROGRESS)
    assert 1 <= len(drawn) <= 3


def test_a_costly_picture_is_drawn_less_often(screen, monkeypatch):
    display, _, clock, _ = screen
    spent = iter([0.0, 0.3, 0.4])
    monkeypatch.setattr(live.time, "thread_time", lambda: next(spent))
    display(PROGRESS)  # loads what there is to load, and is not counted
    assert display._next == pytest.approx(clock.now + live.LEAST_SECONDS)
    clock.now = display._next
    display(PROGRESS)
    assert display._next == pytest.approx(clock.now + 0.1 / live.COST_LIMIT)


def test_other_events_are_said_above_and_the_result_comes_last(screen):
    display, shown, _, results = screen
    display(PROGRESS)
    display(Warned("look [here]"))
    assert "look [here]" in shown.getvalue()
    display(ENDED)
    assert results.getvalue().startswith("finished: 1 iterations of leduc")
    length = len(shown.getvalue())
    display.close()
    assert len(shown.getvalue()) == length


def test_a_failed_run_closes_the_display(screen):
    display, shown, _, _ = screen
    display(PROGRESS)
    display(RunFailed("worker 0 died"))
    assert "worker 0 died" not in shown.getvalue()
    assert display._live is None


def test_the_cursor_is_never_left_hidden(screen):
    display, shown, _, _ = screen
    display(PROGRESS)
    text = shown.getvalue()
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")


def test_quiet_levels_draw_nothing():
    stream = Terminal()
    display = live.LiveDisplay(stream, "warning")
    display(PROGRESS)
    assert stream.getvalue() == ""


def test_the_plain_display_takes_its_place(monkeypatch):
    assert isinstance(live.choose_display(Terminal(), "info", environment={}), live.LiveDisplay)
    assert isinstance(live.choose_display(io.StringIO(), "info", environment={}), Display)
    dumb = live.choose_display(Terminal(), "info", environment={"TERM": "dumb"})
    assert isinstance(dumb, Display)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(live.choose_display(Terminal(), "info", environment={}), Display)


def ranked(count, **changes):
    """Return the progress of so many ranks, the later the faster."""
    ranks = [RankProgress(n, f"node{n}", 64, 5_000 + n, 1000.0 + 10 * n) for n in range(count)]
    for rank, change in changes.items():
        number = int(rank.removeprefix("rank"))
        ranks[number] = dataclasses.replace(ranks[number], **change)
    return dataclasses.replace(PROGRESS, ranks=tuple(ranks), exchanges=12, exchange_seconds=3.25)


def rows(drawn):
    """Return the cells of the rows of ranks, as they were drawn last."""
    lines = drawn.splitlines()
    head = max(n for n, line in enumerate(lines) if line.split()[:1] == ["rank"])
    end = next(n for n, line in enumerate(lines) if n > head and "exchanges in" in line)
    return [line.split() for line in lines[head + 1 : end]]


@pytest.mark.parametrize("count", [2, 4, 16])
def test_ranks_have_a_row_each(screen, count):
    display, shown, _, _ = screen
    display(STARTED)
    display(ranked(count))
    assert rows(shown.getvalue()) == [
        [f"{n}", f"node{n}", "64", f"{1000 + 10 * n:,}", f"{5000 + n:,}"] for n in range(count)
    ]
    assert "12 exchanges in 3.2 s" in shown.getvalue()
    assert "batch" not in shown.getvalue()


def test_of_more_ranks_the_slowest_and_the_fastest_have_rows(screen):
    display, shown, _, _ = screen
    display(STARTED)
    display(ranked(64, rank20={"lost": True}, rank30={"iterations_per_second": 3.0}))
    drawn = rows(shown.getvalue())
    assert [each[0] for each in drawn[:-1]] == [
        *map(str, range(6)), "20", "30", *map(str, range(56, 64)),
    ]  # fmt: skip
    assert drawn[6][3] == "lost"
    others = sum(5000 + n for n in range(6, 56) if n not in (20, 30))
    assert drawn[-1] == [
        "more",
        "48",
        "others",
        f"{48 * 64}",
        "1,060",
        "to",
        "1,550",
        f"{others:,}",
    ]
    assert len(shown.getvalue().splitlines()) <= 24


def test_rows_of_ranks_fit_a_narrow_terminal(screen):
    display, shown, _, _ = screen
    display._console.width = 80
    display(STARTED)
    long = {"host": "ip-10-0-12-34.eu-central-1.compute.internal", "iterations": 10**12}
    display(ranked(4, rank2=long))
    drawn = rows(shown.getvalue())
    assert [each[0] for each in drawn] == ["0", "1", "2", "3"]
    assert drawn[2][1].startswith("ip-10-0-12-34.eu-")
    assert drawn[2][-1] == f"{10**12:,}"
    table = shown.getvalue().partition("rank ")[2]
    assert all(len(line) <= 80 for line in table.splitlines())


def test_a_rank_that_died_has_its_row_still(screen):
    display, shown, _, _ = screen
    ranks = [RankProgress(0, "here", 64, 5_000, 1234.5), RankProgress(1, "there", 64, 7, 0.0, True)]
    display(STARTED)
    display(dataclasses.replace(PROGRESS, ranks=tuple(ranks), exchanges=1, exchange_seconds=1.0))
    row = next(line for line in shown.getvalue().splitlines() if "there" in line)
    assert "lost" in row
