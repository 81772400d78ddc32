"""Deals by number: the cards that training would deal under the same seed."""

from __future__ import annotations

from cfr_shm.kernels.holdem.card_deal import draw_cards
from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rng import DEAL_STREAM, sweep_key


@kernel
def draw_deals(cards, seed, first, players, dealt):
    """Write deals ``first``, ``first + 1``, ... to the rows of ``dealt``.

    Args:
        cards: layout.CardDeals, read-only.
        seed: of the draws.
        first: number of the first deal.
        players: how many get hole cards.
        dealt: (deals, 5 + 2 * players) int64, out; the board, then hole cards by seat.
    """
    for row in range(dealt.shape[0]):
        draw_cards(cards, sweep_key(seed, first + row, DEAL_STREAM), dealt, row, players)
