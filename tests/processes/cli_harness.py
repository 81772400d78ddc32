"""``cfr-shm train`` on a terminal of its own, for the tests to interrupt, close and kill."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
from engine_harness import eventually, is_gone, is_unlinked

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

    def __init__(self, run_directory: Path, workers: int, *further: str) -> None:
        self.run_directory = run_directory
        self.output = b""
        self._master, slave = os.openpty()
        arguments = ["train", "-c", "leduc", "--time-budget", "600"]
        arguments += ["--num-workers", str(workers), "--logdir", str(run_directory)]
        arguments += ["--set", "run.progress_interval=0.2", "--set", "engine.batch_seconds=0.1"]
        arguments += further
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.workers: set[int] = set()  # all children
        self.tracker = 0
        self.segments: set[str] = set()

    def await_training(self) -> None:
        metrics = self.run_directory / "metrics.jsonl"
        trains = eventually(lambda: metrics.exists() and metrics.stat().st_size > 0, 180.0)
        assert trains, self.output
        self.find_children()
        with contextlib.suppress(OSError):
            maps = Path(f"/proc/{self.process.pid}/maps").read_text()
            self.segments = set(re.findall(r"/dev/shm/(cfrshm-\w+)", maps))

    def find_children(self) -> None:
        """Note who there is now: workers, the tracker, and a standby once there is one."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.workers |= {child.pid for child in children}
        for child in children:
            if "resource_tracker" in " ".join(child.cmdline()):
                self.tracker = child.pid

    def await_checkpoint(self, *, newer: bool = False) -> None:
        """Wait for a checkpoint, or for one that is newer than all that are there."""

        def named() -> str | None:
            try:
                summary = json.loads((self.run_directory / "summary.json").read_text())
            except (OSError, ValueError):
                return None
            found: str | None = summary["checkpoint"]
            return found

        before = named() if newer else None
        assert eventually(lambda: named() not in (None, before), 60.0), self.output

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
def training(run_directory: Path, workers: int, *further: str) -> Iterator[Terminal]:
    terminal = Terminal(run_directory, workers, *further)
    try:
        terminal.await_training()
        yield terminal
    finally:
        terminal.close()


def assert_nothing_is_left(terminal: Terminal) -> None:
    assert eventually(lambda: all(map(is_gone, terminal.workers)))
    assert all(map(is_unlinked, terminal.segments))
