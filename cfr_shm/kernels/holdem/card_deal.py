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

*Buckets.* A river bucket is read from 123 MB, and dependent reads of 10 MB and of 2 MB lead there.
So ``DEALS_READY`` deals in a row are made ready together, step by step: each step asks for what
the next one reads, for all of them, and nobody waits. Handing out is then a few reads. Deals
take 0.4 of the time that one after another took, for two players and for six; 4 at a time take
0.44, 16 as long as 8 (benchmarks/bench_holdem.py).
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.card_index import PERMUTATION_BITS, board_numbers, hand_number
from cfr_shm.kernels.holdem.hand_rank import EMPTY_KEY, strength_of
from cfr_shm.kernels.jit import at, device, outlined
from cfr_shm.kernels.parts.atomics import prefetch_to_read
from cfr_shm.kernels.parts.rng import DEAL_STREAM, sweep_key, uniform
from cfr_shm.layout.cards import (
    CARDS_IN_DECK,
    DEALS_READY,
    FIRST_STREET,
    FIXED_BOARD_CARDS,
    FULL_BOARD,
    HOLE_CARDS,
    RANGES_WEIGHTED,
)

_ONE = np.uint64(1)


@outlined
def deal_cards(cards, seed, iteration, lane, scratch):
    """Hand out the deal of ``iteration`` to one lane.

    Args:
        cards: layout.CardDeals, read-only.
        seed: the run's seed.
        iteration: 0-based.
        lane: index into ``lane_bucket`` and ``lane_strength`` of ``scratch``.
        scratch: layout.Scratch, of one run; its ``deal_*`` arrays are kept between calls.
    """
    ready = scratch.deal_ready
    deal = iteration % DEALS_READY
    first = iteration - deal
    if ready[0] != seed or ready[1] != first:
        _prepare(cards, seed, first, scratch)
        ready[0] = seed
        ready[1] = first
    _hand_out(cards, deal, lane, scratch)


@device
def _hand_out(cards, deal, lane, scratch):
    """Copy a deal that is ready to a lane, reading its buckets."""
    lane_bucket = scratch.lane_bucket
    first_street = cards.setting[FIRST_STREET]
    for player in range(lane_bucket.shape[1]):
        for street in range(lane_bucket.shape[2]):
            number = scratch.deal_number[at(deal), at(player), at(street)]
            lane_bucket[at(lane), at(player), at(street)] = bucket_of(
                cards, first_street + street, number
            )
        scratch.lane_strength[at(lane), at(player)] = scratch.deal_strength[at(deal), at(player)]


@device
def _prepare(cards, seed, first, scratch):
    """Draw ``DEALS_READY`` deals from iteration ``first`` on, number their hands and rank them."""
    dealt = scratch.deal_cards
    first_street = cards.setting[FIRST_STREET]
    last_street = first_street + scratch.deal_number.shape[2] - 1
    for deal in range(DEALS_READY):
        key = sweep_key(seed, first + deal, DEAL_STREAM)
        draw_cards(cards, key, dealt, deal, scratch.deal_number.shape[1])
        if last_street > 0:
            _find_boards(cards, dealt, deal, scratch.deal_board)
    for deal in range(DEALS_READY):
        if last_street > 0:
            _read_codes(cards, first_street, last_street, deal, scratch.deal_board)
        rank_deal(cards, dealt, deal, scratch.deal_strength)
    for deal in range(DEALS_READY):
        _number_hands(cards, first_street, deal, scratch)


@device
def _find_boards(cards, dealt, deal, board):
    """Write where the codes of a deal's boards are, by street, and ask for them."""
    flop, turn, river = board_numbers(cards.binomial, dealt, deal)
    board[at(deal), 1] = cards.first_raw[1] + flop
    board[at(deal), 2] = cards.first_raw[2] + turn
    board[at(deal), 3] = cards.first_raw[3] + river
    for street in range(1, 4):
        prefetch_to_read(cards.board_code, board[at(deal), at(street)])


@device
def _read_codes(cards, first_street, last_street, deal, board):
    """Replace places by the codes read there, and ask for what is known of their boards."""
    for street in range(max(1, first_street), last_street + 1):
        code = np.int64(cards.board_code[at(board[at(deal), at(street)])])
        board[at(deal), at(street)] = code
        prefetch_to_read(cards.board_mask, code >> PERMUTATION_BITS)
        prefetch_to_read(cards.first_hand, code >> PERMUTATION_BITS)
        prefetch_to_read(cards.pattern, code >> PERMUTATION_BITS)


@device
def _number_hands(cards, first_street, deal, scratch):
    """Number the hands of a deal on each street of the game, and ask for their buckets."""
    dealt, number = scratch.deal_cards, scratch.deal_number
    for street in range(number.shape[2]):
        code = np.int64(cards.board_code[0])
        if first_street + street > 0:
            code = scratch.deal_board[at(deal), at(first_street + street)]
        for player in range(number.shape[1]):
            place = FULL_BOARD + HOLE_CARDS * player
            one, two = dealt[at(deal), at(place)], dealt[at(deal), at(place + 1)]
            hand = hand_number(cards, code, one, two)
            number[at(deal), at(player), at(street)] = hand
            _ask_for_bucket(cards, first_street + street, hand)


@device
def draw_cards(cards, key, dealt, deal, player_count):
    """Draw board and hole cards into a row of ``dealt``, as said above."""
    fixed = cards.setting[FIXED_BOARD_CARDS]
    used = np.uint64(0)
    for place in range(fixed):
        card = cards.fixed_board[at(place)]
        dealt[at(deal), at(place)] = card
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
                dealt[at(deal), at(FULL_BOARD + HOLE_CARDS * player)] = one
                dealt[at(deal), at(FULL_BOARD + HOLE_CARDS * player + 1)] = two
                player += 1
    deck = cards.setting[CARDS_IN_DECK]
    place = fixed
    while place < last:
        # No branch on whether the card is taken: it would be mispredicted every other deal.
        card = int(uniform(key, slot) * deck)
        slot += 1
        dealt[at(deal), at(place)] = card
        place += 1 - np.int64((used >> np.uint64(card)) & _ONE)
        used |= _ONE << np.uint64(card)


@device
def rank_deal(cards, dealt, deal, strength):
    """Write each player's strength on a deal's full board; higher wins, equal ties."""
    board_key = EMPTY_KEY
    board_cards = np.uint64(0)
    for place in range(FULL_BOARD):
        card = dealt[at(deal), at(place)]
        board_key += cards.card_key[at(card)]
        board_cards |= cards.card_mask[at(card)]
    for player in range(strength.shape[1]):
        one = dealt[at(deal), at(FULL_BOARD + HOLE_CARDS * player)]
        two = dealt[at(deal), at(FULL_BOARD + HOLE_CARDS * player + 1)]
        key = board_key + cards.card_key[at(one)] + cards.card_key[at(two)]
        held = board_cards | cards.card_mask[at(one)] | cards.card_mask[at(two)]
        strength[at(deal), at(player)] = strength_of(cards, key, held)


@device
def bucket_of(cards, street, number):
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
    """Prefetch what ``bucket_of`` will read; preflop's table is never far."""
    place = number * cards.bucket_bytes[at(street)]
    if street == 3:
        prefetch_to_read(cards.river, place)
    elif street == 2:
        prefetch_to_read(cards.turn, place)
    elif street == 1:
        prefetch_to_read(cards.flop, place)
