"""The luck in a hand that somebody played against a strategy: AIVAT's core, for one seat.

What the hand is worth is guessed as matches do (``kernels.evaluation.luck``): by everybody's
cards, the mean share over boards to come of what is matched of all bets. Luck is what came less
what was to be expected, by these guesses, of two kinds of choices whose chances are known:

- the strategy's own moves, by what it does with the cards it holds;
- the cards of the board. Where few boards may come all are counted; elsewhere some are drawn
  that have nothing to do with the one that is dealt, so that the luck is zero on average still.

The guest's moves are no luck, and that of the hole cards stays in. Whatever the guesses, a
result less its luck has the same mean; the better they are, the less it spreads. Source: see
cfr_shm/evaluation/aivat.py.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cfr_shm.evaluation.aivat import Choice, luck
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.layout.betting import AT_SHOWDOWN
from cfr_shm.layout.play import RUN_OUTS
from cfr_shm.play.own_table import TableHand, Turn
from cfr_shm.strategy.player import Decision


def seat_luck(cards: HoleCards, found: TableHand, seat: int, seed: int) -> float:
    """Return how much of what a seat won is luck, chips.

    Args:
        cards: of the game.
        found: the hand, over.
        seat: whose.
        seed: of the run-outs that stand for all; new for every hand, and nothing that its cards
            hang on.
    """
    worth = _Worth(cards, found, seat, seed)
    total = 0.0
    for turn, after in itertools.zip_longest(found.turns, found.turns[1:]):
        hand = turn.hand.apply(turn.reading.move)
        if not turn.by_guest and turn.decision is not None:
            total += _choice_luck(worth, turn, turn.decision)
        last = found.played.board if after is None else after.board
        if len(last) > len(turn.board) and (after is not None or hand.status == AT_SHOWDOWN):
            total += worth(hand, len(last)) - worth(hand, len(turn.board))
    return total


def _choice_luck(worth: _Worth, turn: Turn, decision: Decision) -> float:
    """Return the luck of a move of the strategy."""
    shown = len(turn.board)
    values = [worth(turn.hand.apply(move), shown) for move in decision.moves]
    taken = decision.moves.index(turn.reading.move)
    return luck([Choice(decision.probabilities, values, taken)])


class _Worth:
    """What a hand is worth to a seat by everybody's cards and some cards of the board."""

    def __init__(self, cards: HoleCards, found: TableHand, seat: int, seed: int) -> None:
        self._cards, self._board = cards, found.board
        self._holes = np.array(found.played.holes, np.int64)
        self._seat, self._seed = seat, seed
        self._strength: dict[int, NDArray[np.int64]] = {}
        self._share: dict[tuple[int, tuple[int, ...]], float] = {}

    def __call__(self, hand: Hand, shown: int) -> float:
        """Return chips; ``shown`` says how many cards of the board are looked at."""
        matched = sorted(hand.committed)[-2]
        put = [min(each, matched) for each in hand.committed]
        pot = sum(put) + int(hand.rules.dead)
        return self._of_pot(hand.folded, shown) * pot - put[self._seat]

    def _of_pot(self, folded: tuple[int, ...], shown: int) -> float:
        if self._seat in folded:
            return 0.0
        key = shown, folded
        if key not in self._share:
            if shown not in self._strength:
                self._strength[shown] = self._strengths(shown)
            strength = np.delete(self._strength[shown], folded, axis=1)
            own = self._seat - sum(each < self._seat for each in folded)
            best = strength == strength.max(axis=1, keepdims=True)
            self._share[key] = float((best[:, own] / best.sum(axis=1)).mean())
        return self._share[key]

    def _strengths(self, shown: int) -> NDArray[np.int64]:
        """Return (run-outs, seats) strengths."""
        boards = self._boards(shown)
        return np.array([self._cards.strengths(self._holes, board) for board in boards], np.int64)

    def _boards(self, shown: int) -> Iterator[tuple[int, ...]]:
        board = self._board[:shown]
        used = {*board, *self._cards.fixed_board, *self._holes.ravel().tolist()}
        left = [card for card in self._cards.dealt if card not in used]
        begun = (*board, *self._cards.fixed_board[shown:])
        more = len(self._board) - len(begun)
        if math.comb(len(left), more) <= RUN_OUTS:
            yield from ((*begun, *rest) for rest in itertools.combinations(left, more))
            return
        draws = random.Random(f"{self._seed}/{shown}")
        for _ in range(RUN_OUTS):
            yield (*begun, *draws.sample(left, more))
