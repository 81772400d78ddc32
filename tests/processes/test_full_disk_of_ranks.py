"""The disk of rank 0 is full: saves fail and training goes on, or all ranks end with one line."""

import json
import sys

import pytest
from launched import call_ranks

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="mpich's wheel is for Linux"),
    pytest.mark.usefixtures("no_segment_of_mpi_is_left", "ranks_may_share_cores"),
]

#: No room for the first so many saves of a table.
_FULL = """
import errno, os, sys
from cfr_shm.cli.main import main
from cfr_shm.run import checkpoint_writer
from cfr_shm.memory.checkpoint import CheckpointStore

save, failed = CheckpointStore.save, []

def full(self, *arguments):
    if len(failed) < {saves}:
        failed.append(self)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return save(self, *arguments)

CheckpointStore.save = full
checkpoint_writer.RETRY_SECONDS = (0.1, 0.1, 0.1)
sys.exit(main(sys.argv[1:]))
"""


def train(directory, run, saves):
    script = directory / "full.py"
    script.write_text(_FULL.format(saves=saves))
    return call_ranks(
        2, "train", "-c", "leduc", "--mpi", "--num-workers", 1, "--logdir", run,
        "--iters", 400_000, "--checkpoint-interval", 0.1, "--set", "engine.exchange=0.05",
        script=script,
    )  # fmt: skip


def test_there_is_room_again(tmp_path):
    """What ranks have learnt by then is in the checkpoint that is written at last, and in it once.

    Their strategy sums were moved to rank 0 for those that failed.
    """
    run = tmp_path / "run"
    done = train(tmp_path, run, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    log = (run / "log.txt").read_text()
    assert "failed: No space left on device" in log
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["status"], summary["iterations"]) == ("finished", 400_000)
    assert summary["exploitability"]["value"] < 0.05
    about = json.loads((run / "checkpoints" / "400000" / "manifest.json").read_text())["about"]
    assert about["completed"] == [[0, 400_000]]


def test_there_is_no_room_at_the_end(tmp_path):
    run = tmp_path / "run"
    done = train(tmp_path, run, 10**6)
    assert done.returncode == 1, done.stdout + done.stderr
    told = [each for each in done.stderr.splitlines() if "error:" in each]
    assert len(told) == 1
    assert "the last checkpoint, of iteration 400000, could not be written" in told[0]
    assert "No space left on device" in told[0]
    assert json.loads((run / "summary.json").read_text())["status"] == "failed"
