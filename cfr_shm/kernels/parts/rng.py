"""Keyed random numbers: every draw is a pure function of the seed and of its place.

No generator has a state, so no draw depends on the worker, the order or the batch. The
place is (iteration, stream, index): deals use stream ``DEAL_STREAM`` and a slot as index,
actions and in-tree chance use the traverser as stream and the node as index.

``sweep_key`` hashes (seed, iteration, stream) to one 64-bit key; draw number ``index`` under
that key is the SplitMix64 output ``mix64(key + (index + 1) * GOLDEN)``. Source: Steele, Lea &
Flood 2014, "Fast splittable pseudorandom number generators", with variant 13 of Stafford's
mixers.

Test vectors (seed, iteration, stream, index) are in tests/kernels/parts/test_rng.py.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import device

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_STREAM = np.uint64(0xD1342543DE82EF95)
_TO_UNIT = 2.0**-53

#: The stream of deals; players are streams 0, 1, ...
DEAL_STREAM = 255


@device
def mix64(value):
    """Return the SplitMix64 finaliser of one uint64."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_A
    value = (value ^ (value >> np.uint64(27))) * _MIX_B
    return value ^ (value >> np.uint64(31))


@device
def sweep_key(seed, iteration, stream):
    """Return the uint64 key of one (seed, iteration, stream)."""
    key = mix64(np.uint64(seed) + GOLDEN)
    key = mix64(key ^ (np.uint64(iteration) + np.uint64(1)) * GOLDEN)
    return mix64(key + (np.uint64(stream) + np.uint64(1)) * _STREAM)


@device
def uniform(key, index):
    """Return draw ``index`` under ``key``: float64 in [0, 1), 53 bits."""
    bits = mix64(key + (np.uint64(index) + np.uint64(1)) * GOLDEN)
    return (bits >> np.uint64(11)) * _TO_UNIT
