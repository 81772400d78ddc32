"""A spot's tables on disk: the newest that are whole, of the spot that is asked for."""

import json
import os
import sys
import time

import numpy as np
import pytest
from spot_cases import toy_spot
from stored_arrays import flip_bit, forge

from cfr_shm.errors import ArrayStoreError, CheckpointError
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.iteration_weights import spot_algorithm
from cfr_shm.spots.saved import MOST_ITERATIONS, load_tables, save_tables
from cfr_shm.spots.solver import SolverSettings, SpotSolver

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="spots are slow when interpreted")

SETTINGS = SolverSettings(spot_algorithm("dcfr"))


@pytest.fixture
def solver():
    with SpotSolver(toy_spot(300.0), SETTINGS) as solver:
        yield solver


@pytest.fixture
def stored(solver, tmp_path):
    """Tables after 5 and after 9 iterations."""
    for count in (5, 4):
        solver.iterate(count)
        save_tables(tmp_path, solver, "mark", {"seconds": float(solver.iterations)})
    return tmp_path


def tables(solver):
    return {name: solver.arena.array(name).copy() for name in solver.table_names()}


def test_a_solve_goes_on_as_if_it_had_not_ended(solver, stored):
    before = tables(solver)
    solver.iterate(10)
    after = tables(solver)
    with SpotSolver(toy_spot(300.0), SETTINGS) as other:
        assert load_tables(stored, other, "mark") == 9.0
        assert other.iterations == 9
        loaded = tables(other)
        assert all(np.array_equal(loaded[name], before[name]) for name in before)
        other.iterate(10)
        assert all(np.array_equal(tables(other)[name], after[name]) for name in after)


def test_whoever_looks_reads_the_averages_alone(solver, stored):
    before, quality = tables(solver), solver.quality()
    for path in stored.glob("9/regret_*.npy"):
        path.unlink()
    with SpotSolver(toy_spot(300.0), SETTINGS) as other:
        assert load_tables(stored, other, "mark", to_look=True) == 9.0
        assert other.quality() == quality
        for name, found in tables(other).items():
            assert np.array_equal(found, before[name]) == name.startswith("average")
            assert found.any() == name.startswith("average")
        # Who goes on needs all of them: those before are whole.
        assert load_tables(stored, other, "mark") == 5.0


def settle(directory):
    """Let a save look as if it had taken a while: its manifest is younger than its arrays."""
    time.sleep(0.02)  # coarser clocks of file systems
    os.utime(directory / "manifest.json")


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
@pytest.mark.parametrize("disturb", ["shorten", "overwrite", "remove", "nothing"])
def test_who_only_looks_maps_the_averages_and_keeps_them(solver, stored, disturb):
    quality, newest = solver.quality(), stored / "9"
    settle(newest)
    for path in newest.glob("regret_*.npy"):
        path.unlink()
    with SpotSolver(toy_spot(300.0), SETTINGS, looks=True) as other:
        assert load_tables(stored, other, "mark", to_look=True) == 9.0
        if other.mapped == 0:
            pytest.skip("no leases on this file system")
        assert other.mapped == 2
        assert not other.tables.average_0.flags.owndata
        path = newest / "average_1.npy"
        if disturb == "shorten":
            os.truncate(path, 0)
        elif disturb == "overwrite":
            path.write_bytes(bytes(path.stat().st_size))
        elif disturb == "remove":
            path.unlink()
        assert other.mapped == (0 if disturb in ("shorten", "overwrite") else 2)
        assert other.quality() == quality
        with pytest.raises(ArrayStoreError, match="only looked at"):
            save_tables(stored / "elsewhere", other, "mark", {"seconds": 1.0})


def test_what_was_touched_after_it_was_saved_is_read(solver, stored):
    quality = solver.quality()
    settle(stored / "9")
    time.sleep(0.02)
    os.utime(stored / "9" / "average_0.npy", (1, 1))  # whatever mtime says
    with SpotSolver(toy_spot(300.0), SETTINGS, looks=True) as other:
        assert load_tables(stored, other, "mark", to_look=True) == 9.0
        assert other.mapped == 0
        assert other.quality() == quality


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("damage", ["bit", "truncated", "manifest", "shape", "iterations", "link"])
def test_damaged_tables_are_passed_over(stored, damage, looks):
    settle(stored / "9")
    time.sleep(0.02)
    newest = stored / "9"
    array = next(newest.glob("average_0.npy"))
    if damage == "bit":
        flip_bit(array, array.stat().st_size - 1)
    elif damage == "truncated":
        os.truncate(array, array.stat().st_size - 8)
    elif damage == "manifest":
        (newest / "manifest.json").write_text(json.dumps({"magic": 1}))
    elif damage == "link":
        array.rename(stored / "elsewhere")
        array.symlink_to(stored / "elsewhere")
    elif damage == "shape":
        forge(newest, lambda content: content["arrays"].pop(array.stem))
    else:
        forge(newest, lambda content: content["about"].update(iterations=MOST_ITERATIONS + 1))
    with SpotSolver(toy_spot(300.0), SETTINGS, looks=looks) as other:
        assert load_tables(stored, other, "mark", to_look=looks) == 5.0
        assert other.iterations == 5


def test_names_that_are_no_numbers_of_ours_are_left_alone(stored):
    for name in ("²", "x", "-1", "9" * 17):
        (stored / name).mkdir()
    with SpotSolver(toy_spot(300.0), SETTINGS) as other:
        assert load_tables(stored, other, "mark") == 9.0


def test_tables_of_another_spot_are_refused(stored):
    with (
        SpotSolver(toy_spot(300.0), SETTINGS) as other,
        pytest.raises(CheckpointError, match="another spot"),
    ):
        load_tables(stored, other, "other")


def test_nothing_is_there(tmp_path):
    with (
        SpotSolver(toy_spot(300.0), SETTINGS) as other,
        pytest.raises(CheckpointError, match="is empty"),
    ):
        load_tables(tmp_path, other, "mark")


def test_what_could_not_be_read_back_is_not_saved(solver, tmp_path):
    solver.iterations = MOST_ITERATIONS + 1
    with pytest.raises(ArrayStoreError, match="not saved"):
        save_tables(tmp_path, solver, "mark", {"seconds": 1.0})
    assert list(tmp_path.iterdir()) == []
