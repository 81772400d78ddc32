"""Discounts of sampled algorithms, pooling and restarts: between iterations, nobody writing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cfr_shm.kernels.tables.discount import discount_table
from cfr_shm.kernels.tables.pooling import pool_regrets
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.memory.tables import TrainingViews, table_written


class Part(NamedTuple):
    """A training between two restarts, counted in intervals between discounts."""

    first: int  # intervals before it
    length: int

    def weight_of_older(self, done: int, gamma: float) -> float:
        """Return the factor of older parts' strategy sums when ``done`` intervals are over.

        It is 1 when this part is over too: until then what is older weighs as much more as this
        part's own last iteration, which always weighs 1, will have lost by then.
        """
        ahead: float = ((self.length + 1) / (done - self.first + 1)) ** gamma
        return ahead


@dataclass(frozen=True)
class Restarts:
    """When regrets begin anew while the average goes on.

    A run is cut into parts that learn for themselves, so that its average is the sum of what
    several runs of other seeds would play (docs/adr/0042-restarts.md). Parts depend on the
    iterations alone.

    >>> restarts = Restarts(length=50)
    >>> [tuple(restarts.part_with(interval)) for interval in (0, 49, 50, 120)]
    [(0, 50), (0, 50), (50, 50), (100, 50)]
    """

    length: int  # of every part, in intervals between discounts

    def part_with(self, interval: int) -> Part:
        """Return the part that an interval, counted from 0, belongs to."""
        return Part(interval // self.length * self.length, self.length)


@dataclass(frozen=True)
class Pooling:
    """How often regrets are averaged over neighbouring buckets, and of which streets.

    Whenever the iterations have grown by a share of 1 / ``rate`` one pass more is due; so the
    passes grow with the logarithm of the iterations, and what is learnt late stays finer than
    what was learnt early. They depend on the iterations alone.

    >>> pooling = Pooling(rate=4.0, apart=(-2, -1))
    >>> [pooling.passes_after(number) for number in range(1, 9)]
    [2, 2, 1, 1, 1, 0, 1, 0]
    """

    rate: float
    apart: tuple[int, ...]  # by street: the bucket that has no neighbours, as ``pool_regrets`` says

    def passes_after(self, number: int) -> int:
        """Return the passes that are due after so many intervals."""
        return math.floor(self.rate * math.log(number + 1)) - math.floor(
            self.rate * math.log(number)
        )


@dataclass(frozen=True)
class DiscountPlan:
    """When a table is discounted, and by how much; counted in iterations, never in time.

    After the k-th interval positive regrets are multiplied by ``k**alpha / (k**alpha + 1)``,
    negative ones by ``k**beta / (k**beta + 1)``, strategy sums by ``(k / (k + 1))**gamma``. Then
    regrets are pooled, if they are; with ``restarts`` k counts the intervals of a part, and at
    the end of one all regrets are 0.

    >>> plan = DiscountPlan(
    ...     interval=1000, until=2500, alpha=1.5, beta=0.0, gamma=2.0, pooling=None, restarts=None
    ... )
    >>> plan.next_after(0), plan.next_after(1000), plan.next_after(2000)
    (1000, 2000, None)
    """

    interval: int
    until: int | None
    alpha: float
    beta: float
    gamma: float
    pooling: Pooling | None
    restarts: Restarts | None

    def next_after(self, completed: int) -> int | None:
        """Return after how many iterations the next discount is due, None for never.

        A discount that is due at ``completed`` itself has been applied.
        """
        due = (completed // self.interval + 1) * self.interval
        return due if self.until is None or due <= self.until else None

    def factors(self, completed: int) -> tuple[float, float, float]:
        """Return the factors of positive regrets, negative regrets and strategy sums."""
        number = self._number(completed)
        average = (number / (number + 1.0)) ** self.gamma
        done = completed // self.interval
        if self.restarts is not None:
            begun = self.restarts.part_with(done)
            if begun.first == done:
                return 0.0, 0.0, average * begun.weight_of_older(done, self.gamma)
        return _share(number, self.alpha), _share(number, self.beta), average

    def mean_weight(self, completed: int) -> float:
        """Return about what an iteration weighs in the strategy sums, in the mean of all."""
        mean = 1.0 / (self.gamma + 1.0)
        if self.restarts is None:
            return mean
        done = completed // self.interval
        part = self.restarts.part_with(done)
        older, own = part.first * part.weight_of_older(done, self.gamma), done - part.first
        return mean * (older + own) / done if done else mean

    def _number(self, completed: int) -> float:
        """Return the number of the interval that is over, counted from 1 in its part."""
        done = completed // self.interval
        return float(done - (self.restarts.part_with(done - 1).first if self.restarts else 0))

    def apply(self, views: TrainingViews, completed: int) -> float:
        """Discount the table after ``completed`` iterations; return the strategy sums' factor."""
        bucket_count = views.deals.bucket_count
        first_use = np.zeros(len(views.tree.nodes), np.uint8)
        first_use[row_sets(views.tree, bucket_count).node] = 1
        factors = self.factors(completed)
        discount_table(views.tree, bucket_count, first_use, views.table, *factors)
        passes = self.pooling.passes_after(int(self._number(completed))) if self.pooling else 0
        if self.pooling and passes:
            apart = np.array(self.pooling.apart, np.int64)
            work = np.empty((2, int(bucket_count.max()) + 2))
            pool_regrets(views.tree, bucket_count, first_use, views.table, apart, passes, work)
        table_written(views)
        return factors[2]


def _share(number: float, exponent: float) -> float:
    power = number**exponent if exponent * math.log2(number) < 1000 else math.inf
    return power / (power + 1.0) if power < math.inf else 1.0
