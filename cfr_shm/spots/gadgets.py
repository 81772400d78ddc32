"""What the other seat may do instead of playing a subgame: choices in front of its root.

A seat that solves a subgame anew must not offer the other one more than it could get before. So
the other seat gets a choice of its own in front of the subgame (a *gadget*), and the two are
solved together. The other seat's hands come as chance dealt them: its own way here, which nobody
can vouch for, is left out, and its choice stands in its place.

- ``Leaving`` (Burch, Johanson & Bowling 2014, CFR-D): each hand plays on, or takes an
  *alternative value* that it could get without the new strategy.
- ``Choosing`` (Moravcik et al. 2016, maxmargin): the other seat chooses the hand for which playing
  on is best compared with its alternative; the worst margin is made as good as it can be.

Values are sums over the hands that can be met, times their weight, as sweeps return them.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.spots.iteration_weights import IterationWeights

Floats = NDArray[np.float64]

#: Weights below it count as none.
_TINY = 1e-12


class Alternatives(NamedTuple):
    """What each hand of the other seat gets without the new strategy.

    Attributes:
        weight: (hands,) as chance deals them.
        value: (hands,) that the hand can get anyway.
        met: (hands,) weight of the solving seat's hands that it can meet.
    """

    weight: Floats
    value: Floats
    met: Floats


class Gadget(Protocol):
    """A choice in front of a subgame, learnt by regrets as the subgame is."""

    def reach(self) -> Floats:
        """Return (hands,) with which reach the other seat's hands enter now."""
        ...

    def average_reach(self) -> Floats:
        """Return the same of the average strategy."""
        ...

    def learn(self, entering: Floats, weights: IterationWeights) -> None:
        """Learn from what each hand gets by entering."""
        ...

    def worth(self, entering: Floats) -> float:
        """Return what the average choice gets where entering gets each hand so much."""
        ...

    def best(self, entering: Floats) -> float:
        """Return what the best choice gets."""
        ...


class Leaving:
    """Each hand plays on, or takes its alternative value."""

    def __init__(self, offered: Alternatives) -> None:
        self._offered = offered
        self._regret = np.zeros((2, len(offered.value)))  # to enter, to leave
        self._average = np.full(len(offered.value), 0.5)

    def _enters(self) -> Floats:
        positive = np.maximum(self._regret, 0.0)
        total = positive.sum(axis=0)
        half = np.full_like(total, 0.5)
        enters: Floats = np.divide(positive[0], total, out=half, where=total > 0.0)
        return enters

    def reach(self) -> Floats:
        """Return with which reach hands enter now."""
        entering: Floats = self._offered.weight * self._enters()
        return entering

    def average_reach(self) -> Floats:
        """Return with which reach hands enter on average."""
        entering: Floats = self._offered.weight * self._average
        return entering

    def learn(self, entering: Floats, weights: IterationWeights) -> None:
        """Learn from what each hand gets by entering."""
        enters = self._enters()
        value = np.stack([entering, self._offered.value])
        gain = value - (enters * value[0] + (1.0 - enters) * value[1])
        kept = np.where(self._regret > 0.0, weights.positive, weights.negative)
        self._regret = self._regret * kept + gain
        self._average += (enters - self._average) * weights.share

    def worth(self, entering: Floats) -> float:
        """Return what the average choice gets."""
        entered = self.average_reach()
        left = (self._offered.weight - entered) @ self._offered.value
        return float(entered @ entering + left)

    def best(self, entering: Floats) -> float:
        """Return what the best choice gets."""
        return float(self._offered.weight @ np.maximum(entering, self._offered.value))


class Choosing:
    """One hand is chosen, and gets what playing on is worth more than its alternative."""

    def __init__(self, offered: Alternatives) -> None:
        possible = (offered.weight > _TINY) & (offered.met > _TINY)
        # A hand that is chosen meets the solving seat's hands in proportion to their weight.
        self._per_met = np.where(possible, 1.0 / np.where(possible, offered.met, 1.0), 0.0)
        self._alternative = offered.value * self._per_met
        self._possible = possible
        self._regret = np.zeros(len(possible))
        self._average = possible / max(int(possible.sum()), 1)

    def _chosen(self) -> Floats:
        positive = np.where(self._possible, np.maximum(self._regret, 0.0), 0.0)
        total = float(positive.sum())
        equal: Floats = self._possible / max(int(self._possible.sum()), 1)
        return positive / total if total > 0.0 else equal

    def _margins(self, entering: Floats) -> Floats:
        return entering * self._per_met - self._alternative

    def reach(self) -> Floats:
        """Return with which reach hands enter now."""
        return self._chosen() * self._per_met

    def average_reach(self) -> Floats:
        """Return with which reach hands enter on average."""
        return self._average * self._per_met

    def learn(self, entering: Floats, weights: IterationWeights) -> None:
        """Learn from what each hand gets by entering."""
        chosen, value = self._chosen(), self._margins(entering)
        gain = np.where(self._possible, value - float(chosen @ value), 0.0)
        kept = np.where(self._regret > 0.0, weights.positive, weights.negative)
        self._regret = self._regret * kept + gain
        self._average = self._average + (chosen - self._average) * weights.share

    def worth(self, entering: Floats) -> float:
        """Return what the average choice gets."""
        return float(self._average @ self._margins(entering))

    def best(self, entering: Floats) -> float:
        """Return what the best choice gets."""
        return float(self._margins(entering)[self._possible].max())


class Sweeper(Protocol):
    """A subgame that is swept for one seat after the other."""

    def train(self, player: int, weights: IterationWeights) -> Floats:
        """Sweep for a player, who learns; return his hands' values."""
        ...

    def values(self, player: int, *, best: bool) -> Floats:
        """Return the values of a player's hands: by the averages, or of his best response."""
        ...

    def set_reach(self, player: int, reach: Floats) -> None:
        """Let a player's hands enter the subgame with this reach from now on."""
        ...


def iterate(sweeper: Sweeper, gadget: Gadget, other: int, weights: IterationWeights) -> None:
    """Run one iteration: the other seat learns in the subgame and in front of it, then we do."""
    gadget.learn(sweeper.train(other, weights), weights)
    sweeper.set_reach(other, gadget.reach())
    sweeper.train(1 - other, weights)


def gadget_exploitability(
    sweeper: Sweeper, gadget: Gadget, other: int, own_weight: Floats
) -> float:
    """Return the mean gain of both best responses in the subgame with the gadget.

    The other seat is left with its average choice.

    Args:
        sweeper: the subgame.
        gadget: in front of it.
        other: the player whose choice it is.
        own_weight: (hands,) of the solving player.
    """
    gains = gadget.best(sweeper.values(other, best=True))
    gains -= gadget.worth(sweeper.values(other, best=False))
    sweeper.set_reach(other, gadget.average_reach())
    own = sweeper.values(1 - other, best=True) - sweeper.values(1 - other, best=False)
    sweeper.set_reach(other, gadget.reach())
    return (gains + float(own_weight @ own)) / 2.0
