"""Configuration: what wins over what, which keys exist, and what makes two runs the same."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.config import shipped
from cfr_shm.config.algorithm import AlgorithmConfig
from cfr_shm.config.engine import EngineConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.identity import differences, fingerprint
from cfr_shm.config.load import load_config, parse_config
from cfr_shm.config.reader import Setting
from cfr_shm.config.run import RunConfig
from cfr_shm.config.sections import SECTIONS, Config, to_dict
from cfr_shm.config.shipped import find_config, shipped_configs
from cfr_shm.config.text import reference_rows, reference_table, to_yaml
from cfr_shm.errors import ConfigError
from cfr_shm.games.registry import load_game

ROOT = Path(__file__).resolve().parents[3]


def flag(name: str, key: str, text: str) -> Setting:
    return Setting(key, text, name, name)


def write(directory: Path, text: str) -> Path:
    path = directory / "run.yaml"
    path.write_text(text)
    return path


def refusal(**arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(**arguments)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_each_source_wins_over_the_one_before(tmp_path):
    path = write(tmp_path, "run:\n  seed: 1\n")
    environment = {"CFR_SHM_RUN_SEED": "2"}
    overrides = ["run.seed=3"]
    flags = [flag("--seed", "run.seed", "4")]
    assert load_config().run.seed == 0
    assert load_config(path).run.seed == 1
    assert load_config(path, environment).run.seed == 2
    assert load_config(path, environment, overrides).run.seed == 3
    assert load_config(path, environment, overrides, flags).run.seed == 4


def test_errors_name_their_place(tmp_path):
    path = write(tmp_path, "run:\n  seed: -1\n")
    assert refusal(source=path).startswith(f"{path}:2:9: run.seed must be a whole number from 0 to")
    assert refusal(environment={"CFR_SHM_RUN_SEED": "x"}).startswith("CFR_SHM_RUN_SEED: run.seed")
    assert refusal(overrides=["run.seed=x"]).startswith("--set run.seed: run.seed must be")
    assert refusal(flags=[flag("--seed", "run.seed", "x")]).startswith("--seed: run.seed must be")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "game:\n  name: x\nrun:\n  itertions: 1\n",
            ":4:3: unknown key 'itertions'; did you mean 'iterations'?",
        ),
        (
            "run:\n  time-budget: 1\n",
            ":2:3: unknown key 'time-budget'; did you mean 'time_budget'?",
        ),
        ("game:\n  seed: 1\n", ":2:3: unknown key 'seed'; it belongs in section 'run'"),
        ("seed:\n  x: 1\n", ":2:3: unknown section 'seed'; 'seed' belongs in section 'run'"),
        ("gmae:\n  x: 1\n", ":2:3: unknown section 'gmae'; did you mean 'game'?"),
        ("qqqqq:\n  x: 1\n", "; expected one of game, abstraction, algorithm, table, engine, run"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(tmp_path, text, expected):
    path = write(tmp_path, text)
    message = refusal(source=path)
    assert expected in message
    assert message.startswith(str(path))


def test_unknown_environment_keys_are_refused_and_other_variables_are_not():
    message = refusal(environment={"CFR_SHM_RUN_SEEED": "1"})
    assert message == "CFR_SHM_RUN_SEEED: unknown key 'seeed'; did you mean 'seed'?"
    load_config(environment={"CFR_SHM_CACHE_DIR": "/x", "HOME": "/y", "CFR_SHM_RUN_SEED": ""})


@pytest.mark.parametrize("text", ["run.seed", "seed=1", "=", "", "run.seed 1"])
def test_overrides_need_a_key_and_a_value(text):
    assert "expected section.key=value" in refusal(overrides=[text])


@pytest.mark.parametrize(
    "override",
    [
        "engine.num_workers=-1",
        "engine.num_workers=1e6",
        "engine.batch_size=0",
        "engine.batch_size=1e30",
        "run.time_budget=-1",
        "run.time_budget=0",
        "run.iterations=0",
        "run.iterations=1e18",
        "run.seed=9223372036854775808",
        "run.checkpoint_interval=-1",
        "run.keep_checkpoints=1",
        "game.buckets=4e9",
    ],
)
def test_ranges_are_named(override):
    key, _, text = override.partition("=")
    message = refusal(overrides=[override])
    assert re.search(rf"^--set {key}: {key} must be a (whole )?number from \S+ to \S+", message)
    assert f"found '{text}'" in message


def test_a_budget_is_given_only_when_nothing_else_ends_the_run():
    assert load_config().run.time_budget == 15.0
    assert load_config(overrides=["run.iterations=10"]).run.time_budget is None
    both = load_config(overrides=["run.iterations=10", "run.time_budget=2"]).run
    assert (both.iterations, both.time_budget) == (10, 2.0)


def test_values_that_do_not_go_together():
    assert "num_workers is 2" in refusal(
        overrides=["engine.in_process=true", "engine.num_workers=2"]
    )
    assert "table.compact true does not fit algorithm.name dcfr" in refusal(
        overrides=["table.compact=true", "algorithm.name=dcfr"]
    )
    assert "must not exceed" in refusal(overrides=["engine.wait_min_ms=5", "engine.wait_max_ms=4"])


def test_sections_check_themselves_however_they_are_made():
    with pytest.raises(ConfigError, match=r"RunConfig\.seed must be a whole number from 0"):
        RunConfig(seed=-1)
    with pytest.raises(ConfigError, match=r"EngineConfig\.in_process"):
        EngineConfig(in_process=1)  # type: ignore[arg-type]
    assert RunConfig(time_budget=15).time_budget == 15


# --- shipped configs ---------------------------------------------------------------------


def test_shipped_configs_load_by_name_and_by_path():
    names = shipped_configs()
    assert set(names) == {
        "blueprint_5h",
        "goofspiel",
        "hu_rich",
        "hu_small",
        "hu_standard",
        "kuhn",
        "leduc",
        "leduc_openspiel",
        "liars_dice",
        "peer_donk_6max100",
        "peer_donk_hu100",
        "pushfold",
        "sixmax",
        "sixmax_small",
        "smoke_test_30m",
        "synthetic_16mb",
        "synthetic_large",
    }
    for name, path in names.items():
        assert load_config(name) == load_config(path)
    assert load_config("leduc") == load_config()
    assert load_config("leduc_openspiel").game == GameConfig(merge_suits=False)


def test_sampled_hold_em_is_weighed_linearly_unless_told_otherwise(tmp_path):
    holdem = ["game.name=holdem"]
    assert load_config(overrides=holdem).algorithm.weighting == "linear"
    assert load_config(overrides=[*holdem, "algorithm.name=outcome_sampling"]).algorithm == (
        AlgorithmConfig(name="outcome_sampling", weighting="linear")
    )
    assert load_config().algorithm.weighting == "vanilla"
    full = [*holdem, "algorithm.name=cfr_plus", "game.stacks=5bb", "game.board_cards=[0]"]
    assert load_config(overrides=full).algorithm.weighting == "vanilla"
    # An earlier run says what it weighs, and goes on with it.
    said = [*holdem, "algorithm.weighting=vanilla"]
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(load_config(overrides=said)))
    assert load_config(path).algorithm.weighting == "vanilla"


def test_shipped_synthetic_games_have_the_size_of_their_name():
    sizes = {
        name: load_game(load_config(name).game).table_bytes
        for name in ("synthetic_16mb", "synthetic_large")
    }
    assert 15e6 < sizes["synthetic_16mb"] < 17e6
    assert 3 << 30 < sizes["synthetic_large"] < 5 << 30


def test_unknown_names_list_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(source="ledoc")
    assert "no shipped config is named 'ledoc' (there are blueprint_5h, goofspiel," in message
    assert message.endswith("did you mean 'leduc'?")
    assert "no such file; for the shipped config write '-c leduc'" in refusal(source="leduc.yaml")
    assert "cannot be read: No such file" in refusal(source="mine.yaml")
    Path("mine").write_text("run: {seed: 1}")
    assert "write './mine'" in refusal(source="mine")
    assert load_config("./mine").run.seed == 1


def test_an_installed_package_finds_its_own_configs(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "cfr_shm"
    (package / "configs").mkdir(parents=True)
    (package / "configs" / "mine.yaml").write_text("run: {}")
    monkeypatch.setattr(shipped, "__file__", str(package / "config" / "shipped.py"))
    assert find_config("mine") == package / "configs" / "mine.yaml"


def test_every_package_and_every_config_is_shipped():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "cfr_shm").rglob("__init__.py")
    }
    assert set(project["packages"]) == found | {"cfr_shm.configs"}
    assert project["package-dir"] == {"cfr_shm.configs": "configs"}
    assert project["package-data"]["cfr_shm.configs"] == ["*.yaml"]


# --- identity ----------------------------------------------------------------------------


def test_the_fingerprint_covers_what_decides_the_numbers_and_nothing_else():
    base = load_config()
    same = ["engine.num_workers=3", "run.logdir=x", "run.iterations=5", "engine.updates=atomic"]
    other = [
        "run.seed=1",
        "engine.drain_window=512",
        "game.players=3",
        "algorithm.weighting=linear",
        "table.compact=true",
    ]
    assert re.fullmatch(r"[0-9a-f]{64}", fingerprint(base))
    for override in same:
        assert fingerprint(load_config(overrides=[override])) == fingerprint(base)
    for override in other:
        changed = load_config(overrides=[override])
        assert fingerprint(changed) != fingerprint(base)
        assert [line.partition(":")[0] for line in differences(changed, base)] == [
            override.partition("=")[0]
        ]


def test_the_fingerprint_does_not_change_by_itself():
    # Changing this makes every checkpoint written before unusable: say so in CHANGELOG.md.
    assert fingerprint(Config()).startswith("f5b166b7e5c0357f")


def test_differences_take_plain_sections_too():
    found = to_dict(load_config(overrides=["run.seed=1"]))
    del found["game"]["players"]
    assert differences(found, Config()) == [
        "game.players: (missing) != 2",
        "run.seed: 1 != 0",
    ]


_VALUES = {
    "flag": st.booleans(),
    "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    "word": st.nothing(),
}


def _amounts(rule):
    """Amounts as they are held: the shortest text."""
    numbers = st.integers(math.ceil(rule.low * 1000), int(rule.high)).map(lambda n: n / 1000)
    numbers = numbers.filter(lambda n: rule.low <= n <= rule.high)
    return st.builds(
        lambda n, unit: f"{n:.3f}".rstrip("0").rstrip(".") + unit,
        numbers,
        st.sampled_from(rule.units),
    )


def _values(rule):
    if rule.kind == "list":
        items = _values(rule.items)
        lists = st.lists(items, min_size=rule.low, max_size=min(rule.high, 4)).map(tuple)
        alone = items if rule.alone else st.nothing()
        return lists | alone | (st.none() if rule.optional else st.nothing())
    kinds = {
        "amount": _amounts(rule) if rule.kind == "amount" else st.nothing(),
        "whole": st.integers(rule.low, rule.high) if rule.kind == "whole" else st.nothing(),
        "real": st.floats(rule.low, rule.high) if rule.kind == "real" else st.nothing(),
        **_VALUES,
    }
    words = st.sampled_from(rule.words) if rule.words else st.nothing()
    return kinds[rule.kind] | words | (st.none() if rule.optional else st.nothing())


def _section(kind):
    entries = dataclasses.fields(kind)
    return st.builds(kind, **{entry.name: _values(entry.metadata["rule"]) for entry in entries})


@given(st.builds(Config, **{name: _section(kind) for name, kind in SECTIONS.items()}))
def test_what_is_written_reads_back_equal(config):
    assert parse_config(to_yaml(config)) == config


# --- documentation -----------------------------------------------------------------------


def test_the_reference_lists_every_key_with_its_default_and_values():
    text = (ROOT / "docs" / "configuration.md").read_text()
    section = text.partition("<!-- keys: begin -->")[2]
    listed = [line.split("|")[1].strip() for line in section.splitlines() if "| `" in line]
    assert listed == [f"`{key}`" for key, *_ in reference_rows()]
    for row in reference_table():
        assert row in text, "run tools/write_configuration_reference.py"
