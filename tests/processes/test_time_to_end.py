"""Whoever of a job dies, and when: all of it ends, at once, and says so.

How long that takes is printed (``pytest -m slow -s``) and bounded widely: a busy machine is slow.
"""

import json
import os
import subprocess
import sys

import dying_ranks
import pytest
from dying_ranks import ended
from launched import MPIEXEC, call_ranks

from cfr_shm.memory.segments import remove_stale_segments

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="mpich's wheel is for Linux"),
    pytest.mark.usefixtures("no_segment_of_mpi_is_left", "ranks_may_share_cores"),
]

#: Seconds from the death to the end of the last process; measured .02 to .8.
BOUND = 10.0

#: Moments, and who dies at them.
OF_RANKS = ("before MPI", "compiling", "training", "meeting", "exchange", "checkpoint", "leaving")
CASES = [
    *[(moment, rank) for moment in OF_RANKS for rank in ("rank 0", "rank 1")],
    ("writing", "rank 0"),
    ("evaluating", "rank 0"),
    *[(moment, who) for who in ("daemon", "machine") for moment in ("training", "exchange")],
]

#: How ranks are started: on one machine, and on what MPICH takes for three, over a network.
APART = ("-launcher", "fork", "-hosts", "127.0.0.1,127.0.0.2,127.0.0.3", "-ppn", "1")
LAUNCHERS = {
    "one machine": (MPIEXEC, "-n", "3", sys.executable),
    "three machines": (MPIEXEC, *APART, "-n", "3", sys.executable),
}


def die(directory, launcher, moment, victim):
    """Run a job until something of it has died; return how it ended."""
    told, run = directory / "told", directory / "run"
    seconds = 3 if moment in ("leaving", "evaluating") else 600
    line = (
        *launcher, dying_ranks.__file__, moment, victim, told, "train", "-c", "leduc", "--mpi",
        "--num-workers", 1, "--logdir", run, "--time-budget", seconds,
        "--checkpoint-interval", 0.5, "--set", "engine.exchange=0.2",
    )  # fmt: skip
    found = ended(list(map(str, line)), str(directory), told, 60)
    sys.stdout.write(f"{moment}, {victim}: all gone {found.seconds:.2f} s later\n")
    assert found.code != 0, found.output
    # Those of a rank that was killed itself; the next run removes them.
    remove_stale_segments()
    return found


@pytest.mark.thorough
def test_ranks_end_where_the_daemon_of_their_machine_dies(tmp_path):
    """MPICH's would train on, and nobody could end them."""
    die(tmp_path, LAUNCHERS["one machine"], "training", "daemon")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert "which has started this rank, has died" in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.thorough
def test_messages_may_go_over_a_network(tmp_path):
    """MPICH sends them otherwise than within a machine, and takes them in otherwise."""
    run = tmp_path / "run"
    line = ("-m", "cfr_shm", "train", "-c", "leduc", "--mpi", "--num-workers", "1")
    bounds = ("--iters", "200_000", "--set", "engine.exchange=0.05", "--logdir", str(run))
    done = subprocess.run(
        [*LAUNCHERS["three machines"], *line, *bounds], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 ranks: " in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize(("moment", "victim"), CASES)
def test_a_death_at_any_moment_ends_all_soon(tmp_path, launcher, moment, victim):
    found = die(tmp_path, LAUNCHERS[launcher], moment, victim)
    assert found.seconds < BOUND
    if moment == "exchange" and launcher == "one machine":
        run = tmp_path / "run"
        if list((run / "checkpoints").glob("[0-9]*/manifest.json")):
            done = call_ranks(2, "resume", run, "--mpi", "--time-budget", 0.3)
            assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.openmpi
@pytest.mark.parametrize(("moment", "victim"), CASES)
def test_so_it_is_with_open_mpi(tmp_path, monkeypatch, moment, victim):
    place = os.environ.get("CFR_SHM_OPEN_MPI")
    if not place:
        pytest.fail("CFR_SHM_OPEN_MPI names no environment with openmpi and mpi4py")
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")
    launcher = (f"{place}/mpiexec", "--oversubscribe", "-n", "3", f"{place}/python")
    assert die(tmp_path, launcher, moment, victim).seconds < BOUND
