"""Means with intervals: Student's for a number of samples fixed beforehand, or valid at any time.

The unit of a sample is a *cluster*: a board or a deal with all its seatings. Its parts share
their luck, so that only clusters are independent.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: The confidence of all intervals.
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A mean and what is known of it; equal bounds where it is exact."""

    value: float
    low: float
    high: float
    n: int  # clusters; 0: nothing was sampled

    def scaled(self, factor: float) -> Estimate:
        """Return the same in another unit; ``factor`` is above 0."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor, self.n)


def exactly(value: float) -> Estimate:
    """Return a value that nothing was sampled for."""
    return Estimate(value, value, value, 0)


def mean_interval(samples: NDArray[np.float64], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of independent samples with Student's interval.

    The number of samples must have been fixed before they were looked at. One sample says
    nothing of its spread: its interval is everything.

    >>> found = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]))
    >>> found.value, round(found.high - found.value, 4)
    (2.5, 2.0543)
    """
    count = len(samples)
    value = float(np.mean(samples))
    if count < 2:
        return Estimate(value, -math.inf, math.inf, count)
    error = float(np.std(samples, ddof=1)) / math.sqrt(count)
    half = student_quantile(0.5 + confidence / 2.0, count - 1) * error
    return Estimate(value, value - half, value + half, count)


def any_time_half_width(
    count: int, deviation: float, confidence: float = CONFIDENCE, ratio: float = 0.05
) -> float:
    """Return the half-width of an interval that may be looked at after every sample.

    Holds for all counts together with ``confidence``, so that stopping when it is narrow enough
    is allowed; Student's interval watched that way misses far more often than it says.

    Args:
        count: samples so far, at least 1.
        deviation: their standard deviation.
        confidence: of the whole sequence.
        ratio: where the sequence is tightest: around ``1 / ratio**2`` samples.

    Source: Robbins' normal mixture, as in Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2021,
    "Time-uniform central limit theory and asymptotic confidence sequences", theorem 2.2.
    """
    spread = count * ratio * ratio + 1.0
    inside = 2.0 * spread / (count * count * ratio * ratio)
    return deviation * math.sqrt(inside * math.log(math.sqrt(spread) / (1.0 - confidence)))


@cache
def student_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution; ``probability`` is at least a half.

    >>> round(student_quantile(0.975, 10), 6), round(student_quantile(0.975, 10**6), 6)
    (2.228139, 1.959966)
    """
    low, high = 0.0, 1.0
    while _student_below(high, freedom) < probability:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _student_below(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _student_below(value: float, freedom: int) -> float:
    """Return the probability that Student's t is below ``value``, 0 or more."""
    place = freedom / (freedom + value * value)
    return 1.0 - 0.5 * _beta_share(place, 0.5 * freedom, 0.5)


def _beta_share(place: float, first: float, second: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction."""
    if place <= 0.0 or place >= 1.0:
        return 0.0 if place <= 0.0 else 1.0
    if place > (first + 1.0) / (first + second + 2.0):
        return 1.0 - _beta_share(1.0 - place, second, first)
    front = math.lgamma(first + second) - math.lgamma(first) - math.lgamma(second)
    front += first * math.log(place) + second * math.log1p(-place)
    return math.exp(front) / first * _beta_fraction(place, first, second)


def _beta_fraction(place: float, first: float, second: float) -> float:
    """Return the continued fraction of the incomplete beta function (Lentz's method)."""
    tiny = 1e-300
    numerator, denominator = 1.0, 1.0 - (first + second) * place / (first + 1.0)
    denominator = 1.0 / (denominator if abs(denominator) > tiny else tiny)
    found = denominator
    for step in range(1, 10_000):
        double = 2 * step
        for term in (
            step * (second - step) * place / ((first + double - 1.0) * (first + double)),
            -(first + step)
            * (first + second + step)
            * place
            / ((first + double) * (first + double + 1.0)),
        ):
            denominator = 1.0 + term * denominator
            denominator = 1.0 / (denominator if abs(denominator) > tiny else tiny)
            numerator = 1.0 + term / numerator
            numerator = numerator if abs(numerator) > tiny else tiny
            found *= numerator * denominator
        if abs(numerator * denominator - 1.0) < 1e-15:
            break
    return found
