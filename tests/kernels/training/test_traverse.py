"""External sampling: windows, stops, interleaving, and the frequencies that it draws."""

import numpy as np
import pytest
from production import compiled_once

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.training.external import external_sampling
from cfr_shm.layout.control import STOP_AT_WINDOW, STOP_FLAG, STOP_NOW
from cfr_shm.layout.task import (
    RESULT_ITERATIONS,
    RESULT_NODES,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    UPDATE_ATOMIC,
    UPDATE_PLAIN,
    WEIGHT_LINEAR,
    WEIGHT_VANILLA,
    Task,
)
from cfr_shm.layout.tree import DECISION
from cfr_shm.memory.tables import allocate_scratch, private_views

WINDOW = 16
#: Enough to move every row a few times, few enough for plain Python.
MANY = 200 if JIT_DISABLED else 20_000


class Trainer:
    """A game, its private table, and the kernel that runs on it."""

    def __init__(self, game, in_flight=1, weighting=WEIGHT_LINEAR, update=UPDATE_PLAIN, seed=7):
        self.game = game
        self.views = private_views(game, 1)
        self.scratch = allocate_scratch(
            game.player_count, game.street_count, game.max_depth, game.max_actions, in_flight
        )
        self.result = np.zeros(RESULT_UTILITY + game.player_count)
        self.settings = (WINDOW, weighting, update, 8)
        self.seed = seed

    def run(self, first, count):
        task = Task(self.seed, first, count, *self.settings)
        external_sampling(self.views.for_kernel(self.scratch), task, self.result)
        return int(self.result[RESULT_ITERATIONS])

    @property
    def table(self):
        return self.views.rows.view(np.int64).copy()


GAMES = [kuhn(), leduc(), leduc(merge_suits=False), kuhn(players=3), synthetic(buckets=5)]
GAME_IDS = ["kuhn", "leduc", "leduc-apart", "kuhn-3", "synthetic"]
each_game = pytest.mark.parametrize("game", GAMES, ids=GAME_IDS)
each_in_flight = pytest.mark.parametrize("in_flight", [1, 3, 8])


@each_game
@each_in_flight
def test_the_table_does_not_depend_on_where_tasks_begin_and_end(game, in_flight):
    whole, parts = Trainer(game, in_flight), Trainer(game, in_flight)
    whole.run(0, 12 * WINDOW)
    for first, windows in ((0, 1), (1, 4), (5, 2), (7, 5)):
        parts.run(first * WINDOW, windows * WINDOW)
    assert np.array_equal(whole.table, parts.table)


@each_game
def test_atomic_adds_give_the_same_table_as_plain_ones(game):
    plain, atomic = Trainer(game), Trainer(game, update=UPDATE_ATOMIC)
    plain.run(0, 10 * WINDOW)
    atomic.run(0, 10 * WINDOW)
    assert np.array_equal(plain.table, atomic.table)


@each_game
def test_interleaving_changes_the_order_of_updates_and_nothing_else(game):
    """One iteration alone in its window cannot tell how many could be in flight."""
    alone, interleaved = Trainer(game, 1), Trainer(game, 8)
    for iteration in range(30):
        alone.run(iteration, 1)
        interleaved.run(iteration, 1)
    assert np.array_equal(alone.table, interleaved.table)


@each_in_flight
def test_a_partial_last_window_is_run_whole(in_flight):
    trainer = Trainer(leduc(), in_flight)
    assert trainer.run(0, 2 * WINDOW + 5) == 2 * WINDOW + 5
    assert trainer.run(2 * WINDOW + 5, 3) == 3
    assert trainer.run(2 * WINDOW + 8, 0) == 0


@pytest.mark.parametrize("flag", [STOP_AT_WINDOW, STOP_NOW])
def test_a_stop_that_is_already_set_does_nothing(flag):
    trainer = Trainer(leduc())
    trainer.views.control[STOP_FLAG] = flag
    before = trainer.table
    assert trainer.run(0, 10 * WINDOW) == 0
    assert np.array_equal(trainer.table, before)


def test_the_workers_line_counts_windows_iterations_and_nodes():
    trainer = Trainer(leduc(), in_flight=3)
    trainer.run(0, 4 * WINDOW)
    line = trainer.views.control[8:]
    assert line[0] == 4 * WINDOW == trainer.result[RESULT_ITERATIONS]
    assert line[1] == trainer.result[RESULT_NODES] > 4 * WINDOW * 2 * 10
    assert line[2] == 4


@each_game
@pytest.mark.parametrize("weighting", [WEIGHT_VANILLA, WEIGHT_LINEAR])
def test_the_reported_weight_is_what_the_strategy_sums_gained(game, weighting):
    trainer = Trainer(game, weighting=weighting)
    trainer.run(0, 10 * WINDOW)
    total = 0.0
    for node in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        for bucket in range(game.deals.bucket_count[node["actor"], node["street"]]):
            row = node["row_base"] + bucket * int(node["row_stride"])
            total += trainer.views.table.sums_of(row, int(node["count"])).sum()
    assert total == pytest.approx(trainer.result[RESULT_WEIGHT], rel=1e-9)


@each_in_flight
def test_kuhn_approaches_its_value(in_flight):
    trainer = Trainer(kuhn(), in_flight, WEIGHT_VANILLA)
    trainer.run(0, MANY)
    utility = trainer.result[RESULT_UTILITY] / MANY
    assert utility == pytest.approx(-1 / 18, abs=4 * 1.5 / np.sqrt(MANY))


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_there_is_one_compiled_signature():
    for game in GAMES:
        Trainer(game).run(0, WINDOW)
    assert compiled_once(external_sampling)


@pytest.mark.skipif(JIT_DISABLED, reason="plain Python holds the interpreter lock")
def test_the_stop_flag_is_seen_while_the_kernel_runs():
    import threading
    import time

    for flag in (STOP_AT_WINDOW, STOP_NOW):
        trainer = Trainer(leduc(), in_flight=8)
        thread = threading.Thread(target=trainer.run, args=(0, 2**40))
        thread.start()
        while trainer.views.control[8] == 0:
            time.sleep(0.001)
        trainer.views.control[STOP_FLAG] = flag
        thread.join(timeout=30)
        assert not thread.is_alive()
        done = trainer.result[RESULT_ITERATIONS]
        assert done > 0
        assert done % WINDOW == 0
