"""Freezes: the table depends on nothing but the iterations, whoever runs them and however."""

from __future__ import annotations

import itertools
import linecache
import sys
import threading

import numpy as np
import pytest
from first_cases import first_cases
from frozen_crew import FrozenCrew
from plain_settings import algorithm_settings

from cfr_shm.algorithms import Pruning
from cfr_shm.engine.discounts import DiscountPlan
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.parts import freeze as freeze_module
from cfr_shm.kernels.parts.increments import gain_cell, weight_cell
from cfr_shm.layout.control import RUN, STOP_AT_WINDOW, STOP_FLAG, STOP_NOW
from cfr_shm.layout.freeze import FREEZE_END, FREEZE_STEP
from cfr_shm.memory.tables import table_written

FREEZE = 16
MANY = 6 * FREEZE if JIT_DISABLED else 20 * FREEZE

GAMES = {
    "kuhn": kuhn,
    "kuhn-3": lambda: kuhn(players=3),
    "leduc": leduc,
    "liars-dice": lambda: liars_dice(dice=1, sides=3),
    "synthetic": lambda: synthetic(buckets=7),
}
ALGORITHMS = {
    "external": algorithm_settings(),
    "pruned": algorithm_settings(
        pruning=Pruning(threshold=-5.0, probability=0.5, after=0), regret_floor=-20.0
    ),
    "floored": algorithm_settings(regret_floor=0.0),
    "apart": algorithm_settings(averaging="separate"),
    "rarely": algorithm_settings(averaging="separate", average_probability=0.2),
    "paths": algorithm_settings(averaging="separate", average_opponents="sampled"),
    "outcome": algorithm_settings(
        name="outcome_sampling", epsilon=((0, 0.6), (MANY // 2 + 3, 0.3))
    ),
    "chance": algorithm_settings(name="chance_sampling"),
    "public": algorithm_settings(name="public_chance_sampling"),
}
#: Games that each algorithm fits.
FITTING = {
    "external": list(GAMES),
    "pruned": ["leduc", "synthetic"],
    "floored": ["kuhn", "leduc"],
    "apart": ["kuhn-3", "leduc"],
    "rarely": ["kuhn-3", "leduc"],
    "paths": ["kuhn-3", "leduc"],
    "outcome": ["kuhn", "kuhn-3", "leduc", "liars-dice"],
    "chance": ["kuhn-3", "leduc"],
    "public": ["leduc"],
}
CASES = [(algorithm, game) for algorithm, games in FITTING.items() for game in games]
#: Each algorithm has a kernel of its own to compile; external sampling comes first.
MOST = first_cases(CASES, keep=len(GAMES))


def crew(algorithm="external", game="leduc", workers=1, **options):
    return FrozenCrew(GAMES[game](), workers, FREEZE, algorithm=ALGORITHMS[algorithm], **options)


def parts(end):
    """Cut ``[0, end)`` at multiples of the freeze, unevenly."""
    cuts = [0, FREEZE, 3 * FREEZE, 4 * FREEZE, end]
    return [(first, last - first) for first, last in itertools.pairwise(cuts)]


@pytest.mark.parametrize("weighting", ["linear", "vanilla"])
@pytest.mark.parametrize(("algorithm", "game"), MOST)
def test_the_table_is_the_same_to_the_bit_for_any_number_of_workers(algorithm, game, weighting):
    alone = crew(algorithm, game, weighting=weighting).run_all([(0, MANY)])
    assert alone.nothing_is_left_over
    assert alone.views.rows.any()
    everything = game == "leduc" and not JIT_DISABLED
    for workers in (2, 3, 4, 8) if everything else (2,):
        for own in (True, False):
            several = crew(algorithm, game, workers, weighting=weighting, own_increments=own)
            several.run_all(parts(MANY))
            assert several.table == alone.table, (workers, own)
            assert several.freezes.totals() == alone.freezes.totals()
            assert several.freezes.clamped == alone.freezes.clamped
            assert several.nothing_is_left_over


@pytest.mark.parametrize(
    ("algorithm", "game"),
    first_cases([("external", "leduc"), ("external", "synthetic"), ("paths", "kuhn-3")], keep=2),
)
def test_traversals_in_flight_do_not_matter(algorithm, game):
    one = crew(algorithm, game).run_all([(0, MANY)])
    for in_flight in (3, 8):
        other = crew(algorithm, game, in_flight=in_flight).run_all([(0, MANY)])
        assert other.table == one.table


def test_results_add_up_to_the_totals():
    several = crew(workers=3)
    results = several.run(0, MANY)
    iterations, nodes, units = several.freezes.totals()
    assert (iterations, nodes) == (MANY, int(results[:, 1].sum()))
    assert tuple(results[:, 3:].sum(axis=0).astype(int)) == units
    assert all(float(each).is_integer() for each in results[:, 3:].ravel())


def test_the_last_freeze_may_be_cut_short():
    cut = crew().run_all([(0, 2 * FREEZE + 5)])
    again = crew(workers=3).run_all([(0, 2 * FREEZE), (2 * FREEZE, 5)])
    assert cut.table == again.table


def test_a_freeze_of_one_iteration_has_the_weights_of_async_mode():
    """Linear weights: iteration t adds t + 1 times its policy, 1.0 for each opponent's node."""
    game = kuhn()
    run = FrozenCrew(game, 1, 1, weighting="linear")
    run.run_all([(0, 7)])
    table = run.views.table
    before = sum(table.sums_of(label.row, 2).sum() for label in game.infosets())
    run.run_all([(7, 1)])
    after = sum(table.sums_of(label.row, 2).sum() for label in game.infosets())
    visits = (after - before) / 8
    assert visits >= 2
    assert visits == pytest.approx(round(visits), abs=1e-9)


@pytest.mark.parametrize("flag", [STOP_AT_WINDOW, STOP_NOW])
def test_a_stop_before_the_task_does_nothing(flag):
    several = crew(workers=2)
    several.views.control[STOP_FLAG] = flag
    assert not several.run(0, MANY).any()
    assert not several.views.rows.any()


def test_regrets_are_floored_at_borders_on_the_sum_and_counted():
    floored, free = crew("floored").run_all([(0, MANY)]), crew().run_all([(0, MANY)])
    assert floored.freezes.clamped > 0
    assert free.freezes.clamped == 0
    for label in floored.game.infosets():
        count = len(label.actions)
        regrets = floored.views.table.regrets_of(label.row, count)
        assert (regrets >= 0.0).all()


def test_the_sum_is_floored_and_not_the_parts():
    """One border of four iterations and one of a single one: the floor is met once in each."""
    game = kuhn()
    algorithm = ALGORITHMS["floored"]
    whole = FrozenCrew(game, 1, 4, algorithm=algorithm, weighting="vanilla").run_all([(0, 4)])
    free = FrozenCrew(game, 1, 4, weighting="vanilla").run_all([(0, 4)])
    for label in game.infosets():
        summed = free.views.table.regrets_of(label.row, 2)
        found = whole.views.table.regrets_of(label.row, 2)
        assert np.array_equal(found, np.maximum(summed, np.float32(0.0)))


def test_after_a_stop_nobody_runs_the_next_task_before_it_is_settled():
    """The second task is in the pipe already when the first is called off."""
    several = crew(workers=2)
    several.runners[1].run(0, 0)
    first: list[np.ndarray] = []
    waits = threading.Thread(
        target=lambda: first.append(several.runners[1].run(0, 4 * FREEZE).copy())
    )
    waits.start()
    several.views.control[STOP_FLAG] = STOP_NOW
    waits.join()
    second = several.runners[1].run(4 * FREEZE, 4 * FREEZE)
    assert not first[0].any()
    assert not second.any()
    assert not several.views.rows.any()
    assert several.nothing_is_left_over
    several.freezes.settle()
    several.views.control[STOP_FLAG] = RUN
    assert several.run_all([(0, MANY)]).table == crew().run_all([(0, MANY)]).table


# --- killed anywhere ---------------------------------------------------------------------


class Killed(BaseException):
    """A worker is no more."""


def run_until_killed(work, moment):
    """Call ``work`` and end it before its ``moment``-th line in kernels/parts/freeze.py.

    Returns whether that came before its end.
    """
    name, lines = freeze_module.__file__, 0

    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename != name:
            return None
        if event == "line":
            lines += 1
            if lines == moment:
                raise Killed(linecache.getline(name, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        work()
    except Killed:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.mark.skipif(not JIT_DISABLED, reason="compiled code cannot be traced")
def test_killed_before_any_line_the_freeze_counts_exactly_once():
    """One worker of the run dies; the table is settled, twice even; the rest is run."""
    game, freeze, end = kuhn(), 2, 6
    undisturbed = FrozenCrew(game, 1, freeze, algorithm=ALGORITHMS["floored"])
    undisturbed.run_all([(0, end)])
    phases = set()
    moment = 0
    while True:
        moment += 7  # a stride that is prime to the loops' lengths
        run = FrozenCrew(game, 1, freeze, algorithm=ALGORITHMS["floored"])
        if not run_until_killed(lambda run=run: run.run(0, end), moment):
            break
        phases.add(run.freezes.step & 1)
        # Whoever settles may be killed too.
        run_until_killed(run.freezes.settle, moment % 211 + 1)
        run.freezes.settle()
        assert run.nothing_is_left_over, moment
        done = run.freezes.totals()[0]
        assert done % freeze == 0
        if done < end:
            run.run_all([(done, end - done)])
        assert run.table == undisturbed.table, moment
        assert run.freezes.totals() == undisturbed.freezes.totals(), moment
        assert run.freezes.clamped == undisturbed.freezes.clamped, moment
    assert phases == {0, 1}
    assert moment > 1000


@pytest.mark.skipif(not JIT_DISABLED, reason="compiled code cannot be traced")
@pytest.mark.parametrize("floor", [None, 0.0])
def test_several_copies_of_units_are_settled_exactly_once(floor):
    """All had arrived at the border; whoever applies is killed before any line, again and again."""

    def arrived():
        run = FrozenCrew(kuhn(), 2, 8, algorithm=algorithm_settings(regret_floor=floor))
        random = np.random.default_rng(1)
        arrays = run.views.freeze
        for base, stride, count, rows in arrays.run.tolist():
            for row in range(base, base + stride * rows, stride):
                for each in range(count):
                    weights = random.integers(0, 1 << 50, 2)
                    gains = random.integers(-(1 << 50), 1 << 50, 2)
                    arrays.units[:, weight_cell(row, each)] = weights
                    arrays.units[:, gain_cell(row, count, each)] = gains
        words = run.freezes._lines()
        words[:, FREEZE_STEP], words[:, FREEZE_END] = 1, 8
        return run

    whole = arrived()
    whole.freezes.settle()
    assert whole.nothing_is_left_over
    assert (whole.freezes.clamped > 0) == (floor is not None)
    for moment in range(1, 10_000, 5):
        run = arrived()
        killed = run_until_killed(run.freezes.settle, moment)
        run_until_killed(run.freezes.settle, moment % 113 + 1)
        run.freezes.settle()
        assert run.nothing_is_left_over, moment
        assert run.table == whole.table, moment
        assert run.freezes.clamped == whole.freezes.clamped, moment
        if not killed:
            break
    assert 500 < moment < 9000


def test_a_table_that_is_loaded_is_what_freezes_read():
    """The second run has another table than the one that it began with."""
    first, whole = crew().run_all([(0, 4 * FREEZE)]), crew().run_all([(0, 8 * FREEZE)])
    second = crew(workers=2).run_all([(0, FREEZE)])
    second.views.rows[:] = first.views.rows
    table_written(second.views)
    second.run_all([(4 * FREEZE, 4 * FREEZE)])
    assert second.table == whole.table
    assert second.nothing_is_left_over


def test_a_discounted_table_is_what_freezes_read():
    run = crew().run_all([(0, 4 * FREEZE)])
    plan = DiscountPlan(
        interval=4 * FREEZE, until=None, alpha=1.5, beta=0.0, gamma=2.0, pooling=None, restarts=None
    )
    plan.apply(run.views, 4 * FREEZE)
    assert run.nothing_is_left_over


def test_units_that_were_added_by_the_dead_are_forgotten():
    run, undisturbed = crew(workers=2), crew(workers=2).run_all([(0, 8 * FREEZE)])
    run.run_all([(0, 4 * FREEZE)])
    run.views.freeze.units[:, ::3] += 12345
    run.freezes.settle()
    assert run.nothing_is_left_over
    run.run_all([(4 * FREEZE, 4 * FREEZE)])
    assert run.table == undisturbed.table
