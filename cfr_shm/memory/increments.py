"""What freezes need beside the table: the increments and the workers' own words.

The table is only read within a freeze. What it is to become is added up here, in integers, and
applied at the border (``kernels.parts.freeze``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.kernels.parts.increments import copy_regrets
from cfr_shm.layout.control import CONTROL_LINE_WORDS, Meeting
from cfr_shm.layout.freeze import RUN_WORDS, Border, FreezeLines, freeze_lines
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.table import BLOCK_WORDS, Increments, Table
from cfr_shm.layout.tree import Tree
from cfr_shm.memory.arena import ArraySpec

#: Every worker applies at least so many shares of the rows, so that none has much more to do.
SHARES_PER_WORKER = 8
#: A share is at most 2 ** 13 entries, 96 KiB of rows.
LARGEST_SHARE_SHIFT = 13
#: A smaller one than 2 ** 7 entries would be looked for longer than it is worked on.
LEAST_SHARE_SHIFT = 7

_PREFIX = "freeze_"


@dataclass(frozen=True, kw_only=True)
class FreezePlan:
    """How a run is frozen; fixed at its start.

    Attributes:
        iterations: of a freeze.
        copies: of the increments: 1, or one for each worker.
        per_weight: units for each 1.0 of strategy weight, a power of 2.
        per_chip: units for each chip of regret, a power of 2.
        per_utility: units for each chip of utility, a power of 2.
        largest_share: what one visit can add to a strategy sum, before it is weighted.
        among_ranks: whether other ranks traverse the rest of each freeze.
    """

    iterations: int
    copies: int
    per_weight: float
    per_chip: float
    per_utility: float
    largest_share: float = math.inf
    among_ranks: bool = False


class FreezeArrays(NamedTuple):
    """The arrays of an arena, or of private memory, that freezes need."""

    units: NDArray[np.int64]  # (copies, BLOCK_WORDS * entries)
    run: NDArray[np.int64]  # (runs, RUN_WORDS), read-only
    line: NDArray[np.int64]  # (CONTROL_LINE_WORDS + workers * words,)

    def increments(self, plan: FreezePlan, worker: int) -> Increments:
        """Return what ``worker`` adds to."""
        units = self.units[worker % plan.copies]
        return Increments(
            units, units.view(np.float32), plan.per_weight, plan.per_chip, plan.per_utility
        )

    def table(self, table: Table, plan: FreezePlan, worker: int) -> Table:
        """Return ``table`` with the increments that ``worker`` adds to."""
        return table._replace(increments=self.increments(plan, worker))

    def take_regrets(self, table: Table) -> None:
        """Copy the regrets of ``table``, which was written to while no kernel ran."""
        copy_regrets(table, self.run, self.units.view(np.float32))

    def border(
        self, plan: FreezePlan, lines: FreezeLines, meeting: Meeting, weighting: int, floor: float
    ) -> Border:
        """Return what the worker that ``meeting`` is about needs at borders."""
        entries = self.units.shape[1] // BLOCK_WORDS
        return Border(
            units=self.units,
            unit_sum=self.units.view(np.float64),
            unit_regret=self.units.view(np.float32),
            run=self.run,
            line=self.line,
            lines=lines,
            meeting=meeting,
            own=CONTROL_LINE_WORDS + meeting.member * lines.words,
            freeze=plan.iterations,
            weighting=weighting,
            floor=floor,
            share_shift=_share_shift(entries, meeting.participants),
            among_ranks=int(plan.among_ranks),
        )


def freeze_specs(game: Game, worker_count: int, plan: FreezePlan) -> list[ArraySpec]:
    """Return the arrays that freezes of ``game`` need."""
    lines = freeze_lines(game.player_count)
    shapes = FreezeArrays(
        units=(plan.copies, BLOCK_WORDS * game.table_entries),  # type: ignore[arg-type]
        run=(len(table_runs(game.tree, game.deals.bucket_count)), RUN_WORDS),  # type: ignore[arg-type]
        line=(CONTROL_LINE_WORDS + worker_count * lines.words,),  # type: ignore[arg-type]
    )
    return [
        ArraySpec(f"{_PREFIX}{name}", np.dtype(np.int64), shape)
        for name, shape in shapes._asdict().items()
    ]


def fill_freeze_arrays(game: Game, array: Callable[[str], NDArray[Any]]) -> None:
    """Write what does not change, once, where all else is zero."""
    array(f"{_PREFIX}run")[...] = table_runs(game.tree, game.deals.bucket_count)


def freeze_arrays(array: Callable[[str], NDArray[Any]], names: tuple[str, ...]) -> Any:
    """Return the freezes' arrays among ``names``, None where there are none."""
    if f"{_PREFIX}units" not in names:
        return None
    found = FreezeArrays(*(array(f"{_PREFIX}{field}") for field in FreezeArrays._fields))
    run = found.run.view()
    run.setflags(write=False)
    return found._replace(run=run)


def table_runs(tree: Tree, bucket_count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the rows of a table are: runs of rows of one size, at one distance.

    Returns:
        (runs, RUN_WORDS) int64, ascending: first entry, distance, actions, rows. Each row of
        the table, also one that several nodes share, is in one run.
    """
    _, _, base, stride, count, rows = row_sets(tree, bucket_count)
    joins = (
        (base[1:] == base[:-1] + stride[:-1] * rows[:-1])
        & (stride[1:] == stride[:-1])
        & (count[1:] == count[:-1])
    )
    begins = np.flatnonzero(np.concatenate([[True], ~joins]))
    total = np.add.reduceat(rows, begins)
    return np.ascontiguousarray(
        np.stack([base[begins], stride[begins], count[begins], total], axis=1), np.int64
    )


def _share_shift(entries: int, worker_count: int) -> int:
    """Return log2 of the entries in a share."""
    share = entries // (worker_count * SHARES_PER_WORKER)
    return min(LARGEST_SHARE_SHIFT, max(LEAST_SHARE_SHIFT, share.bit_length() - 1))
