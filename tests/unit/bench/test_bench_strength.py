"""The ladder on a small deck: it goes on where it was ended, pairs seeds, and mixes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from loaded_files import loaded

from cfr_shm.config.smoothing_values import UNSMOOTHED

#: A whole deck of 52 cards, so that local best response is played.
TINY = """
game: {name: holdem, blinds: [100, 200], stacks: 8bb}
abstraction: {preflop: [[allin]], flop: [[1], []], turn: [[1], []], river: [[1], []],
              bucket_method: percentile, bucket_counts: [169, 5, 5, 5]}
run: {iterations: 1}
"""


@pytest.fixture(scope="module")
def ladder():
    with loaded("benchmarks/bench_strength.py") as module:
        yield module


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return str(path)


def climb(ladder, config, tmp_path, *, recipes="linear,linear~2", seeds="1", iters="2000"):
    effort = ["--iters", iters, "--pairs", "40", "--boards", "3", "--match-boards", "3"]
    place = ["--place", str(tmp_path / "runs"), "--results", str(tmp_path / "found.jsonl")]
    return ladder.main(["-c", config, "--recipes", recipes, "--seeds", seeds, *effort, *place])


@pytest.mark.thorough
def test_parts_share_the_work_and_are_summed(ladder, config, tmp_path):
    assert climb(ladder, config, tmp_path, recipes="linearx2,linearx2~2") == 0
    _, one, two = map(json.loads, (tmp_path / "found.jsonl").read_text().splitlines())
    places = ["linear.s1.of2", "linear.s1001.of2"]
    runs = [tmp_path / "runs" / each for each in places]
    found = [json.loads((run / "summary.json").read_text()) for run in runs]
    assert [each["iterations"] for each in found] == [1000, 1000]
    assert one["iterations"] == two["iterations"] == 2000
    whole = ladder.strategy_of(runs, UNSMOOTHED)
    alone = [ladder.strategy_of([run], UNSMOOTHED) for run in runs]
    for each in alone:
        assert (whole.probability != each.probability).any()
    lost = [ladder.lost_locally(each, 40).mean() for each in (whole, *alone)]
    assert one["lbr"][0] == pytest.approx(lost[0], rel=1e-9)
    assert lost[0] not in lost[1:]
    assert one["lbr"] != two["lbr"]


def test_a_ratio_of_paired_means_has_the_interval_of_the_jackknife():
    random = np.random.default_rng(3)
    other = random.normal(500.0, 900.0, 4000)
    one = 0.6 * other + random.normal(0.0, 400.0, 4000)
    with loaded("benchmarks/ladder.py") as module:
        found, half = module.ratio(one, other)
    assert found == pytest.approx(one.mean() / other.mean())
    count = len(one)
    left_out = (one.sum() - one) / (other.sum() - other)
    spread = np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    assert half == pytest.approx(1.959964 * spread, rel=0.01)


@pytest.mark.thorough
def test_it_goes_on_where_it_was_ended(ladder, config, tmp_path, capsys):
    results = tmp_path / "found.jsonl"
    assert climb(ladder, config, tmp_path, recipes="linear") == 0
    assert climb(ladder, config, tmp_path) == 0
    head, one, two = map(json.loads, results.read_text().splitlines())
    assert head["effort"]["iterations"] == 2000
    assert (one["recipe"], two["recipe"], two["seed"]) == ("linear", "linear~2", 1)
    assert "bb100" not in one
    # The same deals: what is lost less is the difference of what is lost.
    assert one["lbr"][0] - two["lbr"][0] == pytest.approx(two["lbr_less"][0], rel=1e-9)
    assert (tmp_path / "runs" / "linear.s1" / "summary.json").exists()
    before = results.read_text()
    assert climb(ladder, config, tmp_path) == 0
    assert results.read_text() == before
    capsys.readouterr()
    said = ["-c", config, "--iters", "2000", "--pairs", "40", "--boards", "3"]
    said += ["--match-boards", "3", "--results", str(results), "--table"]
    assert ladder.main(said) == 0
    assert "| linear~2 | 1 | " in capsys.readouterr().out
    assert climb(ladder, config, tmp_path, iters="3000") == 2
    assert "effort differ" in capsys.readouterr().err


def test_what_does_not_fit_is_refused(ladder, config, tmp_path, capsys):
    assert climb(ladder, config, tmp_path, recipes="linera") == 2
    assert "no recipe 'linera'; there are linear," in capsys.readouterr().err
    assert climb(ladder, "sixmax_small", tmp_path) == 2
    assert "are for two players; sixmax_small has 6" in capsys.readouterr().err
    (tmp_path / "found.jsonl").write_text(json.dumps({"config": "hu_small"}) + "\n")
    assert climb(ladder, config, tmp_path) == 2
    said = capsys.readouterr().err
    assert "results of hu_small, and config, effort, game differ" in said
    (tmp_path / "found.jsonl").write_text('{"config": "hu_sm')
    assert climb(ladder, config, tmp_path) == 2
    assert "holds no results of the ladder" in capsys.readouterr().err
    (tmp_path / "found.jsonl").write_text("")
    assert climb(ladder, config, tmp_path) == 2
    assert "holds no results of the ladder" in capsys.readouterr().err


def test_runs_of_another_game_are_not_taken_for_the_recipes(ladder, config, tmp_path, capsys):
    run = tmp_path / "runs" / "linear.s1"
    run.mkdir(parents=True)
    (run / "summary.json").write_text(json.dumps({"iterations": 2000}))
    (run / "config.yaml").write_text(TINY.replace("8bb", "9bb"))
    assert climb(ladder, config, tmp_path, recipes="linear") == 2
    said = capsys.readouterr().err
    assert "linear.s1: its game.stacks is 9bb, that of the recipe on this ladder is 8bb" in said
    # What is of the game is not of the seed.
    (run / "config.yaml").write_text(TINY)
    assert climb(ladder, config, tmp_path, recipes="linear") == 2
    assert "its run.seed is 0, that of the recipe on this ladder is 1" in capsys.readouterr().err
