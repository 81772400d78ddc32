"""What a training must survive, rows 9 to 15: signals, closed terminals, killed coordinators."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from cli_harness import Terminal, assert_nothing_is_left, training
from engine_harness import eventually, is_gone, is_unlinked
from first_cases import first_cases

from cfr_shm.cli import main as cli
from cfr_shm.config.load import load_config
from cfr_shm.games.registry import load_game
from cfr_shm.run.directory import StoredRun

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX systems")


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


@pytest.mark.parametrize("workers", first_cases([2, 1]))
def test_row_11_ctrl_c(workers: int, tmp_path: Path, capsys: Any) -> None:
    check_that_all_is_saved(ctrl_c, workers, 130, tmp_path, capsys)


@pytest.mark.parametrize("end", first_cases([terminate_group, terminate]))
def test_row_13_sigterm(end: Callable[[Terminal], None], tmp_path: Path, capsys: Any) -> None:
    check_that_all_is_saved(end, 2, 143, tmp_path, capsys)


@pytest.mark.parametrize("end", first_cases([hang_up, hang_up_group]))
def test_row_14_sighup(end: Callable[[Terminal], None], tmp_path: Path, capsys: Any) -> None:
    check_that_all_is_saved(end, 2, 129, tmp_path, capsys)


def check_that_all_is_saved(
    end: Callable[[Terminal], None], workers: int, code: int, tmp_path: Path, capsys: Any
) -> None:
    """Exit code, checkpoint, nothing left; and it goes on from there (row 25)."""
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


def test_row_12_ctrl_c_twice(tmp_path: Path) -> None:
    with training(tmp_path / "run", 2) as terminal:
        terminal.type(b"\x03\x03")
        assert terminal.process.wait(60) == 130
        assert_nothing_is_left(terminal)
        assert b"Traceback" not in terminal.output


def test_row_09_session_leader_killed(tmp_path: Path) -> None:
    """The kernel hangs up its whole group, the tracker that has to tidy up included."""
    with training(tmp_path / "run", 2) as terminal:
        terminal.process.kill()
        terminal.process.wait(60)
        assert eventually(lambda: all(map(is_gone, terminal.workers)))
        assert eventually(lambda: all(map(is_unlinked, terminal.segments)))


def test_row_10_everything_killed(tmp_path: Path) -> None:
    """Nobody is left to tidy up: the next start does, and goes on from the last checkpoint.

    Any other start on this machine may be the next one, and say so: then it is tried again.
    """
    swept = [_everything_killed(tmp_path / "run")]
    while not swept[-1] and len(swept) < 4:
        swept.append(_everything_killed(tmp_path / f"run-{len(swept)}"))
    assert swept[-1]


def _everything_killed(path: Path) -> bool:
    """Kill a run and all that is its own, and resume it; return whether that swept its memory."""
    with training(path, 2, "--checkpoint-interval", "0.5") as terminal:
        terminal.await_checkpoint()
        terminal.find_children()
        for pid in (*terminal.workers, terminal.process.pid):
            # Stopped first: nobody may see another die, and tidy up.
            os.kill(pid, signal.SIGSTOP)
        for pid in (*terminal.workers, terminal.process.pid):
            os.kill(pid, signal.SIGKILL)
        terminal.process.wait(60)
    assert terminal.segments
    command = [sys.executable, "-m", "cfr_shm", "resume", str(path), "--time-budget", "0.5"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "finished"
    assert all(map(is_unlinked, terminal.segments))
    return "of shared memory that a killed run had left" in done.stderr


def test_row_13_sigusr1_writes_a_checkpoint_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with training(path, 2, "--checkpoint-interval", "0") as terminal:
        for _ in range(2):
            before = set((path / "checkpoints").glob("[0-9]*"))
            os.killpg(terminal.process.pid, signal.SIGUSR1)

            def there_is_another(before: set[Path] = before) -> bool:
                return bool(set((path / "checkpoints").glob("[0-9]*")) - before)

            assert eventually(there_is_another)
        done = json.loads((path / "metrics.jsonl").read_text().splitlines()[0])["iterations"]
        assert terminal.process.poll() is None
        terminal.process.terminate()
        assert terminal.process.wait(60) == 143
        assert_nothing_is_left(terminal)
        assert b"resource_tracker" not in terminal.output
    summary = json.loads((path / "summary.json").read_text())
    assert summary["checkpoints"] == 3
    assert summary["iterations"] > done


@pytest.mark.thorough
def test_row_15_suspend_and_resume(tmp_path: Path) -> None:
    """Stopped for longer than any task may take: nobody is to blame, nobody is killed."""
    path = tmp_path / "run"
    with training(path, 2, "--set", "engine.deadline_seconds=2") as terminal:
        workers = set(terminal.workers)
        os.killpg(terminal.process.pid, signal.SIGSTOP)
        assert eventually(
            lambda: psutil.Process(terminal.process.pid).status() == psutil.STATUS_STOPPED
        )
        time.sleep(4.5)
        os.killpg(terminal.process.pid, signal.SIGCONT)
        time.sleep(1.0)
        assert not any(map(is_gone, workers))
        terminal.process.terminate()
        assert terminal.process.wait(60) == 143
        assert_nothing_is_left(terminal)
    assert json.loads((path / "summary.json").read_text())["restarts"] == 0
