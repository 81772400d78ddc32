"""The one interface through which strategies are looked at: all hands of a seat, on a board.

A strategy plays a hold'em game: a public betting tree (``Game.tree``, and ``Game.betting`` with
the moves), whose payoffs are in ``Game.tree`` and whose hands and boards are in
``Game.hole_cards``. Whoever measures, shows or plays it (matches, best responses, local best
response, the viewer, resolving) asks it two things and nothing else:

- ``probabilities(nodes, board)``: what a seat does with each hand at some nodes;
- ``on_boards(boards)``: the same as arrays that kernels read (``layout.policy.BoardPolicy``).

A run's checkpoint is one (``strategy.table.TableStrategy``); a strategy that knows how to answer
the first question gets the second from ``policy_from``.

Hands are numbered as ``cards.ranges`` does, over the whole deck: 1,326 on 52 cards. Boards are
cards in the order in which they are dealt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.ranges import hand_of, hand_pairs
from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.layout.policy import BLOCKED, BoardPolicy
from cfr_shm.layout.tree import DECISION

#: A board: cards in the order in which they are dealt.
Board = Sequence[int]


class PublicStrategy(Protocol):
    """A strategy for every seat of a hold'em game; immutable."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def game(self) -> Game:
        """The game that it plays: tree, payoffs, moves, hands, boards."""
        ...

    @property
    def suits_alike(self) -> bool:
        """Whether what differs in suits only is played alike: hand and board renamed together."""
        ...

    def probabilities(self, nodes: Sequence[int], board: Board) -> NDArray[np.float64]:
        """Return (nodes, hands, actions): what the actor of each node does with each hand.

        Args:
            nodes: decision nodes of the tree.
            board: at least the cards that lie there on the nodes' streets; what comes later is
                not looked at.

        0 for hands that the board of the node's street blocks, and beyond its last action.
        """
        ...

    def on_boards(self, boards: NDArray[np.int64]) -> BoardPolicy:
        """Return the same as arrays, for (boards, cards) boards of the last street at least."""
        ...


def holdem_parts(game: Game) -> tuple[BettingTree, HoleCards]:
    """Return the betting tree and the hands of a game.

    Raises:
        GameError: it is not hold'em.
    """
    if game.betting is None or game.hole_cards is None:
        raise GameError(f"{game.name} is not hold'em: it has no public betting tree with hands")
    return game.betting, game.hole_cards


def hands_of(game: Game) -> NDArray[np.int64]:
    """Return (hands, 2): the cards of each hand by its number, lower card first."""
    return hand_pairs(holdem_parts(game)[1].deck)


def start_weights(game: Game, seat: int) -> NDArray[np.float64]:
    """Return (hands,): a seat's starting range; 0 for hands that it never holds."""
    cards = holdem_parts(game)[1]
    hands, weight = cards.hands(seat)
    found = np.zeros(len(hands_of(game)))
    found[[hand_of(int(one), int(two)) for one, two in hands]] = weight
    return found


def hand_at(game: Game, node: int) -> Hand:
    """Return the public state of a node: pot, bets, stacks, who is to act, what is legal."""
    betting, _ = holdem_parts(game)
    moves: list[int] = []
    while betting.parent[node] >= 0:
        moves.append(int(betting.move[node]))
        node = int(betting.parent[node])
    hand = Hand(betting.rules)
    for move in reversed(moves):
        hand = hand.apply(move)
    return hand


def policy_from(strategy: PublicStrategy, boards: NDArray[np.int64]) -> BoardPolicy:
    """Return ``on_boards`` of a strategy that answers ``probabilities`` alone.

    Every hand of every board gets a row of its own at every decision node: boards x nodes x
    hands x actions x 8 bytes, so that a few boards at once are enough for large trees.
    """
    game = strategy.game
    _, cards = holdem_parts(game)
    records = game.tree.nodes
    nodes = np.flatnonzero(records["kind"] == DECISION)
    holes, streets, most = hands_of(game), game.street_count, game.max_actions
    number = np.full((len(boards), streets, len(holes)), BLOCKED, np.int32)
    probability = np.zeros((len(nodes), len(boards), len(holes), most))
    for row, board in enumerate(boards.tolist()):
        probability[:, row] = strategy.probabilities(nodes.tolist(), board)
        for street in range(streets):
            free = ~np.isin(holes, board[: cards.board_count(street)]).any(axis=1)
            number[row, street, free] = row * len(holes) + np.flatnonzero(free)
    row_base = np.zeros(len(records), np.int64)
    row_base[nodes] = np.arange(len(nodes)) * (len(boards) * len(holes) * most)
    stride = np.full(len(records), most, np.int64)
    return frozen_policy(probability.reshape(-1), row_base, stride, number)


def frozen_policy(
    probability: NDArray[np.float64],
    row_base: NDArray[np.int64],
    row_stride: NDArray[np.int64],
    number: NDArray[np.int32],
) -> BoardPolicy:
    """Put a policy together; nobody writes to it any more, so that kernels are compiled once."""
    policy = BoardPolicy(probability, row_base, row_stride, number)
    for array in policy:
        array.setflags(write=False)
    return policy
