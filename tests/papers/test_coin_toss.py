"""The coin toss of Brown & Sandholm 2017, "Safe and nested subgame solving".

A coin is tossed; the first player sees it. He sells it (+.5 for heads, -.5 for tails), or plays:
the second player guesses, and who is right wins 1. Guessing heads with q, heads are worth 1 - 2q
to who plays, tails 2q - 1. The equilibrium has q = 1/4. The blueprint guesses heads with 3/4.
"""

import numpy as np
import pytest
from slow_subgames import SlowSubgame, solve_guarded, solve_trusting

from cfr_shm.spots.gadgets import Alternatives, Choosing, Leaving

ONES = np.ones(1)
COIN = np.full(2, 0.5)
SOLD = np.array([0.5, -0.5])
WON = np.array([-1.0, 1.0])  # by who plays, where heads are guessed: with heads, with tails


def guessing(plays: np.ndarray) -> SlowSubgame:
    """Return the second player's guess; ``plays`` is what reaches it."""

    def pays(node: int, player: int) -> np.ndarray:
        won = (WON if node == 1 else -WON)[:, None]
        return won if player == 0 else -won.T

    return SlowSubgame(lambda node: [] if node else [1, 2], lambda _: 1, pays, (plays, ONES), 0)


def worth(heads: float) -> np.ndarray:
    """Return what playing is worth with heads and with tails."""
    return np.array([1 - 2 * heads, 2 * heads - 1])


def exploitability(heads: float) -> float:
    """Return what the first player wins at best, which is nothing in the equilibrium."""
    return float(COIN @ np.maximum(SOLD, worth(heads)))


def guessed(gadget_of, alternative: np.ndarray) -> float:
    subgame = guessing(COIN)
    offered = Alternatives(COIN, alternative, np.ones(2))
    assert solve_guarded(subgame, gadget_of(offered), 0, 4000) < 2e-3
    return float(subgame.mean(0, 1)[0, 0])


def test_trusting_the_blueprint_is_a_disaster():
    subgame = guessing(COIN * [0.75, 0.5])  # heads play more often
    solve_trusting(subgame, 100)
    heads = float(subgame.mean(0, 1)[0, 0])
    assert heads == pytest.approx(1.0, abs=1e-3)
    assert exploitability(heads) == pytest.approx(0.75, abs=1e-3)
    assert exploitability(0.75) == 0.5


@pytest.mark.parametrize("gadget", [Leaving, Choosing])
def test_without_gifts_nothing_better_is_safe(gadget):
    """Neither side of the coin may gain, and what one loses the other gains."""
    assert guessed(gadget, worth(0.75)) == pytest.approx(0.75, abs=5e-3)


def test_gifts_make_room():
    """Heads let 1 go by playing: half of it goes to each margin, and q falls to 1/2."""
    gift = np.maximum(SOLD - worth(0.75), 0.0)
    assert gift == pytest.approx([1.0, 0.0])
    heads = guessed(Choosing, worth(0.75) + gift)
    assert heads == pytest.approx(0.5, abs=5e-3)
    assert exploitability(heads) == pytest.approx(0.25, abs=5e-3)


def test_solved_again_and_again_it_comes_to_the_equilibrium():
    heads = 0.75
    for _ in range(6):
        gift = np.maximum(SOLD - worth(heads), 0.0)
        found = guessed(Choosing, worth(heads) + gift)
        assert found == pytest.approx((heads + 0.25) / 2, abs=1e-2)
        heads = found
    assert exploitability(heads) < 0.02
