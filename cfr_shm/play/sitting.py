"""A person at a table with a strategy, hand after hand: what a terminal and a page both show."""

from __future__ import annotations

import random
from collections import deque
from typing import NamedTuple

from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.line_walk import position
from cfr_shm.layout.betting import AT_SHOWDOWN
from cfr_shm.play.dealer import Dealer
from cfr_shm.play.hand_luck import seat_luck
from cfr_shm.play.own_table import OpenHand, OwnTable, TableHand
from cfr_shm.play.score import Score
from cfr_shm.protocols.played_hand import PlayedHand
from cfr_shm.strategy.function_player import player_of
from cfr_shm.strategy.public import PublicStrategy, holdem_parts

#: What the person is called in histories.
PERSON = "you"

#: Hands that are kept, the last ones.
KEPT_HANDS = 500


class SeatedHand(NamedTuple):
    """A hand that is over, as the person at the table played it."""

    found: TableHand  # numbered, with names
    seat: int
    won: int  # chips
    luck: float  # chips of it that are luck

    @property
    def as_seen(self) -> PlayedHand:
        """The hand without cards that the person never saw."""
        played = self.found.played
        last = played.last
        shown = last.status == AT_SHOWDOWN
        holes = tuple(
            hole if seat == self.seat or (shown and seat not in last.folded) else ()
            for seat, hole in enumerate(played.holes)
        )
        return played._replace(holes=holes)


class Sitting:
    """A person's place at a table of a strategy; owns the table, one thread uses it at a time.

    Args:
        strategy: has all other seats.
        seed: of cards and of the strategy's moves.
        seat: where the person sits; None: one seat on after every hand.
        review: ask the strategy what it would do in the person's place, too.

    Raises:
        GameError: the strategy's game is not hold'em.
    """

    def __init__(
        self, strategy: PublicStrategy, seed: int, seat: int | None = None, review: bool = True
    ) -> None:
        game = strategy.game
        self.strategy, self.deck = strategy, holdem_parts(game)[1].deck
        self.score, self.adjusted = Score(game.big_blind), Score(game.big_blind)
        self.hands: deque[SeatedHand] = deque(maxlen=KEPT_HANDS)
        self._cards = holdem_parts(game)[1]
        self._dealer = Dealer(game, seed)
        self._table = OwnTable(game, player_of(strategy), seed, review)
        # Run-outs that luck is measured by have nothing to do with the cards.
        self._luck_seeds = random.Random(f"luck {seed}")
        self._fixed_seat = seat
        self._players = game.player_count
        self.opened: OpenHand | None = None
        self.seat = 0 if seat is None else seat
        self.number = 0

    def deal(self) -> OpenHand:
        """Begin the next hand.

        Raises:
            UsageError: one is under way.
        """
        if self.opened is not None:
            raise UsageError(f"hand {self.number} is not over")
        if self._fixed_seat is None:
            self.seat = self.number % self._players
        self.number += 1
        self.opened = self._table.begin(self._dealer.deal(), (self.seat,))
        return self.opened

    def close(self) -> SeatedHand:
        """Count the hand that is over.

        Raises:
            GameError: there is none.
        """
        if self.opened is None or not self.opened.hand.finished:
            raise GameError("no hand is over")
        found = self.opened.finished()
        self.opened = None
        won = (found.played.paid or ())[self.seat]
        luck = seat_luck(self._cards, found, self.seat, self._luck_seeds.getrandbits(63))
        names = tuple(
            PERSON if seat == self.seat else self.strategy.name for seat in range(self._players)
        )
        told = found.played._replace(names=names, number=self.number)
        closed = SeatedHand(found._replace(played=told), self.seat, won, luck)
        self.hands.append(closed)
        self.score.add(won)
        self.adjusted.add(won - luck)
        return closed


def seat_named(text: str, game: Game) -> int:
    """Return the seat that a text names: a position, or a number from 0, the small blind.

    Raises:
        UsageError: there is none; the message says which there are.
    """
    players = game.player_count
    names = [position(seat, players) for seat in range(players)]
    wanted = text.upper()
    if players == 2 and wanted == "BTN":
        return 0
    if wanted in names:
        return names.index(wanted)
    if text.isascii() and text.isdecimal() and len(text) < 4 and int(text) < players:
        return int(text)
    raise UsageError(f"the seats are {', '.join(names)}, or 0 to {players - 1}")
