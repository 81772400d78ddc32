"""Given strategies: the rest is solved around them."""

import json

import numpy as np
import pytest
from spot_cases import menu, small_turn, toy_spot

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.config.spot import SpotConfig
from cfr_shm.errors import UsageError
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.iteration_weights import spot_algorithm
from cfr_shm.spots.locks import locked, read_locks, written_locks
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.places import find_place, strategy_at
from cfr_shm.spots.saved import load_tables, save_tables
from cfr_shm.spots.settled import spot_of
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.street_trees import TreeRules

ITERATIONS = 50 if JIT_DISABLED else 1000


def solved(game):
    solver = SpotSolver(game, SolverSettings(spot_algorithm("cfr_plus")))
    solver.iterate(ITERATIONS)
    return solver


def chances(solver, line, cards=()):
    place = find_place(solver.game, line, cards)
    return strategy_at(solver.game, place, (solver.tables.average_0, solver.tables.average_1))


def bluffing_spot():
    """AA and QQ against KK, one combination each, pot 20, stack 10: all-in or check."""
    jam = menu("a", "a")
    ranges = [parse_range(STANDARD, "AsAh,QsQh"), parse_range(STANDARD, "KsKh")]
    rules = TreeRules(2, 20.0, 10.0, ((jam, jam),) * 3)
    return build_spot(STANDARD.parse("2s3h4d6c7c"), ranges, rules, ChipPayoffs(20.0))


# A bluff of 10 into 20 pays where more than a third folds.
@pytest.mark.parametrize(("folds", "bluffs"), [(0.25, 0.0), (0.5, 1.0)])
def test_queens_bluff_where_enough_folds(folds, bluffs):
    game = locked(
        bluffing_spot(),
        [{"line": "b10", "frequencies": {"f": folds, "c": 1 - folds}}],
        "test",
    )
    with solved(game) as solver:
        assert chances(solver, "b10")[0] == pytest.approx([folds], abs=1e-6)
        queens = int((game.hands.holes[0] // 4 == 10).all(axis=1).nonzero()[0][0])
        assert chances(solver, "")[1, queens] == pytest.approx(bluffs, abs=0.02)
        # Nobody gains: a best response keeps to the lock.
        assert solver.exploitability() < 0.5


def test_some_hands_are_held_and_the_others_free():
    game = locked(
        toy_spot(100.0), [{"line": "", "hands": "AA", "frequencies": {"b100": 1}}], "test"
    )
    with solved(game) as solver:
        aces = (game.hands.holes[0] // 4 == 12).all(axis=1)
        bets = chances(solver, "")[1]
        assert bets[aces] == pytest.approx(1.0, abs=1e-6)
        assert bets[~aces].mean() == pytest.approx(0.5, abs=0.05)


def test_a_lock_on_a_later_board_holds_there_alone():
    game = small_turn(isomorphic=False)
    card = game.hands.deck.parse("2c" if game.hands.deck.name == "standard" else "Ac")
    lock = {"line": "x-x/", "cards": "Ac", "frequencies": {"x": 1}}
    with solved(locked(game, [lock], "test")) as solver:
        assert chances(solver, "x-x/", card)[0] == pytest.approx(1.0, abs=1e-6)
        other = chances(solver, "x-x/", game.hands.deck.parse("Ad"))[0]
        assert other.min() < 0.9


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        ({"line": "b7", "frequencies": {"x": 1}}, "no action"),
        ({"line": "", "frequencies": {"c": 1}}, "no action"),
        ({"line": "x-x", "frequencies": {"x": 1}}, "nobody decides"),
        ({"line": "", "frequencies": {"x": -1}}, "0 or more"),
        ({"line": "", "frequencies": {}}, "must name actions"),
        ({"line": "", "frequency": {"x": 1}}, "unknown key"),
        ({"line": "", "hands": "ZZ", "frequencies": {"x": 1}}, "ZZ"),
    ],
)
def test_what_the_spot_has_not_is_refused(lock, says, tmp_path):
    path = tmp_path / "locks.json"
    path.write_text(json.dumps([lock]))
    with pytest.raises(UsageError, match=says):
        read_locks(toy_spot(100.0), str(path))


@pytest.mark.parametrize(
    "entry",
    [
        {"line": None, "frequencies": {"x": 1}},
        {"cards": ["As"], "frequencies": {"x": 1}},
        {"hands": 7, "frequencies": {"x": 1}},
        {"frequencies": {"x": "1"}},
        {"frequencies": {"x": 10**299}},
        {"frequencies": {"x": [1, 2]}},
        {"frequencies": {"x": True}},
        {"frequencies": {"x": None, "b100": 1}},
    ],
)
def test_values_that_a_lock_cannot_have_are_refused(entry):
    with pytest.raises(UsageError, match="test, lock 1: "):
        locked(toy_spot(100.0), [entry], "test")


def test_a_range_for_an_action_says_who_takes_it_and_how_often():
    lock = {"line": "", "ranges": {"b100": "AA:0.75,QcQd"}}
    with solved(locked(toy_spot(100.0), [lock], "test")) as solver:
        hands = solver.game.hands.holes[0].tolist()
        bets = dict(zip(map(tuple, hands), chances(solver, "")[1].tolist(), strict=True))
        deck = solver.game.hands.deck
        assert bets[deck.parse("AhAc")] == pytest.approx(0.75, abs=1e-6)
        assert bets[deck.parse("QdQc")] == pytest.approx(1.0, abs=1e-6)
        # Hands that no range names are left to the solver.
        assert 0.0 < bets[deck.parse("QsQh")] < 0.9


def test_the_same_in_a_line_each():
    texts = [": b100 AA:0.75", ": x AA:0.25,QQ", "b100: f KK:0.3", "x x-x/ 2c: f AA"]
    with pytest.raises(UsageError, match="is no lock"):
        written_locks(texts)
    entries = written_locks(texts[:3])
    assert [entry["line"] for entry in entries] == ["", "b100"]
    with solved(locked(toy_spot(100.0), entries, "test")) as solver:
        assert chances(solver, "b100")[0] == pytest.approx(0.3, abs=1e-6)
        aces = (solver.game.hands.holes[0] // 4 == 12).all(axis=1)
        assert chances(solver, "")[1][aces] == pytest.approx(0.75, abs=1e-6)
        assert chances(solver, "")[0][~aces] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        ({"line": "", "ranges": {"x": "AA:0.7", "b100": "AA:0.7"}}, "add up to 1.4"),
        ({"line": "", "ranges": {"c": "AA"}}, "no action"),
        ({"line": "", "ranges": {"x": "ZZ"}}, "ZZ"),
        ({"line": "", "ranges": {"x": 3}}, "range of x"),
        ({"line": "", "ranges": {"x": "AA"}, "hands": "AA"}, "or 'ranges' says both"),
        ({"line": "", "ranges": {"x": "AA:0.5", "b100": "AA:0.25"}}, "as 'rest'"),
        ({"line": "", "ranges": {"x": "AA:0.5"}, "rest": "r300"}, "no action"),
    ],
)
def test_ranges_that_are_no_strategy_are_refused(lock, says):
    with pytest.raises(UsageError, match=says):
        locked(toy_spot(100.0), [lock], "test")


def test_locks_of_flags_and_of_a_file_hold_together(tmp_path):
    path = tmp_path / "locks.json"
    path.write_text(json.dumps([{"line": "b100", "frequencies": {"f": 0.3, "c": 0.7}}]))
    config = SpotConfig(
        board="2c2d2h3s3d",
        pot=100,
        stack=100,
        oop="AA,QQ",
        ip="KK",
        bets="a",
        raises="a",
        locks=str(path),
        lock_ranges=(": b100 AA:0.75",),
    )
    with solved(spot_of(config)) as solver:
        assert chances(solver, "b100")[0] == pytest.approx(0.3, abs=1e-6)
        aces = (solver.game.hands.holes[0] // 4 == 12).all(axis=1)
        assert chances(solver, "")[1][aces] == pytest.approx(0.75, abs=1e-6)


def test_tables_made_without_a_lock_show_it_once_they_are_loaded(tmp_path):
    free = toy_spot(100.0)
    game = locked(free, [{"line": "b100", "frequencies": {"f": 0.2, "c": 0.8}}], "test")
    assert free.locks_mark == ""
    with solved(free) as solver:
        save_tables(tmp_path, solver, "mark", {"seconds": 1.0})
        before = chances(solver, "")
    for to_look in (True, False):
        with SpotSolver(game, SolverSettings(spot_algorithm("cfr_plus"))) as solver:
            load_tables(tmp_path, solver, "mark", to_look=to_look)
            assert solver.iterations == ITERATIONS
            assert chances(solver, "b100")[1] == pytest.approx([0.8] * 6, abs=1e-6)
            assert np.array_equal(chances(solver, ""), before)
            assert solver.exploitability() > 1.0  # AA and QQ know nothing of it yet
            solver.iterate(5)
            save_tables(tmp_path / f"held {to_look}", solver, "mark", {"seconds": 1.0})
            held = {name: solver.arena.array(name).copy() for name in solver.table_names()}
    with SpotSolver(game, SolverSettings(spot_algorithm("cfr_plus"))) as solver:
        load_tables(tmp_path / "held False", solver, "mark")  # the same locks: to the bit
        assert all(np.array_equal(solver.arena.array(name), held[name]) for name in held)
