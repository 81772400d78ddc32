"""Deal models: what chance deals before a traversal, as the arrays that kernels read."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cfr_shm.errors import GameError
from cfr_shm.layout.cards import CARD_ARRAYS, CardDeals
from cfr_shm.layout.deals import DEALS_TABLE, DEALS_UNIFORM, Deals

#: A table of more deals would take more memory than the small games it is meant for.
MAX_DEALS = 1_000_000


def table_deals(probability: ArrayLike, bucket: ArrayLike, strength: ArrayLike) -> Deals:
    """List every deal, merge those that no player can tell apart, and build the alias table.

    Deals are alike when all their buckets and strengths are; the merged list keeps the order
    of first appearance.

    Args:
        probability: (deals,), positive; scaled to sum to 1.
        bucket: (deals, players, streets), each at least 0.
        strength: (deals, players); higher wins.

    Raises:
        GameError: the shapes do not fit each other, or a number is out of its range.
    """
    probabilities = np.asarray(probability, dtype=np.float64)
    buckets = np.asarray(bucket, dtype=np.int32)
    strengths = np.asarray(strength, dtype=np.int32)
    _check(probabilities, buckets, strengths)
    deal_count = len(buckets)
    key = np.concatenate([buckets.reshape(deal_count, -1), strengths], axis=1)
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    merged = np.bincount(group.ravel(), weights=probabilities)
    order = np.argsort(first, kind="stable")
    chosen = first[order]
    final = merged[order] / merged.sum()
    threshold, other = alias_table(final)
    return frozen(
        Deals(
            kind=DEALS_TABLE,
            probability=final,
            alias_threshold=threshold,
            alias_other=other,
            bucket=np.ascontiguousarray(buckets[chosen]),
            strength=np.ascontiguousarray(strengths[chosen]),
            bucket_count=buckets.max(axis=0).astype(np.int64) + 1,
            cards=no_cards(),
        )
    )


def uniform_deals(bucket_count: ArrayLike) -> Deals:
    """Draw every bucket uniformly, whatever the others are; nothing can be enumerated.

    Args:
        bucket_count: (players, streets), each at least 1.

    Raises:
        GameError: a count is below 1 or above 2**31 - 1.
    """
    counts = np.array(bucket_count, dtype=np.int64)
    if counts.ndim != 2 or counts.size == 0:
        raise GameError(f"bucket_count has shape {counts.shape}; expected (players, streets)")
    if counts.min() < 1 or counts.max() > np.iinfo(np.int32).max:
        raise GameError(f"bucket_count {counts.tolist()} is outside [1, 2147483647]")
    return frozen(
        Deals(
            kind=DEALS_UNIFORM,
            probability=np.ones(1),
            alias_threshold=np.ones(1),
            alias_other=np.zeros(1, dtype=np.int32),
            bucket=np.zeros((1, *counts.shape), dtype=np.int32),
            strength=np.zeros((1, counts.shape[0]), dtype=np.int32),
            bucket_count=counts,
            cards=no_cards(),
        )
    )


def no_deals(player_count: int) -> Deals:
    """Deal nothing: one deal, bucket 0 for everybody, for trees with explicit chance nodes."""
    return table_deals(
        np.ones(1),
        np.zeros((1, player_count, 1), dtype=np.int32),
        np.zeros((1, player_count), dtype=np.int32),
    )


def no_cards() -> CardDeals:
    """Return the cards of games that deal none: arrays of one element."""
    return CardDeals(*(np.zeros((1,) * rank, dtype) for dtype, rank in CARD_ARRAYS.values()))


def alias_table(
    probability: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return (threshold, other): cell ``i`` is kept when a uniform draw is below its threshold.

    Args:
        probability: (deals,), sums to 1.

    Source: Vose 1991, "A linear algorithm for generating random numbers with a given
    distribution".
    """
    count = probability.shape[0]
    threshold = np.ones(count)
    other = np.arange(count, dtype=np.int32)
    share = (probability * count).tolist()
    small = [i for i in range(count - 1, -1, -1) if share[i] < 1.0]
    large = [i for i in range(count - 1, -1, -1) if share[i] >= 1.0]
    while small and large:
        low, high = small.pop(), large[-1]
        threshold[low] = share[low]
        other[low] = high
        share[high] -= 1.0 - share[low]
        if share[high] < 1.0:
            small.append(large.pop())
    return threshold, other


def _check(
    probability: NDArray[np.float64], bucket: NDArray[np.int32], strength: NDArray[np.int32]
) -> None:
    deal_count = probability.size
    if not 1 <= deal_count <= MAX_DEALS:
        raise GameError(f"{deal_count} deals; a deal table holds 1 to {MAX_DEALS}")
    if probability.ndim != 1 or bucket.ndim != 3 or strength.shape != bucket.shape[:2]:
        raise GameError(
            f"deal arrays of shapes {probability.shape}, {bucket.shape}, {strength.shape}; "
            "expected (deals,), (deals, players, streets), (deals, players)"
        )
    if bucket.shape[0] != deal_count:
        raise GameError(f"{bucket.shape[0]} rows of buckets for {deal_count} deals")
    if not np.all(np.isfinite(probability)) or probability.min() <= 0.0:
        raise GameError("every deal needs a finite probability above 0; leave the others out")
    if bucket.min() < 0:
        raise GameError(f"bucket {bucket.min()} is negative; buckets count from 0")


def frozen(deals: Deals) -> Deals:
    """Return ``deals`` with all arrays made read-only."""
    for array in (*deals[1:-1], *deals.cards):
        array.setflags(write=False)
    return deals
