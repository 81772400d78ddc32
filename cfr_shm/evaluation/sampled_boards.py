"""Boards that are drawn for estimates: the same ones for everybody who names the same seed.

Board ``i`` depends on seed and ``i`` alone. So the boards of checkpoints, strategies and runs
are paired, and more boards begin with the fewer.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.games.holdem.hole_cards import HoleCards


def drawn_board(cards: HoleCards, size: int, seed: int, index: int) -> tuple[int, ...]:
    """Return board ``index`` of ``size`` cards: the fixed ones, then any others of the deck."""
    fixed = cards.fixed_board[:size]
    left = [card for card in cards.dealt if card not in cards.fixed_board]
    random = np.random.Generator(np.random.Philox(key=[seed, index]))
    others = random.permutation(len(left))[: size - len(fixed)]
    return (*fixed, *(left[place] for place in others.tolist()))
