"""Bundles in the viewer: all that the run shows, without the run, and little of it read."""

from __future__ import annotations

import json
import shutil
from urllib.parse import quote

import pytest
from asgi_client import get, post
from viewed_games import train_kuhn, train_royal

from cfr_shm.cli.main import main
from cfr_shm.errors import UsageError
from cfr_shm.storage.array_files import ArrayFile
from cfr_shm.viewer.pages import Pages
from cfr_shm.viewer.viewed_runs import ViewedRuns

FLOP = {"line": "c x / x", "board": "TcJdQh"}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """What runs of hold'em and Kuhn answer, and their bundles, whose runs are gone."""
    path = tmp_path_factory.mktemp("bundles")
    train_royal(path / "royal"), train_kuhn(path / "kuhn")
    runs = Pages(ViewedRuns([str(path / "royal"), str(path / "kuhn")], print), print).app()
    answers = {target: answered(runs, target, asked) for target, asked in QUESTIONS.items()}
    for name in ("royal", "kuhn"):
        out = str(path / f"{name}-alone")
        assert main(["export", str(path / name), "--format", "bundle", "--out", out]) == 0
        shutil.rmtree(path / name)
        shutil.move(out, path / name)
    return path, answers


QUESTIONS = {
    "royal/place": [{}, FLOP, {**FLOP, "policy": "current"}, {**FLOP, "checkpoint": "20000"}],
    "royal/range": [FLOP, {**FLOP, "action": "x"}],
    "kuhn/infosets": [{}],
}


def answered(app, target, asked):
    found = []
    for parameters in asked:
        query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
        answer = get(app, f"/api/runs/{target}?{query}")
        assert answer.status == 200, answer.body
        found.append(json.loads(answer.body))
    return found


def test_bundles_show_what_their_runs_did(bundles, monkeypatch):
    path, answers = bundles
    sizes, read = [], ArrayFile.read

    def spy(self, first, count):
        sizes.append(count)
        return read(self, first, count)

    monkeypatch.setattr(ArrayFile, "read", spy)
    app = Pages(ViewedRuns([str(path / "royal"), str(path / "kuhn")], print), print).app()
    for target, asked in QUESTIONS.items():
        assert answered(app, target, asked) == answers[target]
    assert sizes
    assert max(sizes) <= 25 * 3 * 3 // 2 + 2  # the rows of one node
    runs = json.loads(get(app, "/api/runs").body)["runs"]
    assert [(each["run"], each["kind"], each["checkpoints"]) for each in runs] == [
        ("royal", "holdem", [20_000]),
        ("kuhn", "listed", [2_000]),
    ]
    assert json.loads(get(app, "/api/runs/royal/curves").body) == {"curves": []}


def test_what_is_wrong_with_a_bundle_is_said(bundles, tmp_path):
    shutil.copytree(bundles[0] / "royal", tmp_path / "royal")
    app = Pages(ViewedRuns([str(tmp_path / "royal")], print), print).app()
    answer = get(app, "/api/runs/royal/place?checkpoint=7")
    assert answer.status == 400
    assert "there are 20000" in json.loads(answer.body)["error"]
    rows = tmp_path / "royal" / "strategy" / "rows.npy"
    rows.write_bytes(rows.read_bytes()[:-8])
    answer = get(app, "/api/runs/royal/place")
    assert answer.status == 409
    assert "the manifest says" in json.loads(answer.body)["error"]
    listed = json.loads(get(app, "/api/runs").body)["runs"]
    assert "the manifest says" in listed[0]["problem"]
    with pytest.raises(UsageError, match="is not a run directory"):
        ViewedRuns([str(tmp_path)], print)


@pytest.mark.thorough
def test_a_bundle_is_played_against_as_its_run_is(bundles):
    path, _ = bundles
    app = Pages(ViewedRuns([str(path / "royal")], print), print).app()
    found = post(app, "/api/runs/royal/tables", {})
    assert found.status == 200, found.body
    document = json.loads(found.body)
    assert document["strategy"] == "royal@20000"
    for _ in range(20):
        sent = {"move": "f" if document["turn"]["may_fold"] else "x", "hand": document["hand"]}
        document = json.loads(post(app, f"/api/tables/{document['table']}/act", sent).body)
        if document["over"] is not None:
            break
    shares = [sum(each["share"] for each in one["actions"]) for one in document["over"]["review"]]
    assert shares == pytest.approx([1.0] * len(shares))
    assert shares
