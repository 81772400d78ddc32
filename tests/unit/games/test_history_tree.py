"""The production kernel on a history tree: explicit chance nodes, shared infosets."""

from __future__ import annotations

import numpy as np
import pytest
from history_kuhn import history_kuhn

from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.training.external import external_sampling
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_UTILITY, UPDATE_PLAIN, WEIGHT_LINEAR, Task
from cfr_shm.memory.tables import allocate_scratch, private_views
from cfr_shm.strategy.average import Strategy


@pytest.mark.parametrize("in_flight", [1, 4])
def test_kuhn_as_a_history_tree_is_solved_by_the_same_kernel(in_flight):
    game = history_kuhn()
    iterations, bound = (2_000, 0.2) if JIT_DISABLED else (200_000, 0.01)
    views = private_views(game)
    scratch = allocate_scratch(2, 1, game.max_depth, game.max_actions, in_flight)
    result = np.zeros(RESULT_UTILITY + 2)
    task = Task(3, 0, iterations, 1024, WEIGHT_LINEAR, UPDATE_PLAIN, 8)
    external_sampling(views.for_kernel(scratch), task, result)
    assert result[RESULT_ITERATIONS] == iterations
    evaluation = evaluate(game, Strategy.from_table(game, views.table))
    assert evaluation.exploitability < bound
    assert evaluation.values[0] == pytest.approx(-1 / 18, abs=bound)
