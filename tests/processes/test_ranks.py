"""Ranks as people start them: ``mpiexec -n N cfr-shm train --mpi``, on this machine."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from launched import MPIEXEC, call_ranks, end_with_all_below, ranks_of
from stored_runs import about_newest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="mpich's wheel is for Linux"),
    pytest.mark.usefixtures("no_segment_of_mpi_is_left", "ranks_may_share_cores"),
]


def train(directory, *further):
    return ["train", "-c", "leduc", "--num-workers", 1, "--logdir", directory, *further]


def summary_of(directory):
    return json.loads((directory / "summary.json").read_text())


def test_two_ranks_train_one_run(tmp_path):
    done = call_ranks(2, *train(tmp_path / "run", "--mpi", "--iters", 300_000))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("finished: 300,000 iterations") == 1
    summary = summary_of(tmp_path / "run")
    assert (summary["status"], summary["iterations"]) == ("finished", 300_000)
    assert summary["exploitability"]["value"] < 0.06
    assert about_newest(tmp_path / "run")["completed"] == [[0, 300_000]]
    assert [each["rank"] for each in summary["ranks"]] == [0, 1]
    assert sum(each["iterations"] for each in summary["ranks"]) == 300_000
    assert summary["exchanges"] > 0
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "2 ranks: rank 0 (process " in log
    assert "info rank 1 on " in log
    lines = [json.loads(each) for each in (tmp_path / "run" / "metrics.jsonl").open()]
    last = [each for each in lines if each["kind"] == "interval"][-1]
    assert [each["rank"] for each in last["ranks"]] == [0, 1]
    assert last["exchanges"] == summary["exchanges"]


@pytest.mark.thorough
def test_deterministic_ranks_have_the_table_of_one_machine(tmp_path):
    many, one = tmp_path / "many", tmp_path / "one"
    bounds = ("--mode", "deterministic", "--iters", 2000)
    done = call_ranks(3, *train(many, "--mpi", *bounds))
    assert done.returncode == 0, done.stderr
    alone = [sys.executable, "-m", "cfr_shm", *map(str, train(one, *bounds))]
    assert subprocess.run(alone, capture_output=True).returncode == 0
    rows = [(each / "checkpoints" / "2000" / "rows.npy").read_bytes() for each in (many, one)]
    assert rows[0] == rows[1]
    same = ("nodes", "utility", "exploitability", "fingerprint")
    first, second = summary_of(many), summary_of(one)
    assert [first[key] for key in same] == [second[key] for key in same]


@pytest.mark.thorough
def test_a_run_goes_on_with_any_number_of_ranks(tmp_path):
    run = tmp_path / "run"
    assert call_ranks(4, *train(run, "--mpi", "--iters", 200_000)).returncode == 0
    for ranks, until in ((2, 400_000), (3, 600_000)):
        done = call_ranks(ranks, "resume", run, "--mpi", "--iters", until)
        assert done.returncode == 0, done.stderr
    alone = [sys.executable, "-m", "cfr_shm", "resume", str(run), "--iters", "800_000"]
    assert subprocess.run(alone, capture_output=True).returncode == 0
    assert about_newest(run)["completed"] == [[0, 800_000]]
    assert summary_of(run)["exploitability"]["value"] < 0.03


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("ranks", "arguments", "environment", "line"),
    [
        (2, (), {}, "each believes that it is alone: add --mpi"),
        (1, ("--mpi",), {"MV2_COMM_WORLD_SIZE": "2"}, "MPI finds only this one"),
        (2, ("--mpi",), {"OMPI_COMM_WORLD_SIZE": "2"}, "Open MPI's mpiexec has started this"),
        (2, ("--mpi", "--on-rank-death", "shrink"), {}, "ends all ranks where one dies"),
        (2, ("--mpi", "--set", "algorithm.name=cfr_plus"), {}, "runs on one machine"),
        (2, ("--mpi", "--set", "engine.start_method=fork"), {}, "leave it at spawn"),
    ],
    ids=["no flag", "singleton", "another launcher", "no fault tolerance", "full width", "fork"],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    tmp_path, ranks, arguments, environment, line
):
    done = call_ranks(ranks, *train(tmp_path / "run", "--iters", 1000, *arguments), **environment)
    assert done.returncode == 2
    assert done.stderr.count("error:") == done.stderr.count(line) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("blind", [0, 1])
def test_what_one_rank_does_not_see_is_told_once_and_ends_all(tmp_path, blind):
    """A run directory, or a configuration, that is no more than on one machine's disk."""
    (tmp_path / "here.yaml").write_text("game: {name: kuhn}\n")
    (tmp_path / "here_mpi.yaml").write_text("game: {name: kuhn}\nengine: {ranks: mpi}\n")
    for arguments in (
        ("resume", tmp_path / "here", "--mpi", "--iters", 2000),
        ("train", "-c", tmp_path / "here.yaml", "--mpi", "--logdir", tmp_path / "new"),
        ("train", "-c", tmp_path / "here_mpi.yaml", "--logdir", tmp_path / "new"),
        ("train", "-c", tmp_path / "here.yaml", "--logdir", tmp_path / "new"),
    ):
        if arguments[0] == "resume":
            begun = call_ranks(2, *train(tmp_path / "here", "--mpi", "--iters", 1000))
            assert begun.returncode == 0, begun.stderr
        elsewhere = [str(each).replace("/here", "/nowhere") for each in arguments]
        lines = [list(map(str, arguments)), list(map(str, arguments))]
        lines[blind] = elsewhere
        program = ["-n", "1", sys.executable, "-m", "cfr_shm"]
        done = subprocess.run(
            [MPIEXEC, *program, *lines[0], ":", *program, *lines[1]],
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 2, done.stdout + done.stderr
        assert not (tmp_path / "new").exists()
        assert done.stderr.count("error:") == 1
        assert "nowhere" in done.stderr or "--mpi" not in arguments
        assert "nowhere" in done.stderr or "here_mpi" not in str(arguments)


@pytest.mark.thorough
def test_more_workers_than_cores_over_the_ranks_of_a_host_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("CFR_SHM_ENGINE_OVERSUBSCRIBE")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "")
    run = tmp_path / "run"
    line = ["train", "-c", "kuhn", "--mpi", "--logdir", run, "--iters", 1000]
    done = call_ranks(3, *line, "--num-workers", os.cpu_count() or 1)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("error:") == done.stderr.count("3 ranks with") == 1
    assert "engine.oversubscribe=true" in done.stderr
    assert not run.exists()
    done = call_ranks(3, *line, "--num-workers", 1, "--set", "engine.oversubscribe=true")
    assert done.returncode == 0, done.stdout + done.stderr


_ERROR = """
import sys
from cfr_shm.cli.main import main
from cfr_shm.ranks.exchange import Exchange

average = Exchange.average_regrets

def fail(self, table):
    average(self, table)
    if self._world.rank == {rank}:
        raise ValueError("made up")

Exchange.average_regrets = fail
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 1])
def test_an_exception_in_one_rank_ends_all(tmp_path, rank):
    run = tmp_path / "run"
    arguments = train(run, "--mpi", "--time-budget", 60)
    done = run_script(tmp_path, _ERROR.format(rank=rank), *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"error: rank {rank}: ValueError: made up" in done.stderr
    if rank == 0:
        assert summary_of(run)["status"] == "failed"


_NOT_THERE = """
import os, sys
from cfr_shm.cli.main import main

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}" and os.environ["PMI_RANK"] == "1":
            raise {error}

sys.meta_path.insert(0, Broken())
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("module", "error", "code"),
    [
        ("cfr_shm.run.ranked", "KeyboardInterrupt", 130),
        ("cfr_shm.run.train", "ImportError('made up')", 1),
    ],
)
def test_whatever_ends_one_rank_before_the_run_ends_all(tmp_path, module, error, code):
    """The others wait for it by then, and so would it for them, on leaving."""
    text = _NOT_THERE.format(module=module, error=error)
    done = run_script(tmp_path, text, *train(tmp_path / "run", "--mpi", "--iters", 1000))
    assert done.returncode == code, done.stdout + done.stderr
    assert "error: rank 1: " in done.stderr


_INTERRUPTED = """
import os, signal, sys
from cfr_shm.cli.main import main
from cfr_shm.ranks.world import Mpi

begin = Mpi.__init__

def interrupted(world):
    begin(world)
    if os.environ["PMI_RANK"] == "1":
        os.kill(os.getpid(), signal.SIGINT)

Mpi.__init__ = interrupted
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.thorough
def test_an_interrupt_as_mpi_starts_ends_all(tmp_path):
    done = run_script(tmp_path, _INTERRUPTED, *train(tmp_path / "run", "--mpi", "--iters", 1000))
    assert done.returncode == 130, done.stdout + done.stderr
    assert "error: rank 1: " in done.stderr


@pytest.mark.thorough
def test_a_directory_that_is_taken_is_told_once(tmp_path):
    (tmp_path / "config.yaml").write_text("game: {name: kuhn}\n")
    done = call_ranks(2, *train(tmp_path, "--mpi", "--iters", 1000))
    assert done.returncode == 2
    assert done.stderr.count("holds another run") == 1


@contextlib.contextmanager
def started(directory, ranks, *further, script=None):
    """Start a long run; yield the launcher and the ranks once they train.

    ``script`` leads to the command line.
    """
    line = ranks_of(
        ranks, *train(directory, "--mpi", "--time-budget", 600, *further), script=script
    )
    launcher = subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        metrics = directory / "metrics.jsonl"
        give_up = time.monotonic() + 120
        while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < give_up:
            time.sleep(0.05)
        below = psutil.Process(launcher.pid).children(recursive=True)
        what = "cfr_shm" if script is None else str(script)
        found = [each for each in below if what in each.cmdline()]
        assert len(found) == ranks, launcher.stdout
        yield launcher, sorted(found, key=lambda each: each.pid)
    finally:
        end_with_all_below(launcher)


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_any_rank_ends_all_with_a_checkpoint(tmp_path, rank):
    run = tmp_path / "run"
    with started(run, 2) as (launcher, ranks):
        ranks[rank].send_signal(signal.SIGTERM)
        out = launcher.communicate(timeout=60)[0]
        assert launcher.returncode == 143, out
    summary = summary_of(run)
    assert summary["status"] == "interrupted"
    done = about_newest(run)["completed"]
    assert sum(end - first for first, end in done) == summary["iterations"]


_SIGNAL_WHILE_WAITING = """
import os, signal, sys
from cfr_shm.cli.main import main
from cfr_shm.ranks.world import Mpi

wait = Mpi.wait_for_all
waits = 0

def wait_and_signal(world):
    global waits
    waits += 1
    wait(world)
    if world.rank == {rank} and waits == 2:
        os.kill(os.getpid(), signal.SIGTERM)

Mpi.wait_for_all = wait_and_signal
sys.exit(main(sys.argv[1:]))
"""

_SIGNAL_BEFORE_TRAINING = """
import os, signal, sys
from cfr_shm.cli.main import main
from cfr_shm.ranks.world import Mpi
from cfr_shm.run import train

ready = train.make_kernels_ready

def signal_first(*arguments):
    if os.environ.get("PMI_RANK") == "{rank}":
        os.kill(os.getpid(), signal.SIGTERM)
    ready(*arguments)

train.make_kernels_ready = signal_first
sys.exit(main(sys.argv[1:]))
"""


_IMPATIENT = """
import sys
from cfr_shm.cli.main import main
from cfr_shm.ranks import world

world.PATIENCE_POLLS = 300
sys.exit(main(sys.argv[1:]))
"""


def hear_who_is_waited_for(launcher, rank, pid):
    """Read on until ranks say that they wait for this one; check who says so.

    On a busy machine they may come to wait for another before, or as well.
    """
    told, named = "", re.compile(rf"waiting for .*\brank {rank} \(process {pid} on ")
    while not named.search(told):
        told = launcher.stdout.readline()
        assert told, "nobody said that they wait for it"
    assert told.startswith("rank 1: ") == (rank == 0)


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 1])
def test_ranks_say_whom_they_wait_for(tmp_path, rank):
    script = tmp_path / "impatient.py"
    script.write_text(_IMPATIENT)
    with started(tmp_path / "run", 3, script=script) as (launcher, ranks):
        by_rank = {int(each.environ()["PMI_RANK"]): each for each in ranks}
        by_rank[rank].suspend()
        hear_who_is_waited_for(launcher, rank, by_rank[rank].pid)
        by_rank[rank].resume()
        by_rank[2].send_signal(signal.SIGTERM)
        out = launcher.communicate(timeout=60)[0]
        assert launcher.returncode == 143, out
    # On a busy machine they may come to wait for another as well.
    log = (tmp_path / "run" / "log.txt").read_text()
    assert (f"waiting for rank {rank} " in log) == (rank == 1)


_FROZEN_HALFWAY = """
import os, signal, sys
from pathlib import Path
from cfr_shm.cli.main import main
from cfr_shm.ranks import world

world.PATIENCE_POLLS = 300
verb = world.Mpi.{verb}
metrics = Path(sys.argv[sys.argv.index("--logdir") + 1]) / "metrics.jsonl"
frozen = set()

def freezes(self, values):
    trains = metrics.exists() and metrics.stat().st_size > 0
    if self.rank == {rank} and trains and not frozen:
        frozen.add(self.rank)
        os.kill(os.getpid(), signal.SIGSTOP)
    return verb(self, values)

world.Mpi.{verb} = freezes
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.thorough
@pytest.mark.parametrize(("rank", "verb"), [(0, "gather"), (2, "gather"), (0, "add_up")])
def test_ranks_say_who_came_and_does_nothing_any_more(tmp_path, rank, verb):
    script = tmp_path / "freezes.py"
    script.write_text(_FROZEN_HALFWAY.format(rank=rank, verb=verb))
    with started(tmp_path / "run", 3, script=script) as (launcher, ranks):
        frozen = next(each for each in ranks if int(each.environ()["PMI_RANK"]) == rank)
        hear_who_is_waited_for(launcher, rank, frozen.pid)
        frozen.resume()
        frozen.send_signal(signal.SIGTERM)
        out = launcher.communicate(timeout=60)[0]
        assert launcher.returncode == 143, out


def run_script(directory, text, *arguments):
    """Run two ranks of a script that leads to the command line."""
    script = directory / "signalled.py"
    script.write_text(text)
    return call_ranks(2, *arguments, script=script)


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_between_the_report_and_the_agreement_ends_all_ranks(tmp_path, rank):
    run = tmp_path / "run"
    text = _SIGNAL_WHILE_WAITING.format(rank=rank)
    done = run_script(tmp_path, text, *train(run, "--mpi", "--time-budget", 30))
    assert done.returncode == 143, done.stdout + done.stderr
    assert summary_of(run)["status"] == "interrupted"
    done = about_newest(run)["completed"]
    assert sum(end - first for first, end in done) == summary_of(run)["iterations"]


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_before_training_ends_all_ranks(tmp_path, rank):
    run = tmp_path / "run"
    text = _SIGNAL_BEFORE_TRAINING.format(rank=rank)
    done = run_script(tmp_path, text, *train(run, "--mpi", "--time-budget", 30))
    assert done.returncode == 143, done.stdout + done.stderr
    assert f"rank {rank}: stopped by SIGTERM; nothing had been done" in done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_ends_the_job_and_the_last_checkpoint_stands(tmp_path, rank):
    run = tmp_path / "run"
    with started(run, 2, "--checkpoint-interval", 0.3) as (launcher, ranks):
        give_up = time.monotonic() + 60
        while not list((run / "checkpoints").glob("[0-9]*/manifest.json")):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        ranks[rank].kill()
        out = launcher.communicate(timeout=60)[0]
        assert launcher.returncode != 0
        _gone, alive = psutil.wait_procs(ranks, timeout=30)
        assert not alive
    # The launcher says which process; the log, which rank that was.
    assert f"PID {ranks[rank].pid} RUNNING AT" in out
    assert f"(process {ranks[rank].pid} on " in (run / "log.txt").read_text()
    done = call_ranks(2, "resume", run, "--mpi", "--time-budget", 0.3)
    assert done.returncode == 0, done.stderr
    assert summary_of(run)["status"] == "finished"
