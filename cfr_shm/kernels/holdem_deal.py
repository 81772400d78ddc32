"""Deal hold'em: cards by keyed draws, then buckets and strengths by table reads.

*Cards.* Where all hole hands are equally likely, the cards that are not fixed (the board's,
then the hole cards of player 0, 1, ...) are drawn one after another: card ``floor(u * cards)``
of the deck, drawn again while somebody has it, which is a uniform draw from the others.
Weighted ranges come first, as whole hands: one for each player from an alias table of its own
range, and all of them anew as soon as one shares a card with those before it or with the fixed
board. What is kept has a probability proportional to the product of the weights over the hands
that do not collide, which is the distribution wanted: rejecting single players instead would
favour the hands of the first. Then the board follows card by card. Each draw takes the next
slot, 0, 1, 2, ... of the key of (seed, iteration, ``DEAL_STREAM``).

*Buckets.* A river bucket is read from 123 MB, and half a dozen dependent reads lead there. So
the deal of the next iteration is drawn as soon as the present one is handed out, and its
buckets are asked for: a traversal later they are in the cache. Handing out is then a few reads.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.atomics import prefetch_to_read
from cfr_shm.kernels.card_index import board_code, hand_number
from cfr_shm.kernels.hand_rank import EMPTY_KEY, strength_of
from cfr_shm.kernels.jit import at, device, outlined
from cfr_shm.kernels.rng import DEAL_STREAM, sweep_key, uniform
from cfr_shm.layout_cards import (
    CARDS_IN_DECK,
    FIRST_STREET,
    FIXED_BOARD_CARDS,
    FULL_BOARD,
    HOLE_CARDS,
    RANGES_WEIGHTED,
)

_ONE = np.uint64(1)


@outlined
def deal_cards(cards, seed, iteration, lane, scratch):
    """Hand out the deal of ``iteration`` to one lane, and make that of the next one ready.

    Args:
        cards: layout.CardDeals, read-only.
        seed: the run's seed.
        iteration: 0-based.
        lane: index into ``lane_bucket`` and ``lane_strength`` of ``scratch``.
        scratch: layout.Scratch, of one run; its ``deal_*`` arrays are kept between calls.
    """
    ready = scratch.deal_ready
    for step in range(iteration, iteration + 2):
        if ready[0] != seed or ready[1] != step:
            _prepare(cards, seed, step, scratch)
            ready[0] = seed
            ready[1] = step
        if step == iteration:
            _hand_out(cards, lane, scratch)


@device
def _hand_out(cards, lane, scratch):
    """Copy the deal that is ready to a lane, reading its buckets."""
    lane_bucket = scratch.lane_bucket
    first_street = cards.setting[FIRST_STREET]
    for player in range(lane_bucket.shape[1]):
        for street in range(lane_bucket.shape[2]):
            number = scratch.deal_number[at(player), at(street)]
            lane_bucket[at(lane), at(player), at(street)] = _bucket(
                cards, first_street + street, number
            )
        scratch.lane_strength[at(lane), at(player)] = scratch.deal_strength[at(player)]


@device
def _prepare(cards, seed, iteration, scratch):
    """Draw the cards of ``iteration``, number its hands and rank them; ask for the buckets."""
    dealt, number = scratch.deal_cards, scratch.deal_number
    player_count = number.shape[0]
    first_street = cards.setting[FIRST_STREET]
    _draw_cards(cards, sweep_key(seed, iteration, DEAL_STREAM), dealt, player_count)
    for street in range(number.shape[1]):
        code = board_code(cards, first_street + street, dealt, 0, 0)
        for player in range(player_count):
            place = FULL_BOARD + HOLE_CARDS * player
            hand = hand_number(cards, code, dealt[0, at(place)], dealt[0, at(place + 1)])
            number[at(player), at(street)] = hand
            _ask_for_bucket(cards, first_street + street, hand)
    _rank(cards, dealt, scratch.deal_strength)


@device
def _draw_cards(cards, key, dealt, player_count):
    """Draw board and hole cards into ``dealt``, (1, 5 + 2 * players) int64, as said above."""
    fixed = cards.setting[FIXED_BOARD_CARDS]
    used = np.uint64(0)
    for place in range(fixed):
        card = cards.fixed_board[at(place)]
        dealt[0, at(place)] = card
        used |= _ONE << np.uint64(card)
    last = FULL_BOARD + HOLE_CARDS * player_count
    slot = 0
    if cards.setting[RANGES_WEIGHTED]:
        last = FULL_BOARD
        before = used
        player = 0
        while player < player_count:
            first = cards.range_first[at(player)]
            count = cards.range_first[at(player + 1)] - first
            hand = int(uniform(key, slot) * count)
            if uniform(key, slot + 1) >= cards.range_threshold[at(first + hand)]:
                hand = cards.range_other[at(first + hand)]
            slot += 2
            one = cards.range_hole[at(first + hand), 0]
            two = cards.range_hole[at(first + hand), 1]
            held = (_ONE << np.uint64(one)) | (_ONE << np.uint64(two))
            if used & held:
                used = before
                player = 0
            else:
                used |= held
                dealt[0, at(FULL_BOARD + HOLE_CARDS * player)] = one
                dealt[0, at(FULL_BOARD + HOLE_CARDS * player + 1)] = two
                player += 1
    deck = cards.setting[CARDS_IN_DECK]
    place = fixed
    while place < last:
        card = int(uniform(key, slot) * deck)
        slot += 1
        if not (used >> np.uint64(card)) & _ONE:
            used |= _ONE << np.uint64(card)
            dealt[0, at(place)] = card
            place += 1


@device
def _rank(cards, dealt, strength):
    """Write each player's strength on the full board; higher wins."""
    board_key = EMPTY_KEY
    board_cards = np.uint64(0)
    for place in range(FULL_BOARD):
        card = dealt[0, at(place)]
        board_key += cards.card_key[at(card)]
        board_cards |= cards.card_mask[at(card)]
    for player in range(strength.shape[0]):
        one = dealt[0, at(FULL_BOARD + HOLE_CARDS * player)]
        two = dealt[0, at(FULL_BOARD + HOLE_CARDS * player + 1)]
        key = board_key + cards.card_key[at(one)] + cards.card_key[at(two)]
        held = board_cards | cards.card_mask[at(one)] | cards.card_mask[at(two)]
        strength[at(player)] = strength_of(cards, key, held)


@device
def _bucket(cards, street, number):
    """Return the bucket of a hand number on a street of the cards."""
    width = cards.bucket_bytes[at(street)]
    found = cards.preflop
    if street == 1:
        found = cards.flop
    elif street == 2:
        found = cards.turn
    elif street == 3:
        found = cards.river
    bucket = np.int32(found[at(number * width)])
    if width == 2:
        bucket |= np.int32(found[at(number * width + 1)]) << np.int32(8)
    return bucket


@device
def _ask_for_bucket(cards, street, number):
    """Prefetch what ``_bucket`` will read; preflop's table is never far."""
    place = number * cards.bucket_bytes[at(street)]
    if street == 3:
        prefetch_to_read(cards.river, place)
    elif street == 2:
        prefetch_to_read(cards.turn, place)
    elif street == 1:
        prefetch_to_read(cards.flop, place)
