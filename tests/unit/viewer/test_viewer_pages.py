"""What the viewer says about runs, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from asgi_client import get
from viewed_games import train_kuhn, train_royal

from cfr_shm.cards import buckets
from cfr_shm.cards.deck import DECKS
from cfr_shm.cards.evaluator import evaluate_all
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cli.main import main
from cfr_shm.errors import UsageError
from cfr_shm.games import registry
from cfr_shm.viewer import pages
from cfr_shm.viewer.pages import Pages
from cfr_shm.viewer.viewed_runs import ViewedRuns

DECK = DECKS["royal"]
HOSTILE = "<script>alert(1)<&script>"
MODULES = {path.name for path in (Path(pages.__file__).parent / "static").glob("*.js")}
RIVER = {"line": "c x / x x / x x", "board": "TcJdQhKsAc"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("viewed")
    royal = train_royal(path / "royal")
    kuhn = train_kuhn(path / "kuhn")
    shutil.copytree(royal, path / HOSTILE)
    shutil.copytree(kuhn, path / "going")
    return royal, kuhn, path / HOSTILE, path / "going"


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def app(runs, said):
    return Pages(ViewedRuns([str(path) for path in runs], said.append), said.append).app()


def asked(app, target, **parameters):
    query = "&".join(f"{name}={quote(str(value))}" for name, value in parameters.items())
    found = get(app, f"{target}?{query}")
    assert found.headers["content-type"] == "application/json"
    return found.status, json.loads(found.body)


def shown(app, target, **parameters):
    status, document = asked(app, target, **parameters)
    assert status == 200, document
    return document


def refused(app, target, **parameters):
    status, document = asked(app, target, **parameters)
    assert status >= 400
    return status, document["error"]


def test_the_page_and_its_files_are_served_and_nothing_else(app):
    page = get(app, "/")
    assert page.status == 200
    assert b'<script type="module" src="/static/app.js">' in page.body
    assert get(app, "/static/app.js").headers["content-type"].startswith("text/javascript")
    for name in ("../pages.py", "..%2fpages.py", "pages.py", "__init__.py", "none.js"):
        assert get(app, f"/static/{name}").status == 404


def test_no_file_of_the_page_reads_a_text_as_html_or_names_another_host(app):
    for name in MODULES:
        text = get(app, f"/static/{name}").body.decode()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text
        assert "//" not in text.replace("// ", "").replace("http://www.w3.org/2000/svg", "")


def test_the_page_names_all_its_modules_so_that_they_come_together(app):
    page = get(app, "/").body.decode()
    assert set(re.findall(r"/static/(\w+[.]js)", page)) == MODULES


def test_a_place_that_is_kept_is_answered_at_once_while_its_run_is_there(app, runs, tmp_path):
    copied = shutil.copytree(runs[0], tmp_path / "copied")
    long_ago = time.time() - 60
    for directory in (copied, copied / "checkpoints"):
        os.utime(directory, (long_ago, long_ago))
    kept = Pages(ViewedRuns([str(copied)], print), print)
    made = []
    first = shown(kept.app(), "/api/runs/copied/place", line="c")
    kept._place = lambda request: made.append(request) or b"{}"
    again = kept.app()
    assert shown(again, "/api/runs/copied/place", line="c") == first
    assert shown(again, "/api/runs/copied/place", line="c", checkpoint=20_000) == first
    assert made == []
    shutil.rmtree(copied)
    assert shown(again, "/api/runs/copied/place", line="c") == {}
    assert len(made) == 1


def test_runs_are_listed_by_name_with_their_checkpoints(app):
    found = {each["run"]: each for each in shown(app, "/api/runs")["runs"]}
    assert list(found) == ["royal", "kuhn", HOSTILE, "going"]
    assert (found["royal"]["kind"], found["royal"]["checkpoints"]) == ("holdem", [20_000])
    assert found["kuhn"]["kind"] == "listed"


def test_who_waits_is_told_what_is_done(runs):
    heard = []
    viewed = ViewedRuns([str(runs[1])], heard.append)
    app = Pages(viewed, heard.append).app()
    assert shown(app, "/api/said")["said"] == ""
    viewed.noting(heard.append)("compiling")
    found = shown(app, "/api/said")
    assert (found["said"], heard) == ("compiling", ["compiling"])
    assert 0.0 <= found["seconds"] < 600.0


def test_the_first_run_s_game_is_built_before_anybody_asks(runs):
    viewed = ViewedRuns([str(runs[0]), str(runs[1])], print)
    assert not viewed.prepared.is_set()
    viewed.prepare()
    assert viewed.prepared.wait(600)
    assert "_game" in viewed.runs["royal"].__dict__
    assert "_game" not in viewed.runs["kuhn"].__dict__


def test_a_run_that_cannot_be_prepared_keeps_nobody_waiting(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "royal")
    viewed = ViewedRuns([str(tmp_path / "royal")], print)
    shutil.rmtree(tmp_path / "royal" / "checkpoints")
    viewed.prepare()
    assert viewed.prepared.wait(600)


def test_two_runs_of_one_name_are_told_apart(runs):
    found = ViewedRuns([str(runs[0]), str(runs[0])], print)
    assert list(found.runs) == ["royal", "royal~2"]


def test_a_place_says_what_show_says(app, runs, capsys):
    arguments = ["show", str(runs[0]), "--line", "c x / x", "--board", "TcJdQh", "--json"]
    assert main(arguments) == 0
    want = json.loads(capsys.readouterr().out)
    found = shown(app, "/api/runs/royal/place", line="c x / x", board="TcJdQh")
    for key in ("line", "played", "pot", "to_call", "stack", "position", "board", "ranges"):
        assert found[key] == want[key]
    assert found["chart"]["totals"] == pytest.approx(want["totals"])
    for cell, known in zip(found["chart"]["classes"], want["classes"], strict=True):
        assert cell["name"] == known["name"]
        assert cell["weight"] == pytest.approx(known["weight"], abs=1e-5)
        if known["probability"] is not None:
            assert cell["probability"] == pytest.approx(known["probability"], abs=1e-5)


def test_the_strip_ends_with_the_charts_totals_and_hands_add_up_to_them(app):
    found = shown(app, "/api/runs/royal/place", line="c x / x", board="TcJdQh")
    strip = found["strip"]
    assert [step["taken"] for step in strip] == ["c", "x", "x", None]
    assert [step["before"] for step in strip] == ["", "c", "c x /", "c x / x"]
    totals = [action["share"] for action in strip[-1]["actions"]]
    assert totals == pytest.approx(found["chart"]["totals"], abs=1e-6)
    weight = np.array(found["hands"]["weight"])
    for share, probability in zip(totals, found["hands"]["probability"], strict=True):
        assert weight @ np.array(probability) / weight.sum() == pytest.approx(share, abs=1e-3)
    assert [each["ends"] for each in strip[0]["actions"]] == [True, False, False]


def test_a_line_that_wants_more_board_says_how_many_cards(app):
    found = shown(app, "/api/runs/royal/place", line="c x / x x", board="TcJdQh")
    assert (found["chart"], found["need"]) == (None, 4)
    assert found["strip"][-1]["actions"][0]["share"] is None
    assert found["strip"][-2]["actions"][0]["share"] is not None


def test_the_current_policy_comes_from_the_regrets(app, runs):
    average = shown(app, "/api/runs/royal/place")
    current = shown(app, "/api/runs/royal/place", policy="current")
    assert current["chart"]["totals"] != pytest.approx(average["chart"]["totals"])
    assert sum(current["chart"]["totals"]) == pytest.approx(1.0)
    run = ViewedRuns([str(runs[0])], print).named("royal")
    table, record = run.open_table(None).table, run.game.tree.nodes[0]
    bucket = average["hands"]["bucket"][0]
    regret = table.regrets_of(
        int(record["row_base"]) + bucket * int(record["row_stride"]), int(record["count"])
    )
    want = np.maximum(regret, 0.0) / np.maximum(regret, 0.0).sum()
    found = [column[0] for column in current["hands"]["probability"]]
    assert found == pytest.approx(want.tolist(), abs=1e-5)


def test_ranges_are_copied_whole_and_by_action_as_our_own_reader_reads_them(app):
    place = {"line": "c x / x", "board": "TcJdQh"}
    hands = shown(app, "/api/runs/royal/place", **place)["hands"]
    whole = shown(app, "/api/runs/royal/range", **place)
    parts = [shown(app, "/api/runs/royal/range", action=token, **place) for token in ("x", "b2bb")]
    want = np.zeros(190)
    want[hands["number"]] = hands["weight"]
    for text in (whole["text"], whole["weights"]):
        assert parse_range(DECK, text) == pytest.approx(want, abs=1e-3)
    both = sum(parse_range(DECK, each["weights"]) for each in parts)
    assert both == pytest.approx(want, abs=2e-3)
    assert "expected x, b2bb" in refused(app, "/api/runs/royal/range", action="f", **place)[1]


@pytest.mark.thorough
def test_equities_are_what_counting_gives(app):
    found = shown(app, "/api/runs/royal/equity", **RIVER)["equity"]
    own = shown(app, "/api/runs/royal/place", **RIVER)
    other = shown(app, "/api/runs/royal/place", line="c x / x x / x x / x", board=RIVER["board"])
    board = DECK.parse(RIVER["board"])

    def strengths(cards):
        hands = np.array([[*DECK.parse(each), *board] for each in cards], np.uint8)
        return evaluate_all(DECK, hands).astype(np.int64)

    mine, theirs = strengths(own["hands"]["cards"]), strengths(other["hands"]["cards"])
    weight = np.array(other["hands"]["weight"])
    for index, hand in enumerate(own["hands"]["cards"]):
        meets = np.array([not set(DECK.parse(hand)) & set(DECK.parse(each))
                          for each in other["hands"]["cards"]])  # fmt: skip
        won = (mine[index] > theirs) + 0.5 * (mine[index] == theirs)
        want = (weight * meets * won).sum() / (weight * meets).sum()
        assert found[index] == pytest.approx(want, abs=2e-3)


def test_infosets_are_searched(app):
    every = shown(app, "/api/runs/kuhn/infosets")
    assert (every["found"], every["whole"]) == (12, True)
    assert all(sum(row["probability"]) == pytest.approx(1.0) for row in every["infosets"])
    name = every["infosets"][3]["name"]
    some = shown(app, "/api/runs/kuhn/infosets", search=name)
    assert [row["name"] for row in some["infosets"]] == [
        row["name"] for row in every["infosets"] if name in row["name"]
    ]
    assert shown(app, "/api/runs/kuhn/infosets", skip=12)["infosets"] == []


def test_curves_are_the_runs_own(app, runs):
    found = {curve["name"]: curve for curve in shown(app, "/api/runs/kuhn/curves")["curves"]}
    last = json.loads((runs[1] / "summary.json").read_text())
    assert found["exploitability"]["points"][-1][2] == pytest.approx(
        last["exploitability"]["value"]
    )
    assert found["infosets visited"]["points"][-1][2] == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("target", "parameters", "status", "text"),
    [
        ("royal/place", {"line": "c x / x", "board": "TcTcQh"}, 400, "Tc"),
        ("royal/place", {"line": "c x / x", "board": "2cJdQh"}, 400, "no card of the royal deck"),
        ("royal/place", {"line": "c x / x", "board": "TcJdQ"}, 400, "board: "),
        ("royal/place", {"line": "c c c"}, 400, "there is nothing to call"),
        ("royal/place", {"line": "<script>"}, 400, "<script>"),
        ("royal/place", {"line": "", "policy": "best"}, 400, "expected average or current"),
        ("royal/place", {"checkpoint": "7"}, 400, "20000"),
        ("royal/place", {"checkpoint": "-1"}, 400, "expected a whole number"),
        ("royal/place", {"checkpoint": "9" * 40}, 400, "expected a whole number"),
        ("royal/infosets", {}, 400, "a run of holdem"),
        ("kuhn/place", {}, 400, "a run of listed"),
        ("royal/equity", {}, 400, "from the flop on"),
        ("nobody/place", {}, 404, "no run 'nobody' is shown here"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_said(app, target, parameters, status, text):
    found, error = refused(app, f"/api/runs/{target}", **parameters)
    assert found == status
    assert text in error


def test_a_run_may_be_named_as_a_script(app):
    found = shown(app, f"/api/runs/{quote(HOSTILE, safe='')}/place")
    assert found["line"] == ""


def test_a_run_that_is_removed_meanwhile_is_said_to_be_gone(app, runs):
    assert shown(app, "/api/runs/going/infosets")["found"] == 12
    shutil.rmtree(runs[3])
    status, error = refused(app, "/api/runs/going/infosets")
    assert status == 404
    assert "there is no such run directory; it was there when the viewer was started" in error
    listed = {each["run"]: each for each in shown(app, "/api/runs")["runs"]}
    assert "there is no such run directory" in listed["going"]["problem"]
    assert listed["royal"]["problem"] is None


def test_missing_buckets_are_said_with_what_makes_them_and_other_runs_go_on(
    runs, tmp_path, monkeypatch
):
    """Nothing is built for who looks: that would take the cores of a training beside."""
    monkeypatch.setattr(buckets, "cache_root", lambda: tmp_path / "cache")
    monkeypatch.setattr(registry, "_imported", {})  # as in another process
    told, royal = [], str(runs[0])
    shown_runs = ViewedRuns([royal, str(runs[1])], told.append)
    app = Pages(shown_runs, told.append).app()
    remedy = f"'cfr-shm show {royal}' makes them"
    status, error = refused(app, "/api/runs/royal/place")
    assert status == 409
    assert remedy in error
    listed = {each["run"]: each for each in shown(app, "/api/runs")["runs"]}
    assert remedy in listed["royal"]["problem"]
    assert listed["kuhn"]["problem"] is None
    assert shown(app, "/api/runs/kuhn/infosets")["found"] == 12
    told.clear()
    shown_runs.prepare()
    for _ in range(500):
        if told:
            break
        time.sleep(0.01)
    assert remedy in told[0]
    assert not (tmp_path / "cache" / "buckets").exists()
    assert main(["show", royal]) == 0
    assert shown(app, "/api/runs/royal/place")["line"] == ""
    assert shown(app, "/api/runs")["runs"][0]["problem"] is None


def test_a_bucket_file_that_is_gone_or_another_is_said_and_other_runs_go_on(runs, tmp_path):
    file, path = tmp_path / "buckets", tmp_path / "named"
    build = ["buckets", "build", "--deck", "royal", "--method", "percentile", "--out", str(file)]
    build += ["--preflop", "25", "--flop", "6", "--turn", "5", "--river"]
    assert main([*build, "4"]) == 0
    text = (runs[0].parent / "royal.yaml").read_text()
    text = re.sub(r"bucket_method.*\]", f"buckets: {file}", text)
    (tmp_path / "named.yaml").write_text(text)
    train = ["train", "-c", str(tmp_path / "named.yaml"), "--logdir", str(path), "--iters", "50"]
    assert main([*train, "--num-workers", "1", "--loglevel", "warning"]) == 0
    shutil.rmtree(file)
    app = Pages(ViewedRuns([str(path), str(runs[1])], print), print).app()
    status, error = refused(app, "/api/runs/named/place")
    assert status == 400
    assert f"there is no bucket file {file}; build it with 'cfr-shm buckets build" in error
    assert main([*build, "3"]) == 0
    status, error = refused(app, "/api/runs/named/place")
    assert status == 409
    assert "trained with the card buckets" in error
    assert "put the former file back" in error
    assert shown(app, "/api/runs/kuhn/infosets")["found"] == 12


def test_a_directory_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no such run directory"):
        ViewedRuns([str(tmp_path / "none")], print)


def test_a_failure_within_ends_no_server(app, said, monkeypatch):
    def broken(*_):
        raise RuntimeError("broken\x1b[2J")

    monkeypatch.setattr("cfr_shm.viewer.pages.curves_of", broken)
    status, error = refused(app, "/api/runs/kuhn/curves")
    assert (status, error) == (500, "internal error: RuntimeError: broken\x1b[2J")
    assert said[-1].endswith(r"broken\x1b[2J")
    monkeypatch.undo()
    assert shown(app, "/api/runs/kuhn/curves")["curves"]


def test_a_new_checkpoint_is_shown_and_the_old_one_stays(runs, tmp_path):
    path = tmp_path / "royal"
    shutil.copytree(runs[0], path)
    app = Pages(ViewedRuns([str(path)], print), print).app()
    before = shown(app, "/api/runs/royal/place")
    train_royal(path, iterations=40_000, resume=True)
    assert shown(app, "/api/runs")["runs"][0]["checkpoints"][-1] == 40_000
    after = shown(app, "/api/runs/royal/place")
    assert (before["iterations"], after["iterations"]) == (20_000, 40_000)
    assert shown(app, "/api/runs/royal/place", checkpoint=20_000) == before
