"""A table of several GiB, trained by more workers than there are cores, in bounded time."""

import json
import subprocess
import sys

import psutil
import pytest

from cfr_shm.memory.segments import stale_segments

GIB = 2**30
TABLE_BYTES = 3 * GIB
#: A guard against hanging; fresh pages of a virtual machine alone took two minutes once.
BOUND_SECONDS = 600


@pytest.mark.slow
@pytest.mark.skipif(
    psutil.virtual_memory().available < 3 * TABLE_BYTES, reason="needs 9 GiB of free memory"
)
@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_a_table_of_several_gib_is_trained_in_bounded_time(tmp_path, workers):
    from cfr_shm.games.small.synthetic import synthetic_buckets

    command = [sys.executable, "-m", "cfr_shm", "train", "--game", "synthetic", "--json"]
    command += ["--set", f"game.buckets={synthetic_buckets(TABLE_BYTES)}"]
    command += ["--set", "engine.in_process=false", "--num-workers", str(workers)]
    command += ["--time-budget", "5", "--logdir", str(tmp_path / "run")]
    before = stale_segments()
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_SECONDS)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["status"] == "finished"
    assert summary["workers"] == workers
    assert len(summary["busy_fraction"]) == workers
    assert summary["iterations"] > 0
    assert summary["lost_update_estimate"] < 0.01
    # Segments of other runs, which may be there meanwhile, have living creators.
    assert not set(stale_segments()) - set(before)
