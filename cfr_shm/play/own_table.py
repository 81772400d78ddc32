"""A table at which a strategy plays all seats but those of people."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import Hand
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
    decision: Decision | None  # what the strategy would have done in a guest's place, if asked


class TableHand(NamedTuple):
    """A hand that was played to its end."""

    played: PlayedHand  # with what is paid
    turns: tuple[Turn, ...]


class OwnTable:
    """Plays hands of a game between a strategy and guests.

    Args:
        game: hold'em, whose cards are dealt.
        player: plays all seats without a guest.
        seed: of the strategy's moves.
        review: ask the player in the guests' place too, with their cards.
    """

    def __init__(self, game: Game, player: Player, seed: int, review: bool = False) -> None:
        _, self._cards = holdem_parts(game)
        self._player, self._review = player, review
        self._random = random.Random(seed)

    def play(self, dealt: Dealt, guests: Mapping[int, Guest]) -> TableHand:
        """Play a hand; ``guests`` by seat."""
        player = self._player
        player.begin()
        rules, turns, moves = player.hand.rules, list[Turn](), list[int]()
        while not player.hand.finished:
            hand = player.hand
            board = dealt.board[: self._cards.board_count(hand.street)]
            hole, decision = dealt.holes[hand.actor], None
            guest = guests.get(hand.actor)
            if guest is None:
                move = player.decide(hole, board).drawn(self._random.random())
            else:
                decision = player.decide(hole, board) if self._review else None
                move = guest.move(hand, hole, board)
            for each in guests.values():
                each.see(hand, move, board)
            turns.append(Turn(hand, player.take(move), decision))
            moves.append(move)
        shown = player.hand.status == AT_SHOWDOWN
        count = len(dealt.board) if shown else self._cards.board_count(player.hand.street)
        played = PlayedHand(
            rules,
            tuple(moves),
            dealt.holes,
            dealt.board[:count],
            paid=self._paid(player.hand, dealt),
            deck=self._cards.deck,
        )
        return TableHand(played, tuple(turns))

    def _paid(self, hand: Hand, dealt: Dealt) -> tuple[int, ...]:
        if hand.status != AT_SHOWDOWN:
            return hand.payoffs()
        strengths = self._cards.strengths(np.array(dealt.holes, np.int64), dealt.board)
        return hand.payoffs(strengths.tolist())
