"""Bet sizes as players write them, and the amounts that they come to.

``60%`` of the pot (for a raise: of the pot after the call, on top of the bet), a bare ``60`` and
``0.6p`` the same, ``2.5x`` the bet (raises only), ``100c`` chips (for a raise: on top of the bet),
``e`` geometric over the streets left, ``2e`` over two, ``3e200%`` with a cap in % of the pot,
``a`` all-in. Separated by commas, semicolons or blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from cfr_shm.cards.pasted_text import plain_text
from cfr_shm.errors import UsageError

NO_SIZES = "none"
_EXAMPLES = "write for example '60%, 2.5x, 100c, e, 2e, 3e200%, a'"
_NUMBER = r"(?P<number>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_PLAIN = re.compile(_NUMBER + r"(?P<unit>%|x|c|p|)")
#: Blanks between a number and its unit, and within "all in".
_JOINTS = re.compile(r"(?<=[0-9.])\s+(?=[%xcp](?![a-z]))|(?<=\ball)[\s-]+(?=in\b)")
_GEOMETRIC = re.compile(r"(?P<streets>[1-9]?)e(?:(?P<cap>\d{1,9}(?:\.\d{0,9})?)%?)?")


class Size(NamedTuple):
    """One size: ``%``, ``x``, ``c``, ``e`` or ``a``, and its number."""

    unit: str
    number: float = 0.0
    cap: float = float("inf")  # of a geometric size, in pots


def parse_sizes(text: str, *, raises: bool, place: str) -> tuple[Size, ...]:
    """Return the sizes that ``text`` lists; ``none``, or nothing, are none at all.

    Args:
        text: the list.
        raises: whether it lists raises; ``x`` means nothing for a first bet.
        place: what to call the list in errors.

    Raises:
        UsageError: a piece that is no size.

    >>> parse_sizes("60%, 2e, a", raises=False, place="bets")[1]
    Size(unit='e', number=2.0, cap=inf)
    """
    written = _JOINTS.sub("", plain_text(text).strip().lower())
    if written in ("", NO_SIZES):
        return ()
    return tuple(_size(piece, raises, place) for piece in re.split(r"[,;\s]+", written) if piece)


def _size(piece: str, raises: bool, place: str) -> Size:
    if piece in ("a", "allin"):
        return Size("a")
    found = _GEOMETRIC.fullmatch(piece)
    if found is not None:
        cap = float(found["cap"]) / 100 if found["cap"] else float("inf")
        return Size("e", float(found["streets"] or 0), cap)
    found = _PLAIN.fullmatch(piece)
    if found is None:
        raise UsageError(f"{place}: {piece[:30]!r} is no bet size; {_EXAMPLES}")
    unit, number = found["unit"] or "%", float(found["number"])
    if unit == "p":
        unit, number = "%", 100.0 * number
    if unit == "x" and (not raises or number <= 1.0):
        why = "must be more than 1x" if raises else "a first bet has no bet to multiply"
        raise UsageError(f"{place}: {piece[:30]!r}: {why}; {_EXAMPLES}")
    if number <= 0.0:
        raise UsageError(f"{place}: {piece[:30]!r} makes no move: it bets nothing; {_EXAMPLES}")
    return Size(unit, number / 100 if unit == "%" else number)


@dataclass(frozen=True)
class Thresholds:
    """When sizes are added, become all-in, or are left out; all in pots, 0 for never.

    Attributes:
        add_allin: all-in is added where it comes to at most so many pots.
        force_allin: a bet is all-in where the stacks would be at most so many pots after a call.
        merge: a size is dropped where (1 + the next larger) / (1 + it) is below 1 + this.
        chip: the smallest amount; bets are rounded to its multiples.
    """

    add_allin: float = 0.0
    force_allin: float = 0.0
    merge: float = 0.0
    chip: float = 1.0


class Facing(NamedTuple):
    """What a player who may bet is up against; amounts of this street."""

    pot: float  # after a call
    bet: float  # the other's bet so far, 0 if there is none
    least: float  # smallest legal bet or raise, as a total
    most: float  # all-in, as a total
    streets: int  # left, this one included


def amounts(sizes: tuple[Size, ...], facing: Facing, thresholds: Thresholds) -> list[float]:
    """Return the totals that a player may bet or raise to, ascending.

    Sizes are clamped to what is legal; then all-in is added or forced, equal amounts are one,
    and near ones are merged from the largest down.
    """
    if facing.most <= facing.bet:
        return []
    wanted = [_total(size, facing) for size in sizes]
    found = {_legal(total, facing, thresholds.chip) for total in wanted}
    allin_pots = (facing.most - facing.bet) / facing.pot
    if thresholds.add_allin > 0.0 and allin_pots <= thresholds.add_allin:
        found.add(facing.most)
    forced = {_forced(total, facing, thresholds) for total in found}
    return _merged(sorted(forced), facing, thresholds.merge)


def _total(size: Size, facing: Facing) -> float:
    if size.unit == "a":
        return facing.most
    if size.unit == "x":
        return size.number * facing.bet
    if size.unit == "c":
        return facing.bet + size.number
    if size.unit == "%":
        return facing.bet + size.number * facing.pot
    return facing.bet + facing.pot * min(_geometric(size, facing), size.cap)


def _geometric(size: Size, facing: Facing) -> float:
    """Return the part of the pot that, bet on every street left, comes to all-in."""
    streets = size.number or facing.streets
    depth = (facing.most - facing.bet) / facing.pot
    return float(((2.0 * depth + 1.0) ** (1.0 / streets) - 1.0) / 2.0)


def _legal(total: float, facing: Facing, chip: float) -> float:
    # Half a chip is rounded up: 1e-9 makes up for decimals that binary has not.
    rounded = int(total / chip + 0.5 + 1e-9) * chip
    return min(max(rounded, facing.least), facing.most)


def _forced(total: float, facing: Facing, thresholds: Thresholds) -> float:
    if thresholds.force_allin <= 0.0:
        return total
    left = facing.most - total
    pot_after_call = facing.pot + 2.0 * (total - facing.bet)
    return facing.most if left <= thresholds.force_allin * pot_after_call else total


def _merged(totals: list[float], facing: Facing, threshold: float) -> list[float]:
    """Drop, from the largest down, what is too near to the last one that was kept."""
    if threshold <= 0.0 or not totals:
        return totals
    kept = [totals[-1]]
    for total in reversed(totals[:-1]):
        larger, smaller = ((each - facing.bet) / facing.pot for each in (kept[-1], total))
        if (1.0 + larger) / (1.0 + smaller) >= 1.0 + threshold:
            kept.append(total)
    return kept[::-1]
