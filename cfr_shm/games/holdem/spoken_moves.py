"""What an action of a line, or one that somebody types, means in a hand: a legal move in chips."""

from __future__ import annotations

import math

from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.lines import (
    ALL_IN,
    BIG_BLINDS,
    CALL,
    CHECK,
    CHIPS,
    FOLD,
    MULTIPLE,
    Action,
    chips_text,
)
from cfr_shm.layout.betting import CALL as CALL_MOVE
from cfr_shm.layout.betting import FOLD as FOLD_MOVE

#: 0.29 * 100 is a little less than 29.
_ROUNDING = 1e-6


def move_of(action: Action, hand: Hand, big_blind: float | None) -> int:
    """Return the move that an action stands for.

    Args:
        action: as games/holdem/lines.py reads it.
        hand: where it is done; not over.
        big_blind: chips; None: sizes cannot be in big blinds.

    Raises:
        UsageError: it is not legal; the message is the reason alone.

    >>> from cfr_shm.games.holdem.betting import betting_rules
    >>> from cfr_shm.games.holdem.lines import parse_line
    >>> hand = Hand(betting_rules(players=2, blinds=[50, 100], stacks=1000))
    >>> [move_of(parse_line(text)[0][0], hand, 100) for text in ("c", "b2.5bb", "b1p", "a")]
    [0, 250, 300, 1000]
    """
    move = _move(action, hand, big_blind)
    reason = hand.refusal(move)
    if reason is not None:
        if move > 0 and hand.raise_bounds is not None:
            least, most = (chips_text(chips, big_blind) for chips in hand.raise_bounds)
            bounds = least if least == most else f"{least} up to {most}"
            reason = f"a bet or raise is to {bounds}, not {chips_text(move, big_blind)}"
        raise UsageError(reason)
    return move


def all_in_move(hand: Hand) -> int:
    """Return the chips that the actor's all-in raises to."""
    return hand.street_bets[hand.actor] + hand.stacks[hand.actor]


def _move(action: Action, hand: Hand, big_blind: float | None) -> int:
    if action.kind == FOLD:
        return FOLD_MOVE
    if action.kind == CHECK:
        if hand.call_amount > 0:
            raise UsageError(f"there are {chips_text(hand.call_amount, big_blind)} to call")
        return CALL_MOVE
    if action.kind == CALL:
        if hand.call_amount == 0:
            raise UsageError("there is nothing to call")
        return CALL_MOVE
    if action.kind == ALL_IN:
        if hand.raise_bounds is None and hand.call_amount == hand.stacks[hand.actor]:
            return CALL_MOVE
        return all_in_move(hand)
    return _size(action, hand, big_blind)


def _size(action: Action, hand: Hand, big_blind: float | None) -> int:
    """Return the chips to bet or raise to; sizes that are relative are at least a raise."""
    number = float(action.number)
    if action.unit == CHIPS:
        return int(action.number)
    if action.unit == BIG_BLINDS:
        if big_blind is None:
            raise UsageError("this game has no big blind; write chips")
        return math.floor(number * big_blind + _ROUNDING)
    if action.unit == MULTIPLE:
        if hand.highest_bet == 0:
            raise UsageError("nobody has bet, so there is nothing to multiply")
        size = math.floor(number * hand.highest_bet + _ROUNDING)
    else:
        pot = hand.pot + hand.call_amount
        size = hand.highest_bet + math.floor(number * pot + _ROUNDING)
    return max(size, hand.raise_bounds[0]) if hand.raise_bounds else size
