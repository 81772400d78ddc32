"""What regrets keep and what an iteration weighs, by algorithm, iteration by iteration.

The average is kept normalised: an iteration moves it by its *share*, so that sums that are
discounted by ``g`` and then get 1 become ``share = 1 / (g * sum + 1)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cfr_shm.errors import UsageError


class Alpha(NamedTuple):
    """How slowly positive regrets are forgotten: t^alpha / (t^alpha + 1) of them are kept.

    The power goes from ``first`` to ``last`` in so many ``iterations``, in even steps, and stays.
    """

    first: float
    last: float
    iterations: int

    def after(self, past: int) -> float:
        """Return the power after ``past`` iterations.

        >>> Alpha(1.25, 1.75, 100).after(50), Alpha(1.25, 1.75, 100).after(300)
        (1.5, 1.75)
        """
        if past >= self.iterations:
            return self.last
        return self.first + (self.last - self.first) * past / self.iterations


_CONSTANT, _RISING = Alpha(1.5, 1.5, 0), Alpha(1.3, 1.7, 150)
_PREDICTING = Alpha(2.3, 2.3, 0)

#: Each algorithm's own, by the street on which the spot begins. DCFR's authors take 1.5 (Brown &
#: Sandholm 2019); to forget more at first and less later takes turns and rivers fewer iterations,
#: and flops more (docs/adr/0029). That of the last is Xu et al.'s (2024).
ALPHAS = {
    "dcfr": (_CONSTANT, _RISING, _RISING),
    "dcfr_resets": (_CONSTANT,) * 3,
    "pdcfr_plus": (_PREDICTING,) * 3,
}

#: What negative regrets keep (beta = 0).
NEGATIVE = 0.5


class IterationWeights(NamedTuple):
    """The weights of one iteration."""

    positive: float  # what positive regrets keep
    negative: float  # what negative regrets keep
    share: float  # of this iteration in the average; 0: it is left as it is
    predict: float  # what regrets keep where the next ones are predicted to be these; 0: not


class SpotAlgorithm(NamedTuple):
    """An algorithm by name, with its parameters."""

    name: str
    gamma: float  # power by which later iterations weigh more
    alpha: Alpha | None  # None where it has none
    every: int = 1  # the first iteration is in the average, and then each such

    @property
    def predicts(self) -> bool:
        """Whether strategies are made of predicted regrets, which take a table of their own."""
        return self.name in ("pcfr_plus", "pdcfr_plus")

    def weights(self) -> Iterator[IterationWeights]:
        """Yield the weights of iterations 1, 2, 3, ..."""
        total, past = 0.0, 0
        while True:
            since = past - _last_reset(past) if self.name == "dcfr_resets" else past
            total *= float((since / (since + 1.0)) ** self.gamma)
            share = 0.0
            if past == 0 or (past + 1) % self.every == 0:
                total += 1.0
                share = 1.0 / total
            yield IterationWeights(*self._kept(past), share, self._prediction(past))
            past += 1

    def _kept(self, past: int) -> tuple[float, float]:
        """Return what positive and negative regrets keep after ``past`` iterations."""
        if self.alpha is None:
            return 1.0, 0.0
        negative = 0.0 if self.name == "pdcfr_plus" else NEGATIVE
        return _discount(past, self.alpha), negative

    def _prediction(self, past: int) -> float:
        """Return what regrets keep where the next ones are predicted to be these."""
        if not self.predicts:
            return 0.0
        return 1.0 if self.alpha is None else _discount(past + 1, self.alpha)


#: Which iterations are in the average: every second costs no iterations, and saves a tenth of each
#: (docs/adr/0029).
EVERY = {"dcfr": 2}

#: The default power of each.
GAMMAS = {
    "dcfr": 5.0,
    "dcfr_resets": 3.0,
    "cfr_plus": 2.0,
    "pcfr_plus": 2.0,
    "pdcfr_plus": 5.0,
}


def spot_algorithm(
    name: str,
    gamma: float | None = None,
    alpha: Alpha | None = None,
    first_street: int = 0,
    every: int | None = None,
) -> SpotAlgorithm:
    """Return an algorithm with its own parameters, or with those that are given.

    Args:
        name: a key of ``GAMMAS``.
        gamma: in place of its own.
        alpha: in place of its own.
        first_street: on which the spot begins, 0 flop to 2 river; a subgame of a blueprint, whose
            other player may take something else instead, is solved as a flop is.
        every: in place of its own.

    Raises:
        UsageError: there is none of this name, and the message lists them; or it has no alpha.
    """
    if name not in GAMMAS:
        raise UsageError(
            f"unknown algorithm {name!r} for a spot: expected one of {', '.join(GAMMAS)}"
        )
    if alpha is not None and name not in ALPHAS:
        raise UsageError(f"{name} has no alpha: leave it out, or take {', '.join(ALPHAS)}")
    if alpha is None and name in ALPHAS:
        alpha = ALPHAS[name][first_street]
    power = GAMMAS[name] if gamma is None else gamma
    return SpotAlgorithm(name, power, alpha, EVERY.get(name, 1) if every is None else every)


def _discount(past: int, alpha: Alpha) -> float:
    power = float(past) ** alpha.after(past)
    return float(power / (power + 1.0))


def _last_reset(past: int) -> int:
    """Return the largest power of 4 that is not above ``past``; 0 before the first."""
    reset = 0
    power = 1
    while power <= past:
        reset, power = power, 4 * power
    return reset
