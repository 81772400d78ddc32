"""Full-width kernels: parts, stops, shared rows, and what the result says."""

import threading

import numpy as np
import pytest
from plain_settings import algorithm_settings
from production import compiled_once, table_with

from cfr_shm.algorithms import FULL_WIDTH, full_width_rule
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.trees.sweep_shares import share_of
from cfr_shm.games.trees.vector_form import vector_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.parts.barrier import meeting_of
from cfr_shm.kernels.training.full_width import full_width
from cfr_shm.layout.control import CONTROL_LINE_WORDS, RUN, STOP_AT_WINDOW, STOP_FLAG, STOP_NOW
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_NODES, RESULT_UTILITY, Task
from cfr_shm.layout.vector import FullWidthRegrets
from cfr_shm.layout.views import FullWidthMemory
from cfr_shm.memory.tables import private_views
from cfr_shm.strategy.average import Strategy


class Trainer:
    """A table and its workers: threads, for kernels do not hold the GIL."""

    def __init__(self, game, name="cfr_plus", workers=1):
        self.game = game
        self.views = private_views(game, workers, state_planes=2)
        vector = vector_game(self.views.tree, self.views.deals, game.table_entries)
        self.form = vector.form
        vectors = np.zeros(vector.outline.vector_words)
        self.members = []
        for worker in range(workers):
            regret, policy = self.views.planes
            share = share_of(self.views.tree, vector.form, meeting_of(worker, workers, 1))
            regrets = FullWidthRegrets(regret, np.zeros(game.max_actions))
            scratch = vector.allocate_scratch(policy, vectors)
            result = np.zeros(RESULT_UTILITY + game.player_count)
            self.members.append((regrets, scratch, share, result))
        self.rule = full_width_rule(algorithm_settings(name=name))
        self.result = self.members[0][-1]

    def run(self, first, count):
        """Run a task in every worker and return the iterations, on which all agree."""
        threads = [
            threading.Thread(target=self._work, args=(worker, first, count), daemon=True)
            for worker in range(1, len(self.members))
        ]
        for thread in threads:
            thread.start()
        self._work(0, first, count)
        for thread in threads:
            thread.join(60.0)
            assert not thread.is_alive()
        (done,) = {int(result[RESULT_ITERATIONS]) for *_, result in self.members}
        return done

    def _work(self, worker, first, count):
        task = Task(0, first, count, 1, 0, 0, (1 + worker) * CONTROL_LINE_WORDS)
        regrets, scratch, share, result = self.members[worker]
        own = FullWidthMemory(self.form, regrets, scratch, self.rule, share)
        full_width(self.views.for_kernel(own), task, result)


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
    table = table_with(game, np.zeros(game.table_entries))
    values = evaluate(game, Strategy.from_table(game, table)).values
    assert trainer.result[RESULT_UTILITY] == pytest.approx(values[0], abs=1e-12)
    assert trainer.result[RESULT_NODES] == len(game.tree.nodes) * game.player_count
    assert trainer.views.control[8:11].tolist() == [1, trainer.result[RESULT_NODES], 1]


def other_games():
    return {
        "kuhn, 3 players": kuhn(3),
        "leduc": leduc(),
        "a tree of histories": goofspiel(cards=3),
        "liar's dice": liars_dice(sides=2 if JIT_DISABLED else 4),
    }


@pytest.mark.parametrize("game", other_games().values(), ids=other_games())
@pytest.mark.parametrize("name", FULL_WIDTH)
def test_any_number_of_workers_computes_the_same_bits(game, name):
    single = Trainer(game, name)
    single.run(0, 5)
    for workers in (2, 3) if JIT_DISABLED else (2, 3, 4, 8):
        several = Trainer(game, name, workers)
        assert several.run(0, 2) == 2
        assert several.run(2, 3) == 3
        assert several.views.rows.tobytes() == single.views.rows.tobytes()
    single.run(5, 3)
    assert several.run(5, 3) == 3
    assert several.views.rows.tobytes() == single.views.rows.tobytes()
    assert several.result[RESULT_UTILITY:].tolist() == single.result[RESULT_UTILITY:].tolist()
    nodes = sum(result[RESULT_NODES] for *_, result in several.members)
    assert nodes == single.result[RESULT_NODES]


def test_workers_stop_together_and_go_on_together():
    game = leduc()
    trainer, whole = Trainer(game, workers=3), Trainer(game)
    timer = threading.Timer(0.02, trainer.views.control.__setitem__, (STOP_FLAG, STOP_AT_WINDOW))
    timer.start()
    done = trainer.run(0, 10_000_000)
    timer.join()
    assert 0 <= done < 10_000_000
    assert trainer.run(done, 5) == 0
    trainer.views.control[STOP_FLAG] = RUN
    assert trainer.run(done, 5) == 5
    whole.run(0, done + 5)
    assert trainer.views.rows.tobytes() == whole.views.rows.tobytes()


def test_who_waits_for_a_dead_worker_leaves_when_told_to():
    trainer = Trainer(leduc(), workers=3)
    timer = threading.Timer(0.05, trainer.views.control.__setitem__, (STOP_FLAG, STOP_NOW))
    timer.start()
    trainer._work(2, 0, 10)
    timer.join()
    assert trainer.members[2][-1][RESULT_ITERATIONS] == 0
    assert not trainer.views.table.strategy_sum.any()


def test_policies_sum_to_one_and_floored_regrets_are_not_negative():
    game = leduc()
    trainer = Trainer(game, "pdcfr_plus")
    trainer.run(0, 10)
    regret, policy = trainer.views.planes
    for label in game.infosets():
        row = slice(label.row, label.row + len(label.actions))
        assert policy[row].sum() == pytest.approx(1.0)
        assert regret[row].min() >= 0.0
        shown = trainer.views.table.regrets_of(label.row, len(label.actions))
        assert np.array_equal(shown, regret[row].astype(np.float32))


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_there_is_one_compiled_signature():
    for game in (kuhn(), kuhn(3), leduc()):
        Trainer(game).run(0, 1)
    Trainer(leduc(), workers=2).run(0, 1)
    assert compiled_once(full_width)
