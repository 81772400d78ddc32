"""Rows 26 and 27 as a user meets them: a training, and a directory that goes away under it."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from cli_harness import assert_nothing_is_left, training
from engine_harness import eventually

from cfr_shm.cli import main as cli
from cfr_shm.engine.traces import trace_files
from cfr_shm.memory.checkpoint import CheckpointStore

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="open directories can be moved")

QUICKLY = ["--checkpoint-interval", "0.3", "--seed", "7"]


def files(path: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in path.rglob("*") if each.is_file()}


@on_posix
@pytest.mark.thorough
def test_row_26_a_training_whose_directory_is_moved(tmp_path: Path) -> None:
    path, moved = tmp_path / "run", tmp_path / "moved"
    with training(path, 1, *QUICKLY) as terminal:
        terminal.await_checkpoint()
        path.rename(moved)
        said = f"was moved under the run, which goes on in {moved}"
        assert eventually(lambda: said in (moved / "log.txt").read_text())
        terminal.type(b"\x03")
        assert terminal.process.wait(60) == 1
        assert_nothing_is_left(terminal)
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", terminal.output)
    shown = b"".join(plain.split())  # which is wrapped
    assert "".join(said.split()).encode() in shown
    assert f"cfr-shmresume{moved}".encode() in shown
    assert not path.exists()
    summary = json.loads((moved / "summary.json").read_text())
    assert (summary["status"], summary["moved_to"]) == ("interrupted", str(moved))
    last = CheckpointStore(moved / "checkpoints").load_latest(warn=pytest.fail)
    assert last.iterations == summary["iterations"]


@on_posix
@pytest.mark.thorough
def test_row_27_a_training_whose_directory_another_takes(tmp_path: Path) -> None:
    """The other is of the same configuration and seed; a worker dies, too, and leaves no trace."""
    path = tmp_path / "run"
    with training(path, 2, *QUICKLY) as terminal:
        terminal.await_checkpoint()
        for each in sorted(path.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() else each.unlink()
        path.rmdir()
        other = ["train", "-c", "leduc", "--iters", "20_000", "--num-workers", "1", "--seed", "7"]
        assert cli.main([*other, "--logdir", str(path)]) == 0
        (path / "worker-standby.trace").write_text("")
        before = files(path)
        # The worker's successor takes its name; then a standby is started.
        child = next(
            each
            for each in psutil.Process(terminal.process.pid).children()
            if each.pid in terminal.workers and each.pid != terminal.tracker
        )
        os.kill(child.pid, signal.SIGSEGV)
        assert eventually(lambda: list(tmp_path.glob("run-rescued-*/summary.json")))
        (rescued,) = tmp_path.glob("run-rescued-*")
        assert eventually(lambda: "was removed under the run" in (rescued / "log.txt").read_text())
        terminal.run_directory = rescued
        terminal.await_checkpoint(newer=True)
        terminal.process.terminate()
        assert terminal.process.wait(60) == 1
        assert_nothing_is_left(terminal)
    assert files(path) == before
    assert "training leduc" in (rescued / "log.txt").read_text(), "from the beginning"
    last = CheckpointStore(rescued / "checkpoints").load_latest(warn=pytest.fail)
    assert last.iterations == json.loads((rescued / "summary.json").read_text())["iterations"]
    assert cli.main(["resume", str(rescued), "--time-budget", "0.5", "--num-workers", "1"]) == 0


@on_posix
def test_row_27_no_stack_is_written_into_a_directory_of_another(tmp_path: Path) -> None:
    ours, name = tmp_path / "run", "worker-0.trace"
    ours.mkdir()
    pattern = trace_files(str(ours))
    assert pattern is not None
    trace = replace(pattern, name=name)
    file = trace.open()
    assert file is not None
    file.write("stack")
    file.close()
    assert trace.has_stack()
    assert trace.renamed("worker-0-1.trace").path.read_text() == "stack"
    ours.rename(tmp_path / "moved")
    ours.mkdir()
    (ours / name).write_text("")
    assert trace.open() is None
    assert not trace.has_stack()
    assert trace.renamed("other.trace") == trace
    trace.remove_if_empty()
    assert [each.name for each in ours.iterdir()] == [name]
