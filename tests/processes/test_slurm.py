"""Ranks under SLURM: its daemons on this machine, and the script of docs/many_machines.md."""

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_segment_of_mpi_is_left"),
    pytest.mark.skipif(shutil.which("slurmctld") is None, reason="there is no SLURM here"),
    pytest.mark.skipif(os.name == "nt" or os.getuid() != 0, reason="slurmd runs as root"),
]

DOCUMENT = Path(__file__).parents[2] / "docs" / "many_machines.md"

CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={place}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
SlurmctldLogFile={place}/slurmctld.log
SlurmdLogFile={place}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_ports():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """Run SLURM's daemons until the tests are done; return the environment of its commands."""
    place = tmp_path_factory.mktemp("slurm")
    for part in ("state", "spool"):
        (place / part).mkdir()
    key = place / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    host, user = socket.gethostname().partition(".")[0], getpass.getuser()
    (place / "slurm.conf").write_text(
        CONF.format(host=host, user=user, place=place, ports=free_ports())
    )
    environment = {**os.environ, "SLURM_CONF": str(place / "slurm.conf")}
    munged = ["munged", "--foreground", "--force", f"--key-file={key}"]
    munged += [f"--{each}-file={place}/munge.{each}" for each in ("pid", "seed", "log")]
    lines = [[*munged, f"--socket={place}/munge.socket"], ["slurmctld", "-D"], ["slurmd", "-D"]]
    daemons = []
    try:
        for line in lines:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            daemons.append(subprocess.Popen(line, env=environment, **quiet))
            time.sleep(1.0)
        give_up = time.monotonic() + 60
        while "idle" not in ask(environment, "sinfo", "-h", "-o", "%t"):
            assert time.monotonic() < give_up, (place / "slurmctld.log").read_text()
            time.sleep(0.5)
        yield environment
        ask(environment, "scancel", "--user", user)
    finally:
        for each in reversed(daemons):
            each.terminate()
            each.wait(30)


def ask(environment, *command):
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120
    ).stdout


def srun(environment, kind, *arguments, python=sys.executable):
    line = ["srun", "-n", "2", f"--mpi={kind}", python, "-m", "cfr_shm"]
    return subprocess.run(
        [*line, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=180
    )


def test_srun_starts_ranks(slurm, tmp_path):
    run = tmp_path / "run"
    train = ("train", "-c", "leduc", "--num-workers", 1, "--logdir", run, "--iters", 100_000)
    done = srun(slurm, "pmi2", *train, "--mpi")
    assert done.returncode == 0, done.stderr
    summary = json.loads((run / "summary.json").read_text())
    assert [each["rank"] for each in summary["ranks"]] == [0, 1]


@pytest.mark.openmpi
def test_srun_starts_ranks_of_open_mpi_by_pmix(slurm, tmp_path):
    place = os.environ.get("CFR_SHM_OPEN_MPI")
    if not place:
        pytest.fail("CFR_SHM_OPEN_MPI names no environment with openmpi and mpi4py")
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    run = tmp_path / "run"
    train = ("train", "-c", "leduc", "--num-workers", 1, "--logdir", run, "--iters", 100_000)
    python = f"{place}/python"
    done = srun({**slurm, **allowed}, "pmix", *train, "--mpi", python=python)
    assert done.returncode == 0, done.stderr
    summary = json.loads((run / "summary.json").read_text())
    assert [each["rank"] for each in summary["ranks"]] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "flags", "line", "times"),
    [
        ("none", ("--mpi",), "MPI finds only this one", 1),
        ("none", (), "each believes that it is alone: add --mpi", 2),
        ("pmix", ("--mpi",), "this was started by PMIx, which MPICH ", 1),
    ],
    ids=["no language", "no flag", "PMIx"],
)
def test_srun_without_a_common_language_is_refused(slurm, tmp_path, kind, flags, line, times):
    run = tmp_path / "run"
    done = srun(slurm, kind, "train", "-c", "leduc", "--logdir", run, *flags)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(line) == times
    assert done.stderr.count("error: ") - done.stderr.count("srun: error: ") == times, done.stderr
    assert "Abort(" not in done.stderr
    assert not run.exists()


def script(run):
    """Return the script of the document, for this machine."""
    text = re.search(r"```sh\n(#!/bin/bash\n.*?)```", DOCUMENT.read_text(), re.DOTALL).group(1)
    changes = [
        ("--nodes=8 --ntasks-per-node=1 --cpus-per-task=64 --exclusive", "--nodes=1 --ntasks=2"),
        ("--mpi=pmix", "--mpi=pmi2"),
        ("export CFR_SHM_CACHE_DIR=$TMPDIR/cfr-shm", f"RUN={run}"),
        ("cfr-shm train -c hu_standard", f"{sys.executable} -m cfr_shm train -c leduc "
         "--num-workers 1 --time-budget 600"),
        ("cfr-shm resume", f"{sys.executable} -m cfr_shm resume"),
    ]  # fmt: skip
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def wait_for(what, seconds=180):
    give_up = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up
        time.sleep(0.5)


def test_the_documented_script_is_stopped_requeued_and_goes_on(slurm, tmp_path):
    run, path = tmp_path / "run", tmp_path / "job.sh"
    path.write_text(script(run))
    output = f"--output={tmp_path / 'out'}"
    job = ask(slurm, "sbatch", "--parsable", output, str(path)).strip()
    metrics, summary = run / "metrics.jsonl", run / "summary.json"
    wait_for(lambda: metrics.exists() and metrics.stat().st_size > 0)
    ask(slurm, "scancel", "--signal=TERM", job)
    wait_for(lambda: summary.exists() and "interrupted" in summary.read_text())
    done = json.loads(summary.read_text())["iterations"]
    wait_for(lambda: ask(slurm, "squeue", "-h", "-j", job, "-o", "%t").strip() == "PD")
    # SLURM itself lets two minutes pass.
    wait_for(lambda: f"from iteration {done}" in (tmp_path / "out").read_text(), 300)
    ask(slurm, "scancel", "--signal=TERM", job)
    wait_for(lambda: json.loads(summary.read_text())["iterations"] > done)
    ask(slurm, "scancel", job)
