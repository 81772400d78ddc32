"""Strategies of games that are no hold'em: rows of a table, and nothing that all games share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game


class ListedStrategy(NamedTuple):
    """A strategy of any game, by its rows."""

    name: str  # what reports call it
    game: Game
    probability: NDArray[np.float64]  # (entries,), read-only


def in_rows_of(game: Game, strategy: ListedStrategy) -> ListedStrategy | None:
    """Return a strategy of the same game with rows as ``game`` has them, by names of infosets.

    So what merges suits meets what does not. None where names or actions differ.
    """
    said = {label.name: label for label in strategy.game.infosets()}
    probability = np.zeros(game.table_entries)
    for label in game.infosets():
        other = said.get(label.name)
        if other is None or (other.player, other.actions) != (label.player, label.actions):
            return None
        count = len(label.actions)
        row = strategy.probability[other.row : other.row + count]
        probability[label.row : label.row + count] = row
    probability.setflags(write=False)
    return ListedStrategy(strategy.name, game, probability)
