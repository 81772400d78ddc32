"""What "all usable cores" means, from faked control groups, affinities and batch jobs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cfr_shm.cards.parallel import thread_count
from cfr_shm.machine import cores
from cfr_shm.machine.cores import JOB_CORES, core_limits, usable_cores

MANY = 4096


def found(tmp_path: Path, monkeypatch, membership="", job=None, files=(), there=MANY) -> int:
    """Return the cores of a process in faked surroundings; ``files``: (path, content) pairs."""
    monkeypatch.setattr(os, "cpu_count", lambda: there)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(there)))
    (tmp_path / "membership").write_text(membership)
    for path, content in files:
        (tmp_path / "root" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / path).write_text(f"{content}\n")
    environment = {} if job is None else {JOB_CORES: job}
    limits = core_limits(environment, tmp_path / "membership", tmp_path / "root")
    return min(limit.cores for limit in limits)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("max 100000", MANY),
        ("nonsense", MANY),
        ("100000 0", MANY),
        ("", MANY),
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("1600000 50000", 32),
        ("99999999999 100000", MANY),
    ],
)
def test_version_2_in_the_group_of_the_process(tmp_path, monkeypatch, content, expected):
    files = [("user.slice/job/cpu.max", content)]
    assert found(tmp_path, monkeypatch, "0::/user.slice/job\n", files=files) == expected


@pytest.mark.parametrize("place", ["", "a.slice/", "a.slice/pod/", "unified/", "unified/a.slice/"])
def test_version_2_in_any_ancestor_and_beside_version_1(tmp_path, monkeypatch, place):
    files = [(f"{place}cpu.max", "300000 100000"), ("a.slice/pod/run/cpu.max", "max 100000")]
    assert found(tmp_path, monkeypatch, "0::/a.slice/pod/run\n", files=files) == 3


@pytest.mark.parametrize("top", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("below", ["", "docker/", "docker/1f/"])
def test_version_1_wherever_its_controller_is_mounted(tmp_path, monkeypatch, top, below):
    directory = f"{top}/{below}"
    files = [(f"{directory}cpu.cfs_quota_us", 250000), (f"{directory}cpu.cfs_period_us", 100000)]
    membership = "9:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/\n"
    assert found(tmp_path, monkeypatch, membership, files=files) == 3


def test_version_1_without_a_quota_and_of_other_controllers(tmp_path, monkeypatch):
    files = [
        ("cpu/cpu.cfs_quota_us", -1),
        ("cpu/cpu.cfs_period_us", 100000),
        ("cpuacct/cpu.cfs_quota_us", 100000),
        ("cpuacct/cpu.cfs_period_us", 100000),
    ]
    assert found(tmp_path, monkeypatch, "1:cpu:/\n2:cpuacct:/\n", files=files) == MANY


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("6", 6),
        ("1", 1),
        ("0", MANY),
        ("", MANY),
        ("-2", MANY),
        ("4(x2)", MANY),
        ("²", MANY),
        ("99999", MANY),
    ],
)
def test_a_job_of_slurm(tmp_path, monkeypatch, job, expected):
    assert found(tmp_path, monkeypatch, job=job) == expected


def test_the_tightest_limit_decides(tmp_path, monkeypatch):
    files = [("a/cpu.max", "400000 100000"), ("cpu.max", "800000 100000")]
    for job, there, expected in [("8", 64, 4), ("3", 64, 3), ("8", 2, 2)]:
        assert found(tmp_path, monkeypatch, "0::/a\n", job, files, there) == expected


def test_where_groups_cannot_be_read_there_are_none(tmp_path):
    (tmp_path / "membership").write_bytes(b"0::/\xff\xfe\n")
    for membership in (tmp_path / "absent", tmp_path, tmp_path / "membership"):
        assert min(each.cores for each in core_limits({}, membership, tmp_path)) >= 1


def test_workers_and_threads_count_by_the_same_rule(monkeypatch):
    monkeypatch.setenv(JOB_CORES, "1")
    assert usable_cores() == thread_count(0) == 1
    assert thread_count(3) == 3
    assert cores.deciding_limit().cores == 1


@pytest.mark.skipif(sys.platform != "linux", reason="needs an affinity")
def test_a_real_affinity_and_a_real_job():
    script = "from cfr_shm.machine.cores import *; print(usable_cores(), deciding_limit().name)"
    one = min(os.sched_getaffinity(0))

    def run(*prefix: str, **environment: str) -> str:
        command = [*prefix, sys.executable, "-c", script]
        environment = {**os.environ, **environment}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    here = run()
    assert here.split()[0] == str(usable_cores())
    if usable_cores() > 1:
        assert run("taskset", "-c", str(one)) == "1 the affinity"
        assert run(SLURM_CPUS_PER_TASK="1") == "1 SLURM_CPUS_PER_TASK=1"


def test_no_other_module_counts_cores_by_itself():
    package = Path(cores.__file__).parents[1]
    own = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"sched_getaffinity|cpu\.max|cfs_quota|process_cpu_count", path.read_text())
    ]
    assert own == ["machine/cores.py"]
