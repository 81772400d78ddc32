"""Random strategies, ours and as OpenSpiel's policies."""

from __future__ import annotations

import numpy as np
import pyspiel
from production import table_with

from cfr_shm.games.game import Game
from cfr_shm.strategy.average import Strategy


def uniform_strategy(game: Game) -> Strategy:
    sums = np.zeros(game.table_entries)
    return Strategy.from_table(game, table_with(game, sums))


def random_strategy(game: Game, seed: int) -> Strategy:
    """A strategy without zeros and ones; infosets that share a row play the same."""
    rng = np.random.default_rng(seed)
    sums = np.zeros(game.table_entries)
    for row, count in {label.row: len(label.actions) for label in game.infosets()}.items():
        sums[row : row + count] = rng.exponential(size=count)
    return Strategy.from_table(game, table_with(game, sums))


def openspiel_policy(game: Game, strategy: Strategy) -> pyspiel.TabularPolicy:
    """The same strategy under the names and actions of the game's labels."""
    return pyspiel.TabularPolicy(
        {
            label.name: list(
                zip(label.actions, strategy.probability[label.row :].tolist(), strict=False)
            )
            for label in game.infosets()
        }
    )
