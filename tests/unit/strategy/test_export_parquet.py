"""Strategies in parquet: what the columns say, and that others read it."""

from __future__ import annotations

import functools
import json
import re

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow.parquet as pq
import pytest
from policies import random_strategy

from cfr_shm.cards import parallel
from cfr_shm.cli import session
from cfr_shm.cli.main import main
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.tree import DECISION
from cfr_shm.run.directory import StoredRun
from cfr_shm.storage.array_files import ArrayFile
from cfr_shm.strategy import export_parquet, reach, row_sums
from cfr_shm.strategy.public import hand_at

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[3bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""
COLUMNS = [
    "node",
    "line",
    "street",
    "seat",
    "bucket",
    "hand",
    "action",
    "amount",
    "probability",
    "ev",
    "reach",
    "visits",
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A short run, in which much is never visited, as npz and as parquet."""
    place = tmp_path_factory.mktemp("exported")
    (place / "royal.yaml").write_text(ROYAL)
    run = str(place / "run")
    quiet = ["--num-workers", "1", "--iters", "300", "--logdir", run]
    assert main(["train", "-c", str(place / "royal.yaml"), *quiet]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_parquet, "BATCH_LINES", 300)
        patch.setattr(export_parquet, "GROUP_LINES", 500)  # several groups
        patch.setattr(export_parquet, "_NODES_SOUGHT", 50)
        patch.setattr(reach, "NODES_TOGETHER", 7)
        for kind in ("npz", "parquet", "csv"):
            out = str(place / f"royal.{kind}")
            assert main(["export", run, "--format", kind, "--out", out]) == 0
    return place


@pytest.fixture(scope="module")
def game(exported):
    from cfr_shm.games.registry import load_game

    config = StoredRun(str(exported / "run")).load_config()
    return load_game(config.game, lambda _: None, config.abstraction)


def lines_of(place) -> polars.DataFrame:
    return polars.read_parquet(place / "royal.parquet")


def test_parquet_says_what_npz_says(exported):
    with np.load(exported / "royal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    found = lines_of(exported)
    assert found.columns == COLUMNS
    of_line = {line.decode(): index for index, line in enumerate(arrays["line"])}
    assert found.height == len(arrays["probability"])
    for (line,), group in found.group_by("line"):
        node = of_line[line]
        actions, buckets = int(arrays["actions"][node]), int(arrays["buckets"][node])
        infosets = slice(arrays["first_infoset"][node], arrays["first_infoset"][node] + buckets)
        visits = np.repeat(arrays["visits"][infosets], actions)
        assert group["bucket"].to_list() == np.repeat(np.arange(buckets), actions).tolist()
        np.testing.assert_array_equal(group["visits"], visits)
        np.testing.assert_array_equal(group["reach"], np.repeat(arrays["reach"][infosets], actions))
        first = arrays["first_entry"][node]
        probability = arrays["probability"][first : first + buckets * actions]
        expected = np.where(visits > 0.0, probability, np.nan).astype(np.float32)
        np.testing.assert_array_equal(group["probability"].to_numpy(), expected)
        assert set(group["street"]) == {arrays["street"][node]}
        assert set(group["seat"]) == {arrays["seat"][node]}
    assert 0 < (found["visits"] == 0.0).sum() < found.height
    assert (found["probability"].is_null() == (found["visits"] == 0.0)).all()
    assert found["ev"].null_count() == found.height


def test_reach_is_of_the_same_deals_whatever_is_dealt_together(game, monkeypatch):
    """Card buckets are let go after each part of the deals: all of them would be in memory else."""
    strategy, found, let_go = random_strategy(game, 3), [], []
    monkeypatch.setattr(reach, "let_pages_go", lambda: let_go.append(len(found)))
    for together in (1 << 20, 1000, 77):
        monkeypatch.setattr(reach, "DEALS_TOGETHER", together)
        found.append(reach.sampled_reach_of_rows(game, strategy))
    deals = found[0][1]
    assert [let_go.count(number) for number in range(3)] == [
        -(-deals // together) for together in (1 << 20, 1000, 77)
    ]
    for total, count in found[1:]:
        np.testing.assert_array_equal(total, found[0][0])
        assert count == deals


def test_csv_has_the_same_reach_and_visits_infoset_by_infoset(exported):
    lines = polars.read_csv(exported / "royal.csv").with_columns(
        line=polars.col("infoset").str.split(" | ").list.get(1)
    )
    with np.load(exported / "royal.npz", allow_pickle=False) as file:
        arrays = dict(file)
    of_line = {line.decode(): index for index, line in enumerate(arrays["line"])}
    seen = 0
    for (line,), group in lines.group_by("line", maintain_order=True):
        node = of_line[line]
        actions, buckets = int(arrays["actions"][node]), int(arrays["buckets"][node])
        infosets = slice(arrays["first_infoset"][node], arrays["first_infoset"][node] + buckets)
        first = arrays["first_entry"][node]
        probability = arrays["probability"][first : first + buckets * actions]
        for name in ("reach", "visits"):
            known = np.repeat(arrays[name][infosets], actions)
            np.testing.assert_allclose(group[name].to_numpy(), known, rtol=0, atol=1e-15)
        np.testing.assert_array_equal(group["probability"].to_numpy(), probability)
        assert (group["visited"] == (group["visits"] > 0.0)).all()
        never = group["probability"].to_numpy()[group["visits"].to_numpy() == 0.0]
        assert (never == 1.0 / actions).all()  # and nothing else is made up
        seen += group.height
    assert seen == len(arrays["probability"])


def test_lines_are_sorted_and_in_several_groups(exported):
    found = lines_of(exported)
    keys = found.select("street", "node", "bucket").rows()
    assert keys == sorted(keys)
    assert pq.ParquetFile(exported / "royal.parquet").num_row_groups > 2


def test_amounts_and_actions_are_those_of_the_rules(exported, game):
    found = lines_of(exported)
    nodes = game.tree.nodes
    for (node,), group in found.group_by("node"):
        record, hand = nodes[node], hand_at(game, node)
        first, count = int(record["first_child"]), int(record["count"])
        expected = []
        for move in game.betting.move[first : first + count].tolist():
            own = hand.street_bets[hand.actor]
            amount = {FOLD: None, CALL: own + hand.call_amount if hand.call_amount else None}
            expected.append(amount.get(move, move))
        assert group["amount"].to_list()[:count] == expected
        tokens = group["action"].to_list()[:count]
        assert tokens[0] == ("f" if hand.call_amount else "x")
        below = found.filter(polars.col("node").is_in(list(range(first, first + count))))
        before = group["line"][0]
        for line in below["line"].unique().to_list():
            assert line.removesuffix(" /") in {f"{before} {token}".strip() for token in tokens}


def test_nodes_have_the_chips_of_the_rules(exported, game):
    found = polars.read_parquet(exported / "royal.nodes.parquet")
    assert found.columns == ["node", "parent", "pot", "stacks", "to_call"]
    assert found["node"].to_list() == list(range(len(game.tree.nodes)))
    for node, parent, pot, stacks, to_call in found.rows():
        hand = hand_at(game, node)
        assert parent == (None if node == 0 else game.betting.parent[node])
        assert (pot, tuple(stacks)) == (hand.pot, hand.stacks)
        decides = game.tree.nodes["kind"][node] == DECISION
        assert to_call == (hand.call_amount if decides else None)


def test_classes_are_told_where_a_bucket_has_one_only(exported):
    found = lines_of(exported)
    assert found.filter(polars.col("street") > 0)["hand"].null_count() > 0
    root = found.filter(polars.col("node") == 0).unique("bucket")
    assert sorted(root["hand"].to_list())[:3] == ["AA", "AJo", "AJs"]
    assert root.height == 25


def test_duckdb_and_pandas_read_it(exported):
    path = exported / "royal.parquet"
    shares = duckdb.sql(
        f"select sum(probability) as total from '{path}' where visits > 0 group by node, bucket"
    ).fetchnumpy()["total"]
    np.testing.assert_allclose(shares, 1.0, atol=1e-6)
    frame = pd.read_parquet(path)
    assert list(frame.columns) == COLUMNS
    assert frame["visits"].sum() == lines_of(exported)["visits"].sum()


def test_metadata_say_where_it_comes_from(exported):
    for name in ("royal.parquet", "royal.nodes.parquet"):
        about = pq.read_metadata(exported / name).metadata
        assert about[b"game"] == b"holdem"
        assert about[b"iterations"] == b"300"
        assert about[b"unit"] == b"chips"
        assert json.loads(about[b"config"])["game"]["stacks"] == "20"
        assert len(about[b"fingerprint"]) > 16
        assert len(about[b"buckets_fingerprint"]) == 64


def test_only_some_rows_are_read_at_a_time(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(row_sums, "ENTRIES_TOGETHER", 100)
    sizes = []
    read = ArrayFile.read

    def spy(self, first, count):
        sizes.append(count)
        return read(self, first, count)

    monkeypatch.setattr(ArrayFile, "read", spy)
    out = tmp_path / "again.parquet"
    assert main(["export", str(exported / "run"), "--format", "parquet", "--out", str(out)]) == 0
    assert max(sizes) <= 100 * 3 // 2 + 2
    assert len(sizes) > 10
    assert polars.read_parquet(out).equals(lines_of(exported))


def test_progress_tells_both_walks_and_never_goes_back(exported, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(session, "say", said.append)
    monkeypatch.setattr(parallel.Progress, "__init__", functools.partialmethod(
        parallel.Progress.__init__, interval=0.0))  # fmt: skip
    monkeypatch.setattr(export_parquet, "BATCH_LINES", 300)
    monkeypatch.setattr(reach, "NODES_TOGETHER", 7)
    out = tmp_path / "again.parquet"
    assert main(["export", str(exported / "run"), "--format", "parquet", "--out", str(out)]) == 0
    for step in ("nodes and reach", "lines"):
        shares = [
            int(match[1])
            for each in said
            if (match := re.match(rf"{step}: +([0-9]+)% after", each))
        ]
        assert shares == sorted(shares)
        assert shares
        assert 0 <= shares[0] <= shares[-1] <= 100
        assert sum(each.startswith(f"{step}: done in") for each in said) == 1
    assert said[-1].startswith("wrote ")


def test_small_games_have_the_lines_of_their_csv(tmp_path):
    run = str(tmp_path / "kuhn")
    assert main(["train", "-c", "kuhn", "--iters", "50", "--logdir", run]) == 0
    for kind in ("csv", "parquet"):
        out = str(tmp_path / f"kuhn.{kind}")
        assert main(["export", run, "--format", kind, "--out", out]) == 0
    found = polars.read_parquet(tmp_path / "kuhn.parquet")
    assert found.columns == COLUMNS
    keys = found.select("street", "node", "bucket").rows()
    assert keys == sorted(keys)
    rows = {(row["line"], row["action"]): row for row in found.to_dicts()}
    lines = polars.read_csv(tmp_path / "kuhn.csv", infer_schema=False).to_dicts()
    assert len(lines) == len(rows)
    for line in lines:
        row = rows[line["infoset"], line["action"]]
        assert row["reach"] == float(line["reach"])
        assert row["visits"] == float(line["visits"])
        assert row["seat"] == int(line["player"])
        if line["visited"] == "1":
            assert row["probability"] == np.float32(line["probability"])
        else:
            assert row["probability"] is None


def test_a_run_s_own_files_are_never_replaced(exported, capsys):
    out = str(exported / "run" / "summary.json")
    arguments = ["export", str(exported / "run"), "--format", "parquet", "--out", out, "--force"]
    assert main(arguments) == 2
    assert "which is a run" in capsys.readouterr().err
