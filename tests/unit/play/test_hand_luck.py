"""A result less its luck: the same mean, less spread, and no luck where nothing was drawn."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from small_decks import FIXED_BOARD, STANDARD, THREE_STREETS, game_of, random_strategy

from cfr_shm.cards.evaluator import evaluate
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.layout.betting import AT_SHOWDOWN, CALL
from cfr_shm.play.dealer import Dealer, Dealt
from cfr_shm.play.hand_luck import seat_luck
from cfr_shm.play.own_table import OwnTable
from cfr_shm.strategy.player import TreePlayer


class Playing:
    """A guest who plays a strategy of the same tree."""

    def __init__(self, strategy, seed):
        self.player, self.random = TreePlayer(strategy), random.Random(seed)

    def move(self, hand, hole, board):
        return self.player.decide(hole, board).drawn(self.random.random())

    def see(self, hand, move, board):
        self.player.take(move)


class Shoving:
    """A guest who goes all-in."""

    def move(self, hand, hole, board):
        return CALL if hand.raise_bounds is None else hand.raise_bounds[1]

    def see(self, hand, move, board):
        pass


@pytest.mark.thorough
@pytest.mark.parametrize("text", [THREE_STREETS, FIXED_BOARD], ids=["three", "fixed"])
def test_a_result_less_its_luck_has_the_exact_mean_and_spreads_less(text, tmp_path):
    game = game_of(text, tmp_path)
    strategy, own = random_strategy(game, 1), random_strategy(game, 2)
    walk, count = BoardWalk(game), 1500
    for seat in (0, 1):
        exact = walk.seat_value(walk.root_values(Players(own, strategy), seat, ()), seat)
        table = OwnTable(game, TreePlayer(strategy), 3)
        dealer, guest = Dealer(game, 4), Playing(own, 5)
        won, left = np.zeros(count), np.zeros(count)
        for number in range(count):
            guest.player.begin()
            found = table.play(dealer.deal(), {seat: guest})
            won[number] = found.played.paid[seat]
            left[number] = won[number] - seat_luck(game.hole_cards, found, seat, number)
        error = left.std() / np.sqrt(count)
        assert abs(left.mean() - exact) < 4 * error
        assert abs(won.mean() - exact) < 4 * won.std() / np.sqrt(count)
        assert left.std() < 0.9 * won.std()


@pytest.mark.thorough
def test_the_luck_of_an_all_in_is_what_came_less_its_equity(tmp_path):
    game = game_of(STANDARD, tmp_path)
    cards = game.hole_cards
    deck = cards.deck
    # All-in at once: what is luck is the other's call, and then five cards.
    strategy = random_strategy(game, 1)
    table = OwnTable(game, TreePlayer(strategy), 1)
    holes = tuple(tuple(deck.parse(text)) for text in ("AhAs", "KdKc"))
    board = tuple(deck.parse("2c3d7h8sKh"))
    for _ in range(300):
        found = table.play(Dealt(holes, board), {0: Shoving()})
        if found.played.last.status == AT_SHOWDOWN:
            break
    else:
        pytest.fail("nobody ever called")
    assert found.played.paid[0] == -4000
    equity = _equity(deck, holes, random.Random(5))
    choices = [turn for turn in found.turns if not turn.by_guest]
    lucks = [seat_luck(cards, found, 0, seed) for seed in range(200)]
    expected = (0.0 - 4000) - (equity * 8000 - 4000)
    for turn in choices:
        told = turn.decision
        values = []
        for move in told.moves:
            after = turn.hand.apply(move)
            matched = min(after.committed)
            share = 1.0 if after.folded else equity
            values.append(share * 2 * matched - matched)
        taken = values[told.moves.index(turn.reading.move)]
        expected += taken - float(np.dot(told.probabilities, values))
    spread = np.std(lucks) / np.sqrt(len(lucks))
    assert np.mean(lucks) == pytest.approx(expected, abs=5 * spread + 80)


def _equity(deck, holes, draws):
    left = [card for card in range(52) if card not in {*holes[0], *holes[1]}]
    won = 0.0
    for _ in range(4000):
        board = draws.sample(left, 5)
        one, two = (evaluate(deck, [*hole, *board]) for hole in holes)
        won += (one > two) + 0.5 * (one == two)
    return won / 4000


def test_next_cards_are_no_luck_on_average(tmp_path):
    game = game_of(THREE_STREETS, tmp_path)
    cards = game.hole_cards
    strategy = random_strategy(game, 1)
    holes = tuple(tuple(pair) for pair in cards.hands(0)[0][[0, -1]].astype(int).tolist())
    left = [card for card in cards.dealt if card not in {*holes[0], *holes[1]}]

    class Others:
        """Guests in both seats: the strategy draws nothing, all luck is the board's."""

        def move(self, hand, hole, board):
            return CALL

        def see(self, hand, move, board):
            pass

    total, count = 0.0, 0
    for board in itertools.permutations(left, cards.showdown_cards):
        table = OwnTable(game, TreePlayer(strategy), 1)
        found = table.play(Dealt(holes, board), {0: Others(), 1: Others()})
        luck = seat_luck(cards, found, 0, 7)
        assert luck == pytest.approx(found.played.paid[0] - _mean_worth(cards, found), abs=1e-9)
        total, count = total + luck, count + 1
    assert total / count == pytest.approx(0.0, abs=1e-9)


def _mean_worth(cards, found):
    """Return what checking down is worth before any card is known, by counting all boards."""
    holes = np.array(found.played.holes, np.int64)
    left = [card for card in cards.dealt if card not in holes.ravel().tolist()]
    worth = []
    for board in itertools.combinations(left, cards.showdown_cards):
        one, two = cards.strengths(holes, board).tolist()
        worth.append(2 * ((one > two) - (one < two)))
    return float(np.mean(worth))
