"""Exact evaluation: values, best responses, NashConv and exploitability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cfr_shm.games.game import Game
from cfr_shm.kernels.tables.best_response import (
    NOBODY,
    best_response,
    profile_values,
    reach_probability,
)
from cfr_shm.strategy.average import Strategy

METHOD = "exact best response"


@dataclass(frozen=True)
class Evaluation:
    """What a strategy profile is worth, in ``unit``; one entry per player in each tuple."""

    values: tuple[float, ...]  # expected utilities under the profile
    best_response_values: tuple[float, ...]  # of each player, the others unchanged
    gains: tuple[float, ...]  # best response value minus value, at least 0
    nash_conv: float  # sum of the gains
    exploitability: float  # NashConv / players in constant-sum games, else NashConv
    unit: str
    method: str


def evaluate(game: Game, strategy: Strategy) -> Evaluation:
    """Evaluate a profile exactly.

    Raises:
        GameError: the game's deals cannot be enumerated, or not in reasonable memory
            (``Game.why_not_enumerable`` tells beforehand).
    """
    game.require_enumerable("exact evaluation")
    tree, deals, players = game.tree, game.deals, game.player_count
    pair = np.empty((len(tree.nodes), len(deals.probability)))
    moves = np.empty(len(tree.nodes), dtype=np.int32)
    entry = np.empty(game.table_entries)
    values = np.empty(players)
    reach_probability(tree, deals, strategy.probability, NOBODY, pair)
    profile_values(tree, deals, pair, values)
    best = np.array(
        [
            best_response(tree, deals, strategy.probability, player, moves, pair, entry)
            for player in range(players)
        ]
    )
    gains = best - values
    nash_conv = float(gains.sum())
    return Evaluation(
        values=tuple(values.tolist()),
        best_response_values=tuple(best.tolist()),
        gains=tuple(gains.tolist()),
        nash_conv=nash_conv,
        exploitability=nash_conv / players if game.constant_sum else nash_conv,
        unit=game.unit,
        method=METHOD,
    )
