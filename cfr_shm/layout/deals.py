"""The memory format of what chance deals before a traversal."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.cards import CardDeals

DEALS_TABLE = 0
DEALS_UNIFORM = 1
DEALS_HOLDEM = 2


class Deals(NamedTuple):
    """What chance deals before a traversal: a bucket per player and street, a final strength.

    ``kind`` DEALS_TABLE: every deal is listed and drawn by its probability (alias method).
    ``kind`` DEALS_UNIFORM: buckets are drawn uniformly below ``bucket_count``, strengths are
    the last street's bucket; there is nothing to enumerate and the table arrays have one row.
    ``kind`` DEALS_HOLDEM: cards are drawn, buckets and strengths follow from them by ``cards``.
    """

    kind: int
    probability: NDArray[np.float64]  # (deals,), sums to 1
    alias_threshold: NDArray[np.float64]  # (deals,), in [0, 1]
    alias_other: NDArray[np.int32]  # (deals,)
    bucket: NDArray[np.int32]  # (deals, players, streets)
    strength: NDArray[np.int32]  # (deals, players), higher wins; in a matchup they are added
    bucket_count: NDArray[np.int64]  # (players, streets)
    cards: CardDeals  # DEALS_HOLDEM only
