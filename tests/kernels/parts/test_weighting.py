"""What an iteration weighs, and what the type of a table says of it."""

from __future__ import annotations

import numpy as np
import pytest
from plain_settings import algorithm_settings

from cfr_shm.engine.freezes import plan_freezes
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.kernels.jit import device
from cfr_shm.kernels.parts.rows import is_compact, is_frozen
from cfr_shm.kernels.parts.weighting import iteration_weight
from cfr_shm.layout.task import WEIGHT_LINEAR, WEIGHT_VANILLA, Task
from cfr_shm.memory.tables import private_views


@device
def told(table, found):
    found[0] = is_frozen(table)
    found[1] = is_compact(table.strategy_sum)


@pytest.mark.parametrize("iteration", [0, 1, 1023, (1 << 53) - 1])
def test_linear_weights_count_iterations_from_one(iteration):
    task = Task(1, 0, 1, 1, WEIGHT_LINEAR, 0, 8)
    assert iteration_weight(task, iteration) == iteration + 1
    assert iteration_weight(task._replace(weighting=WEIGHT_VANILLA), iteration) == 1.0


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("freezes", [False, True])
def test_the_type_of_a_table_tells_its_mode_and_its_layout(freezes, compact):
    plan = plan_freezes(kuhn(), algorithm_settings(), 4, 1) if freezes else None
    views = private_views(kuhn(), 1, 0, plan, compact)
    table = views.table
    if plan is not None:
        table = views.freeze.table(table, plan, 0)
    found = np.zeros(2, np.int64)
    told(table, found)
    assert found.tolist() == [freezes, compact]
