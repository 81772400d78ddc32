"""Moves, readings and decisions in words."""

from __future__ import annotations

from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.line_walk import position
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.strategy.player import Decision, Reading


def action_text(hand: Hand, move: int) -> str:
    """Return what a move of the seat to act is called: ``fold``, ``call 150``, ``raise to 600``.

    >>> from cfr_shm.games.holdem.betting import betting_rules
    >>> hand = Hand(betting_rules(players=2, blinds=[50, 100], stacks=1000))
    >>> [action_text(hand, move) for move in (FOLD, CALL, 300, 1000)]
    ['fold', 'call 50', 'raise to 300', 'all-in 1,000']
    """
    if move == FOLD:
        return "fold"
    if move == CALL:
        if not hand.call_amount:
            return "check"
        whole = " all-in" if hand.call_amount == hand.stacks[hand.actor] else ""
        return f"call {hand.call_amount:,}{whole}"
    if move == hand.street_bets[hand.actor] + hand.stacks[hand.actor]:
        return f"all-in {move:,}"
    return f"raise to {move:,}" if hand.highest_bet else f"bet {move:,}"


def move_words(hand: Hand, move: int) -> str:
    """Return who does what: ``BTN raises to 600``."""
    words = action_text(hand, move)
    verb, _, rest = words.partition(" ")
    told = f"goes {words}" if verb == "all-in" else f"{verb}s {rest}".rstrip()
    return f"{position(hand.actor, hand.rules.players)} {told}"


def reading_text(hand: Hand, reading: Reading) -> str:
    """Return how a move was read where that is worth a word, else nothing."""
    if reading.node is None:
        return "; the tree's hand is over"
    if reading.known is None:
        return "; the tree has no such move"
    if reading.size is None or reading.known_size is None:
        return ""
    if abs(reading.size - reading.known_size) <= 1e-9:
        return ""
    known = "check" if not hand.call_amount else "call"
    if reading.known > 0:
        known = f"{reading.known_size:.3g} pot"
    return f"; {reading.size:.3g} pot read as {known}"


def decision_text(hand: Hand, decision: Decision) -> str:
    """Return what a strategy does: ``fold 12.5 %, call 50 87.5 %``."""
    if decision.node is None:
        return f"{action_text(hand, decision.moves[0])} (the tree's hand is over)"
    pairs = zip(decision.moves, decision.probabilities, strict=True)
    return ", ".join(f"{action_text(hand, move)} {share:.1%}" for move, share in pairs)
