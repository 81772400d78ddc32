"""Walks with all hands over a hold'em game's tree: from a board on, through all cards to come.

::

    board of the flop                  one stage of streets, ``kernels.evaluation.response``
      | exits: turn decisions, all-ins on the flop, each with the other seat's reach
      v
    every turn card -> every river card -> values of those exits, added up
      |
      v
    values of the flop

A stage's reach is written first, then its exits are valued on every next board, then its own
values follow from theirs. Cards to come are equally likely among those in neither hand, so that
sums over next boards are divided by their number given both hands.
"""

from __future__ import annotations

import functools
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import thread_count
from cfr_shm.cards.showdown import showdown_sums
from cfr_shm.errors import GameError
from cfr_shm.evaluation.gathering import in_order
from cfr_shm.evaluation.run_outs import (
    RunOuts,
    canonical_boards,
    chunks,
    full_boards,
    suit_means,
    symmetric_in_suits,
)
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.kernels.evaluation.response import respond
from cfr_shm.layout.cards import HOLE_CARDS
from cfr_shm.layout.policy import BoardPolicy
from cfr_shm.layout.response import (
    NEVER,
    NO_EXIT,
    WALK_WORDS,
    Exits,
    Roots,
    Stage,
    WalkSpace,
)
from cfr_shm.layout.showdown import HandOrder
from cfr_shm.layout.tree import DECISION, SHOWDOWN
from cfr_shm.strategy.public import PublicStrategy, hands_of, holdem_parts, start_weights

Floats = NDArray[np.float64]
Space = TypeVar("Space")
Drawn = TypeVar("Drawn")

#: Both seats' hole cards.
_BOTH_HANDS = 2 * HOLE_CARDS


class BoardHands(NamedTuple):
    """The hands that fit a board, in the order of their strength where it is complete."""

    order: HandOrder
    rows: NDArray[np.int64]  # number of each hand


class _StageExits(NamedTuple):
    node: NDArray[np.int64]
    place: NDArray[np.int32]


class Players(NamedTuple):
    """Who plays: the responder's own strategy, and the other seat's; one game."""

    own: PublicStrategy
    other: PublicStrategy


class Ledger(Protocol):
    """Keeps how far the sum over the first cards that are drawn has come."""

    def begun(self, total: Floats) -> tuple[int, Floats]:
        """Return how many boards are added up already, and their sum; ``total`` is zero."""
        ...

    def passed(self, boards: int, total: Floats) -> None:
        """Note that so many boards are added up in ``total``."""
        ...


class BoardWalk:
    """Walks over one game's tree; owns the space for it, so that one thread uses it at a time.

    Args:
        game: whose tree.
        stop: set when nobody wants the values any more: walks over many boards end then.

    Attributes:
        game: whose tree.
        cards: its deals.
        holes: (hands, 2) the cards of each hand.
        start: of each seat, (hands,) its starting weights.
        depth: one more than decision nodes on any path.

    Raises:
        GameError: the game is not hold'em, or not for two.
    """

    def __init__(self, game: Game, stop: threading.Event | None = None) -> None:
        betting, self.cards = holdem_parts(game)
        if game.player_count != 2:
            raise GameError(
                f"walks with all hands are for two players; {game.name} has {game.player_count}"
            )
        self.game = game
        self.holes = hands_of(game)
        possible = self.fits(self.cards.fixed_board)
        self.start = (start_weights(game, 0) * possible, start_weights(game, 1) * possible)
        self._parent = betting.parent
        self._shown = [self.cards.board_count(street) for street in range(game.street_count)]
        self._exits = {count: self._exits_after(count) for count in self.board_sizes}
        self.depth = depth = _deepest(betting.parent) + 2
        hands = len(self.holes)
        self._frame = np.zeros((depth, WALK_WORDS), np.int64)
        self._reach = np.zeros(depth * hands)
        self._value = np.zeros(depth * hands)
        self._sums = np.stack([showdown_sums(self.cards.deck)] * depth)
        self._whole = np.zeros(depth)
        self._last: tuple[tuple[int, ...], BoardHands] | None = None
        self._ledger: Ledger | None = None
        self._run_outs: RunOuts | None = None
        self._workers, self._stop = 1, stop or threading.Event()
        fixed = len(self.cards.fixed_board)
        self._kept_at = max(size for size in (0, *self.board_sizes) if size <= fixed)

    @property
    def board_sizes(self) -> list[int]:
        """How many cards the board has after each deal, ascending; the last is the showdown's."""
        return sorted({*self._shown, self.cards.showdown_cards})

    def street_board(self, street: int) -> int:
        """Return how many board cards lie there on a street."""
        return self._shown[street]

    def hands_on(self, board: Sequence[int]) -> BoardHands:
        """Return the hands that fit a board; those of the last one are kept."""
        if self._last is None or self._last[0] != tuple(board):
            self._last = tuple(board), self._find_hands(board)
        return self._last[1]

    def _find_hands(self, board: Sequence[int]) -> BoardHands:
        dealt = np.zeros(self.cards.deck.card_count, bool)
        dealt[list(self.cards.dealt)] = True
        dealt[list(board)] = False
        rows = np.flatnonzero(dealt[self.holes].all(axis=1))
        strength = np.zeros(len(rows), np.int32)
        if len(board) == self.cards.showdown_cards:
            strength = self.cards.strengths(self.holes[rows], board).astype(np.int32)
            by_strength = np.argsort(strength, kind="stable")
            rows, strength = rows[by_strength], strength[by_strength]
        cards = self.holes[rows].astype(np.int16)
        order = HandOrder(
            np.ascontiguousarray(cards[:, 0]),
            np.ascontiguousarray(cards[:, 1]),
            strength,
            np.arange(len(rows), dtype=np.int32),
        )
        for array in order:
            array.setflags(write=False)
        return BoardHands(order, rows)

    def met_weight(self) -> float:
        """Return the sum over pairs of hands that can meet of both starting weights."""
        one, two = self.start
        by_card = np.zeros(self.cards.deck.card_count)
        for place in range(HOLE_CARDS):
            np.add.at(by_card, self.holes[:, place], two)
        met = two.sum() - by_card[self.holes].sum(axis=1) + two
        return float(one @ met)

    def board_share(self, size: int) -> float:
        """Return how likely a board of ``size`` cards is possible, once both hands are known."""
        fixed = len(self.cards.fixed_board)
        drawn = size - min(fixed, size)
        left = len(self.cards.dealt) - fixed
        return math.comb(left - _BOTH_HANDS, drawn) / math.comb(left, drawn)

    def seat_value(self, values: Floats, seat: int, size: int = 0) -> float:
        """Return what a seat gets, chips: on one random board of ``size`` cards, 0 for over all.

        The mean over equally likely boards is the value of the game, whatever the ranges.
        """
        share = self.board_share(size) if size else 1.0
        return float(self.start[seat] @ values) / (self.met_weight() * share)

    def root_values(
        self,
        players: Players,
        seat: int,
        board: Sequence[int],
        first_best: int = NEVER,
        ledger: Ledger | None = None,
        workers: int = 1,
    ) -> Floats:
        """Return (hands,): what each of a seat's hands gets on a board, from the root on.

        Streets whose cards lie there are walked over with this board; cards to come are
        enumerated. Values are times the other seat's starting weights and reach.

        Args:
            players: the seat's own strategy, and the other seat's.
            seat: whose hands.
            board: of one of the game's streets; no cards: all boards.
            first_best: street from which on the seat takes its best actions.
            ledger: where the sum over the first cards that are drawn begins, and is noted.
            workers: threads for the first cards that are drawn, 0 for all usable cores; changes
                nothing in the values.
        """
        self._ledger, self._workers = ledger, workers
        stage, root = Stage(seat, first_best, 0), np.zeros(1, np.int64)
        reach = np.where(self.fits(board), self.start[1 - seat], 0.0)[None, :]
        if not board and self._shown[0] > 0:
            found = self._later(players, stage, board, root, reach)
        else:
            found = self.values(players, stage, board, root, reach)
        values: Floats = found[0]
        return values

    def fits(self, board: Sequence[int]) -> NDArray[np.bool_]:
        """Return (hands,): which hands share no card with the board."""
        used = np.zeros(self.cards.deck.card_count, bool)
        used[list(board)] = True
        fits: NDArray[np.bool_] = np.logical_not(used[self.holes].any(axis=1))
        return fits

    def values(
        self,
        players: Players,
        stage: Stage,
        board: Sequence[int],
        nodes: NDArray[np.int64],
        reach: Floats,
    ) -> Floats:
        """Return (nodes, hands) values of the responder's hands; ``reach`` is of that shape."""
        complete = len(board) == self.cards.showdown_cards
        exits = self._exits[len(board)]
        hands = self.hands_on(board)
        own, other = self.policies(players, board, hands)
        around = (own, other, hands)
        here = np.ascontiguousarray(reach[:, hands.rows])
        at_exits = np.zeros((len(exits.node), len(hands.rows)))
        exit_values = at_exits
        if not complete:
            collecting = stage._replace(collect=1)
            self._walk(around, collecting, nodes, here, Exits(exits.place, at_exits, at_exits))
            full = np.zeros((len(exits.node), len(self.holes)))
            full[:, hands.rows] = at_exits
            found = self._later(players, stage, board, exits.node, full)
            exit_values = np.ascontiguousarray(found[:, hands.rows])
        stored = Exits(exits.place, at_exits, exit_values)
        out = np.zeros((len(nodes), len(self.holes)))
        out[:, hands.rows] = self._walk(around, stage, nodes, here, stored)
        return out

    def _later(
        self,
        players: Players,
        stage: Stage,
        board: Sequence[int],
        nodes: NDArray[np.int64],
        reach: Floats,
    ) -> Floats:
        """Return the values of nodes that wait for the next cards, over all of them."""
        total = np.zeros_like(reach)
        merged = not board and self.merges_suits(players)
        size = next(count for count in self.board_sizes if count > len(board))
        decided = (self.game.tree.nodes["kind"][nodes] == SHOWDOWN).all()
        if decided and size == self.cards.showdown_cards and isinstance(self.cards, DealtCards):
            self._add_run_outs(stage, board, merged, nodes, (reach, total))
        else:
            ledger = self._ledger if len(board) == self._kept_at else None
            before, total = ledger.begun(total) if ledger else (0, total)
            left = itertools.islice(self._next_boards(board, merged), before, None)

            def value(walk: BoardWalk, drawn: tuple[tuple[int, ...], float]) -> Floats:
                longer = [*board, *drawn[0]]
                there = np.where(self.fits(longer), reach, 0.0)
                return drawn[1] * walk.values(players, stage, longer, nodes, there)

            another = functools.partial(BoardWalk, self.game)
            parts = self._parts(value, board, left, (self, another))
            for count, part in enumerate(parts, start=before + 1):
                total += part
                if ledger:
                    ledger.passed(count, total)
        if merged:
            total = suit_means(self.cards.deck, total)
        return total / self.next_count(board)

    def _parts(
        self,
        value: Callable[[Space, Drawn], Floats],
        board: Sequence[int],
        left: Iterable[Drawn],
        spaces: tuple[Space, Callable[[threading.Event], Space]],
    ) -> Iterator[Floats]:
        """Yield the values of what is drawn after a board, in its order.

        They are spread over threads where nothing was drawn before: within one thread's work
        there is no more to spread.

        Args:
            value: of one draw, in a space of one's own.
            board: that lies there.
            left: what is drawn.
            spaces: this thread's, and what makes another.
        """
        here, make = spaces
        workers = self._workers if len(board) == self._kept_at else 1
        if thread_count(workers) > 1:
            yield from in_order(lambda stop: functools.partial(value, make(stop)), left, workers)
            return
        for drawn in left:
            if self._stop.is_set():
                raise CancelledError
            yield value(here, drawn)

    def merges_suits(self, players: Players) -> bool:
        """Return whether boards that differ in suits only count for one another."""
        deck = self.cards.deck
        return (
            isinstance(self.cards, DealtCards)
            and not self.cards.fixed_board
            and players.own.suits_alike
            and players.other.suits_alike
            and all(symmetric_in_suits(deck, each) for each in self.start)
        )

    def kept_boards(self, players: Players) -> int:
        """Return how many boards a ledger counts in one walk over all boards."""
        board = self.cards.fixed_board[: self._kept_at]
        if self._kept_at == self.board_sizes[-1]:
            return 0
        merged = not board and self.merges_suits(players)
        return sum(1 for _ in self._next_boards(board, merged))

    def _next_boards(
        self, board: Sequence[int], merged: bool
    ) -> Iterator[tuple[tuple[int, ...], float]]:
        """Yield what is dealt next, with the number of deals that it stands for."""
        if merged:
            size = next(count for count in self.board_sizes if count > len(board))
            boards, weights = canonical_boards(self.cards.deck, size)
            for more, weight in zip(boards.tolist(), weights.tolist(), strict=True):
                yield tuple(more), weight
        else:
            for more in self.next_cards(board):
                yield more, 1.0

    def _add_run_outs(
        self,
        stage: Stage,
        board: Sequence[int],
        merged: bool,
        nodes: NDArray[np.int64],
        reach_and_value: tuple[Floats, Floats],
    ) -> None:
        """Add up showdowns over all full boards."""
        deck, size = self.cards.deck, self.cards.showdown_cards
        tree, (reach, total) = self.game.tree, reach_and_value
        losing = tree.utility[tree.nodes["payoff"][nodes], stage.responder]
        pot = tree.pot_amount[tree.nodes["detail"][nodes]]
        amounts = np.stack([losing + pot, losing + 0.5 * pot, losing], axis=1)
        if merged:
            boards = chunks(*canonical_boards(deck, size))
        else:
            every = full_boards(deck, board, size, self.cards.fixed_board)
            boards = ((some, np.ones(len(some))) for some in every)

        def value(run_outs: RunOuts, some: tuple[NDArray[np.int64], Floats]) -> Floats:
            part = np.zeros_like(total)
            run_outs.add(*some, reach, amounts, part)
            return part

        self._run_outs = self._run_outs or RunOuts(deck)
        for part in self._parts(value, board, boards, (self._run_outs, lambda _: RunOuts(deck))):
            total += part

    def next_cards(self, board: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield what can be dealt to a board next; the order within a deal does not matter."""
        size = next(count for count in self.board_sizes if count > len(board))
        fixed = self.cards.fixed_board[len(board) : size]
        left = [card for card in self.cards.dealt if card not in (*board, *self.cards.fixed_board)]
        for more in itertools.combinations(left, size - len(board) - len(fixed)):
            yield (*fixed, *more)

    def next_count(self, board: Sequence[int]) -> int:
        """Return how many of ``next_cards`` there are once both hands are known."""
        size = next(count for count in self.board_sizes if count > len(board))
        fixed = len(self.cards.fixed_board[len(board) : size])
        known = max(len(board), len(self.cards.fixed_board)) + _BOTH_HANDS
        return math.comb(len(self.cards.dealt) - known, size - len(board) - fixed)

    def policies(
        self, players: Players, board: Sequence[int], hands: BoardHands
    ) -> tuple[BoardPolicy, BoardPolicy]:
        """Return both strategies on a board, over the hands that fit it."""
        own = _of_hands(players.own, self._padded(board), hands)
        if players.own is players.other:
            return own, own
        return own, _of_hands(players.other, self._padded(board), hands)

    def _padded(self, board: Sequence[int]) -> NDArray[np.int64]:
        """Return the board with any cards where streets are to come, which nobody looks at."""
        missing = max(self._shown[-1], len(board)) - len(board)
        others = (card for card in self.cards.dealt if card not in board)
        return np.array([[*board, *itertools.islice(others, missing)]], np.int64)

    def _walk(
        self,
        around: tuple[BoardPolicy, BoardPolicy, BoardHands],
        stage: Stage,
        nodes: NDArray[np.int64],
        reach: Floats,
        exits: Exits,
    ) -> Floats:
        own, other, hands = around
        count = len(hands.rows)
        roots = Roots(nodes, reach, np.zeros_like(reach))
        space = WalkSpace(
            self._frame,
            self._reach[: self.depth * count].reshape(self.depth, count),
            self._value[: self.depth * count].reshape(self.depth, count),
            self._sums,
            self._whole,
        )
        respond(self.game.tree, own, other, hands.order, stage, roots, exits, space)
        return roots.value

    def _exits_after(self, count: int) -> _StageExits:
        """Return which nodes wait for more cards than ``count``, come to from streets that do not.

        Showdowns wait for the whole board.
        """
        records = self.game.tree.nodes
        shown = np.array(self._shown)[records["street"]]
        above = np.where(self._parent >= 0, shown[self._parent], 0)
        later = (records["kind"] == DECISION) & (shown > count)
        open_ends = (records["kind"] == SHOWDOWN) & (count < self.cards.showdown_cards)
        node = np.flatnonzero((later | open_ends) & (above <= count))
        index = np.full(len(records), NO_EXIT, np.int32)
        index[node] = np.arange(len(node))
        index.setflags(write=False)
        return _StageExits(node, index)


def _of_hands(strategy: PublicStrategy, board: NDArray[np.int64], hands: BoardHands) -> BoardPolicy:
    """Return a strategy on one board, over hands in another order."""
    policy = strategy.on_boards(board)
    number = np.ascontiguousarray(policy.number[:, :, hands.rows])
    number.setflags(write=False)
    return policy._replace(number=number)


def _deepest(parent: NDArray[np.int32]) -> int:
    """Return the most decision nodes on any path; parents come before children."""
    depth = np.zeros(len(parent), np.int64)
    for node, above in enumerate(parent.tolist()):
        depth[node] = depth[above] + 1 if above >= 0 else 1
    return int(depth.max())
