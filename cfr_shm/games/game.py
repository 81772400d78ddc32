"""A game as the engine sees it: a flat tree, a deal model, and the names of its infosets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cfr_shm.errors import GameError
from cfr_shm.layout import DEALS_TABLE, WORD_BYTES, Deals, Tree

#: The most (node, deal) pairs that exact computations hold in memory, 8 bytes each.
MAX_PAIRS = 1 << 29


class InfosetLabel(NamedTuple):
    """What an infoset is called outside, and where its row lies."""

    name: str  # OpenSpiel's information-state string
    player: int
    row: int  # first word of the row
    actions: tuple[int, ...]  # OpenSpiel's action ids, in the order of the row's entries


@dataclass(frozen=True)
class Game:
    """Everything that training, evaluation and export need to know; immutable.

    ``infosets`` yields every infoset of the game as played, so that several labels share a
    row where the tables merge what is strategically the same.
    """

    name: str
    parameters: Mapping[str, int | bool | str | float]
    player_count: int
    street_count: int
    tree: Tree
    deals: Deals
    table_words: int
    max_depth: int  # most decision nodes of one player on any path, at least 1
    max_actions: int
    constant_sum: bool
    unit: str
    openspiel_name: str | None  # as pyspiel.load_game takes it, None where there is no such game
    value: float | None  # player 0's in equilibrium, in ``unit``, where it is known
    value_source: str
    infosets: Callable[[], Iterator[InfosetLabel]]

    @property
    def table_bytes(self) -> int:
        """Bytes of the training table."""
        return self.table_words * WORD_BYTES

    def why_not_enumerable(self) -> str | None:
        """Return why not every history can be listed, or None if it can."""
        if self.deals.kind != DEALS_TABLE:
            return "its buckets are drawn, not listed"
        nodes, deals = len(self.tree.nodes), len(self.deals.probability)
        if nodes * deals > MAX_PAIRS:
            gigabytes, limit = (pairs * 8 / 2**30 for pairs in (nodes * deals, MAX_PAIRS))
            return f"{nodes} nodes x {deals} deals take {gigabytes:.1f} GiB, over {limit:.0f} GiB"
        return None

    def require_enumerable(self, purpose: str) -> None:
        """Raise a GameError that names ``purpose`` unless every history can be listed."""
        reason = self.why_not_enumerable()
        if reason is not None:
            raise GameError(f"{purpose} of game {self.name} is not possible: {reason}")
