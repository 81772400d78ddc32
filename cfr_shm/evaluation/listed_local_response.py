"""Local best response where every deal is listed: nothing is drawn, the answer is exact.

The responder knows its hand and what lies on the table, and weighs every deal by how likely the
other seat plays to it. It compares folding, calling and the bets of the tree as if both then
checked and called to the end, and as if the other seat, to a bet, folded or called; then it does
the best, and decides afresh. What it really wins is told (``evaluation.local_response``).

Source: Lisy & Bowling 2017, "Equilibrium approximation quality of current no-limit poker bots".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.kernels.tables.best_response import reach_probability
from cfr_shm.kernels.tables.leaf_values import leaf_values
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.local_response import LOCAL_BETS, LOCAL_CALLS, LOCAL_FOLDS
from cfr_shm.layout.tree import CHANCE, DECISION

Floats = NDArray[np.float64]

#: What the responder does in the first half of the streets, rounded down, and after it.
ON_HALVES = {
    "fc": (LOCAL_FOLDS, LOCAL_FOLDS),
    "fcpa": (LOCAL_CALLS, LOCAL_BETS),
    "tree": (LOCAL_BETS, LOCAL_BETS),
}

#: OpenSpiel's numbers of Leduc's actions.
_LEDUC = {"fold": 0, "call": 1}

#: Utilities that differ by less, in chips, are as good: then the action that comes first is taken.
_TIE = 1e-12


def streets_named(game: Game, name: str) -> tuple[int, ...]:
    """Return what the responder does on each street of a game, LOCAL_*.

    Raises:
        UsageError: no such action set where deals are listed.
    """
    if name not in ON_HALVES:
        raise UsageError(
            f"no action set {name!r} where deals are listed; there are {', '.join(ON_HALVES)}"
        )
    early, late = ON_HALVES[name]
    return tuple(
        early if 2 * street + 2 <= game.street_count else late
        for street in range(game.street_count)
    )


def listed_local_response(
    game: Game, probability: Floats, on_street: Sequence[int]
) -> tuple[float, float]:
    """Return what local best response wins in either seat, chips.

    Args:
        game: poker for two whose deals are listed: Leduc, or hold'em on a small deck.
        probability: (entries,) the strategy of every row, read-only.
        on_street: what the responder does, LOCAL_*, by street.

    Chips that lie in the pot from before are no gain: half of them is nobody's better play.

    Raises:
        GameError: another game.
    """
    if game.player_count != 2:
        raise GameError(f"local best response is for two players, not {game.player_count}")
    game.require_enumerable("local best response")
    moves = _moves(game)
    dead = 0 if game.betting is None else game.betting.rules.dead
    first, second = (
        _Responder(game, probability, on_street, moves, seat).wins() - dead / 2 for seat in (0, 1)
    )
    return first, second


class _Moves(NamedTuple):
    """Which child of each decision node folds and which one calls, -1 for none."""

    fold: NDArray[np.int64]
    call: NDArray[np.int64]


def _moves(game: Game) -> _Moves:
    """Find the children that fold and call.

    Raises:
        GameError: the game does not say which they are, or chance moves in its tree.
    """
    nodes = game.tree.nodes
    found = _Moves(np.full(len(nodes), -1), np.full(len(nodes), -1))
    if (nodes["kind"] == CHANCE).any() or (game.betting is None and game.name != "leduc"):
        raise GameError(
            f"local best response is for hold'em and Leduc; nothing says what folds and what "
            f"calls in {game.name}"
        )
    actions = {label.row: label.actions for label in game.infosets()} if not game.betting else {}
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        first, count = int(nodes["first_child"][node]), int(nodes["count"][node])
        for child in range(first, first + count):
            if game.betting is not None:
                move = int(game.betting.move[child])
                folds, calls = move == FOLD, move == CALL
            else:
                action = actions[int(nodes["row_base"][node])][child - first]
                folds, calls = action == _LEDUC["fold"], action == _LEDUC["call"]
            if folds:
                found.fold[node] = child
            if calls:
                found.call[node] = child
    return found


class _Responder:
    """One seat against the other's strategy; arrays are (nodes, deals)."""

    def __init__(
        self, game: Game, probability: Floats, on_street: Sequence[int], moves: _Moves, seat: int
    ) -> None:
        self._game, self._probability, self._seat = game, probability, seat
        self._on_street, self._moves = on_street, moves
        shape = (len(game.tree.nodes), len(game.deals.probability))
        self._reach, self._leaf = np.zeros(shape), np.zeros(shape)
        reach_probability(game.tree, game.deals, probability, seat, self._reach)
        leaf_values(game.tree, game.deals, seat, self._leaf)
        self._calm = self._leaf.copy()  # if both check and call from here on
        for node in self._decisions()[::-1]:
            call = moves.call[node]
            self._calm[node] = self._calm[call if call >= 0 else moves.fold[node]]

    def wins(self) -> float:
        """Return what the responder wins."""
        weighted = self._reach * self._leaf
        nodes = self._game.tree.nodes
        for node in self._decisions()[::-1]:
            first, count = int(nodes["first_child"][node]), int(nodes["count"][node])
            if nodes["actor"][node] == self._seat:
                child = self._chosen(node)
                weighted[node] = np.take_along_axis(weighted, child[None], axis=0)[0]
            else:
                weighted[node] = weighted[first : first + count].sum(axis=0)
        return float(weighted[0].sum())

    def _decisions(self) -> list[int]:
        found: list[int] = np.flatnonzero(self._game.tree.nodes["kind"] == DECISION).tolist()
        return found

    def _chosen(self, node: int) -> NDArray[np.int64]:
        """Return (deals,) the child that the responder goes to, the same for what looks alike."""
        nodes, deals = self._game.tree.nodes, self._game.deals
        allowed = self._on_street[int(nodes["street"][node])]
        fold, call = int(self._moves.fold[node]), int(self._moves.call[node])
        bucket = deals.bucket[:, self._seat, int(nodes["street"][node])]
        if allowed == LOCAL_CALLS and call >= 0:
            return np.full(len(bucket), call)
        first, count = int(nodes["first_child"][node]), int(nodes["count"][node])
        others = [child for child in range(first, first + count) if child not in (fold, call)]
        choices = [child for child in (fold, call) if child >= 0]
        if allowed == LOCAL_BETS or call < 0:
            choices += others
        best, best_value = np.full(bucket.max() + 1, choices[0]), None
        for child in choices:
            seems = self._calm[child] if child in (fold, call) else self._after_bet(child)
            value = np.bincount(bucket, self._reach[node] * seems, len(best))
            if best_value is None:
                best_value = value
                continue
            better = value > best_value + _TIE
            best[better], best_value = child, np.where(better, value, best_value)
        return best[bucket]

    def _after_bet(self, child: int) -> Floats:
        """Return (deals,) what a bet that leads to a child seems worth, one action ahead."""
        nodes = self._game.tree.nodes
        fold = int(self._moves.fold[child])
        calm: Floats = self._calm[child]
        if nodes["kind"][child] != DECISION or nodes["actor"][child] == self._seat or fold < 0:
            return calm
        record = nodes[child]
        bucket = self._game.deals.bucket[:, int(record["actor"]), int(record["street"])]
        row = int(record["row_base"]) + bucket.astype(np.int64) * int(record["row_stride"])
        folds = self._probability[row + fold - int(record["first_child"])]
        seen: Floats = folds * self._leaf[fold] + (1.0 - folds) * calm
        return seen
