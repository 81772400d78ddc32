"""Buckets of the hands that a fixed board and the ranges leave.

A hand's equity is what it wins of a pot on average over its deals, weighted as the ranges weigh
them; hands that several seats can hold are averaged over all of them. On the last street, and by
method ``percentile`` on all, hands share buckets by their equity; on streets before, by how the
equities of the last street are distributed that they lead to (earth mover's distance).

Where all deals are listed equities are of these deals (here); where they are too many to list, of
all boards that may come (games/holdem/board_equities.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.abstraction import LOSSLESS, PERCENTILE, BucketSpec
from cfr_shm.cards.clustering import k_medians, line_clusters
from cfr_shm.games.holdem.small_deck import Drawn

_Ints = NDArray[np.int64]
_Reals = NDArray[np.float64]

#: Values of an equity that are told apart on the last street.
_GRID = 1000
#: Columns of a histogram of equities, and the total of each.
_BINS, _TOTAL = 64, 60_000
#: Whole numbers stand for weights; the lightest hand has at least 1.
_WEIGHT_TOTAL = 1 << 28


class StreetBuckets(NamedTuple):
    """How hands share buckets on one street."""

    method: str
    most: int  # buckets


class StreetHands(NamedTuple):
    """What is known of a street's hands; weights are positive."""

    equity: _Reals  # (hands,)
    weight: _Reals  # (hands,) how often it comes up, in no unit
    histogram: _Reals | None  # (hands, bins) weight by equity on the last street; None on that


def street_buckets(spec: BucketSpec, streets: Sequence[int]) -> list[StreetBuckets]:
    """Return what a specification says of a game's streets, 0 preflop to 3 river."""
    return [StreetBuckets(spec.methods[street], spec.counts[street]) for street in streets]


def share_buckets(drawn: Drawn, wanted: Sequence[StreetBuckets]) -> tuple[_Ints, ...]:
    """Return, for each street, (hands,) the bucket of each number of ``drawn.bucket``."""
    last = len(wanted) - 1
    share = _shares(drawn.strength)
    river, _ = _equities(drawn, share, last)
    return tuple(
        shared_buckets(_listed_hands(drawn, street, share, river if street < last else None), each)
        for street, each in enumerate(wanted)
    )


def shared_buckets(hands: StreetHands, wanted: StreetBuckets) -> _Ints:
    """Return (hands,) the bucket of each hand, numbered without a gap."""
    if wanted.method == LOSSLESS or len(hands.equity) <= wanted.most:
        return np.arange(len(hands.equity))
    if wanted.method == PERCENTILE:
        label = _by_percentile(hands.equity, hands.weight, wanted.most)
    elif hands.histogram is None:
        label = _by_equity(hands.equity, hands.weight, wanted.most)
    else:
        label = _by_distribution(hands.histogram, hands.weight, wanted.most)
    _, dense = np.unique(label, return_inverse=True)
    return dense.reshape(-1).astype(np.int64)


def equity_histograms(hand: _Ints, equity: _Reals, weight: _Reals, count: int) -> _Reals:
    """Return (hands, bins) the weight of each hand by the equity that it leads to.

    Args:
        hand: (ways,) below ``count``.
        equity: (ways,) of the last street.
        weight: (ways,).
        count: hands.
    """
    place = hand * _BINS + np.minimum((equity * _BINS).astype(np.int64), _BINS - 1)
    found = np.bincount(place, weight, count * _BINS)
    return np.asarray(found, np.float64).reshape(count, _BINS)


def _shares(strength: _Ints) -> _Reals:
    """Return (deals, players) what each hand wins of one pot."""
    won = strength == strength.max(axis=1, keepdims=True)
    shares: _Reals = won / won.sum(axis=1, keepdims=True)
    return shares


def _listed_hands(drawn: Drawn, street: int, share: _Reals, river: _Reals | None) -> StreetHands:
    equity, weight = _equities(drawn, share, street)
    if river is None:
        return StreetHands(equity, weight, None)
    last = drawn.bucket.shape[2] - 1
    each = np.repeat(drawn.weight, drawn.bucket.shape[1])
    hand, on_river = drawn.bucket[:, :, street].ravel(), drawn.bucket[:, :, last].ravel()
    histogram = equity_histograms(hand, river[on_river], each, len(equity))
    return StreetHands(equity, weight, histogram)


def _equities(drawn: Drawn, share: _Reals, street: int) -> tuple[_Reals, _Reals]:
    """Return (hands,) equities and weights of a street's hands."""
    hands, number = len(drawn.hands[street]), drawn.bucket[:, :, street].ravel()
    each = np.repeat(drawn.weight, share.shape[1])
    weight = np.bincount(number, each, hands)
    won = np.bincount(number, each * share.ravel(), hands)
    return won / weight, np.asarray(weight, np.float64)


def _by_percentile(equity: _Reals, weight: _Reals, count: int) -> _Ints:
    """Return buckets of about equal weight, hands of one equity together."""
    values, place = np.unique(equity, return_inverse=True)
    total = np.bincount(place.reshape(-1), weight, len(values))
    middle = (np.cumsum(total) - total / 2.0) / total.sum()
    bucket: _Ints = np.minimum((middle * count).astype(np.int64), count - 1)
    return bucket[place.reshape(-1)]


def _by_equity(equity: _Reals, weight: _Reals, count: int) -> _Ints:
    value = np.rint(equity * (_GRID - 1)).astype(np.int64)
    grid = np.zeros(_GRID, np.int64)
    np.add.at(grid, value, _whole(weight))
    label, _ = line_clusters(grid, count)
    return label[value].astype(np.int64)


def _by_distribution(histogram: _Reals, weight: _Reals, count: int) -> _Ints:
    points = np.rint(np.cumsum(histogram, axis=1) / weight[:, None] * _TOTAL).astype(np.uint16)
    points[:, -1] = _TOTAL
    return k_medians(points, _whole(weight).astype(np.int32), count).label.astype(np.int64)


def _whole(weight: _Reals) -> _Ints:
    whole: _Ints = np.rint(weight / weight.sum() * _WEIGHT_TOTAL).astype(np.int64)
    return np.maximum(whole, 1)
