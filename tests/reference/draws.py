"""Where the reference gets its random numbers from: NumPy, or the package's keyed numbers.

``KeyedDraws`` is written from the documentation of the keyed numbers, in plain integers.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
DEAL_STREAM = 255


class Draws(Protocol):
    def deal(self, iteration: int) -> int:
        """Return the index of a deal; iterations count from 0."""

    def action(self, iteration: int, traverser: int, line, policy: list[float]) -> int:
        """Return the index of an action."""


class NumpyDraws:
    """Independent draws from a NumPy generator."""

    def __init__(self, seed: int, deal_probability: list[float]) -> None:
        self._generator = np.random.default_rng(seed)
        self._cumulative = np.cumsum(deal_probability)

    def deal(self, iteration: int) -> int:
        draw = self._generator.random() * self._cumulative[-1]
        return int(np.searchsorted(self._cumulative, draw, side="right"))

    def action(self, iteration: int, traverser: int, line, policy: list[float]) -> int:
        return first_above(policy, self._generator.random())


class KeyedDraws:
    """Draws that depend on the seed, the iteration and the place alone.

    ``node`` tells the index of the public node that a line leads to; ``threshold`` and
    ``other`` are the alias table of the deals.
    """

    def __init__(self, seed: int, threshold, other, node: dict) -> None:
        self._seed = seed
        self._threshold, self._other = threshold, other
        self._node = node

    def deal(self, iteration: int) -> int:
        key = sweep_key(self._seed, iteration, DEAL_STREAM)
        deal = int(uniform(key, 0) * len(self._threshold))
        return deal if uniform(key, 1) < self._threshold[deal] else int(self._other[deal])

    def action(self, iteration: int, traverser: int, line, policy: list[float]) -> int:
        key = sweep_key(self._seed, iteration, traverser)
        return first_above(policy, uniform(key, self._node[line]))


def first_above(policy: list[float], draw: float) -> int:
    """Return the first action whose cumulative probability exceeds ``draw``."""
    cumulative = 0.0
    for action, probability in enumerate(policy):
        cumulative += probability
        if cumulative > draw:
            return action
    return len(policy) - 1


def mix64(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def sweep_key(seed: int, iteration: int, stream: int) -> int:
    key = mix64((seed + GOLDEN) & MASK)
    key = mix64(key ^ ((iteration + 1) * GOLDEN & MASK))
    return mix64((key + (stream + 1) * 0xD1342543DE82EF95) & MASK)


def uniform(key: int, index: int) -> float:
    return (mix64((key + (index + 1) * GOLDEN) & MASK) >> 11) * 2.0**-53
