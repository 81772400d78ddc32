"""The viewer as people feel it: its start, the first page, clicks, and its share of a core.

``pytest benchmarks/bench_viewer.py --benchmark-only``

What happens in a browser is measured in the machine's Chromium where the extra ``browser-tests`` is
installed (``CFR_SHM_CHROMIUM`` names one that is not found); the rest needs the extra ``viewer``.
Times of the clock: on a machine that others use they say little.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.conftest import ROUNDS, Scoreboard

COMMAND = [sys.executable, "-m", "cfr_shm"]

#: Of the run that is looked at.
TRAINED_SECONDS = 15

#: Requests each second beside a training, and for how long.
RATE, ASKED_SECONDS = 50, 10

#: A click's time: from the click to the frame that shows the new square.
CLICK = """act => new Promise((done) => {
  const page = document.getElementById("page"), before = page.querySelector(".matrix");
  const observer = new MutationObserver(() => {
    const now = page.querySelector(".matrix");
    if (!now || now === before || page.getAttribute("aria-busy") !== "false") return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
  });
  observer.observe(page, { childList: true, subtree: true, attributes: true });
  const start = performance.now();
  if (act.length > 1) page.querySelector(act).click();
  else document.dispatchEvent(new KeyboardEvent("keydown", { key: act }));
})"""

needs_browser = pytest.mark.skipif(
    importlib.util.find_spec("playwright") is None, reason="no extra browser-tests: no browser"
)


class Viewer(NamedTuple):
    """A viewer that was started."""

    process: subprocess.Popen[str]
    url: str
    ready_seconds: float

    def cpu_seconds(self) -> float:
        """Return the CPU time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connected(self) -> http.client.HTTPConnection:
        """Return a connection, kept open as browsers keep theirs."""
        return http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)


def place(connection: http.client.HTTPConnection, **asked: str) -> bytes:
    """Ask for a place of the run."""
    connection.request("GET", f"/api/runs/standard/place?{urllib.parse.urlencode(asked)}")
    answer = connection.getresponse()
    found = answer.read()
    assert answer.status == 200, found
    return found


@contextlib.contextmanager
def viewing(run: Path) -> Iterator[Viewer]:
    """Start a viewer, end it with Ctrl-C."""
    start = time.monotonic()
    command = [*COMMAND, "view", str(run), "--port", "0", "--no-browser"]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **quiet) as process:  # type: ignore[call-overload]
        try:
            url = process.stdout.readline().strip()
            yield Viewer(process, url, time.monotonic() - start)
        finally:
            process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ``hu_standard``."""
    run = tmp_path_factory.mktemp("viewed") / "standard"
    command = ["train", "-c", "hu_standard", "--time-budget", str(TRAINED_SECONDS)]
    command += ["--num-workers", "1", "--logdir", str(run), "--loglevel", "warning"]
    subprocess.run([*COMMAND, *command, "--set", "run.quality=off"], check=True)
    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The machine's Chromium."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CFR_SHM_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_start_and_first_place(benchmark, scoreboard: Scoreboard, standard: Path) -> None:
    """The server's start, and the first place as a program asks for it."""
    ready, first = [], []

    def started() -> None:
        with viewing(standard) as viewer:
            ready.append(viewer.ready_seconds)
            start = time.monotonic()
            place(viewer.connected())
            first.append(time.monotonic() - start)

    benchmark.pedantic(started, rounds=ROUNDS, warmup_rounds=1, iterations=1)
    scoreboard.at_most("viewer: the server is ready", statistics.median(ready[1:]), 1.5, "s")
    scoreboard.at_most("viewer: then the first place", statistics.median(first[1:]), 1, "s")


@needs_browser
def test_page_ready(benchmark, scoreboard: Scoreboard, standard: Path, browser) -> None:
    """From the printed address to the first square, in a browser that is open."""
    taken = []

    def opened() -> None:
        with viewing(standard) as viewer:
            start = time.monotonic()
            page = browser.new_page()
            page.goto(viewer.url)
            page.wait_for_selector("#page[aria-busy=false] .matrix")
            taken.append(time.monotonic() - start)
            page.close()

    benchmark.pedantic(opened, rounds=ROUNDS, warmup_rounds=1, iterations=1)
    scoreboard.at_most("viewer: page ready after the server", statistics.median(taken[1:]), 1, "s")


@needs_browser
def test_clicks(benchmark, scoreboard: Scoreboard, standard: Path, browser) -> None:
    """From a click, or a key, to the frame that shows the new square."""
    with viewing(standard) as viewer:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{viewer.url}#line=b2.5bb+c+/+x&board=7c8cTd")
        page.wait_for_selector("#page[aria-busy=false] .matrix")
        back = '.strip [aria-label="go back to BB, Flop"]'
        on = ".step.now [data-token=x]"
        known = [page.evaluate(CLICK, each) for _ in range(10) for each in (back, on)]
        flops = [page.evaluate(CLICK, ".") for _ in range(20)]
        page.close()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{viewer.url}#line=b2.5bb+c+/+x+x+/+x+x&board=7c8cTd2h3h")
        page.wait_for_selector("#page[aria-busy=false] .matrix")
        rivers = [page.evaluate(CLICK, ".") for _ in range(20)]
        benchmark.pedantic(page.evaluate, args=(CLICK, "."), rounds=ROUNDS, iterations=1)
        page.close()
    scoreboard.at_most("viewer: a click", statistics.median(known), 100, "ms")
    scoreboard.at_most("viewer: a flop never looked at", statistics.median(flops), 300, "ms")
    scoreboard.at_most("viewer: a river never looked at", statistics.median(rivers), 300, "ms")
    scoreboard.note("viewer: the slowest of these", max(known + flops + rivers), "ms")


def test_share_of_a_core_beside_a_training(
    benchmark, scoreboard: Scoreboard, standard: Path, tmp_path: Path
) -> None:
    """CPU time of the server while a training runs and places are asked for, known and new."""
    command = ["train", "-c", "hu_small", "--num-workers", "1", "--time-budget", "600"]
    command += ["--logdir", str(tmp_path / "beside"), "--loglevel", "warning"]
    with viewing(standard) as viewer, subprocess.Popen([*COMMAND, *command]) as training:
        try:
            _wait_for_training(tmp_path / "beside")
            known = benchmark.pedantic(_asked_steadily, args=(viewer, _known), rounds=1)
            apart = _asked_steadily(viewer, _known, kept=False)
            new = _asked_steadily(viewer, _new)
        finally:
            training.send_signal(signal.SIGINT)
    scoreboard.at_most(f"viewer: {RATE} places a second, known", 100 * known, 5, "% of a core")
    share = f"viewer: {RATE} places a second, each on a new connection"
    scoreboard.at_most(share, 100 * apart, 5, "% of a core")
    scoreboard.note(f"viewer: {RATE} boards a second never looked at", 100 * new, "% of a core")


def _known(number: int) -> dict[str, str]:
    return {"line": ("b2.5bb", "b2.5bb c / x")[number % 2], "board": "7c8cTd"}


def _new(number: int) -> dict[str, str]:
    cards = [rank + suit for rank in "23456789TJQKA" for suit in "hs"]
    one, two = divmod(number, len(cards))
    board = f"7c8cTd{cards[one % len(cards)]}{cards[two]}"
    return {"line": "b2.5bb c / x x / x x", "board": board} if one != two else _known(0)


def _asked_steadily(viewer: Viewer, asked: Any, kept: bool = True) -> float:
    """Ask at a steady rate; return the server's CPU time as a part of the time."""
    connection = viewer.connected()
    place(connection, **asked(0))
    used, start = viewer.cpu_seconds(), time.monotonic()
    for number in range(RATE * ASKED_SECONDS):
        if not kept:
            connection.close()
            connection = viewer.connected()
        place(connection, **asked(number))
        time.sleep(max(start + (number + 1) / RATE - time.monotonic(), 0.0))
    return (viewer.cpu_seconds() - used) / (time.monotonic() - start)


def _wait_for_training(run: Path) -> None:
    metrics = run / "metrics.jsonl"
    for _ in range(600):
        if metrics.exists() and re.search('"kind": ?"interval"', metrics.read_text()):
            return
        time.sleep(0.1)
    raise AssertionError("the training does not begin")
