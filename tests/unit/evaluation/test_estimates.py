"""Intervals: quantiles that are known, and how often they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cfr_shm.evaluation.estimates import any_time_half_width, mean_interval, student_quantile


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [
        (0.975, 1, 12.7062047364),
        (0.975, 2, 4.3026527299),
        (0.975, 9, 2.2621571628),
        (0.975, 30, 2.0422724563),
        (0.995, 5, 4.0321429836),
        (0.975, 999, 1.9623414611),
    ],
)
def test_quantiles_are_those_of_the_tables(probability, freedom, expected):
    assert student_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)


def test_one_sample_has_no_interval():
    found = mean_interval(np.array([3.0]))
    assert (found.value, found.low, found.high, found.n) == (3.0, -math.inf, math.inf, 1)


def test_intervals_hold_as_often_as_they_say():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(2000):
        found = mean_interval(rng.exponential(1.0, 50))
        held += found.low <= 1.0 <= found.high
    assert 0.91 < held / 2000 < 0.96


def test_a_watched_sequence_errs_no_more_than_it_says_and_a_watched_interval_does():
    rng = np.random.default_rng(6)
    missed_sequence = missed_interval = 0
    counts = np.arange(1, 2001)
    for _ in range(400):
        means = np.cumsum(rng.normal(size=2000)) / counts
        widths = np.array([any_time_half_width(int(n), 1.0) for n in counts[20:]])
        missed_sequence += bool((np.abs(means[20:]) > widths).any())
        missed_interval += bool((np.abs(means[20:]) > 1.96 / np.sqrt(counts[20:])).any())
    assert missed_sequence / 400 < 0.05
    assert missed_interval / 400 > 0.25
