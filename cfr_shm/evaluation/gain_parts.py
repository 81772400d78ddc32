"""Where a strategy loses: a best response's gain, taken apart choice by choice, exactly.

The responder plays as that of ``evaluation/sampled_response.py``: the strategy's own policy before
a street, a best response from it on. What it gains over the strategy in its own place is the sum,
over all its choices, of how often it comes there times what the choice itself gains:

    V(child that it takes) - V(node),   V: what the strategy itself gets, playing on as ever

Nothing is left over. Source: Kakade & Langford 2002, "Approximately optimal approximate
reinforcement learning", lemma 6.1 (the performance difference of two policies).
"""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.estimates import Estimate, mean_interval
from cfr_shm.evaluation.gain_kinds import GROUPS, Choices, GainKinds, gains_by_action
from cfr_shm.evaluation.gathering import for_each
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.kernels.evaluation.read_policy import read_policy
from cfr_shm.layout.policy import BoardPolicy
from cfr_shm.layout.response import NEVER, Stage
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.public import PublicStrategy

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEATS = 2

#: Nodes that are gone down from together: each has some vectors over all hands.
_TOGETHER = 64

_KINDS = sum(len(kinds) for kinds in GROUPS.values())
_NOTHING = np.zeros(0)


class GainParts(NamedTuple):
    """What responders gain, in chips a hand, and where; means over both seats and over boards."""

    gain: Estimate
    kinds: dict[str, dict[str, Estimate]]  # by group, each of which adds up to the gain
    lines: list[tuple[int, Estimate]]  # by the node that a choice leads to, the largest first
    stopped: BaseException | None = None  # what ended it before all boards were seen


class _Places(NamedTuple):
    """Nodes that the walk has come to, and with which hands."""

    node: Ints  # (nodes,)
    other: Floats  # (nodes, hands), reach of the other seat, its start weights in it
    comes: Floats  # (nodes, hands), how likely the responder comes here by its own moves
    role: Floats  # (nodes, hands), the same of the strategy in the responder's place

    def some(self, chosen: NDArray[np.bool_] | slice) -> _Places:
        node, other, comes, role = self
        return _Places(node[chosen], other[chosen], comes[chosen], role[chosen])


class _Board(NamedTuple):
    """Cards that lie there, and the strategy on them."""

    cards: tuple[int, ...]
    policy: BoardPolicy
    share: float  # how much one of the boards that can follow counts


class BoardParts:
    """Takes gains apart on one board after the other; owns the space, so that one thread uses it.

    Args:
        strategy: what responders are against; for two seats.
        street: of the game, on which they begin.
        seed: of the boards, those of ``sampled_response``.
        visits: strategy weight of a visit.
        stop: set when nobody wants to know any more.

    Raises:
        GameError: not a game of hold'em for two.
    """

    def __init__(
        self,
        strategy: PublicStrategy,
        street: int,
        seed: int = 0,
        visits: float = 1.0,
        stop: threading.Event | None = None,
    ) -> None:
        self._stop = stop or threading.Event()
        self._walk = BoardWalk(strategy.game, self._stop)
        self._strategy, self._players = strategy, Players(strategy, strategy)
        self._street, self._seed = street, seed
        self._records = strategy.game.tree.nodes
        self._kinds = GainKinds(strategy, visits)
        self._shown = np.array(
            [self._walk.street_board(each) for each in range(strategy.game.street_count)]
        )
        self._seat, self._unit, self._possible = 0, 0.0, _NOTHING
        self._found, self._lines = np.zeros(_KINDS), dict[int, float]()

    def __call__(self, index: int) -> tuple[Floats, dict[int, float]]:
        """Return what ``on_board`` does of board ``index``."""
        walk, size = self._walk, int(self._shown[self._street])
        return self.on_board(drawn_board(walk.cards, size, self._seed, index))

    def on_board(self, cards: tuple[int, ...]) -> tuple[Floats, dict[int, float]]:
        """Return gains on a board, chips, mean over both seats: by all kinds, and by line."""
        walk = self._walk
        self._found, self._lines = np.zeros(_KINDS), {}
        self._unit = 1.0 / (SEATS * walk.met_weight() * walk.board_share(len(cards)))
        fits = walk.fits(cards).astype(np.float64)[None, :]
        for seat in range(SEATS):
            self._seat, self._possible = seat, walk.start[seat] * fits[0]
            if not self._possible.any():
                continue  # the board blocks its range
            other = walk.start[1 - seat] * fits
            self._go_down(self._on(cards, 1.0), _Places(np.zeros(1, np.int64), other, fits, fits))
        return self._found, self._lines

    def _on(self, cards: tuple[int, ...], share: float) -> _Board:
        others = (card for card in self._walk.cards.dealt if card not in cards)
        missing = max(int(self._shown[-1]) - len(cards), 0)
        padded = np.array([[*cards, *(next(others) for _ in range(missing))]], np.int64)
        return _Board(cards, self._strategy.on_boards(padded), share)

    def _go_down(self, board: _Board, start: _Places) -> None:
        """Take apart what is gained from some nodes on, on a board and all that follow from it."""
        waiting, later = [start], []
        while waiting:
            if self._stop.is_set():
                raise CancelledError
            here = waiting.pop()
            if len(here.node) > _TOGETHER:
                waiting.append(here.some(slice(_TOGETHER, None)))
                here = here.some(slice(0, _TOGETHER))
            decides = self._records["kind"][here.node] == DECISION
            here = here.some(decides & here.comes.any(axis=1) & here.other.any(axis=1))
            ahead = self._shown[self._records["street"][here.node]] > len(board.cards)
            if ahead.any():
                later.append(here.some(ahead))
            here = here.some(~ahead)
            if len(here.node):
                waiting.append(self._children(board, here))
        for places in later:
            self._deal_on(board, places)

    def _deal_on(self, board: _Board, places: _Places) -> None:
        """Go down from nodes that wait for cards, on all that can come."""
        walk = self._walk
        share = board.share / walk.next_count(board.cards)
        for more in walk.next_cards(board.cards):
            cards = (*board.cards, *more)
            fits = walk.fits(cards)
            node, other, comes, role = places
            self._go_down(
                self._on(cards, share), _Places(node, other * fits, comes * fits, role * fits)
            )

    def _children(self, board: _Board, here: _Places) -> _Places:
        """Return what nodes lead to; note what the responder's choices there gain."""
        count = self._records["count"][here.node].astype(np.int64)
        policy = self._read(board, here.node, int(count.max()))
        own = self._records["actor"][here.node] == self._seat
        best = own & (self._records["street"][here.node] >= self._street)
        plays = np.where(own[:, None, None], policy, 1.0)
        comes = plays * here.comes[:, None, :]
        role = plays * here.role[:, None, :]
        other = np.where(own[:, None, None], 1.0, policy) * here.other[:, None, :]
        child = self._records["first_child"][here.node].astype(np.int64)[:, None]
        child = child + np.arange(policy.shape[1])
        real = np.arange(policy.shape[1]) < count[:, None]
        if best.any():
            ways = _Places(child[best], other[best], here.comes[best], role[best])
            comes[best] = self._choose(board, here.node[best], policy[best], ways, real[best])
        return _Places(child[real], other[real], comes[real], role[real])

    def _choose(
        self, board: _Board, node: Ints, policy: Floats, ways: _Places, real: NDArray[np.bool_]
    ) -> Floats:
        """Let the responder choose at some nodes; return how likely it takes each action.

        Args:
            board: that lies there.
            node: (nodes,) of the responder.
            policy: (nodes, actions, hands), its own.
            ways: children, (nodes, actions) and over hands; ``comes`` is of the nodes.
            real: (nodes, actions), whether there is such an action.
        """
        walk, first = self._walk, Stage(self._seat, self._street, 0)
        child, other = ways.node[real], ways.other[real]
        best = np.full(policy.shape, -np.inf)
        own = np.zeros(policy.shape)
        best[real] = walk.values(self._players, first, board.cards, child, other)
        kept = first._replace(first_best=NEVER)
        own[real] = walk.values(self._players, kept, board.cards, child, other)
        taken = best.argmax(axis=1)
        gain = np.take_along_axis(own, taken[:, None, :], axis=1)[:, 0] - (policy * own).sum(axis=1)
        gain *= ways.comes * self._possible * (self._unit * board.share)
        role = (ways.role @ self._possible) / self._possible.sum()
        self._note(Choices(node, taken, gain, role), ways.node, board)
        chosen = taken[:, None, :] == np.arange(policy.shape[1])[None, :, None]
        found: Floats = chosen * ways.comes[:, None, :]
        return found

    def _note(self, found: Choices, child: Ints, board: _Board) -> None:
        self._found += np.concatenate(self._kinds.sort(found, board.policy))
        gains = gains_by_action(found)
        for place, action in np.argwhere(gains != 0.0).tolist():
            line = int(child[place, action])
            self._lines[line] = self._lines.get(line, 0.0) + float(gains[place, action])

    def _read(self, board: _Board, node: Ints, actions: int) -> Floats:
        """Return (nodes, actions, hands) what whoever acts at some nodes does with each hand."""
        found = np.empty((len(node), len(self._walk.holes), actions))
        nodes = np.ascontiguousarray(node)
        nodes.setflags(write=False)
        read_policy(self._records, board.policy, 0, nodes, found)
        return found.transpose(0, 2, 1)


def gain_parts(
    strategy: PublicStrategy,
    street: int,
    boards: int,
    *,
    seed: int = 0,
    visits: float = 1.0,
    workers: int = 0,
    progress: Progress | None = None,
) -> GainParts:
    """Take apart what best responses from a street on gain.

    Args:
        strategy: what they are against; for two seats.
        street: of the game, on which they begin.
        boards: how many are drawn, at least 2 for intervals.
        seed: of the boards, which are those of ``sampled_response``.
        visits: strategy weight of a visit.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.

    Raises:
        GameError: not a game of hold'em for two.
    """
    lines: list[dict[int, float]] = [{} for _ in range(boards)]

    def make(stop: threading.Event) -> BoardSampler:
        return BoardSampler(BoardParts(strategy, street, seed, visits, stop), lines)

    found, stopped = for_each(make, boards, workers, progress)
    kinds, first = {}, 0
    for group, names in GROUPS.items():
        part = found[:, first : first + len(names)]
        kinds[group] = {name: mean_interval(part[:, at]) for at, name in enumerate(names)}
        first += len(names)
    streets = len(GROUPS["street"])
    gain = mean_interval(found[:, :streets].sum(axis=1))
    return GainParts(gain, kinds, _largest(lines[: len(found)]), stopped)


class BoardSampler:
    """Keeps the lines of each board apart, so that they are added up in the order of boards."""

    def __init__(self, parts: BoardParts, lines: list[dict[int, float]]) -> None:
        self._parts, self._lines = parts, lines

    def __call__(self, index: int) -> Floats:
        """Return gains by kind on board ``index``."""
        found, self._lines[index] = self._parts(index)
        return found


def _largest(lines: list[dict[int, float]]) -> list[tuple[int, Estimate]]:
    nodes = sorted({node for each in lines for node in each})
    values = {node: np.array([each.get(node, 0.0) for each in lines]) for node in nodes}
    ordered = sorted(nodes, key=lambda node: (-float(values[node].mean()), node))
    return [(node, mean_interval(values[node])) for node in ordered]
