"""Draw what chance deals before a traversal: buckets and strengths, keyed by iteration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.holdem.card_deal import deal_cards
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.rng import DEAL_STREAM, sweep_key, uniform
from cfr_shm.layout.deals import DEALS_HOLDEM, DEALS_TABLE, Deals
from cfr_shm.layout.scratch import Scratch


@device
def draw_listed_deal(deals, seed, iteration):
    """Return the index of the deal of iteration ``iteration``, for listed deals."""
    key = sweep_key(seed, iteration, DEAL_STREAM)
    deal = int(uniform(key, 0) * deals.probability.shape[0])
    if uniform(key, 1) >= deals.alias_threshold[at(deal)]:
        deal = deals.alias_other[at(deal)]
    return deal


@device
def draw_deal(deals, seed, iteration, lane, scratch):
    """Deal iteration ``iteration`` into one lane.

    Args:
        deals: layout.Deals, read-only.
        seed: the run's seed.
        iteration: 0-based.
        lane: index into ``lane_bucket`` and ``lane_strength`` of ``scratch``.
        scratch: layout.Scratch, written to.

    Listed deals take draws 0 and 1: ``deal = floor(u0 * deals)``, replaced by
    ``alias_other[deal]`` when ``u1 >= alias_threshold[deal]``. Uniform buckets take draw
    ``player * streets + street``. Cards take what kernels/holdem/card_deal.py says. Source of the
    alias method: Walker 1977; Vose 1991.
    """
    lane_bucket, lane_strength = scratch.lane_bucket, scratch.lane_strength
    player_count = lane_bucket.shape[1]
    street_count = lane_bucket.shape[2]
    if deals.kind == DEALS_TABLE:
        deal = draw_listed_deal(deals, seed, iteration)
        for player in range(player_count):
            for street in range(street_count):
                lane_bucket[at(lane), at(player), at(street)] = deals.bucket[
                    at(deal), at(player), at(street)
                ]
            lane_strength[at(lane), at(player)] = deals.strength[at(deal), at(player)]
    elif deals.kind == DEALS_HOLDEM:
        deal_cards(deals.cards, seed, iteration, lane, scratch)
    else:
        key = sweep_key(seed, iteration, DEAL_STREAM)
        for player in range(player_count):
            bucket = 0
            for street in range(street_count):
                draw = uniform(key, player * street_count + street)
                bucket = int(draw * deals.bucket_count[at(player), at(street)])
                lane_bucket[at(lane), at(player), at(street)] = bucket
            lane_strength[at(lane), at(player)] = bucket


@kernel
def deal_many(
    deals: Deals,
    seed: int,
    first: int,
    scratch: Scratch,
    bucket: NDArray[np.int32],
    strength: NDArray[np.int32],
) -> None:
    """Write the deals of consecutive iterations, for whoever wants them without a traversal.

    Args:
        deals: layout.Deals, read-only.
        seed: the run's seed.
        first: the first iteration.
        scratch: layout.Scratch of at least one lane.
        bucket: (deals, players, streets) int32, out.
        strength: (deals, players) int32, out.
    """
    for deal in range(bucket.shape[0]):
        draw_deal(deals, seed, first + deal, 0, scratch)
        for player in range(bucket.shape[1]):
            for street in range(bucket.shape[2]):
                bucket[at(deal), at(player), at(street)] = scratch.lane_bucket[
                    0, at(player), at(street)
                ]
            strength[at(deal), at(player)] = scratch.lane_strength[0, at(player)]
