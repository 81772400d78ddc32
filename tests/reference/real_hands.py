"""Hold'em on any deck, board and ranges, every deal written out with its real cards.

The tree is ``betting_lines``', hands are ranked by ``brute_force_evaluator``, and nothing is
merged: a player's infoset is the line, the two cards held and what was dealt to the board before
each street. Imports nothing from cfr_shm. Cards are ``4 * rank + suit`` of the standard deck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import combinations, product

import numpy as np
from betting_lines import Node
from brute_force_evaluator import Rules
from numpy.typing import NDArray

Hand = tuple[int, int]
#: What a player has seen: the hole cards, then the cards dealt before each street so far.
Seen = tuple[tuple[int, ...], ...]
#: Line, player, street, number of actions, what the player has seen in each class -> (classes,
#: actions).
Policy = Callable[[tuple[int, ...], int, int, int, Sequence[Seen]], NDArray[np.float64]]


_RULES = Rules(13)


@cache
def rank(cards: tuple[int, ...]) -> tuple:
    """Return the rank of the best five of some cards, of fewer by how often ranks occur."""
    if len(cards) >= 5:
        return max(_RULES.rank_five(five) for five in combinations(cards, 5))
    counts = Counter(card // 4 for card in cards)
    groups = sorted(((count, of_rank) for of_rank, count in counts.items()), reverse=True)
    return tuple(count for count, _ in groups), tuple(of_rank for _, of_rank in groups)


class RealHands:
    """All deals of a game, and what each player sees of them.

    Args:
        cards: of the deck.
        ranges: weight of each hand, by player.
        board: fixed cards.
        counts: cards dealt to the board before each street, and then those of the showdown, if
            any are dealt there.
        tree: the betting.
        streets: that are bet on.
    """

    def __init__(
        self,
        cards: Sequence[int],
        ranges: Sequence[Mapping[Hand, float]],
        board: Sequence[int],
        counts: Sequence[int],
        tree: Node,
        streets: int,
    ) -> None:
        self.tree, self.players = tree, len(ranges)
        parts, left = [], list(board)
        for count in counts:
            parts.append((tuple(left[:count]), count - len(left[:count])))
            left = left[count:]
        deals = []
        for hands in product(*ranges):
            held = [card for hand in hands for card in hand] + list(board)
            if len(set(held)) < len(held):
                continue
            weight = float(np.prod([r[hand] for r, hand in zip(ranges, hands, strict=True)]))
            free = [card for card in cards if card not in held]
            if weight > 0.0:
                deals += [(hands, shown, weight) for shown in self._run_outs(parts, free)]
        self.weight = np.array([weight for _, _, weight in deals])
        self.weight /= self.weight.sum()
        self.classes: list[list[list[Seen]]] = []
        self.seen: list[list[NDArray[np.int64]]] = []
        for street in range(streets):
            found = [self._seen(deals, player, street) for player in range(self.players)]
            self.classes.append([classes for classes, _ in found])
            self.seen.append([number for _, number in found])
        ranks = [
            [rank(tuple(sorted((*hand, *(c for part in shown for c in part))))) for hand in hands]
            for hands, shown, _ in deals
        ]
        order = {
            each: place for place, each in enumerate(sorted({r for row in ranks for r in row}))
        }
        self.strength = np.array([[order[each] for each in row] for row in ranks])

    def _run_outs(self, parts, free):
        if not parts:
            yield ()
            return
        (fixed, count), *later = parts
        for drawn in combinations(free, count):
            rest = [card for card in free if card not in drawn]
            for more in self._run_outs(later, rest):
                yield (tuple(sorted((*fixed, *drawn))), *more)

    @staticmethod
    def _seen(deals, player, street):
        known: dict[Seen, int] = {}
        number = [
            known.setdefault((hands[player], *shown[: street + 1]), len(known))
            for hands, shown, _ in deals
        ]
        return list(known), np.array(number)

    def values(self, policy: Policy) -> list[float]:
        """Return what each player wins."""
        return [self._value(policy, player, False) for player in range(self.players)]

    def best_responses(self, policy: Policy) -> list[float]:
        """Return what each player wins with a best response."""
        return [self._value(policy, player, True) for player in range(self.players)]

    def _value(self, policy: Policy, player: int, responds: bool) -> float:
        values = self._below(self.tree, (), policy, player, self.weight, responds)
        return float(values.sum())

    def below(self, node, line, policy, player, reach):
        """Return reach times what a player wins from a node on, by deal."""
        return self._below(node, line, policy, player, reach, False)

    def _below(self, node, line, policy, player, reach, responds):
        """Return reach times utility by deal; a responder's own reach counts as 1."""
        if node.kind == "fold":
            return reach * node.losing[player]
        if node.kind == "showdown":
            total = np.full(len(reach), float(node.losing[player]))
            for chips, mask in node.pots:
                seats = [s for s in range(self.players) if mask >> s & 1]
                best = self.strength[:, seats].max(axis=1)
                winners = (self.strength[:, seats] == best[:, None]).sum(axis=1)
                if player in seats:
                    total += chips * (self.strength[:, player] == best) / winners
            return reach * total
        number = self.seen[node.street][node.actor]
        classes = self.classes[node.street][node.actor]
        chooses = responds and node.actor == player
        share = None
        if not chooses:
            share = policy(line, node.actor, node.street, len(node.children), classes)[number]
        values = np.array(
            [
                self._below(
                    child,
                    (*line, child.move),
                    policy,
                    player,
                    reach if share is None else reach * share[:, index],
                    responds,
                )
                for index, child in enumerate(node.children)
            ]
        )
        if share is not None:
            return values.sum(axis=0)
        totals = np.array([np.bincount(number, each, len(classes)) for each in values])
        best = totals.argmax(axis=0)[number]
        return np.take_along_axis(values, best[None, :], axis=0)[0]
