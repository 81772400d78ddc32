"""Deals that are drawn for hands that are played: deal ``i`` depends on seed and ``i`` alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.ranges import hand_of
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.games.holdem.joint_hands import joint_hands
from cfr_shm.kernels.evaluation.draw_deals import draw_deals
from cfr_shm.kernels.evaluation.number_deals import number_deals, rank_deals
from cfr_shm.layout.cards import FULL_BOARD, HOLE_CARDS
from cfr_shm.strategy.public import PublicStrategy, holdem_parts
from cfr_shm.strategy.table import TableStrategy


class DrawnDeals(NamedTuple):
    """Some deals in a row."""

    first: int  # number of the first
    cards: NDArray[np.int64]  # (deals, 5 + 2 * players), board and then hole cards by seat
    strength: NDArray[np.int32]  # (deals, players), at the showdown; higher wins


class Dealer:
    """Draws a game's deals: hands by their weights, and boards.

    Decks that the kernels deal are dealt as in training under the same seed.
    """

    def __init__(self, game: Game, seed: int) -> None:
        self._game, self._seed = game, seed
        _, self._cards = holdem_parts(game)
        self._hands = [self._cards.hands(seat) for seat in range(game.player_count)]
        self._joint = joint_hands(self._cards, game.player_count)

    def deal(self, first: int, count: int) -> DrawnDeals:
        """Return ``count`` deals from number ``first`` on."""
        players = self._game.player_count
        dealt = np.zeros((count, FULL_BOARD + HOLE_CARDS * players), np.int64)
        strength = np.zeros((count, players), np.int32)
        if isinstance(self._cards, DealtCards):
            draw_deals(self._game.deals.cards, self._seed, first, players, dealt)
            rank_deals(hand_rank_tables(self._cards.deck), dealt, strength)
        else:
            for row in range(count):
                self._draw(first + row, dealt[row])
                board = dealt[row, : self._cards.showdown_cards].tolist()
                strength[row] = self._cards.strengths(self._holes(dealt[row]), board)
        return DrawnDeals(first, dealt, strength)

    def _holes(self, cards: NDArray[np.int64]) -> NDArray[np.int64]:
        return cards[FULL_BOARD:].reshape(-1, HOLE_CARDS)

    def _draw(self, number: int, cards: NDArray[np.int64]) -> None:
        """Draw one deal of a small deck, or of a board whose deals are listed."""
        random = np.random.Generator(np.random.Philox(key=[self._seed, number]))
        fixed = self._cards.fixed_board
        if self._joint is not None:
            self._holes(cards)[:] = self._joint.drawn(random.random())
        else:
            self._draw_alike(random, cards)
        used = {*cards[FULL_BOARD:].tolist(), *fixed}
        left = random.permutation([card for card in self._cards.dealt if card not in used])
        size = self._cards.showdown_cards
        cards[:size] = [*fixed, *left[: size - len(fixed)].tolist()]

    def _draw_alike(self, random: np.random.Generator, cards: NDArray[np.int64]) -> None:
        """Draw hands where all are alike: anew until none shares a card."""
        fixed = self._cards.fixed_board
        while True:
            for seat, (hands, weight) in enumerate(self._hands):
                chosen = random.choice(len(hands), p=weight / weight.sum())
                self._holes(cards)[seat] = hands[chosen]
            used = {*cards[FULL_BOARD:].tolist(), *fixed}
            if len(used) == len(cards) - FULL_BOARD + len(fixed):
                return


class DealtPolicy(NamedTuple):
    """What a strategy does with the hands of some deals, as ``layout.policy.BoardPolicy``."""

    probability: NDArray[np.float64]
    row_base: NDArray[np.int64]
    row_stride: NDArray[np.int64]
    number: NDArray[np.int32]  # (deals, players, streets)


def policy_of_deals(strategy: PublicStrategy, deals: DrawnDeals) -> DealtPolicy:
    """Return what a strategy does with every seat's hand on some deals."""
    game = strategy.game
    _, cards = holdem_parts(game)
    number = np.zeros((len(deals.cards), game.player_count, game.street_count), np.int32)
    boards = deals.cards[:, : cards.board_count(game.street_count - 1)]
    if isinstance(strategy, TableStrategy) and isinstance(cards, DealtCards):
        policy = strategy.on_boards(boards[:0])
        number_deals(game.deals.cards, deals.cards, number)
    else:
        policy = strategy.on_boards(boards)
        holes = deals.cards[:, FULL_BOARD:].reshape(len(boards), game.player_count, HOLE_CARDS)
        for row, hands in enumerate(holes.tolist()):
            for seat, (one, two) in enumerate(hands):
                number[row, seat] = policy.number[row, :, hand_of(one, two)]
    return DealtPolicy(policy.probability, policy.row_base, policy.row_stride, number)
