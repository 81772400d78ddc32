"""Ranks that were not started alike: one line, exit code 2 from all, and nothing is written."""

import subprocess
import sys

import pytest
from launched import MPIEXEC, call_ranks

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="mpich's wheel is for Linux"),
    pytest.mark.usefixtures("no_segment_of_mpi_is_left", "ranks_may_share_cores"),
]


def call_each(*lines, script=None):
    """Run a rank of each line to its end; ``script`` leads to the command line of the second."""
    programs = []
    for number, line in enumerate(lines):
        program = ["-m", "cfr_shm"] if script is None or number == 0 else [script]
        programs += [":", "-n", "1", sys.executable, *program, *line]
    return subprocess.run(
        [MPIEXEC, *map(str, programs[1:])], capture_output=True, text=True, timeout=180
    )


def train(directory, *further):
    line = ("train", "-c", "leduc", "--mpi", "--num-workers", 1, "--iters", 1000)
    return [*line, "--logdir", directory, *further]


def refused(done, line):
    """Return whether one rank has said it, and all have ended."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("error:") == done.stderr.count(line) == 1, done.stderr
    return True


@pytest.mark.parametrize(
    ("further", "line"),
    [
        (("--iters", 2000), "run.iterations: 2000 instead of 1000"),
        (("--set", "engine.exchange=0.5"), 'engine.exchange: 0.5 instead of "auto"'),
        (("--set", "algorithm.weighting=linear"), 'algorithm.weighting: "linear" instead of'),
    ],
    ids=["target", "exchange", "weighting"],
)
def test_other_settings(tmp_path, further, line):
    run = tmp_path / "run"
    done = call_each(train(run), train(run, *further))
    assert refused(done, f"rank 1 has another configuration than rank 0 ({line}")
    assert not run.exists()


def test_how_each_machine_does_its_part_may_differ(tmp_path):
    run = tmp_path / "run"
    own = ("--num-workers", 2, "--set", "engine.batch_seconds=0.05", "--loglevel", "warning")
    done = call_each(train(run), train(run, *own))
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_begins_a_run_and_another_goes_on_with_one(tmp_path):
    run = tmp_path / "run"
    assert call_ranks(1, *train(run)).returncode == 0
    done = call_each(train(tmp_path / "new"), ["resume", run, "--mpi", "--iters", 2000])
    assert refused(done, "rank 1 was started as 'resume' and rank 0 as 'train'")
    assert not (tmp_path / "new").exists()


_ANOTHER = """
import sys
from cfr_shm.cli.main import main
from cfr_shm.run import ranked

{change}
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ('ranked.__version__ = "0.0.1"', "rank 1 has another version than rank 0 (0.0.1 instead"),
        ('ranked.machine_code = lambda: "other"', "another processor or compiler than rank 0 (oth"),
    ],
    ids=["version", "processor"],
)
def test_another_version_or_processor(tmp_path, change, line):
    run, script = tmp_path / "run", tmp_path / "another.py"
    script.write_text(_ANOTHER.format(change=change))
    alike = ("--mode", "deterministic")
    done = call_each(train(run, *alike), train(run, *alike), script=script)
    assert refused(done, line)
    assert not run.exists()


_WITHOUT_MPI = """
import sys
sys.modules["mpi4py"] = None
from cfr_shm.cli.main import main

sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("lacking", [(0, 1), (0,), (1,)], ids=["all", "first", "other"])
def test_mpi4py_is_missing(tmp_path, lacking):
    """Those that have it wait in the start of MPI, where nobody can tell them but the launcher."""
    run, script = tmp_path / "run", tmp_path / "without.py"
    script.write_text(_WITHOUT_MPI)
    if len(lacking) == 2:
        done = call_ranks(2, *train(run), script=script)
    else:
        without, by = (sys.executable, script), (sys.executable, "-m", "cfr_shm")
        programs = [without if rank in lacking else by for rank in (0, 1)]
        line = [MPIEXEC, "-n", "1", *programs[0], *train(run), ":"]
        line += ["-n", "1", *programs[1], *train(run)]
        done = subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=180)
    assert refused(done, "--mpi needs mpi4py and an MPI library")
    assert "pip install 'cfr-shm[mpi]'" in done.stderr
    assert not run.exists()


def test_there_is_no_mpi_library(tmp_path):
    run = tmp_path / "run"
    done = call_ranks(2, *train(run), MPI4PY_LIBMPI=str(tmp_path / "libmpi.so"))
    assert refused(done, "--mpi: mpi4py finds no MPI library")
    assert not run.exists()


def test_some_are_told_of_mpi_and_others_are_not(tmp_path):
    run = tmp_path / "run"
    assert call_ranks(1, *train(run)).returncode == 0
    before = (run / "summary.json").read_bytes()
    line = ["resume", run, "--iters", 2000]
    done = call_each([*line, "--mpi"], line)
    assert refused(done, "each believes that it is alone: add --mpi")
    assert (run / "summary.json").read_bytes() == before
