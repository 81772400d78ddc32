"""Leduc's second street solved anew: how exploitable the whole strategy is, by exact evaluation.

Every subgame (a line of the first street and a board card) is solved for each seat; the other
seat's alternative is its best response to the blueprint.
"""

from __future__ import annotations

import numpy as np
import pytest
from policies import random_strategy
from slow_subgames import leduc_board_game, solve_guarded, solve_trusting

from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.tree import DECISION
from cfr_shm.spots.gadgets import Alternatives, Choosing, Leaving
from cfr_shm.strategy.average import Strategy

ITERATIONS = 100
RESOLVE, MAXMARGIN, UNSAFE = Leaving, Choosing, None


class Leduc:
    """A blueprint of Leduc, and what its rows say."""

    def __init__(self, seed: int) -> None:
        self.game = leduc(merge_suits=False)
        self.strategy = random_strategy(self.game, seed)
        nodes = self.game.tree.nodes
        inner = np.flatnonzero(nodes["kind"] == DECISION)
        self.parent = {
            int(nodes["first_child"][n]) + a: (int(n), a)
            for n in inner
            for a in range(int(nodes["count"][n]))
        }
        self.roots = [
            int(n)
            for n in inner
            if nodes["street"][n] == 1 and nodes["street"][self.parent[int(n)][0]] == 0
        ]

    def row(self, node: int, card: int, board: int) -> int:
        record = self.game.tree.nodes[node]
        bucket = card if record["street"] == 0 else card * 5 + board - (board > card)
        return int(record["row_base"]) + bucket * int(record["row_stride"])

    def reach(self, seat: int, node: int, board: int, hands: list[int]) -> np.ndarray:
        found = np.ones(len(hands))
        while node in self.parent:
            node, action = self.parent[node]
            if self.game.tree.nodes["actor"][node] == seat:
                rows = [self.row(node, card, board) for card in hands]
                found *= self.strategy.probability[np.array(rows) + action]
        return found

    def below(self, node: int) -> list[int]:
        record = self.game.tree.nodes[node]
        if record["kind"] != DECISION:
            return []
        first = int(record["first_child"])
        inner = [n for c in range(first, first + int(record["count"])) for n in self.below(c)]
        return [node, *inner]


def resolved(start: Leduc, method) -> Strategy:
    """Return the blueprint with every subgame solved anew, for both seats."""
    probability = start.strategy.probability.copy()
    for root in start.roots:
        for board in range(6):
            for seat in range(2):
                subgame, hands = leduc_board_game(start.game, root, board)
                solve(start, subgame, (root, board, hands), seat, method)
                for node in start.below(root):
                    if start.game.tree.nodes["actor"][node] == seat:
                        for number, card in enumerate(hands):
                            row = start.row(node, card, board)
                            chances = subgame.mean(node, seat)[:, number]
                            probability[row : row + len(chances)] = chances
    return Strategy(probability, start.strategy.weight)


def solve(start: Leduc, subgame, place, seat: int, method) -> None:
    root, board, hands = place
    other = 1 - seat
    subgame.set_reach(seat, start.reach(seat, root, board, hands))
    if method is UNSAFE:
        subgame.set_reach(other, start.reach(other, root, board, hands))
        solve_trusting(subgame, ITERATIONS)
        return
    for node in start.below(root):
        count = int(start.game.tree.nodes["count"][node])
        rows = np.array([start.row(node, card, board) for card in hands])
        subgame.average[node] = start.strategy.probability[rows + np.arange(count)[:, None]]
    value = subgame.values(other, best=True)
    subgame.average.clear()
    met = subgame.start[seat].sum() - subgame.start[seat]
    gadget = method(Alternatives(np.ones(len(hands)), value, met))
    solve_guarded(subgame, gadget, other, ITERATIONS)


@pytest.mark.skipif(JIT_DISABLED, reason="thirty subgames twice: minutes without compilation")
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(1, marks=pytest.mark.thorough),
        pytest.param(2, marks=pytest.mark.slow),
        pytest.param(3, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("method", [RESOLVE, MAXMARGIN], ids=["resolve", "maxmargin"])
def test_no_seat_becomes_more_exploitable(seed, method):
    start = Leduc(seed)
    before = evaluate(start.game, start.strategy)
    after = evaluate(start.game, resolved(start, method))
    best, was = after.best_response_values, before.best_response_values
    assert all(now <= then + 2e-3 for now, then in zip(best, was, strict=True))
    assert after.exploitability < 0.9 * before.exploitability
