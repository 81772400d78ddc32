"""Strategies, and the files that they are exported to."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pyspiel
import pytest
from production import table_with

from cfr_shm.errors import CfrShmError, GameError, UsageError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.game import Game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export import (
    CSV_COLUMNS,
    export_csv,
    export_npz,
    export_openspiel,
)


def strategy_of(game: Game, sums: np.ndarray) -> Strategy:
    return Strategy.from_table(game, table_with(game, sums))


def sums_with_unvisited_rows(game: Game, seed: int = 0, unvisited: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sums = np.zeros(game.table_entries)
    for row, count in {label.row: len(label.actions) for label in game.infosets()}.items():
        if rng.random() >= unvisited:
            sums[row : row + count] = rng.exponential(size=count)
    return sums


def read_json(path) -> dict:
    return json.loads(path.read_text())


# --- the strategy ------------------------------------------------------------------------


def test_strategy_normalises_rows_and_is_uniform_where_never_visited():
    game = kuhn()
    sums = np.zeros(game.table_entries)
    labels = list(game.infosets())
    sums[labels[0].row : labels[0].row + 2] = 3.0, 1.0
    strategy = strategy_of(game, sums)
    assert strategy.probability[labels[0].row : labels[0].row + 2].tolist() == [0.75, 0.25]
    assert strategy.probability[labels[1].row : labels[1].row + 2].tolist() == [0.5, 0.5]
    assert strategy.weight[[labels[0].row, labels[1].row]].tolist() == [4.0, 0.0]


def test_strategy_is_immutable_and_shares_nothing_with_the_table():
    game = kuhn()
    table = table_with(game, np.ones(game.table_entries))
    strategy = Strategy.from_table(game, table)
    before = strategy.probability.copy()
    table.strategy_sum[:] = np.arange(len(table.strategy_sum))
    np.testing.assert_array_equal(strategy.probability, before)
    with pytest.raises(ValueError, match="read-only"):
        strategy.probability[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        strategy.weight[0] = 1.0


# --- OpenSpiel's format ------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [kuhn, lambda: kuhn(3), lambda: leduc(merge_suits=False), lambda: leduc(merge_suits=True)],
)
def test_openspiel_loads_the_game_and_agrees_on_the_exploitability(build, tmp_path):
    game = build()
    strategy = strategy_of(game, sums_with_unvisited_rows(game))
    export_openspiel(game, strategy, tmp_path / "policy.json")
    document = read_json(tmp_path / "policy.json")
    theirs = pyspiel.load_game(document["game"])
    policy = pyspiel.TabularPolicy(
        {
            name: [(int(action), probability) for action, probability in entries.items()]
            for name, entries in document["policy"].items()
        }
    )
    nash_conv = pyspiel.nash_conv(theirs, policy, True)
    assert evaluate(game, strategy).nash_conv == pytest.approx(nash_conv, abs=1e-9)
    if game.player_count == 2:
        assert pyspiel.exploitability(theirs, policy) == pytest.approx(nash_conv / 2, abs=1e-9)
    assert len(document["policy"]) == len(list(game.infosets()))
    assert all(sum(p.values()) == pytest.approx(1.0) for p in document["policy"].values())


def test_never_visited_infosets_are_listed_and_uniform(tmp_path):
    game = leduc(merge_suits=True)
    sums = sums_with_unvisited_rows(game)
    export_openspiel(game, strategy_of(game, sums), tmp_path / "policy.json")
    document = read_json(tmp_path / "policy.json")
    expected = [
        label.name
        for label in game.infosets()
        if sums[label.row : label.row + len(label.actions)].sum() == 0.0
    ]
    assert expected
    assert document["unvisited"] == expected
    for name in expected:
        entries = document["policy"][name].values()
        assert list(entries) == [pytest.approx(1 / len(entries))] * len(entries)


def test_games_that_openspiel_does_not_have_are_refused(tmp_path):
    game = synthetic(buckets=2)
    with pytest.raises(
        GameError, match=r"synthetic is not in OpenSpiel; export it with --format npz or csv"
    ):
        export_openspiel(game, strategy_of(game, np.zeros(game.table_entries)), tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


# --- npz ---------------------------------------------------------------------------------


def npz(game: Game, sums: np.ndarray, tmp_path, **options) -> dict[str, np.ndarray]:
    export_npz(game, strategy_of(game, sums), tmp_path / "policy.npz", **options)
    with np.load(tmp_path / "policy.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("merge_suits", [False, True])
def test_npz_holds_every_infoset_and_entry(merge_suits, tmp_path):
    game = leduc(merge_suits=merge_suits)
    strategy = strategy_of(game, sums_with_unvisited_rows(game))
    arrays = npz(game, sums_with_unvisited_rows(game), tmp_path)
    assert str(arrays["game"]) == "leduc_poker"
    assert arrays["name"].dtype.kind == "U"
    for index, label in enumerate(game.infosets()):
        first, last = arrays["offset"][index : index + 2]
        assert arrays["name"][index] == label.name
        assert arrays["player"][index] == label.player
        assert tuple(arrays["action"][first:last]) == label.actions
        np.testing.assert_array_equal(
            arrays["probability"][first:last],
            strategy.probability[label.row : label.row + len(label.actions)],
        )
    assert arrays["offset"][-1] == len(arrays["action"]) == len(arrays["probability"])


def test_reach_of_an_infoset_is_the_same_with_suits_merged_and_apart(tmp_path):
    merged, apart = leduc(merge_suits=True), leduc(merge_suits=False)
    sums = sums_with_unvisited_rows(merged)
    rows = {label.name: label.row for label in merged.infosets()}
    spread = np.zeros(apart.table_entries)
    for label in apart.infosets():
        count = len(label.actions)
        spread[label.row : label.row + count] = sums[rows[label.name] :][:count]
    ours, theirs = npz(merged, sums, tmp_path), npz(apart, spread, tmp_path)
    np.testing.assert_array_equal(ours["name"], theirs["name"])
    np.testing.assert_allclose(ours["reach"], theirs["reach"], atol=1e-12)
    opening = [name.endswith("[Round1: ][Round2: ]") for name in ours["name"]]
    assert ours["reach"][np.logical_and(opening, ours["player"] == 0)].sum() == pytest.approx(1.0)


def test_visits_are_counts_with_vanilla_weights_and_scaled_with_linear_weights(tmp_path):
    game = kuhn()
    first = next(iter(game.infosets()))
    sums = np.zeros(game.table_entries)
    sums[first.row : first.row + 2] = 0.1 * 7, 0.9 * 7  # seven visits, up to rounding
    assert npz(game, sums, tmp_path)["visits"].tolist()[:2] == [7.0, 0.0]
    iterations = 99
    arrays = npz(game, sums, tmp_path, mean_iteration_weight=(iterations + 1) / 2)
    assert arrays["visits"][0] == pytest.approx(7 / 50)


def test_reach_is_left_out_where_deals_are_not_listed(tmp_path):
    game = synthetic(2, 1, 1, 3)
    arrays = npz(game, np.zeros(game.table_entries), tmp_path)
    assert "reach" not in arrays
    assert str(arrays["game"]) == "synthetic"


# --- csv ---------------------------------------------------------------------------------


def read_csv(path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_csv_says_what_npz_says(tmp_path):
    game = goofspiel(cards=3)  # its names hold line breaks
    sums = sums_with_unvisited_rows(game)
    strategy = strategy_of(game, sums)
    export_csv(game, strategy, tmp_path / "policy.csv", mean_iteration_weight=5.0)
    arrays = npz(game, sums, tmp_path, mean_iteration_weight=5.0)
    lines = read_csv(tmp_path / "policy.csv")
    assert tuple(lines[0]) == CSV_COLUMNS
    assert len(lines) == len(arrays["action"])
    of_entry = np.repeat(np.arange(len(arrays["name"])), np.diff(arrays["offset"]))
    for entry, line in enumerate(lines):
        infoset = of_entry[entry]
        assert line["infoset"] == arrays["name"][infoset]
        assert int(line["player"]) == arrays["player"][infoset]
        assert int(line["action"]) == arrays["action"][entry]
        assert float(line["probability"]) == arrays["probability"][entry]
        assert float(line["reach"]) == arrays["reach"][infoset]
        assert float(line["visits"]) == arrays["visits"][infoset]
        assert line["visited"] == str(int(arrays["visits"][infoset] > 0))
    assert {line["visited"] for line in lines} == {"0", "1"}


def test_csv_leaves_reach_empty_where_deals_are_not_listed(tmp_path):
    game = synthetic(2, 1, 1, 3)
    export_csv(game, strategy_of(game, np.zeros(game.table_entries)), tmp_path / "policy.csv")
    lines = read_csv(tmp_path / "policy.csv")
    assert {(line["reach"], line["visited"]) for line in lines} == {("", "0")}
    assert list(tmp_path.iterdir()) == [tmp_path / "policy.csv"]


def test_two_infosets_of_one_name_are_not_thrown_together(tmp_path):
    game = kuhn()
    twice = dataclasses.replace(game, infosets=lambda: iter([*game.infosets()] * 2))
    with pytest.raises(GameError, match="kuhn has two infosets '0'"):
        export_openspiel(twice, strategy_of(game, np.zeros(game.table_entries)), tmp_path / "x")


# --- files -------------------------------------------------------------------------------


def test_a_failed_export_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text("old")

    def write_half(error: BaseException) -> None:
        with replaced_file(path) as file:
            file.write(b"half of")
            raise error

    with pytest.raises(CfrShmError, match="No space left"):
        write_half(OSError(28, "No space left on device"))
    with pytest.raises(KeyboardInterrupt):
        write_half(KeyboardInterrupt())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_replaces_the_old_file(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text("old")
    export_openspiel(kuhn(), strategy_of(kuhn(), np.zeros(kuhn().table_entries)), path)
    assert read_json(path)["game"] == "kuhn_poker"
    assert list(tmp_path.iterdir()) == [path]


def test_paths_that_cannot_be_written_are_refused_in_one_line(tmp_path):
    for path in (tmp_path / "missing" / "policy.json", tmp_path):
        with pytest.raises(UsageError, match="cannot write") as caught, replaced_file(path):
            pass
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
