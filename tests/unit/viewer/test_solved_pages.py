"""What the viewer says of solved spots: the same as ``solve`` does, and where lines lead."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest
from asgi_client import get

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main
from cfr_shm.viewer.pages import Pages
from cfr_shm.viewer.viewed_runs import ViewedRuns

TURN = """
spot: {board: Td9d6hQc, pot: 100, stack: 200, oop: "AA,QQ:0.5,T9s", ip: "KK,98s,AQs",
       bets: "60%", raises: a}
run: {iterations: 30}
"""


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    path = tmp_path_factory.mktemp("spots")
    (path / "turn.yaml").write_text(TURN)
    assert main(["solve", str(path / "turn.yaml"), "--logdir", str(path / "turn")]) == 0
    return path / "turn"


@pytest.fixture(scope="module")
def app(solved):
    return Pages(ViewedRuns([str(solved)], print), print).app()


def asked(app, what="place", **parameters):
    query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
    found = get(app, f"/api/runs/turn/{what}?{query}")
    return found.status, json.loads(found.body)


@pytest.mark.parametrize("line", ["", "x", "x-b60"])
def test_hands_are_those_that_solve_lists(app, solved, line, capsys):
    capsys.readouterr()
    assert main(["solve", str(solved), "--line", line, "--json"]) == 0
    want = {row["hand"]: row for row in json.loads(capsys.readouterr().out)["hands"]}
    status, found = asked(app, line=line)
    assert status == 200
    hands, tokens = found["hands"], [action["token"] for action in found["actions"]]
    assert set(hands["cards"]) == set(want)
    for index, hand in enumerate(hands["cards"]):
        row = want[hand]
        for name in ("equity", "ev", "eqr"):
            assert hands[name][index] == pytest.approx(row[name], abs=1e-4)
        for place, token in enumerate(tokens):
            share = hands["probability"][place][index]
            assert share == pytest.approx(row[f"{token}_frequency"], abs=1e-4)


def test_lines_lead_over_streets_and_end_where_nobody_decides(app):
    _, found = asked(app, line="x")
    leads = {action["token"]: action["leads"] for action in found["strip"][-1]["actions"]}
    assert leads == {"x": "x-x/", "b60": "x-b60"}
    _, found = asked(app, line="x-x/")
    assert (found["need"], found["chart"]) == (5, None)
    status, found = asked(app, line="x-x/x", board="Td9d6hQc2s")
    assert (status, found["board"][-1], found["position"]) == (200, "2s", "IP")
    assert [step["taken"] for step in found["strip"]] == ["x", "x", "x", None]
    assert {action["token"]: action["ends"] for action in found["strip"][-1]["actions"]} == {
        "x": True,
        "b60": False,
    }


def test_lines_that_end_the_street_are_listed(app):
    for line, ends in (
        ("", ["x-x", "b60-c", "x-b60-c"]),
        ("x", ["x-x", "x-b60-c"]),
        ("b60", ["b60-c"]),
    ):
        _, found = asked(app, line=line)
        known = [each for each in found["street_ends"] if "r" not in each]
        assert sorted(known) == sorted(ends)
    _, found = asked(app, line="x-x/x", board="Td9d6hQc2s")
    assert found["street_ends"] == []


def test_ranges_by_action_add_up_to_the_whole(app):
    _, whole = asked(app, "range", line="x")
    parts = [asked(app, "range", line="x", action=token)[1] for token in ("x", "b60")]
    read = [np.array(each["weights"].split(), float) for each in (whole, *parts)]
    assert read[0].any()
    assert read[1] + read[2] == pytest.approx(read[0], abs=2e-3)
    assert parse_range(STANDARD, whole["text"]) == pytest.approx(read[0], abs=1e-3)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"line": "x-b61"}, "is no action there"),
        ({"line": "x-b60-f"}, "nobody decides"),
        ({"line": "x-x/x", "board": "Td9d6hQcQc"}, "Qc"),
        ({"line": "", "board": "2c3c4c5c"}, "begins with the spot's own"),
    ],
)
def test_what_cannot_be_shown_is_said(app, parameters, text):
    status, found = asked(app, **parameters)
    assert status == 400
    assert text in found["error"]


def test_next_cards_are_those_that_solve_lists(app, solved, capsys):
    capsys.readouterr()
    assert main(["solve", str(solved), "--line", "x-b60-c", "--next-cards", "--json"]) == 0
    want = {row["card"]: row for row in json.loads(capsys.readouterr().out)["hands"]}
    status, found = asked(app, "next_cards", line="x-b60-c")
    assert (status, found["player"], found["pot"]) == (200, "OOP", 220.0)
    assert {row["card"] for row in found["cards"]} == set(want)
    assert len(want) == 48
    for row in found["cards"]:
        same = want[row["card"]]
        assert row["rare"] == same["rare"]
        for name, key in (("reach",) * 2, ("equity",) * 2, ("ev", "ev_oop"), ("ev_other", "ev_ip")):
            assert row[name] == pytest.approx(same[key], abs=1e-9)
        assert row["eqr"] == pytest.approx(row["ev"] / (row["equity"] * 220.0))
        shares = [value for key, value in same.items() if key.endswith("_frequency")]
        assert row["probability"] == pytest.approx(shares)
        assert row["ev"] + row["ev_other"] == pytest.approx(220.0, abs=0.1)


def test_both_players_stand_beside_each_other(app):
    _, root = asked(app)
    _, here = asked(app, line="x")
    status, found = asked(app, "players", line="x")
    oop, ip = found["players"]
    assert (status, oop["player"], ip["player"]) == (200, "OOP", "IP")
    assert oop["ev"] + ip["ev"] == pytest.approx(100.0, abs=0.05)
    assert oop["equity"] + ip["equity"] == pytest.approx(1.0, abs=1e-4)
    # Who decides: the page of the place says the same, hand by hand.
    weight, value = (np.array(here["hands"][name], float) for name in ("weight", "ev"))
    for cell in ip["classes"]:
        if cell["hands"]:
            rows = [class_of(hand) == cell["name"] for hand in here["hands"]["cards"]]
            assert cell["weight"] * cell["hands"] == pytest.approx(weight[rows].sum(), abs=1e-3)
            assert min(value[rows]) - 1e-4 <= cell["ev"] <= max(value[rows]) + 1e-4
    # Who does not: what checking was worth, before the other's answer.
    worth = dict(zip(root["hands"]["cards"], root["hands"]["action_ev"][0], strict=True))
    cells = {cell["name"]: cell for cell in oop["classes"]}
    for name in ("AA", "QQ", "T9s"):
        values = [value for hand, value in worth.items() if class_of(hand) == name]
        assert min(values) - 1e-3 <= cells[name]["ev"] <= max(values) + 1e-3
    assert cells["72o"]["hands"] == 0
    assert cells["72o"]["ev"] is None


def class_of(hand):
    one, two = hand[0], hand[2]
    return one + two + ("" if one == two else "s" if hand[1] == hand[3] else "o")


def test_equity_curves_rise_and_average_to_the_equity(app):
    for line, board in (("", ""), ("x-x/x", "Td9d6hQc2s")):
        _, found = asked(app, "players", line=line, board=board)
        for player in found["players"]:
            part, equity = np.array(player["curve"]).T
            assert (np.diff(equity) >= 0.0).all()
            assert (part[0], part[-1]) == (0.0, 1.0)
            assert np.trapezoid(equity, part) == pytest.approx(player["equity"], abs=0.02)


@pytest.mark.parametrize(
    ("what", "parameters", "text"),
    [
        ("next_cards", {"line": "x"}, "does not begin there"),
        ("next_cards", {"line": "x-x", "board": "Td9d6hQc2s"}, "has 4 cards, found 5"),
        ("players", {"line": "x-x"}, "nobody decides"),
        ("players", {"line": "", "board": "2c3c4c5c"}, "begins with the spot's own"),
    ],
)
def test_reports_that_cannot_be_made_are_refused(app, what, parameters, text):
    status, found = asked(app, what, **parameters)
    assert status == 400
    assert text in found["error"]


@pytest.fixture(scope="module")
def without_rivers(tmp_path_factory):
    path = tmp_path_factory.mktemp("upper")
    (path / "turn.yaml").write_text(TURN.replace("a}\nrun", "a, save: no_rivers}\nrun"))
    assert main(["solve", str(path / "turn.yaml"), "--logdir", str(path / "turn")]) == 0
    return path / "turn"


@pytest.mark.parametrize(("line", "river"), [("", ""), ("x-x/", "2s"), ("x-b60-c/x", "Ah")])
def test_rivers_that_were_left_out_are_solved_again_as_solve_does(
    without_rivers, line, river, capsys
):
    capsys.readouterr()
    cards = ["--cards", river] if river else []
    assert main(["solve", str(without_rivers), "--line", line, *cards, "--json"]) == 0
    want = {row["hand"]: row["ev"] for row in json.loads(capsys.readouterr().out)["hands"]}
    said = []
    app = Pages(ViewedRuns([str(without_rivers)], said.append), said.append).app()
    status, found = asked(app, line=line, board=f"Td9d6hQc{river}")
    assert status == 200, found
    assert "left out when this was saved" in found["told"][-1]
    hands = found["hands"]
    got = dict(zip(hands["cards"], hands["ev"], strict=True))
    assert got == {hand: pytest.approx(ev, abs=1e-3) for hand, ev in want.items()}
    asked(app, line=line, board=f"Td9d6hQc{river}")
    assert len([text for text in said if "solving again" in text]) == 1


@pytest.mark.thorough
def test_what_depends_on_too_many_boards_is_said_in_words(tmp_path):
    flop = TURN.replace("Td9d6hQc", "Td9d6h").replace("30}", "5}")
    (tmp_path / "flop.yaml").write_text(flop.replace("a}\nrun", "a, save: no_rivers}\nrun"))
    assert main(["solve", str(tmp_path / "flop.yaml"), "--logdir", str(tmp_path / "turn")]) == 0
    app = Pages(ViewedRuns([str(tmp_path / "turn")], print), print).app()
    status, found = asked(app, line="")
    assert status == 400
    assert "saved without its last streets" in found["error"]
    assert "depends on 36 boards" in found["error"]
    status, found = asked(app, line="x-x/", board="Td9d6hQc")
    assert status == 200
