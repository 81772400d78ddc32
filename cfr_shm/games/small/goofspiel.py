"""Goofspiel: bid cards in secret for point cards that are turned up from the highest down.

Rules as OpenSpiel's ``goofspiel`` with ``imp_info=True``, ``points_order=descending`` and
``returns_type=win_loss``, simultaneous bids taken in turn: after a round both learn who won it
and not the other's card; equal bids discard the points; the last cards are played by themselves.
Who has more points wins 1. Source: Ross 1971, "Goofspiel: the game of pure strategy".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.history import history_game

#: Six cards make a million histories, seven would make fifty million.
MAX_CARDS = 6

_TIE = -3  # as OpenSpiel writes a round that nobody won


class Bids(NamedTuple):
    """A history: the cards that both bid, and player 0's card where player 1 is to bid."""

    own: tuple[tuple[int, ...], tuple[int, ...]]  # cards from 0 to n - 1, by player
    winners: tuple[int, ...]  # of the rounds played: 0, 1 or _TIE

    @property
    def actor(self) -> int:
        """The player to bid."""
        return len(self.own[0]) - len(self.own[1])


def goofspiel(players: int = 2, cards: int = 5) -> Game:
    """Build Goofspiel with ``cards`` cards in each hand.

    Raises:
        GameError: a number is out of range.
    """
    if players != 2:
        raise GameError(f"goofspiel has 2 players here, not {players}")
    if not 2 <= cards <= MAX_CARDS:
        raise GameError(f"goofspiel has 2 to {MAX_CARDS} cards, not {cards}")
    builder = TreeBuilder(player_count=2)
    queue = deque([(0, Bids(((), ()), ()))])
    while queue:
        node, bids = queue.popleft()
        hand = _hand(bids.own[bids.actor], cards)
        if len(hand) == 1:
            points = _points(_all_winners(bids, cards), cards)
            won = float((points[0] > points[1]) - (points[0] < points[1]))
            builder.terminal(node, (won, -won))
            continue
        key = (bids.actor, bids.own[bids.actor], bids.winners)
        children = builder.decision(node, bids.actor, len(hand), infoset=key)
        queue.extend((child, _bid(bids, card)) for child, card in zip(children, hand, strict=True))

    def label(key: Hashable) -> tuple[str, tuple[int, ...]]:
        assert isinstance(key, tuple)
        actor, own, winners = key
        return _name(actor, own, winners, cards), _hand(own, cards)

    return history_game(
        builder,
        name="goofspiel",
        parameters={"cards": cards},
        unit="games",
        openspiel_name=(
            "turn_based_simultaneous_game(game=goofspiel(imp_info=True,"
            f"num_cards={cards},points_order=descending,returns_type=win_loss))"
        ),
        value=0.0,
        value_source="symmetric",
        label=label,
    )


def _hand(played: tuple[int, ...], cards: int) -> tuple[int, ...]:
    return tuple(card for card in range(cards) if card not in played)


def _bid(bids: Bids, card: int) -> Bids:
    first, second = bids.own
    if bids.actor == 0:
        return Bids(((*first, card), second), bids.winners)
    return Bids((first, (*second, card)), (*bids.winners, _winner(first[-1], card)))


def _winner(first: int, second: int) -> int:
    return _TIE if first == second else int(second > first)


def _all_winners(bids: Bids, cards: int) -> tuple[int, ...]:
    """Return the winners of all rounds, when one card is left in each hand."""
    last = [_hand(played, cards)[0] for played in bids.own]
    return (*bids.winners, _winner(*last))


def _points(winners: tuple[int, ...], cards: int) -> list[int]:
    """Return both players' points: round ``r`` is for ``cards - r``."""
    return [
        sum(cards - turn for turn, winner in enumerate(winners) if winner == player)
        for player in range(2)
    ]


def _name(actor: int, own: tuple[int, ...], winners: tuple[int, ...], cards: int) -> str:
    """Spell an infoset as OpenSpiel's information-state string."""
    hand = "".join(f"{card + 1} " for card in _hand(own, cards))
    played = "".join(f"{card} " for card in own)
    shown = "".join(f"{cards - turn} " for turn in range(len(winners) + 1))
    won = "".join(f"{winner} " for winner in winners)
    points = "".join(f"{each} " for each in _points(winners, cards))
    return (
        f"Current player: {actor}\nP{actor} hand: {hand}\nP{actor} action sequence: {played}\n"
        f"Point card sequence: {shown}\nWin sequence: {won}\nPoints: {points}\nTerminal?: 0\n"
    )
