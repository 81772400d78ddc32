"""A hand that was played somewhere, in our words: what every protocol is read to and written from.

Seats are ours: by position after the button, heads-up seat 0 has button and small blind. The
protocols number heads-up seats the other way round; each turns them itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from cfr_shm.cards.deck import STANDARD, Deck
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.layout.betting import AT_SHOWDOWN, BettingRules

#: Board cards that lie on each street of hold'em, preflop to river.
BOARD_COUNT = (0, 3, 4, 5)


class PlayedHand(NamedTuple):
    """What was dealt, done and, where the source says so, paid; it may be unfinished."""

    rules: BettingRules
    moves: tuple[int, ...]  # in order: FOLD, CALL, or chips to bet or raise to on the street
    holes: tuple[tuple[int, ...], ...]  # by seat; empty where they are not known
    board: tuple[int, ...]  # in the order of dealing
    names: tuple[str, ...] = ()  # by seat; empty where nobody has a name
    paid: tuple[int, ...] | None = None  # net chips by seat, as the source says
    unit: Fraction = Fraction(1)  # what a chip is worth in the source's money
    number: int | None = None  # which hand it is, as the source counts
    deck: Deck = STANDARD

    @property
    def last(self) -> Hand:
        """The hand after its last move."""
        hand = Hand(self.rules)
        for move in self.moves:
            hand = hand.apply(move)
        return hand


def decisions(played: PlayedHand) -> Iterator[tuple[Hand, int]]:
    """Yield every place at which somebody moved, with the move."""
    hand = Hand(played.rules)
    for move in played.moves:
        yield hand, move
        hand = hand.apply(move)


def board_on(hand: Hand, board: Sequence[int]) -> tuple[int, ...]:
    """Return the cards of ``board`` that lie there on the hand's street."""
    return tuple(board[: BOARD_COUNT[int(hand.rules.real_street[hand.street])]])


def strengths_of(played: PlayedHand, hand: Hand) -> tuple[int, ...] | None:
    """Return the strength of each hand at the showdown, 0 of who folded; None: not all known."""
    found = []
    for seat in range(played.rules.players):
        if seat in hand.folded:
            found.append(0)
            continue
        if not played.holes[seat] or len(played.board) != BOARD_COUNT[-1]:
            return None
        found.append(evaluate(played.deck, (*played.holes[seat], *played.board)))
    return tuple(found)


def payoffs_of(played: PlayedHand) -> tuple[int, ...] | None:
    """Return each seat's net chips by our rules; None: unfinished, or not all hands are known."""
    hand = played.last
    if not hand.finished:
        return None
    if hand.status != AT_SHOWDOWN:
        return hand.payoffs()
    strengths = strengths_of(played, hand)
    return None if strengths is None else hand.payoffs(strengths)


def even_payoffs(hand: Hand, strengths: Sequence[int] = ()) -> tuple[Fraction, ...]:
    """Return each seat's net chips where pots are split to fractions of a chip, as ACPC does."""
    payoff = [Fraction(chips) for chips in hand.losing_utility()]
    for pot in hand.pots():
        best = max((strengths[seat] for seat in pot.seats), default=0) if strengths else 0
        winners = [seat for seat in pot.seats if not strengths or strengths[seat] == best]
        for seat in winners:
            payoff[seat] += Fraction(pot.amount, len(winners))
    return tuple(payoff)


def refuse_card_twice(cards: Sequence[int], deck: Deck = STANDARD) -> None:
    """Refuse cards among which one is twice.

    Raises:
        UsageError: naming it.
    """
    for place, card in enumerate(cards):
        if card in cards[:place]:
            raise UsageError(f"the card {deck.text([card])} is dealt twice")
