"""Full-width kernels: parts, stops, shared rows, and what the result says."""

import numpy as np
import pytest

from cfr_shm.algorithms import FULL_WIDTH, AlgorithmSettings, full_width_rule
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.kuhn import kuhn
from cfr_shm.games.leduc import leduc
from cfr_shm.games.vector_form import vector_game
from cfr_shm.kernels.full_width import full_width
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout import (
    RESULT_ITERATIONS,
    RESULT_NODES,
    RESULT_UTILITY,
    STOP_AT_WINDOW,
    STOP_FLAG,
    STOP_NOW,
    FullWidthState,
    Task,
)
from cfr_shm.memory.tables import private_views
from cfr_shm.strategy.average import Strategy


class Trainer:
    def __init__(self, game, name="cfr_plus"):
        self.game = game
        self.views = private_views(game, 1, state_planes=2)
        self.vector = vector_game(self.views.tree, self.views.deals, game.table_words)
        regret, policy = self.views.state
        self.state = FullWidthState(regret, np.zeros_like(regret))
        self.scratch = self.vector.allocate_scratch(policy)
        self.rule = full_width_rule(AlgorithmSettings(name=name))
        self.result = np.zeros(RESULT_UTILITY + game.player_count)

    def run(self, first, count):
        task = Task(0, first, count, 1, 0, 0, 8)
        shared = (self.views.tree, self.views.table, self.views.control)
        form = self.vector.form
        full_width(shared, form, self.state, self.scratch, self.rule, task, self.result)
        return int(self.result[RESULT_ITERATIONS])


each_game = pytest.mark.parametrize("game", [kuhn(), leduc(), kuhn(3)], ids=["kuhn", "leduc", "3"])


@each_game
@pytest.mark.parametrize("name", FULL_WIDTH)
def test_the_state_does_not_depend_on_where_tasks_begin_and_end(game, name):
    whole, parts = Trainer(game, name), Trainer(game, name)
    whole.run(0, 6)
    parts.run(0, 1)
    # A new process knows what is in the rows, and nothing else.
    later = Trainer(game, name)
    later.views.rows[:] = parts.views.rows
    later.run(1, 3)
    later.run(4, 0)
    later.run(4, 2)
    assert np.array_equal(whole.views.rows, later.views.rows)


@pytest.mark.parametrize("flag", [STOP_AT_WINDOW, STOP_NOW])
def test_a_stop_ends_the_task_between_iterations(flag):
    trainer = Trainer(leduc())
    trainer.views.control[STOP_FLAG] = flag
    assert trainer.run(0, 5) == 0
    assert not trainer.views.table.strategy_sum.any()


@each_game
def test_utilities_are_those_of_the_uniform_profile_at_first(game):
    trainer = Trainer(game)
    assert trainer.run(0, 1) == 1
    uniform = np.zeros(game.table_words)
    table = trainer.views.table._replace(strategy_sum=uniform)
    values = evaluate(game, Strategy.from_table(game, table)).values
    assert trainer.result[RESULT_UTILITY] == pytest.approx(values[0], abs=1e-12)
    assert trainer.result[RESULT_NODES] == len(game.tree.nodes) * game.player_count
    assert trainer.views.control[8:11].tolist() == [1, trainer.result[RESULT_NODES], 1]


def test_policies_sum_to_one_and_floored_regrets_are_not_negative():
    game = leduc()
    trainer = Trainer(game, "pdcfr_plus")
    trainer.run(0, 10)
    regret, policy = trainer.views.state
    for label in game.infosets():
        row = slice(label.row, label.row + len(label.actions))
        assert policy[row].sum() == pytest.approx(1.0)
        assert regret[row].min() >= 0.0
        first = 2 * (label.row + len(label.actions))
        shown = trainer.views.table.regret[first : first + len(label.actions)]
        assert np.array_equal(shown, regret[row].astype(np.float32))


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_there_is_one_compiled_signature():
    for game in (kuhn(), kuhn(3), leduc()):
        Trainer(game).run(0, 1)
    assert len(full_width.signatures) == 1
