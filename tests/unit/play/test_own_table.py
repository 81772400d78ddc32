"""Playing against a strategy: deals, chips, translated sizes, results, and how a session ends."""

from __future__ import annotations

import io
import itertools
import json
import random
import re
from collections import Counter

import numpy as np
import pytest
from first_cases import first_cases
from random_hands import random_move
from small_decks import FIXED_BOARD, ROYAL, game_of, random_strategy

from cfr_shm.cli.main import main
from cfr_shm.errors import UsageError
from cfr_shm.evaluation.estimates import any_time_half_width
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.play.dealer import Dealer
from cfr_shm.play.history_writer import HistoryWriter
from cfr_shm.play.own_table import OwnTable
from cfr_shm.play.person import hand_report
from cfr_shm.play.score import Score
from cfr_shm.protocols.phh import documents, read_hand
from cfr_shm.protocols.played_hand import payoffs_of
from cfr_shm.strategy.player import TreePlayer

DEEP = ROYAL.replace("stacks: 20", "stacks: 100").replace("[[allin]]", "[[2.5bb], [3x, allin]]")
SIX = """
game: {name: holdem, players: 6, blinds: [1, 2], stacks: 60, ranks: 5}
abstraction: {preflop: [[2.5bb], [3x, allin]], flop: [[0.5, 1], [allin]], turn: [[1]],
              river: [[1]], limp: true, max_flop_players: 3, max_raises: [2, 2, 1, 1],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""


def test_hands_are_dealt_as_often_as_the_ranges_say(tmp_path):
    game = game_of(FIXED_BOARD, tmp_path)
    cards = game.hole_cards
    weight = Counter()
    for (one, first), (two, second) in itertools.product(
        zip(*cards.hands(0), strict=True), zip(*cards.hands(1), strict=True)
    ):
        if len({*one.tolist(), *two.tolist(), *cards.fixed_board}) == 4 + len(cards.fixed_board):
            weight[tuple(one.tolist()), tuple(two.tolist())] += first * second
    total = sum(weight.values())
    dealer, seen, count = Dealer(game, 1), Counter(), 20_000
    for _ in range(count):
        dealt = dealer.deal()
        assert dealt.board[:3] == cards.fixed_board
        assert len(dealt.board) == cards.showdown_cards
        assert len({*dealt.board, *dealt.holes[0], *dealt.holes[1]}) == 4 + cards.showdown_cards
        seen[dealt.holes] += 1
    assert set(seen) <= set(weight)
    expected = {deal: count * share / total for deal, share in weight.items()}
    distance = sum((seen[deal] - mean) ** 2 / mean for deal, mean in expected.items())
    # Chi square has its mean at the degrees of freedom and twice that as variance.
    freedom = len(expected) - 1
    assert abs(distance - freedom) < 4.5 * np.sqrt(2 * freedom)


class Wild:
    """A guest who does anything that is legal."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seen = []

    def move(self, hand, hole, board):
        return random_move(self.random, hand)

    def see(self, hand, move, board):
        self.seen.append(move)


@pytest.mark.parametrize("text", first_cases([DEEP, SIX]), ids=["two", "six"])
def test_hands_are_legal_and_pay_by_the_rules(text, tmp_path):
    game = game_of(text, tmp_path)
    strategy = random_strategy(game, 1)
    dealer, table = Dealer(game, 2), OwnTable(game, TreePlayer(strategy), 3, review=True)
    writer = HistoryWriter(tmp_path / "all.phhs", game.betting.rules, game.hole_cards.deck)
    wild, translated, shown = Wild(4), 0, 0
    kept = []
    for number in range(60):
        seat = number % game.player_count
        wild.seen.clear()
        found = table.play(dealer.deal(), {seat: wild})
        assert wild.seen == list(found.played.moves)
        assert sum(found.played.paid) == 0
        told = "\n".join(hand_report(found, seat, review=True))
        translated += "is not in its tree" in told
        shown += "showdown" in told
        assert [turn.by_guest for turn in found.turns] == [
            turn.reading.seat == seat for turn in found.turns
        ]
        writer.write(found.played)
        kept.append(found.played)
    assert translated > 5 < shown
    read = [read_hand(each) for each in documents((tmp_path / "all.phhs").read_text(), "all")]
    assert [each.moves for each in read] == [each.moves for each in kept]
    assert [payoffs_of(each) for each in read] == [each.paid for each in kept]
    assert [each.number for each in read] == list(range(1, 61))


def test_a_score_has_the_interval_that_may_be_watched():
    rng = np.random.default_rng(1)
    won = rng.integers(-300, 300, 500).tolist()
    score = Score(2.0)
    for chips in won:
        score.add(chips)
    found = score.estimate()
    half = any_time_half_width(500, float(np.std(won, ddof=1)))
    assert found.value == pytest.approx(50 * np.mean(won))
    assert found.high - found.value == pytest.approx(50 * half)
    assert score.chips == sum(won)


def test_histories_are_appended_to_and_nothing_else_is(tmp_path):
    rules = betting_rules(players=2, blinds=[1, 2], stacks=20)
    path = tmp_path / "one.phh"
    path.write_text("variant = 'NT'\n")
    with pytest.raises(UsageError, match="no numbered table"):
        HistoryWriter(path, rules)
    path.write_text("nothing like it")
    with pytest.raises(UsageError, match="not TOML"):
        HistoryWriter(path, rules)
    with pytest.raises(UsageError, match="No such file"):
        HistoryWriter(tmp_path / "no" / "one.phhs", rules)
    pot_limit = betting_rules(players=2, blinds=[1, 2], stacks=20, betting="pot_limit")
    with pytest.raises(UsageError, match="cannot be written"):
        HistoryWriter(tmp_path / "new.phhs", pot_limit)
    assert not (tmp_path / "new.phhs").exists()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    (place / "deep.yaml").write_text(DEEP)
    train = ["train", "-c", str(place / "deep.yaml"), "--iters", "4000", "--num-workers", "1"]
    assert main([*train, "--logdir", str(place / "deep")]) == 0
    return str(place / "deep")


def played(monkeypatch, capsys, typed: str, *arguments):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    capsys.readouterr()
    code = main(["play", *arguments, "--seed", "7"])
    return code, capsys.readouterr()


@pytest.mark.thorough
def test_a_session_at_the_terminal(run, monkeypatch, capsys, tmp_path):
    file = str(tmp_path / "mine.phhs")
    always = "c\nx\n" * 40
    code, told = played(
        monkeypatch, capsys, always, run, "--hands", "4", "--json", "--phh", file, "--review"
    )
    assert code == 0
    found = json.loads(told.out)
    assert (found["hands"], found["unit"], found["method"]) == (4, "bb/100", "play")
    assert found["names"][0] == "you"
    assert found["low"] <= found["value"] <= found["high"]
    seats = re.findall(r"hand \d: you are (\w+) with", told.err)
    assert seats == ["SB", "BB", "SB", "BB"]
    hands = [read_hand(each) for each in documents((tmp_path / "mine.phhs").read_text(), "mine")]
    won = [each.paid[each.names.index("you")] for each in hands]
    assert sum(won) == found["chips"]
    assert found["adjusted"]["value"] is not None
    assert "less the luck of the board" in told.err
    assert "there is nothing to call" in told.err  # a c where a check was meant is asked again
    code, _ = played(monkeypatch, capsys, always, run, "--hands", "1", "--phh", file)
    assert code == 0
    assert len(documents((tmp_path / "mine.phhs").read_text(), "mine")) == 5


@pytest.mark.thorough
def test_sizes_that_the_tree_lacks_are_told_after_the_hand(run, monkeypatch, capsys):
    typed = "b 13\n" + "x\nc\n" * 20
    code, told = played(monkeypatch, capsys, typed, run, "--hands", "1", "--seat", "SB")
    assert code == 0
    assert "your raise to 13 (2.75 pot) is not in its tree; it was read as" in told.err
    assert told.out.startswith("you against deep@4000, 1 hand: ")


@pytest.mark.thorough
@pytest.mark.parametrize("typed", ["", "q\n", "Quit\n"])
def test_leaving_ends_with_what_was_played(run, monkeypatch, capsys, typed):
    code, told = played(monkeypatch, capsys, typed, run, "--json")
    assert code == 0
    found = json.loads(told.out)
    assert (found["hands"], found["value"], found["error"]) == (0, None, None)


@pytest.mark.thorough
def test_ctrl_c_ends_with_what_was_played(run, monkeypatch, capsys):
    class Interrupted(io.StringIO):
        def readline(self, size=-1):
            line = super().readline(size)
            if not line:
                raise KeyboardInterrupt
            return line

    monkeypatch.setattr("sys.stdin", Interrupted("a\n" * 3))
    capsys.readouterr()
    assert main(["play", run, "--json", "--seed", "7"]) == 130
    found = json.loads(capsys.readouterr().out)
    assert found["hands"] > 0
    assert found["value"] is not None


@pytest.mark.thorough
def test_what_cannot_be_played_is_refused_in_one_line(run, capsys):
    for arguments, said in (
        (("--seat", "UTG"), "--seat UTG: the seats are SB, BB, or 0 to 1"),
        (("--seat", "2"), "--seat 2: the seats are"),
        (("--hands", "0"), "no whole number from 1 on"),
        (("--phh", "/no/such/folder/x.phhs"), "No such file"),
    ):
        capsys.readouterr()
        assert main(["play", run, *arguments]) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.thorough
def test_what_was_lost_is_told_hand_by_hand(run, monkeypatch, capsys):
    code, told = played(monkeypatch, capsys, "c\nx\n" * 20, run, "--hands", "2", "--values")
    assert code == 0
    assert "best by EV: " in told.err
