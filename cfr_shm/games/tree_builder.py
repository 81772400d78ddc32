"""Build a flat tree: rows are addressed, payoffs shared, and the whole checked, at this border.

One builder serves *public trees* (each decision node has a row per bucket; chance is in the
deal) and *history trees* (explicit chance nodes; nodes of one infoset name it and share its
row). Kernels trust what ``finish`` returns and never check it again.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.layout import (
    CHANCE,
    DECISION,
    NODE_DTYPE,
    SHOWDOWN,
    TERMINAL,
    Tree,
    row_words,
)

MAX_PLAYERS = 16
MAX_CHILDREN = int(np.iinfo(np.int16).max)
MAX_NODES = int(np.iinfo(np.int32).max)
MAX_STREETS = 255

#: Tables end on a whole cache line.
_TABLE_ALIGNMENT_WORDS = 8

#: One node before it becomes a NODE_DTYPE record, in the order of the columns below.
_COLUMNS = (
    "kind",
    "actor",
    "street",
    "count",
    "first_child",
    "row_base",
    "row_stride",
    "payoff",
    "detail",
)


class BuiltTree(NamedTuple):
    """A finished tree and what its tables need."""

    tree: Tree
    table_words: int
    max_depth: int  # most decision nodes of one player on any path, at least 1
    max_actions: int
    infoset_rows: dict[Hashable, int]  # first word of each named infoset's row


class _Step(NamedTuple):
    """What one player remembers of the way to a node: moves made, and the last one."""

    moves: int
    last_entry: int  # word of the entry chosen last, -1 where rows depend on buckets


class TreeBuilder:
    """Grow a tree from node 0: declare each node once, get its children's indices, go on.

    Declare nodes in the order in which they should lie in memory; breadth first (a queue)
    keeps rows that are visited together near. The builder lives as long as the building.

    Example: a coin is tossed, then player 0 says heads or tails without seeing it.

        >>> builder = TreeBuilder(player_count=2)
        >>> for side, node in enumerate(builder.chance(0, [0.5, 0.5])):
        ...     for said, leaf in enumerate(builder.decision(node, 0, 2, infoset="guess")):
        ...         won = 1.0 if said == side else -1.0
        ...         builder.terminal(leaf, [won, -won])
        >>> built = builder.finish()
        >>> len(built.tree.nodes), built.infoset_rows
        (7, {'guess': 0})
    """

    def __init__(self, player_count: int) -> None:
        if not 1 <= player_count <= MAX_PLAYERS:
            raise GameError(f"{player_count} players; a tree has 1 to {MAX_PLAYERS}")
        self.player_count = player_count
        self._nodes: list[tuple[int, ...] | None] = [None]
        self._steps: list[tuple[_Step, ...]] = [(_Step(0, -1),) * player_count]
        self._words = 0
        self._max_moves = 1
        self._max_actions = 1
        self._payoffs: dict[tuple[float, ...], int] = {}
        self._pot_groups: dict[tuple[tuple[float, int], ...], int] = {}
        self._pots: list[tuple[float, int]] = []
        self._outcomes: dict[tuple[float, ...], int] = {}
        self._cumulative: list[float] = []
        self._infosets: dict[Hashable, tuple[int, int, int, _Step]] = {}

    def decision(
        self,
        node: int,
        actor: int,
        action_count: int,
        *,
        street: int = 0,
        bucket_count: int = 1,
        infoset: Hashable = None,
    ) -> range:
        """Declare a decision node and return the indices of its children, one per action.

        Without ``infoset`` the node gets ``bucket_count`` rows of its own, one per bucket of
        the actor on this street. With it, all nodes of that name share one row.

        Raises:
            GameError: a number is out of range, or nodes of one infoset differ in the actor,
                the number of actions, or the actor's own earlier moves (perfect recall).
        """
        self._check_new(node, street)
        if not 0 <= actor < self.player_count or bucket_count < 1:
            raise GameError(f"node {node}: player {actor} with {bucket_count} buckets")
        if not 1 <= action_count <= MAX_CHILDREN:
            raise GameError(f"node {node}: {action_count} actions; 1 to {MAX_CHILDREN} fit")
        steps = self._steps[node]
        own = steps[actor]
        self._max_moves = max(self._max_moves, own.moves + 1)
        self._max_actions = max(self._max_actions, action_count)
        if infoset is None:
            row, stride = self._words, row_words(action_count)
            self._words += bucket_count * stride
            after = [_with_step(steps, actor, -1)] * action_count
        else:
            row, stride = self._shared_row(infoset, actor, action_count, own), 0
            after = [_with_step(steps, actor, row + action) for action in range(action_count)]
        first = self._add_children(after)
        self._nodes[node] = (DECISION, actor, street, action_count, first, row, stride, 0, 0)
        return range(first, first + action_count)

    def chance(self, node: int, probability: Sequence[float], *, street: int = 0) -> range:
        """Declare a chance node and return the indices of its children, one per outcome.

        Raises:
            GameError: the probabilities are not positive, or their sum is not 1 to 1e-9.
        """
        self._check_new(node, street)
        outcomes = tuple(float(each) for each in probability)
        total = sum(outcomes)
        if not 1 <= len(outcomes) <= MAX_CHILDREN or min(outcomes) <= 0.0:
            raise GameError(f"node {node}: chance needs outcomes of positive probability")
        if not abs(total - 1.0) <= 1e-9:
            raise GameError(f"node {node}: chance probabilities sum to {total}, not to 1")
        detail = self._outcomes.get(outcomes)
        if detail is None:
            detail = self._outcomes[outcomes] = len(self._cumulative)
            self._cumulative.extend((np.cumsum(outcomes[:-1]) / total).tolist())
            self._cumulative.append(1.0)
        first = self._add_children([self._steps[node]] * len(outcomes))
        self._nodes[node] = (CHANCE, 0, street, len(outcomes), first, 0, 0, 0, detail)
        return range(first, first + len(outcomes))

    def terminal(self, node: int, utility: Sequence[float], *, street: int = 0) -> None:
        """Declare the end of a history with each player's net utility.

        Raises:
            GameError: not one finite number per player.
        """
        self._check_new(node, street)
        payoff = self._payoff(node, utility)
        self._nodes[node] = (TERMINAL, 0, street, 0, 0, 0, 0, payoff, 0)

    def showdown(
        self,
        node: int,
        utility: Sequence[float],
        pots: Sequence[tuple[float, int]],
        *,
        street: int = 0,
    ) -> None:
        """Declare a showdown: the deal's strengths decide who gets what.

        Args:
            node: the node to declare.
            utility: each player's net utility if that player wins no pot.
            pots: (amount, players) each; bit p of ``players`` is set when player p may win.
            street: the last street.

        Raises:
            GameError: not one finite number per player, no pot, or a pot that nobody may win.
        """
        self._check_new(node, street)
        payoff = self._payoff(node, utility)
        group = tuple((float(amount), int(players)) for amount, players in pots)
        if not 1 <= len(group) <= MAX_CHILDREN:
            raise GameError(f"node {node}: a showdown needs a pot")
        for amount, players in group:
            if not math.isfinite(amount) or not 0 < players < 1 << self.player_count:
                raise GameError(f"node {node}: pot of {amount} for players {players:#b}")
        detail = self._pot_groups.get(group)
        if detail is None:
            detail = self._pot_groups[group] = len(self._pots)
            self._pots.extend(group)
        self._nodes[node] = (SHOWDOWN, 0, street, len(group), 0, 0, 0, payoff, detail)

    def finish(self) -> BuiltTree:
        """Return the tree as read-only arrays.

        Raises:
            GameError: a node was never declared.
        """
        if any(node is None for node in self._nodes):
            missing = self._nodes.index(None)
            raise GameError(f"node {missing} of {len(self._nodes)} was never declared")
        columns = np.array(self._nodes, dtype=np.int64)
        nodes: NDArray[Any] = np.zeros(len(self._nodes), dtype=NODE_DTYPE)
        for index, name in enumerate(_COLUMNS):
            nodes[name] = columns[:, index]
        pots = self._pots or [(0.0, 0)]
        tree = Tree(
            nodes=nodes,
            utility=np.array(list(self._payoffs), dtype=np.float64),
            pot_amount=np.array([amount for amount, _ in pots], dtype=np.float64),
            pot_players=np.array([players for _, players in pots], dtype=np.int64),
            outcome_cumulative=np.array(self._cumulative or [1.0], dtype=np.float64),
        )
        for array in tree:
            array.setflags(write=False)
        words = max(self._words, 1)
        return BuiltTree(
            tree=tree,
            table_words=-(-words // _TABLE_ALIGNMENT_WORDS) * _TABLE_ALIGNMENT_WORDS,
            max_depth=self._max_moves,
            max_actions=self._max_actions,
            infoset_rows={name: known[0] for name, known in self._infosets.items()},
        )

    def _check_new(self, node: int, street: int) -> None:
        if not 0 <= node < len(self._nodes):
            raise GameError(f"node {node} does not exist; {len(self._nodes)} nodes so far")
        if self._nodes[node] is not None:
            raise GameError(f"node {node} was declared before")
        if not 0 <= street < MAX_STREETS:
            raise GameError(f"node {node}: street {street} of at most {MAX_STREETS}")

    def _add_children(self, steps: list[tuple[_Step, ...]]) -> int:
        first = len(self._nodes)
        if first + len(steps) > MAX_NODES:
            raise GameError(f"the tree has more than {MAX_NODES} nodes")
        self._nodes.extend([None] * len(steps))
        self._steps.extend(steps)
        return first

    def _payoff(self, node: int, utility: Sequence[float]) -> int:
        row = tuple(float(each) for each in utility)
        if len(row) != self.player_count or not all(map(math.isfinite, row)):
            raise GameError(
                f"node {node}: utilities {row}; expected {self.player_count} finite numbers"
            )
        return self._payoffs.setdefault(row, len(self._payoffs))

    def _shared_row(self, infoset: Hashable, actor: int, action_count: int, own: _Step) -> int:
        known = self._infosets.get(infoset)
        if known is None:
            row = self._words
            self._words += row_words(action_count)
            self._infosets[infoset] = (row, actor, action_count, own)
            return row
        row, known_actor, known_count, known_own = known
        if (known_actor, known_count) != (actor, action_count):
            raise GameError(
                f"infoset {infoset!r} belongs to player {known_actor} with {known_count} actions "
                f"and to player {actor} with {action_count}"
            )
        if known_own != own:
            raise GameError(
                f"infoset {infoset!r} is reached by different moves of player {actor}: "
                "perfect recall is needed, name the moves in the infoset"
            )
        return row


def _with_step(steps: tuple[_Step, ...], actor: int, entry: int) -> tuple[_Step, ...]:
    """Return ``steps`` after one more move of ``actor``."""
    step = _Step(steps[actor].moves + 1, entry)
    return (*steps[:actor], step, *steps[actor + 1 :])
