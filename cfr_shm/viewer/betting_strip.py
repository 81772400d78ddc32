"""The strip of decisions along a line: what could be done at each, and how often it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.games.holdem.line_walk import Choice, Place, Step, position
from cfr_shm.layout.policy import BLOCKED
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.row_sums import RowSums
from cfr_shm.strategy.spot import read_rows


class _Seat:
    """A seat's hands on the way along the line, and how much of each comes."""

    def __init__(self, cards: HoleCards, seat: int) -> None:
        self._cards, self._seat = cards, seat
        self.hands, weight = cards.hands(seat)
        self.reach = weight.copy()
        self._buckets: dict[int, NDArray[np.int64]] = {}

    def bucket(self, street: int, board: Sequence[int]) -> NDArray[np.int64]:
        """Return the hands' buckets on a street, BLOCKED where the board holds one's card."""
        if street not in self._buckets:
            free = ~np.isin(self.hands, list(board)).any(axis=1)
            found = np.full(len(self.hands), BLOCKED, np.int64)
            if free.any():
                found[free] = self._cards.buckets(self._seat, street, self.hands[free], board)
            self._buckets[street] = found
        return self._buckets[street]


def strip_document(
    place: Place, cards: HoleCards, table: RowSums, board: Sequence[int]
) -> list[dict[str, Any]]:
    """Return the decisions of a line, and the one where it ends, as JSON.

    Shares are of the hands that come to a decision, by the average strategy; None beyond the
    streets whose board is known.
    """
    seats = [_Seat(cards, seat) for seat in range(place.tree.rules.players)]
    found = []
    for number, here in enumerate(_places(place)):
        taken = place.steps[number] if number < len(place.steps) else None
        need = cards.board_count(here.street)
        shares = None
        if need <= len(board):
            entry = None if taken is None else taken.entry
            shares = _shares(seats[here.seat], table, here, board[:need], entry)
        found.append(_decision(here, taken, shares))
    return found


def _decision(
    here: Place, taken: Step | None, shares: NDArray[np.float64] | None
) -> dict[str, Any]:
    return {
        "before": here.line,
        "street": here.real_street,
        "seat": here.seat,
        "position": position(here.seat, here.tree.rules.players),
        "pot": here.hand.pot,
        "stack": here.hand.stacks[here.seat],
        "taken": None if taken is None else taken.choice.token,
        "played": None if taken is None else taken.played,
        "actions": [
            {
                "token": choice.token,
                "name": choice.name,
                "kind": choice.kind,
                "share": None if shares is None else float(shares[index]),
                "ends": _ends(here, choice),
            }
            for index, choice in enumerate(here.choices)
        ],
    }


def _places(place: Place) -> Iterator[Place]:
    """Yield the places along a line, as the tree has it whatever sizes were played, and its end."""
    hand = Hand(place.tree.rules)
    for number, step in enumerate(place.steps):
        before = place.steps[:number]
        yield Place(place.tree, place.big_blind, before, step.node, hand, hand)
        hand = hand.apply(step.choice.move)
    yield place


def _shares(
    seat: _Seat, table: RowSums, here: Place, board: Sequence[int], entry: int | None
) -> NDArray[np.float64]:
    """Return the share of each action, and follow the one that is taken."""
    bucket = seat.bucket(here.street, board)
    live = bucket != BLOCKED
    rows = read_rows(table, here, here.node, bucket[live])
    weight = seat.reach[live]
    total = float(weight.sum())
    count = rows.probability.shape[1]
    shares = weight @ rows.probability / total if total > 0.0 else np.full(count, np.nan)
    if entry is not None:
        seat.reach[live] *= rows.probability[:, entry]
        seat.reach[~live] = 0.0
    found: NDArray[np.float64] = np.nan_to_num(shares)
    return found


def _ends(here: Place, choice: Choice) -> bool:
    """Return whether nobody acts after an action."""
    return int(here.tree.built.tree.nodes[choice.node]["kind"]) != DECISION
