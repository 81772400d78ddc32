"""All-in equity of every hand against a weighted range, on a board that may lack cards.

It is the value of a spot in which nobody may bet, where a win pays 1 and a tie a half: every
run-out, exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.parts.barrier import meeting_of
from cfr_shm.kernels.spots.sweep import run_sweeps
from cfr_shm.layout.control import control_words
from cfr_shm.layout.showdown import Amounts
from cfr_shm.layout.spots import (
    PLAN_MODE,
    PLAN_PLAYER,
    PLAN_SCALE,
    PLAN_WORDS,
    VALUE,
)
from cfr_shm.spots.arena_tables import private_gathered, private_tables
from cfr_shm.spots.boards import SpotHands
from cfr_shm.spots.spot_game import SpotGame, spot_of_trees
from cfr_shm.spots.street_trees import Menu, TreeRules, build_trees

TURN_CARDS = 4

_Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


class _WonPots:
    """One for a win, a half for a tie."""

    uneven = True

    def shown(self, put: float) -> tuple[Amounts, Amounts]:  # noqa: ARG002 - the same for all
        return Amounts(1.0, 0.5, 0.0), Amounts(1.0, 0.5, 0.0)

    def folded(self, put: tuple[float, float], folder: int) -> tuple[float, float]:  # noqa: ARG002
        return (0.0, 1.0) if folder == 0 else (1.0, 0.0)


class Equities(NamedTuple):
    """Of each player's hands.

    Attributes:
        equity: from 0 to 1; NaN for a hand that meets none of the other player's.
        met: the other player's weight that the hand can meet.
    """

    equity: tuple[NDArray[np.float64], NDArray[np.float64]]
    met: tuple[NDArray[np.float64], NDArray[np.float64]]

    def mean(self, weights: tuple[NDArray[np.float64], NDArray[np.float64]]) -> list[float]:
        """Return both players' equity, hands weighted by how often they come to be played."""
        found = []
        for p in range(2):
            often = weights[p] * self.met[p]
            total = float(often.sum())
            known = np.nan_to_num(self.equity[p])
            found.append(float(often @ known) / total if total > 0.0 else float("nan"))
        return found


def equities(
    hands: SpotHands,
    reach: _Pair,
    *,
    compact: bool = False,
) -> Equities:
    """Return the equities of all hands.

    Args:
        hands: whose board and hands they are.
        reach: each player's weight of each of his hands; zeros are allowed.
        compact: which kernel is used, for who has one of them ready; the figures are the same.
    """
    won = _won_over_turns(hands, reach, compact)
    compatible = hands.met()
    met = (compatible @ reach[1], compatible.T @ reach[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [
            np.where(met[p] > 1e-12, np.clip(won[p] / met[p], 0.0, 1.0), np.nan) for p in range(2)
        ]
    return Equities((shares[0], shares[1]), met)


def _won_over_turns(hands: SpotHands, reach: _Pair, compact: bool) -> _Pair:
    """Return what all hands win, a turn at a time: all rivers at once would take much memory."""
    if len(hands.board) >= TURN_CARDS:
        return _won(_checked_down(hands), reach, compact)
    won = np.zeros(len(reach[0])), np.zeros(len(reach[1]))
    # Cards that neither player's hand nor the board has.
    left = len(hands.dealt) - len(hands.board) - 4
    for card in sorted(set(hands.dealt) - set(hands.board)):
        rows = [(side != card).all(axis=1) for side in hands.holes]
        one, two = (side[kept] for side, kept in zip(hands.holes, rows, strict=True))
        below = replace(
            hands,
            board=(*hands.board, card),
            holes=(one, two),
            weights=(np.ones(len(one)), np.ones(len(two))),
        )
        if below.mass() <= 0.0:
            continue
        parts = _won(_checked_down(below), (reach[0][rows[0]], reach[1][rows[1]]), compact)
        for p in range(2):
            won[p][rows[p]] += parts[p] / left
    return won


def _checked_down(hands: SpotHands) -> SpotGame:
    """Return the spot in which both players only check."""
    nothing = Menu((), ())
    rules = TreeRules(len(hands.board) - 3, 1.0, 1.0, ((nothing, nothing),) * 3)
    ones = [np.ones(len(side)) for side in hands.holes]
    whole = replace(hands, weights=(ones[0], ones[1]))
    # Boards are not merged: the reach is any.
    return spot_of_trees(whole, build_trees(rules), rules, _WonPots(), isomorphic=False)


def _won(game: SpotGame, reach: _Pair, compact: bool) -> _Pair:
    """Return what each hand wins of the other player's reach that it can meet."""
    rows = np.zeros((2, game.hands.stride), np.float32)
    plan = np.zeros((2, PLAN_WORDS))
    for p in range(2):
        rows[p, : len(reach[p])] = reach[p]
        plan[p, [PLAN_PLAYER, PLAN_MODE, PLAN_SCALE]] = (p, VALUE, 1.0)
    shared = private_gathered(game)
    # The nodes have one action each: any strategy is the same.
    tables = private_tables(game, compact=compact)
    result = np.zeros((2, game.hands.stride), np.float32)
    spot = game.arrays._replace(reach=rows)
    control = np.zeros(control_words(1), np.int64)
    run_sweeps(spot, tables, shared, game.space(), control, meeting_of(0, 1, 1), plan, result)
    one, two = (result[p, : len(reach[p])].astype(np.float64) for p in range(2))
    return one, two
