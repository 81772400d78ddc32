"""Where averages taken on the way go wrong with three players, by a game made to show it."""

import numpy as np
import pytest
from first_cases import first_cases
from plain_settings import algorithm_settings, engine_settings

from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.history import history_game
from cfr_shm.memory.tables import private_views
from cfr_shm.strategy.average import Strategy

ITERATIONS = 64


def gate_game():
    """Players 1 and 2 open a gate or not; if both do, player 0 goes left or right. Nobody is paid.

    Without payoffs regrets stay what they were set to, and so do policies.
    """
    builder = TreeBuilder(player_count=3)
    nothing = [0.0, 0.0, 0.0]
    shut, opened = builder.decision(0, actor=1, action_count=2, infoset="first gate")
    builder.terminal(shut, nothing)
    shut, opened = builder.decision(opened, actor=2, action_count=2, infoset="second gate")
    builder.terminal(shut, nothing)
    for leaf in builder.decision(opened, actor=0, action_count=2, infoset="fork"):
        builder.terminal(leaf, nothing)
    return history_game(builder, name="gates", parameters={}, unit="chips")


class Gates:
    """A table of the game of gates, whose policies are set by hand."""

    def __init__(self, averaging, opponents="explored"):
        self.game = gate_game()
        self.views = private_views(self.game, 1)
        self.rows = {label.name: label.row for label in self.game.infosets()}
        settings = engine_settings(
            self.game,
            weighting="vanilla",
            drain_window=ITERATIONS,
            algorithm=algorithm_settings(averaging=averaging, average_opponents=opponents),
        )
        self.runner = TaskRunner(settings, self.views, 0)
        self.done = 0

    def play(self, **actions):
        """Have everybody play one action for sure, for ``ITERATIONS`` iterations."""
        for infoset, action in actions.items():
            row = self.rows[infoset.replace("_", " ")]
            self.views.table.regrets_of(row, 2)[:] = (1 - action, action)
        self.runner.run(self.done, ITERATIONS)
        self.done += ITERATIONS

    def average_at_the_fork(self):
        strategy = Strategy.from_table(self.game, self.views.table)
        row = self.rows["fork"]
        return strategy.probability[row : row + 2].tolist()


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize(
    ("averaging", "opponents", "expected"),
    first_cases(
        [
            ("on_the_way", "explored", [1.0, 0.0]),
            ("separate", "sampled", [0.5, 0.5]),
            ("separate", "explored", [0.5, 0.5]),
        ],
        keep=2,
    ),
)
def test_an_average_on_the_way_misses_what_is_played_behind_shut_gates(
    averaging, opponents, expected
):
    gates = Gates(averaging, opponents)
    gates.play(first_gate=1, second_gate=1, fork=0)
    gates.play(first_gate=0, second_gate=0, fork=1)
    # Left for half of the time, right for the other: player 0's own moves always lead to the
    # fork. Whoever samples the others comes there only while they open the gates.
    assert gates.average_at_the_fork() == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_with_one_gate_shut_one_of_two_sweeps_still_sees_the_fork():
    gates = Gates("on_the_way")
    gates.play(first_gate=1, second_gate=1, fork=0)
    gates.play(first_gate=0, second_gate=1, fork=1)
    # Sweeps of players 1 and 2 first, then of player 1 alone, who explores both of his actions.
    assert gates.average_at_the_fork() == pytest.approx(np.array([2, 1]) / 3, abs=1e-12)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("opponents", first_cases(["sampled", "explored"]))
def test_what_is_trained_stays_what_was_set(opponents):
    gates = Gates("separate", opponents)
    gates.play(first_gate=0, second_gate=1, fork=1)
    for infoset, regrets in (("first gate", [1, 0]), ("second gate", [0, 1]), ("fork", [0, 1])):
        assert gates.views.table.regrets_of(gates.rows[infoset], 2).tolist() == regrets
