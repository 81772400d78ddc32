"""Card buckets follow the time budget: chosen once, said, written down; the user's keys win."""

from __future__ import annotations

import json

import pytest

from cfr_shm.cli import main as cli
from cfr_shm.config.load import load_config
from cfr_shm.errors import ConfigError
from cfr_shm.run import budgeted_buckets
from cfr_shm.run.budgeted_buckets import CANDIDATES, PREFLOP, chosen_of, leaves_open

#: Decision nodes of a made up tree by street, and its rows with 200 buckets a street.
DECISIONS = [10, 100, 300, 600]
ROWS = PREFLOP * 10 + 200 * 1000
NONE, ALL = [False] * 3, [True] * 3


def budget_for(updates, workers=1):
    """Seconds after which each of so many rows was updated so often."""
    return updates * ROWS / (budgeted_buckets.UPDATES_PER_SECOND * workers)


def test_two_hundred_are_taken_once_their_rows_are_learnt():
    (best, few, quick), least = CANDIDATES, CANDIDATES[0].least_updates
    for workers in (1, 4):
        enough = budget_for(least, workers)
        assert chosen_of(DECISIONS, enough * 1.001, workers, 2, ALL).candidate == best
        assert chosen_of(DECISIONS, enough * 0.999, workers, 2, ALL).candidate == few
    assert quick.method == "percentile"


def test_a_build_counts_as_time_that_nobody_trains():
    best = CANDIDATES[0]
    enough, build = budget_for(best.least_updates), best.build_seconds / 2
    assert chosen_of(DECISIONS, enough + build + 1, 1, 2, NONE).candidate == best
    assert chosen_of(DECISIONS, enough + build - 1, 1, 2, NONE).candidate != best
    # More than half of the time is not spent on building what is better.
    _, few, quick = CANDIDATES
    assert chosen_of(DECISIONS, few.build_seconds * 2.1, 1, 1, NONE).candidate == few
    assert chosen_of(DECISIONS, few.build_seconds * 1.9, 1, 1, NONE).candidate == quick


def test_in_too_little_time_what_is_there_is_taken_or_what_is_built_soonest():
    best, _, quick = CANDIDATES
    ready = [True, False, False]
    assert chosen_of(DECISIONS, 1.0, 1, 2, ready).candidate == best
    assert chosen_of(DECISIONS, quick.build_seconds * 1.2, 1, 1, NONE).candidate == quick
    with pytest.raises(ConfigError, match=r"run\.time_budget 3 s is shorter .* percentile 50 "):
        chosen_of(DECISIONS, 3.0, 1, 2, NONE)


@pytest.mark.parametrize(
    ("said", "left_open"),
    [
        ((), True),
        (("run.time_budget=3600",), True),
        (("run.iterations=1000",), False),
        (("run.time_budget=null",), True),  # then it is 15 seconds
        (("abstraction.buckets=default",), False),
        (("abstraction.bucket_method=emd",), False),
        (("abstraction.bucket_counts=[169, 9, 9, 9]",), False),
        (("game.players=3", "game.stacks=100bb"), False),
        (("game.board=AhKhQh",), False),
        (("game.ranks=9",), False),
    ],
)
def test_what_the_user_says_of_buckets_or_iterations_wins(said, left_open):
    assert leaves_open(load_config("hu_standard", overrides=said)) == left_open


def test_nothing_is_chosen_for_other_games():
    assert not leaves_open(load_config("leduc"))
    assert not leaves_open(load_config("pushfold"))
    assert not leaves_open(load_config("sixmax_small"))
    flops_only = ("game.name=holdem", "game.board_cards=[0, 3]")
    assert not leaves_open(load_config(None, overrides=flops_only))


@pytest.fixture
def few_buckets(monkeypatch):
    """Candidates whose buckets are built in seconds."""
    few = (
        CANDIDATES[2]._replace(buckets=6, build_seconds=0.1, least_updates=1e9),
        CANDIDATES[2]._replace(buckets=5, build_seconds=0.1, least_updates=0.0),
    )
    monkeypatch.setattr(budgeted_buckets, "CANDIDATES", few)


@pytest.mark.thorough
def test_a_run_says_what_it_chose_writes_it_and_never_chooses_again(
    tmp_path, capsys, few_buckets, monkeypatch
):
    run = tmp_path / "run"
    short = ["--num-workers", "1", "--no-tensorboard", "--set", "run.quality=off"]
    train = ["train", "-c", "hu_small", "--logdir", str(run), "--time-budget", "1", *short]
    assert cli.main(train) == 0
    said = "card buckets for 1 s of 1 worker"
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert "percentile 5 a street" in (run / "log.txt").read_text()
    written = load_config(run / "config.yaml").abstraction
    assert (written.bucket_method, written.bucket_counts) == ("percentile", (169, 5, 5, 5))
    # With other candidates a resume goes on with its own.
    other = (CANDIDATES[2]._replace(buckets=6, build_seconds=0.1),)
    monkeypatch.setattr(budgeted_buckets, "CANDIDATES", other)
    assert cli.main(["resume", str(run), "--time-budget", "1"]) == 0
    assert load_config(run / "config.yaml").abstraction == written
    assert said not in capsys.readouterr().err


def test_estimate_says_which_are_best_and_measures_those(few_buckets, capsys, monkeypatch):
    monkeypatch.setattr("cfr_shm.run.forecast.MEASURED_SECONDS", 0.01)
    asked = ["estimate", "-c", "hu_small", "--time-budget", "60"]
    assert cli.main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["buckets"]["method"], found["buckets"]["buckets"]) == ("percentile", 5)
    rows = {street["name"]: street for street in found["streets"]}
    assert rows["river"]["infosets"] == 5 * rows["river"]["decisions"]
    assert cli.main([*asked, "--set", "abstraction.bucket_counts=[169, 7, 7, 7]", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["buckets"] is None


def test_too_little_time_for_any_build_is_refused_and_named(tmp_path, capsys, monkeypatch):
    slow = tuple(each._replace(build_seconds=1e6) for each in CANDIDATES)
    monkeypatch.setattr(budgeted_buckets, "CANDIDATES", slow)
    monkeypatch.setattr(budgeted_buckets, "buckets_are_ready", lambda *_: False)
    refused = "run.time_budget 60 s is shorter than building any card buckets"
    for command in ("estimate", "train"):
        flags = ["--logdir", str(tmp_path / "run")] if command == "train" else []
        assert cli.main([command, "-c", "hu_small", "--time-budget", "60", *flags]) == 2
        assert refused in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
