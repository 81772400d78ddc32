"""What regrets keep and what an iteration weighs, by algorithm, iteration by iteration.

The average is kept normalised: an iteration moves it by its *share*, so that sums that are
discounted by ``g`` and then get 1 become ``share = 1 / (g * sum + 1)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cfr_shm.errors import UsageError

#: Regrets' alpha of discounted CFR (Brown & Sandholm 2019), and of its predictive form (Xu et
#: al. 2024).
DCFR_ALPHA = 1.5
PDCFR_ALPHA = 2.3
#: What negative regrets keep (beta = 0).
NEGATIVE = 0.5


class IterationWeights(NamedTuple):
    """The weights of one iteration."""

    positive: float  # what positive regrets keep
    negative: float  # what negative regrets keep
    share: float  # of this iteration in the average
    predict: float  # what regrets keep where the next ones are predicted to be these; 0: not


class SpotAlgorithm(NamedTuple):
    """An algorithm by name, and the power by which later iterations weigh more."""

    name: str
    gamma: float

    @property
    def predicts(self) -> bool:
        """Whether strategies are made of predicted regrets, which take a table of their own."""
        return self.name in ("pcfr_plus", "pdcfr_plus")

    def weights(self) -> Iterator[IterationWeights]:
        """Yield the weights of iterations 1, 2, 3, ..."""
        total, past = 0.0, 0
        while True:
            since = past - _last_reset(past) if self.name == "dcfr_resets" else past
            kept = float((since / (since + 1.0)) ** self.gamma)
            total = kept * total + 1.0
            yield IterationWeights(*self._kept(past), 1.0 / total, self._prediction(past))
            past += 1

    def _kept(self, past: int) -> tuple[float, float]:
        """Return what positive and negative regrets keep after ``past`` iterations."""
        if self.name in ("cfr_plus", "pcfr_plus"):
            return 1.0, 0.0
        if self.name == "pdcfr_plus":
            return _discount(past, PDCFR_ALPHA), 0.0
        return _discount(past, DCFR_ALPHA), NEGATIVE

    def _prediction(self, past: int) -> float:
        if self.name == "pcfr_plus":
            return 1.0
        return _discount(past + 1, PDCFR_ALPHA) if self.name == "pdcfr_plus" else 0.0


#: The default power of each.
GAMMAS = {
    "dcfr": 5.0,
    "dcfr_resets": 3.0,
    "cfr_plus": 2.0,
    "pcfr_plus": 2.0,
    "pdcfr_plus": 5.0,
}


def spot_algorithm(name: str, gamma: float | None = None) -> SpotAlgorithm:
    """Return an algorithm with its own power, or with ``gamma``.

    Raises:
        UsageError: there is none of this name; the message lists them.
    """
    if name not in GAMMAS:
        raise UsageError(
            f"unknown algorithm {name!r} for a spot: expected one of {', '.join(GAMMAS)}"
        )
    return SpotAlgorithm(name, GAMMAS[name] if gamma is None else gamma)


def _discount(past: int, alpha: float) -> float:
    power = float(past) ** alpha
    return float(power / (power + 1.0))


def _last_reset(past: int) -> int:
    """Return the largest power of 4 that is not above ``past``; 0 before the first."""
    reset = 0
    power = 1
    while power <= past:
        reset, power = power, 4 * power
    return reset
