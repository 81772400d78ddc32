"""The grammar of public lines: what was done in a hand so far, in one line of text.

::

    line    = [ street { "/" street } ]
    street  = [ action { separator action } ]
    separator = one or more spaces or "-"
    action  = "f"                     fold
            | "x"                     check
            | "c"                     call
            | ("b" | "r") size        bet or raise TO that much on this street
            | "a" | "allin"           bet or raise all-in
    size    = NUMBER                  chips
            | NUMBER "bb"             big blinds
            | NUMBER "x"              times the highest bet of the street
            | NUMBER "p" | NUMBER "%" fraction, or percent, of the pot after calling, on top of
                                      the highest bet

``b`` and ``r`` mean the same, capital letters are as good as small ones, and a ``/`` may be left
out: the street ends when the last player has acted. Blinds are not written. The empty line is
the start of the hand.

In ``b2.5bb c / x b0.5p`` the first player raises to two and a half big blinds, the second calls,
and on the flop the second checks and the first bets half the pot.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from cfr_shm.errors import UsageError

FOLD, CHECK, CALL, RAISE, ALL_IN = "fold", "check", "call", "raise", "all-in"
CHIPS, BIG_BLINDS, MULTIPLE, POT_FRACTION = "chips", "bb", "x", "p"

_WORDS = {"f": FOLD, "x": CHECK, "c": CALL, "a": ALL_IN, "allin": ALL_IN}
_RAISE = re.compile(r"[br]([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(bb|x|p|%)?")
_UNITS = {None: CHIPS, "bb": BIG_BLINDS, "x": MULTIPLE, "p": POT_FRACTION, "%": POT_FRACTION}

#: Longer numbers are mistakes, and some would take long to compute with.
_MOST_DIGITS = 18

#: For error messages.
FORMS = "f, x, c, a, or b and a size: 500 (chips), 2.5bb, 3x, 0.5p, 50%"


class Action(NamedTuple):
    """One action of a line, as written: its meaning depends on where it stands."""

    text: str
    place: int  # counted from 1 over the whole line
    kind: str  # FOLD, CHECK, CALL, RAISE or ALL_IN
    unit: str = CHIPS  # of a RAISE: CHIPS, BIG_BLINDS, MULTIPLE or POT_FRACTION
    number: Fraction = Fraction(0)  # in that unit

    @property
    def where(self) -> str:
        """Return how error messages call the action."""
        return f"action {self.place}, {self.text!r}"


#: The actions of each street that a line reaches; streets that the text does not separate are
#: one. The last element may be empty: the line ends where a street begins.
Line = tuple[tuple[Action, ...], ...]


def parse_line(text: str) -> Line:
    """Return the actions that ``text`` names, by street as far as ``/`` separates them.

    Raises:
        UsageError: an action that the grammar does not have.

    Example:
        >>> [action.kind for action in parse_line("b2.5bb c / x")[0]]
        ['raise', 'call']
    """
    streets: list[tuple[Action, ...]] = []
    place = 0
    for part in text.split("/"):
        actions = []
        for word in part.replace("-", " ").split():
            place += 1
            actions.append(_action(word, place, text))
        streets.append(tuple(actions))
    return tuple(streets)


def raise_text(move: int, big_blind: float | None, opens: bool) -> str:
    """Return how a bet or raise to ``move`` chips is written.

    Args:
        move: chips, above 0.
        big_blind: chips; sizes are then written in big blinds where that is short and exact.
        opens: whether it is the street's first bet or raise.
    """
    return ("b" if opens else "r") + chips_text(move, big_blind)


def chips_text(chips: int, big_blind: float | None) -> str:
    """Return an amount as the grammar writes it: big blinds where short and exact, else chips.

    Example:
        >>> chips_text(500, 200), chips_text(533, 200), chips_text(1001, 300)
        ('2.5bb', '2.665bb', '1001')
    """
    if big_blind:
        shown = f"{chips / big_blind:.3f}".rstrip("0").rstrip(".")
        if Fraction(shown) * Fraction(big_blind) == chips:
            return f"{shown}bb"
    return str(chips)


def _action(word: str, place: int, line: str) -> Action:
    lowered = word.lower()
    kind = _WORDS.get(lowered)
    if kind is not None:
        return Action(word, place, kind)
    found = _RAISE.fullmatch(lowered)
    if found is None or len(found[1]) > _MOST_DIGITS:
        raise UsageError(f"line {line!r}: action {place}, {word!r}, is none: expected {FORMS}")
    number = Fraction(found[1])
    if found[2] == "%":
        number /= 100
    unit = _UNITS[found[2]]
    if number <= 0:
        raise UsageError(f"line {line!r}: action {place}, {word!r}: a size is above 0")
    if unit == CHIPS and number.denominator != 1:
        raise UsageError(
            f"line {line!r}: action {place}, {word!r}: chips are whole; for big blinds write "
            f"{word}bb, for a part of the pot {word}p"
        )
    return Action(word, place, RAISE, unit, number)
