"""Buckets of the hands that a fixed board and the ranges leave, where all deals are listed.

A hand's equity is what it wins of a pot on average over its deals, weighted as the ranges weigh
them; hands that several seats can hold are averaged over all of them. On the last street, and by
method ``percentile`` on all, hands share buckets by their equity; on streets before, by how the
equities of the last street are distributed that they lead to (earth mover's distance).
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


def street_buckets(spec: BucketSpec, streets: Sequence[int]) -> list[StreetBuckets]:
    """Return what a specification says of a game's streets, 0 preflop to 3 river."""
    return [StreetBuckets(spec.methods[street], spec.counts[street]) for street in streets]


def share_buckets(drawn: Drawn, wanted: Sequence[StreetBuckets]) -> tuple[_Ints, ...]:
    """Return, for each street, (hands,) the bucket of each number of ``drawn.bucket``."""
    last = len(wanted) - 1
    share = _shares(drawn.strength)
    river, _ = _equities(drawn, share, last)
    return tuple(
        _street(drawn, street, each, share, river if street < last else None)
        for street, each in enumerate(wanted)
    )


def _street(
    drawn: Drawn, street: int, wanted: StreetBuckets, share: _Reals, river: _Reals | None
) -> _Ints:
    hands = len(drawn.hands[street])
    if wanted.method == LOSSLESS or hands <= wanted.most:
        return np.arange(hands)
    equity, weight = _equities(drawn, share, street)
    if wanted.method == PERCENTILE:
        label = _by_percentile(equity, weight, wanted.most)
    elif river is None:
        label = _by_equity(equity, weight, wanted.most)
    else:
        label = _by_distribution(drawn, street, river, weight, wanted.most)
    _, dense = np.unique(label, return_inverse=True)
    return dense.reshape(-1).astype(np.int64)


def _shares(strength: _Ints) -> _Reals:
    """Return (deals, players) what each hand wins of one pot."""
    won = strength == strength.max(axis=1, keepdims=True)
    shares: _Reals = won / won.sum(axis=1, keepdims=True)
    return shares


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


def _by_distribution(drawn: Drawn, street: int, river: _Reals, weight: _Reals, count: int) -> _Ints:
    last, hands = drawn.bucket.shape[2] - 1, len(drawn.hands[street])
    column = np.minimum((river * _BINS).astype(np.int64), _BINS - 1)
    place = drawn.bucket[:, :, street] * _BINS + column[drawn.bucket[:, :, last]]
    each = np.repeat(drawn.weight, drawn.bucket.shape[1])
    histogram = np.bincount(place.ravel(), each, hands * _BINS).reshape(hands, _BINS)
    points = np.rint(np.cumsum(histogram, axis=1) / weight[:, None] * _TOTAL).astype(np.uint16)
    points[:, -1] = _TOTAL
    return k_medians(points, _whole(weight).astype(np.int32), count).label.astype(np.int64)


def _whole(weight: _Reals) -> _Ints:
    whole: _Ints = np.rint(weight / weight.sum() * _WEIGHT_TOTAL).astype(np.int64)
    return np.maximum(whole, 1)
