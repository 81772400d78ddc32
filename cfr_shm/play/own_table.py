"""A table at which a strategy plays all seats but those of people."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.layout.betting import AT_SHOWDOWN
from cfr_shm.play.dealer import Dealt
from cfr_shm.protocols.played_hand import PlayedHand
from cfr_shm.strategy.player import Decision, Player, Reading
from cfr_shm.strategy.public import holdem_parts


class Guest(Protocol):
    """Somebody who is asked for moves."""

    def move(self, hand: Hand, hole: Sequence[int], board: Sequence[int]) -> int:
        """Return a legal move of the seat to act; ``board`` is what lies there."""
        ...

    def see(self, hand: Hand, move: int, board: Sequence[int]) -> None:
        """Be told what the seat to act does: every move, the own ones too."""
        ...


class Turn(NamedTuple):
    """One decision of a hand."""

    hand: Hand  # before the move
    reading: Reading  # of the move
    decision: Decision | None  # of the strategy; of a guest's turn None unless it was asked for
    board: tuple[int, ...]  # what lay there
    by_guest: bool


class TableHand(NamedTuple):
    """A hand that was played to its end."""

    played: PlayedHand  # with what is paid
    turns: tuple[Turn, ...]
    board: tuple[int, ...]  # all of it, also what was never shown


class OpenHand:
    """A hand under way, which waits wherever a guest is to act; made by ``OwnTable.begin``.

    Whoever shows it asks ``waits``; ``strategy_moves`` goes on until it does, or until the hand is
    over, and ``take`` goes on after a guest's move.
    """

    def __init__(
        self,
        cards: HoleCards,
        player: Player,
        dealt: Dealt,
        guests: Collection[int],
        draws: random.Random,
        review: bool,
    ) -> None:
        player.begin()
        self._cards, self._player, self._random = cards, player, draws
        self._review = review
        self._guests = frozenset(guests)
        self.dealt = dealt
        self._turns: list[Turn] = []

    @property
    def hand(self) -> Hand:
        """The public state."""
        return self._player.hand

    @property
    def board(self) -> tuple[int, ...]:
        """The cards that lie there now; of a showdown, all."""
        hand = self._player.hand
        shown = hand.status == AT_SHOWDOWN
        count = len(self.dealt.board) if shown else self._cards.board_count(hand.street)
        return self.dealt.board[:count]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What was decided so far."""
        return tuple(self._turns)

    @property
    def waits(self) -> bool:
        """Whether a guest is to act."""
        hand = self._player.hand
        return not hand.finished and hand.actor in self._guests

    def strategy_moves(self) -> Iterator[Turn]:
        """Play on until a guest is to act or the hand is over; yield what is done."""
        while not self.hand.finished and not self.waits:
            decision = self._decide()
            yield self._move(decision.drawn(self._random.random()), decision)

    def take(self, move: int) -> Turn:
        """Go on after a guest's move.

        Raises:
            GameError: no guest is to act, or the move is not legal.
        """
        if not self.waits:
            raise GameError("it is not a guest's turn")
        if (reason := self.hand.refusal(move)) is not None:
            raise GameError(f"illegal move {move}: {reason}")
        return self._move(move, self._decide() if self._review else None)

    def finished(self) -> TableHand:
        """Return the hand once it is over, with what is paid."""
        player, dealt = self._player, self.dealt
        played = PlayedHand(
            player.hand.rules,
            tuple(turn.reading.move for turn in self._turns),
            dealt.holes,
            self.board,
            paid=self._paid(player.hand),
            deck=self._cards.deck,
        )
        return TableHand(played, self.turns, dealt.board)

    def _decide(self) -> Decision:
        return self._player.decide(self.dealt.holes[self.hand.actor], self.board)

    def _move(self, move: int, decision: Decision | None) -> Turn:
        hand, board = self.hand, self.board
        reading = self._player.take(move)
        self._turns.append(Turn(hand, reading, decision, board, hand.actor in self._guests))
        return self._turns[-1]

    def _paid(self, hand: Hand) -> tuple[int, ...]:
        if hand.status != AT_SHOWDOWN:
            return hand.payoffs()
        strengths = self._cards.strengths(np.array(self.dealt.holes, np.int64), self.dealt.board)
        return hand.payoffs(strengths.tolist())


class OwnTable:
    """Plays hands of a game between a strategy and guests, one after the other.

    Args:
        game: hold'em, whose cards are dealt.
        player: plays all seats without a guest; keeps the hand, so that a hand is over before the
            next begins.
        seed: of the strategy's moves.
        review: ask the player in the guests' place too, with their cards.
    """

    def __init__(self, game: Game, player: Player, seed: int, review: bool = False) -> None:
        _, self._cards = holdem_parts(game)
        self._player, self._review = player, review
        self._random = random.Random(seed)

    def begin(self, dealt: Dealt, guests: Collection[int]) -> OpenHand:
        """Begin a hand; whoever was to act in the one before never does."""
        return OpenHand(self._cards, self._player, dealt, guests, self._random, self._review)

    def play(self, dealt: Dealt, guests: Mapping[int, Guest]) -> TableHand:
        """Play a hand, asking ``guests`` by seat."""
        opened = self.begin(dealt, guests)
        ask(opened, guests)
        return opened.finished()


def ask(opened: OpenHand, guests: Mapping[int, Guest]) -> None:
    """Play a hand to its end by asking guests, who are told all moves."""

    def tell(turn: Turn) -> None:
        for each in guests.values():
            each.see(turn.hand, turn.reading.move, turn.board)

    while not opened.hand.finished:
        for turn in opened.strategy_moves():
            tell(turn)
        if opened.waits:
            seat = opened.hand.actor
            move = guests[seat].move(opened.hand, opened.dealt.holes[seat], opened.board)
            tell(opened.take(move))
