"""``cfr-shm solve``: from a file and from flags, results, resuming, and what is refused."""

import csv
import json

import pytest

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main
from cfr_shm.errors import EXIT_OK, EXIT_USAGE

TOY = """
spot:
  board: 2c2d2h3s3d
  pot: 100
  stack: 100
  oop: AA,QQ
  ip: KK
  bets: a
  raises: a
  algorithm: cfr_plus
  target: 0.05
"""


@pytest.fixture
def spot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(TOY)
    return path


def solved(capsys, *arguments):
    assert main(["solve", *map(str, arguments), "--json"]) == EXIT_OK
    return json.loads(capsys.readouterr().out)


def test_a_file_is_solved_to_its_target(spot, capsys):
    found = solved(capsys, spot, "--num-workers", 1)
    assert found["exploitability_percent"] <= 0.05
    assert found["ev"] == pytest.approx([75.0, 25.0], abs=0.3)
    assert found["equity"] == pytest.approx([0.5, 0.5])
    assert [each["action"] for each in found["root"]] == ["check", "bet"]
    assert found["root"][1]["frequency"] == pytest.approx(0.75, abs=0.02)
    assert found["memory_bytes"] > 0
    assert found["iterations"] > 0
    assert (spot.parent / "runs" / "latest" / "summary.json").exists()


def test_flags_alone_make_a_spot(spot, capsys):
    flags = ["--board", "2c2d2h3s3d", "--oop", "AA,QQ", "--ip", "KK", "--pot", 100, "--stack", 50]
    found = solved(capsys, *flags, "--bets", "a", "--iters", 20, "--num-workers", 2)
    assert found["iterations"] == 20


def test_a_solve_goes_on_where_it_was(spot, capsys, tmp_path):
    directory = tmp_path / "run"
    solved(capsys, spot, "--iters", 10, "--logdir", directory)
    found = solved(capsys, directory, "--iters", 30)
    assert found["iterations"] == 30
    whole = solved(capsys, spot, "--iters", 30, "--logdir", tmp_path / "whole")
    assert found["ev"] == pytest.approx(whole["ev"], abs=1e-6)


def test_hands_at_a_line_are_printed_and_written(spot, capsys, tmp_path):
    path = tmp_path / "hands.csv"
    found = solved(capsys, spot, "--line", "b100", "--csv", path)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found["hands"]) == 6
    assert all(float(row["f_ev"]) == pytest.approx(0.0, abs=1e-3) for row in rows)
    assert all(0.4 < float(row["c_frequency"]) < 0.6 for row in rows)
    called = parse_range(STANDARD, found["ranges"]["c"])
    assert called.sum() == pytest.approx(6 * float(rows[0]["c_frequency"]), abs=0.3)
    assert main(["solve", str(spot), "--line", "b100"]) == EXIT_OK
    assert "KhKd" in capsys.readouterr().out


def test_estimate_says_sizes_and_solves_nothing(spot, capsys, tmp_path):
    assert main(["solve", str(spot), "--estimate", "--json"]) == EXIT_OK
    found = json.loads(capsys.readouterr().out)
    assert found["fits"]
    assert found["nodes"] == 9
    assert found["hands"] == [12, 6]
    assert found["seconds_per_iteration"] > 0
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("board", "2c2d2h3s3s", "appears twice"),
        ("board", "2c2d", "3 to 5 cards"),
        ("ip", "2c2d", "leaves no hand"),
        ("bets", "0%", "makes no move"),
        ("bets", "[a, a]", "lists 2 streets, but the spot has 1"),
        ("raises", "7y", "no bet size"),
        ("oop", "AX", "oop"),
        ("remove_lines", "[b33]", "not in the tree"),
    ],
)
def test_what_makes_no_spot_is_refused_in_one_line(spot, capsys, key, value, says):
    assert main(["solve", str(spot), "--set", f"spot.{key}={value}"]) == EXIT_USAGE
    error = capsys.readouterr().err
    assert says in error
    assert len(error.strip().splitlines()) == 1


def test_ranges_that_block_each_other_leave_no_deal(spot, capsys):
    flags = ["--oop", "AcAd", "--ip", "AcAh"]
    assert main(["solve", str(spot), *flags]) == EXIT_USAGE
    assert "leave no deal" in capsys.readouterr().err


def test_without_a_spot_the_usage_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["solve"]) == EXIT_USAGE
    assert "there is no spot" in capsys.readouterr().err


BLUEPRINT = """
game: {name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 6, suits: 4,
       board_cards: [4, 1], board: AsKsQdTc, ranges: ["AJ,KK:0.5,QTs,99", "AKo:0.5,JJ,TT,J9s"]}
abstraction: {turn: [[1], [allin]], river: [[1], [allin]]}
algorithm: {name: external_sampling}
"""


@pytest.fixture
def blueprint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.yaml").write_text(BLUEPRINT)
    arguments = ["--config", "game.yaml", "--iters", "300", "--logdir", "run", "--num-workers", "1"]
    assert main(["train", *arguments]) == EXIT_OK
    capsys.readouterr()
    return tmp_path / "run"


def test_the_rest_of_a_hand_is_solved_on_a_blueprint(blueprint, capsys):
    place = ["--from", blueprint, "--line", "x b1p c / x", "--board", "AsKsQdTc9h"]
    found = {
        method: solved(capsys, *place, "--method", method, "--num-workers", 1)
        for method in ("unsafe", "resolve", "maxmargin", "reach")
    }
    for method, each in found.items():
        assert each["player"] == each["seat"] == "ip"
        assert each["line"] == "x"
        assert sum(action["frequency"] for action in each["root"]) == pytest.approx(1.0)
        safety = each["safety"]
        assert safety["before"] == pytest.approx(found["unsafe"]["safety"]["before"])
        if method != "unsafe":
            assert safety["least_margin"] > -0.05
            assert safety["after"] <= safety["allowed"] + 0.02
    hands = {row["hand"] for row in found["resolve"]["hands"]}
    assert hands <= {row["hand"] for row in found["unsafe"]["hands"]}


def test_a_later_decision_on_a_blueprint_is_shown(blueprint, capsys, tmp_path):
    place = ["--from", blueprint, "--line", "", "--board", "AsKsQdTc"]
    later = ["--then", "x-x/", "--cards", "9h", "--csv", tmp_path / "hands.csv"]
    found = solved(capsys, *place, *later, "--num-workers", 1)
    assert found["line"] == "x-x/"
    with (tmp_path / "hands.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(found["hands"])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--oop", "AA"], "spot.oop is not set with --from"),
        (["--estimate"], "without --estimate"),
        (["--board", "AsKsQdTc9h"], "--board"),
        (["--line", "x x x"], "line"),
    ],
)
def test_what_does_not_go_with_a_blueprint_is_refused(blueprint, flags, says, capsys):
    arguments = ["solve", "--from", str(blueprint), "--line", "", "--board", "AsKsQdTc", *flags]
    assert main(arguments) == EXIT_USAGE
    assert says in capsys.readouterr().err
    assert main(["solve", "--method", "reach", "--board", "AsKsQdTc"]) == EXIT_USAGE
    assert "--from" in capsys.readouterr().err
