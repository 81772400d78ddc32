"""A betting tree of any size with uniform buckets: for benchmarks and for tables of GiBs.

It is poker without cards: buckets are drawn independently on every street and the higher last
bucket wins. Nothing about it can be enumerated, so that it has no exploitability.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.small.limit_poker import BettingRules, PokerTree, build_poker_tree, poker_game
from cfr_shm.games.trees.deals import uniform_deals
from cfr_shm.layout.rows import table_bytes
from cfr_shm.layout.tree import DECISION

_RANGES = {
    "players": (2, 6),
    "streets": (1, 6),
    "max_raises": (0, 6),
    "buckets": (1, 100_000_000),
}


def synthetic(players: int = 2, streets: int = 3, max_raises: int = 3, buckets: int = 500) -> Game:
    """Build a fixed-limit betting tree with ``buckets`` buckets per player and street.

    ``synthetic_buckets`` tells how many buckets make a table of a given size; with the default
    betting a bucket takes 13,680 bytes, so that 500 make 6.8 MB.

    Raises:
        GameError: a parameter is out of range, or the tree is too large.
    """
    poker = _betting_tree(players, streets, max_raises, buckets)

    def infosets() -> Iterator[InfosetLabel]:
        for state, base, stride in poker.decisions():
            line = "/".join(state.line[: state.street + 1])
            actions = tuple(range((state.to_call > 0) + 1 + (state.raises < max_raises)))
            for bucket in range(buckets):
                yield InfosetLabel(f"{line} {bucket}", state.actor, base + bucket * stride, actions)

    return poker_game(
        poker,
        uniform_deals([[buckets] * streets] * players),
        name="synthetic",
        parameters={
            "players": players,
            "streets": streets,
            "max_raises": max_raises,
            "buckets": buckets,
        },
        infosets=infosets,
    )


def synthetic_bucket_bytes(players: int = 2, streets: int = 3, max_raises: int = 3) -> int:
    """Return the bytes that each bucket adds to the table.

    >>> synthetic_bucket_bytes()
    13680
    """
    nodes = _betting_tree(players, streets, max_raises, 1).built.tree.nodes
    counts = np.bincount(nodes["count"][nodes["kind"] == DECISION])
    return table_bytes(sum(actions * int(count) for actions, count in enumerate(counts)))


def synthetic_buckets(
    wanted_bytes: int, players: int = 2, streets: int = 3, max_raises: int = 3
) -> int:
    """Return the fewest buckets whose table takes at least ``wanted_bytes``.

    >>> synthetic_buckets(256_000_000)
    18714
    """
    return -(-wanted_bytes // synthetic_bucket_bytes(players, streets, max_raises))


def _betting_tree(players: int, streets: int, max_raises: int, buckets: int) -> PokerTree:
    given = {"players": players, "streets": streets, "max_raises": max_raises, "buckets": buckets}
    for name, value in given.items():
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise GameError(f"synthetic: {name} is {value}; expected {low} to {high}")
    sizes = tuple(2 if 2 * street < streets else 4 for street in range(streets))
    rules = BettingRules(players, ante=1, raise_size=sizes, max_raises=(max_raises,) * streets)
    return build_poker_tree(rules, [[buckets] * streets] * players)
