"""Ends that say what happened: streams that are full or closed, limits, signals, and orphans."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from cli_harness import assert_nothing_is_left, training
from engine_harness import eventually, is_gone

from cfr_shm.engine.entry import EXIT_ORPHAN, Leash, tied
from cfr_shm.memory.checkpoint import CheckpointStore

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full, limits and /proc")

KUHN = ["train", "-c", "kuhn", "--iters", "20_000", "--num-workers", "1", "--logdir"]


def command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    line = [sys.executable, "-m", "cfr_shm", *arguments]
    return subprocess.run(line, timeout=300, check=False, **options)


@on_linux
@pytest.mark.parametrize("json_too", [False, True])
def test_row_34_output_that_cannot_be_written(tmp_path: Path, json_too: bool) -> None:
    """The run is whole; that its result reached nobody is an error."""
    arguments = [*KUHN, str(tmp_path / "run"), *(["--json"] if json_too else [])]
    with Path("/dev/full").open("w") as full:
        done = command(*arguments, stdout=full)
    assert done.returncode == 1
    error = done.stderr.decode().splitlines()
    assert error[-1] == "cfr-shm: error: cannot write the output: No space left on device"
    assert b"Traceback" not in done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["status"], summary["iterations"]) == ("finished", 20_000)


def buffered() -> dict[str, str]:
    """Return an environment in which Python holds its output back, as it does at a user's."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@on_linux
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["train", "--help"]])
@pytest.mark.parametrize("unbuffered", [False, True])
def test_row_34_help_that_cannot_be_written(arguments: list[str], unbuffered: bool) -> None:
    """What argparse prints is output as well, held back or not."""
    held_back = buffered() | ({"PYTHONUNBUFFERED": "1"} if unbuffered else {})
    with Path("/dev/full").open("w") as full:
        done = command(*arguments, stdout=full, env=held_back)
    error = b"cfr-shm: error: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, error)


@on_linux
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["clean", "--json"], 0), (["eval", "nosuch"], 2), (["--nosuch"], 2), (["--version"], 0)],
)
def test_row_34_messages_that_cannot_be_written(arguments: list[str], code: int) -> None:
    """Who does not read stderr loses its words, and nothing of the command or its code."""
    with Path("/dev/full").open("w") as full:
        done = command(*arguments, stderr=full, env=buffered())
    assert done.returncode == code
    assert bool(done.stdout) == (code == 0)


@on_linux
@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_row_34_closed_streams(tmp_path: Path, closed: str) -> None:
    """Nothing of the run gets the number of a stream, and what is printed goes into no file."""
    redirections = " ".join(f"{number}>&-" for number in closed.split())
    line = [sys.executable, "-m", "cfr_shm", *KUHN, str(tmp_path / "run")]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *line], capture_output=True, timeout=300
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stdout + done.stderr
    for name in (".lock", "config.yaml", "metrics.jsonl", "log.txt"):
        assert b"exploitability:" not in (tmp_path / "run" / name).read_bytes() or name == "log.txt"
    assert (tmp_path / "run" / ".lock").read_bytes() == b""
    last = CheckpointStore(tmp_path / "run" / "checkpoints").load_latest(warn=pytest.fail)
    assert last.iterations == 20_000


def limited(limit: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(limit, (value, value))


@on_linux
def test_row_35_too_many_open_files(tmp_path: Path) -> None:
    """At any number of files that is too small: the limit, the remedy, and no traceback."""
    arguments = ["train", "-c", "kuhn", "--iters", "20_000", "--num-workers", "2", "--logdir"]
    seen = set()
    for limit in (9, 14, 20):
        done = command(
            *arguments,
            str(tmp_path / f"run{limit}"),
            preexec_fn=limited(resource.RLIMIT_NOFILE, limit),
        )
        seen.add(done.returncode)
        if done.returncode:
            error = done.stderr.decode()
            assert "Traceback" not in error.partition("internal error")[0]
            assert f"the limit is {limit} open files; raise it by 'ulimit -n'" in error
    assert seen - {0}, "some limit is too small"


@on_linux
def test_row_35_files_that_may_not_grow(tmp_path: Path) -> None:
    """As a full disk: said, with the limit, and no checkpoint that is half there."""
    done = command(*KUHN, str(tmp_path / "run"), preexec_fn=limited(resource.RLIMIT_FSIZE, 256))
    assert done.returncode in (1, 2)
    error = done.stderr.decode()
    assert "Traceback" not in error
    assert "the limit is 256 bytes in a file; raise it by 'ulimit -f'" in error
    assert not list((tmp_path / "run").glob("checkpoints/*"))


@on_linux
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("number", "code", "whom"),
    [
        (signal.SIGUSR2, 140, "coordinator"),
        (signal.SIGXCPU, 152, "coordinator"),
        (signal.SIGXCPU, 152, "worker"),
        (signal.SIGUSR2, 140, "group"),
    ],
)
def test_row_36_a_checkpoint_and_then_the_end(
    tmp_path: Path, number: signal.Signals, code: int, whom: str
) -> None:
    path = tmp_path / "run"
    with training(path, 2) as terminal:
        if whom == "worker":
            os.kill(min(terminal.workers - {terminal.tracker}), number)
        elif whom == "group":
            os.killpg(terminal.process.pid, number)
        else:
            terminal.process.send_signal(number)
        assert terminal.process.wait(60) == code
        assert_nothing_is_left(terminal)
    summary = json.loads((path / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    last = CheckpointStore(path / "checkpoints").load_latest(warn=pytest.fail)
    assert last.iterations == summary["iterations"] > 0


LIMITS_SEEN = """
import resource
from cfr_shm.run.signals import StopSignals

print(resource.getrlimit(resource.RLIMIT_CPU))
with StopSignals():
    print(resource.getrlimit(resource.RLIMIT_CPU))
print(resource.getrlimit(resource.RLIMIT_CPU))
"""


@on_linux
@pytest.mark.parametrize(
    ("limits", "told"),
    [((60, 60), (54, 60)), ((9000, 9000), (8990, 9000)), ((50, 60), (50, 60)), ((9, 9), (7, 9))],
)
def test_row_36_a_limit_that_kills_is_told_of_before(
    tmp_path: Path, limits: tuple[int, int], told: tuple[int, int]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(LIMITS_SEEN)
    done = subprocess.run(
        [sys.executable, script],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limits),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [str(limits), str(told), str(limits)]


@on_linux
@pytest.mark.thorough
@pytest.mark.parametrize("workers", [1, 2])
def test_row_36_ulimit_of_cpu_time(tmp_path: Path, workers: int) -> None:
    """As ``ulimit -t`` sets it, both limits at once: a checkpoint, and not a kill."""
    assert command(*KUHN, str(tmp_path / "warm")).returncode == 0  # compiles, if need be
    arguments = ["train", "-c", "kuhn", "--iters", "1_000_000_000_000", "--logdir"]
    path = tmp_path / "run"
    done = command(
        *arguments,
        str(path),
        "--num-workers",
        str(workers),
        preexec_fn=limited(resource.RLIMIT_CPU, 8),
    )
    assert done.returncode == 152, done.stderr.decode()
    summary = json.loads((path / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    last = CheckpointStore(path / "checkpoints").load_latest(warn=pytest.fail)
    assert last.iterations == summary["iterations"] > 0


@on_linux
@pytest.mark.thorough
def test_row_37_a_worker_that_is_starting_ends_with_its_coordinator(tmp_path: Path) -> None:
    """Killed the moment its children are there, before they have imported anything heavy."""
    line = [sys.executable, "-m", "cfr_shm", "train", "-c", "leduc", "--num-workers", "3"]
    for delay in (0.0, 0.1, 0.3):
        with subprocess.Popen(
            [*line, "--logdir", str(tmp_path / f"run{delay}")], stderr=subprocess.DEVNULL
        ) as process:
            children: set[int] = set()

            def appear(of: int = process.pid, found: set[int] = children) -> bool:
                for child in psutil.Process(of).children():
                    if "spawn_main" in " ".join(child.cmdline()):
                        found.add(child.pid)
                return bool(found)

            assert eventually(appear, 120.0)
            time.sleep(delay)
            appear()
            process.kill()
            process.wait(60)
            assert eventually(lambda found=children: all(map(is_gone, found)))


def test_row_37_the_leash_holds_before_anything_heavy_is_imported() -> None:
    """Unpickling its first piece ties a process; the modules that takes are light."""
    program = (
        "import sys, os; from cfr_shm.engine.entry import tied; tied(os.getppid(), True);"
        "heavy = {'numba', 'numpy', 'psutil'} & set(sys.modules); sys.exit(len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    orphan = "from cfr_shm.engine.entry import tied; tied(1 << 22, False)"
    done = subprocess.run([sys.executable, "-c", orphan], check=False)
    assert done.returncode == EXIT_ORPHAN
    restore, arguments = Leash(os.getppid(), False).__reduce__()
    assert (restore, arguments) == (tied, (os.getppid(), False))


#: Stops workers, with whatever takes their place, when they have said that they are ready.
STOPPING = """
import os, signal, sys

def stop(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "serve":
        os.kill(os.getpid(), signal.SIGSTOP)

if "spawn_main" in " ".join(sys.orig_argv):
    sys.setprofile(stop)
"""


@on_linux
@pytest.mark.thorough
def test_row_38_a_run_in_which_nobody_could_work_is_not_finished(tmp_path: Path) -> None:
    """Workers that are there and never run: the time is over, and nothing has come back."""
    (tmp_path / "sitecustomize.py").write_text(STOPPING)
    search = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    arguments = ["train", "-c", "kuhn", "--time-budget", "0.3", "--num-workers", "2"]
    arguments += ["--set", "engine.deadline_seconds=0.5"]
    path = tmp_path / "run"
    done = command(*arguments, "--logdir", str(path), env={**os.environ, "PYTHONPATH": search})
    assert done.returncode == 1
    error = done.stderr.decode()
    assert "Traceback" not in error
    assert "no worker was ready to work in it: nothing was done" in error.splitlines()[-1]
    assert "finished" not in done.stdout.decode() + error
    assert not path.exists(), "as after any run that did nothing"
