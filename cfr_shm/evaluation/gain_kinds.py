"""What the parts of a gain are sorted by: street, action, how rare the place is, and whose row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.config.holdem import STREET_NAMES
from cfr_shm.games.holdem.spoken_moves import all_in_move
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.policy import BLOCKED, BoardPolicy
from cfr_shm.strategy.public import PublicStrategy, hand_at, holdem_parts
from cfr_shm.strategy.table import TableStrategy

#: Board cards of the streets; those of small decks may have others, and are named by number.
_BOARDS = (0, 3, 4, 5)

#: Bets and raises by their part of the pot, once it is called: up to, inclusive.
_SIZES = (0.5, 1.0, 2.0)
MOVES = (
    "folds",
    "checks",
    "calls",
    "bets up to 1/2 pot",
    "bets up to 1 pot",
    "bets up to 2 pots",
    "bets more",
    "goes all-in",
)
#: How likely the strategy itself comes to where the responder goes, given the cards: below.
_REACHES = (1e-4, 1e-3, 1e-2)
REACHES = ("below 0.0001", "0.0001 to 0.001", "0.001 to 0.01", "0.01 and more")
_VISITS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
VISITS = ("none", "1 to 10", "10 to 100", "100 to 1,000", "1,000 to 10,000", "10,000 and more")
STRENGTHS = tuple(f"tenth {tenth}" for tenth in range(1, 11))

#: Every way to sort, and its kinds, in the order of ``GainKinds.sort``.
GROUPS = {
    "street": STREET_NAMES,
    "action": MOVES,
    "reach": REACHES,
    "visits": VISITS,
    "strength": STRENGTHS,
}


class Choices(NamedTuple):
    """What the responder's hands gain by their actions at some nodes of a board."""

    node: NDArray[np.int64]  # (nodes,)
    taken: NDArray[np.int64]  # (nodes, hands), the action
    gain: NDArray[np.float64]  # (nodes, hands)
    role: NDArray[np.float64]  # (nodes, actions), how likely the strategy itself does this


class GainKinds:
    """Sorts what choices gain.

    Args:
        strategy: whose responder it is.
        visits: weight of a visit (``strategy/export.py``).
    """

    def __init__(self, strategy: PublicStrategy, visits: float) -> None:
        self._game = strategy.game
        self._nodes = strategy.game.tree.nodes
        self._visits = visits
        self._moves: dict[int, list[int]] = {}
        self._weight = strategy.weight if isinstance(strategy, TableStrategy) else None
        _, cards = holdem_parts(strategy.game)
        shown = [cards.board_count(street) for street in range(strategy.game.street_count)]
        real = all(each in _BOARDS for each in shown)
        self._street = [_BOARDS.index(n) if real else i for i, n in enumerate(shown)]

    def sort(self, found: Choices, policy: BoardPolicy) -> list[NDArray[np.float64]]:
        """Return gains by kind for each of ``GROUPS``; those of the row are 0 without a table."""
        by_action = gains_by_action(found)
        street = self._nodes["street"][found.node]
        named = np.array(self._street)[street]
        moves = np.array([self._kinds_at(node, by_action.shape[1]) for node in found.node.tolist()])
        reach = np.searchsorted(_REACHES, found.role, side="right")
        return [
            _added(named, found.gain.sum(axis=1), len(STREET_NAMES)),
            _added(moves, by_action, len(MOVES)),
            _added(reach, by_action, len(REACHES)),
            *self._by_row(found, policy),
        ]

    def _by_row(self, found: Choices, policy: BoardPolicy) -> list[NDArray[np.float64]]:
        """Return gains by visits and by strength of the row that the strategy has itself."""
        if self._weight is None:
            return [np.zeros(len(VISITS)), np.zeros(len(STRENGTHS))]
        visits, strength = np.zeros(len(VISITS)), np.zeros(len(STRENGTHS))
        for place, node in enumerate(found.node.tolist()):
            record = self._nodes[node]
            number = policy.number[0, record["street"]].astype(np.int64)
            count = int(self._game.deals.bucket_count[record["actor"], record["street"]])
            # Hands that the seat is never dealt have no row there; they gain nothing but rounding.
            known = (number != BLOCKED) & (number < count) & (found.gain[place] != 0.0)
            bucket, gain = number[known], found.gain[place][known]
            row = int(record["row_base"]) + bucket * int(record["row_stride"])
            kind = np.searchsorted(_VISITS, self._weight[row] / self._visits, side="right")
            visits += _added(kind, gain, len(VISITS))
            strength += _added(bucket * len(STRENGTHS) // count, gain, len(STRENGTHS))
        return [visits, strength]

    def _kinds_at(self, node: int, actions: int) -> list[int]:
        """Return the kind of each action at a node; beyond its last one nothing is gained."""
        if node not in self._moves:
            betting, _ = holdem_parts(self._game)
            hand = hand_at(self._game, node)
            first, count = int(self._nodes["first_child"][node]), int(self._nodes["count"][node])
            moves = betting.move[first : first + count].tolist()
            pot = hand.pot + hand.call_amount
            kinds = []
            for move in moves:
                if move == FOLD:
                    kinds.append(MOVES.index("folds"))
                elif move == CALL:
                    kinds.append(MOVES.index("calls" if hand.call_amount else "checks"))
                elif move >= all_in_move(hand):
                    kinds.append(MOVES.index("goes all-in"))
                else:
                    size = (move - hand.highest_bet) / pot
                    kinds.append(3 + int(np.searchsorted(_SIZES, size - 1e-9)))
            self._moves[node] = kinds
        found = self._moves[node]
        return found + [0] * (actions - len(found))


def gains_by_action(found: Choices) -> NDArray[np.float64]:
    """Return (nodes, actions): what all hands together gain by each action."""
    actions = np.arange(found.role.shape[1])
    chosen = found.taken[:, None, :] == actions[None, :, None]
    gains: NDArray[np.float64] = (chosen * found.gain[:, None, :]).sum(axis=2)
    return gains


def _added(kind: NDArray[np.int64], gain: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.bincount(kind.ravel(), gain.ravel(), count).astype(np.float64)
    return found
