from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.engine.lost_updates import (
    StrategyWeights,
    estimate_lost_updates,
    total_strategy_weight,
)
from cfr_shm.engine.stats import EngineStats
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.tree import DECISION, NODE_DTYPE, TERMINAL, Tree
from cfr_shm.memory.tables import table_of


def test_nothing_lost_is_zero_whatever_the_rounding() -> None:
    assert estimate_lost_updates(1e6, 5.0, 1e6 + 5.0) == 0.0
    assert estimate_lost_updates(1e6, 0.0, 1e6 * (1 - 1e-12)) == 0.0
    assert estimate_lost_updates(1e6, 0.0, 1e6 * (1 + 1e-12)) == 0.0


def test_nothing_added_is_nothing_measured() -> None:
    assert estimate_lost_updates(0.0, 100.0, 100.0) is None


def test_what_is_missing_was_lost() -> None:
    assert estimate_lost_updates(100.0, 10.0, 90.0) == pytest.approx(0.2)
    assert estimate_lost_updates(100.0, 10.0, 10.0) == 1.0


@pytest.mark.parametrize("compact", [False, True])
def test_the_table_is_summed_without_its_regrets_and_shared_rows_once(compact: bool) -> None:
    nodes = np.zeros(4, NODE_DTYPE)
    nodes["kind"] = [DECISION, DECISION, DECISION, TERMINAL]
    nodes["count"] = [2, 3, 3, 0]
    nodes["row_base"] = [0, 9, 9, 0]
    nodes["row_stride"] = [2, 0, 0, 0]  # 4 buckets of 2 entries; then one row of two nodes
    empty = np.zeros(0)
    tree = Tree(nodes, np.zeros((1, 2)), empty, empty.astype(np.int64), empty)
    table = table_of(np.full(table_words(12, compact), 1e30), compact)
    for bucket in range(4):
        table.sums_of(2 * bucket, 2)[:] = 1.0
    table.sums_of(9, 3)[:] = 10.0
    total = total_strategy_weight(tree, np.array([[4], [4]]), table.strategy_sum)
    assert total == 4 * 2 + 30


def test_the_account_follows_discounts() -> None:
    # 50 at first, 100 added, halved; 40 added, of which 10 were lost.
    weights = StrategyWeights(50.0).discounted(stats(strategy_weight=100.0), 0.5)
    total = (50.0 + 100.0) * 0.5 + 30.0
    later = stats(strategy_weight=140.0)
    assert weights.lost(later, total) == pytest.approx(10 / (100 * 0.5 + 40))


def stats(strategy_weight: float) -> EngineStats:
    return EngineStats(
        iterations=1,
        nodes=1,
        utility_sums=(0.0,),
        strategy_weight=strategy_weight,
        seconds=1.0,
        busy_fraction=(1.0,),
        user_cpu_seconds=1.0,
        system_cpu_seconds=0.0,
        voluntary_context_switches=0,
        involuntary_context_switches=0,
        largest_message_bytes=100,
        batches=1,
        polls=1,
        workers=1,
    )
