"""The public line of every node of a betting tree, as text."""

from __future__ import annotations

import functools

import numpy as np

from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.games.holdem.lines import raise_text
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.layout.tree import DECISION


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
    nodes = betting.built.tree.nodes
    words: list[str] = []
    while betting.parent[node] >= 0:
        before = int(betting.parent[node])
        first, count = int(nodes["first_child"][before]), int(nodes["count"][before])
        facing = FOLD in betting.move[first : first + count]
        if nodes["street"][node] != nodes["street"][before] and nodes["kind"][node] == DECISION:
            words.append("/")
        words.append(move_text(int(betting.move[node]), facing, big_blind))
        node = before
    return " ".join(reversed(words))


@functools.lru_cache(1 << 12)
def move_text(move: int, facing: bool, big_blind: float | None) -> str:
    """Return a move as lines write it; ``facing`` says that there is something to call."""
    if move == FOLD:
        return "f"
    if move == CALL:
        return "c" if facing else "x"
    return raise_text(move, big_blind, not facing)
