"""Subgames swept with dictionaries and matrices, for games that spots do not play: Leduc, coins.

A subgame has a public tree and a matrix of payoffs for each leaf; deals are pairs of hands that
can meet. What gadgets do is the package's (``cfr_shm.spots.gadgets``), all else is written anew.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np

from cfr_shm.games.game import Game
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.layout.tree import DECISION
from cfr_shm.spots.gadgets import gadget_exploitability, iterate
from cfr_shm.spots.iteration_weights import spot_algorithm


class SlowSubgame:
    """A subgame with two players' hands, one row or column each.

    Args:
        children: of each node, none for leaves.
        actor: of each node that has children.
        pays: by leaf, both players' payoffs: (own hands, other hands), 0 for pairs that cannot be.
        reach: both players' reach at the root.
    """

    def __init__(
        self,
        children: Callable[[int], list[int]],
        actor: Callable[[int], int],
        pays: Callable[[int, int], np.ndarray],
        reach: tuple[np.ndarray, np.ndarray],
        root: int,
    ) -> None:
        self.children, self.actor, self.pays, self.root = children, actor, pays, root
        self.start = [np.array(side, float) for side in reach]
        self.regret: dict[int, np.ndarray] = {}
        self.average: dict[int, np.ndarray] = {}

    def set_reach(self, player: int, reach: np.ndarray) -> None:
        self.start[player] = reach

    def current(self, node: int, player: int) -> np.ndarray:
        shape = len(self.children(node)), len(self.start[player])
        positive = np.maximum(self.regret.setdefault(node, np.zeros(shape)), 0.0)
        total = positive.sum(axis=0)
        return np.where(total > 0, positive / np.where(total > 0, total, 1), 1 / shape[0])

    def mean(self, node: int, player: int) -> np.ndarray:
        shape = len(self.children(node)), len(self.start[player])
        return self.average.setdefault(node, np.full(shape, 1 / shape[0]))

    def train(self, player: int, weights) -> np.ndarray:
        def walk(node: int, reach: np.ndarray) -> np.ndarray:
            below = self.children(node)
            if not below:
                return self.pays(node, player) @ reach
            chances = self.current(node, self.actor(node))
            if self.actor(node) != player:
                return sum(walk(c, reach * p) for c, p in zip(below, chances, strict=True))
            values = np.stack([walk(child, reach) for child in below])
            value = (chances * values).sum(axis=0)
            regret = self.regret[node]
            kept = np.where(regret > 0, weights.positive, weights.negative)
            self.regret[node] = regret * kept + values - value
            old = self.mean(node, player)
            self.average[node] = old + (chances - old) * weights.share
            return value

        return walk(self.root, self.start[1 - player])

    def values(self, player: int, *, best: bool) -> np.ndarray:
        def walk(node: int, reach: np.ndarray) -> np.ndarray:
            below = self.children(node)
            if not below:
                return self.pays(node, player) @ reach
            chances = self.mean(node, self.actor(node))
            if self.actor(node) != player:
                return sum(walk(c, reach * p) for c, p in zip(below, chances, strict=True))
            values = np.stack([walk(child, reach) for child in below])
            return values.max(axis=0) if best else (chances * values).sum(axis=0)

        return walk(self.root, self.start[1 - player])


def solve_guarded(subgame: SlowSubgame, gadget, other: int, iterations: int) -> float:
    """Solve a subgame with a gadget; return the mean gain of both best responses."""
    own_weight = subgame.start[1 - other].copy()
    for weights in islice(spot_algorithm("dcfr").weights(), iterations):
        iterate(subgame, gadget, other, weights)
    return gadget_exploitability(subgame, gadget, other, own_weight)


def solve_trusting(subgame: SlowSubgame, iterations: int) -> None:
    """Solve a subgame with the ranges that it has."""
    for weights in islice(spot_algorithm("dcfr").weights(), iterations):
        subgame.train(0, weights)
        subgame.train(1, weights)


def leduc_board_game(game: Game, root: int, board: int) -> tuple[SlowSubgame, list[int]]:
    """Return Leduc's second street after one line and board card, all hands with weight 1.

    Args:
        game: Leduc with suits apart, whose deals are (card, card, board) in order.
        root: a node of the second street.
        board: the card.

    Returns the subgame, and the cards that hands are, by their number.
    """
    nodes, hands = game.tree.nodes, [card for card in range(6) if card != board]
    deals = {}
    for number in range(len(game.deals.probability)):
        one, two = (int(game.deals.bucket[number, p, 0]) for p in range(2))
        seen = int(game.deals.bucket[number, 0, 1]) - one * 5
        if seen + (seen >= one) == board:
            deals[hands.index(one), hands.index(two)] = number

    def children(node: int) -> list[int]:
        record = nodes[node]
        first = int(record["first_child"])
        return list(range(first, first + record["count"])) if record["kind"] == DECISION else []

    def pays(node: int, player: int) -> np.ndarray:
        found = np.zeros((len(hands),) * 2)
        for (one, two), deal in deals.items():
            place = (one, two) if player == 0 else (two, one)
            found[place] = leaf_utility(game.tree, node, player, game.deals.strength, deal)
        return found

    ones = np.ones(len(hands))
    known = {}

    def remembered(node: int, player: int) -> np.ndarray:
        if (node, player) not in known:
            known[node, player] = pays(node, player)
        return known[node, player]

    return SlowSubgame(
        children, lambda node: int(nodes["actor"][node]), remembered, (ones, ones), root
    ), hands
