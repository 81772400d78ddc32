"""Hands of others along a strategy: readings, rows, counts, and what is refused."""

from __future__ import annotations

import json
import os
import random
import tarfile
import zipfile

import numpy as np
import pytest
from random_hands import random_hand
from small_decks import ROYAL, game_of, random_strategy

from cfr_shm.cli.main import main
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.line_walk import walk_line
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.play.history_files import HistoryText, history_texts
from cfr_shm.play.replayed_hands import Refused, Replayed, Replayer, Tally, is_translated
from cfr_shm.protocols.phh import write_hand
from cfr_shm.protocols.played_hand import board_on, decisions, payoffs_of

DEEP = ROYAL.replace("stacks: 20", "stacks: 100").replace("[[allin]]", "[[2.5bb], [3x, allin]]")
SIX = """
game: {name: holdem, players: 6, blinds: [1, 2], stacks: 60, ranks: 5}
abstraction: {preflop: [[2.5bb], [3x, allin]], flop: [[0.5, 1], [allin]], turn: [[1]],
              river: [[1]], limp: true, max_flop_players: 3, max_raises: [2, 2, 1, 1],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""


@pytest.fixture(scope="module", params=[DEEP, SIX], ids=["two", "six"])
def strategy(request, tmp_path_factory):
    return random_strategy(game_of(request.param, tmp_path_factory.mktemp("game")), 1)


def hands_for(strategy, count: int):
    rng = random.Random(4)
    rules = strategy.game.betting.rules
    return [random_hand(rng, rules, ranks=5) for _ in range(count)]


def text_of(hand, move) -> str:
    if move == FOLD:
        return "f"
    if move == CALL:
        return "c" if hand.call_amount else "x"
    return f"r{move}"


@pytest.mark.thorough
def test_hands_are_read_as_lines_are(strategy):
    """As far as a line goes on, what a size is read as, the node and its row are the same."""
    game = strategy.game
    replayer = Replayer(strategy, detailed=True)
    compared = translated = 0
    for played in hands_for(strategy, 60):
        (found,) = replayer.replay(HistoryText("x", write_hand(played)))
        assert isinstance(found, Replayed)
        line = ""
        played = found.played  # its cards numbered as the game numbers them
        for (hand, move), told in zip(decisions(played), found.told, strict=True):
            assert told.reading.move == move
            try:
                place = walk_line(game.betting, line, game.big_blind)
            except UsageError:
                break  # the line's hand and the tree's part
            line += f" {text_of(hand, move)}"
            if told.reading.node is None:
                break
            assert place.node == told.reading.node
            board = board_on(hand, played.board)
            hole = played.holes[hand.actor]
            number = game.hole_cards.buckets(
                hand.actor, place.street, np.array([hole], np.uint8), board
            )
            record = game.tree.nodes[place.node]
            row = int(record["row_base"]) + int(number[0]) * int(record["row_stride"])
            shares = strategy.probability[row : row + int(record["count"])]
            known = [choice.move for choice in place.choices]
            if told.reading.known is not None:
                assert told.row.share == shares[known.index(told.reading.known)]
            assert sum(told.decision.probabilities) == pytest.approx(1.0)
            compared += 1
            translated += is_translated(told.reading)
    assert compared > 100
    assert translated > 20


def test_a_tally_counts_every_decision_once(strategy):
    replayer, tally = Replayer(strategy), Tally()
    hands = hands_for(strategy, 80)
    won = {str(seat): 0 for seat in range(strategy.game.player_count)}
    for played in hands:
        named = played._replace(names=tuple(won))
        for found in replayer.replay(HistoryText("x", write_hand(named))):
            tally.add(found)
        for name, chips in zip(won, payoffs_of(played), strict=True):
            won[name] += chips
    assert tally.hands == 80
    assert tally.decisions == sum(len(played.moves) for played in hands)
    assert tally.asked == tally.decisions - tally.silent
    assert len(tally.distances) == sum(tally.translated.values()) <= tally.raises
    assert sum(tally.first_translated.values()) == tally.off_tree_hands <= 80
    assert sum(tally.left.values()) == tally.left_hands
    assert 0 < tally.likeliest < tally.asked
    assert {name: round(2 * sum(each)) for name, each in tally.won.items()} == won


def test_hands_in_the_trees_own_sizes_are_never_translated(strategy):
    """Hands that the strategy plays itself: nothing is read as anything else."""
    game, rng = strategy.game, random.Random(5)
    replayer, tally = Replayer(strategy), Tally()
    first, count = game.tree.nodes["first_child"], game.tree.nodes["count"]
    for played in hands_for(strategy, 30):
        node, moves = 0, []
        while int(count[node]) and game.tree.nodes[node]["kind"] == game.tree.nodes[0]["kind"]:
            node = int(first[node]) + rng.randrange(int(count[node]))
            moves.append(int(game.betting.move[node]))
        own = played._replace(moves=tuple(moves), paid=None)
        cards = [card for hole in own.holes for card in hole]
        rest = [card for card in range(32, 52) if card not in cards]
        own = own._replace(board=tuple(rest[:5]))
        for found in replayer.replay(HistoryText("x", write_hand(own))):
            tally.add(found)
    assert tally.hands == 30
    assert tally.raises > 10
    assert sum(tally.translated.values()) == tally.silent == 0


def test_hands_of_other_stacks_are_refused_with_the_reason(strategy):
    played = hands_for(strategy, 1)[0]
    text = write_hand(played).replace("starting_stacks = [", "starting_stacks = [1")
    (found,) = Replayer(strategy).replay(HistoryText("x", text))
    assert isinstance(found, Refused)
    assert not found.damaged
    assert "stacks" in found.reason


def test_histories_come_from_files_folders_and_archives(tmp_path):
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    (folder / "b.phhs").write_text("two")
    (folder / "a.phh").write_text("one")
    (folder / "notes.txt").write_text("no")
    with tarfile.open(tmp_path / "all.tar.xz", "w:xz") as archive:
        archive.add(folder, "x")
        link = tarfile.TarInfo("x/c.phh")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.phh", "one")
        archive.writestr("b.phhs", b"\xff\xfe")
    assert [each.text for each in history_texts(tmp_path / "folder")] == ["one", "two"]
    assert sorted(each.text for each in history_texts(tmp_path / "all.tar.xz")) == ["one", "two"]
    one, two = history_texts(tmp_path / "all.zip")
    assert one.text == "one"
    assert "no text in UTF-8" in two.error
    (tmp_path / "no.txt").write_text("no")
    with pytest.raises(UsageError, match="neither a hand history"):
        list(history_texts(tmp_path / "no.txt"))
    os.mkfifo(tmp_path / "waits.phh")
    with pytest.raises(UsageError, match=r"waits\.phh: "):
        list(history_texts(tmp_path / "waits.phh"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="nothing in it ends in"):
        list(history_texts(tmp_path / "empty"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    (place / "deep.yaml").write_text(DEEP)
    train = ["train", "-c", str(place / "deep.yaml"), "--iters", "4000", "--num-workers", "1"]
    assert main([*train, "--logdir", str(place / "deep")]) == 0
    return str(place / "deep")


def history(tmp_path, hands, damage: str = "") -> str:
    text = "\n".join(f"[{n}]\n{write_hand(each)}" for n, each in enumerate(hands, 1)) + damage
    path = tmp_path / "hands.phhs"
    path.write_text(text)
    return str(path)


@pytest.mark.thorough
def test_replay_tells_what_became_of_the_hands(run, tmp_path, capsys):
    from cfr_shm.cli.sources import open_strategy

    strategy = open_strategy(str(run)).strategy
    file = history(tmp_path, hands_for(strategy, 40))
    capsys.readouterr()
    assert main(["replay", run, file, "--json", "--decisions"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["hands_followed"] == len(found["hands"]) == 40
    assert found["decisions"] == sum(len(each["decisions"]) for each in found["hands"])
    assert found["raises_translated"] > 0
    assert 0.0 < found["likeliest_done"] < 1.0
    assert main(["replay", run, file, "--decisions", "--hands", "2"]) == 0
    told = capsys.readouterr().out
    assert "the strategy: " in told
    assert "hands followed: 2" in told


@pytest.mark.thorough
def test_damaged_hands_are_named_and_the_others_followed(run, tmp_path, capsys):
    from cfr_shm.cli.sources import open_strategy

    strategy = open_strategy(str(run)).strategy
    file = history(tmp_path, hands_for(strategy, 3), "\n[damaged]\nvariant = 'NT'\n")
    capsys.readouterr()
    assert main(["replay", run, file]) == 2
    told = capsys.readouterr()
    errors = [line for line in told.err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "hand [damaged]: actions: expected a list, found nothing" in errors[0]
    assert "hands followed: 3" in told.out
    assert "left out 1: damaged" in told.out


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("no.phh", None, "no such file"),
        ("bad.phh", "x = ", "no hand could be followed"),
        ("bad.tar", "x", "neither a hand history"),
    ],
)
def test_replay_refuses_in_one_line(run, tmp_path, capsys, name, text, said):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    capsys.readouterr()
    assert main(["replay", run, str(path)]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert said in told
