"""``cfr-shm train`` on a terminal that is interrupted, closed, or told to end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from engine_harness import eventually, is_gone, is_unlinked

from cfr_shm.cli import main as cli
from cfr_shm.config import load_config
from cfr_shm.games.registry import load_game
from cfr_shm.run_directory import StoredRun

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX systems")

#: Runs the command line as the leader of a session, with standard input as its terminal.
_ON_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from cfr_shm.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


class Terminal:
    """A training on a terminal of its own, and everything that it must not leave behind."""

    def __init__(self, run_directory: Path, workers: int) -> None:
        self.run_directory = run_directory
        self.output = b""
        self._master, slave = os.openpty()
        arguments = ["train", "-c", "leduc", "--time-budget", "600"]
        arguments += ["--num-workers", str(workers), "--logdir", str(run_directory)]
        arguments += ["--set", "run.progress_interval=0.2", "--set", "engine.batch_seconds=0.1"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.workers: set[int] = set()
        self.segments: set[str] = set()

    def await_training(self) -> None:
        metrics = self.run_directory / "metrics.jsonl"
        trains = eventually(lambda: metrics.exists() and metrics.stat().st_size > 0, 180.0)
        assert trains, self.output
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.workers = {child.pid for child in children}
        with contextlib.suppress(OSError):
            maps = Path(f"/proc/{self.process.pid}/maps").read_text()
            self.segments = set(re.findall(r"/dev/shm/(cfrshm-\w+)", maps))

    def type(self, text: bytes) -> None:
        os.write(self._master, text)

    def hang_up(self) -> None:
        """Close the terminal; the reader must not read meanwhile, or it would stay open."""
        os.kill(self.process.pid, signal.SIGHUP)
        os.close(self._master)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        with contextlib.suppress(OSError):
            os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(self._master, 4096):
                self.output += chunk


@contextlib.contextmanager
def training(run_directory: Path, workers: int) -> Iterator[Terminal]:
    terminal = Terminal(run_directory, workers)
    try:
        terminal.await_training()
        yield terminal
    finally:
        terminal.close()


def assert_nothing_is_left(terminal: Terminal) -> None:
    assert eventually(lambda: all(map(is_gone, terminal.workers)))
    assert all(map(is_unlinked, terminal.segments))


def ctrl_c(terminal: Terminal) -> None:
    terminal.type(b"\x03")


def terminate(terminal: Terminal) -> None:
    terminal.process.terminate()


def terminate_group(terminal: Terminal) -> None:
    os.killpg(terminal.process.pid, signal.SIGTERM)


def hang_up(terminal: Terminal) -> None:
    terminal.hang_up()


def hang_up_group(terminal: Terminal) -> None:
    os.killpg(terminal.process.pid, signal.SIGHUP)


@pytest.mark.parametrize(
    ("end", "workers", "code"),
    [
        (ctrl_c, 1, 130),
        (ctrl_c, 2, 130),
        (terminate, 2, 143),
        (terminate_group, 2, 143),
        (hang_up, 2, 129),
        (hang_up_group, 2, 129),
    ],
)
def test_the_work_is_saved_and_nothing_is_left(
    end: Callable[[Terminal], None], workers: int, code: int, tmp_path: Path, capsys
):
    path = tmp_path / "run"
    with training(path, workers) as terminal:
        end(terminal)
        assert terminal.process.wait(60) == code
        assert_nothing_is_left(terminal)
        assert b"Traceback" not in terminal.output
    summary = json.loads((path / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    config = load_config(path / "config.yaml")
    checkpoint = StoredRun(path).load_checkpoint(config, load_game(config.game), pytest.fail)
    assert checkpoint.iterations == summary["iterations"] > 0
    # Beyond whatever a worker was at: the holes below are filled first.
    further = str(checkpoint.completed[-1][1] + 1000)
    assert cli.main(["resume", str(path), "--iters", further, "--num-workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["iterations"] == int(further)


def test_a_second_ctrl_c_leaves_at_once(tmp_path: Path):
    with training(tmp_path / "run", 2) as terminal:
        terminal.type(b"\x03\x03")
        assert terminal.process.wait(60) == 130
        assert_nothing_is_left(terminal)
        assert b"Traceback" not in terminal.output


def test_a_killed_session_leader_leaves_no_segment(tmp_path: Path):
    """The kernel hangs up its whole group, the tracker that has to tidy up included."""
    with training(tmp_path / "run", 2) as terminal:
        terminal.process.kill()
        terminal.process.wait(60)
        assert eventually(lambda: all(map(is_gone, terminal.workers)))
        assert eventually(lambda: all(map(is_unlinked, terminal.segments)), 10.0)
