"""Playing in the page: legal moves, hidden cards, results, histories, and few tables."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import shutil
import threading
import tracemalloc

import pytest
from asgi_client import HOST, ask, get, post
from small_decks import FIXED_BOARD
from viewed_games import train_kuhn, train_royal

from cfr_shm.cli.main import main
from cfr_shm.protocols.phh import documents, read_hand
from cfr_shm.protocols.played_hand import payoffs_of
from cfr_shm.viewer.gate import MOST_REQUESTS, Access, Gate
from cfr_shm.viewer.pages import Pages
from cfr_shm.viewer.play_tables import (
    CLOSED_AFTER_SECONDS,
    FREE_AFTER_SECONDS,
    NoSuchTableError,
    PlayTables,
    StrategyKey,
    TablesTakenError,
)
from cfr_shm.viewer.viewed_runs import ViewedRuns

SIX = """
game: {name: holdem, players: 6, blinds: [1, 2], stacks: 60, ranks: 5}
abstraction: {preflop: [[2.5bb], [3x, allin]], flop: [[0.5, 1], [allin]], turn: [[1]],
              river: [[1]], limp: true, max_flop_players: 3, max_raises: [2, 2, 1, 1],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    path = tmp_path_factory.mktemp("played")
    for name, text in (("six", SIX), ("fixed", FIXED_BOARD)):
        (path / f"{name}.yaml").write_text(text)
        train = ["train", "-c", str(path / f"{name}.yaml"), "--iters", "300", "--num-workers", "1"]
        train += ["--loglevel", "warning", "--logdir", str(path / name), "--set", "run.quality=off"]
        assert main(train) == 0
    return train_royal(path / "royal"), train_kuhn(path / "kuhn"), path / "six", path / "fixed"


@pytest.fixture
def app(runs, monkeypatch):
    seeds = itertools.count(1)
    monkeypatch.setattr("cfr_shm.viewer.play_pages.secrets.randbits", lambda _: next(seeds))
    return Pages(ViewedRuns([str(path) for path in runs], print), print).app()


def done(app, target, document=None):
    found = post(app, target, document or {})
    assert found.status == 200, found.body
    return json.loads(found.body)


def refused(app, target, document=None, **how):
    found = post(app, target, {} if document is None else document, **how)
    assert found.status >= 400
    return found.status, json.loads(found.body)["error"]


def any_move(draws, turn):
    """Return any legal move as it is typed."""
    moves = [turn["call_token"]] + ["f"] * turn["may_fold"]
    if turn["raise"]:
        size = draws.randint(turn["raise"]["least"], turn["raise"]["most"])
        moves += ["a", f"b {size}", f"b{size}"]
    return draws.choice(moves)


def play_hands(app, name, document, count, draws, look=lambda _: None):
    """Play hands with any legal moves; return what was seen at their ends."""
    ends = []
    while True:
        look(document)
        if document["over"] is None:
            sent = {"move": any_move(draws, document["turn"]), "hand": document["hand"]}
            document = done(app, f"/api/tables/{name}/act", sent)
            continue
        ends.append(document)
        if len(ends) == count:
            return ends
        document = done(app, f"/api/tables/{name}/deal")


@pytest.mark.parametrize(("run", "players"), [("royal", 2), ("six", 6)])
def test_hands_are_played_from_every_seat_and_kept(app, run, players):
    document = done(app, f"/api/runs/{run}/tables")
    name, draws, count = document["table"], random.Random(3), 4 * players
    ends = play_hands(app, name, document, count, draws)
    assert [end["seat"] for end in ends] == [number % players for number in range(count)]
    assert [end["hand"] for end in ends] == list(range(1, count + 1))
    won = [end["over"]["won"] for end in ends]
    assert ends[-1]["score"]["chips"] == sum(won)
    less = sum(won) - sum(end["over"]["luck"] for end in ends)
    assert ends[-1]["adjusted"]["chips"] == pytest.approx(less)
    assert all(sum(seat["won"] for seat in end["seats"]) == 0 for end in ends)
    reviewed = [each for end in ends for each in end["over"]["review"]]
    assert reviewed
    for each in reviewed:
        assert sum(action["share"] for action in each["actions"]) == pytest.approx(1.0)
    found = json.loads(get(app, f"/api/tables/{name}/history?cards=all").body)
    hands = [read_hand(each) for each in documents(found["text"], "played")]
    assert found["hands"] == len(hands) == count
    assert [payoffs_of(each) for each in hands] == [each.paid for each in hands]
    own = [each.paid[each.names.index("you")] for each in hands]
    assert own == won
    assert [each.names.index("you") for each in hands] == [end["seat"] for end in ends]


def test_nobody_elses_cards_are_sent_before_a_showdown(app):
    document = done(app, "/api/runs/six/tables")
    name, draws = document["table"], random.Random(5)
    seen = []
    play_hands(app, name, document, 18, draws, seen.append)
    told = json.loads(get(app, f"/api/tables/{name}/history?cards=all").body)["text"]
    dealt = [read_hand(each) for each in documents(told, "all")]
    seen_only = json.loads(get(app, f"/api/tables/{name}/history").body)["text"]
    for_seen = [read_hand(each) for each in documents(seen_only, "seen")]
    shown = folded = 0
    for document in seen:
        hand = dealt[document["hand"] - 1]
        own = document["seat"]
        assert "".join(document["hole"]) == hand.deck.text(hand.holes[own])
        over = document["over"] is not None
        at_showdown = over and len(hand.last.folded) < 5
        for seat, about in enumerate(document["seats"]):
            if seat == own or (at_showdown and seat not in hand.last.folded):
                assert "".join(about["cards"]) == hand.deck.text(hand.holes[seat])
                shown += seat != own
            else:
                assert about["cards"] is None
                # Nor anywhere else: one of these cards may only be named as the board's.
                public = dict.fromkeys(("table", "hole", "board", "log"))
                text = json.dumps({**document, **public})
                assert not any(hand.deck.text([card]) in text for card in hand.holes[seat])
                folded += 1
        if not over:
            lies = len(document["board"])
            assert "".join(document["board"]) == hand.deck.text(hand.board[:lies])
            assert lies == (0, 3, 4, 5)[("preflop", "flop", "turn", "river").index(
                document["street"])]  # fmt: skip
    assert shown
    assert folded
    for hand, whole in zip(for_seen, dealt, strict=True):
        own = hand.names.index("you")
        live = [seat for seat in range(6) if seat not in whole.last.folded]
        known = [seat for seat in range(6) if hand.holes[seat]]
        assert known == sorted({own, *(live if len(live) > 1 else [])})


def test_a_size_outside_the_tree_is_told_after_the_hand(app):
    document = done(app, "/api/runs/six/tables", {"seat": "UTG"})
    assert document["position"] == "UTG"
    name = document["table"]
    document = done(app, f"/api/tables/{name}/act", {"move": "r 7", "hand": 1})
    while document["over"] is None:
        move = "f" if document["turn"]["may_fold"] else "x"
        document = done(app, f"/api/tables/{name}/act", {"move": move, "hand": 1})
    told = " ".join(document["over"]["told"])
    assert "your raise to 7" in told
    assert "is not in its tree; it was read as" in told
    assert done(app, f"/api/tables/{name}/deal")["position"] == "UTG"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"move": "b 3"}, "a bet or raise is to"),
        ({"move": "f"}, "that hand is over"),
        ({"move": "f c", "hand": 1}, "one move at a time"),
        ({"move": "<script>", "hand": 1}, "script"),
        ({"move": 7, "hand": 1}, "move: expected a text"),
        ({"move": "f", "hand": True}, "hand: expected a whole number"),
        ([1], "no JSON object"),
        (b"{", "no JSON object"),
        (b"x" * 5000, "more than 4096 bytes"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(app, sent, text):
    before = done(app, "/api/runs/six/tables", {"seat": "UTG"})
    if isinstance(sent, dict) and text.startswith("a bet"):
        sent = {**sent, "hand": 1}
    status, error = refused(app, f"/api/tables/{before['table']}/act", sent)
    assert status == 400
    assert text in error
    after = json.loads(get(app, f"/api/tables/{before['table']}").body)
    assert after == before


@pytest.mark.parametrize(
    ("target", "sent", "status", "text"),
    [
        ("/api/runs/kuhn/tables", {}, 400, "no hold'em blueprint"),
        ("/api/runs/nobody/tables", {}, 404, "no run 'nobody'"),
        ("/api/runs/six/tables", {"seat": "seven"}, 400, "the seats are SB, BB, UTG"),
        ("/api/runs/six/tables", {"checkpoint": 7}, 400, "300"),
        ("/api/tables/none/act", {}, 404, "this table is closed"),
        ("/api/tables/none/deal", {}, 404, "this table is closed"),
    ],
)
def test_tables_that_are_not_there_are_said(app, target, sent, status, text):
    found, error = refused(app, target, sent)
    assert (found, text in error) == (status, True), error


def test_a_hand_under_way_is_played_first(app):
    document = done(app, "/api/runs/six/tables", {"seat": "UTG"})
    _, error = refused(app, f"/api/tables/{document['table']}/deal")
    assert error == "hand 1 is not over"


def test_other_sites_and_other_types_cannot_act(app):
    gate = Gate(app, Access(frozenset({HOST}), None))
    target = "/api/runs/royal/tables"
    assert post(gate, target, {}, origin="http://evil.example").status == 403
    assert post(gate, target, {}, content_type="text/plain").status == 415
    assert post(gate, target, {}, host="evil.example").status == 403
    assert post(gate, "/", {}).status == 405
    assert post(gate, target, {}, origin=f"http://{HOST}").status == 200
    assert get(gate, target).status == 405


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_tables_are_few_and_not_kept_for_ever():
    clock = Clock()
    tables, key = PlayTables(clock, most=2), StrategyKey("run", 1)
    first, second = tables.add("one", key), tables.add("two", StrategyKey("run", 2))
    with pytest.raises(TablesTakenError, match="all 2 tables are taken"):
        tables.add("three", key)
    clock.now = FREE_AFTER_SECONDS - 1
    assert tables.named(first).place == "one"
    clock.now += 2
    third = tables.add("three", key)
    with pytest.raises(NoSuchTableError, match="sit down again"):
        tables.named(second)
    assert {tables.named(first).place, tables.named(third).place} == {"one", "three"}
    tables.close_all_of(key)
    assert tables.strategies() == set()
    fourth = tables.add("four", key)
    clock.now += CLOSED_AFTER_SECONDS
    with pytest.raises(NoSuchTableError):
        tables.named(fourth)


def test_a_third_strategy_takes_the_place_of_another(runs, tmp_path):
    path = tmp_path / "royal"
    shutil.copytree(runs[0], path)
    train_royal(path, iterations=25_000, resume=True)
    app = Pages(ViewedRuns([str(path), str(runs[2])], print), print).app()
    old = done(app, "/api/runs/royal/tables", {"checkpoint": 20_000})
    new = done(app, "/api/runs/royal/tables")
    assert (old["strategy"], new["strategy"]) == ("royal@20000", "royal@25000")
    done(app, "/api/runs/six/tables")
    assert get(app, f"/api/tables/{old['table']}").status == 404
    assert get(app, f"/api/tables/{new['table']}").status == 200


@pytest.mark.thorough
def test_ten_thousand_who_want_to_sit_are_answered_or_told_to_come_again(app):
    gate = Gate(app, Access(frozenset({HOST}), None))
    done(app, "/api/runs/royal/tables")

    async def crowd():
        wish = {"method": "POST", "body": b"{}", "content_type": "application/json"}
        asked = [ask(gate, "/api/runs/royal/tables", **wish) for _ in range(10_000)]
        return [each.status for each in await asyncio.gather(*asked)]

    gc.collect()
    tracemalloc.start()
    statuses = asyncio.run(crowd())
    gc.collect()
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(statuses) == {200, 503}
    # One table is taken already; of those that are let in at once most find no other.
    assert statuses.count(200) == min(31, MOST_REQUESTS)
    assert most < 200 << 20
    assert kept < 20 << 20


def test_values_of_ones_actions_are_told_where_two_play(app):
    document = done(app, "/api/runs/royal/tables")
    name = document["table"]
    valued = []
    for end in play_hands(app, name, document, 4, random.Random(1)):
        found = json.loads(get(app, f"/api/tables/{name}/values?hand={end['hand']}").body)
        assert len(found["decisions"]) == len(end["over"]["review"])
        for one, told in zip(found["decisions"], end["over"]["review"], strict=True):
            # Where the tree is over, or the other never comes, nothing is made up.
            assert told["known"] or one is None
            valued += [one] * (one is not None)
    assert len(valued) >= 3
    for each in valued:
        lost = [action["lost"] for action in each["actions"]]
        evs = [action["ev"] for action in each["actions"]]
        assert min(lost) == lost[each["best"]] == 0.0
        assert max(evs) == evs[each["best"]]
        assert each["text"].startswith("best by EV: " + each["actions"][each["best"]]["name"])
    assert get(app, f"/api/tables/{name}/values?hand=5").status == 400
    six = done(app, "/api/runs/six/tables")
    (end,) = play_hands(app, six["table"], six, 1, random.Random(1))
    assert not end["valued"]
    found = get(app, f"/api/tables/{six['table']}/values?hand=1")
    assert b"where two play" in found.body


def test_a_place_is_trained_and_the_strategy_told_after_the_answer_only(app):
    place = {"line": "c x /", "board": "TcJdQh"}
    document = done(app, "/api/runs/royal/trainers", place)
    name, shares, lost = document["trainer"], [], []
    for number in range(1, 6):
        assert (document["spot"], document["answer"]) == (number, None)
        assert document["board"] == ["Tc", "Jd", "Qh"]
        # Neither how often a move is made nor what it is worth is sent before.
        assert "share" not in json.dumps(document)
        wrong = refused(app, f"/api/trainers/{name}/answer", {"move": "b 7", "spot": number})
        assert "is not in the tree" in wrong[1]
        move = document["choices"][number % len(document["choices"])]["move"]
        document = done(app, f"/api/trainers/{name}/answer", {"move": move, "spot": number})
        said = document["answer"]["actions"]
        assert sum(each["share"] for each in said) == pytest.approx(1.0)
        (taken,) = (each for each in said if each["taken"])
        shares.append(taken["share"] / max(each["share"] for each in said))
        assert "that spot was answered" in refused(
            app, f"/api/trainers/{name}/answer", {"move": move, "spot": number})[1]  # fmt: skip
        document = json.loads(get(app, f"/api/trainers/{name}/values").body)
        said = document["answer"]["actions"]
        (taken,) = (each["ev"] for each in said if each["taken"])
        lost.append(max(each["ev"] for each in said) - taken)
        document = done(app, f"/api/trainers/{name}/next")
    assert document["score"]["score"] == pytest.approx(sum(shares) / 5)
    assert document["score"]["ev_lost"] == pytest.approx(sum(lost) / 5 / 2)
    for wrong, text in (({"line": "c c c"}, "line"), ({"board": "TcTc"}, "Tc"),
                        ({"line": 3}, "expected a text")):  # fmt: skip
        assert text in refused(app, "/api/runs/royal/trainers", wrong)[1]
    assert get(app, "/api/trainers/none").status == 404


def test_a_game_that_begins_on_a_board_is_played_and_has_no_history(app):
    document = done(app, "/api/runs/fixed/tables")
    name = document["table"]
    assert document["board"] == ["As", "Ks", "Qd"]
    assert "from preflop to the river only" in document["no_history"]
    ends = play_hands(app, name, document, 4, random.Random(2))
    assert all(sum(seat["won"] for seat in end["seats"]) == 4 for end in ends)  # the dead chips
    found = get(app, f"/api/tables/{name}/history")
    assert found.status == 400
    assert b"from preflop to the river only" in found.body
    found = json.loads(get(app, f"/api/tables/{name}/values?hand=1").body)
    assert len(found["decisions"]) == len(ends[0]["over"]["review"])


def test_who_never_sends_what_was_announced_is_told_so(app, monkeypatch):
    monkeypatch.setattr("cfr_shm.viewer.play_pages.SENDING_SECONDS", 0.01)
    sent = []

    async def announce():
        async def receive():
            await asyncio.sleep(60)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/api/runs/royal/tables", "headers": [],
                 "query_string": b"", "raw_path": b"", "root_path": "", "scheme": "http",
                 "server": ("127.0.0.1", 1), "http_version": "1.1"}  # fmt: skip
        await app(scope, receive, send)

    asyncio.run(announce())
    assert sent[0]["status"] == 408


@pytest.mark.thorough
def test_places_are_shown_while_values_are_computed(app, monkeypatch):
    from cfr_shm.evaluation.action_values import ActionValues

    document = done(app, "/api/runs/royal/tables")
    name = document["table"]
    play_hands(app, name, document, 1, random.Random(1))
    gate = threading.Event()

    def slow(*_):
        assert gate.wait(30)
        return ()

    monkeypatch.setattr(ActionValues, "of", slow)

    async def together():
        waiting = [
            asyncio.create_task(ask(app, f"/api/tables/{name}/values?hand=1")) for _ in range(8)
        ]
        await asyncio.sleep(0.05)
        shown = await asyncio.wait_for(ask(app, "/api/runs/royal/place"), 30)
        gate.set()
        await asyncio.gather(*waiting)
        return shown.status

    assert asyncio.run(together()) == 200
