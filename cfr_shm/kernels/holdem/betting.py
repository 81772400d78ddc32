"""The betting rules of hold'em: what a seat may do, what a move does, who may win which chips.

A hand's state is one row of an int64 array, ``layout.betting_words(players)`` long. Moves are
FOLD, CALL (also a check, also all-in for less) or a positive number: bet or raise TO that many
chips on this street, all-in included. Nothing here deals a card or knows one.

The rules are those of pokerkit 0.7.7 (Kim 2023, "PokerKit: A Comprehensive Python Library for
Fine-Grained Multivariant Poker Game Simulations"); docs/hold_em.md spells them out.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.layout.betting import (
    AT_SHOWDOWN,
    BET_ACTED,
    BET_ACTOR,
    BET_ALL_IN,
    BET_FOLDED,
    BET_HIGHEST,
    BET_POT,
    BET_RAISE,
    BET_RAISES,
    BET_SEATS,
    BET_SHORT,
    BET_STATUS,
    BET_STREET,
    BET_TO_ACT,
    CALL,
    FIXED_LIMIT,
    FOLD,
    FOLDED_OUT,
    NO_LIMIT,
    PLAYING,
)

#: A decimal fraction such as 0.29 is stored a little too small: 0.29 * 100 < 29.
_ROUNDING = 1e-9


@device
def stack_left(rules, state, row, seat):
    """Return the chips that ``seat`` still has behind."""
    committed = BET_SEATS + rules.players + seat
    return rules.stack[at(seat)] - state[at(row), at(committed)]


@device
def real_street(rules, state, row):
    """Return the street that is bet on, 0 preflop to 3 river, wherever the game began."""
    return rules.real_street[at(state[at(row), at(BET_STREET)])]


@device
def count_seats(mask, players):
    """Return the number of seats in a mask."""
    count = 0
    for seat in range(players):
        count += (mask >> seat) & 1
    return count


@device
def _two_largest(values, row, first, count):
    """Return the largest and the second largest of ``values[row, first : first + count]``."""
    largest = np.int64(0)
    second = np.int64(0)
    for place in range(first, first + count):
        value = values[at(row), at(place)]
        if value > largest:
            second = largest
            largest = value
        elif value > second:
            second = value
    return largest, second


@device
def _post_antes(rules, state, row):
    """Put the antes in; uncalled parts of short antes go back, unless antes are dead money."""
    committed = BET_SEATS + rules.players
    pot = np.int64(rules.dead)
    for seat in range(rules.players):
        state[at(row), at(committed + seat)] = min(rules.ante[at(seat)], rules.stack[at(seat)])
    if rules.dead_antes == 0:
        _, called = _two_largest(state, row, committed, rules.players)
        for seat in range(rules.players):
            posted = state[at(row), at(committed + seat)]
            state[at(row), at(committed + seat)] = min(posted, called)
    for seat in range(rules.players):
        pot += state[at(row), at(committed + seat)]
    state[at(row), at(BET_POT)] = pot


@device
def _post_blinds(rules, state, row):
    """Put the blinds in; they count as bets of the first street, but not as raises."""
    highest = np.int64(0)
    for seat in range(rules.players):
        posted = min(rules.blind[at(seat)], stack_left(rules, state, row, seat))
        state[at(row), at(BET_SEATS + seat)] = posted
        state[at(row), at(BET_SEATS + rules.players + seat)] += posted
        state[at(row), at(BET_POT)] += posted
        highest = max(highest, posted)
        if stack_left(rules, state, row, seat) == 0:
            state[at(row), at(BET_ALL_IN)] |= 1 << seat
    state[at(row), at(BET_HIGHEST)] = highest


@device
def start_hand(rules, state, row):
    """Write the state after antes and blinds.

    Args:
        rules: layout.BettingRules, read-only.
        state: (rows, betting_words(players)) int64; ``state[row]`` is written.
        row: which row.

    The hand may be over already, when blinds and antes left at most one seat with a choice.
    """
    for word in range(BET_SEATS + 2 * rules.players):
        state[at(row), at(word)] = 0
    _post_antes(rules, state, row)
    _post_blinds(rules, state, row)
    _open_street(rules, state, row)


@device
def _may_act(rules, state, row):
    """Return the mask of seats that have a choice at the start of a street.

    A seat that has at least matched all that any other could still put in is not asked. So
    whoever is asked alone has something to call.
    """
    out = state[at(row), at(BET_FOLDED)]
    largest = np.int64(-1)
    second = np.int64(-1)
    for seat in range(rules.players):
        if not (out >> seat) & 1:
            total = state[at(row), at(BET_SEATS + seat)] + stack_left(rules, state, row, seat)
            if total > largest:
                second = largest
                largest = total
            elif total > second:
                second = total
    mask = np.int64(0)
    for seat in range(rules.players):
        if not (out >> seat) & 1:
            reachable = second - state[at(row), at(BET_SEATS + seat)]
            if reachable > 0 and stack_left(rules, state, row, seat) > 0:
                mask |= 1 << seat
    return mask


@device
def _open_street(rules, state, row):
    """Say who acts first on this street, or on the next one on which anybody has a choice."""
    while True:
        mask = _may_act(rules, state, row)
        first = rules.first_actor[at(state[at(row), at(BET_STREET)])]
        state[at(row), at(BET_TO_ACT)] = mask
        state[at(row), at(BET_ACTOR)] = _next_seat(mask, first, rules.players)
        if mask != 0 or _end_street(rules, state, row):
            return


@device
def _next_seat(mask, first, players):
    """Return the first seat of ``mask`` at or after ``first``, around the table; -1 if none."""
    for step in range(players):
        seat = first + step
        if seat >= players:
            seat -= players
        if (mask >> seat) & 1:
            return seat
    return np.int64(-1)


@device
def _end_street(rules, state, row):
    """Go to the next street, or to the showdown; return whether the hand is over."""
    able = 0
    out = state[at(row), at(BET_FOLDED)] | state[at(row), at(BET_ALL_IN)]
    for seat in range(rules.players):
        able += 1 - ((out >> seat) & 1)
    if able <= 1 or state[at(row), at(BET_STREET)] + 1 == rules.streets:
        state[at(row), at(BET_STATUS)] = AT_SHOWDOWN
        state[at(row), at(BET_ACTOR)] = -1
        state[at(row), at(BET_TO_ACT)] = 0
        return True
    state[at(row), at(BET_STREET)] += 1
    state[at(row), at(BET_HIGHEST)] = 0
    state[at(row), at(BET_RAISE)] = 0
    state[at(row), at(BET_SHORT)] = 0
    state[at(row), at(BET_RAISES)] = 0
    state[at(row), at(BET_ACTED)] = 0
    for seat in range(rules.players):
        state[at(row), at(BET_SEATS + seat)] = 0
    return False


@device
def call_amount(rules, state, row):
    """Return the chips that a call costs the actor now: 0 for a check, all-in for less.

    The actor may fold if and only if this is positive. The hand must not be over (unchecked).
    """
    actor = state[at(row), at(BET_ACTOR)]
    behind = state[at(row), at(BET_HIGHEST)] - state[at(row), at(BET_SEATS + actor)]
    return min(stack_left(rules, state, row, actor), behind)


@device
def may_raise(rules, state, row):
    """Tell whether the actor may bet or raise at all.

    Not when a call takes the whole stack, when the cap is reached, when all others are all-in
    for less, or when nothing but short all-in raises came since the actor acted: they reopen
    the betting once they add up to a full raise.
    """
    actor = state[at(row), at(BET_ACTOR)]
    highest = state[at(row), at(BET_HIGHEST)]
    behind = highest - state[at(row), at(BET_SEATS + actor)]
    full = state[at(row), at(BET_RAISE)]
    short = state[at(row), at(BET_SHORT)]
    acted = (state[at(row), at(BET_ACTED)] >> actor) & 1
    capped = rules.max_raises[at(state[at(row), at(BET_STREET)])]
    if stack_left(rules, state, row, actor) <= behind or behind < full:
        return False
    if state[at(row), at(BET_RAISES)] >= capped or (acted == 1 and 0 < short < full):
        return False
    out = state[at(row), at(BET_FOLDED)]
    for seat in range(rules.players):
        if seat != actor and not (out >> seat) & 1:
            total = state[at(row), at(BET_SEATS + seat)] + stack_left(rules, state, row, seat)
            if total > highest:
                return True
    return False


@device
def raise_bounds(rules, state, row):
    """Return the least and the most that the actor may bet or raise to; (0, 0) for neither.

    All that lies between is legal too. The least is all-in, below a full raise, when the stack
    is too short for one. The hand must not be over (unchecked).
    """
    if not may_raise(rules, state, row):
        return np.int64(0), np.int64(0)
    actor = state[at(row), at(BET_ACTOR)]
    highest = state[at(row), at(BET_HIGHEST)]
    bet = state[at(row), at(BET_SEATS + actor)]
    all_in = bet + stack_left(rules, state, row, actor)
    smallest = rules.bet_size[at(state[at(row), at(BET_STREET)])]
    least = min(all_in, highest + max(state[at(row), at(BET_RAISE)], smallest))
    if rules.limit == NO_LIMIT:
        return least, all_in
    if rules.limit == FIXED_LIMIT:
        return least, least
    pot = 2 * highest - bet + state[at(row), at(BET_POT)]
    return least, min(all_in, max(least, pot))


@device
def apply_move(rules, state, source_row, target_row, move):
    """Write the state after a legal move (unchecked) of the actor.

    Args:
        rules: layout.BettingRules, read-only.
        state: (rows, betting_words(players)) int64; ``state[target_row]`` is written.
        source_row: the state before; it may be the same row.
        target_row: where the state after goes.
        move: FOLD, CALL, or the chips to bet or raise to.
    """
    players = rules.players
    row = target_row
    if source_row != target_row:
        for word in range(BET_SEATS + 2 * players):
            state[at(row), at(word)] = state[at(source_row), at(word)]
    actor = state[at(row), at(BET_ACTOR)]
    bit = np.int64(1) << actor
    state[at(row), at(BET_TO_ACT)] &= ~bit
    state[at(row), at(BET_ACTED)] |= bit
    if move == FOLD:
        state[at(row), at(BET_FOLDED)] |= bit
        if count_seats(state[at(row), at(BET_FOLDED)], players) == players - 1:
            state[at(row), at(BET_STATUS)] = FOLDED_OUT
            state[at(row), at(BET_ACTOR)] = -1
            state[at(row), at(BET_TO_ACT)] = 0
            return
    elif move == CALL:
        _put_in(rules, state, row, actor, call_amount(rules, state, row))
    else:
        _raise_to(rules, state, row, actor, move)
    waiting = state[at(row), at(BET_TO_ACT)]
    if waiting != 0:
        state[at(row), at(BET_ACTOR)] = _next_seat(waiting, actor, players)
    elif not _end_street(rules, state, row):
        _open_street(rules, state, row)


@device
def _put_in(rules, state, row, seat, chips):
    state[at(row), at(BET_SEATS + seat)] += chips
    state[at(row), at(BET_SEATS + rules.players + seat)] += chips
    state[at(row), at(BET_POT)] += chips
    if stack_left(rules, state, row, seat) == 0:
        state[at(row), at(BET_ALL_IN)] |= np.int64(1) << seat


@device
def _raise_to(rules, state, row, actor, target):
    """Bet or raise; short all-in raises add up until they make a full one."""
    increment = target - state[at(row), at(BET_HIGHEST)]
    _put_in(rules, state, row, actor, target - state[at(row), at(BET_SEATS + actor)])
    bit = np.int64(1) << actor
    everybody = (np.int64(1) << rules.players) - 1
    out = state[at(row), at(BET_FOLDED)] | state[at(row), at(BET_ALL_IN)]
    state[at(row), at(BET_TO_ACT)] = everybody & ~(out | bit)
    state[at(row), at(BET_HIGHEST)] = target
    state[at(row), at(BET_RAISES)] += 1
    if increment >= state[at(row), at(BET_RAISE)]:
        state[at(row), at(BET_ACTED)] = bit
        state[at(row), at(BET_RAISE)] = increment
    short = np.int64(0)
    if state[at(row), at(BET_ALL_IN)] & bit:
        short = state[at(row), at(BET_SHORT)] + increment
        if short >= state[at(row), at(BET_RAISE)]:
            short = np.int64(0)
    state[at(row), at(BET_SHORT)] = short


@device
def uncalled(rules, state, row):
    """Return the seat whose last bet or raise nobody matched, and by how much; -1 and 0 if none.

    These chips go back before the pots are made, whoever wins. Bets of folded seats match too.
    """
    largest, second = _two_largest(state, row, BET_SEATS, rules.players)
    if largest > second:
        for seat in range(rules.players):
            if state[at(row), at(BET_SEATS + seat)] == largest:
                return seat, largest - second
    return -1, np.int64(0)


@device
def losing_utility(rules, state, row, seat):
    """Return the net chips of ``seat`` in a finished hand if it wins no pot (at most 0)."""
    returned_to, returned = uncalled(rules, state, row)
    lost = state[at(row), at(BET_SEATS + rules.players + seat)]
    return returned - lost if seat == returned_to else -lost


@device
def pots(rules, state, row, amount, players_mask):
    """Write the pots of a finished hand, main pot first, uncalled chips and rake taken out.

    Args:
        rules: layout.BettingRules, read-only.
        state: (rows, betting_words(players)) int64, read-only; the hand is over (unchecked).
        row: which row.
        amount: (players,) int64, out; chips, after rake.
        players_mask: (players,) int64, out; bit s: seat s has not folded and may win the pot.

    Returns the number of pots. Neighbouring pots with the same seats are one; at a heads-up
    showdown there is exactly one, and when all but one have folded at most one.
    """
    players = rules.players
    returned_to, returned = uncalled(rules, state, row)
    folded = state[at(row), at(BET_FOLDED)]
    count = 0
    below = np.int64(0)
    extra = np.int64(rules.dead)
    if rules.dead_antes:
        for seat in range(players):
            extra += min(rules.ante[at(seat)], rules.stack[at(seat)])
    level = np.int64(0)
    while level >= 0:
        chips = extra
        extra = np.int64(0)
        mask = np.int64(0)
        following = np.int64(-1)
        for seat in range(players):
            layer = _layered(rules, state, row, seat)
            if seat == returned_to:
                layer -= returned
            chips += min(layer, level) - min(layer, below)
            if layer >= level and not (folded >> seat) & 1:
                mask |= np.int64(1) << seat
            if layer > level and (following < 0 or layer < following):
                following = layer
        if count > 0 and players_mask[at(count - 1)] == mask:
            amount[at(count - 1)] += chips
        elif chips > 0:
            amount[at(count)] = chips
            players_mask[at(count)] = mask
            count += 1
        below = level
        level = following
    _take_rake(rules, state, row, amount, count)
    return count


@device
def _layered(rules, state, row, seat):
    """Return the chips of a seat that count for side pots: all but dead antes."""
    chips = state[at(row), at(BET_SEATS + rules.players + seat)]
    if rules.dead_antes:
        chips -= min(rules.ante[at(seat)], rules.stack[at(seat)])
    return chips


@device
def _take_rake(rules, state, row, amount, count):
    """Take the rake on all pots together from each in proportion, in whole chips.

    The shares are rounded so that those of the first pots together are rounded down.
    """
    seen = state[at(row), at(BET_STATUS)] == AT_SHOWDOWN
    if rules.rake_fraction <= 0.0 or (
        not seen and real_street(rules, state, row) < rules.rake_from_street
    ):
        return
    total = np.int64(0)
    for pot in range(count):
        total += amount[at(pot)]
    rake = np.int64(np.floor(total * rules.rake_fraction + _ROUNDING))
    rake = min(rake, np.int64(rules.rake_cap), total)
    gathered = np.int64(0)
    taken = np.int64(0)
    for pot in range(count):
        gathered += amount[at(pot)]
        due = gathered * rake // total
        amount[at(pot)] -= due - taken
        taken = due


@kernel
def begin_hand(rules, state):
    """Write the opening state of a hand to ``state``, (1, betting_words(players)) int64."""
    start_hand(rules, state, 0)


@kernel
def play_move(rules, state, move):
    """Turn ``state``, (1, betting_words(players)) int64, into the state after a legal move."""
    apply_move(rules, state, 0, 0, move)


@kernel
def legal_range(rules, state, found):
    """Write call amount, least and most raise to ``found``, (3,) int64; zeros at the end."""
    for place in range(3):
        found[at(place)] = 0
    if state[0, at(BET_STATUS)] == PLAYING:
        found[0] = call_amount(rules, state, 0)
        found[1], found[2] = raise_bounds(rules, state, 0)


@kernel
def settle_hand(rules, state, amount, players_mask, losing):
    """Write pots as ``pots`` does, and each seat's losing utility to ``losing``; return pots."""
    for seat in range(rules.players):
        losing[at(seat)] = losing_utility(rules, state, 0, seat)
    return pots(rules, state, 0, amount, players_mask)
