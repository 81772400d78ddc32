"""The interleaved traversal against itself with one in flight, and against the memory.

``pytest benchmarks/bench_traverse.py --benchmark-only``
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from benchmarks.trainer import KernelTrainer
from cfr_shm.games.small.synthetic import synthetic, synthetic_buckets
from cfr_shm.kernels.memory_probe import touch_random_words
from cfr_shm.layout.task import UPDATE_ATOMIC, UPDATE_PLAIN

ITERATIONS = 50_000
TOUCHES = 10_000_000


def nodes_per_second(trainer: KernelTrainer, seconds: float) -> float:
    return trainer.run(ITERATIONS) / seconds


@pytest.mark.parametrize(
    ("table_bytes", "wanted"), [(2_000_000, None), (250_000_000, 1.8), (2_000_000_000, 1.8)]
)
def test_interleaving(benchmark, scoreboard: Scoreboard, table_bytes, wanted) -> None:
    game = synthetic(buckets=synthetic_buckets(table_bytes))
    alone, interleaved = KernelTrainer(game, in_flight=1), KernelTrainer(game, in_flight=8)
    words = np.ones(1 << (table_bytes // 8).bit_length())
    touched = iter(range(0, 1 << 60, TOUCHES))
    slow, fast, touching = in_turns(
        lambda: alone.run(ITERATIONS),
        lambda: interleaved.run(ITERATIONS),
        lambda: touch_random_words(words, next(touched), TOUCHES),
    )
    benchmark.pedantic(lambda: interleaved.run(ITERATIONS), rounds=ROUNDS, iterations=1)
    rate = nodes_per_second(interleaved, fast)
    share = rate / (TOUCHES / touching)
    size = f"{table_bytes / 1e6:,.0f} MB"
    benchmark.extra_info.update(ratio=slow / fast, nodes_per_second=rate, memory_share=share)
    scoreboard.note(f"{size} table, 8 in flight: nodes/s", rate)
    scoreboard.note(f"{size} table: nodes/s as a share of random accesses/s", share)
    if wanted is None:
        scoreboard.note(f"{size} table: 8 in flight beside 1", slow / fast, "x")
    else:
        scoreboard.at_least(f"{size} table: 8 in flight beside 1", slow / fast, wanted)


@pytest.mark.parametrize("table_bytes", [20_000, 250_000_000])
def test_atomic_updates_with_one_writer(benchmark, scoreboard: Scoreboard, table_bytes) -> None:
    game = synthetic(buckets=synthetic_buckets(table_bytes))
    in_flight = 1 if table_bytes < 1_000_000 else 8
    plain = KernelTrainer(game, in_flight, update=UPDATE_PLAIN)
    atomic = KernelTrainer(game, in_flight, update=UPDATE_ATOMIC)
    fast, slow = in_turns(lambda: plain.run(ITERATIONS), lambda: atomic.run(ITERATIONS))
    benchmark.pedantic(lambda: atomic.run(ITERATIONS), rounds=ROUNDS, iterations=1)
    size = f"{table_bytes / 1e6:,.2f} MB"
    scoreboard.note(f"{size} table: atomic rate beside plain, one writer", fast / slow, "x")


@pytest.mark.parametrize("table_bytes", [20_000, 250_000_000])
def test_compact_rows(benchmark, scoreboard: Scoreboard, table_bytes) -> None:
    game = synthetic(buckets=synthetic_buckets(table_bytes))
    in_flight = 1 if table_bytes < 1_000_000 else 8
    wide = KernelTrainer(game, in_flight)
    compact = KernelTrainer(game, in_flight, compact=True)
    before, after = in_turns(lambda: wide.run(ITERATIONS), lambda: compact.run(ITERATIONS))
    benchmark.pedantic(lambda: compact.run(ITERATIONS), rounds=ROUNDS, iterations=1)
    size = f"{table_bytes / 1e6:,.2f} MB"
    scoreboard.note(f"{size} table: compact rate beside wide", before / after, "x")
