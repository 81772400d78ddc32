"""``cfr-shm solve``: from a file and from flags, results, resuming, and what is refused."""

import csv
import json

import pytest

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main
from cfr_shm.errors import EXIT_MEMORY, EXIT_OK, EXIT_USAGE
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.memory.limits import Limit
from cfr_shm.run import solve
from cfr_shm.spots import arena_tables

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


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--line", "x-x"], "nobody decides after the line 'x-x': the street ends there"),
        (["--line", "b100-f"], "somebody has folded"),
        (
            ["--line", "x-x", "--next-cards"],
            "after the line 'x-x': the board is full",
        ),
        (["--line", "x", "--next-cards"], "it does not end a street"),
        (["--next-cards"], "--next-cards needs --line"),
        (["--cards", "2c"], "give --line too"),
        (["--flops", "all", "--estimate"], "--estimate is of one board"),
        (["--flops", "all", "--line", "x"], "--line is of one board"),
        (["--out", "nowhere/x.csv"], "cannot write nowhere/x.csv: there is no directory"),
        (["--csv", "nowhere/x.csv"], "cannot write nowhere/x.csv: there is no directory"),
    ],
)
def test_what_could_not_be_shown_is_refused_at_once(spot, tmp_path, capsys, flags, says):
    assert main(["solve", str(spot), *flags]) == EXIT_USAGE
    error = capsys.readouterr().err
    assert says in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.glob("runs/*/checkpoints"))


def test_a_spot_without_bets_says_that_it_is_checked_down(spot, capsys):
    assert main(["solve", str(spot), "--bets", "none", "--iters", "2"]) == EXIT_OK
    assert "spot.bets has no bet: hands are checked down" in capsys.readouterr().err


def test_estimate_says_sizes_and_solves_nothing(spot, capsys, tmp_path):
    assert main(["solve", str(spot), "--estimate", "--json"]) == EXIT_OK
    found = json.loads(capsys.readouterr().out)
    assert found["fits"]
    assert found["nodes"] == 9
    assert found["hands"] == [12, 6]
    assert found["seconds_per_iteration"] > 0
    assert not (tmp_path / "runs").exists()


def test_locks_that_come_to_a_solve_that_is_over_are_held(spot, capsys, tmp_path):
    run = tmp_path / "run"
    free = solved(capsys, spot, "--set", "spot.target=0.5", "--logdir", run)
    locked = ("--lock", ": x QQ")  # then KK never calls, and nothing is won of it
    held = solved(capsys, run, *locked, "--line", "")
    assert held["exploitability_percent"] <= 0.5
    assert held["iterations"] > free["iterations"]
    for hand in held["hands"]:
        assert hand["x_frequency"] == pytest.approx(float(hand["hand"][0] == "Q"), abs=0.02)
    calls = [
        hand["c_frequency"] for hand in solved(capsys, run, *locked, "--line", "b100")["hands"]
    ]
    assert max(calls) < 0.05
    # And without them it is as it was.
    again = solved(capsys, run, "--set", "spot.lock_ranges=null", "--line", "b100")
    assert again["exploitability_percent"] <= 0.5
    calls = [hand["c_frequency"] for hand in again["hands"]]
    assert sum(calls) / len(calls) == pytest.approx(0.5, abs=0.05)


def test_spots_of_three_are_refused(spot, capsys):
    assert main(["solve", str(spot), "--set", "game.players=3"]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "game.players is 3, and spots are solved for two" in said


@pytest.mark.parametrize("command", [["solve"], ["solve", "--estimate"], ["estimate", "-c"]])
def test_what_memory_does_not_allow_is_refused_before_anything_is_compiled(
    spot, capsys, monkeypatch, command
):
    small = [Limit("this test", 100, "do without")]
    monkeypatch.setattr(arena_tables, "shared_limits", lambda: small)
    monkeypatch.setattr(solve, "make_spot_kernels_ready", lambda *_: pytest.fail("compiled"))
    assert main([*command, str(spot), "--json"]) == EXIT_MEMORY
    output = capsys.readouterr()
    said = output.err.splitlines()[-1]
    assert said.startswith("cfr-shm: error: the tables need ")
    assert "this test has only 100 bytes left; do without" in said
    assert "with spot.compact true; fewer bet sizes, narrower ranges or a later street" in said
    if command != ["solve"]:
        document = json.loads(output.out)
        assert not document["fits"]
        assert document["refused"] == said.removeprefix("cfr-shm: error: ")
        assert document["memory_bytes"] == 2 * document["compact_bytes"]


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
        ("rake_cap", "6", "spot.rake_cap needs spot.rake_fraction"),
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


def test_ranges_that_leave_hardly_any_deal_are_refused(spot, capsys):
    """What the lightest hands alone are worth would be told off by percents, rounding's share."""
    flags = ["--oop", "AcAd,KcKd:0.000001", "--ip", "AcAh"]
    assert main(["solve", str(spot), *flags]) == EXIT_USAGE
    error = capsys.readouterr().err
    assert "share a card in nearly every deal (fewer than one in 10,000 is possible)" in error
    assert len(error.strip().splitlines()) == 1


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


def test_a_blueprint_is_solved_with_sizes_of_ones_own(blueprint, capsys):
    root = ["--from", blueprint, "--line", "", "--board", "AsKsQdTc", "--num-workers", 1]
    found = solved(capsys, *root, "--bets", "50%,a", "--raises", "a")
    assert [each["action"] for each in found["root"]] == ["check", "bet", "bet"]
    assert [each["amount"] for each in found["root"]] == [0.0, 2.0, 12.0]
    assert found["exploitability_percent"] <= 0.1
    # Within a street the line stays as it is, whatever the sizes.
    later = ["--from", blueprint, "--line", "x b1p", "--board", "AsKsQdTc", "--num-workers", 1]
    found = solved(capsys, *later, "--bets", "a", "--raises", "3x", "--then", "r12")
    assert found["line"] == "x-b4-r12"
    assert [each["action"] for each in found["root"]] == ["fold", "call"]


@pytest.mark.parametrize("method", ["unsafe", "resolve"])
def test_the_blueprints_own_sizes_are_what_it_solves_without_any(blueprint, capsys, method):
    root = ["--from", blueprint, "--line", "x x / x", "--board", "AsKsQdTc9h", "--num-workers", 1]
    exact = ["--target", "0.01", "--method", method]
    same = solved(capsys, *root, *exact)
    given = solved(capsys, *root, *exact, "--bets", "100%,a", "--raises", "100%,a")
    assert given["pot"] == same["pot"]
    if method == "unsafe":
        # With a gadget values are no equilibrium's: many answers do.
        assert given["ev"] == pytest.approx(same["ev"], abs=0.02)
        return
    for found in (given, same):
        assert found["safety"]["least_margin"] > -0.02
        assert found["safety"]["allowed"] == pytest.approx(same["safety"]["allowed"], abs=1e-6)


FLOP = """
game: {name: holdem, blinds: [0, 0], dead: 20, big_blind: 2, stacks: 60,
       board_cards: [3, 1, 1], board: QsJh2h, ranges: ["TT,KJs", "AA:0.5,AJs,T9s"]}
abstraction: {flop: [[1], [allin]], turn: [[1], [allin]], river: [[1], [allin]]}
algorithm: {name: external_sampling}
"""


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="hours as plain Python")
def test_a_flop_is_solved_to_its_end_on_a_blueprint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flop.yaml").write_text(FLOP)
    arguments = ["--config", "flop.yaml", "--iters", "20000", "--logdir", "run"]
    assert main(["train", *arguments, "--num-workers", "1", "--loglevel", "error"]) == EXIT_OK
    capsys.readouterr()
    place = ["--from", "run", "--line", "", "--board", "QsJh2h", "--num-workers", 1]
    whole = solved(capsys, *place, "--target", "0.3")
    assert whole["exploitability_percent"] <= 0.3
    assert whole["safety"]["after"] <= whole["safety"]["before"] + 0.01 * whole["pot"]
    own = ["--bets", "50%,a", "--raises", "a", "--target", "0.3"]
    found = solved(capsys, *place, *own, "--then", "b10-c/x-x/", "--cards", "3c4d")
    assert found["exploitability_percent"] <= 0.3
    assert found["pot"] == 40.0
    assert found["board"] == "QsJh2h3c4d"


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--oop", "AA"], "spot.oop is not set with --from"),
        (["--estimate"], "without --estimate"),
        (["--board", "AsKsQdTc9h"], "--board"),
        (["--line", "x x x"], "line"),
        (["--add-allin", "2"], "spot.add_allin is of use with --bets or --raises"),
        (["--set", "spot.rake_fraction=0.1"], "spot.rake_fraction is not set with --from"),
        (["--bets", "60%,zz"], "spot.bets"),
        (["--bets", '["a","a","a"]'], "spot.bets lists 3 streets, but the spot has 2"),
    ],
)
def test_what_does_not_go_with_a_blueprint_is_refused(blueprint, flags, says, capsys):
    arguments = ["solve", "--from", str(blueprint), "--line", "", "--board", "AsKsQdTc", *flags]
    assert main(arguments) == EXIT_USAGE
    assert says in capsys.readouterr().err
    assert main(["solve", "--method", "reach", "--board", "AsKsQdTc"]) == EXIT_USAGE
    assert "--from" in capsys.readouterr().err


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="hundreds of subgames: hours uncompiled")
def test_a_seat_of_a_match_solves_the_rest_of_a_hand_anew(blueprint, capsys):
    """After 300 iterations a blueprint plays badly; its river played anew wins of it."""
    command = ["match", "run", "run", "--seed", "3", "--resolve-method", "unsafe", "--json"]
    assert main([*command, "--boards", "24", "--resolve", "river:0.05"]) == EXIT_OK
    found = json.loads(capsys.readouterr().out)
    assert found["names"][0].endswith("+unsafe")
    assert found["low"] > 0.0
    hands = ["--method", "play", "--deals", "64"]
    assert main([*command, *hands, "--resolve", "no,river:0.05"]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["names"][1].endswith("+unsafe")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--resolve", "river"], "expected STREET:SECONDS"),
        (["--resolve", "river:0"], "expected STREET:SECONDS"),
        (["--resolve", "flop:1"], "no betting on the flop"),
        (["--resolve", "no,no,river:1"], "names 3 strategies of 2"),
    ],
)
def test_what_a_match_cannot_solve_anew_is_refused(blueprint, flags, says, capsys):
    assert main(["match", "run", "run", *flags]) == EXIT_USAGE
    assert says in capsys.readouterr().err
