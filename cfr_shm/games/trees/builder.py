"""Build a flat tree: rows are addressed, payoffs shared, and the whole checked, at this border.

One builder serves *public trees* (each decision node has a row per bucket; chance is in the
deal) and *history trees* (explicit chance nodes; nodes of one infoset name it and share its
row). Kernels trust what ``finish`` returns and never check it again.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cfr_shm.errors import GameError
from cfr_shm.games.trees.deciders import mark_deciders
from cfr_shm.games.trees.row_order import SMALL_TABLE_ENTRIES, order_by_deal
from cfr_shm.layout.rows import first_free, whole_lines
from cfr_shm.layout.tree import CHANCE, DECISION, MATCHUP, NODE_DTYPE, SHOWDOWN, TERMINAL, Tree

MAX_PLAYERS = 16
MAX_CHILDREN = int(np.iinfo(np.int16).max)
MAX_NODES = int(np.iinfo(np.int32).max)
MAX_STREETS = 255

#: A NODE_DTYPE record: row_base, row_stride, first_child, payoff, detail, count, kind, actor,
#: street. Packed at once, a node takes 32 bytes while the tree grows too, not 300.
_RECORD = struct.Struct("=qiiiihBBB3x")

#: As kind: the node exists, and nobody has said yet what it is.
_UNDECLARED = 255
_NEW_NODE = _RECORD.pack(0, 0, 0, 0, 0, 0, _UNDECLARED, 0, 0)


class NamedInfoset(NamedTuple):
    """What the builder knows of an infoset that was named."""

    row: int  # first entry of its row
    player: int
    action_count: int


class BuiltTree(NamedTuple):
    """A finished tree and what its tables need."""

    tree: Tree
    table_entries: int
    max_depth: int  # most decision nodes of one player on any path, at least 1
    max_actions: int
    infosets: dict[Hashable, NamedInfoset]  # the named ones, in order of first appearance

    @property
    def infoset_rows(self) -> dict[Hashable, int]:
        """First word of each named infoset's row."""
        return {name: known.row for name, known in self.infosets.items()}


class _Step(NamedTuple):
    """What one player remembers of the way to a node: moves made, and the last one."""

    moves: int
    last_entry: int  # word of the entry chosen last, -1 where rows depend on buckets


#: One step per player.
_Steps = tuple[_Step, ...]


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
        >>> len(built.tree.nodes), built.infosets
        (7, {'guess': NamedInfoset(row=0, player=0, action_count=2)})
    """

    def __init__(self, player_count: int) -> None:
        if not 1 <= player_count <= MAX_PLAYERS:
            raise GameError(f"{player_count} players; a tree has 1 to {MAX_PLAYERS}")
        self.player_count = player_count
        self._records = bytearray(_NEW_NODE)
        self._node_count = 1
        # Of nodes that exist and are not declared yet.
        self._steps: dict[int, _Steps] = {0: (_Step(0, -1),) * player_count}
        self._entries = 0
        self._max_moves = 1
        self._max_actions = 1
        self._payoffs: dict[tuple[float, ...], int] = {}
        self._pot_groups: dict[tuple[tuple[float, int], ...], int] = {}
        self._pots: list[tuple[float, int]] = []
        self._matchups: dict[tuple[int, bytes], int] = {}
        self._matchup_rows = 0
        self._outcomes: dict[tuple[float, ...], int] = {}
        self._cumulative: list[float] = []
        self._infosets: dict[Hashable, tuple[NamedInfoset, _Step]] = {}
        # Of decision nodes with rows of their own, while the table is small.
        self._bucket_counts: dict[int, int] = {}

    @property
    def node_count(self) -> int:
        """Nodes so far, declared or not."""
        return self._node_count

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
        steps = self._check_new(node, street)
        if not 0 <= actor < self.player_count or bucket_count < 1:
            raise GameError(f"node {node}: player {actor} with {bucket_count} buckets")
        if not 1 <= action_count <= MAX_CHILDREN:
            raise GameError(f"node {node}: {action_count} actions; 1 to {MAX_CHILDREN} fit")
        own = steps[actor]
        self._max_moves = max(self._max_moves, own.moves + 1)
        self._max_actions = max(self._max_actions, action_count)
        if infoset is None:
            row, stride = self._new_rows(action_count, bucket_count), action_count
            if self._entries <= SMALL_TABLE_ENTRIES:
                self._bucket_counts[node] = bucket_count
            after = [_with_step(steps, actor, -1)] * action_count
        else:
            row, stride = self._shared_row(infoset, actor, action_count, own), 0
            after = [_with_step(steps, actor, row + action) for action in range(action_count)]
        first = self._add_children(after)
        self._declare(node, row, stride, first, 0, 0, action_count, DECISION, actor, street)
        return range(first, first + action_count)

    def chance(self, node: int, probability: Sequence[float], *, street: int = 0) -> range:
        """Declare a chance node and return the indices of its children, one per outcome.

        Raises:
            GameError: the probabilities are not positive, or their sum is not 1 to 1e-9.
        """
        steps = self._check_new(node, street)
        outcomes = tuple(float(each) for each in probability)
        total = sum(outcomes)
        if len(outcomes) > MAX_CHILDREN:
            raise GameError(f"node {node}: {len(outcomes)} outcomes; 1 to {MAX_CHILDREN} fit")
        if not outcomes or min(outcomes) <= 0.0:
            raise GameError(f"node {node}: chance needs outcomes of positive probability")
        if not abs(total - 1.0) <= 1e-9:
            raise GameError(f"node {node}: chance probabilities sum to {total}, not to 1")
        detail = self._outcomes.get(outcomes)
        if detail is None:
            detail = self._outcomes[outcomes] = len(self._cumulative)
            self._cumulative.extend((np.cumsum(outcomes[:-1]) / total).tolist())
            self._cumulative.append(1.0)
        first = self._add_children([steps] * len(outcomes))
        self._declare(node, 0, 0, first, 0, detail, len(outcomes), CHANCE, 0, street)
        return range(first, first + len(outcomes))

    def terminal(self, node: int, utility: Sequence[float], *, street: int = 0) -> None:
        """Declare the end of a history with each player's net utility.

        Raises:
            GameError: not one finite number per player.
        """
        self._check_new(node, street)
        payoff = self._payoff(node, utility)
        self._declare(node, 0, 0, 0, payoff, 0, 0, TERMINAL, 0, street)

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
        self._declare(node, 0, 0, 0, payoff, detail, len(group), SHOWDOWN, 0, street)

    def matchup(self, node: int, utility: ArrayLike, *, street: int = 0) -> None:
        """Declare a leaf that pays by who was dealt what.

        Args:
            node: the node to declare.
            utility: (rows, players); the deal's row is the sum of its players' strengths. Two
                players with ``n`` hands each, for example, have strengths ``n * hand`` and
                ``hand``, and ``n * n`` rows.
            street: the last street.

        Raises:
            GameError: the array has another shape, or a number is not finite.
        """
        self._check_new(node, street)
        table = np.ascontiguousarray(utility, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != self.player_count or len(table) == 0:
            raise GameError(
                f"node {node}: matchup of shape {table.shape}; expected (rows, {self.player_count})"
            )
        if not np.all(np.isfinite(table)):
            raise GameError(f"node {node}: a matchup's utilities must be finite")
        key = (len(table), table.tobytes())
        first = self._matchups.setdefault(key, self._matchup_rows)
        if first == self._matchup_rows:
            self._matchup_rows += len(table)
        self._declare(node, 0, 0, 0, first, len(table), 0, MATCHUP, 0, street)

    def finish(self) -> BuiltTree:
        """Return the tree as read-only arrays.

        Raises:
            GameError: a node was never declared.
        """
        if self._steps:
            raise GameError(f"node {min(self._steps)} of {self._node_count} was never declared")
        nodes: NDArray[Any] = np.frombuffer(self._records, dtype=NODE_DTYPE).copy()
        if self._entries <= SMALL_TABLE_ENTRIES and not self._infosets:
            self._entries = order_by_deal(nodes, self._bucket_counts)
        mark_deciders(nodes)
        # Rows of matchups come after those of terminal nodes and showdowns.
        nodes["payoff"][nodes["kind"] == MATCHUP] += len(self._payoffs)
        pots = self._pots or [(0.0, 0)]
        tree = Tree(
            nodes=nodes,
            utility=self._utility(),
            pot_amount=np.array([amount for amount, _ in pots], dtype=np.float64),
            pot_players=np.array([players for _, players in pots], dtype=np.int64),
            outcome_cumulative=np.array(self._cumulative or [1.0], dtype=np.float64),
        )
        for array in tree:
            array.setflags(write=False)
        return BuiltTree(
            tree=tree,
            table_entries=whole_lines(self._entries),
            max_depth=self._max_moves,
            max_actions=self._max_actions,
            infosets={name: known for name, (known, _) in self._infosets.items()},
        )

    def _utility(self) -> NDArray[np.float64]:
        rows = [np.array(list(self._payoffs), dtype=np.float64).reshape(-1, self.player_count)]
        rows += [
            np.frombuffer(table, dtype=np.float64).reshape(length, self.player_count)
            for length, table in self._matchups
        ]
        return np.concatenate(rows)

    def _check_new(self, node: int, street: int) -> _Steps:
        """Return the way to a node that exists and is not declared yet."""
        steps = self._steps.get(node)
        if steps is None:
            if not 0 <= node < self._node_count:
                raise GameError(f"node {node} does not exist; {self._node_count} nodes so far")
            raise GameError(f"node {node} was declared before")
        if not 0 <= street < MAX_STREETS:
            raise GameError(f"node {node}: street {street} of at most {MAX_STREETS}")
        return steps

    def _declare(self, node: int, *fields: int) -> None:
        _RECORD.pack_into(self._records, node * _RECORD.size, *fields)
        del self._steps[node]

    def _add_children(self, steps: list[_Steps]) -> int:
        first = self._node_count
        if first + len(steps) > MAX_NODES:
            raise GameError(f"the tree has more than {MAX_NODES} nodes")
        self._records += _NEW_NODE * len(steps)
        self._steps.update(enumerate(steps, first))
        self._node_count += len(steps)
        return first

    def _payoff(self, node: int, utility: Sequence[float]) -> int:
        row = tuple(float(each) for each in utility)
        if len(row) != self.player_count or not all(map(math.isfinite, row)):
            raise GameError(
                f"node {node}: utilities {row}; expected {self.player_count} finite numbers"
            )
        return self._payoffs.setdefault(row, len(self._payoffs))

    def _new_rows(self, action_count: int, buckets: int) -> int:
        """Return where rows of a new node or infoset begin."""
        row = int(first_free(self._entries, action_count))
        self._entries = row + action_count * buckets
        return row

    def _shared_row(self, infoset: Hashable, actor: int, action_count: int, own: _Step) -> int:
        found = self._infosets.get(infoset)
        if found is None:
            row = self._new_rows(action_count, 1)
            self._infosets[infoset] = (NamedInfoset(row, actor, action_count), own)
            return row
        known, known_own = found
        if (known.player, known.action_count) != (actor, action_count):
            raise GameError(
                f"infoset {infoset!r} belongs to player {known.player} with "
                f"{known.action_count} actions and to player {actor} with {action_count}"
            )
        if known_own != own:
            raise GameError(
                f"infoset {infoset!r} is reached by different moves of player {actor}: "
                "perfect recall is needed, name the moves in the infoset"
            )
        return known.row


def _with_step(steps: _Steps, actor: int, entry: int) -> _Steps:
    """Return ``steps`` after one more move of ``actor``."""
    step = _Step(steps[actor].moves + 1, entry)
    return (*steps[:actor], step, *steps[actor + 1 :])
