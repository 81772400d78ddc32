"""Every algorithm through a whole training: run directory, resume, discounts, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from first_cases import first_cases

from cfr_shm.algorithms import FULL_WIDTH, SAMPLED
from cfr_shm.cli.main import main
from cfr_shm.config.identity import differences, fingerprint
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.errors import CheckpointError, ConfigError
from cfr_shm.games.registry import load_game
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.run.directory import StoredRun
from cfr_shm.run.setup import algorithm_settings, mean_iteration_weight, settle
from cfr_shm.run.train import train


def leduc(iterations: int, *overrides: str) -> Config:
    return load_config(
        "leduc",
        overrides=[
            f"run.iterations={iterations}",
            "run.time_budget=null",
            "run.checkpoint_interval=0",
            "engine.num_workers=1",
            "engine.drain_window=8",
            *overrides,
        ],
    )


def load(path: Path, config: Config) -> Checkpoint:
    warnings: list[str] = []
    loaded = StoredRun(path).load_checkpoint(config, load_game(config.game), warnings.append)
    assert not warnings
    return loaded


@pytest.mark.parametrize("name", [*SAMPLED, *FULL_WIDTH])
def test_a_resumed_run_ends_where_an_undisturbed_one_does(tmp_path, name):
    option = f"algorithm.name={name}"
    whole, first = leduc(40, option), leduc(24, option)
    summary = train(whole, tmp_path / "whole")
    assert (summary["status"], summary["iterations"]) == ("finished", 40)
    train(first, tmp_path / "parts")
    train(whole, tmp_path / "parts", resume=load(tmp_path / "parts", whole))
    found = [load(tmp_path / each, whole).rows for each in ("whole", "parts")]
    assert np.array_equal(*found)
    entries, planes = load_game(whole.game).table_entries, 2 if name in FULL_WIDTH else 0
    assert len(found[0]) == table_words(entries) + planes * entries


@pytest.mark.parametrize("mode", first_cases(["async", "deterministic"]))
@pytest.mark.parametrize("workers", first_cases([1, 2]))
def test_a_compact_run_is_trained_resumed_and_evaluated(tmp_path, capsys, mode, workers):
    options = [f"engine.mode={mode}", "table.compact=true", f"engine.num_workers={workers}"]
    options += ["engine.freeze=8"] if mode == "deterministic" else []
    whole, first = leduc(64, *options), leduc(32, *options)
    train(first, tmp_path / "parts")
    train(whole, tmp_path / "parts", resume=load(tmp_path / "parts", whole))
    train(leduc(64, *options), tmp_path / "whole")
    found = [load(tmp_path / each, whole) for each in ("whole", "parts")]
    assert found[0].rows.nbytes == 8 * load_game(whole.game).table_entries
    if mode == "deterministic" or workers == 1:
        assert np.array_equal(found[0].rows, found[1].rows)
    for command in (["eval"], ["show"], ["export", "--format", "npz", "--out", tmp_path / "x.npz"]):
        assert main([command[0], str(tmp_path / "parts"), *map(str, command[1:])]) == 0
    assert json.loads((tmp_path / "parts" / "summary.json").read_text())["exploitability"]
    wide = leduc(64, *(each for each in options if each != "table.compact=true"))
    with pytest.raises(CheckpointError, match=r"differs in table\.compact: True != "):
        load(tmp_path / "parts", wide)


@pytest.mark.parametrize("name", SAMPLED)
def test_discounts_are_due_by_iterations_alone(tmp_path, name):
    options = [
        f"algorithm.name={name}",
        "algorithm.weighting=dcfr",
        "algorithm.discount_interval=10",
        "algorithm.discount_until=30",
    ]
    whole = leduc(40, *options)
    for path, config in (
        ("whole", whole),
        ("batches", leduc(40, *options, "engine.batch_size=8")),
        ("parts", leduc(20, *options)),
    ):
        train(config, tmp_path / path)
    train(whole, tmp_path / "parts", resume=load(tmp_path / "parts", whole))
    rows = [load(tmp_path / path, whole).rows for path in ("whole", "batches", "parts")]
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[0], rows[2])
    plain = leduc(40, f"algorithm.name={name}", "algorithm.weighting=vanilla")
    train(plain, tmp_path / "plain")
    assert not np.array_equal(rows[0], load(tmp_path / "plain", plain).rows)


EXPLORED = "algorithm.average_opponents=explored"


@pytest.mark.parametrize(
    ("config", "name", "reason"),
    [
        ("kuhn", "public_chance_sampling", "nothing public is dealt in it"),
        ("goofspiel", "public_chance_sampling", "nothing public is dealt in it"),
        ("goofspiel", "chance_sampling", "without seeing each other's moves"),
        ("synthetic_16mb", "cfr_plus", "its buckets are drawn, not listed"),
        ("synthetic_16mb", "public_chance_sampling", "its buckets are drawn, not listed"),
    ],
)
def test_algorithms_that_do_not_fit_are_refused_before_anything_is_written(
    tmp_path, config, name, reason
):
    overrides = [f"algorithm.name={name}", "game.buckets=2"][: 1 + (config[0] == "s")]
    with pytest.raises(ConfigError) as caught:
        train(load_config(config, overrides=overrides), tmp_path / "run")
    message = str(caught.value)
    assert message.startswith(f"algorithm.name {name} does not fit game ")
    assert reason in message
    assert "\n" not in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["name=outcome_sampling", "epsilon=0"], "'0' is outside (0, 1]"),
        (["name=outcome_sampling", "epsilon=1.01"], "'1.01' is outside (0, 1]"),
        (["name=outcome_sampling", "epsilon=nan"], "'nan' is outside (0, 1]"),
        (["name=outcome_sampling", "epsilon=0:0.5, x"], "'x' is no step of a schedule"),
        (["name=outcome_sampling", "epsilon=5:0.5"], "begins at iteration 5; begin at 0"),
        (["name=outcome_sampling", "epsilon=0:1,9:.5,9:.4"], "9 comes after 9; sort"),
        (["epsilon=0.5"], "is for outcome_sampling, not for external_sampling"),
        (["weighting=dcfr", "discount_interval=0"], "must be a whole number from 1"),
        (["discount_interval=5"], "needs algorithm.weighting dcfr"),
        (["alpha=1"], "algorithm.alpha needs algorithm.weighting dcfr"),
        (["name=cfr_plus", "gamma=2"], "cfr_plus has no gamma; dcfr, dcfr_plus, pcfr_plus,"),
        (["name=cfr", "weighting=linear"], "cfr has its own weights"),
        (["name=cfr", "regret_floor=0"], "not for cfr"),
        (["name=chance_sampling", "in_flight=4"], "not for chance_sampling"),
        (["name=outcome_sampling", "prune_threshold=-5"], "not for outcome_sampling"),
        (["prune_after=5"], "needs algorithm.prune_threshold"),
        (["average_opponents=explored", "in_flight=2"], "explored has 1; leave it out"),
        (
            ["average_opponents=explored", "average_probability=1", "in_flight=2"],
            "average_opponents explored has 1",
        ),
        (["name=cfr", "average_opponents=sampled"], "not for cfr"),
        (["averaging=separate", "average_probability=0"], "must be a number from"),
        (["name=cfr", "average_probability=0.1"], "not for cfr"),
        (["name=external_sampling", "averaging=sometimes"], "found 'sometimes'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_line(overrides, message):
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=[f"algorithm.{each}" for each in overrides])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_says_how_passes_are_made_needs_passes():
    rare = ["algorithm.average_probability=0.1"]
    for key, value in (("average_probability", "0.1"), ("average_opponents", "sampled")):
        config = load_config("kuhn", overrides=[f"algorithm.{key}={value}"])
        with pytest.raises(ConfigError, match=f"{value} needs algorithm.averaging separate"):
            algorithm_settings(config, load_game(config.game))
    for more in ("game.players=3", "algorithm.averaging=separate"):
        config = load_config("kuhn", overrides=[*rare, "algorithm.in_flight=4", more])
        settings = algorithm_settings(config, load_game(config.game))
        assert settings.average_probability == 0.1


def test_what_is_left_open_follows_the_game_and_pluribus():
    two, three = load_config("kuhn"), load_config("kuhn", overrides=["game.players=3"])
    assert algorithm_settings(two, load_game(two.game)).averaging == "on_the_way"
    assert algorithm_settings(three, load_game(three.game)).averaging == "separate"
    assert algorithm_settings(three, load_game(three.game)).average_opponents == "sampled"
    pruned = load_config("kuhn", overrides=["algorithm.prune_threshold=-300"])
    settings = algorithm_settings(pruned, load_game(pruned.game))
    assert settings.regret_floor == pytest.approx(-310.0)
    assert (settings.pruning.probability, settings.pruning.after) == (0.95, 0)
    steps = load_config(overrides=["algorithm.name=outcome_sampling", "algorithm.epsilon=0:1,7:.5"])
    assert algorithm_settings(steps, load_game(two.game)).epsilon == ((0, 1.0), (7, 0.5))


@pytest.mark.parametrize(
    ("overrides", "weight"),
    [
        (["weighting=vanilla"], 1.0),
        (["weighting=linear"], 50.5),
        (["name=cfr"], 1.0),
        (["name=cfr_plus"], 50.5),
        (["name=dcfr"], sum(t**2 for t in range(1, 101)) / 100),
    ],
)
def test_the_mean_weight_of_an_iteration(overrides, weight):
    config = load_config(overrides=[f"algorithm.{each}" for each in overrides])
    assert mean_iteration_weight(config, 100) == pytest.approx(weight, rel=0.02)


def settled_config(config, game):
    return settle(config, game, Path()).config


def test_the_kind_of_passes_is_part_of_the_run():
    """Explored is what runs were before there was a choice: their fingerprints stay."""
    three = load_config("kuhn", overrides=["game.players=3"])
    explored = load_config("kuhn", overrides=["game.players=3", EXPLORED])
    assert fingerprint(explored) == fingerprint(three)
    game = load_game(three.game)
    settled = settled_config(three, game)
    assert settled.algorithm.average_opponents == "sampled"
    assert settled_config(settled, game) == settled
    assert differences(explored, settled) == ["algorithm.average_opponents: (missing) != 'sampled'"]
    assert settled_config(explored, game) == explored
    two = load_config("kuhn")
    assert settled_config(two, load_game(two.game)) == two
