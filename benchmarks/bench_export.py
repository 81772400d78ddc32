"""Exports as programs use them: lines of parquet per CPU second, peak memory, a bundle of 1 GB.

``pytest benchmarks/bench_export.py --benchmark-only``

Tables are as large as those of long runs, and hardly trained: how much of a table was visited
changes neither what is read nor what is written. CPU time and memory are those of a process of
its own; that a machine compiles nothing any more, or all of it, is one figure each.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

import cfr_shm
from benchmarks.conftest import Scoreboard
from cfr_shm.kernels.cache import cache_root
from cfr_shm.run.bundle import StoredBundle
from cfr_shm.strategy.row_sums import StoredSums

COMMAND = [sys.executable, "-m", "cfr_shm"]

LARGE = """
game: {name: holdem, blinds: [1, 2], stacks: 200, ranks: 5}
abstraction: {preflop: [[2.5bb, 4bb], [3x], [allin]], flop: [[0.33, 0.5, 0.75, 1], [0.5, 1]],
              turn: [[0.5, 0.75, 1], [0.5, 1]], river: [[0.33, 0.5, 0.75, 1, 1.5], [1, allin]],
              bucket_method: percentile, bucket_counts: [25, 200, 200, 100]}
"""

#: A process's work: the command, which says at the end how much memory it had at most.
EXPORT = """
import sys
from cfr_shm.cli.main import main

assert main(sys.argv[1:]) == 0
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""

#: Exports whose median counts.
ROUNDS = 3


class Exported(NamedTuple):
    """What an export took."""

    cpu_seconds: float
    peak_bytes: int
    lines: int


#: The same tree with few lines.
SMALL = LARGE.replace("[25, 200, 200, 100]", "[25, 2, 2, 2]")

#: A table of more than 1 GB.
GIGABYTE = """
game: {name: holdem, blinds: [1, 2], stacks: 260, ranks: 5}
abstraction: {preflop: [[2.5bb, 4bb], [3x], [allin]], flop: [[0.33, 0.5, 0.75, 1], [0.5, 1]],
              turn: [[0.33, 0.5, 0.75, 1, 1.5], [0.5, 1]],
              river: [[0.33, 0.5, 0.75, 1, 1.5, 2], [0.5, 1, allin]],
              bucket_method: percentile, bucket_counts: [25, 1000, 1000, 1000]}
"""


def trained(place: Path, game: str) -> Path:
    """Train in no time; return the run."""
    (place / "game.yaml").write_text(game)
    command = ["train", "-c", str(place / "game.yaml"), "--iters", "10", "--num-workers", "1"]
    command += ["--logdir", str(place / "run"), "--loglevel", "warning"]
    subprocess.run([*COMMAND, *command, "--set", "run.quality=off"], check=True)
    return place / "run"


def exported(run: Path, **environment: str) -> Exported:
    """Export to parquet in a process of its own; CPU time counts that process's own children."""
    script, out = run.parent / "export.py", run.parent / "out.parquet"
    script.write_text(EXPORT)
    command = [sys.executable, str(script), "export", str(run), "--format", "parquet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess.run(
        [*command, "--force", "--out", str(out)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    peak = 1024 * int(found.stdout.split()[-1])
    return Exported(used, peak, pq.read_metadata(out).num_rows)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose table has 148 MB."""
    return trained(tmp_path_factory.mktemp("large"), LARGE)


def test_parquet(
    benchmark: Any, scoreboard: Scoreboard, large: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Lines per CPU second, and the most memory, kernels compiled before.

    Once whole, and once beyond what the same tree takes with hardly any lines.
    """
    small = trained(tmp_path_factory.mktemp("small"), SMALL)
    found: list[Exported] = []
    few: list[Exported] = []

    def both() -> None:
        found.append(exported(large))
        few.append(exported(small))

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    rates, beyond = [], []
    for much, little in zip(found[1:], few[1:], strict=True):
        rates.append(much.lines / much.cpu_seconds / 1e6)
        more = much.cpu_seconds - little.cpu_seconds
        beyond.append((much.lines - little.lines) / more / 1e6)
    scoreboard.at_least("export: parquet", statistics.median(rates), 2, "M lines/CPU s")
    scoreboard.note("export: beyond start and nodes", statistics.median(beyond), "M lines/CPU s")
    peak = max(each.peak_bytes for each in found[1:])
    scoreboard.at_most("export: peak memory", peak / 1e6, 300, "MB")


def test_first_parquet_of_a_machine(
    benchmark: Any, scoreboard: Scoreboard, large: Path, tmp_path: Path
) -> None:
    """The most memory where kernels have to be compiled first."""
    shutil.copytree(cache_root() / "buckets", tmp_path / "buckets")
    cold = {"CFR_SHM_CACHE_DIR": str(tmp_path)}
    found = benchmark.pedantic(exported, args=(large,), kwargs=cold, rounds=1)
    scoreboard.at_most("export: peak memory, compiling", found.peak_bytes / 1e6, 300, "MB")


def test_bundle_of_a_gigabyte(
    benchmark: Any, scoreboard: Scoreboard, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Opening it: sizes, manifests and a row; the game that it is of is built before."""
    place = tmp_path_factory.mktemp("gigabyte")
    command = ["export", str(trained(place, GIGABYTE)), "--format", "bundle"]
    bundle = place / "bundle"
    subprocess.run([*COMMAND, *command, "--out", str(bundle)], check=True)
    shutil.rmtree(place / "run")
    rows = bundle / "strategy" / "rows.npy"
    assert rows.stat().st_size > 1_000_000_000
    start = time.perf_counter()
    with cfr_shm.open_run(bundle) as opened:
        opened.hand("AhKd")
        whole = time.perf_counter() - start
        game, config, compact = opened.game, opened.config, opened.config.table.compact

    def strategy() -> None:
        stored = StoredBundle(bundle)
        found = stored.load_checkpoint(config, game, pytest.fail, in_memory=False)
        with found.open_rows() as file:
            StoredSums(file, compact).sums(np.zeros(1, np.int64), 3)

    taken = []
    for _ in range(ROUNDS):
        _forget(rows)
        start = time.perf_counter()
        strategy()
        taken.append(time.perf_counter() - start)
    benchmark.pedantic(strategy, rounds=ROUNDS)
    scoreboard.at_most("export: opening a bundle of 1 GB", max(taken), 0.1, "s")
    scoreboard.note("export: the same, its game built too", whole, "s")
    shutil.rmtree(place)


def _forget(path: Path) -> None:
    """Have the system read a file from its disk again."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
