"""Warming up compiles exactly what is used."""

import numpy as np
import pytest
from plain_settings import algorithm_settings
from production import compiled_once, train

from cfr_shm.kernels import warm
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.task import Task

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")


@needs_compilation
def test_warming_up_compiles_exactly_what_is_used():
    """Training, the finite check, evaluation and export add no specialisation."""
    from cfr_shm.evaluation.best_response import evaluate
    from cfr_shm.games.small.leduc import leduc
    from cfr_shm.kernels.tables import average, best_response, finite
    from cfr_shm.kernels.training import external as traverse
    from cfr_shm.memory.tables import allocate_scratch, check_finite, private_views
    from cfr_shm.strategy.average import Strategy

    kernels = [
        traverse.external_sampling,
        average.average_strategy,
        finite.first_not_finite,
        best_response.reach_probability,
        best_response.profile_values,
        best_response.row_reach,
        best_response.best_response,
    ]
    warm.compile_kernels(print)
    game = leduc()
    views = private_views(game)
    scratch = allocate_scratch(2, 2, game.max_depth, game.max_actions, 8)
    task = traverse_task()
    traverse.external_sampling(views.for_kernel(scratch), task, np.zeros(5))
    check_finite(game, views.rows)
    evaluate(game, Strategy.from_table(game, views.table))
    assert all(map(compiled_once, kernels))


@needs_compilation
def test_warming_up_for_a_compact_table_compiles_what_it_needs():
    from cfr_shm.engine.algorithm_kernels import compile_for
    from cfr_shm.games.small.leduc import leduc
    from cfr_shm.kernels.tables import average, finite
    from cfr_shm.kernels.training import external as traverse
    from cfr_shm.memory.tables import check_finite

    kernels = [traverse.external_sampling, average.average_strategy, finite.first_not_finite]
    warm.compile_kernels(print, compact=True)
    compile_for(algorithm_settings(), compact=True)
    before = [len(kernel.signatures) for kernel in kernels]
    train(leduc(), 64, seed=1, linear=True, compact=True).strategy()
    check_finite(leduc(), np.zeros(table_words(leduc().table_entries, True)), compact=True)
    assert [len(kernel.signatures) for kernel in kernels] == before


@needs_compilation
def test_warming_up_compiles_exactly_the_betting_kernels_that_are_used():
    from cfr_shm.config.load import load_config
    from cfr_shm.games.holdem.betting import Hand
    from cfr_shm.games.holdem.build import rules_of
    from cfr_shm.games.registry import load_game
    from cfr_shm.kernels.holdem import betting, betting_tree

    config = load_config("pushfold")
    load_game(config.game, abstraction=config.abstraction)
    Hand(rules_of(config.game)).apply(0)
    kernels = [betting.begin_hand, betting.legal_range, betting.play_move, betting.settle_hand]
    kernels.append(betting_tree.walk_tree)
    assert [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)


def traverse_task():
    return Task(1, 0, 64, 16, 0, 0, 8)
