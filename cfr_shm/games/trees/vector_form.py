"""Sort a game's deals into classes and joints, for algorithms that take all deals at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.kernels.training.vector_form import (
    REACH_WORDS,
    SIZE_WORDS,
    VALUE_WORDS,
    count_row_uses,
    fill_payoffs,
    place_vectors,
)
from cfr_shm.layout.deals import DEALS_TABLE, Deals
from cfr_shm.layout.rows import WORD_BYTES
from cfr_shm.layout.tree import CHANCE, DECISION, Tree
from cfr_shm.layout.vector import VECTOR_NODE_DTYPE, PublicStates, VectorForm, VectorScratch

#: The most bytes that the vectors and payoffs of one game may take.
MAX_BYTES = 8 << 30

Integers = NDArray[np.int64]


class Classes(NamedTuple):
    """Who is in which class on every street, by deal."""

    of_deal: Integers  # (players, streets, deals)
    sizes: Integers  # (players, streets), classes
    public: Integers  # (streets, deals), the public state: what everybody knows
    public_count: Integers  # (streets,)


class Outline(NamedTuple):
    """A game's classes, and where its nodes' vectors lie."""

    classes: Classes
    nodes: NDArray[Any]  # (nodes,) VECTOR_NODE_DTYPE, but for ``exclusive``
    reach: Integers  # (nodes, players)
    value_words: int
    reach_words: int

    @property
    def vector_words(self) -> int:
        """The words of all value and reach vectors together."""
        return self.value_words + self.reach_words


class VectorGame(NamedTuple):
    """A game's vector form, and how much memory its vectors take."""

    form: VectorForm
    outline: Outline
    table_entries: int

    def allocate_scratch(
        self,
        policy: NDArray[np.float64] | None = None,
        vectors: NDArray[np.float64] | None = None,
    ) -> VectorScratch:
        """Allocate what a vector traversal works in, for all classes.

        Args:
            policy: (table_entries,), to be used instead of memory of its own.
            vectors: (outline.vector_words,), likewise, for values and reach.
        """
        count = self.form.class_count
        middle = self.outline.value_words
        vectors = np.zeros(self.outline.vector_words) if vectors is None else vectors
        return VectorScratch(
            policy=np.zeros(self.table_entries) if policy is None else policy,
            reach=vectors[middle:],
            value=vectors[:middle],
            own_street=np.zeros(int(count.max())),
            begin=np.zeros_like(count),
            end=count.copy(),
            leaf_scale=np.ones(count.shape[1]),
        )

    def public_states(self, deals: Deals) -> PublicStates:
        """Return the public states of all streets.

        Raises:
            GameError: nothing public is dealt, so that there is nothing to sample.
        """
        classes = self.outline.classes
        if classes.public_count[-1] == 1:
            raise GameError("no public cards are dealt in this game, so that none can be sampled")
        first = np.concatenate([[0], np.cumsum(classes.public_count)])
        players, streets = classes.sizes.shape
        probability = np.zeros(int(first[-1]))
        begin = np.full((int(first[-1]), players), np.iinfo(np.int64).max)
        end = np.zeros((int(first[-1]), players), np.int64)
        of_deal = classes.public + first[:-1, None]
        for street in range(streets):
            np.add.at(probability, of_deal[street], deals.probability)
            for player in range(players):
                each = classes.of_deal[player, street]
                np.minimum.at(begin[:, player], of_deal[street], each)
                np.maximum.at(end[:, player], of_deal[street], each + 1)
        states = PublicStates(np.ascontiguousarray(of_deal), probability, begin, end)
        for array in states:
            array.setflags(write=False)
        return states


def classify(deals: Deals) -> Classes:
    """Number what each player has seen by each street, public states first.

    Two deals are in one public state when a chain of deals leads from one to the other in
    which neighbours look alike to some player: nobody can then tell that it is not so. Source:
    Burch, Moravcik & Schmid 2019, "Revisiting CFR+ and alternating updates", section 2 (the
    public partition), here derived from the deals.
    """
    players, streets = deals.bucket_count.shape
    deal_count = len(deals.probability)
    of_deal = np.zeros((players, streets, deal_count), np.int64)
    public = np.zeros((streets, deal_count), np.int64)
    seen = np.zeros((players, deal_count), np.int64)
    for street in range(streets):
        for player in range(players):
            key = seen[player] * (int(deals.bucket[:, player, street].max()) + 1)
            key += deals.bucket[:, player, street]
            seen[player] = np.unique(key, return_inverse=True)[1].ravel()
        public[street] = _connected(seen)
        for player in range(players):
            width = int(seen[player].max()) + 1
            key = public[street] * width + seen[player]
            seen[player] = np.unique(key, return_inverse=True)[1].ravel()
        of_deal[:, street] = seen
    return Classes(of_deal, of_deal.max(axis=2) + 1, public, public.max(axis=1) + 1)


def has_hidden_moves(tree: Tree) -> bool:
    """Return whether an infoset can come up in two ways after the same chance outcomes."""
    nodes = tree.nodes
    drawn = np.zeros(len(nodes), np.int64)  # the last chance outcome on the way
    inner = np.flatnonzero(np.isin(nodes["kind"], (DECISION, CHANCE)))
    for node in inner.tolist():
        first, count = int(nodes["first_child"][node]), int(nodes["count"][node])
        if nodes["kind"][node] == CHANCE:
            drawn[first : first + count] = np.arange(first, first + count)
        else:
            drawn[first : first + count] = drawn[node]
    shared = (nodes["kind"] == DECISION) & (nodes["row_stride"] == 0)
    pairs = np.stack([nodes["row_base"][shared], drawn[shared]])
    return bool(np.unique(pairs, axis=1).shape[1] < shared.sum())


def _connected(seen: Integers) -> Integers:
    """Return the connected component of each deal; deals are linked by equal classes."""
    label = np.arange(seen.shape[1])
    while True:
        before = label
        for line in seen:
            least = np.full(int(line.max()) + 1, seen.shape[1])
            np.minimum.at(least, line, label)
            label = least[line]
        if np.array_equal(label, before):
            return np.unique(label, return_inverse=True)[1].ravel().astype(np.int64)


def outline(tree: Tree, deals: Deals) -> Outline:
    """Lay out the vectors of a game whose deals are listed."""
    classes = classify(deals)
    nodes: NDArray[Any] = np.zeros(len(tree.nodes), VECTOR_NODE_DTYPE)
    reach = np.zeros((len(nodes), classes.sizes.shape[0]), np.int64)
    size = np.zeros(SIZE_WORDS, np.int64)
    place_vectors(tree, classes.sizes, nodes, reach, size)
    return Outline(classes, nodes, reach, int(size[VALUE_WORDS]), int(size[REACH_WORDS]))


def vector_game(tree: Tree, deals: Deals, table_entries: int) -> VectorGame:
    """Build the vector form of a game whose deals are listed.

    Raises:
        GameError: the deals are not listed, or the vectors would take more than MAX_BYTES.
    """
    if deals.kind != DEALS_TABLE:
        raise GameError("this algorithm needs listed deals, and the game's buckets are drawn")
    plan = outline(tree, deals)
    classes, nodes = plan.classes, plan.nodes
    parts = _class_arrays(deals, classes)
    joints = _joint_arrays(deals, classes, parts["class_first"])
    first, payoff = _payoffs(tree, deals, nodes, joints.pop("deal_joint"), plan.vector_words)
    uses = np.zeros(table_entries, np.int32)
    count_row_uses(tree, nodes, parts["class_first"], classes.sizes, parts["class_bucket"], uses)
    form = VectorForm(
        nodes=nodes,
        reach=plan.reach,
        payoff_first=first,
        class_count=classes.sizes,
        payoff=payoff,
        **parts,
        **joints,
        **_shared_rows(tree, nodes, parts, classes),
    )
    for array in form:
        array.setflags(write=False)
    return VectorGame(form, plan, table_entries)


def _class_arrays(deals: Deals, classes: Classes) -> dict[str, NDArray[Any]]:
    """Return the ``class_*`` arrays but for ``class_count``."""
    players, streets = classes.sizes.shape
    first = np.concatenate([[0], np.cumsum(classes.sizes.ravel())])
    total = int(first[-1])
    bucket, above = np.zeros(total, np.int32), np.zeros(total, np.int32)
    probability = np.zeros(total)
    for player in range(players):
        for street in range(streets):
            each = first[player * streets + street] + classes.of_deal[player, street]
            bucket[each] = deals.bucket[:, player, street]
            above[each] = classes.of_deal[player, max(street - 1, 0)]
            np.add.at(probability, each, deals.probability)
    return {
        "class_first": np.ascontiguousarray(first[:-1].reshape(players, streets)),
        "class_bucket": bucket,
        "class_above": above,
        "class_probability": probability,
    }


def _joint_arrays(deals: Deals, classes: Classes, class_first: Integers) -> dict[str, NDArray[Any]]:
    """Return the ``joint_*`` arrays, and ``deal_joint`` (players, streets, deals)."""
    players, streets = classes.sizes.shape
    deal_joint = np.zeros((players, streets, len(deals.probability)), np.int64)
    joint_first = np.zeros(int(classes.sizes.sum()), np.int64)
    joint_count = np.zeros_like(joint_first)
    base = np.zeros((players, streets), np.int64)
    blocks: list[NDArray[np.int32]] = []
    size = 0
    for player in range(players):
        order = [player, *(other for other in range(players) if other != player)]
        for street in range(streets):
            seen = classes.of_deal[order, street]
            unique, inverse = np.unique(seen, axis=1, return_inverse=True)
            deal_joint[player, street] = inverse.ravel()
            first = class_first[player, street]
            counts = np.bincount(unique[0], minlength=classes.sizes[player, street])
            joint_count[first : first + len(counts)] = counts
            joint_first[first : first + len(counts)] = np.cumsum(counts) - counts
            block = np.zeros((unique.shape[1], players), np.int32)
            block[:, order] = unique.T
            base[player, street] = size
            blocks.append(block)
            size += len(block)
    return {
        "joint_first": joint_first,
        "joint_count": joint_count,
        "joint_class": np.concatenate(blocks),
        "joint_base": base,
        "deal_joint": deal_joint,
    }


def _payoffs(
    tree: Tree, deals: Deals, nodes: NDArray[Any], deal_joint: Integers, vector_words: int
) -> tuple[Integers, NDArray[np.float64]]:
    """Return ``payoff_first`` and ``payoff``: leaves that pay alike share their payoffs."""
    players = deal_joint.shape[0]
    joints = deal_joint.max(axis=2) + 1
    leaf = np.flatnonzero(~np.isin(tree.nodes["kind"], (DECISION, CHANCE)))
    key = tree.nodes[leaf].copy()
    key["street"] = nodes["street"][leaf]
    packed = np.frombuffer(key.tobytes(), np.uint8).reshape(len(leaf), -1)
    _, example, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    chosen = leaf[example]
    street = nodes["street"][chosen].astype(np.int64)
    lengths = joints[:, street].T
    first = np.concatenate([[0], np.cumsum(lengths.ravel())])
    needed = (int(first[-1]) + vector_words) * WORD_BYTES
    if needed > MAX_BYTES:
        raise GameError(
            f"the vectors of all deals would take {needed / 2**30:.1f} GiB, over "
            f"{MAX_BYTES / 2**30:.0f} GiB; use a sampling algorithm"
        )
    begin = np.ascontiguousarray(first[:-1].reshape(len(chosen), players))
    payoff = np.zeros(int(first[-1]))
    fill_payoffs(tree, deals, chosen, street, begin, deal_joint, payoff)
    payoff_first = np.zeros((len(nodes), players), np.int64)
    payoff_first[leaf] = begin[kind.ravel()]
    return payoff_first, payoff


def _shared_rows(
    tree: Tree, nodes: NDArray[Any], parts: dict[str, NDArray[Any]], classes: Classes
) -> dict[str, NDArray[Any]]:
    """Return ``shared_*`` and ``use_*``: the rows that no node has for itself, and who uses them.

    A row's uses are in the order in which a walk from the leaves up comes to them.
    """
    found = np.flatnonzero((tree.nodes["kind"] == DECISION) & (nodes["exclusive"] == 0))
    actor = tree.nodes["actor"][found].astype(np.int64)
    street = nodes["street"][found].astype(np.int64)
    each, count = ranges(classes.sizes[actor, street])
    bucket = parts["class_bucket"][np.repeat(parts["class_first"][actor, street], count) + each]
    node, actor = np.repeat(found, count), np.repeat(actor, count)
    row = tree.nodes["row_base"][node] + bucket * tree.nodes["row_stride"][node].astype(np.int64)
    order = np.lexsort((each, -node, row, actor))
    node, row, actor = node[order], row[order], actor[order]
    begins = np.flatnonzero(np.diff(row, prepend=-1))
    actions = tree.nodes["count"][node[begins]].astype(np.int64)
    players = classes.sizes.shape[0]
    return {
        "shared_first": np.searchsorted(actor[begins], np.arange(players + 1)).astype(np.int64),
        "shared_rows": np.stack([row[begins], actions], axis=1),
        "use_first": np.append(begins, len(row)).astype(np.int64),
        "use_node": node.astype(np.int32),
        "use_class": each[order].astype(np.int32),
    }


def ranges(counts: Integers) -> tuple[Integers, Integers]:
    """Return ``0 .. n - 1`` for each n of ``counts``, one after another, and ``counts``.

    >>> ranges(np.array([2, 0, 3]))[0]
    array([0, 1, 0, 1, 2])
    """
    first = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) - np.repeat(first, counts), counts
