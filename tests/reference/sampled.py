"""The other sampling schemes by plain recursion over dicts, on the package's random numbers.

Every class is the least change of ``mccfr.Solver`` that its paper asks for: outcome sampling
(Lanctot et al. 2009), chance sampling (Zinkevich et al. 2007), public-chance sampling (Johanson
et al. 2012), external sampling with averages in passes of their own and with skipped actions
(Brown & Sandholm 2019, Pluribus).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from draws import first_above, sweep_key, uniform
from mccfr import Solver, regret_matching
from poker_rules import Deal, Line

AVERAGE_STREAM = 64
AVERAGE_DRAW_STREAM = 192
LEAVING = 4.0
PRUNE_STREAM = 128


class Tables(Solver):
    """What all schemes need of a row."""

    def row(self, deal: Deal, line: Line) -> tuple[list, list, list[float]]:
        spot = self.rules.spot(line)
        infoset = self.rules.infoset(deal, spot.actor, line)
        count = len(spot.actions)
        regret = self.regret.setdefault(infoset, [np.float32(0.0)] * count)
        sums = self.strategy_sum.setdefault(infoset, [0.0] * count)
        return regret, sums, regret_matching(regret)

    def weight(self, iteration: int) -> float:
        return float(iteration + 1) if self.linear else 1.0

    def after(self, line: Line) -> list[Line]:
        return [self.rules.after(line, action) for action in self.rules.spot(line).actions]


def add_regret(regret: list, action: int, gain: float, floor: float = -np.inf) -> None:
    regret[action] = max(regret[action] + np.float32(gain), np.float32(floor))


@dataclass
class OutcomeSolver(Tables):
    epsilon: float = 0.6

    def _sweep(self, iteration: int, traverser: int, deal: Deal, line: Line) -> float:
        ones = [1.0] * self.rules.players
        return self._play(iteration, traverser, deal, line, ones, list(ones))

    def _play(self, iteration, traverser, deal, line, reach, drawn) -> float:
        """Return the value below, divided by how likely its draws were."""
        spot = self.rules.spot(line)
        if spot.over:
            return self.rules.utility(deal, line, traverser)
        weight = self.weight(iteration)
        regret, sums, policy = self.row(deal, line)
        chances = policy
        if spot.actor == traverser:
            even = self.epsilon / len(policy)
            chances = [even + (1 - self.epsilon) * p for p in policy]
        chosen = self.draws.action(iteration, traverser, line, chances)
        if spot.actor != traverser:
            share = weight * reach[spot.actor] / np.prod(drawn)
            for action, probability in enumerate(policy):
                sums[action] += share * probability
        reach, drawn_below = list(reach), list(drawn)
        reach[spot.actor] *= policy[chosen]
        drawn_below[spot.actor] *= chances[chosen]
        after = self.rules.after(line, spot.actions[chosen])
        below = self._play(iteration, traverser, deal, after, reach, drawn_below)
        if spot.actor != traverser:
            return below
        values = [0.0] * len(policy)
        values[chosen] = below / chances[chosen]
        value = policy[chosen] * values[chosen]
        for action in range(len(policy)):
            add_regret(regret, action, weight * (values[action] - value) / drawn[traverser])
        return value


@dataclass
class ChanceSolver(Tables):
    def _sweep(self, iteration, traverser, deal, line, own=1.0, others=1.0) -> float:
        spot = self.rules.spot(line)
        if spot.over:
            return self.rules.utility(deal, line, traverser)
        weight = self.weight(iteration)
        regret, sums, policy = self.row(deal, line)
        values = []
        for probability, after in zip(policy, self.after(line), strict=True):
            own_below, others_below = own, others * probability
            if spot.actor == traverser:
                own_below, others_below = own * probability, others
            values.append(self._sweep(iteration, traverser, deal, after, own_below, others_below))
        value = sum(p * v for p, v in zip(policy, values, strict=True))
        if spot.actor == traverser:
            for action, probability in enumerate(policy):
                sums[action] += weight * own * probability
                add_regret(regret, action, weight * others * (values[action] - value))
        return value


@dataclass
class PublicChanceSolver(Tables):
    """The board is drawn; ``deals`` with that board share it, with their own probabilities."""

    def run(self, iterations: int) -> PublicChanceSolver:
        deals = list(self.rules.deals())
        self.utility_sums = [0.0] * self.rules.players
        for iteration in range(iterations):
            drawn = deals[self.draws.deal(iteration)]
            for traverser in range(self.rules.players):
                self._values: dict[Hashable, list[float]] = {}
                self._reach: dict[Hashable, float] = defaultdict(float)
                self._weights: dict[Hashable, tuple[float, float]] = {}
                self.utility_sums[traverser] += self._walk(traverser, drawn)
                self._take_in(self.weight(iteration))
        return self

    def _walk(self, traverser: int, drawn: Deal) -> float:
        """Sum over deals: all of them while no board is out, those with the board after."""
        board = sum(float(p) for d, p in self.rules.deals().items() if d[-1] == drawn[-1])
        total = 0.0
        for deal, probability in self.rules.deals().items():
            ones = [1.0] * self.rules.players
            total += self._below(
                traverser, deal, self.rules.first_line, float(probability), ones, drawn, board
            )
        return total

    def _below(self, traverser, deal, line, chance, reach, drawn, board) -> float:
        """Return this deal's part of the value of ``line``, others' reach and chance included."""
        spot = self.rules.spot(line)
        if spot.street == 1:
            if deal[-1] != drawn[-1]:
                return 0.0
            if chance == float(self.rules.deals()[deal]):
                chance /= board
        if spot.over:
            others = np.prod([r for p, r in enumerate(reach) if p != traverser])
            return chance * others * self.rules.utility(deal, line, traverser)
        infoset = self.rules.infoset(deal, spot.actor, line)
        _, _, policy = self.row(deal, line)
        values = []
        for probability, after in zip(policy, self.after(line), strict=True):
            below = list(reach)
            below[spot.actor] *= probability
            values.append(self._below(traverser, deal, after, chance, below, drawn, board))
        if spot.actor != traverser:
            return sum(values)
        found = self._values.setdefault(infoset, [0.0] * len(policy))
        for action, value in enumerate(values):
            found[action] += value
        self._weights[infoset] = (reach[traverser], 0.0)
        self._reach[infoset] += chance
        return sum(p * v for p, v in zip(policy, values, strict=True))

    def _take_in(self, weight: float) -> None:
        for infoset, values in self._values.items():
            regret, sums = self.regret[infoset], self.strategy_sum[infoset]
            policy = regret_matching(regret)
            value = sum(p * v for p, v in zip(policy, values, strict=True))
            own = self._weights[infoset][0]
            for action, probability in enumerate(policy):
                sums[action] += weight * self._reach[infoset] * own * probability
                add_regret(regret, action, weight * (values[action] - value))


@dataclass
class SeparateSolver(Tables):
    """External sampling; after some iterations, drawn, one averaging pass for each player.

    A pass explores all actions of the others, or follows one of each (``sampled``): of those
    after which the player may act again, the first ``LEAVING`` times as often as each other
    one if nobody's turn comes again who takes it.
    """

    seed: int = 0
    node: dict | None = None
    average_probability: float = 1.0
    sampled: bool = False
    averaged: int = 0

    def acts(self, player: int, line: Line) -> bool:
        """Tell whether it may be a player's turn at a line or after it."""
        spot = self.rules.spot(line)
        if spot.over:
            return False
        return spot.actor == player or any(self.acts(player, each) for each in self.after(line))

    def _shares(self, player: int, line: Line) -> list[float]:
        after = self.after(line)
        shares = [1.0 if self.acts(player, each) else 0.0 for each in after]
        if not self.acts(self.rules.spot(line).actor, after[0]):
            shares[0] *= LEAVING
        return shares

    def run(self, iterations: int) -> SeparateSolver:
        deals = list(self.rules.deals())
        self.utility_sums = [0.0] * self.rules.players
        first = self.rules.first_line
        for iteration in range(iterations):
            deal = deals[self.draws.deal(iteration)]
            for traverser in range(self.rules.players):
                self.utility_sums[traverser] += self._sweep(iteration, traverser, deal, first)
            key = sweep_key(self.seed, iteration, AVERAGE_DRAW_STREAM)
            if uniform(key, 0) >= self.average_probability:
                continue
            self.averaged += 1
            for player in range(self.rules.players):
                self._pass(iteration, player, deal, first)
        return self

    def _sweep(self, iteration: int, traverser: int, deal: Deal, line: Line) -> float:
        spot = self.rules.spot(line)
        if spot.over:
            return self.rules.utility(deal, line, traverser)
        regret, _, policy = self.row(deal, line)
        after = self.after(line)
        if spot.actor != traverser:
            chosen = self.draws.action(iteration, traverser, line, policy)
            return self._sweep(iteration, traverser, deal, after[chosen])
        values = [self._sweep(iteration, traverser, deal, child) for child in after]
        value = sum(p * v for p, v in zip(policy, values, strict=True))
        for action in range(len(values)):
            add_regret(regret, action, self.weight(iteration) * (values[action] - value))
        return value

    def _pass(self, iteration: int, player: int, deal: Deal, line: Line) -> None:
        spot = self.rules.spot(line)
        if spot.over:
            return
        after = self.after(line)
        key = sweep_key(self.seed, iteration, AVERAGE_STREAM + player)
        if spot.actor != player and self.sampled:
            shares = self._shares(player, line)
            if any(shares):
                draw = uniform(key, self.node[line]) * sum(shares)
                self._pass(iteration, player, deal, after[first_above(shares, draw)])
            return
        if spot.actor != player:
            for child in after:
                self._pass(iteration, player, deal, child)
            return
        _, sums, policy = self.row(deal, line)
        for action, probability in enumerate(policy):
            sums[action] += self.weight(iteration) * probability
        chosen = first_above(policy, uniform(key, self.node[line]))
        self._pass(iteration, player, deal, after[chosen])


@dataclass
class PruningSolver(Tables):
    """External sampling that skips actions of very negative regret, by Pluribus's rules."""

    seed: int = 0
    threshold: float = -np.inf
    probability: float = 0.95
    after_iterations: int = 0
    floor: float = -np.inf
    skipped: int = 0

    def _sweep(self, iteration: int, traverser: int, deal: Deal, line: Line) -> float:
        spot = self.rules.spot(line)
        if spot.over:
            return self.rules.utility(deal, line, traverser)
        weight = self.weight(iteration)
        regret, sums, policy = self.row(deal, line)
        after = self.after(line)
        if spot.actor != traverser:
            for action, probability in enumerate(policy):
                sums[action] += weight * probability
            chosen = self.draws.action(iteration, traverser, line, policy)
            return self._sweep(iteration, traverser, deal, after[chosen])
        unit = uniform(sweep_key(self.seed, iteration, PRUNE_STREAM), 0)
        may = iteration >= self.after_iterations and unit < self.probability
        may = may and spot.street < len(self.rules.raise_sizes) - 1
        explored = [
            not may or regret[action] >= self.threshold or self.rules.spot(child).over
            for action, child in enumerate(after)
        ]
        self.skipped += explored.count(False)
        values = [
            self._sweep(iteration, traverser, deal, child) if explore else None
            for explore, child in zip(explored, after, strict=True)
        ]
        value = sum(p * v for p, v in zip(policy, values, strict=True) if v is not None)
        for action, found in enumerate(values):
            if found is not None:
                add_regret(regret, action, weight * (found - value), self.floor)
        return value
