"""What ``cfr-shm solve`` writes: tables in three formats, charts, and what is refused before."""

import csv
import json

import pyarrow.parquet
import pytest

from cfr_shm.cli.main import main
from cfr_shm.errors import EXIT_OK, EXIT_USAGE

SPOT = """
spot:
  board: Td9d6hQc
  pot: 100
  stack: 200
  oop: AA,KQs,T9s,87s:0.5
  ip: QQ,JTs,A5s,66
  bets: "60%,a"
  raises: a
run: {iterations: 20}
"""


@pytest.fixture
def spot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "turn.yaml").write_text(SPOT)
    return tmp_path


def solve(capsys, *arguments):
    assert main(["solve", "turn.yaml", "--num-workers", "1", *arguments]) == EXIT_OK
    return capsys.readouterr().out


def test_three_formats_have_the_same_rows(spot, capsys):
    names = ["hands.csv", "hands.json", "hands.parquet"]
    flags = [flag for name in names for flag in ("--out", name)]
    document = json.loads(solve(capsys, "--line", "x", *flags, "--json"))
    hands = document["hands"]
    with (spot / "hands.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["hand"] for row in read] == [row["hand"] for row in hands]
    assert [float(row["ev"]) for row in read] == [row["ev"] for row in hands]
    stored = json.loads((spot / "hands.json").read_text())
    assert stored["rows"] == hands
    assert stored["about"]["board"] == "Td9d6hQc"
    assert stored["about"]["player"] == "ip"
    table = pyarrow.parquet.read_table(spot / "hands.parquet")
    assert table.to_pylist() == hands
    assert table.schema.field("rare").type == "bool"
    assert table.schema.metadata[b"unit"] == b"chips"
    assert document["decision"]["line"] == "x"
    total = sum(action["frequency"] for action in document["decision"]["actions"])
    assert total == pytest.approx(1.0)


def test_cards_that_may_come_and_flops_are_tables_too(spot, capsys):
    solve(capsys, "--line", "x-x", "--next-cards", "--out", "cards.parquet")
    cards = pyarrow.parquet.read_table(spot / "cards.parquet").to_pylist()
    assert len(cards) == 48
    assert {row["rare"] for row in cards} == {False}
    (spot / "flops.txt").write_text("Ks7h2d 24\n8s8h3d 12\n")
    flags = ["--flops", "flops.txt", "--iters", "2", "--logdir", "flops", "--out", "flops.json"]
    found = json.loads(solve(capsys, *flags, "--json"))
    rows = json.loads((spot / "flops.json").read_text())["rows"]
    assert [row["flop"] for row in rows] == ["Ks7h2d", "8s8h3d"]
    mean = (24 * rows[0]["ev_oop"] + 12 * rows[1]["ev_oop"]) / 36
    assert found["mean"]["ev_oop"] == pytest.approx(mean)


def test_charts_in_the_terminal_and_as_files(spot, capsys):
    shown = solve(capsys, "--line", "", "--chart", "--out", "c.html", "--out", "c.png")
    lines = shown.splitlines()
    assert any(line.startswith("AA ") for line in lines)
    assert any("bet 60" in line for line in lines)
    page = (spot / "c.html").read_text()
    assert "Td9d6hQc: oop to act" in page
    assert "KQs" in page
    assert (spot / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("line", ["b200", "b60-r200"])
def test_a_place_where_hardly_anybody_comes_is_marked(spot, capsys, line):
    """The first player only checks: neither his bets nor what follows them are ever played."""
    flags = ["--lock", ": x AA,KQs,T9s,87s", "--line", line]
    document = json.loads(solve(capsys, *flags, "--json"))
    assert document["decision"]["rare"] is True
    assert {action["rare"] for action in document["decision"]["actions"]} == {True}
    bets = [action for action in document["root"] if action["action"] == "bet"]
    assert [bet["rare"] for bet in bets] == [True, True]
    assert "hardly ever" in solve(capsys, *flags)
    if line == "b60-r200":
        assert all(row["rare"] for row in document["hands"])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--out", "hands.xlsx"], "ends in one of"),
        (["--next-cards", "--line", "x-x", "--out", "c.png"], "charts are of"),
        (["--next-cards", "--line", "x-x", "--chart"], "charts are of"),
    ],
)
def test_what_cannot_be_written_is_refused_before_solving(spot, flags, says, capsys):
    assert main(["solve", "turn.yaml", *flags]) == EXIT_USAGE
    assert says in capsys.readouterr().err
    assert not (spot / "runs").exists()
