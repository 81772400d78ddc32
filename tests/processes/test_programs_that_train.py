"""Programs that train by the Python API: how they are started, interrupted, forked, and left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from engine_harness import eventually, is_gone, is_unlinked

#: Two workers for 2048 iterations; a program that starts itself again would count itself twice.
TRAINS = """
import cfr_shm, os, pathlib
with open("started", "a") as file:
    file.write("once\\n")
config = cfr_shm.load_config("kuhn", {
    "run.iterations": 2048, "run.time_budget": None, "engine.num_workers": 2,
    "engine.start_method": os.environ.get("METHOD", "spawn"),
})
"""
TELLS = """
print(run.status, run.iterations, run.summary["workers"], os.path.basename(run.path))
"""
PLAIN = f"""{TRAINS}
run = cfr_shm.train(config, "run", show=False)
{TELLS}"""

IN_A_THREAD = f"""{TRAINS}
import threading
def work():
    global run
    run = cfr_shm.train(config, "run", show=False)
thread = threading.Thread(target=work)
thread.start()
thread.join()
{TELLS}"""

#: As a notebook runs a cell: in the main module, which is no file, below a running event loop.
IN_A_CELL = f"""
import asyncio, __main__
cell = {PLAIN!r}
async def run_cell():
    exec(compile(cell, "<ipython-input-1>", "exec"), __main__.__dict__)
__main__.__dict__.pop("__file__", None)
asyncio.run(run_cell())
"""

pytestmark = pytest.mark.thorough

EXPECTED = "finished 2048 2 run\n"


def program(directory: Path, text: str, how: str) -> list[str]:
    if how == "-c":
        return [sys.executable, "-c", text]
    path = directory / "program.py"
    path.write_text(text)
    return [sys.executable, str(path)] if how == "file" else [sys.executable, "-"]


def run(directory: Path, text: str, how: str = "file", **environment: str):
    command = program(directory, text, how)
    return subprocess.run(
        command,
        cwd=directory,
        input=text if command[-1] == "-" else None,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("text", "how", "method"),
    [
        (PLAIN, "file", "spawn"),
        pytest.param(
            PLAIN,
            "file",
            "fork",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="fork is for Linux"),
        ),
        (PLAIN, "-c", "spawn"),
        (PLAIN, "stdin", "spawn"),
        (IN_A_THREAD, "file", "spawn"),
        (IN_A_CELL, "-c", "spawn"),
    ],
    ids=["file", "file that forks", "-c", "stdin", "thread", "cell"],
)
def test_no_main_guard_is_needed(tmp_path, text, how, method):
    done = run(tmp_path, text, how, METHOD=method)
    assert done.stderr == ""
    assert done.stdout == EXPECTED
    assert (tmp_path / "started").read_text() == "once\n"


def test_two_threads_train_at_once_and_the_main_module_stays(tmp_path):
    text = f"""{TRAINS}
import sys, threading
main = sys.modules["__main__"]
runs = {{}}
def work(name):
    runs[name] = cfr_shm.train(config, name, show=False)
threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print([(name, runs[name].status, runs[name].iterations) for name in ("a", "b")])
print(sys.modules["__main__"] is main)
"""
    done = run(tmp_path, text)
    assert done.stdout == "[('a', 'finished', 2048), ('b', 'finished', 2048)]\nTrue\n", done.stderr


ENDLESS = """
import cfr_shm, os, sys
config = cfr_shm.load_config("leduc", {
    "run.time_budget": 600, "engine.num_workers": 2, "engine.batch_seconds": 0.1,
})
def tell(progress):
    print("trains", flush=True)
run = cfr_shm.train(config, "run", progress=tell, show=False)
print(run.status, run.iterations, flush=True)
run.resume(time_budget=0.2, progress=None)
print("went on", flush=True)
"""


class Program:
    """A program that trains, and all that it must not leave behind."""

    def __init__(self, directory: Path, text: str) -> None:
        self.process = subprocess.Popen(
            program(directory, text, "file"),
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "trains\n"
        self.children = [
            child.pid for child in psutil.Process(self.process.pid).children(recursive=True)
        ]
        maps = Path(f"/proc/{self.process.pid}/maps")
        self.segments = []
        if maps.exists():
            self.segments = re.findall(r"/dev/shm/(cfrshm-\w+)", maps.read_text())

    def end(self) -> tuple[int, list[str], str]:
        out, err = self.process.communicate(timeout=300)
        told = [line for line in out.splitlines() if line != "trains"]
        assert eventually(lambda: all(map(is_gone, self.children)))
        assert all(map(is_unlinked, self.segments))
        return self.process.returncode, told, err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_the_run_and_not_the_program(tmp_path):
    running = Program(tmp_path, ENDLESS)
    running.process.send_signal(signal.SIGINT)
    code, told, err = running.end()
    assert code == 0, err
    status, iterations = told[0].split()
    assert status == "interrupted"
    assert int(iterations) > 0
    assert told[1] == "went on"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_sigterm_saves_the_run_and_then_ends_the_program(tmp_path):
    running = Program(tmp_path, ENDLESS)
    running.process.send_signal(signal.SIGTERM)
    code, told, _ = running.end()
    assert code == -signal.SIGTERM
    assert told == []
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    assert (tmp_path / "run" / summary["checkpoint"]).is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_second_ctrl_c_raises_and_leaves_nothing(tmp_path):
    """The first is looked at between batches: a callback that does not return keeps it waiting."""
    text = """
import cfr_shm, sys, time
config = cfr_shm.load_config("leduc", {"run.time_budget": 600, "engine.num_workers": 2})
def hang(progress):
    print("trains", flush=True)
    time.sleep(600)
try:
    cfr_shm.train(config, "run", progress=hang, show=False)
except KeyboardInterrupt as error:
    print(error, flush=True)
    sys.exit(7)
"""
    running = Program(tmp_path, text)
    running.process.send_signal(signal.SIGINT)
    # Signals of one number are merged: the second only once the first was taken.
    pending = Path(f"/proc/{running.process.pid}/status")
    if pending.exists():
        taken = re.compile(r"^(?:ShdPnd|SigPnd):\s*0+$", re.MULTILINE)
        assert eventually(lambda: len(taken.findall(pending.read_text())) == 2)
    running.process.send_signal(signal.SIGINT)
    code, told, err = running.end()
    assert (code, told) == (7, ["SIGINT came twice"]), err


def test_a_fork_that_exits_while_the_run_goes_on_ends_no_worker(tmp_path):
    text = f"""{TRAINS}
import sys
config = cfr_shm.load_config(config, {{
    "run.iterations": None, "run.time_budget": 600, "engine.on_worker_death": "abort",
    "engine.batch_seconds": 0.05,
}})
forked = []
def fork(progress):
    if forked:
        return len(forked.append(0) or forked) < 4
    child = os.fork()
    if child == 0:
        sys.stdout.flush()
        import atexit
        atexit._run_exitfuncs()
        os._exit(0)
    forked.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
run = cfr_shm.train(config, "run", progress=fork, show=False)
print(forked[0], run.status, run.summary["restarts"])
"""
    done = run(tmp_path, text)
    assert done.stdout == "0 interrupted 0\n", done.stderr


def test_a_fork_that_stays_keeps_no_lock(tmp_path):
    text = f"""{TRAINS}
import signal, time
children = []
def fork(progress):
    if not children:
        children.append(os.fork())
        if children[0] == 0:
            time.sleep(600)
            os._exit(0)
run = cfr_shm.train(config, "run", progress=fork, show=False)
print(run.resume(iterations=4096, show=False).iterations)
os.kill(children[0], signal.SIGKILL)
os.waitpid(children[0], 0)
"""
    done = run(tmp_path, text)
    assert done.stdout == "4096\n", done.stderr


def test_processes_that_may_have_no_children_say_so_and_train_alone(tmp_path):
    text = textwrap.dedent("""
        import multiprocessing, cfr_shm

        def train(workers):
            config = cfr_shm.load_config("kuhn", {
                "run.iterations": 2048, "engine.num_workers": workers,
            })
            try:
                return cfr_shm.train(config, f"run-{workers}", show=False).status
            except cfr_shm.CfrShmError as error:
                return str(error)

        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(*pool.map(train, [2, 1]), sep="\\n")
    """)
    done = run(tmp_path, text)
    assert done.stdout.splitlines() == [
        "this process is a daemon, as those of multiprocessing.Pool are, and may start no workers: "
        "train with engine.num_workers 1 here",
        "finished",
    ], done.stderr
    assert not (tmp_path / "run-2").exists()


def test_a_callback_that_raises_leaves_no_process_no_segment_and_no_lock(tmp_path):
    text = f"""{TRAINS}
import psutil
def fail(progress):
    global children, segments
    children = psutil.Process().children(recursive=True)
    maps = pathlib.Path("/proc/self/maps")
    lines = maps.read_text().splitlines() if maps.exists() else []
    segments = {{line.split()[-1] for line in lines if "/cfrshm-" in line}}
    raise ValueError("mine")
try:
    cfr_shm.train(config, "run", progress=fail, show=False)
except cfr_shm.CfrShmError as error:
    print(type(error.__cause__).__name__)
there = [child for child in children if child.is_running()]
workers = [child for child in there if "tracker" not in str(child.cmdline())]
print(len(children) >= 2, workers, [each for each in segments if os.path.exists(each)])
print(cfr_shm.open_run("run").resume(iterations=4096, show=False).status)
"""
    done = run(tmp_path, text)
    assert done.stdout == "ValueError\nTrue [] []\nfinished\n", done.stderr
