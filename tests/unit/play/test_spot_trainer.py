"""A place dealt again and again: hands as the line brings them, scores, and what was lost."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter

import numpy as np
import pytest
from small_decks import FIXED_BOARD, THREE_STREETS, game_of, random_strategy
from viewed_games import train_royal

from cfr_shm.cli.main import main
from cfr_shm.errors import UsageError
from cfr_shm.evaluation.action_values import ActionValues
from cfr_shm.play.spot_trainer import SpotTrainer
from cfr_shm.strategy.public import hands_of, start_weights


def test_hands_come_as_their_strategies_bring_them(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    strategy = random_strategy(game, 1)
    trainer = SpotTrainer(strategy, "b2.5bb c / x", game.hole_cards.deck.text([40]), 3)
    pairs, board, count = hands_of(game).tolist(), (40,), 6000
    assert [step.seat for step in trainer.place.steps] == [0, 1, 1]
    weights = [start_weights(game, seat) for seat in (0, 1)]
    for step in trainer.place.steps:
        shares = strategy.probabilities([step.node], board)[0, :, step.entry]
        weights[step.seat] = weights[step.seat] * shares
    want = Counter()
    for one, two in itertools.product(range(len(pairs)), repeat=2):
        weight = weights[0][one] * weights[1][two]
        if weight > 0.0 and len({*pairs[one], *pairs[two], *board}) == 5:
            want[tuple(pairs[one])] += weight  # seat 0 is to act
    total = sum(want.values())
    seen = Counter()
    for _ in range(count):
        deal = trainer.next()
        assert deal.board == board
        seen[deal.hole] += 1
    assert set(seen) <= set(want)
    expected = {hole: count * weight / total for hole, weight in want.items()}
    distance = sum((seen[hole] - mean) ** 2 / mean for hole, mean in expected.items())
    freedom = len(expected) - 1
    assert abs(distance - freedom) < 4.5 * np.sqrt(2 * freedom)


def test_boards_that_are_not_given_are_dealt(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    trainer = SpotTrainer(random_strategy(game, 1), "b2.5bb c /", "", 3)
    boards = Counter(trainer.next().board for _ in range(900))
    assert set(boards) == {(card,) for card in game.hole_cards.dealt}
    assert min(boards.values()) > 60
    fixed = game_of(FIXED_BOARD, tmp_path)
    trainer = SpotTrainer(random_strategy(fixed, 1), "", "", 3)
    assert trainer.next().board == fixed.hole_cards.fixed_board


def test_answers_are_scored_by_frequency_and_by_what_they_lost(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    strategy = random_strategy(game, 1)
    trainer, values = SpotTrainer(strategy, "b2.5bb c / x", "", 3), ActionValues(strategy)
    scores, lost = [], []
    for number in range(12):
        deal = trainer.next()
        with pytest.raises(UsageError, match="nothing was answered"):
            trainer.values(values)
        move = deal.decision.moves[number % len(deal.decision.moves)]
        answer = trainer.answer(move)
        shares = dict(zip(deal.decision.moves, deal.decision.probabilities, strict=True))
        assert answer.share == shares[move]
        scores.append(shares[move] / max(shares.values()))
        assert answer.score == pytest.approx(scores[-1])
        found = values.of(trainer.place.node, deal.hole, deal.board)
        lost.append(found[trainer.moves().index(move)].lost)
        assert trainer.values(values) == found == trainer.values(values)
        with pytest.raises(UsageError, match="no spot is dealt"):
            trainer.answer(move)
    assert trainer.score.score == pytest.approx(np.mean(scores))
    assert trainer.score.lost == pytest.approx(np.mean(lost))
    assert trainer.score.likeliest == scores.count(1.0)
    assert trainer.score.document(2)["ev_lost"] == pytest.approx(np.mean(lost) / 2)


@pytest.mark.parametrize(
    ("line", "board", "text"),
    [
        ("c c c", "", "line 'c c c'"),
        ("b2.5bb c /", "AdAh", "where 1 cards lie"),
        ("b2.5bb c /", "2c", "is not in the game's deck"),
        ("b2.5bb c / x x /", "AhAh", "twice"),
    ],
)
def test_what_cannot_be_trained_is_said(tmp_path, line, board, text):
    game = game_of(THREE_STREETS, tmp_path)
    with pytest.raises(UsageError, match=text):
        SpotTrainer(random_strategy(game, 1), line, board, 3)


@pytest.mark.thorough
def test_a_spot_is_trained_at_the_terminal(tmp_path, monkeypatch, capsys):
    run = str(train_royal(tmp_path / "royal"))
    monkeypatch.setattr("sys.stdin", io.StringIO("b 7\nx\nb 4\nx\nq\n"))
    arguments = ["play", run, "--spot", "c x /", "--board", "TcJdQh", "--seed", "1", "--json"]
    capsys.readouterr()
    assert main([*arguments, "--values"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["spots"], found["method"], found["line"]) == (3, "spot", "c x /")
    assert 0.0 <= found["score"] <= 1.0
    assert found["ev_lost"] >= 0.0
    assert "spot 1: you are BB with" in told.err
    assert "is not in the tree" in told.err
    assert "best by EV: " in told.err
    assert main(["play", run, "--spot", "", "--seat", "SB"]) == 2
    assert "--seat and --spot" in capsys.readouterr().err
    assert main(["play", run, "--board", "TcJdQh"]) == 2
    assert "--board is for --spot" in capsys.readouterr().err
