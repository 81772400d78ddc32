"""Worlds: alone, and what launchers say that --mpi does not."""

import subprocess
import sys

import numpy as np
import pytest
from threaded_world import run_ranks

from cfr_shm.errors import UsageError
from cfr_shm.ranks.alone import Alone
from cfr_shm.ranks.launchers import refuse_another_launcher
from cfr_shm.ranks.world import open_world
from cfr_shm.run import examined_ranks
from cfr_shm.run.examined_ranks import examine_ranks


def test_alone_one_answers_oneself():
    world = open_world("none", {})
    assert (world.rank, world.size) == (0, 1)
    assert world.gather(np.array([1.0, 2.0])).tolist() == [[1.0, 2.0]]
    assert world.gather_ranges([(0, 5)]) == [[(0, 5)]]
    assert world.texts("a") == ["a"]
    values = np.array([3.0], np.float32)
    world.add_up(values)
    assert values.tolist() == [3.0]
    assert not Alone().is_called(1)


@pytest.mark.parametrize(
    "launcher",
    [
        {"PMI_SIZE": "2"},
        {"OMPI_COMM_WORLD_SIZE": "8"},
        {"SLURM_STEP_NUM_TASKS": "4"},
    ],
)
def test_copies_that_each_believe_to_be_alone_are_refused(launcher):
    with pytest.raises(UsageError, match="each believes that it is alone: add --mpi"):
        open_world("none", launcher)


def test_a_launcher_of_one_process_and_a_batch_script_are_alone():
    for launcher in ({"PMI_SIZE": "1"}, {"SLURM_NTASKS": "4"}, {"PMI_SIZE": "many"}):
        assert open_world("none", launcher).size == 1


def test_without_mpi4py_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(UsageError, match=r"pip install 'cfr-shm\[mpi\]'"):
        open_world("mpi", {})


def test_ranks_are_examined_together(monkeypatch):
    monkeypatch.setattr(examined_ranks, "PROBE_BYTES", 1 << 16)

    def work(world):
        world.library = "threads"
        return examine_ranks(world)

    first, second = run_ranks(2, work)
    assert first == second
    found = {each.name: each for each in first}
    assert found["ranks"].found.startswith("2 on 1 hosts")
    assert found["MPI library"].found == "threads"
    assert found["exchange"].found.endswith("GB/s of regrets")
    assert all(each.status == "ok" or each.remedy for each in first)


def test_nobody_else_imports_mpi4py():
    program = "import sys, cfr_shm.run.train; sys.exit('mpi4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("library", "build", "environment", "line"),
    [
        (
            "MPICH Version: 5.0.2",
            "--with-pm=hydra",
            {"PMIX_NAMESPACE": "slurm.1"},
            "by PMIx, which",
        ),
        ("MPICH Version: 5.0.2", "--with-pmix=/opt", {"PMIX_NAMESPACE": "slurm.1"}, None),
        ("MPICH Version: 5.0.2", "", {"PMIX_NAMESPACE": "slurm.1", "PMI_FD": "9"}, None),
        ("MPICH Version: 5.0.2", "", {"PMI_RANK": "0"}, None),
        ("Open MPI v5.0.11", "", {"PMIX_NAMESPACE": "slurm.1"}, None),
        ("MPICH Version: 5.0.2", "", {"OMPI_COMM_WORLD_SIZE": "2"}, "Open MPI's mpiexec has"),
    ],
)
def test_a_language_that_would_end_the_library_is_refused(library, build, environment, line):
    if line is None:
        refuse_another_launcher(library, build, environment)
    else:
        with pytest.raises(UsageError, match=line):
            refuse_another_launcher(library, build, environment)
