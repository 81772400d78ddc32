"""Smoothing: neighbours in strength, turn and river, every door the same; plain loops beside it."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
from neighbours import decisions, slowly_averaged, slowly_within

from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config
from cfr_shm.config.smoothing_values import Smoothing
from cfr_shm.errors import GameError
from cfr_shm.games.registry import load_game
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.run import quality
from cfr_shm.strategy.smoothing import smoothed, smoothing_matrix

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: METHOD, bucket_counts: [25, 6, 5, 4]}
"""


def royal(tmp_path, method: str = "percentile"):
    path = tmp_path / f"{method}.yaml"
    path.write_text(ROYAL.replace("METHOD", method))
    return load_config(path)


def random_checkpoint(game, compact: bool) -> Checkpoint:
    rows = np.zeros(table_words(game.table_entries, compact))
    words = rows.view(np.float32) if compact else rows
    words[:] = np.random.default_rng(3).integers(0, 9, len(words))
    nothing = Checkpoint("", {"table": {"compact": compact}}, (), 0, 0, (), 0.0, rows)
    return dataclasses.replace(nothing, config={"table": {"compact": compact}, "run": {"seed": 7}})


@pytest.mark.parametrize("apart", [None, 0, 2, 4])
def test_no_weight_is_lost_and_what_is_apart_stays(apart):
    matrix = smoothing_matrix(5, 3, apart)
    np.testing.assert_allclose(matrix.sum(axis=0), 1.0)
    slow = slowly_averaged(np.eye(5).tolist(), 3, apart)
    np.testing.assert_allclose(matrix, slow)
    if apart is not None:
        assert matrix[apart, apart] == 1.0
        assert matrix[apart].sum() == 1.0


@pytest.mark.parametrize("own", [0.0, 0.3])
@pytest.mark.parametrize(("method", "compact"), [("percentile", False), ("ochs", True)])
def test_rows_of_turn_and_river_are_averaged_as_by_plain_loops(tmp_path, method, compact, own):
    config = royal(tmp_path, method)
    game = load_game(config.game, abstraction=config.abstraction)
    before = random_checkpoint(game, compact)
    after = smoothed(game, before, Smoothing(2, own))
    assert after.config["run"] == {"seed": 7, "smoothing": 2, "smoothing_own": own}
    unbeaten = game.bucket_file.unbeaten
    assert (unbeaten is None) == (method == "percentile")
    seen = set()
    for street, count, row in decisions(game):
        given = [before.table.sums_of(each, count).tolist() for each in row]
        found = [after.table.sums_of(each, count).tolist() for each in row]
        apart = unbeaten if street == 3 else None
        expected = copy.deepcopy(given)
        if street >= 2:
            slowly_averaged(expected, 2, apart)
        if own:
            slowly_within(given, expected, own)
        if apart is not None:
            expected[apart] = given[apart]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        for each in row:
            was = before.table.regrets_of(each, count)
            np.testing.assert_array_equal(after.table.regrets_of(each, count), was)
        seen.add(street)
    assert seen == {0, 1, 2, 3}
    assert smoothed(game, before, Smoothing(0, own)) is before


def test_without_buckets_there_is_nothing_to_smooth_over(tmp_path):
    config = load_config("leduc")
    game = load_game(config.game)
    with pytest.raises(GameError, match="neighbouring card buckets"):
        smoothed(game, random_checkpoint(game, False), Smoothing(1))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run, and the same with smoothing in its configuration."""
    place = tmp_path_factory.mktemp("smoothed")
    (place / "royal.yaml").write_text(ROYAL.replace("METHOD", "percentile"))
    train = ["train", "-c", str(place / "royal.yaml"), "--iters", "6000", "--num-workers", "1"]
    assert main([*train, "--logdir", str(place / "plain")]) == 0
    said = ["--set", "run.smoothing=3"]
    assert main([*train, "--logdir", str(place / "smooth"), *said]) == 0
    return place


def river(capsys, *arguments) -> float:
    capsys.readouterr()
    assert main(["eval", *arguments, "--method", "river", "--boards", "30", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["value"]


def test_every_door_smooths_alike(runs, capsys):
    plain, smooth = str(runs / "plain"), str(runs / "smooth")
    raw = river(capsys, plain)
    assert river(capsys, smooth, "--smooth", "0") == raw
    by_flag = river(capsys, plain, "--smooth", "3")
    within = river(capsys, plain, "--smooth", "3:0.2")
    assert len({raw, by_flag, within}) == 3
    assert river(capsys, smooth) == by_flag
    out = str(runs / "smooth.npz")
    assert main(["export", plain, "--format", "npz", "--out", out, "--smooth", "3"]) == 0
    assert river(capsys, out) == pytest.approx(by_flag, rel=1e-9)
    assert main(["match", smooth, plain, out, "--smooth", "0,3", "--boards", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["pairs"]
    assert found[0]["names"][1].endswith("smoothed 3")
    assert found[0]["value"] != 0.0
    assert found[2]["value"] == pytest.approx(0.0, abs=1e-6)


def test_a_run_measures_what_it_delivers(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(quality, "AT_ONCE_SECONDS", 0.0)
    monkeypatch.setitem(quality.END_SECONDS, "light", 0.1)
    train = ["train", "-c", str(runs / "royal.yaml"), "--iters", "6000", "--num-workers", "1"]
    train += ["--set", "run.quality=light"]
    found = {}
    for passes in (0, 3):
        to = ["--logdir", str(tmp_path / str(passes)), "--set", f"run.smoothing={passes}"]
        assert main([*train, *to]) == 0
        summary = json.loads((tmp_path / str(passes) / "summary.json").read_text())
        found[passes] = summary["quality"]["value"]
    assert found[0] != found[3]


def test_shown_and_streamed_as_it_is_measured(runs, capsys, tmp_path):
    from cfr_shm import open_run

    smooth = str(runs / "smooth")
    out = tmp_path / "smooth.parquet"
    assert main(["export", smooth, "--format", "parquet", "--out", str(out)]) == 0
    assert river(capsys, str(out)) == pytest.approx(river(capsys, smooth), rel=1e-5)
    with open_run(smooth, show=False) as one, open_run(runs / "plain", show=False) as other:
        assert not np.array_equal(one.strategy()["probability"], other.strategy()["probability"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eval", "PLAIN.npz", "--smooth", "1"], "plays as it was written"),
        (["match", "PLAIN", "PLAIN", "--smooth", "1,2,3"], "3 numbers of passes for 2"),
        (["eval", "PLAIN", "--smooth", "3:1.5"], "'1.5' is no share from 0 to 1"),
        (
            ["export", "PLAIN", "--format", "bundle", "--out", "b", "--smooth", "1"],
            "a bundle",
        ),
        (["train", "-c", "leduc", "--set", "run.smoothing=2"], "neighbouring card buckets"),
        (["train", "-c", "leduc", "--set", "run.smoothing=-2"], "run.smoothing"),
    ],
)
def test_what_cannot_be_smoothed_is_refused(runs, arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = str(runs / "plain")
    assert main(["export", plain, "--format", "npz", "--out", str(tmp_path / "p.npz")]) == 0
    named = {"PLAIN": plain, "PLAIN.npz": str(tmp_path / "p.npz")}
    assert main([named.get(each, each) for each in arguments]) == 2
    assert said in capsys.readouterr().err


def test_what_a_bucket_never_plays_it_does_not_get_from_neighbours(tmp_path):
    config = royal(tmp_path)
    game = load_game(config.game, abstraction=config.abstraction)
    before = random_checkpoint(game, False)
    after = smoothed(game, before, Smoothing(5, 0.1))
    plain = smoothed(game, before, Smoothing(5))
    kept = got = 0
    for _, count, rows in decisions(game):
        for row in rows:
            was, now, other = (each.table.sums_of(row, count) for each in (before, after, plain))
            assert now.sum() == pytest.approx(other.sum())
            never = was == 0.0 if was.any() else np.zeros(count, bool)
            assert not now[never].any()
            got += int((other[never] > 0.0).sum())
            much = was >= 0.1 * was.sum()
            if (was[~never] >= 0.1 * was.sum()).all():
                np.testing.assert_allclose(now[much] * other[much].sum(), other[much] * now.sum())
                kept += 1
    assert kept > 100
    assert got > 20


def test_a_sum_is_smoothed_and_not_its_runs(runs, capsys):
    from cfr_shm.cli.session import load_strategy, load_table

    plain, smooth = str(runs / "plain"), str(runs / "smooth")
    both = f"{plain}+{plain}"
    how = Smoothing(4, 0.3)
    one, two = load_strategy(plain, how), load_strategy(both, how)
    np.testing.assert_allclose(one.strategy.probability, two.strategy.probability, atol=1e-9)
    said = load_table(f"{smooth}+{plain}").checkpoint.config["run"]
    assert (said["smoothing"], said["smoothing_own"]) == (3, 0.0)
