"""Leduc poker: a private card, a public card, two streets. Source: Southey et al. 2005.

Rules as OpenSpiel's ``leduc_poker``: two suits of ``players + 1`` ranks, an ante of 1, raises
of 2 and then 4, at most two per street. Card ``c`` has rank ``c // 2``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.small.limit_poker import (
    CALL,
    FOLD,
    RAISE,
    Betting,
    BettingRules,
    build_poker_tree,
    legal_actions,
    poker_game,
)
from cfr_shm.games.trees.deals import table_deals
from cfr_shm.layout.deals import Deals

#: Five players have 665,280 deals, six would have 17 million.
MAX_PLAYERS = 5

_SUITS = 2
_STARTING_MONEY = 100
_ACTION_IDS = {FOLD: 0, CALL: 1, RAISE: 2}

Cards = TypeVar("Cards", int, NDArray[np.int32])


def leduc(players: int = 2, merge_suits: bool = True) -> Game:
    """Build Leduc poker.

    Buckets: with ``merge_suits`` the rank, then (rank, board rank); without it the card, then
    (card, board card). ``infosets`` names OpenSpiel's infosets either way.

    Raises:
        GameError: the number of players is outside 2 to 5.
    """
    if not 2 <= players <= MAX_PLAYERS:
        raise GameError(f"leduc has 2 to {MAX_PLAYERS} players, not {players}")
    rules = BettingRules(players, ante=1, raise_size=(2, 4), max_raises=(2, 2))
    card_count = _SUITS * (players + 1)
    deals = _deals(players, merge_suits)
    poker = build_poker_tree(rules, deals.bucket_count.tolist())

    def infosets() -> Iterator[InfosetLabel]:
        for state, base, stride in poker.decisions():
            actions = tuple(_ACTION_IDS[action] for action in legal_actions(state, rules))
            for card in range(card_count):
                for board in range(card_count) if state.street else (None,):
                    if board != card:
                        row = base + stride * _bucket(card, board, card_count, merge_suits)
                        yield InfosetLabel(_name(state, card, board), state.actor, row, actions)

    return poker_game(
        poker,
        deals,
        name="leduc",
        parameters={"players": players, "merge_suits": merge_suits},
        infosets=infosets,
        openspiel_name="leduc_poker" if players == 2 else f"leduc_poker(players={players})",
        value=-0.085606424078 if players == 2 else None,
        value_source="OpenSpiel, linear program" if players == 2 else "",
    )


def _deals(players: int, merge_suits: bool) -> Deals:
    """List the deals in lexicographic order of (cards of players 0, 1, ..., board)."""
    card_count = _SUITS * (players + 1)
    cards = np.array(list(permutations(range(card_count), players + 1)), dtype=np.int32)
    own, board = cards[:, :-1], cards[:, -1:]
    bucket = np.stack(
        [
            _bucket(own, None, card_count, merge_suits),
            _bucket(own, board, card_count, merge_suits),
        ],
        axis=2,
    )
    rank = own // _SUITS
    strength = np.where(rank == board // _SUITS, card_count + rank, rank)
    return table_deals(np.ones(len(cards)), bucket, strength)


def _bucket(card: Cards, board: Cards | None, card_count: int, merge_suits: bool) -> Cards:
    """Return what a player knows as one number, on the first street (no board) or the second."""
    if merge_suits:
        rank = card // _SUITS
        return rank if board is None else rank * (card_count // _SUITS) + board // _SUITS
    if board is None:
        return card
    return card * (card_count - 1) + board - (board > card)


def _name(state: Betting, card: int, board: int | None) -> str:
    """Spell an infoset as OpenSpiel's information-state string."""
    money = " ".join(str(_STARTING_MONEY - chips) for chips in state.committed)
    public = "" if board is None else f"[Public: {board}]"
    rounds = "".join(
        f"[Round{street + 1}: {' '.join(str(_ACTION_IDS[action]) for action in line)}]"
        for street, line in enumerate(state.line)
    )
    return (
        f"[Observer: {state.actor}][Private: {card}][Round {state.street + 1}]"
        f"[Player: {state.actor}][Pot: {sum(state.committed)}][Money: {money}]{public}{rounds}"
    )
