"""External-sampling MCCFR by plain recursion over dicts. Source: Lanctot et al. 2009.

One deal per iteration, shared by the sweeps of all players, who are traversed in order; where
``deals_apart``, one for each sweep: player p's is that of iteration i + 2**56 p. The
average is taken at the nodes of the other players in the traverser's sweep.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
from draws import Draws
from poker_rules import Deal, Line, Rules


@dataclass
class Solver:
    rules: Rules
    draws: Draws
    linear: bool
    deals_apart: bool = False
    regret: dict[Hashable, list[np.float32]] = field(default_factory=dict)
    strategy_sum: dict[Hashable, list[float]] = field(default_factory=dict)
    utility_sums: list[float] = field(default_factory=list)

    def run(self, iterations: int) -> Solver:
        deals = list(self.rules.deals())
        self.utility_sums = [0.0] * self.rules.players
        for iteration in range(iterations):
            deal = deals[self.draws.deal(iteration)]
            for traverser in range(self.rules.players):
                if self.deals_apart:
                    deal = deals[self.draws.deal(iteration + 2**56 * traverser)]
                first = self.rules.first_line
                self.utility_sums[traverser] += self._sweep(iteration, traverser, deal, first)
        return self

    def _sweep(self, iteration: int, traverser: int, deal: Deal, line: Line) -> float:
        spot = self.rules.spot(line)
        if spot.over:
            return self.rules.utility(deal, line, traverser)
        weight = float(iteration + 1) if self.linear else 1.0
        infoset = self.rules.infoset(deal, spot.actor, line)
        zeros = [0.0] * len(spot.actions)
        regret = self.regret.setdefault(infoset, [np.float32(0.0)] * len(spot.actions))
        strategy_sum = self.strategy_sum.setdefault(infoset, zeros)
        policy = regret_matching(regret)
        after = [self.rules.after(line, action) for action in spot.actions]
        if spot.actor != traverser:
            for action, probability in enumerate(policy):
                strategy_sum[action] += weight * probability
            chosen = self.draws.action(iteration, traverser, line, policy)
            return self._sweep(iteration, traverser, deal, after[chosen])
        values = [self._sweep(iteration, traverser, deal, child) for child in after]
        value = sum(p * v for p, v in zip(policy, values, strict=True))
        for action in range(len(values)):
            regret[action] += np.float32(weight * (values[action] - value))
        return value

    def average(self) -> dict[Hashable, list[float]]:
        """The average strategy of the infosets that were visited."""
        return {
            infoset: [part / sum(sums) for part in sums]
            for infoset, sums in self.strategy_sum.items()
            if sum(sums) > 0.0
        }


def regret_matching(regret: list[np.float32]) -> list[float]:
    positive = [max(float(each), 0.0) for each in regret]
    total = sum(positive)
    if total == 0.0:
        return [1.0 / len(regret)] * len(regret)
    scale = 1.0 / total
    return [each * scale for each in positive]
