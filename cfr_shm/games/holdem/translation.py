"""Bet sizes that the tree does not have, mapped to those that it has.

The pseudo-harmonic mapping: with sizes as fractions of the pot, ``A`` the next smaller one in
the tree, ``B`` the next larger one and ``x`` the size played, ``x`` stands for ``A`` with
probability

    f(x) = (B - x) (1 + A) / ((B - A) (1 + x))

and for ``B`` otherwise. It is the only mapping that is consistent with calling a bet of ``x``
with probability 1 / (1 + x). A check or call is the size 0.

Source: Ganzfried & Sandholm 2013, "Action translation in extensive-form games with large action
spaces: axioms, paradoxes, and the pseudo-harmonic mapping", section 6.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from cfr_shm.errors import GameError


class Translation(NamedTuple):
    """What a size was mapped to, and what it might have been.

    Where the size lies outside all sizes of the tree, both neighbours are the nearest one.
    """

    size: float  # pot fraction that was played
    smaller: int  # index of the next smaller size
    larger: int  # index of the next larger size
    smaller_size: float  # pot fraction
    larger_size: float  # pot fraction
    smaller_probability: float  # that the size stands for the smaller one
    chosen: int  # ``smaller`` or ``larger``

    @property
    def larger_probability(self) -> float:
        """Return the probability that the size stands for the larger one."""
        return 1.0 - self.smaller_probability

    @property
    def chosen_probability(self) -> float:
        """Return the probability of what was chosen, 1 where there is but one neighbour."""
        if self.smaller == self.larger:
            return 1.0
        chosen_smaller = self.chosen == self.smaller
        return self.smaller_probability if chosen_smaller else self.larger_probability


def smaller_probability(smaller: float, larger: float, size: float) -> float:
    """Return f(x): the probability that ``size`` stands for ``smaller``.

    Args:
        smaller: A, pot fraction, at least 0.
        larger: B, pot fraction, above ``smaller``.
        size: x, pot fraction, from ``smaller`` to ``larger``.

    Raises:
        GameError: the sizes are not in this order.
    """
    if not 0.0 <= smaller <= size <= larger or smaller == larger:
        raise GameError(f"sizes {smaller}, {size}, {larger} of the pot are not in ascending order")
    return (larger - size) * (1.0 + smaller) / ((larger - smaller) * (1.0 + size))


def translate(sizes: Sequence[float], size: float, draw: float | None = None) -> Translation:
    """Map ``size`` to one of ``sizes``.

    Args:
        sizes: pot fractions in the tree, strictly ascending, at least one.
        size: pot fraction that was played.
        draw: a uniform number below 1 that decides by the probabilities; None: the likelier
            neighbour, the larger one where both are as likely.

    Raises:
        GameError: there is no size to map to, or the sizes do not ascend.

    Example:
        >>> found = translate([0.0, 1.0], 0.25)
        >>> found.chosen, round(found.smaller_probability, 3)
        (0, 0.6)
    """
    if not sizes or any(low >= high for low, high in itertools.pairwise(sizes)):
        raise GameError(f"cannot map {size} of the pot to the sizes {list(sizes)}")
    above = bisect.bisect_left(sizes, size)
    larger = min(above, len(sizes) - 1)
    if sizes[larger] == size or above in (0, len(sizes)):
        nearest = sizes[larger]
        return Translation(size, larger, larger, nearest, nearest, 1.0, larger)
    smaller = larger - 1
    probability = smaller_probability(sizes[smaller], sizes[larger], size)
    takes_smaller = probability > 0.5 if draw is None else draw < probability
    chosen = smaller if takes_smaller else larger
    return Translation(size, smaller, larger, sizes[smaller], sizes[larger], probability, chosen)
