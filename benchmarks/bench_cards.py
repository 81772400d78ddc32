"""Cards: the evaluator beside phevaluator and eval7, lookups, and building beside donksolver.

``pytest benchmarks/bench_cards.py --benchmark-only``; the builds take a few minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.isomorphism import card_index
from cfr_shm.kernels.holdem.card_index import number_hands
from cfr_shm.kernels.holdem.hand_rank import evaluate_hands

HANDS = 2_000_000
PEER_HANDS = 50_000


def random_hands(count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    return np.argsort(random.random((count, 52)), axis=1)[:, :7].astype(np.uint8)


@pytest.mark.parametrize("peer", ["phevaluator", "eval7"])
def test_evaluator(benchmark, scoreboard: Scoreboard, peer: str) -> None:
    module = pytest.importorskip(peer)
    tables, hands = hand_rank_tables(STANDARD), random_hands(HANDS)
    strength = np.empty(HANDS, np.uint16)
    if peer == "phevaluator":
        rows = hands[:PEER_HANDS].tolist()

        def theirs() -> None:
            for row in rows:
                module.evaluate_cards(*row)
    else:
        rows = [
            [module.Card(STANDARD.text([card])) for card in row]
            for row in hands[:PEER_HANDS].tolist()
        ]

        def theirs() -> None:
            for row in rows:
                module.evaluate(row)

    mine, other = in_turns(lambda: evaluate_hands(tables, hands, strength), theirs)
    benchmark.pedantic(lambda: evaluate_hands(tables, hands, strength), rounds=ROUNDS, iterations=1)
    rate, peer_rate = HANDS / mine, PEER_HANDS / other
    benchmark.extra_info.update(hands_per_second=rate, peer_hands_per_second=peer_rate)
    scoreboard.at_least("7-card hands/s, one core", rate / 1e6, 50, "M")
    scoreboard.note(f"7-card hands beside {peer} (called from Python)", rate / peer_rate, "x")


@pytest.mark.parametrize("street", [1, 2, 3])
def test_lookup(benchmark, scoreboard: Scoreboard, street: int) -> None:
    index = card_index(STANDARD)
    hands = np.ascontiguousarray(random_hands(HANDS)[:, : 4 + street])
    number = np.empty(HANDS, np.int64)
    (taken,) = in_turns(lambda: number_hands(index, street, hands, number))
    benchmark.pedantic(
        lambda: number_hands(index, street, hands, number), rounds=ROUNDS, iterations=1
    )
    name = ("", "flop", "turn", "river")[street]
    scoreboard.note(f"{name}: raw cards to hand number, M/s", HANDS / taken / 1e6)


def processor_seconds(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return its CPU seconds, wall seconds and peak memory in GiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, errors
    wall = time.perf_counter() - start
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 2**20


def build(out: Path, method: str, count: int) -> tuple[float, float, float]:
    code = (
        "from pathlib import Path;"
        "from cfr_shm.cards.abstraction import BucketSpec, FAMILIES;"
        "from cfr_shm.cards.buckets import build_file;"
        f"build_file(BucketSpec(methods=FAMILIES[{method!r}],"
        f"counts=(169, {count}, {count}, {count})), Path({str(out)!r}), workers=2)"
    )
    return processor_seconds([sys.executable, "-c", code])


def test_percentile_beside_donksolver(benchmark, scoreboard: Scoreboard, tmp_path: Path) -> None:
    pytest.importorskip("donksolver")
    peer = Path(sys.executable).with_name("donksolver")
    flags = ["--buckets", "50,50,50", "--threads", "2", "--out", str(tmp_path / "peer.bin")]
    build(tmp_path / "compiled", "percentile", 50)
    theirs, _, _ = processor_seconds([str(peer), "abstraction", *flags])
    ours, wall, memory = build(tmp_path / "ours", "percentile", 50)
    benchmark.pedantic(lambda: build(tmp_path / "again", "percentile", 50), rounds=1, iterations=1)
    benchmark.extra_info.update(cpu_seconds=ours, peer_cpu_seconds=theirs, gib=memory)
    scoreboard.note("percentile 50/50/50: CPU seconds", ours)
    scoreboard.note("percentile 50/50/50: wall seconds", wall)
    scoreboard.note("donksolver's abstraction 50,50,50: CPU seconds", theirs)
    scoreboard.at_least("percentile 50/50/50: CPU time beside donksolver", theirs / ours, 3)


@pytest.mark.parametrize("method", ["emd", "ochs"])
def test_clustering(benchmark, scoreboard: Scoreboard, tmp_path: Path, method: str) -> None:
    processor, wall, memory = benchmark.pedantic(
        lambda: build(tmp_path / "built", method, 200), rounds=1, iterations=1
    )
    benchmark.extra_info.update(cpu_seconds=processor, wall_seconds=wall, gib=memory)
    scoreboard.note(f"{method} 200/200/200: CPU seconds", processor)
    scoreboard.at_most(f"{method} 200/200/200: wall minutes", wall / 60, 15)
    scoreboard.at_most(f"{method} 200/200/200: peak memory, GiB", memory, 8)


def test_all_rivers_to_buckets(benchmark, scoreboard: Scoreboard) -> None:
    """From nothing to a bucket for each of the 123,156,254 river hands, strengths included."""
    from cfr_shm.cards.clustering import line_clusters
    from cfr_shm.cards.equity import river_strengths
    from cfr_shm.kernels.holdem.clustering import map_values

    def work() -> None:
        points = river_strengths(STANDARD).sums.reshape(-1)
        table, _ = line_clusters(np.bincount(points[:: 1 << 10]), 200)
        table = np.concatenate([table, np.full(2000, table[-1], np.uint16)])
        map_values(points, 0, len(points), table, np.empty(len(points), np.uint8))

    work()
    start = time.perf_counter()
    benchmark.pedantic(work, rounds=1, iterations=1)
    scoreboard.at_most("all rivers to buckets: minutes", (time.perf_counter() - start) / 60, 2)
