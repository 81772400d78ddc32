"""The reader of a run's quality dies with its coordinator: it is a thread, and has no process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from cli_harness import training
from engine_harness import eventually
from small_decks import ROYAL

from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="nothing is measured without compiled kernels")


@pytest.mark.thorough
def test_a_killed_coordinator_takes_its_reader_along(tmp_path: Path) -> None:
    """At 2 % of a core a full point takes minutes: the kill comes while one is measured."""
    (tmp_path / "royal.yaml").write_text(ROYAL)
    path = tmp_path / "run"
    further = ["-c", str(tmp_path / "royal.yaml"), "--checkpoint-interval", "0.2"]
    further += ["--set", "run.quality=full", "--set", "run.keep_history=false"]
    with training(path, 1, *further) as terminal:
        terminal.await_checkpoint()
        process = psutil.Process(terminal.process.pid)
        assert eventually(lambda: process.num_threads() > 1)
        assert process.children(recursive=True) == []  # nobody else who could live on
        terminal.process.kill()
        assert terminal.process.wait(60) == -signal.SIGKILL
        assert eventually(lambda: not psutil.pid_exists(process.pid), 1.0)
    # What was held, or was half measured, is in nobody's way.
    command = [sys.executable, "-m", "cfr_shm", "resume", str(path), "--time-budget", "1"]
    command += ["--set", "run.quality=off", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "finished"
    assert len(list((path / "checkpoints").glob("[0-9]*"))) == 2
