"""Two-player hold'em on a small deck, every deal written out with its real cards.

The tree is ``betting_lines``', hands are ranked by ``brute_force_evaluator``, and nothing is
merged: a player's infoset is the line, the two cards held and the board. Imports nothing from
cfr_shm.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from betting_lines import Node
from brute_force_evaluator import Rules
from numpy.typing import NDArray

#: A policy: line, private knowledge of the actor (by deal), number of actions -> (actions, deals).
Policy = Callable[[tuple[int, ...], NDArray[np.int64], int], NDArray[np.float64]]


class SmallHoldem:
    """The deals of two hands from ``ranks`` x 4 cards and a flop of three, and one betting tree."""

    def __init__(self, ranks: int, tree: Node) -> None:
        self.tree = tree
        cards = range(4 * ranks)
        hands, boards = list(combinations(cards, 2)), list(combinations(cards, 3))
        rules = Rules(ranks)
        strength = {five: rules.rank(five) for five in combinations(cards, 5)}
        deals = [
            (one, two, flop)
            for one in range(len(hands))
            for two in range(len(hands))
            for flop in range(len(boards))
            if len({*hands[one], *hands[two], *boards[flop]}) == 7
        ]
        dealt = np.array(deals)
        self.deals = len(deals)
        #: By street and player: what the player has seen, as a number.
        self.seen = [
            [dealt[:, 0], dealt[:, 1]],
            [dealt[:, player] * len(boards) + dealt[:, 2] for player in range(2)],
        ]
        five = [
            [strength[tuple(sorted((*hands[deal[player]], *boards[deal[2]])))] for deal in deals]
            for player in range(2)
        ]
        self.sign = np.array([(a > b) - (a < b) for a, b in zip(*five, strict=True)])

    def nash_conv(self, policy: Policy) -> float:
        """Return what both players could gain together by best responses."""
        total = 0.0
        for player in range(2):
            for responds in (True, False):
                reach = np.full(self.deals, 1.0 / self.deals)
                values = self._values(self.tree, (), policy, player, reach, responds)
                total += values.sum() if responds else -values.sum()
        return float(total)

    def _values(
        self,
        node: Node,
        line: tuple[int, ...],
        policy: Policy,
        player: int,
        reach: NDArray[np.float64],
        responds: bool,
    ) -> NDArray[np.float64]:
        """Return reach times utility by deal; a responder's own reach counts as 1."""
        if node.kind == "fold":
            return reach * node.losing[player]
        if node.kind == "showdown":
            ((chips, _),) = node.pots
            won = (self.sign if player == 0 else -self.sign) / 2 + 0.5
            return reach * (node.losing[player] + chips * won)
        seen = self.seen[node.street][node.actor]
        chooses = responds and node.actor == player
        share = policy(line, seen, len(node.children))
        values = np.array(
            [
                self._values(
                    child,
                    (*line, child.move),
                    policy,
                    player,
                    reach if chooses else reach * share[index],
                    responds,
                )
                for index, child in enumerate(node.children)
            ]
        )
        if not chooses:
            return values.sum(axis=0)
        totals = np.array([np.bincount(seen, each) for each in values])
        best = totals.argmax(axis=0)[seen]
        return np.take_along_axis(values, best[None, :], axis=0)[0]


def uniform(line: tuple[int, ...], seen: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Take every action as often as the others."""
    return np.full((count, len(seen)), 1.0 / count)


def lines(node: Node, line: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], Node]]:
    """List all histories of moves with their nodes."""
    found = [(line, node)]
    for child in node.children:
        found += lines(child, (*line, child.move))
    return found
