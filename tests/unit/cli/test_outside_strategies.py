"""``match`` and ``eval`` of exported files and of Python functions."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cfr_shm.cli.main import main

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[3bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""
FUNCTIONS = """
def uniform(state, hole):
    return [1 / len(state.actions)] * len(state.actions)

def folds(state, hole):
    return "f" if "f" in state.actions else "x"

def raises(state, hole):
    raise RuntimeError(f"no idea what to do with {hole}")

def nonsense(state, hole):
    return {"f": 0.5, "c": 0.6}

def strange(state, hole):
    return {"bluff": 1.0}

def nothing(state, hole):
    return None
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A royal run and its exports, and a file of functions."""
    place = tmp_path_factory.mktemp("outside")
    (place / "royal.yaml").write_text(ROYAL)
    (place / "play.py").write_text(FUNCTIONS)
    run = str(place / "run")
    quiet = ["--num-workers", "1", "--iters", "3000", "--logdir", run]
    assert main(["train", "-c", str(place / "royal.yaml"), *quiet]) == 0
    for kind in ("npz", "parquet"):
        assert main(["export", run, "--format", kind, "--out", str(place / f"royal.{kind}")]) == 0
    return place


def told(capsys, *arguments) -> dict:
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments) -> str:
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "Traceback" not in error
    return error


def test_an_npz_is_the_run_bit_for_bit(place, capsys):
    found = told(capsys, "match", place / "run", place / "royal.npz", "--boards", "8")
    assert (found["value"], found["low"], found["high"]) == (0.0, 0.0, 0.0)
    assert found["names"] == ["run@3000", "royal.npz"]


def test_a_parquet_is_the_run_but_for_single_precision(place, capsys):
    found = told(capsys, "match", place / "royal.parquet", place / "run", "--boards", "8")
    assert found["value"] == pytest.approx(0.0, abs=1e-3)
    arguments = ["--method", "river", "--boards", "10"]
    ours = told(capsys, "eval", place / "run", *arguments)
    theirs = told(capsys, "eval", place / "royal.parquet", *arguments)
    assert theirs["value"] == pytest.approx(ours["value"], abs=1e-2)
    assert theirs["iterations"] == 3000


@pytest.mark.thorough
def test_a_table_never_trained_is_the_uniform_function(place, capsys, tmp_path):
    with np.load(place / "royal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    counts = np.repeat(arrays["actions"], arrays["buckets"])
    arrays["probability"] = 1.0 / np.repeat(counts, counts)
    np.savez(tmp_path / "uniform.npz", **arrays)
    function = f"{place / 'play.py'}:uniform"
    found = told(capsys, "match", tmp_path / "uniform.npz", function, "--boards", "4")
    assert found["value"] == pytest.approx(0.0, abs=1e-9)
    ahead = told(capsys, "match", place / "run", function, "--boards", "20")
    behind = told(capsys, "match", function, place / "run", "--boards", "20")
    assert ahead["value"] == -behind["value"]
    assert ahead["value"] > 0


@pytest.mark.thorough
def test_a_function_that_folds_loses_what_folding_loses(place, capsys):
    arguments = ["-c", place / "royal.yaml", "--method", "lbr", "--pairs", "4"]
    found = told(capsys, "eval", f"{place / 'play.py'}:folds", *arguments)
    assert (found["value"], found["low"], found["high"]) == (750.0, 750.0, 750.0)


def test_functions_that_fail_are_told_in_one_line(place, capsys):
    run, play = place / "run", place / "play.py"
    error = refused(capsys, "match", run, f"{play}:raises", "--boards", "2")
    assert "play.py:9: RuntimeError: no idea what to do with" in error
    error = refused(capsys, "match", run, f"{play}:nonsense", "--boards", "2")
    assert "returned [0.5, 0.6" in error
    assert "expected probabilities of f, c, b3bb that sum to 1" in error
    error = refused(capsys, "match", run, f"{play}:strange", "--boards", "2")
    assert "returned the action 'bluff'" in error
    assert "returned None" in refused(capsys, "match", run, f"{play}:nothing", "--boards", "2")
    assert "no function 'fold'; did you mean 'folds'" in refused(
        capsys, "match", run, f"{play}:fold"
    )
    assert "there is no file" in refused(capsys, "match", run, f"{place / 'other.py'}:folds")
    assert "with -c" in refused(capsys, "eval", f"{play}:folds")


def test_older_exports_need_a_configuration(place, capsys, tmp_path):
    with np.load(place / "royal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    del arrays["origin"]
    old = tmp_path / "old.npz"
    np.savez(old, **arrays)
    assert "give its configuration with -c" in refused(capsys, "match", place / "run", old)
    with_config = ["-c", place / "royal.yaml", "--boards", "4"]
    assert told(capsys, "match", place / "run", old, *with_config)["value"] == 0.0


def test_other_buckets_and_trees_are_refused(place, capsys, tmp_path):
    with np.load(place / "royal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    other = ROYAL.replace("[25, 6, 5, 4]", "[25, 6, 5, 3]")
    (tmp_path / "other.yaml").write_text(other)
    error = refused(capsys, "eval", place / "royal.npz", "-c", tmp_path / "other.yaml")
    mark = str(arrays["buckets_fingerprint"][0])[:16]
    assert f"card buckets {mark}, the game has " in error
    (tmp_path / "tree.yaml").write_text(ROYAL.replace("stacks: 20", "stacks: 24"))
    for kind in ("npz", "parquet"):
        error = refused(capsys, "eval", place / f"royal.{kind}", "-c", tmp_path / "tree.yaml")
        assert "the configuration that it was trained with" in error or "lines" in error


def test_damaged_and_foreign_files_are_refused(place, capsys, tmp_path):
    for kind in ("npz", "parquet", "json"):
        bad = tmp_path / f"bad.{kind}"
        bad.write_bytes(b"\x00 no strategy at all")
        assert str(bad) in refused(capsys, "eval", bad)
    with np.load(place / "royal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    for value in (np.nan, -0.5, 7.0):
        arrays["probability"][5] = value
        np.savez(tmp_path / "wrong.npz", **arrays)
        assert "has no probabilities" in refused(capsys, "eval", tmp_path / "wrong.npz")
    arrays["probability"] = arrays["probability"][:-1]
    np.savez(tmp_path / "short.npz", **arrays)
    assert "has not" in refused(capsys, "eval", tmp_path / "short.npz")
    table = pq.read_table(place / "royal.parquet")
    pq.write_table(table.slice(1), tmp_path / "short.parquet")
    assert "lines, holdem has" in refused(capsys, "eval", tmp_path / "short.parquet")
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"a": [1]}), foreign)
    assert str(foreign) in refused(capsys, "eval", foreign)


@pytest.mark.parametrize("kind", ["npz", "parquet", "openspiel"])
def test_small_games_are_evaluated_from_their_exports(kind, tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "-c", "kuhn", "--iters", "2000", "--logdir", run]) == 0
    out = tmp_path / ("kuhn.json" if kind == "openspiel" else f"kuhn.{kind}")
    assert main(["export", run, "--format", kind, "--out", str(out)]) == 0
    ours, theirs = told(capsys, "eval", run), told(capsys, "eval", out)
    precision = 1e-7 if kind == "parquet" else 1e-12
    assert theirs["value"] == pytest.approx(ours["value"], abs=precision)
    assert theirs["exploitability"]["method"] == "exact best response"


def test_policies_that_are_not_of_the_game_are_refused(tmp_path, capsys):
    policy = {"policy": {"0": {"0": 0.5, "1": 0.5}}}
    (tmp_path / "some.json").write_text(json.dumps(policy))
    error = refused(capsys, "eval", tmp_path / "some.json", "-c", "kuhn")
    assert "says nothing of kuhn's infoset" in error
    policy["policy"]["0"] = {"0": 0.5, "1": 0.9}
    (tmp_path / "some.json").write_text(json.dumps(policy))
    error = refused(capsys, "eval", tmp_path / "some.json", "-c", "kuhn")
    assert "has no probabilities: [0.5, 0.9]" in error
