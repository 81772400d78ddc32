"""What a player does with each class of hole cards at one place of a game, as a square chart.

A *class* is a pair, or two ranks suited or not: 169 of 52 cards. Pairs lie on the diagonal from
the best in the upper left corner, suited hands above it, others below it. Where hands of a class
differ (after the flop, or with few preflop buckets), a cell averages them as they come there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT
from cfr_shm.games.holdem.lines import ALL_IN, CALL, CHECK, FOLD, RAISE

#: What is shown as all, or nothing, of a class; less than half a per cent.
NEGLIGIBLE = 0.005

_LETTERS = {FOLD: "F", CHECK: "X", CALL: "C", ALL_IN: "A"}
_SIZES = "123456789abcdefghijklmnopqrstuvwxyz"


class ChartAction(NamedTuple):
    """One action that the chart tells about."""

    token: str  # as a line writes it
    name: str  # for people, e.g. "raise to 500"
    kind: str  # FOLD, CHECK, CALL, RAISE or ALL_IN
    letter: str  # stands for it where there is no colour
    shade: float  # 0 for the smallest raise to 1 for the largest; 0 for other kinds

    def text(self, share: float) -> str:
        """Return letter and per cent, e.g. "F98", or "2:57" where the letter is a digit."""
        return f"{self.letter}{'' if self.letter.isalpha() else ':'}{100.0 * share:.0f}"


class Hands(NamedTuple):
    """What is known of each hand that a player may hold, at one decision node.

    A hand whose row was never visited has no strategy; its line of ``probability`` is not read.
    """

    cards: NDArray[np.uint8]  # (hands, 2)
    weight: NDArray[np.float64]  # (hands,), own reach times weight in the starting range, 0 to 1
    row: NDArray[np.int64]  # (hands,), the infoset's row
    visits: NDArray[np.float64]  # (hands,), of the row
    probability: NDArray[np.float64]  # (hands, actions)


class Cell(NamedTuple):
    """One class of hole cards."""

    name: str
    hands: int  # that the board leaves
    weight: float  # share of them that come here, 0 to 1
    visits: float  # of all rows that these hands have
    visited: float  # share of those that come here whose row was ever visited
    probability: tuple[float, ...] | None  # by action; None: no row was ever visited


class RangeChart(NamedTuple):
    """A chart and its totals."""

    ranks: str  # best first
    actions: tuple[ChartAction, ...]
    cells: tuple[tuple[Cell, ...], ...]  # [row][column]
    totals: tuple[float, ...]  # share of each action in all visited hands that come here
    hands: int  # that the board leaves
    hands_here: float  # of them that come here
    unvisited: float  # share of those that come here whose rows were never visited


def chart_actions(described: Sequence[tuple[str, str, str]]) -> tuple[ChartAction, ...]:
    """Give letters and shades to actions of (token, name, kind), in their order.

    A single size is ``B`` or ``R`` as its token is, several are numbered from the smallest.
    """
    sizes = [index for index, (_, _, kind) in enumerate(described) if kind == RAISE]
    raises = [index for index, (_, _, kind) in enumerate(described) if kind in (RAISE, ALL_IN)]
    actions = []
    for index, (token, name, kind) in enumerate(described):
        if kind != RAISE:
            letter = _LETTERS[kind]
        elif len(sizes) == 1:
            letter = token[:1].upper()
        else:
            letter = _SIZES[min(sizes.index(index), len(_SIZES) - 1)]
        shade = raises.index(index) / max(len(raises) - 1, 1) if index in raises else 0.0
        actions.append(ChartAction(token, name, kind, letter, shade))
    return tuple(actions)


def range_chart(ranks: str, actions: Sequence[ChartAction], hands: Hands) -> RangeChart:
    """Return the chart of ``hands``.

    Args:
        ranks: that are dealt, lowest first; card ``c`` has rank ``c // 4``.
        actions: of the node.
        hands: every hand that the player may hold.
    """
    count = len(ranks)
    rank, suit = np.divmod(hands.cards.astype(np.int64), SUIT_COUNT)
    better, worse = count - 1 - rank.max(axis=1), count - 1 - rank.min(axis=1)
    suited = suit[:, 0] == suit[:, 1]
    place = np.where(suited, better * count + worse, worse * count + better)
    found = _cells(hands, place, count * count)
    best_first = ranks[::-1]
    cells = tuple(
        tuple(
            Cell(class_name(best_first, row, column), *found[row * count + column])
            for column in range(count)
        )
        for row in range(count)
    )
    here = float(hands.weight.sum())
    known = hands.visits > 0.0
    weight = hands.weight * known
    total = float(weight.sum())
    shares = weight @ hands.probability / total if total > 0.0 else np.zeros(len(actions))
    return RangeChart(
        ranks=best_first,
        actions=tuple(actions),
        cells=cells,
        totals=tuple(shares.tolist()),
        hands=len(hands.cards),
        hands_here=here,
        unvisited=1.0 - total / here if here > 0.0 else 0.0,
    )


def class_name(ranks: str, row: int, column: int) -> str:
    """Return what the class at a place of the chart is called; ``ranks`` are best first.

    Example:
        >>> class_name("AKQ", 0, 0), class_name("AKQ", 0, 1), class_name("AKQ", 2, 0)
        ('AA', 'AKs', 'AQo')
    """
    first, second = ranks[min(row, column)], ranks[max(row, column)]
    return first + second + ("" if row == column else "s" if column > row else "o")


def _cells(
    hands: Hands, place: NDArray[np.int64], places: int
) -> list[tuple[int, float, float, float, tuple[float, ...] | None]]:
    """Return what cells hold after their names, by place; all at once, ten times as fast."""

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.bincount(place, values, places).astype(np.float64)
        return found

    count = np.bincount(place, minlength=places)
    total = summed(hands.weight)
    # Nobody comes here with such a hand: what would be done with it, each hand alike.
    share = np.where(total[place] > 0.0, hands.weight, 1.0)
    known = share * (hands.visits > 0.0)
    shared, seen = summed(share), summed(known)
    rows = hands.row - hands.row.min(initial=0)
    _, first = np.unique(place * (rows.max(initial=0) + 1) + rows, return_index=True)
    visits = np.bincount(place[first], hands.visits[first], places)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.stack([summed(known * column) for column in hands.probability.T], axis=1)
        means /= seen[:, None]
        weight, visited = total / count, seen / shared
    columns = zip(
        count.tolist(), weight.tolist(), visits.tolist(), visited.tolist(), means.tolist(),
        strict=True,
    )  # fmt: skip
    return [
        (hands_there, *told, tuple(shares) if told[-1] > 0.0 else None)
        if hands_there
        else (0, 0.0, 0.0, 0.0, None)
        for hands_there, *told, shares in columns
    ]
