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
