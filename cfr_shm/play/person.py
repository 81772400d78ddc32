"""A person at a terminal: is shown the hand, types moves, and is told how it went."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from cfr_shm.cards.deck import Deck
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.line_walk import position
from cfr_shm.games.holdem.lines import parse_line
from cfr_shm.games.holdem.spoken_moves import move_of
from cfr_shm.layout.betting import AT_SHOWDOWN, CALL, FOLD
from cfr_shm.play.own_table import TableHand, Turn
from cfr_shm.play.replayed_hands import is_translated
from cfr_shm.play.words import action_text, decision_text, move_words
from cfr_shm.strategy.player import Decision

STREETS = ("preflop", "flop", "turn", "river")
#: A size may stand apart from its letter.
_SPACED = re.compile(r"^([brBR])\s+")
_LEAVES = ("q", "quit", "exit")


class GuestLeft(Exception):  # noqa: N818 - nothing went wrong
    """The person does not want to go on."""


class Person:
    """A guest who types; see ``own_table.Guest``.

    Args:
        read: asks with a text and returns a line, None where there is no more.
        tell: shows a line.
        deck: how cards are written.
        big_blind: chips; None: sizes cannot be typed in big blinds.
    """

    def __init__(
        self,
        read: Callable[[str], str | None],
        tell: Callable[[str], None],
        deck: Deck,
        big_blind: float | None,
    ) -> None:
        self._read, self._tell = read, tell
        self._deck, self._big_blind = deck, big_blind
        self._street = -1
        self.seat = 0

    def sit(self, seat: int, number: int, hand: Hand, hole: Sequence[int]) -> None:
        """Begin a hand in a seat."""
        self.seat, self._street = seat, -1
        players = hand.rules.players
        self._tell("")
        self._tell(
            f"hand {number}: you are {position(seat, players)} with {self._cards(hole)}, "
            f"{hand.rules.stack[seat]:,} chips"
        )

    def move(self, hand: Hand, hole: Sequence[int], board: Sequence[int]) -> int:
        """Ask until a move is legal.

        Raises:
            GuestLeft: the person leaves, or there is nothing more to read.
        """
        self._show_street(hand, board)
        to_call = f"{hand.call_amount:,} to call" if hand.call_amount else "nothing to call"
        self._tell(
            f"  your turn with {self._cards(hole)}: pot {hand.pot:,}, {to_call}, "
            f"{hand.stacks[hand.actor]:,} behind"
        )
        self._tell(f"  {self._choices(hand)}")
        while True:
            line = self._read("> ")
            if line is None or leaves(line):
                raise GuestLeft
            try:
                return typed_move(line, hand, self._big_blind)
            except UsageError as error:
                self._tell(f"  {error}; {self._choices(hand)}")

    def see(self, hand: Hand, move: int, board: Sequence[int]) -> None:
        """Show what somebody else does."""
        self._show_street(hand, board)
        if hand.actor != self.seat:
            self._tell(f"  {move_words(hand, move)}")

    def _choices(self, hand: Hand) -> str:
        words = []
        if hand.may_fold:
            words.append("f fold")
        words.append(f"{'c' if hand.call_amount else 'x'} {action_text(hand, CALL)}")
        if hand.raise_bounds is not None:
            least, most = hand.raise_bounds
            bounds = f"{least:,}" + (f" up to {most:,}" if least != most else "")
            words.append(f"b SIZE {'raise to' if hand.highest_bet else 'bet'} {bounds}")
            words.append("a all-in")
        return ", ".join(words) + ", q leave"

    def _show_street(self, hand: Hand, board: Sequence[int]) -> None:
        if hand.street == self._street:
            return
        self._street = hand.street
        name = STREETS[int(hand.rules.real_street[hand.street])]
        cards = f" {self._cards(board)}" if board else ""
        self._tell(f" {name}{cards}: pot {hand.pot:,}")

    def _cards(self, cards: Sequence[int]) -> str:
        return " ".join(self._deck.text([card]) for card in cards)


def leaves(line: str | None) -> bool:
    """Return whether what was typed, or the end of the input, means that somebody leaves."""
    return line is None or line.strip().lower() in _LEAVES


def typed_move(text: str, hand: Hand, big_blind: float | None) -> int:
    """Return the legal move that somebody typed, as lines write it; a size may stand apart.

    Raises:
        UsageError: it is no move, or not legal; the message is the reason.
    """
    typed = _SPACED.sub(r"\1", text.strip())
    actions = [action for street in parse_line(typed) for action in street]
    if len(actions) != 1:
        raise UsageError("one move at a time")
    return move_of(actions[0], hand, big_blind)


def hand_report(found: TableHand, seat: int, review: bool) -> Iterator[str]:
    """Yield how a hand ended for a seat, which of its sizes were translated, and a review."""
    played = found.played
    hand, text = played.last, played.deck.text
    players = played.rules.players
    if hand.status == AT_SHOWDOWN:
        live = [each for each in range(players) if each not in hand.folded]
        shown = ", ".join(f"{position(each, players)} {text(played.holes[each])}" for each in live)
        yield f"  showdown on {text(played.board) or 'no board'}: {shown}"
    won = 0 if played.paid is None else played.paid[seat]
    yield f"  you {'win' if won > 0 else 'lose' if won < 0 else 'end even'}" + (
        f" {abs(won):,}" if won else ""
    )
    for turn in found.turns:
        if turn.reading.seat == seat and is_translated(turn.reading):
            yield f"  {_translation(turn)}"
    if review:
        for turn in found.turns:
            if turn.by_guest and turn.decision is not None:
                yield f"  {_review(turn, turn.decision)}"


def _translation(turn: Turn) -> str:
    known = turn.reading.known
    as_what = "a check or call"
    if known is not None and known > 0:
        as_what = f"one of {turn.reading.known_size:.3g} pot"
    return (
        f"your {action_text(turn.hand, turn.reading.move)} ({turn.reading.size:.3g} pot) is not in "
        f"its tree; it was read as {as_what}"
    )


def _review(turn: Turn, decision: Decision) -> str:
    street = STREETS[int(turn.hand.rules.real_street[turn.hand.street])]
    move = turn.reading.move
    share = 0.0
    if move in decision.moves:
        share = decision.probabilities[decision.moves.index(move)]
    did = "fold" if move == FOLD else action_text(turn.hand, move)
    return f"{street}: {did} ({share:.1%}); the strategy: {decision_text(turn.hand, decision)}"
