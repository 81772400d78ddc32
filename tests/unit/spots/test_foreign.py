"""Trees and ranges of other solvers."""

import json
from pathlib import Path

import pytest
from spot_cases import BASIC_IP, BASIC_OOP, basic_spot

from cfr_shm.config.load import load_config
from cfr_shm.config.reader import Setting
from cfr_shm.errors import UsageError
from cfr_shm.spots.foreign import is_foreign, read_foreign
from cfr_shm.spots.settled import spot_of

CASES = Path(__file__).parent / "cases"
TREES, RANGES = CASES / "wasm_configurations.json", CASES / "wasm_ranges.json"
SCRIPT = CASES / "texassolver_s5r.txt"


def game_of(values):
    flags = [Setting(f"spot.{key}", text, "file", "file") for key, text in values.items()]
    return spot_of(load_config(None, {}, [], flags).spot)


def test_a_tree_and_ranges_of_wasm_postflop_make_the_same_spot():
    values = read_foreign(TREES, "turns/S3", RANGES)
    assert (values["oop"], values["ip"]) == (BASIC_OOP, BASIC_IP)
    imported, own = game_of(values | {"board": "Td9d6hQc"}), basic_spot("Td9d6hQc")
    for one, two in zip(imported.trees, own.trees, strict=True):
        assert [node.line for node in one.nodes] == [node.line for node in two.nodes]


def test_the_only_tree_needs_no_name():
    assert read_foreign(TREES, None, None) == read_foreign(TREES, "turns/S3", None)


def test_a_tree_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match="turns/S3"):
        read_foreign(TREES, "flops/S1", None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bunching", True),
        ("removedLines", "F:1"),
        ("startingPot", "many"),
        ("rakeCap", True),
        ("oopTurnBet", ["60"]),
        ("oopTurnDonk", {"a": 1}),
    ],
)
def test_what_a_tree_asks_for_and_we_have_not_is_named(tmp_path, key, value):
    document = json.loads(TREES.read_text())
    document["data"][1]["value"][key] = value
    path = tmp_path / "trees.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError, match=key):
        read_foreign(path, None, None)


def test_a_script_of_texassolver_makes_a_spot():
    values = read_foreign(SCRIPT, None, None)
    game = game_of(values)
    assert values["target"] == "0.1"
    assert [action.code for action in game.trees[0].nodes[0].actions] == ["x", "b126"]
    bet = game.trees[0].nodes[game.trees[0].nodes[0].children[1]]
    assert [action.code for action in bet.actions] == ["f", "c", "r320"]
    assert game.rules.stack == 910


@pytest.mark.parametrize(
    "line", ["set_allin_threshold 0.67", "set_node_lock x", "set_bet_sizes oop,preflop,bet,50"]
)
def test_what_a_script_asks_for_and_we_have_not_is_named(tmp_path, line):
    path = tmp_path / "script.txt"
    path.write_text(f"{SCRIPT.read_text()}\n{line}\n")
    with pytest.raises(UsageError, match=line.split()[0]):
        read_foreign(path, None, None)


def test_files_are_told_apart_by_their_names():
    assert [is_foreign(name) for name in ("a.json", "b.txt", "c.yaml")] == [True, True, False]


@pytest.mark.parametrize(
    "data", [None, 5, {}, [1], [{"isGroup": True}], [{"path": "ab"}], [{"path": [1]}]]
)
def test_an_export_whose_entries_are_none_is_refused(tmp_path, data):
    path = tmp_path / "trees.json"
    path.write_text(json.dumps({"version": 2, "name": "configurations", "data": data}))
    with pytest.raises(UsageError, match="'data', a list of entries"):
        read_foreign(path, None, None)


@pytest.mark.parametrize("threshold", ["", "much", "nan", "0.5"])
def test_a_threshold_that_is_none_is_refused(tmp_path, threshold):
    path = tmp_path / "script.txt"
    path.write_text(f"{SCRIPT.read_text()}\nset_allin_threshold {threshold}\n")
    with pytest.raises(UsageError, match="set_allin_threshold"):
        read_foreign(path, None, None)


def test_sizes_with_quotes_are_sizes_that_there_are_none_of(tmp_path):
    document = json.loads(TREES.read_text())
    document["data"][1]["value"]["oopTurnBet"] = "60' \\x"
    path = tmp_path / "trees.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="is no bet size"):
        game_of(read_foreign(path, None, RANGES) | {"board": "Td9d6hQc"})
