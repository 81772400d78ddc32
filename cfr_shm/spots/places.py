"""Finding a place in a spot: a line of actions and the cards that came.

A line is written ``x-b120-c/x-x/b300``: streets of the spot separated by ``/``; ``x`` check,
``c`` call, ``f`` fold, ``b`` and ``r`` bet and raise to a total of the street.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT
from cfr_shm.errors import UsageError
from cfr_shm.layout.spots import CHILD_END, CHILD_FIRST, LEAF, SLOT
from cfr_shm.spots.boards import SuitMap, mapped_card
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.street_trees import Node


class Place(NamedTuple):
    """A node on a board.

    Attributes:
        level: street of the spot, from 0.
        node: its number in the level's trees.
        board: number of the board that is solved.
        suits: what turns that board into the one that was asked for.
    """

    level: int
    node: int
    board: int
    suits: SuitMap


def find_place(game: SpotGame, line: str, cards: Sequence[int] = ()) -> Place:
    """Return where ``line`` leads after the spot's board and ``cards``.

    Raises:
        UsageError: an action that the tree has not, or a number of cards that does not fit.
    """
    node, level = 0, 0
    streets = line.split("/") if line else [""]
    for street, written in enumerate(streets):
        if street > 0:
            node, level = _next_street(game, level, node, line)
        for code in filter(None, written.split("-")):
            node = _step(game, level, node, code, line)
    if len(cards) != level:
        raise UsageError(
            f"the line {line!r} has {level} cards after the spot's board, found {len(cards)}"
        )
    board, suits = find_board(game, cards)
    return Place(level, node, board, suits)


def _next_street(game: SpotGame, level: int, node: int, line: str) -> tuple[int, int]:
    if game.trees[level].nodes[node].kind != LEAF or level + 1 >= game.levels:
        raise UsageError(f"the line {line!r} has a street that does not begin there")
    return game.trees[level + 1].roots[game.trees[level].leaves.index(node)], level + 1


def _step(game: SpotGame, level: int, node: int, code: str, line: str) -> int:
    here = game.trees[level].nodes[node]
    codes = [action.code for action in here.actions]
    if code not in codes:
        known = ", ".join(codes) or "none: the hand or the street is over"
        raise UsageError(f"the line {line!r}: {code!r} is no action there; actions: {known}")
    return here.children[codes.index(code)]


def find_board(game: SpotGame, cards: Sequence[int]) -> tuple[int, SuitMap]:
    """Return the solved board for the spot's board and ``cards``, and what turns it into that.

    Raises:
        UsageError: a card that is on the board already.
    """
    board, suits = 0, tuple(range(SUIT_COUNT))
    boards = game.arrays.boards
    for card in cards:
        found = None
        for child in range(*boards.family[board, [CHILD_FIRST, CHILD_END]].tolist()):
            for member in game.boards[child].stands_for:
                whole = tuple(suits[suit] for suit in member)
                if mapped_card(game.boards[child].cards[-1], whole) == card:
                    found = child, whole
        if found is None:
            name = game.hands.deck.text([card])
            raise UsageError(f"{name} cannot come next: it is on the board, or the board is full")
        board, suits = found
    return board, suits


def node_at(game: SpotGame, place: Place) -> Node:
    """Return the node of a place."""
    return game.trees[place.level].nodes[place.node]


def hands_at(game: SpotGame, place: Place, player: int) -> NDArray[np.int64]:
    """Return (hands, 2), the cards of the player's hands there, in the tables' order."""
    cards = game.cards_on(place.board, player)
    suits = np.array(place.suits, np.int64)
    return cards - cards % SUIT_COUNT + suits[cards % SUIT_COUNT]


def strategy_at(
    game: SpotGame, place: Place, average: Sequence[NDArray[np.generic]]
) -> NDArray[np.float64]:
    """Return (actions, hands), the actor's average strategy at a decision.

    Args:
        game: the spot.
        place: of a decision.
        average: both players' tables.
    """
    node = node_at(game, place)
    boards = game.arrays.boards
    width, count, base, _ = boards.about[node.actor, place.board].tolist()
    slot = int(game.forests[place.level].level.forest.node[place.node, SLOT])
    first = base + slot * width
    table = average[node.actor][first : first + len(node.actions) * width]
    chances = table.reshape(len(node.actions), width)[:, :count]
    positive = np.maximum(chances.astype(np.float64), 0.0)
    total = positive.sum(axis=0)
    equal = np.full_like(positive, 1.0 / len(node.actions))
    return np.where(total > 0.0, positive / np.where(total > 0.0, total, 1.0), equal)
