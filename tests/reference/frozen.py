"""Deterministic mode by plain recursion over dicts, equal to the bit.

Policies are those of the last border. What an iteration brings is rounded to whole numbers of
units and summed in Python's integers, which have no size; at the border each sum, times the
weight of the freeze, is added in float64. Every other operation is that of ``docs/deterministic``
in the same order, so that even the last bit is to agree.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from draws import DEAL_STREAM, sweep_key, uniform
from poker_rules import Deal, Line, Rules


@dataclass
class FrozenSolver:
    """External sampling; ``deals`` are the alias table, ``node`` the public node of a line."""

    rules: Rules
    seed: int
    threshold: list[float]
    other: list[int]
    node: dict[Line, int]
    linear: bool
    freeze: int
    per_weight: float
    per_chip: float
    per_utility: float
    floor: float = -np.inf
    regret: dict[Hashable, list[np.float32]] = field(default_factory=dict)
    strategy_sum: dict[Hashable, list[float]] = field(default_factory=dict)
    utility_units: list[int] = field(default_factory=list)
    clamped: int = 0

    def run(self, iterations: int) -> FrozenSolver:
        deals = list(self.rules.deals())
        self.utility_units = [0] * self.rules.players
        for first in range(0, iterations, self.freeze):
            last = min(first + self.freeze, iterations)
            self._gains: dict[Hashable, list[int]] = {}
            self._shares: dict[Hashable, list[int]] = {}
            for iteration in range(first, last):
                deal = deals[self._draw_deal(iteration)]
                for traverser in range(self.rules.players):
                    key = sweep_key(self.seed, iteration, traverser)
                    value = self._sweep(key, traverser, deal, self.rules.first_line)
                    self.utility_units[traverser] += round(value * self.per_utility)
            self._border((first + 1 + last) / 2 if self.linear else 1.0)
        return self

    def _draw_deal(self, iteration: int) -> int:
        key = sweep_key(self.seed, iteration, DEAL_STREAM)
        deal = int(uniform(key, 0) * len(self.threshold))
        return deal if uniform(key, 1) < self.threshold[deal] else int(self.other[deal])

    def _policy(self, infoset: Hashable, count: int) -> tuple[list[float], float]:
        """Return regret matching's weights and their sum, not divided."""
        regret = self.regret.get(infoset, [np.float32(0.0)] * count)
        weights = [max(float(each), 0.0) for each in regret]
        total = 0.0
        for each in weights:
            total += each
        return (weights, total) if total > 0.0 else ([1.0] * count, float(count))

    def _sweep(self, key: int, traverser: int, deal: Deal, line: Line) -> float:
        spot = self.rules.spot(line)
        if spot.over:
            return float(self.rules.utility(deal, line, traverser))
        count = len(spot.actions)
        infoset = self.rules.infoset(deal, spot.actor, line)
        weights, total = self._policy(infoset, count)
        after = [self.rules.after(line, action) for action in spot.actions]
        if spot.actor != traverser:
            draw = uniform(key, self.node[line]) * total
            shares = self._shares.setdefault(infoset, [0] * count)
            cumulative, chosen = 0.0, 0
            for action, weight in enumerate(weights):
                shares[action] += round(1.0 / total * weight * self.per_weight)
                cumulative += weight
                chosen += cumulative <= draw
            return self._sweep(key, traverser, deal, after[min(chosen, count - 1)])
        values = [self._sweep(key, traverser, deal, child) for child in after]
        value, summed = 0.0, 0.0
        for weight, below in zip(weights, values, strict=True):
            summed += weight
            value += weight * below
        value /= summed
        gains = self._gains.setdefault(infoset, [0] * count)
        for action, below in enumerate(values):
            gains[action] += round((below - value) * self.per_chip)
        return value

    def _border(self, weight: float) -> None:
        for infoset, shares in self._shares.items():
            sums = self.strategy_sum.setdefault(infoset, [0.0] * len(shares))
            for action, units in enumerate(shares):
                sums[action] += float(units) * (weight / self.per_weight)
        for infoset, gains in self._gains.items():
            regret = self.regret.setdefault(infoset, [np.float32(0.0)] * len(gains))
            for action, units in enumerate(gains):
                exact = float(regret[action]) + float(units) * (weight / self.per_chip)
                self.clamped += exact < self.floor
                regret[action] = np.float32(max(exact, self.floor))
