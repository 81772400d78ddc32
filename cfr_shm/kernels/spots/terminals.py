"""Values of a segment's terminal nodes, sixteen of them at a time.

The rule is that of ``kernels.holdem.showdown``, with a terminal node in each lane: the other
player's reach is transposed, so that each of his hands is one vector, and the sums by card are
vectors too. A hand then costs three additions for sixteen nodes.

Amounts count from half the pot, so that a pot without rake is symmetric. There a sweep up is
enough: won + not lost - met is won - lost, the hand of the same cards cancels, and where more
hands of the traverser tie than of the other player, half of the tie is added before they are
read and half after, so that each is read once.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device, outlined
from cfr_shm.kernels.spots.lanes import LANES, columns_of, load, rows_of, same, store
from cfr_shm.layout.spots import (
    BEAT,
    BELOW_END,
    BESIDE,
    BESIDE_AMOUNT,
    CARD_A,
    CARD_B,
    FOLDS,
    GROUPS,
    HANDS,
    HOLD,
    LOSE,
    OWN_END,
    SHOWS,
    TARGET,
    TIE,
    TIED_END,
    TWIN,
    WIDTH,
)


@outlined
def rows_to_lanes(source, offsets, first, width, target):
    """Transpose sixteen rows: ``target[16 * hand + row]``.

    Args:
        source: work space, read-only.
        offsets: (rows,) int64, read-only, of rows in it; from ``first`` on.
        first: of sixteen.
        width: hands, a multiple of sixteen.
        target: (width * 16,) float32, out.
    """
    for i in range(0, width, LANES):
        columns_of(source, offsets, first, i, target, i * LANES)


@outlined
def lanes_to_rows(source, width, target, offsets, first):
    """Transpose back: the reverse of ``rows_to_lanes``."""
    for i in range(0, width, LANES):
        rows_of(source, i * LANES, target, offsets, first, i)


@outlined
def settle(boards, columns, segment, p, board, reach, value, space, uneven):
    """Write the values of a segment's terminal nodes.

    Args:
        boards: layout.spots.Boards, read-only.
        columns: layout.spots.Columns of the board's level, read-only.
        segment: whose terminal nodes.
        p: the traverser.
        board: number of the board.
        reach: the segment's work space, read-only: the other player's.
        value: the segment's work space, out.
        space: layout.spots.SweepSpace, this worker's.
        uneven: whether what one player wins is not what the other loses.
    """
    others = space.others
    shown = space.shown
    folded = space.folded
    by_card = space.by_card
    other_width = boards.about[at(1 - p), at(board), WIDTH]
    width = boards.about[at(p), at(board), WIDTH]
    shows = len(columns.beside) * LANES
    folds = len(columns.fold_amounts)
    row = at(SHOWS + p)
    for first in range(
        columns.bounds[row, at(segment)], columns.bounds[row, at(segment + 1)], LANES
    ):
        beside = columns.beside[at(first // LANES)]
        twins = uneven or beside
        rows_to_lanes(reach, columns.show_offsets, first, other_width, others)
        whole = _sweep_up(
            boards, columns.show_amounts, shows, first, p, board, others, shown, by_card, uneven
        )
        _take_off(
            boards,
            columns.show_amounts,
            shows,
            first,
            p,
            board,
            others,
            shown,
            folded,
            by_card,
            twins,
            whole,
        )
        lanes_to_rows(shown, width, value, columns.show_offsets, TARGET * shows + first)
        if beside:
            lanes_to_rows(folded, width, value, columns.show_offsets, BESIDE * shows + first)
    row = at(FOLDS + p)
    for first in range(
        columns.bounds[row, at(segment)], columns.bounds[row, at(segment + 1)], LANES
    ):
        rows_to_lanes(reach, columns.fold_offsets, first, other_width, others)
        _fold(boards, columns.fold_amounts, first, p, board, others, shown, by_card)
        lanes_to_rows(shown, width, value, columns.fold_offsets, TARGET * folds + first)


@device
def _clear(by_card):
    zero = same(np.float32(0.0))
    for card in range(0, len(by_card), LANES):
        store(by_card, card, zero)


@device
def _met(hands, hand, whole, by_card):
    """Return how much of what was counted shares no card with a hand of the traverser."""
    a = np.int64(hands[at(hand), CARD_A])
    b = np.int64(hands[at(hand), CARD_B])
    return whole - load(by_card, a) - load(by_card, b)


@outlined
def _count(hands, first, last, part, whole, others, by_card):
    """Count some hands of the other player, or ``part`` of each; return the new whole."""
    for hand in range(first, last):
        weight = load(others, hand * LANES) * part
        whole = whole + weight
        a = np.int64(hands[at(hand), CARD_A])
        b = np.int64(hands[at(hand), CARD_B])
        store(by_card, a, load(by_card, a) + weight)
        store(by_card, b, load(by_card, b) + weight)
    return whole


@outlined
def _read(hands, first, last, factor, whole, shown, by_card):
    """Write what was counted and can be met by each hand, times ``factor``."""
    for hand in range(first, last):
        store(shown, hand * LANES, _met(hands, hand, whole, by_card) * factor)


@outlined
def _sweep_up(boards, amounts, shows, first, p, board, others, shown, by_card, uneven):
    """Write ``shown``, but for what is lost; return the other player's whole reach."""
    own_hands = boards.hand[at(p), at(board)]
    other_hands = boards.hand[at(1 - p), at(board)]
    strengths = boards.strength[at(p), at(board)]
    one = same(np.float32(1.0))
    half = same(np.float32(0.5))
    whole = same(np.float32(0.0))
    beat = load(amounts, BEAT * shows + first)
    hold = load(amounts, HOLD * shows + first)
    both = beat + hold
    _clear(by_card)
    own = 0
    other = 0
    for group in range(boards.about[at(p), at(board), GROUPS]):
        own_end = np.int64(strengths[at(group), OWN_END])
        below = np.int64(strengths[at(group), BELOW_END])
        tied = np.int64(strengths[at(group), TIED_END])
        whole = _count(other_hands, other, below, one, whole, others, by_card)
        halved = not uneven and tied - below < own_end - own
        if tied == below or halved:
            if halved:
                whole = _count(other_hands, below, tied, half, whole, others, by_card)
            _read(own_hands, own, own_end, both, whole, shown, by_card)
            if halved:
                whole = _count(other_hands, below, tied, half, whole, others, by_card)
        else:
            _read(own_hands, own, own_end, beat, whole, shown, by_card)
            whole = _count(other_hands, below, tied, one, whole, others, by_card)
            for hand in range(own, own_end):
                held = _met(own_hands, hand, whole, by_card) * hold
                store(shown, hand * LANES, load(shown, hand * LANES) + held)
        other = tied
        own = own_end
    rest = boards.about[at(1 - p), at(board), HANDS]
    return _count(other_hands, other, rest, one, whole, others, by_card)


@outlined
def _take_off(
    boards, amounts, shows, first, p, board, others, shown, folded, by_card, twins, whole
):
    """Take off what every hand loses to; write the folds beside, and zeros behind the hands."""
    hands = boards.hand[at(p), at(board)]
    zero = same(np.float32(0.0))
    lose = load(amounts, LOSE * shows + first)
    tie = load(amounts, TIE * shows + first)
    amount = load(amounts, BESIDE_AMOUNT * shows + first)
    count = boards.about[at(p), at(board), HANDS]
    if twins:
        for hand in range(count):
            met = _met(hands, hand, whole, by_card)
            twin = load(others, np.int64(hands[at(hand), TWIN]) * LANES)
            store(folded, hand * LANES, (met + twin) * amount)
            store(shown, hand * LANES, load(shown, hand * LANES) + met * lose + twin * tie)
    else:
        for hand in range(count):
            met = _met(hands, hand, whole, by_card)
            store(shown, hand * LANES, load(shown, hand * LANES) + met * lose)
    for hand in range(count, boards.about[at(p), at(board), WIDTH]):
        store(shown, hand * LANES, zero)
        store(folded, hand * LANES, zero)


@outlined
def _fold(boards, amounts, first, p, board, others, shown, by_card):
    """Write ``shown`` for sixteen folds."""
    hands = boards.hand[at(p), at(board)]
    other_hands = boards.hand[at(1 - p), at(board)]
    zero = same(np.float32(0.0))
    one = same(np.float32(1.0))
    _clear(by_card)
    rest = boards.about[at(1 - p), at(board), HANDS]
    whole = _count(other_hands, 0, rest, one, zero, others, by_card)
    amount = load(amounts, first)
    count = boards.about[at(p), at(board), HANDS]
    for hand in range(count):
        twin = load(others, np.int64(hands[at(hand), TWIN]) * LANES)
        store(shown, hand * LANES, (_met(hands, hand, whole, by_card) + twin) * amount)
    for hand in range(count, boards.about[at(p), at(board), WIDTH]):
        store(shown, hand * LANES, zero)
