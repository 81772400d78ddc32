"""Parquet is written in memory that does not grow with the table; each export has a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cfr_shm.cli.main import main
from cfr_shm.kernels.cache import cache_root

SMALL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[3bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 200, 200, 100]}
"""
LARGE = """
game: {name: holdem, blinds: [1, 2], stacks: 200, ranks: 5}
abstraction: {preflop: [[2.5bb, 4bb], [3x], [allin]], flop: [[0.33, 0.5, 0.75, 1], [0.5, 1]],
              turn: [[0.5, 0.75, 1], [0.5, 1]], river: [[0.33, 0.5, 0.75, 1, 1.5], [1, allin]],
              bucket_method: percentile, bucket_counts: [25, 200, 200, 100]}
"""
#: A tree of 551,664 nodes, 46 bytes each, whose rows are few.
BROAD = """
game: {name: holdem, blinds: [1, 2], stacks: 260, ranks: 5}
abstraction: {preflop: [[2.5bb, 4bb], [3x], [allin]], flop: [[0.33, 0.5, 0.75, 1], [0.5, 1]],
              turn: [[0.33, 0.5, 0.75, 1, 1.5], [0.5, 1]],
              river: [[0.33, 0.5, 0.75, 1, 1.5, 2], [0.5, 1, allin]],
              bucket_method: percentile, bucket_counts: [25, 2, 2, 2]}
"""
EXPORT = """
import sys
from cfr_shm.cli.main import main

assert main(sys.argv[1:]) == 0
assert "pandas" not in sys.modules
status = open("/proc/self/status").read()
print(1024 * int(status.split("VmHWM:")[1].split()[0]))
"""


def trained(place, text):
    """Train in no time; return the run."""
    place.mkdir()
    (place / "game.yaml").write_text(text)
    quiet = ["--iters", "10", "--num-workers", "1", "--loglevel", "warning"]
    run = place / "run"
    assert main(["train", "-c", str(place / "game.yaml"), "--logdir", str(run), *quiet]) == 0
    return run


def peak_of_export(run, out, **environment) -> tuple[int, str]:
    """Export; return the peak bytes of the process, and what it told."""
    script = run.parent / "export.py"
    script.write_text(EXPORT)
    command = [sys.executable, str(script), "export", str(run), "--format", "parquet"]
    found = subprocess.run(
        [*command, "--out", str(out)],
        check=True,
        capture_output=True,
        text=True,
        cwd=run.parent,
        env={**os.environ, **environment},
    )
    return int(found.stdout.splitlines()[-1]), found.stderr


def exported(place, text) -> tuple[int, int, int]:
    """Train in no time, export; return bytes of the table, peak bytes of the export, and lines."""
    run = trained(place, text)
    peak, _ = peak_of_export(run, place / "out.parquet")
    table = (run / "checkpoints" / "10" / "rows.npy").stat().st_size
    return table, peak, pq.read_metadata(place / "out.parquet").num_rows


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are Linux's to tell")
def test_a_hundred_times_the_table_takes_little_more_memory(tmp_path):
    small, small_peak, _ = exported(tmp_path / "small", SMALL)
    large, large_peak, lines = exported(tmp_path / "large", LARGE)
    assert large > 100 << 20
    assert large > 100 * small
    assert lines > 8_000_000
    assert large_peak < small_peak + (64 << 20)
    assert large_peak < 300_000_000


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are Linux's to tell")
def test_a_large_tree_takes_no_more_memory(tmp_path):
    _, small_peak, _ = exported(tmp_path / "small", SMALL)
    _, broad_peak, lines = exported(tmp_path / "broad", BROAD)
    assert lines > 1_000_000
    assert broad_peak < small_peak + (64 << 20)
    assert broad_peak < 300_000_000


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are Linux's to tell")
def test_the_first_export_of_a_machine_takes_no_more_memory_than_the_next(tmp_path):
    run = trained(tmp_path / "run", SMALL)
    cold = tmp_path / "cache"
    shutil.copytree(cache_root() / "buckets", cold / "buckets", ignore=not_of_the_royal_deck)
    places = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    (first, told), (second, again) = (
        peak_of_export(run, each, CFR_SHM_CACHE_DIR=str(cold)) for each in places
    )
    assert "compiling" in told
    assert "compiling" not in again
    assert first < second + (24 << 20)
    assert pq.read_table(places[0]).equals(pq.read_table(places[1]))


def not_of_the_royal_deck(folder, names):
    return [name for name in names if Path(folder).name == "buckets" and "royal" not in name]
