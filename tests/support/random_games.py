"""Small random history trees with perfect recall, for any number of players, general-sum."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.deals import no_deals

# A history as plain nested tuples: ("leaf", utilities), ("chance", probabilities, children),
# ("move", player, infoset, children).
History = tuple


@dataclass
class RandomGame:
    """Each event is seen by its author and by some of the others; infosets are what was seen."""

    seed: int
    players: int = 3
    length: int = 6
    infosets: dict[tuple, int] = field(default_factory=dict)  # name -> actions

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.root = self._grow(((),) * self.players, self.length)

    def _grow(self, seen: tuple[tuple, ...], left: int) -> History:
        if left == 0 or (left < self.length and self.rng.random() < 0.1):
            return ("leaf", tuple(self.rng.normal(size=self.players).tolist()))
        author = int(self.rng.integers(-1, self.players))
        witnesses = self.rng.random(self.players) < 0.2
        if author < 0:
            count = int(self.rng.integers(1, 4))
            probability = tuple(self.rng.dirichlet(np.ones(count)).tolist())
            return ("chance", probability, self._children(seen, witnesses, author, count, left))
        name = (author, seen[author])
        count = self.infosets.setdefault(name, int(self.rng.integers(1, 4)))
        witnesses[author] = True
        return ("move", author, name, self._children(seen, witnesses, author, count, left))

    def _children(self, seen, witnesses, author, count, left):
        """Let witnesses see what happened, and authors that it was them."""
        return tuple(
            self._grow(
                tuple(
                    (*seen[player], (event, player == author))
                    if witnesses[player]
                    else seen[player]
                    for player in range(self.players)
                ),
                left - 1,
            )
            for event in range(count)
        )

    def build(self) -> Game:
        """Declare the histories to a TreeBuilder, in an order that is not breadth first."""
        builder = TreeBuilder(self.players)
        stack = [(0, self.root)]
        while stack:
            node, history = stack.pop()
            if history[0] == "leaf":
                builder.terminal(node, history[1])
                continue
            if history[0] == "chance":
                children = builder.chance(node, history[1])
            else:
                children = builder.decision(node, history[1], len(history[3]), infoset=history[2])
            stack.extend(zip(children, history[-1], strict=True))
        built = builder.finish()
        return Game(
            name="random",
            parameters={},
            player_count=self.players,
            street_count=1,
            tree=built.tree,
            deals=no_deals(self.players),
            table_entries=built.table_entries,
            max_depth=built.max_depth,
            max_actions=built.max_actions,
            constant_sum=False,
            unit="points",
            openspiel_name=None,
            value=None,
            value_source="",
            infosets=lambda: iter(
                InfosetLabel(str(name), name[0], row, tuple(range(self.infosets[name])))
                for name, row in built.infoset_rows.items()
            ),
        )

    def value(self, policy: dict[tuple, list[float]], history: History | None = None):
        """Expected utilities of all players, by plain recursion."""
        history = history or self.root
        if history[0] == "leaf":
            return np.array(history[1])
        weights = history[1] if history[0] == "chance" else policy[history[2]]
        return sum(
            weight * self.value(policy, child)
            for weight, child in zip(weights, history[-1], strict=True)
        )

    def best_response_value(self, policy: dict[tuple, list[float]], player: int) -> float:
        """The best of all pure strategies, by trying every one."""
        own = [name for name in self.infosets if name[0] == player]
        best = -np.inf
        for choice in itertools.product(*(range(self.infosets[name]) for name in own)):
            pure = {
                name: [float(action == chosen) for action in range(self.infosets[name])]
                for name, chosen in zip(own, choice, strict=True)
            }
            best = max(best, self.value({**policy, **pure})[player])
        return best

    def pure_strategies(self) -> int:
        """The most pure strategies that any player has."""
        return max(
            int(np.prod([n for name, n in self.infosets.items() if name[0] == player], dtype=float))
            for player in range(self.players)
        )
