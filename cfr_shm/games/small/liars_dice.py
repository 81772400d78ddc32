"""Liar's dice for two players: hidden dice, rising bids, and a challenge that ends it.

Rules as OpenSpiel's ``liars_dice``: a bid says that at least ``quantity`` of all dice show
``face``; the highest face is wild; who challenges a true bid loses, else the bidder does. Bids
rise by quantity, then by face.

The bids are public and the dice are dealt once, so that the game is a public tree times hands:
with 6 sides 8,191 nodes serve all 36 deals (a history tree would have 294,883). A challenge is a
matchup, whose table says for each pair of hands who wins.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game, InfosetLabel, assemble_game
from cfr_shm.games.trees.builder import BuiltTree, TreeBuilder
from cfr_shm.games.trees.deals import table_deals
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.tree import DECISION

#: The public tree has two nodes for each subset of the bids.
MAX_BIDS = 18

#: Player 0's value with one die each, by sides: solved here to an exploitability of 2e-6.
_VALUES = {4: 0.0625, 5: 0.008, 6: -0.0271318}

Hand = tuple[int, ...]  # faces from 1, sorted


def liars_dice(players: int = 2, dice: int = 1, sides: int = 6) -> Game:
    """Build liar's dice with ``dice`` dice of ``sides`` sides for each player.

    Raises:
        GameError: a number is out of range, or there would be more than MAX_BIDS bids.
    """
    if players != 2:
        raise GameError(f"liars_dice has 2 players, not {players}")
    if dice < 1 or sides < 2:
        raise GameError(f"liars_dice: {dice} dice of {sides} sides; at least 1 of at least 2")
    bids = 2 * dice * sides
    if bids > MAX_BIDS:
        raise GameError(
            f"liars_dice: {dice} dice of {sides} sides each make {bids} bids, and the tree doubles "
            f"with each; the limit is {MAX_BIDS} (2 x dice x sides)"
        )
    hands = tuple(combinations_with_replacement(range(1, sides + 1), dice))
    built, lines = _build_tree(hands, sides, bids)

    def infosets() -> Iterator[InfosetLabel]:
        decisions = built.tree.nodes[built.tree.nodes["kind"] == DECISION]
        for record, line in zip(decisions, lines, strict=True):
            spoken = "".join(f" {bid // sides + 1}-{bid % sides + 1}" for bid in line)
            first = line[-1] + 1 if line else 0
            actions = (*range(first, bids), *((bids,) if line else ()))
            for index, hand in enumerate(hands):
                name = "".join(map(str, hand)) + spoken
                row = int(record["row_base"]) + index * int(record["row_stride"])
                yield InfosetLabel(name, int(record["actor"]), row, actions)

    value = _VALUES.get(sides) if dice == 1 else None
    return assemble_game(
        built,
        _deals(hands),
        name="liars_dice",
        parameters={"dice": dice, "sides": sides},
        constant_sum=True,
        unit="games",
        openspiel_name=f"liars_dice(numdice={dice},dice_sides={sides})",
        value=value,
        value_source="" if value is None else "full-width solvers, to 2e-6",
        infosets=infosets,
    )


def _deals(hands: tuple[Hand, ...]) -> Deals:
    """List all pairs of hands; the strengths add up to the pair's row in a matchup."""
    ways = np.array(
        [factorial(len(hand)) / prod(map(factorial, Counter(hand).values())) for hand in hands]
    )
    first, second = (grid.ravel() for grid in np.indices((len(hands), len(hands))))
    return table_deals(
        ways[first] * ways[second],
        np.stack([first, second], axis=1)[:, :, None],
        np.stack([first * len(hands), second], axis=1),
    )


def _build_tree(
    hands: tuple[Hand, ...], sides: int, bids: int
) -> tuple[BuiltTree, list[tuple[int, ...]]]:
    """Return the tree, breadth first, and the bids before each decision node."""
    builder = TreeBuilder(player_count=2)
    lines: list[tuple[int, ...]] = []
    challenges = [_challenge(hands, sides, bid) for bid in range(bids)]
    queue: deque[tuple[int, tuple[int, ...]]] = deque([(0, ())])
    while queue:
        node, line = queue.popleft()
        lines.append(line)
        actor = len(line) % 2
        higher = range(line[-1] + 1 if line else 0, bids)
        children = builder.decision(node, actor, len(higher) + bool(line), bucket_count=len(hands))
        queue.extend((child, (*line, bid)) for bid, child in zip(higher, children, strict=False))
        if line:
            # Worth to the challenger, and then to player 0 and 1.
            worth = challenges[line[-1]] if actor == 0 else -challenges[line[-1]]
            builder.matchup(children[-1], np.stack([worth, -worth], axis=1))
    return builder.finish(), lines


def _challenge(hands: tuple[Hand, ...], sides: int, bid: int) -> NDArray[np.float64]:
    """Return (hands * hands,): 1 where challenging ``bid`` wins, else -1."""
    quantity, face = bid // sides + 1, bid % sides + 1
    matching = np.array([sum(die in (face, sides) for die in hand) for hand in hands])
    return np.where(matching[:, None] + matching < quantity, 1.0, -1.0).ravel()
