"""Runs that end by what they are worth: rules, their looks, what cannot be met, resumed runs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_decks import ROYAL

from cfr_shm.cli.main import main
from cfr_shm.config.load import load_config
from cfr_shm.config.stop_rules import read_stop_rules
from cfr_shm.errors import ConfigError, UsageError
from cfr_shm.evaluation.estimates import mean_interval
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.run.stopping import Look, StopRules, stop_rules, take_former
from cfr_shm.telemetry.events import Evaluated, QualityMeasured

KUHN = ["train", "-c", "kuhn", "--num-workers", "1", "--iters", "2000000000"]


def rules(text: str) -> StopRules:
    return StopRules(read_stop_rules(text))


def river(samples: np.ndarray, iterations: int = 100) -> QualityMeasured:
    found = mean_interval(samples)
    return QualityMeasured(
        iterations, 1.0, "river", "mbb", found.value, found.low, found.high, found.n, "1"
    )


def exact(value: float, iterations: int = 100) -> Evaluated:
    return Evaluated(iterations, 1.0, value, 2 * value, "chips", "exact best response")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("300", "'300' is no rule; write MEASURE<VALUE"),
        ("river>300", "is no rule"),
        ("rivr<300", "did you mean 'river'?"),
        ("lbr<300", "'lbr' is no measure that a run could end by"),
        ("river<-3", "the value must be a number above 0"),
        ("river<1e", "the value must be a number above 0"),
        ("river<3 for 0", "the points must be 1 to 1000"),
        ("river<3,", "'' is no rule"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(text, said):
    with pytest.raises(ConfigError, match=r"^--set run.stop: run.stop: ") as caught:
        load_config("kuhn", overrides=[f"run.stop={text}"])
    assert said in str(caught.value)


def test_a_run_with_a_rule_alone_has_no_time_limit():
    config = load_config(None, overrides=["run.stop=exploitability<0.01"])
    assert (config.run.iterations, config.run.time_budget) == (None, None)
    assert load_config(None).run.time_budget == 15.0


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["run.stop=river<3"], "river is not measured of kuhn, which has exploitability"),
        (["run.stop=match<3"], "match is not measured of kuhn"),
        (["run.stop=exploitability<3", "run.checkpoint_interval=0"], "checkpoint_interval 0"),
    ],
)
def test_rules_that_cannot_be_met_are_refused_before_anything_is_written(
    overrides, said, tmp_path, capsys
):
    sets = [each for override in overrides for each in ("--set", override)]
    assert main([*KUHN, *sets, "--logdir", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is measured without compiled kernels")
@pytest.mark.parametrize(
    ("game", "overrides", "said"),
    [
        ("name: holdem,", ["run.stop=exploitability<3"], "which has river and match"),
        ("name: holdem,", ["run.stop=turn<3"], "turn is not measured of holdem"),
        ("name: holdem,", ["run.stop=river<3", "run.quality=off"], "while run.quality is off"),
        ("name: holdem, players: 3,", ["run.stop=match<3"], "which has exploiter"),
    ],
)
def test_rules_of_holdem_that_cannot_be_met_say_what_can(game, overrides, said, tmp_path):
    (tmp_path / "game.yaml").write_text(ROYAL.replace("name: holdem,", game))
    config = load_config(tmp_path / "game.yaml", overrides=["run.quality=light", *overrides])
    with pytest.raises(ConfigError, match=said):
        stop_rules(config, load_game(config.game, abstraction=config.abstraction))


def test_exact_values_end_a_run_at_once_or_at_so_many_successive_points():
    once, thrice = rules("exploitability<0.1"), rules("exploitability<0.1 for 3")
    for count, value in enumerate((0.2, 0.09, 0.11, 0.05, 0.06, 0.07), start=1):
        for each in (once, thrice):
            each(exact(value, count))
    assert once.why.endswith("0.09 chips at iteration 2")
    assert thrice.why == "run.stop exploitability<0.1 for 3: 0.07 chips at iteration 6"


def test_a_point_estimate_below_the_value_is_not_enough():
    samples = np.linspace(0.0, 200.0, 21)  # mean 100, upper end of the interval 128.2
    found = rules("river<110")
    found(river(samples))
    assert not found.why
    # The first look has 2.5 % on this side, exactly what the interval has.
    found = rules("river<129")
    found(river(samples))
    assert "river<129: 100 mbb, 128.2 at most at look 1" in found.why
    found = rules("river<129")
    found(river(samples + 100.0))
    found(river(samples))
    assert not found.why  # the second look needs more


def test_looking_often_ends_few_runs_that_are_not_good_enough():
    """True value exactly at the limit: of 400 runs with 60 looks each 5 % end, or fewer.

    Watching the 95 % interval instead ends most of them.
    """
    ended = watched = 0
    for seed in range(400):
        draws = np.random.default_rng(seed).normal(300.0, 100.0, (60, 40))
        found, naive = rules("river<300"), False
        for look in draws:
            point = river(look)
            found(point)
            naive |= point.high < 300.0
        ended += bool(found.why)
        watched += naive
    assert ended <= 0.05 * 400
    assert watched > 0.5 * 400


def match(value: float, half: float, iterations: int) -> QualityMeasured:
    ends = value - half, value + half
    return QualityMeasured(iterations, 1.0, "match", "mbb", value, *ends, 500, "2", "1")


def test_matches_against_the_past_count_three_times_running():
    found = rules("match<2")
    gains = [(1.0, 0.5), (0.5, 1.0), (1.0, 4.0), (3.0, 0.1), (1.9, 2.0), (0.0, 3.9), (-5.0, 2.0)]
    for count, (value, half) in enumerate(gains, start=1):
        assert not found.why
        found(match(value, half, count))
    assert found.why == "run.stop match<2: -5 mbb, -3 at most at iteration 7"


def test_what_the_parts_before_had_measured_counts(tmp_path):
    lines = [
        {"kind": "evaluation", "exploitability": 0.05, "iterations": 10, "seconds": 1.0},
        {"kind": "evaluation", "exploitability": 0.04, "iterations": 20, "seconds": 1.0},
        # went back to iteration 10
        {"kind": "evaluation", "exploitability": 0.3, "iterations": 15, "seconds": 1.0},
        {"kind": "evaluation", "exploitability": 0.06, "iterations": 30, "seconds": 1.0},
        # after the checkpoint that is gone on from
        {"kind": "evaluation", "exploitability": 0.05, "iterations": 40, "seconds": 1.0},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "metrics.jsonl").write_text(text + '{"kind": "evaluation", "exploi')
    found = rules("exploitability<0.1 for 2")
    take_former(found, tmp_path, 35)
    assert not found.why
    found(exact(0.07, 50))
    assert found.why
    with pytest.raises(UsageError, match=r"nothing is left to do: run.stop .* at iteration 40"):
        take_former(rules("exploitability<0.1 for 2"), tmp_path, 40)
    take_former(rules("exploitability<0.1"), tmp_path / "none", 40)


def test_points_of_earlier_parts_are_looks_as_they_were(tmp_path):
    point = river(np.linspace(0.0, 200.0, 21))
    line = {"kind": "quality", **vars(point)}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    found = rules("river<110")
    take_former(found, tmp_path, 1000)
    found(river(np.linspace(90.0, 100.0, 21), 200))
    assert found.why.endswith("at look 2 at iteration 200")
    # A line that does not say how many boards is a look of which nothing is known.
    del line["n"]
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line | {"value": 1.0}) + "\n")
    found = rules("river<110")
    take_former(found, tmp_path, 1000)
    assert found.why == ""


def test_a_sample_alone_says_nothing():
    found = rules("river<110")
    found.take(Look("river", 1, 5.0, float("inf"), 1, "mbb"))
    assert not found.why


def test_a_run_ends_by_its_rule_and_says_so_and_a_resumed_one_keeps_it(tmp_path, capsys):
    run = tmp_path / "run"
    stop = ["--set", "run.stop=exploitability<0.01", "--checkpoint-interval", "0.1"]
    assert main([*KUHN, *stop, "--logdir", str(run)]) == 0
    told = capsys.readouterr()
    summary = json.loads((run / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["ended_by"].startswith("run.stop exploitability<0.01: 0.00")
    assert summary["iterations"] < 2_000_000_000
    assert summary["exploitability"]["value"] < 0.01
    assert f"ended by {summary['ended_by']}" in told.out
    assert summary["ended_by"] in (run / "log.txt").read_text()
    assert 'stop: "exploitability<0.01"' in (run / "config.yaml").read_text()
    # Nothing is left to do, until another rule is given.
    assert main(["resume", str(run)]) == 2
    told = capsys.readouterr()
    assert "nothing is left to do: run.stop exploitability<0.01" in told.err
    more = str(summary["iterations"] + 1000)
    assert main(["resume", str(run), "--set", "run.stop=exploitability<1e-9", "--iters", more]) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["ended_by"] == "iterations"
    assert 'stop: "exploitability<1e-9"' in (run / "config.yaml").read_text()
