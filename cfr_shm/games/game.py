"""A game as the engine sees it: a flat tree, a deal model, and the names of its infosets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cfr_shm.cards.bucket_file import BucketFile
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.games.holdem.first_regrets import FirstRegrets
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.games.trees.builder import BuiltTree
from cfr_shm.layout.deals import DEALS_HOLDEM, DEALS_TABLE, Deals
from cfr_shm.layout.rows import table_bytes
from cfr_shm.layout.tree import MATCHUP, Tree

#: The most (node, deal) pairs that exact computations hold in memory, 8 bytes each.
MAX_PAIRS = 1 << 29


class InfosetLabel(NamedTuple):
    """What an infoset is called outside, and where its row lies."""

    name: str  # OpenSpiel's information-state string
    player: int
    row: int  # first entry of the row
    actions: tuple[int, ...]  # OpenSpiel's action ids, in the order of the row's entries


@dataclass(frozen=True)
class Game:
    """Everything that training, evaluation and export need to know; immutable.

    ``infosets`` yields every infoset of the game as played, so that several labels share a
    row where the tables merge what is strategically the same.

    Raises:
        GameError: a deal's strengths point outside the table of a matchup.
    """

    name: str
    parameters: Mapping[str, int | bool | str | float]
    player_count: int
    street_count: int
    tree: Tree
    deals: Deals
    table_entries: int  # as far as the last row, and to the end of a cache line
    max_depth: int  # most decision nodes of one player on any path, at least 1
    max_actions: int
    constant_sum: bool
    unit: str
    openspiel_name: str | None  # as pyspiel.load_game takes it, None where there is no such game
    value: float | None  # player 0's in equilibrium, in ``unit``, where it is known
    value_source: str
    infosets: Callable[[], Iterator[InfosetLabel]]
    bucket_file: BucketFile | None = None  # where DEALS_HOLDEM has its buckets from
    big_blind: float | None = None  # in ``unit``, where there is one
    betting: BettingTree | None = None  # of hold'em: the moves that lead to each node
    hole_cards: HoleCards | None = None  # of hold'em: which hands there are, and their buckets
    first_regrets: FirstRegrets | None = None  # where a run begins with other regrets than zero
    merged: str | None = None  # why listed deals merge what the game tells apart, if they do
    warnings: tuple[str, ...] = ()  # what a user should know of it before training

    def __post_init__(self) -> None:
        if self.betting is not None:
            return  # in a betting tree there are none
        leaves = self.tree.nodes[self.tree.nodes["kind"] == MATCHUP]
        if len(leaves) == 0:
            return
        rows = self.deals.strength.astype(np.int64).sum(axis=1)
        if self.deals.kind != DEALS_TABLE:
            raise GameError(f"game {self.name}: matchups need listed deals")
        if rows.min() < 0 or rows.max() >= leaves["detail"].min():
            raise GameError(
                f"game {self.name}: strengths add up to {rows.min()} to {rows.max()}, but a "
                f"matchup has {leaves['detail'].min()} rows"
            )

    @property
    def table_bytes(self) -> int:
        """Bytes of the training table, in the wide layout."""
        return table_bytes(self.table_entries)

    @property
    def zero_sum(self) -> bool:
        """Whether what players win adds up to nothing: no rake, and no pot from before."""
        return self.constant_sum and (self.betting is None or self.betting.rules.dead == 0)

    def why_not_enumerable(self) -> str | None:
        """Return why not every history can be listed, or None if it can."""
        if self.deals.kind == DEALS_HOLDEM:
            return "its deals are drawn, too many to list; 'cfr-shm eval' measures it"
        if self.deals.kind != DEALS_TABLE:
            return "its buckets are drawn, not listed"
        if self.merged is not None:
            return self.merged
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


def assemble_game(
    built: BuiltTree,
    deals: Deals,
    *,
    name: str,
    infosets: Callable[[], Iterator[InfosetLabel]],
    constant_sum: bool,
    unit: str,
    parameters: Mapping[str, int | bool | str | float] | None = None,
    openspiel_name: str | None = None,
    value: float | None = None,
    value_source: str = "",
    bucket_file: BucketFile | None = None,
    big_blind: float | None = None,
    betting: BettingTree | None = None,
    hole_cards: HoleCards | None = None,
    first_regrets: FirstRegrets | None = None,
) -> Game:
    """Put a finished tree and its deals together; the arguments are the fields of ``Game``."""
    return Game(
        name=name,
        parameters=parameters or {},
        player_count=deals.bucket_count.shape[0],
        street_count=deals.bucket_count.shape[1],
        tree=built.tree,
        deals=deals,
        table_entries=built.table_entries,
        max_depth=built.max_depth,
        max_actions=built.max_actions,
        constant_sum=constant_sum,
        unit=unit,
        openspiel_name=openspiel_name,
        value=value,
        value_source=value_source,
        infosets=infosets,
        bucket_file=bucket_file,
        big_blind=big_blind,
        betting=betting,
        hole_cards=hole_cards,
        first_regrets=first_regrets,
    )
