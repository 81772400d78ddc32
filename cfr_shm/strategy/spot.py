"""What a training table says at one place of a hold'em game: strategy, reach and ranges.

Reach leaves chance out: a hand's *own reach* is the product of the probabilities with which the
average strategy takes the player's own actions along the line. Times the hand's weight in the
starting range it says how much of the hand is in the player's range at the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.hole_cards import HoleCards, check_board
from cfr_shm.games.holdem.line_walk import Place
from cfr_shm.layout.policy import BLOCKED
from cfr_shm.strategy.range_chart import Hands
from cfr_shm.strategy.row_sums import RowSums, averaged


class Rows(NamedTuple):
    """The average strategy of some rows of one node."""

    row: NDArray[np.int64]  # (rows,), first entry
    weight: NDArray[np.float64]  # (rows,), strategy weight; 0: never visited
    probability: NDArray[np.float64]  # (rows, actions), sums to 1; uniform if never visited


class SeatRange(NamedTuple):
    """The hands that a seat may hold at a place."""

    seat: int
    folded: bool
    cards: NDArray[np.uint8]  # (hands, 2), none of them on the board
    start: NDArray[np.float64]  # (hands,), weight in the starting range, 0 to 1
    reach: NDArray[np.float64]  # (hands,), own reach
    guessed: NDArray[np.bool_]  # (hands,), the line leads through rows never visited

    def share(self, dead: Sequence[int] = ()) -> float | None:
        """Return the part of the starting range that comes here, without hands that hold ``dead``.

        None where no hand is left.
        """
        weight = self.start * ~np.isin(self.cards, list(dead)).any(axis=1)
        total = float(weight.sum())
        return float(weight @ self.reach) / total if total > 0.0 else None


class Spot(NamedTuple):
    """Everything that is known at a place, for a given board."""

    place: Place
    board: tuple[int, ...]
    ranges: tuple[SeatRange, ...]  # by seat
    bucket: NDArray[np.int64]  # (hands,), of the acting seat's hands
    hands: Hands  # of the acting seat

    def index_of(self, hole: Sequence[int]) -> int:
        """Return the index of a hand of the acting seat.

        Raises:
            UsageError: the seat cannot hold it here.
        """
        wanted = np.sort(np.array(hole, np.uint8))
        found = np.flatnonzero((np.sort(self.hands.cards, axis=1) == wanted).all(axis=1))
        if len(found) == 0:
            raise UsageError(
                "the hand is not in the starting range of the seat that is to act, or no deal "
                "gives it: all hands of another seat share a card with it"
            )
        return int(found[0])


def read_rows(table: RowSums, place: Place, node: int, bucket: NDArray[np.int64]) -> Rows:
    """Return the average strategy of the rows that some buckets have at a decision node."""
    record = place.tree.built.tree.nodes[node]
    count = int(record["count"])
    row = int(record["row_base"]) + bucket.astype(np.int64) * int(record["row_stride"])
    if len(row) == 0:
        return Rows(row, np.zeros(0), np.zeros((0, count)))
    return Rows(row, *averaged(table.sums(row, count)))


def spot_at(
    table: RowSums,
    place: Place,
    cards: HoleCards,
    board: Sequence[int],
    mean_iteration_weight: float = 1.0,
) -> Spot:
    """Read the table at a place.

    Args:
        table: the sums of the training.
        place: where the line led.
        cards: which hands there are and what their buckets are.
        board: as many cards as the street has, in the order in which they were dealt.
        mean_iteration_weight: turns strategy weights into visits (strategy/export.py).

    Raises:
        UsageError: the board does not fit the street, or leaves no hand.
    """
    check_board(cards, place.street, board)
    ranges = tuple(
        _range_of(seat, table, place, cards, board) for seat in range(place.tree.rules.players)
    )
    own = ranges[place.seat]
    if len(own.cards) == 0:
        raise UsageError("the board leaves the seat that is to act no hand of its range")
    bucket = cards.buckets(place.seat, place.street, own.cards, board)
    rows = read_rows(table, place, place.node, bucket)
    hands = Hands(
        cards=own.cards,
        weight=own.start * own.reach,
        row=rows.row,
        visits=rows.weight / mean_iteration_weight,
        probability=rows.probability,
    )
    return Spot(place, tuple(board), ranges, bucket, hands)


def _range_of(
    seat: int, table: RowSums, place: Place, cards: HoleCards, board: Sequence[int]
) -> SeatRange:
    """Follow one seat's hands along the line."""
    hands, start = cards.hands(seat)
    live = ~np.isin(hands, list(board)).any(axis=1)
    hands, start = hands[live], start[live]
    # Listed games have no deal for hands that the others' ranges never let be dealt.
    held = cards.buckets(seat, place.street, hands, board) != BLOCKED
    hands, start = hands[held], start[held]
    reach = np.ones(len(hands))
    guessed = np.zeros(len(hands), bool)
    known: dict[int, NDArray[np.int64]] = {}
    for step in place.steps:
        if step.seat != seat or len(hands) == 0:
            continue
        if step.street not in known:
            dealt = board[: cards.board_count(step.street)]
            known[step.street] = cards.buckets(seat, step.street, hands, dealt)
        rows = read_rows(table, place, step.node, known[step.street])
        reach *= rows.probability[:, step.entry]
        guessed |= rows.weight <= 0.0
    return SeatRange(seat, seat in place.hand.folded, hands, start, reach, guessed)
