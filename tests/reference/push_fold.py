"""Heads-up push or fold as a matrix game, solved full width: what training is compared with.

The small blind pushes its stack or folds, the big blind calls or folds; hands matter by their
169 classes, cards are dealt from one deck. Utilities are in big blinds, for the small blind.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import preflop_equities
from numpy.typing import NDArray

SMALL_BLIND, BIG_BLIND = 0.5, 1.0


class PushFold(NamedTuple):
    """The game at one stack: probability and utilities of each pair of classes."""

    probability: NDArray[np.float64]  # (169, 169), sums to 1
    called: NDArray[np.float64]  # (169, 169), the small blind's net when pushed and called


def push_fold(stack: float) -> PushFold:
    """Return the game of two stacks of ``stack`` big blinds."""
    pairs, margin = preflop_equities.load()
    return PushFold(pairs / pairs.sum(), stack * margin)


def values_of_pushing(game: PushFold, call: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, by class, what pushing gains over folding, times the probability of the class."""
    utility = call * game.called + (1.0 - call) * BIG_BLIND
    return (game.probability * (utility + SMALL_BLIND)).sum(axis=1)


def values_of_calling(game: PushFold, push: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, by class, what calling gains over folding, times the probability of the class."""
    gain = BIG_BLIND - game.called
    return (game.probability * push[:, None] * gain).sum(axis=0)


def value(game: PushFold, push: NDArray[np.float64], call: NDArray[np.float64]) -> float:
    """Return what the small blind wins on average."""
    return float(push @ values_of_pushing(game, call)) - SMALL_BLIND


def exploitability(game: PushFold, push: NDArray[np.float64], call: NDArray[np.float64]) -> float:
    """Return NashConv / 2 in big blinds: what best responses win, on average of both seats."""
    pushing, calling = values_of_pushing(game, call), values_of_calling(game, push)
    gains = np.maximum(pushing, 0.0).sum() - push @ pushing
    gains += np.maximum(calling, 0.0).sum() - call @ calling
    return float(gains) / 2.0


def solve(
    game: PushFold, iterations: int = 2000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (push, call) probabilities by class, by CFR+ with linear averages.

    Source: Tammelin 2014, "Solving large imperfect information games using CFR+".
    """
    regret = np.zeros((2, 2, 169))  # seat, (fold, go), class
    average = np.zeros((2, 169))
    for iteration in range(1, iterations + 1):
        for seat, values in enumerate((values_of_pushing, values_of_calling)):
            policy = _policy(regret)
            go = values(game, policy[1 - seat])
            mean = policy[seat] * go
            regret[seat, 0] = np.maximum(regret[seat, 0] - mean, 0.0)
            regret[seat, 1] = np.maximum(regret[seat, 1] + go - mean, 0.0)
        average += iteration * _policy(regret)
    average /= iterations * (iterations + 1) / 2
    return average[0], average[1]


def _policy(regret: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability to push or call, by seat and class; a half where nothing is known."""
    total = regret.sum(axis=1)
    return np.where(total > 0.0, regret[:, 1] / np.where(total > 0.0, total, 1.0), 0.5)
