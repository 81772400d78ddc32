"""Sums of runs: each counts alike, by plain loops; what cannot be summed is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from cfr_shm.cli.main import main
from cfr_shm.cli.session import load_strategy, load_table
from cfr_shm.layout.rows import table_words
from cfr_shm.strategy.sums import runs_of, summed

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
run: {quality: off}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs whose weights and tables differ, and one of another game."""
    place = tmp_path_factory.mktemp("summed")
    (place / "royal.yaml").write_text(ROYAL)
    told = {
        "one": ["--seed", "1", "--iters", "3000"],
        "two": ["--seed", "2", "--iters", "1000", "--set", "algorithm.weighting=vanilla"],
        "shove": ["--seed", "1", "--iters", "500", "--set", "abstraction.river=[[allin]]"],
    }  # fmt: skip
    for name, arguments in told.items():
        command = [
            "train",
            "-c",
            str(place / "royal.yaml"),
            "--num-workers",
            "1",
            "--no-tensorboard",
        ]
        assert main([*command, "--logdir", str(place / name), *arguments]) == 0
    return place


def slowly_summed(runs, names) -> dict[int, list[float]]:
    """Return the policy of each visited row, by its first entry."""
    tables = [load_table(str(runs / name)) for name in names]
    rows = [(label.row, len(label.actions)) for label in tables[0].game.infosets()]
    totals = [sum(float(t.table.sums_of(*row).sum()) for row in rows) for t in tables]
    found = {}
    for row, count in rows:
        sums = [0.0] * count
        for each, total in zip(tables, totals, strict=True):
            for action, value in enumerate(each.table.sums_of(row, count).tolist()):
                sums[action] += value / total
        if sum(sums) > 0.0:
            found[row] = [value / sum(sums) for value in sums]
    return found


@pytest.mark.parametrize("names", [("one", "two"), ("two", "one"), ("one", "two", "one")])
def test_every_run_counts_alike(runs, names):
    stored = load_strategy("+".join(str(runs / name) for name in names))
    expected = slowly_summed(runs, names)
    assert len(expected) > 40
    for row, policy in expected.items():
        found = stored.strategy.probability[row : row + len(policy)]
        np.testing.assert_allclose(found, policy, rtol=1e-9)
    assert stored.checkpoint.iterations == sum({"one": 3000, "two": 1000}[name] for name in names)


def test_a_run_and_itself_are_the_run(runs):
    alone = load_strategy(str(runs / "two"))
    twice = load_strategy(f"{runs / 'two'}+{runs / 'two'}@1000")
    np.testing.assert_allclose(twice.strategy.probability, alone.strategy.probability, atol=1e-12)
    np.testing.assert_allclose(twice.strategy.weight, 2 * alone.strategy.weight, rtol=1e-6)


def test_tables_of_both_layouts_are_summed(runs):
    wide = load_table(str(runs / "one"))
    words = np.zeros(table_words(wide.game.table_entries, True))
    compact = dataclasses.replace(wide.checkpoint, rows=words, config={"table": {"compact": True}})
    for label in wide.game.infosets():
        count = len(label.actions)
        compact.table.sums_of(label.row, count)[:] = 1.0
        compact.table.regrets_of(label.row, count)[:] = -7.0
    found = summed(wide.game, [wide.checkpoint, compact], "both").table
    labels = list(wide.game.infosets())
    totals = [
        sum(float(each.sums_of(label.row, len(label.actions)).sum()) for label in labels)
        for each in (wide.table, compact.table)
    ]
    mean = sum(totals) / 2
    for label in labels:
        count = len(label.actions)
        expected = wide.table.sums_of(label.row, count) * mean / totals[0] + mean / totals[1]
        np.testing.assert_allclose(found.sums_of(label.row, count), expected, rtol=1e-9)
        assert not found.regrets_of(label.row, count).any()


def river(capsys, *arguments) -> float:
    capsys.readouterr()
    assert main(["eval", *arguments, "--method", "river", "--boards", "20", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["value"]


def test_whoever_looks_at_strategies_opens_sums(runs, capsys, tmp_path):
    both, one = f"{runs / 'one'}+{runs / 'two'}", str(runs / "one")
    raw = river(capsys, both)
    assert raw != river(capsys, one)
    assert river(capsys, both, "--smooth", "2") != raw
    out = str(tmp_path / "both.npz")
    assert main(["export", both, "--format", "npz", "--out", out]) == 0
    assert river(capsys, out) == pytest.approx(raw, rel=1e-9)
    assert main(["match", both, one, out, "--boards", "5", "--json"]) == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert pairs[0]["names"][0] == both
    assert pairs[1]["value"] == pytest.approx(0.0, abs=1e-6)


def test_a_directory_may_have_a_plus_in_its_name(tmp_path):
    (tmp_path / "a+b").mkdir()
    assert runs_of(str(tmp_path / "a+b")) == [str(tmp_path / "a+b")]
    assert runs_of(f"{tmp_path / 'a+b'}@7") == [f"{tmp_path / 'a+b'}@7"]
    assert runs_of("a+c@7") == ["a", "c@7"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("one+shove", "abstraction.river"),
        ("one+", "a run is missing beside a +"),
        ("one+nobody", "nobody"),
    ],
)
def test_what_cannot_be_summed_is_refused(runs, source, said, capsys, monkeypatch):
    monkeypatch.chdir(runs)
    assert main(["eval", source, "--method", "river", "--boards", "2"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_sum_is_no_bundle(runs, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(runs)
    out = str(tmp_path / "bundle")
    assert main(["export", "one+two", "--format", "bundle", "--out", out]) == 2
    assert "of one run" in capsys.readouterr().err
