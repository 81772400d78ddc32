"""A training whose run is looked at all the time goes on as if nobody did."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
from viewed_games import ROYAL
from viewed_pages import viewing

from cfr_shm.cli.main import main

LOOKED_AT = (
    ("place", {}),
    ("place", {"line": "c x / x", "board": "TcJdQh"}),
    ("place", {"line": "c x / x x / x", "board": "TcJdQhKs"}),
    ("range", {"line": "c"}),
    ("curves", {}),
)


def begun(path):
    """Begin a run whose result is the same to the bit however often it is trained."""
    (path.parent / "game.yaml").write_text(ROYAL)
    train = ["train", "-c", str(path.parent / "game.yaml"), "--logdir", str(path), "--seed", "1"]
    train += ["--iters", "2000", "--num-workers", "1", "--mode", "deterministic"]
    assert main([*train, "--loglevel", "warning", "--set", "run.quality=off"]) == 0
    return path


def gone_on(run, iterations):
    command = [sys.executable, "-m", "cfr_shm", "resume", str(run), "--iters", str(iterations)]
    return subprocess.Popen([*command, "--loglevel", "warning"], cwd=run.parent)


def rows(run, iterations):
    return np.load(run / "checkpoints" / str(iterations) / "rows.npy")


def files_of(run):
    """What lies in a run directory, but for checkpoints, which are saved by the clock."""
    return sorted(each.name for each in run.iterdir())


class Crowd:
    """Clients who look at a run until told to end."""

    def __init__(self, url, run):
        self.answers, self.ended = [], threading.Event()
        self.threads = [threading.Thread(target=self.look, args=(url, run)) for _ in range(8)]
        for thread in self.threads:
            thread.start()

    def look(self, url, run):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        number = 0
        while not self.ended.is_set():
            what, asked = LOOKED_AT[number % len(LOOKED_AT)]
            connection.request("GET", f"/api/runs/{run}/{what}?{urlencode(asked)}")
            answer = connection.getresponse()
            self.answers.append((answer.status, answer.read()))
            number += 1
        connection.close()

    def goes_on(self):
        return all(thread.is_alive() for thread in self.threads)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(300)


@pytest.mark.parametrize(
    ("iterations", "least"),
    [
        pytest.param(20_000, 50, marks=pytest.mark.thorough),
        pytest.param(2_000_000, 10_000, marks=pytest.mark.slow),
    ],
)
def test_the_same_table_is_trained_whoever_looks_and_however_often(tmp_path, iterations, least):
    alone, looked_at = tmp_path / "alone", tmp_path / "looked_at"
    for run in (alone, looked_at):
        begun(run)
    assert gone_on(alone, iterations).wait(1200) == 0
    with viewing([looked_at], tmp_path) as url:
        crowd = Crowd(url, "looked_at")
        try:
            assert gone_on(looked_at, iterations).wait(1200) == 0
            while (
                len(crowd.answers) < least and crowd.goes_on()
            ):  # a machine that trains sooner than it answers
                crowd.ended.wait(0.05)
        finally:
            crowd.end()
    assert {status for status, _ in crowd.answers} <= {200, 503}
    assert np.array_equal(rows(alone, iterations), rows(looked_at, iterations))
    told = [json.loads((run / "summary.json").read_text()) for run in (alone, looked_at)]
    for key in ("status", "iterations", "nodes"):
        assert told[0][key] == told[1][key]
    shown = [body for status, body in crowd.answers if status == 200]
    assert len(shown) >= least / 2
    assert files_of(looked_at) == files_of(alone)
