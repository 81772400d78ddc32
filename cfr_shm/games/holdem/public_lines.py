"""The public line of every node of a betting tree, as text."""

from __future__ import annotations

import functools

import numpy as np

from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.games.holdem.lines import raise_text
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.tree import DECISION

#: Nodes whose lines are kept for their children's.
_WAYS_KEPT = 1 << 12


def public_lines(betting: BettingTree, big_blind: float | None) -> list[str]:
    """Return the public line of each node, as games/holdem/lines.py reads it."""
    nodes = betting.built.tree.nodes
    street, first, count = nodes["street"], nodes["first_child"], nodes["count"]
    lines = [""] * len(nodes)
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        children = range(int(first[node]), int(first[node]) + int(count[node]))
        moves = betting.move[children.start : children.stop].tolist()
        for child, move in zip(children, moves, strict=True):
            text = move_text(move, FOLD in moves, big_blind)
            line = f"{lines[node]} {text}" if lines[node] else text
            ended = nodes["kind"][child] == DECISION and street[child] != street[node]
            lines[child] = f"{line} /" if ended else line
    return lines


def public_line(betting: BettingTree, node: int, big_blind: float | None) -> str:
    """Return the public line of one decision node, as ``public_lines`` has it."""
    return LinesAsked(betting, big_blind).line(node)


class LinesAsked:
    """The public lines of nodes that are asked for one by one, in the tree's order best.

    Siblings share their way: the last ways are kept (walked anew, they took most of an export's
    time).
    """

    def __init__(self, betting: BettingTree, big_blind: float | None) -> None:
        self._betting, self._big_blind = betting, big_blind
        self._nodes = betting.built.tree.nodes
        self._kept = functools.lru_cache(_WAYS_KEPT)(self._way)

    def line(self, node: int) -> str:
        """Return the public line of one decision node, as ``public_lines`` has it."""
        before = int(self._betting.parent[node])
        if before < 0:
            return ""
        line, facing, street = self._kept(before)
        text = move_text(int(self._betting.move[node]), facing, self._big_blind)
        line = f"{line} {text}" if line else text
        record = self._nodes[node]
        ended = record["street"] != street and record["kind"] == DECISION
        return f"{line} /" if ended else line

    def _way(self, node: int) -> tuple[str, bool, int]:
        """Return a node's line, whether there is something to call, and its street."""
        record = self._nodes[node]
        first, count = int(record["first_child"]), int(record["count"])
        facing = FOLD in self._betting.move[first : first + count]
        return self.line(node), facing, int(record["street"])


@functools.lru_cache(1 << 12)
def move_text(move: int, facing: bool, big_blind: float | None) -> str:
    """Return a move as lines write it; ``facing`` says that there is something to call."""
    if move == FOLD:
        return "f"
    if move == CALL:
        return "c" if facing else "x"
    return raise_text(move, big_blind, not facing)
