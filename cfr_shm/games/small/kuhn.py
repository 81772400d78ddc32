"""Kuhn poker: one card each, one street, one bet. Source: Kuhn 1950, "Simplified poker"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.small.limit_poker import FOLD, RAISE, BettingRules, build_poker_tree, poker_game
from cfr_shm.games.trees.deals import table_deals
from cfr_shm.layout.deals import Deals

#: The deal table holds (players + 1)! deals.
MAX_PLAYERS = 8


def kuhn(players: int = 2) -> Game:
    """Build Kuhn poker with ``players + 1`` cards, as OpenSpiel's ``kuhn_poker``.

    Raises:
        GameError: the number of players is outside 2 to 8.
    """
    if not 2 <= players <= MAX_PLAYERS:
        raise GameError(f"kuhn has 2 to {MAX_PLAYERS} players, not {players}")
    rules = BettingRules(players, ante=1, raise_size=(1,), max_raises=(1,))
    card_count = players + 1
    poker = build_poker_tree(rules, [[card_count]] * players)

    def infosets() -> Iterator[InfosetLabel]:
        for state, base, stride in poker.decisions():
            line = _openspiel_line(state.line[0])
            for card in range(card_count):
                yield InfosetLabel(f"{card}{line}", state.actor, base + card * stride, (0, 1))

    return poker_game(
        poker,
        _deals(players),
        name="kuhn",
        parameters={"players": players},
        infosets=infosets,
        openspiel_name="kuhn_poker" if players == 2 else f"kuhn_poker(players={players})",
        value=-1 / 18 if players == 2 else None,
        value_source="Kuhn 1950" if players == 2 else "",
    )


def _deals(players: int) -> Deals:
    """List the deals in lexicographic order of the cards of players 0, 1, ..."""
    cards = np.array(list(permutations(range(players + 1), players)), dtype=np.int32)
    return table_deals(np.ones(len(cards)), cards[:, :, None], cards)


def _openspiel_line(line: str) -> str:
    """Spell a line with OpenSpiel's two actions: a call is a bet, a fold is a pass."""
    letters = []
    bet = False
    for action in line:
        letters.append("b" if action == RAISE or (bet and action != FOLD) else "p")
        bet = bet or action == RAISE
    return "".join(letters)
