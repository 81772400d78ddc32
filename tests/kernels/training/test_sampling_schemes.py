"""What every sampling kernel owes the engine: prefixes, stops, counters, weights, one signature."""

import numpy as np
import pytest
from first_cases import first_cases
from plain_settings import algorithm_settings, engine_settings
from production import compiled_once

from cfr_shm.algorithms import SAMPLED
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.control import STOP_AT_WINDOW, STOP_FLAG, STOP_NOW
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_NODES, RESULT_WEIGHT
from cfr_shm.memory.tables import private_views

WINDOW = 4
SCHEMES = {name: algorithm_settings(name=name) for name in SAMPLED} | {
    "sampled": algorithm_settings(averaging="separate", average_opponents="sampled"),
    "explored": algorithm_settings(averaging="separate", average_opponents="explored"),
}
#: The last one takes longest to compile, by far.
each_scheme = pytest.mark.parametrize("scheme", first_cases(SCHEMES, keep=len(SCHEMES) - 1))


class Trainer:
    def __init__(self, scheme, game=None, **options):
        self.game = leduc() if game is None else game
        options = {"drain_window": WINDOW, "seed": 5, "worker_count": 1, **options}
        settings = engine_settings(
            self.game,
            algorithm=SCHEMES[scheme],
            **options,
        )
        self.views = private_views(self.game, settings.worker_count)
        self.runner = TaskRunner(settings, self.views, 0)

    def run(self, first, count):
        self.result = self.runner.run(first, count)
        return int(self.result[RESULT_ITERATIONS])

    @property
    def table(self):
        return self.views.rows.view(np.int64).copy()


@each_scheme
def test_the_table_does_not_depend_on_where_tasks_begin_and_end(scheme):
    whole, parts = Trainer(scheme), Trainer(scheme)
    assert whole.run(0, 6 * WINDOW) == 6 * WINDOW
    for first, windows in ((0, 1), (1, 3), (4, 2)):
        parts.run(first * WINDOW, windows * WINDOW)
    assert np.array_equal(whole.table, parts.table)
    assert parts.run(6 * WINDOW, 3) == 3
    assert parts.run(6 * WINDOW + 3, 0) == 0


@each_scheme
def test_atomic_adds_give_the_same_table_as_plain_ones(scheme):
    plain = Trainer(scheme)
    atomic = Trainer(scheme, worker_count=2, update="atomic")
    for trainer in (plain, atomic):
        trainer.run(0, 5 * WINDOW)
    assert np.array_equal(plain.table, atomic.table)


@each_scheme
@pytest.mark.parametrize("flag", [STOP_AT_WINDOW, STOP_NOW])
def test_a_stop_that_is_already_set_does_nothing(scheme, flag):
    trainer = Trainer(scheme)
    trainer.views.control[STOP_FLAG] = flag
    assert trainer.run(0, 5 * WINDOW) == 0
    assert not trainer.table.any()


@each_scheme
def test_the_workers_line_counts_iterations_and_nodes(scheme):
    trainer = Trainer(scheme)
    trainer.run(0, 3 * WINDOW)
    line = trainer.views.control[8:]
    assert line[0] == 3 * WINDOW
    assert line[1] == trainer.result[RESULT_NODES] > 3 * WINDOW * 2
    assert line[2] > 0


@each_scheme
@pytest.mark.parametrize("weighting", ["vanilla", "linear"])
def test_the_reported_weight_is_what_the_strategy_sums_gained(scheme, weighting):
    trainer = Trainer(scheme, weighting=weighting)
    trainer.run(0, 5 * WINDOW)
    table = trainer.views.table
    rows = {(label.row, len(label.actions)) for label in trainer.game.infosets()}
    total = sum(table.sums_of(row, count).sum() for row, count in rows)
    assert total == pytest.approx(trainer.result[RESULT_WEIGHT], rel=1e-9)


@pytest.mark.skipif(JIT_DISABLED, reason="plain Python holds the interpreter lock")
@each_scheme
@pytest.mark.parametrize("flag", [STOP_AT_WINDOW, STOP_NOW])
def test_the_stop_flag_is_seen_while_the_kernel_runs(scheme, flag):
    import threading
    import time

    trainer = Trainer(scheme)
    thread = threading.Thread(target=trainer.run, args=(0, 2**40))
    thread.start()
    while trainer.views.control[8] == 0:
        time.sleep(0.001)
    trainer.views.control[STOP_FLAG] = flag
    thread.join(timeout=30)
    assert not thread.is_alive()
    done = trainer.result[RESULT_ITERATIONS]
    assert done > 0
    assert flag == STOP_NOW or done % WINDOW == 0


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_there_is_one_compiled_signature_each():
    from cfr_shm.kernels.tables.discount import discount_table
    from cfr_shm.kernels.training.averaged_apart import external_sampling_averaged_apart
    from cfr_shm.kernels.training.averaged_on_paths import external_sampling_averaged_on_paths
    from cfr_shm.kernels.training.chance import chance_sampling
    from cfr_shm.kernels.training.outcome import outcome_sampling
    from cfr_shm.kernels.training.public_chance import public_chance_sampling

    for scheme in SCHEMES:
        for players in (2, 3):
            Trainer(scheme, leduc(players)).run(0, WINDOW)
    for kernel in (
        chance_sampling,
        outcome_sampling,
        public_chance_sampling,
        external_sampling_averaged_apart,
        external_sampling_averaged_on_paths,
    ):
        assert compiled_once(kernel)
    assert not discount_table.signatures or compiled_once(discount_table)
