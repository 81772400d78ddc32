"""A seat that solves the rest of its hands anew: at the terminal, at a table, in the page."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from asgi_client import post
from viewed_games import train_royal

from cfr_shm.cards.ranges import hand_of
from cfr_shm.cli.main import main
from cfr_shm.cli.sources import open_strategy
from cfr_shm.errors import UsageError
from cfr_shm.evaluation.resolved_strategy import Resolution, ResolvedStrategy
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.play.sitting import Sitting
from cfr_shm.viewer.pages import Pages
from cfr_shm.viewer.viewed_runs import ViewedRuns

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(JIT_DISABLED, reason="subgames are slow when interpreted"),
]

THREE = """
game: {name: holdem, players: 3, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("resolving")
    (path / "three.yaml").write_text(THREE)
    train = ["train", "-c", str(path / "three.yaml"), "--iters", "300", "--num-workers", "1"]
    train += ["--loglevel", "warning", "--logdir", str(path / "three")]
    assert main([*train, "--set", "run.quality=off"]) == 0
    return train_royal(path / "royal"), path / "three"


def test_rivers_are_played_as_they_are_solved_and_the_rest_as_it_was_trained(runs):
    blueprint = open_strategy(str(runs[0]), None, None).strategy
    solving = Resolution("river", 0.5).of(blueprint, by_hand=True)
    assert isinstance(solving, ResolvedStrategy)
    sitting = Sitting(solving, seed=5)
    before = rivers = changed = 0
    for _ in range(40):
        opened = sitting.deal()
        while not opened.hand.finished:
            for _ in opened.strategy_moves():
                pass
            if opened.waits:
                opened.take(0)  # checks and calls come to rivers
        for turn in sitting.close().found.turns:
            if turn.decision is None or turn.decision.node is None:
                continue
            node, hole = turn.decision.node, opened.dealt.holes[turn.hand.actor]
            number = hand_of(*map(int, hole))
            was = blueprint.probabilities([node], turn.board)[0, number]
            now = solving.probabilities([node], turn.board)[0, number]
            count = len(turn.decision.moves)
            assert turn.decision.probabilities == pytest.approx(now[:count], abs=1e-6)
            if len(turn.board) < 5:
                assert np.array_equal(was, now)
                before += 1
            else:
                rivers += 1
                changed += not np.allclose(was, now, atol=0.02)
    assert before > 40
    assert rivers > 20
    assert changed > rivers / 3


def test_it_is_played_against_at_the_terminal(runs, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("x\nc\n" * 200))
    flags = ["--seed", "3", "--hands", "8", "--review", "--resolve", "turn:0.2", "--json"]
    capsys.readouterr()
    assert main(["play", str(runs[0]), *flags, "--resolve-method", "unsafe"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["hands"], found["error"]) == (8, None)
    assert found["names"] == ["you", "royal@20000+unsafe"]


@pytest.mark.parametrize(
    ("run", "flags", "says"),
    [
        (0, ["--resolve", "river"], "play: --resolve: 'river': expected STREET:SECONDS"),
        (0, ["--resolve", "preflop:1"], "expected STREET:SECONDS, e.g. river:0.5"),
        (0, ["--resolve", "river:0.5", "--values"], "--values is of the strategy as it is"),
        (0, ["--resolve", "river:0.5", "--spot", ""], "--resolve and --spot: one at a time"),
        (1, ["--resolve", "river:0.5"], "solved anew in games of two"),
    ],
)
def test_what_cannot_be_solved_anew_is_refused(runs, capsys, run, flags, says):
    capsys.readouterr()
    assert main(["play", str(runs[run]), "--seed", "1", *flags]) == 2
    assert says in capsys.readouterr().err


def test_match_says_the_same(runs, capsys):
    royal = str(runs[0])
    capsys.readouterr()
    assert main(["match", royal, royal, "--resolve", "no,river"]) == 2
    assert "match: --resolve: 'river': expected STREET:SECONDS" in capsys.readouterr().err
    flags = ["--boards", "2", "--resolve", "no,river:0.05", "--json"]
    assert main(["match", royal, royal, *flags]) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["royal@20000", "royal@20000+resolve"]


def test_it_sits_at_tables_of_the_page(runs):
    app = Pages(ViewedRuns([str(path) for path in runs], print), print).app()

    def sat(run, resolve):
        found = post(app, f"/api/runs/{run}/tables", {"resolve": resolve, "seat": "BB"})
        return found.status, json.loads(found.body)

    status, document = sat("royal", "river:0.2")
    assert status == 200
    assert document["strategy"] == "royal@20000+resolve"
    assert not document["valued"]
    table, seen = document["table"], 0
    for _ in range(12):
        while document["over"] is None:
            sent = {"move": document["turn"]["call_token"], "hand": document["hand"]}
            found = post(app, f"/api/tables/{table}/act", sent)
            assert found.status == 200, found.body
            document = json.loads(found.body)
        seen += len(document["board"]) == 5
        document = json.loads(post(app, f"/api/tables/{table}/deal", {}).body)
    assert seen > 3
    status, document = sat("royal", "")
    assert document["strategy"] == "royal@20000"
    assert document["valued"]
    for run, resolve, says in (
        ("royal", "flop:1", "from the turn or river on, in at most 10 s"),
        ("royal", "river:60", "from the turn or river on, in at most 10 s"),
        ("royal", "soon", "expected STREET:SECONDS"),
        ("three", "river:1", "games of two"),
    ):
        status, document = sat(run, resolve)
        assert status == 400
        assert says in document["error"]


def test_a_game_that_does_not_come_to_the_street_is_named(runs):
    blueprint = open_strategy(str(runs[0]), None, None).strategy
    with pytest.raises(UsageError, match="expected STREET:SECONDS"):
        Resolution.named("river:0")
    assert Resolution.named(" flop:2 ").of(blueprint).name == "royal@20000+resolve"
