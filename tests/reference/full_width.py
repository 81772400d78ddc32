"""Full-width CFR by plain recursion over dicts, one deal at a time, alternating updates.

Every variant is written out as its paper or its authors' code has it, with averages and regrets
discounted instead of weighted, so that it shares no formula with the package.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from poker_rules import Deal, Line, Rules

VARIANTS = ("cfr", "cfr_plus", "lcfr", "dcfr", "dcfr_plus", "pcfr_plus", "pdcfr_plus")

#: How the average forgets: it is multiplied by (t / (t + 1)) ** gamma after iteration t.
GAMMA = {
    "cfr": 0,
    "cfr_plus": 1,
    "lcfr": 1,
    "dcfr": 2,
    "dcfr_plus": 4,
    "pcfr_plus": 2,
    "pdcfr_plus": 5,
}

#: Whose regrets do not fall below 0, and who expects this iteration's regrets to come again.
FLOORED = ("cfr_plus", "dcfr_plus", "pcfr_plus", "pdcfr_plus")
PREDICTIVE = ("pcfr_plus", "pdcfr_plus")


@dataclass
class FullWidth:
    rules: Rules
    variant: str
    regret: dict[Hashable, list[float]] = field(default_factory=dict)
    policy: dict[Hashable, list[float]] = field(default_factory=dict)
    average: dict[Hashable, list[float]] = field(default_factory=dict)
    done: int = 0

    def run(self, iterations: int) -> FullWidth:
        for _ in range(iterations):
            self.done += 1
            for player in range(self.rules.players):
                self._update(player)
        return self

    def strategy(self) -> dict[Hashable, list[float]]:
        return {
            infoset: [each / sum(sums) for each in sums]
            for infoset, sums in self.average.items()
            if sum(sums) > 0
        }

    def _update(self, player: int) -> None:
        self._instant: dict[Hashable, list[float]] = {}
        self._own_reach: dict[Hashable, float] = defaultdict(float)
        for deal, probability in self.rules.deals().items():
            reach = [1.0] * self.rules.players
            self._value(player, deal, self.rules.first_line, float(probability), reach)
        t = self.done
        for infoset, instant in self._instant.items():
            policy, own = self.policy[infoset], self._own_reach[infoset]
            average = self.average.setdefault(infoset, [0.0] * len(policy))
            forget = ((t - 1) / t) ** GAMMA[self.variant]
            for action in range(len(policy)):
                average[action] = average[action] * forget + own * policy[action]
            old = self.regret.setdefault(infoset, [0.0] * len(policy))
            self.regret[infoset] = updated(self.variant, old, instant, t)
            believed = predicted(self.variant, self.regret[infoset], instant, t)
            self.policy[infoset] = matched(believed)

    def _value(
        self, player: int, deal: Deal, line: Line, chance: float, reach: list[float]
    ) -> float:
        spot = self.rules.spot(line)
        if spot.over:
            return self.rules.utility(deal, line, player)
        infoset = self.rules.infoset(deal, spot.actor, line)
        count = len(spot.actions)
        policy = self.policy.setdefault(infoset, [1.0 / count] * count)
        values = []
        for index, action in enumerate(spot.actions):
            below = list(reach)
            below[spot.actor] *= policy[index]
            after = self.rules.after(line, action)
            values.append(self._value(player, deal, after, chance, below))
        value = sum(p * v for p, v in zip(policy, values, strict=True))
        if spot.actor == player:
            others = chance
            for other, part in enumerate(reach):
                others *= 1.0 if other == player else part
            instant = self._instant.setdefault(infoset, [0.0] * count)
            for index in range(count):
                instant[index] += others * (values[index] - value)
            self._own_reach[infoset] += reach[player]
        return value


def kept(variant: str, t: int) -> tuple[float, float]:
    """Return the shares of positive and of negative regrets that outlive iteration ``t``."""
    before = t - 1
    if variant == "lcfr":
        return before / t, before / t
    if variant == "dcfr":
        return before**1.5 / (before**1.5 + 1), 0.5
    if variant == "dcfr_plus":
        return before**1.5 / (before**1.5 + 1.5), 1.0
    if variant == "pdcfr_plus":
        return before**2.3 / (before**2.3 + 1), 1.0
    return 1.0, 1.0


def updated(variant: str, old: list[float], instant: list[float], t: int) -> list[float]:
    positive, negative = kept(variant, t)
    new = [r * (positive if r > 0 else negative) + i for r, i in zip(old, instant, strict=True)]
    return [max(each, 0.0) for each in new] if variant in FLOORED else new


def predicted(variant: str, regret: list[float], instant: list[float], t: int) -> list[float]:
    if variant not in PREDICTIVE:
        return regret
    positive, _ = kept(variant, t + 1)
    return [r * positive + i for r, i in zip(regret, instant, strict=True)]


def matched(regret: list[float]) -> list[float]:
    positive = [max(each, 0.0) for each in regret]
    total = sum(positive)
    return [each / total for each in positive] if total else [1.0 / len(regret)] * len(regret)
