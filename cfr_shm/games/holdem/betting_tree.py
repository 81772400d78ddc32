"""The betting tree of hold'em, flat: counted first, then written to arrays of just that size.

The tree is public: cards come with the deal, and a decision node has a table row for each of
the actor's buckets on its street (docs/adr/0001, docs/adr/0013).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cfr_shm.config.abstraction import DEFAULT_MAX_NODES
from cfr_shm.config.holdem import STREET_NAMES
from cfr_shm.errors import GameError
from cfr_shm.games.trees.builder import BuiltTree
from cfr_shm.kernels.holdem.betting_tree import walk_tree
from cfr_shm.kernels.warm import compile_betting_kernels
from cfr_shm.layout.betting import (
    BET_ACTOR,
    BET_RAISES,
    BET_STATUS,
    BET_STREET,
    PLAYING,
    BettingRules,
    betting_words,
)
from cfr_shm.layout.betting_tree import (
    TREE_CHECKED_DOWN,
    TREE_COUNTS,
    TREE_DEPTH,
    TREE_ENTRIES,
    TREE_FOLDED_OUT,
    TREE_FRAME_WORDS,
    TREE_NODES,
    TREE_PAYOFFS,
    TREE_POTS,
    TREE_RAISES,
    TREE_SHOWDOWNS,
    TREE_STUCK,
    Menu,
    TreeArrays,
    TreeWalk,
)
from cfr_shm.layout.rows import whole_lines
from cfr_shm.layout.tree import NODE_DTYPE, Tree
from cfr_shm.machine import paged_arrays

Report = Callable[[str], None]

#: Nodes between two looks at the clock, 11 MB: about a tenth of a second.
_STEP = 1 << 18
_REPORT_SECONDS = 3.0
#: A tree beyond its limit is counted on for so long, to say how large it is.
_COUNT_ON_SECONDS = 10.0
_MOST_NODES = 2**31 - 1
_FIRST_DEPTH = 64


class StreetRows(NamedTuple):
    """What a betting tree has on each street; arrays are (streets,) int64."""

    decisions: NDArray[np.int64]  # decision nodes
    rows: NDArray[np.int64]  # infosets: one per decision node and bucket of its actor
    entries: NDArray[np.int64]  # infoset-action pairs


class TreeSize(NamedTuple):
    """What a betting tree and its table take, before any of it is allocated."""

    nodes: int
    folded_out: int  # leaves by kind
    showdowns: int
    checked_down: int  # of the showdowns: too many players left to bet
    raises: int  # moves that are bets or raises
    street_rows: StreetRows
    table_entries: int
    max_depth: int  # most decision nodes of one player on any path
    max_actions: int
    size_used: NDArray[np.int64]  # (sizes of the menu,), moves that each size gave

    @property
    def tree_bytes(self) -> int:
        """Bytes of the nodes, with the move and the parent of each."""
        return self.nodes * (NODE_DTYPE.itemsize + 8 + 4)


class BettingTree(NamedTuple):
    """A built tree, and what walking it by moves needs."""

    built: BuiltTree
    move: NDArray[np.int64]  # (nodes,), the move that leads to the node; the root's is 0
    parent: NDArray[np.int32]  # (nodes,), -1 for the root
    rules: BettingRules
    street_rows: StreetRows


def measure_betting_tree(
    rules: BettingRules,
    menu: Menu,
    bucket_counts: ArrayLike,
    max_nodes: int | None = None,
    progress: Report | None = None,
) -> TreeSize:
    """Count what a betting tree has; the arguments are those of ``build_betting_tree``.

    Raises:
        GameError: as ``build_betting_tree`` says.
    """
    compile_betting_kernels(progress)
    walker = _Walker(rules, menu, bucket_counts, _Telling("counting", progress))
    walker.walk(_NO_ARRAYS, DEFAULT_MAX_NODES if max_nodes is None else max_nodes)
    return walker.size()


def build_betting_tree(
    rules: BettingRules,
    menu: Menu,
    bucket_counts: ArrayLike,
    max_nodes: int | None = None,
    progress: Report | None = None,
) -> BettingTree:
    """Build the tree of all betting lines that the menu leaves of the rules.

    Args:
        rules: the betting.
        menu: which bets and raises are looked at.
        bucket_counts: (players, streets), buckets of each player on each street, at least 1.
        max_nodes: a larger tree is refused; None for DEFAULT_MAX_NODES.
        progress: told every few seconds how far it is.

    Raises:
        GameError: the tree is larger than ``max_nodes``, has no decision, or no bet although
            the menu has some; or a player is left with nothing but a fold.
    """
    size = measure_betting_tree(rules, menu, bucket_counts, max_nodes, progress)
    paged_arrays.make_room()
    out = _allocate(size, rules.players)
    walker = _Walker(rules, menu, bucket_counts, _Telling("writing", progress, size.nodes))
    walker.walk(out, size.nodes)
    tree = Tree(
        nodes=out.nodes,
        utility=out.utility[: walker.counts[TREE_PAYOFFS]].copy(),
        pot_amount=out.pot_amount[: max(walker.counts[TREE_POTS], 1)].copy(),
        pot_players=out.pot_players[: max(walker.counts[TREE_POTS], 1)].copy(),
        outcome_cumulative=np.ones(1),
    )
    for array in (*tree, out.move, out.parent):
        array.setflags(write=False)
    built = BuiltTree(tree, size.table_entries, size.max_depth, size.max_actions, {})
    return BettingTree(built, out.move, out.parent, rules, size.street_rows)


class _Telling:
    """Says every few seconds how far a walk is."""

    def __init__(self, verb: str, report: Report | None, nodes: int | None = None) -> None:
        self._verb, self._report, self._nodes = verb, report, nodes
        self._next = time.monotonic() + _REPORT_SECONDS

    def __call__(self, nodes: int) -> None:
        if self._report is not None and time.monotonic() >= self._next:
            of = "" if self._nodes is None else f" of {self._nodes:,}"
            self._report(f"{self._verb} the betting tree: {nodes:,}{of} nodes so far")
            self._next = time.monotonic() + _REPORT_SECONDS


class _Walker:
    """One walk over a tree, which lives as long as the walk."""

    def __init__(
        self, rules: BettingRules, menu: Menu, bucket_counts: ArrayLike, tell: _Telling
    ) -> None:
        self._rules, self._menu, self._tell = rules, menu, tell
        self._buckets = _checked_buckets(bucket_counts, rules)
        most_moves = 3 + int(menu.level_size.max(initial=0))
        players, streets = rules.players, rules.streets
        self._walk = TreeWalk(
            state=np.zeros((_FIRST_DEPTH, betting_words(players)), np.int64),
            moves=np.zeros((_FIRST_DEPTH, most_moves), np.int64),
            frame=np.zeros((_FIRST_DEPTH, TREE_FRAME_WORDS), np.int64),
            counts=np.zeros(TREE_COUNTS, np.int64),
            decisions=np.zeros((streets, players, most_moves + 1), np.int64),
            own_moves=np.zeros((2, players), np.int64),
            used=np.zeros(len(menu.size_kind), np.int64),
            amount=np.zeros(players, np.int64),
            players_mask=np.zeros(players, np.int64),
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """The counts, (TREE_COUNTS,)."""
        return self._walk.counts

    def walk(self, out: TreeArrays, max_nodes: int) -> None:
        """Walk the whole tree.

        Raises:
            GameError: see ``build_betting_tree``.
        """
        over_since = None
        limit = 0
        while True:
            limit = min(max(limit, int(self.counts[TREE_NODES])) + _STEP, _MOST_NODES)
            self._step(out, limit)
            paged_arrays.let_go()
            nodes = int(self.counts[TREE_NODES])
            if self.counts[TREE_DEPTH] == 0:
                break
            self._tell(nodes)
            if nodes > max_nodes:
                over_since = over_since or time.monotonic()
                spent = time.monotonic() - over_since
                if spent > _COUNT_ON_SECONDS or nodes >= _MOST_NODES - _STEP:
                    raise _too_large(f"more than {nodes:,}", max_nodes)
        if nodes > max_nodes:
            raise _too_large(f"{nodes:,}", max_nodes)
        if len(self._menu.size_kind) and self.counts[TREE_RAISES] == 0 and _can_bet(self._rules):
            raise GameError(
                "abstraction: no size of the menus is ever a legal bet or raise; add smaller "
                "ones, or allin, or give the seats larger stacks"
            )

    def _step(self, out: TreeArrays, limit: int) -> None:
        """Walk on until ``limit`` nodes are numbered, with longer arrays if the path needs them."""
        while True:
            walk_tree(self._rules, self._menu, self._buckets, self._walk, out, limit)
            self._refuse_stuck()
            depth = int(self.counts[TREE_DEPTH])
            if depth + 1 < len(self._walk.state):
                return
            longer = {
                name: np.concatenate([array, np.zeros_like(array)])
                for name in ("state", "moves", "frame")
                for array in [getattr(self._walk, name)]
            }
            self._walk = self._walk._replace(**longer)

    def _refuse_stuck(self) -> None:
        walk = self._walk
        depth = int(self.counts[TREE_DEPTH])
        if walk.state[0, BET_STATUS] != PLAYING:
            raise GameError(
                "game.stacks: antes and blinds leave nobody anything to decide; use larger stacks"
            )
        if self.counts[TREE_STUCK]:
            state = walk.state[depth - 1]
            street = STREET_NAMES[self._rules.real_street[state[BET_STREET]]]
            raise GameError(
                f"abstraction.{street}: after {state[BET_RAISES]} raises, seat "
                f"{state[BET_ACTOR]} may only fold: abstraction.limp is false and no size is a "
                "legal raise; add one, or allin"
            )

    def size(self) -> TreeSize:
        """Return what was counted."""
        walk, counts = self._walk, self.counts
        moves = np.arange(walk.decisions.shape[2])
        rows = walk.decisions * self._buckets.T[:, :, np.newaxis]
        return TreeSize(
            nodes=int(counts[TREE_NODES]),
            folded_out=int(counts[TREE_FOLDED_OUT]),
            showdowns=int(counts[TREE_SHOWDOWNS]),
            checked_down=int(counts[TREE_CHECKED_DOWN]),
            raises=int(counts[TREE_RAISES]),
            street_rows=StreetRows(
                decisions=walk.decisions.sum(axis=(1, 2)),
                rows=rows.sum(axis=(1, 2)),
                entries=(rows * moves).sum(axis=(1, 2)),
            ),
            table_entries=whole_lines(int(counts[TREE_ENTRIES])),
            max_depth=int(walk.own_moves[1].max()),
            max_actions=int(np.flatnonzero(walk.decisions.sum(axis=(0, 1)))[-1]),
            size_used=walk.used,
        )


def _checked_buckets(bucket_counts: ArrayLike, rules: BettingRules) -> NDArray[np.int64]:
    counts = np.array(bucket_counts, dtype=np.int64)
    counts.flags.writeable = False
    if counts.shape != (rules.players, rules.streets) or counts.min() < 1:
        raise GameError(
            f"bucket counts of shape {counts.shape} for {rules.players} players and "
            f"{rules.streets} streets; each must be at least 1"
        )
    return counts


def _can_bet(rules: BettingRules) -> bool:
    """Tell whether the rules themselves allow bets."""
    return bool(rules.max_raises.any())


def _too_large(nodes: str, max_nodes: int) -> GameError:
    return GameError(
        f"abstraction.max_nodes: the betting tree has {nodes} nodes, over the limit of "
        f"{max_nodes:,}; use fewer sizes or raises, max_flop_players or check_down_above, or "
        "raise the limit"
    )


def _arrays(nodes: int, players: int, leaves: int, showdowns: int) -> TreeArrays:
    """Allocate; what stays unused of the payoffs and pots is never touched."""
    return TreeArrays(
        nodes=paged_arrays.zeros(nodes, NODE_DTYPE),
        move=paged_arrays.zeros(nodes, np.int64),
        parent=paged_arrays.zeros(nodes, np.int32),
        utility=np.empty((leaves + 1, players), np.float64),
        pot_amount=np.zeros(showdowns * players + players, np.float64),
        pot_players=np.zeros(showdowns * players + players, np.int64),
        payoff_slot=np.full(_slots(leaves), -1, np.int32),
        pot_slot=np.full(_slots(showdowns), -1, np.int32),
    )


def _slots(entries: int) -> int:
    """Return a power of two of which at most half is used."""
    return 1 << (2 * entries + 1).bit_length()


def _allocate(size: TreeSize, players: int) -> TreeArrays:
    return _arrays(size.nodes, players, size.folded_out + size.showdowns, size.showdowns)


_NO_ARRAYS = _arrays(0, 1, 0, 0)
