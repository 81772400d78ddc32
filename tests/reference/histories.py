"""Full-width CFR history by history over OpenSpiel's game tree, in NumPy, two players.

Histories are visited depth first and numbers are added in that order, as a recursion adds them;
the order in which an infoset's numbers are put together can be chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyspiel
from full_width import FLOORED, GAMMA, PREDICTIVE, kept

#: ``direct``: each history's regrets straight into the cumulative ones, as OpenSpiel's solvers do.
#: ``instant``: an iteration's regrets are added up first.
#: ``leaves``: the others' reach is weighed in at the leaves, values add up with it.
ORDERS = ("direct", "instant", "leaves")

PLAYERS = 2


@dataclass
class Grown:
    """A tree while it grows, depth first: a list element per history, or per infoset."""

    depth: list[int] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    action: list[int] = field(default_factory=list)
    infoset: list[int] = field(default_factory=list)  # -1 where nobody moves
    chance: list[float] = field(default_factory=list)
    utility: list[float] = field(default_factory=list)
    infosets: dict[tuple[int, str], int] = field(default_factory=dict)
    action_count: list[int] = field(default_factory=list)

    def add(self, state: Any, depth: int, parent: int, action: int, chance: float) -> None:
        number = len(self.depth)
        self.depth.append(depth)
        self.parent.append(parent)
        self.action.append(action)
        self.chance.append(chance)
        self.utility.append(state.player_return(0) if state.is_terminal() else 0.0)
        self.infoset.append(-1)
        moves = [] if state.is_terminal() else [(move, 1.0) for move in state.legal_actions()]
        if state.is_chance_node():
            moves = state.chance_outcomes()
        elif moves:
            key = state.current_player(), state.information_state_string()
            self.infoset[number] = self.infosets.setdefault(key, len(self.infosets))
            if self.infoset[number] == len(self.action_count):
                self.action_count.append(len(moves))
        for index, (move, probability) in enumerate(moves):
            self.add(state.child(move), depth + 1, number, index, probability)


class Histories:
    """A zero-sum game's histories by depth, and within a depth in depth-first order.

    An *entry* is an action of an infoset; player 0's entries come first. Entry -1 stands for a
    move of chance or somebody else.
    """

    def __init__(self, openspiel_name: str) -> None:
        grown = Grown()
        grown.add(pyspiel.load_game(openspiel_name).new_initial_state(), 0, -1, 0, 1.0)
        order = np.argsort(grown.depth, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        self.parent = np.append(0, place[np.array(grown.parent)[order][1:]])
        self.chance = np.array(grown.chance)[order]
        self.utility = np.array(grown.utility)[order]
        self._number_entries(grown, order)
        ends = np.cumsum(np.bincount(grown.depth)).tolist()
        self.levels = [slice(*bounds) for bounds in zip([0, *ends[:-1]], ends, strict=True)]
        self.first_child = np.searchsorted(self.parent[1:], np.arange(len(order))) + 1
        self.chance_reach = self.reach(self.chance)

    def _number_entries(self, grown: Grown, order: np.ndarray) -> None:
        player = np.array([key[0] for key in grown.infosets])
        by_player = np.argsort(player, kind="stable")
        self.infoset_first = np.empty(len(player), dtype=int)
        counts = np.array(grown.action_count)
        self.infoset_first[by_player] = np.cumsum(counts[by_player]) - counts[by_player]
        self.names = list(grown.infosets)
        self.infoset_of = np.repeat(by_player, counts[by_player])
        self.count_of = counts[self.infoset_of]
        middle = int(counts[player == 0].sum())
        self.entries = (slice(0, middle), slice(middle, len(self.infoset_of)))
        self.infoset = np.array(grown.infoset)[order]
        self.actor = np.where(self.infoset < 0, -1, player[self.infoset])
        led = self.infoset_first[self.infoset[self.parent]] + np.array(grown.action)[order]
        moved = self.actor[self.parent]
        moved[0] = -1
        self.entry = np.where(moved < 0, -1, led)
        self.entry_of = [np.where(moved == each, led, -1) for each in range(PLAYERS)]
        self.after = [np.flatnonzero(moved == each) for each in range(PLAYERS)]
        # One history for each infoset: with perfect recall its own reach is that of all.
        self.sample = np.empty(len(player), dtype=int)
        self.sample[self.infoset[self.actor >= 0]] = np.flatnonzero(self.actor >= 0)

    def reach(self, step: np.ndarray) -> np.ndarray:
        """Multiply each history's steps, from the root on."""
        product = np.ones(len(step))
        for level in self.levels[1:]:
            product[level] = product[self.parent[level]] * step[level]
        return product

    def raised(self, leaf: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Add up every history's children, each times its step, from the leaves on."""
        value = leaf.copy()
        for level in reversed(self.levels[1:]):
            np.add.at(value, self.parent[level], value[level] * step[level])
        return value

    def exploitability(self, policy: np.ndarray) -> float:
        """Return NashConv / 2 of a profile, by best responses of its own."""
        return sum(self._best_response(policy, player) for player in range(PLAYERS)) / PLAYERS

    def _best_response(self, policy: np.ndarray, player: int) -> float:
        others = self.chance * np.append(policy, 1.0)[self.entry_of[1 - player]]
        value = self.reach(others) * (self.utility if player == 0 else -self.utility)
        chosen = np.zeros(len(self.infoset_first), dtype=int)
        for level in reversed(self.levels[1:]):
            entry = self.entry_of[player][level]
            by_entry = np.bincount(entry[entry >= 0], value[level][entry >= 0], len(policy))
            best = np.flatnonzero(by_entry == _highest(by_entry, self.infoset_of)[self.infoset_of])
            chosen[self.infoset_of[best]] = best
            counted = (entry < 0) | (entry == chosen[self.infoset[self.parent[level]]])
            np.add.at(value, self.parent[level], np.where(counted, value[level], 0.0))
        return float(value[0])


def _highest(by_entry: np.ndarray, infoset_of: np.ndarray) -> np.ndarray:
    highest = np.full(infoset_of.max() + 1, -np.inf)
    np.maximum.at(highest, infoset_of, by_entry)
    return highest


class Solver:
    """One algorithm on one game, alternating updates.

    ``unit`` multiplies all payoffs; regrets smaller than ``tie`` count as zero.
    """

    def __init__(
        self, tree: Histories, variant: str, order: str, unit: float = 1.0, tie: float = 0.0
    ) -> None:
        assert order in ORDERS
        self.tree, self.variant, self.order = tree, variant, order
        self.unit, self.tie = unit, tie
        self.regret = np.zeros(len(tree.infoset_of))
        self.average = np.zeros(len(tree.infoset_of))
        self.policy = 1.0 / tree.count_of
        self.reach = [self._reach(player) for player in range(PLAYERS)]
        self.done = 0

    def run(self, iterations: int) -> Solver:
        for _ in range(iterations):
            self.done += 1
            for player in range(PLAYERS):
                self._update(player)
        return self

    def strategy(self) -> np.ndarray:
        return _shares(self.average, self.tree.infoset_of, self.tree.count_of)

    def exploitability(self) -> float:
        return self.tree.exploitability(self.strategy())

    def _reach(self, player: int) -> np.ndarray:
        return self.tree.reach(np.append(self.policy, 1.0)[self.tree.entry_of[player]])

    def _update(self, player: int) -> None:
        tree, t, mine = self.tree, self.done, self.tree.entries[player]
        after = tree.after[player]
        entry, gained = tree.entry[after], self._gained(player)
        positive, negative = kept(self.variant, t)
        self.regret[mine] *= np.where(self.regret[mine] > 0, positive, negative)
        instant = np.zeros(len(self.regret))
        np.add.at(instant, entry, gained)
        if self.order == "direct":
            np.add.at(self.regret, entry, gained)
        else:
            self.regret[mine] += instant[mine]
        if self.variant in FLOORED:
            self.regret[mine] = np.maximum(self.regret[mine], 0.0)
        believed = self.regret[mine] = self._without_ties(self.regret[mine])
        if self.variant in PREDICTIVE:
            coming = believed * kept(self.variant, t + 1)[0] + instant[mine]
            believed = self._without_ties(coming)
        own = self.reach[player][tree.sample[tree.infoset_of[mine]]]
        self.average[mine] += float(t) ** GAMMA[self.variant] * own * self.policy[mine]
        self.policy[mine] = _shares(
            np.maximum(believed, 0.0), tree.infoset_of[mine], tree.count_of[mine]
        )
        self.reach[player] = self._reach(player)

    def _without_ties(self, regret: np.ndarray) -> np.ndarray:
        return np.where(np.abs(regret) < self.tie, 0.0, regret)

    def _gained(self, player: int) -> np.ndarray:
        """Return the instant regret of each history after a move of the player's."""
        tree, policy = self.tree, np.append(self.policy, 1.0)
        leaf = self.unit * (tree.utility if player == 0 else -tree.utility)
        others = self.reach[1 - player] * tree.chance_reach
        after = tree.after[player]
        if self.order == "leaves":
            value = tree.raised(leaf * others, policy[tree.entry_of[player]])
            return value[after] - value[tree.parent[after]]
        value = tree.raised(leaf, tree.chance * policy[tree.entry])
        return others[tree.parent[after]] * (value[after] - value[tree.parent[after]])


def _shares(positive: np.ndarray, infoset_of: np.ndarray, count_of: np.ndarray) -> np.ndarray:
    """Divide an infoset's numbers by their sum; uniform where that is 0."""
    total = np.bincount(infoset_of, positive)[infoset_of]
    return np.where(total > 0, positive / np.where(total > 0, total, 1.0), 1.0 / count_of)
