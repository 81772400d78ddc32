"""Betting trees as the arrays that the kernels walk: offsets instead of nodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.spots.lanes import LANES
from cfr_shm.layout.spots import (
    DECISION,
    FOLD,
    KIND,
    LEAF,
    NODE_WORDS,
    REACH_ROW,
    SLOT,
    VALUE_ROW,
    Columns,
    Forest,
    Level,
    Links,
)
from cfr_shm.spots.payoffs import Payoffs
from cfr_shm.spots.street_trees import StreetTrees

#: Nodes of a segment, about: with 400 hands its work space takes half a megabyte.
SEGMENT_NODES = 130


class StreetForest(NamedTuple):
    """A level, and what Python needs to find its way in it.

    Attributes:
        level: what the kernels read.
        slots: (2,), action slots of each player on a board.
        rows: of the largest segment's work space, the two that belong to no node included.
        segment: (nodes,), of each node.
    """

    level: Level
    slots: tuple[int, int]
    rows: int
    segment: NDArray[np.int64]


def cut_segments(trees: StreetTrees, *, last: bool) -> list[int]:
    """Return the first node of each segment; only the last of several streets is cut."""
    firsts = [0]
    roots_here = 0
    for root in trees.roots:
        full = roots_here == LANES or root - firsts[-1] > SEGMENT_NODES
        if last and roots_here and full:
            firsts.append(root)
            roots_here = 0
        roots_here += 1
    return firsts


def street_forest(
    trees: StreetTrees, payoffs: Payoffs, stride: int, *, cut: bool, shows: bool
) -> StreetForest:
    """Return a street's trees as arrays, without the links to the next one.

    Args:
        trees: of the street.
        payoffs: what terminal nodes pay.
        stride: numbers in a row.
        cut: whether the forest may be cut into segments.
        shows: whether its leaves are showdowns.
    """
    firsts = cut_segments(trees, last=cut)
    bounds = np.array([*firsts, len(trees.nodes)], np.int64)
    segment = np.searchsorted(bounds, np.arange(len(trees.nodes)), side="right") - 1
    rows = int(np.diff(bounds).max()) + 2
    plan = _Flattening(trees, bounds, segment, stride, rows)
    forest, slots = plan.forest()
    columns = _Terminals(plan, payoffs, shows).columns()
    level = Level(forest, columns, no_links())
    return StreetForest(level, slots, rows, segment)


def link(above: StreetForest, trees: StreetTrees, below: StreetForest, stride: int) -> Level:
    """Return the upper level with its links: the lines from its leaves to the roots below."""
    forest = above.level.forest
    leaves = np.flatnonzero(forest.node[:, KIND] == LEAF)
    zero = (above.rows - 2) * stride
    trash = zero + stride
    lower_trash = (below.rows - 1) * stride
    lower_rows = below.level.forest.node[:, VALUE_ROW]
    of_root = below.segment[trees.roots]
    reach: list[list[int]] = [[], []]
    value: list[int] = []
    root: list[int] = []
    first = [0]
    for segment in range(len(below.level.forest.first) - 1):
        for place in np.flatnonzero(of_root == segment).tolist():
            leaf = int(leaves[place])
            for p in range(2):
                reach[p].append(int(forest.node[leaf, REACH_ROW + p]))
            value.append(int(forest.node[leaf, VALUE_ROW]))
            root.append(int(lower_rows[trees.roots[place]]))
        while len(value) % LANES:
            for p in range(2):
                reach[p].append(zero)
            value.append(trash)
            root.append(lower_trash)
        first.append(len(value))
    links = Links(_ints(reach[0] + reach[1] + value + root), _ints(first))
    return above.level._replace(links=links)


def no_links() -> Links:
    """Return what a last level has instead of links."""
    return Links(_ints([]), _ints([0]))


def no_level() -> Level:
    """Return what stands for a level that a spot has not."""
    nothing, chips = _ints([]), np.zeros(0, np.float32)
    forest = Forest(np.zeros((0, NODE_WORDS), np.int64), np.zeros((0, 2), np.int64), _ints([0]))
    bounds = np.zeros((4, 1), np.int64)
    columns = Columns(bounds, nothing, chips, np.zeros(0, np.bool_), nothing, chips)
    return Level(forest, columns, no_links())


def _ints(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


class _Flattening:
    """Offsets of a street's nodes."""

    def __init__(
        self,
        trees: StreetTrees,
        bounds: NDArray[np.int64],
        segment: NDArray[np.int64],
        stride: int,
        rows: int,
    ) -> None:
        self.trees, self.bounds, self.segment = trees, bounds, segment
        self.zero, self.trash = (rows - 2) * stride, (rows - 1) * stride
        count = len(trees.nodes)
        self.row = (np.arange(count) - bounds[segment]) * stride
        self.parent = np.full(count, -1)
        for number, node in enumerate(trees.nodes):
            self.parent[node.children] = number
        self.reach_row = np.zeros((2, count), np.int64)
        for number in range(count):
            above = self.parent[number]
            for p in range(2):
                own_move = above >= 0 and trees.nodes[above].actor == p
                self.reach_row[p, number] = (
                    self.reach_row[p, above] if own_move else self.row[number]
                )

    def forest(self) -> tuple[Forest, tuple[int, int]]:
        """Return the nodes' arrays, and each player's slots."""
        nodes = self.trees.nodes
        most = max([len(node.children) for node in nodes] + [2])
        child = np.zeros((len(nodes), most), np.int64)
        words = np.zeros((len(nodes), NODE_WORDS), np.int64)
        slots = [0, 0]
        for number, node in enumerate(nodes):
            child[number, : len(node.children)] = self.row[node.children]
            words[number, :SLOT] = node.kind, node.actor, len(node.children)
            if node.kind == DECISION:
                words[number, SLOT] = slots[node.actor]
                slots[node.actor] += len(node.children)
        words[:, VALUE_ROW] = self.row
        words[:, REACH_ROW:] = self.reach_row.T
        return Forest(words, child, self.bounds), (slots[0], slots[1])


class _Column(NamedTuple):
    """A terminal node, with the fold beside it if it is a showdown."""

    source: int
    target: int
    amounts: tuple[float, float, float, float]  # beat, hold, lose, tie
    beside: tuple[int, float] | None = None


class _Terminals:
    """Gathers terminal nodes in sixteens."""

    def __init__(self, plan: _Flattening, payoffs: Payoffs, shows: bool) -> None:
        self._plan, self._payoffs, self._shows = plan, payoffs, shows

    def columns(self) -> Columns:
        """Return them for both traversers, segment by segment."""
        shown: list[_Column] = []
        folds: list[tuple[int, int, float]] = []
        show_first, fold_first = [[0], [0]], [[0], [0]]
        for p in range(2):
            show_first[p], fold_first[p] = [len(shown)], [len(folds)]
            for segment in range(len(self._plan.bounds) - 1):
                show, fold = self._segment(p, segment)
                shown += self._padded(show)
                show_first[p].append(len(shown))
                folds += fold + [(self._plan.zero, self._plan.trash, 0.0)] * (-len(fold) % LANES)
                fold_first[p].append(len(folds))
        return self._arrays(shown, folds, show_first, fold_first)

    def _padded(self, shown: list[_Column]) -> list[_Column]:
        """Put those with folds first, so that few sixteens have any, and fill up the last."""
        shown.sort(key=lambda each: each.beside is None)
        nothing = _Column(self._plan.zero, self._plan.trash, (0.0, 0.0, 0.0, 0.0))
        return shown + [nothing] * (-len(shown) % LANES)

    def _segment(self, p: int, segment: int) -> tuple[list[_Column], list[tuple[int, int, float]]]:
        plan, nodes = self._plan, self._plan.trees.nodes
        shown: list[_Column] = []
        folds: list[tuple[int, int, float]] = []
        own_folds: dict[int, int] = {}  # by the row of the other's reach
        for number in range(int(plan.bounds[segment]), int(plan.bounds[segment + 1])):
            node = nodes[number]
            if node.kind == FOLD and self._shows and node.actor == p:
                own_folds[int(plan.reach_row[p, number])] = number
            elif node.kind == FOLD:
                folds.append(self._fold(p, number))
        for number in range(int(plan.bounds[segment]), int(plan.bounds[segment + 1])):
            if nodes[number].kind == LEAF and self._shows:
                above = plan.parent[number]
                may_fold = above >= 0 and nodes[above].actor == p
                row = int(plan.reach_row[p, number])
                beside = own_folds.pop(row, None) if may_fold else None
                shown.append(self._show(p, number, beside))
        folds += [self._fold(p, number) for number in own_folds.values()]
        return shown, folds

    def _fold(self, p: int, number: int) -> tuple[int, int, float]:
        node = self._plan.trees.nodes[number]
        amount = self._payoffs.folded(node.put, node.actor)[p]
        return int(self._plan.reach_row[p, number]), int(self._plan.row[number]), amount

    def _show(self, p: int, number: int, beside: int | None) -> _Column:
        paid = self._payoffs.shown(self._plan.trees.nodes[number].put[0])[p]
        amounts = (paid.win - paid.tie, paid.tie - paid.lose, paid.lose, paid.tie)
        source, target = int(self._plan.reach_row[p, number]), int(self._plan.row[number])
        return _Column(
            source, target, amounts, None if beside is None else self._fold(p, beside)[1:]
        )

    def _arrays(
        self,
        shown: list[_Column],
        folds: list[tuple[int, int, float]],
        show_first: list[list[int]],
        fold_first: list[list[int]],
    ) -> Columns:
        chips = np.array([each.amounts for each in shown], np.float32).reshape(-1, 4)
        beside = [each.beside or (self._plan.trash, 0.0) for each in shown]
        has_fold = np.array([each.beside is not None for each in shown], np.bool_)
        targets = [each.target for each in shown] + [each[0] for each in beside]
        amounts = [*chips.T, np.array([each[1] for each in beside], np.float32)]
        return Columns(
            bounds=np.array([*show_first, *fold_first], np.int64),
            show_offsets=_ints([each.source for each in shown] + targets),
            show_amounts=np.concatenate(amounts),
            beside=np.asarray(has_fold.reshape(-1, LANES).any(axis=1)),
            fold_offsets=_ints([each[0] for each in folds] + [each[1] for each in folds]),
            fold_amounts=np.array([each[2] for each in folds], np.float32),
        )
