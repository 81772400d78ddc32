"""What workers see: a game's tree and deals, read-only, and the table that they train.

The same views are made of a shared arena and of private memory, with the same dtypes and flags,
so that every kernel is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.bucket_file import shared_buckets, shared_name
from cfr_shm.errors import NotFiniteError
from cfr_shm.games.game import Game
from cfr_shm.kernels.tables.finite import (
    ALL_FINITE,
    FOUND_ARRAY,
    FOUND_INDEX,
    FOUND_WORDS,
    IN_STRATEGY_SUM,
    first_not_finite,
)
from cfr_shm.layout.cards import (
    BUCKET_ARRAYS,
    CARD_ARRAYS,
    DEALS_READY,
    FULL_BOARD,
    HOLE_CARDS,
    CardDeals,
)
from cfr_shm.layout.control import control_words
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.freeze import Border
from cfr_shm.layout.rows import WORD_BYTES, table_words
from cfr_shm.layout.scratch import FRAME_WORDS, LANE_WORDS, Scratch
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import NODE_DTYPE, Tree
from cfr_shm.layout.views import FullWidthMemory, FullWidthViews, KernelViews, Own
from cfr_shm.memory.arena import Arena, ArraySpec
from cfr_shm.memory.increments import (
    FreezeArrays,
    FreezePlan,
    fill_freeze_arrays,
    freeze_arrays,
    freeze_specs,
)
from cfr_shm.memory.limits import private_limits, require_memory
from cfr_shm.memory.own_tables import OwnTables, own_table_specs, own_tables

ROWS = "rows"
CONTROL = "control"
#: Entries of the table, and whether it is compact.
TABLE = "table"
VECTORS = "vectors"

_READ_ONLY_DTYPES: dict[str, np.dtype[Any]] = {
    "tree_nodes": NODE_DTYPE,
    "tree_utility": np.dtype(np.float64),
    "tree_pot_amount": np.dtype(np.float64),
    "tree_pot_players": np.dtype(np.int64),
    "tree_outcome_cumulative": np.dtype(np.float64),
    "deals_kind": np.dtype(np.int64),
    "deals_probability": np.dtype(np.float64),
    "deals_alias_threshold": np.dtype(np.float64),
    "deals_alias_other": np.dtype(np.int32),
    "deals_bucket": np.dtype(np.int32),
    "deals_strength": np.dtype(np.int32),
    "deals_bucket_count": np.dtype(np.int64),
} | {f"cards_{name}": np.dtype(dtype) for name, (dtype, _) in CARD_ARRAYS.items()}

#: What workers find the card buckets by, ASCII; empty where these lie in the arena too.
SHARED_BUCKETS = "shared_buckets"


class TrainingViews(NamedTuple):
    """Everything a traversal kernel is handed, as views of an arena or of private memory."""

    tree: Tree  # read-only
    deals: Deals  # read-only
    table: Table  # two typed views of ``rows``
    control: NDArray[np.int64]  # (control_words,)
    rows: NDArray[np.float64]  # (words + planes * entries,), the table, then ``planes``
    planes: NDArray[np.float64]  # (planes, entries), what an algorithm keeps beside the table
    vectors: NDArray[np.float64]  # (words,), values and reach that workers compute together
    entries: int  # of the table
    own: OwnTables  # of small tables that several workers train
    freeze: FreezeArrays | None = None  # in deterministic mode

    def for_kernel(self, own: Own, border: Border | None = None) -> KernelViews | FullWidthViews:
        """Return what a kernel that trains ``table`` is called with.

        Args:
            own: what its algorithm has of its own.
            border: in deterministic mode.
        """
        kind: Any = FullWidthViews if isinstance(own, FullWidthMemory) else KernelViews
        views: KernelViews | FullWidthViews = kind(
            tree=self.tree,
            deals=self.deals,
            table=self.table,
            own=own,
            control=self.control,
            border=border,
        )
        return views


def create_training_arena(
    game: Game,
    worker_count: int,
    fingerprint: str,
    state_planes: int = 0,
    plan: FreezePlan | None = None,
    vector_words: int = 0,
    compact: bool = False,
) -> Arena:
    """Reserve an arena for training ``game`` and put its tree and deals there; rows are zero.

    The caller owns the arena and unlinks it.

    Args:
        game: what is trained.
        worker_count: lines of the control block beyond the first.
        fingerprint: of the run, at most 64 bytes.
        state_planes: words that the algorithm keeps for each entry besides the table.
        plan: of the freezes in deterministic mode.
        vector_words: words for the vectors that workers compute together.
        compact: whether the table has the compact layout.

    Raises:
        MemoryReserveError: too little shared memory; names both sizes.
    """
    arrays = _shared_arrays(game)
    specs = [ArraySpec(name, array.dtype, array.shape) for name, array in arrays.items()]
    specs.append(ArraySpec(CONTROL, np.dtype(np.int64), (control_words(worker_count),)))
    words = _row_words(game, state_planes, compact)
    specs.append(ArraySpec(ROWS, np.dtype(np.float64), (words,)))
    specs.append(ArraySpec(TABLE, np.dtype(np.int64), (2,)))
    specs.append(ArraySpec(VECTORS, np.dtype(np.float64), (vector_words,)))
    specs += own_table_specs(game.table_entries, worker_count, compact)
    specs += [] if plan is None else freeze_specs(game, worker_count, plan)
    arena = Arena.create(specs, fingerprint)
    try:
        for name, array in arrays.items():
            arena.array(name)[...] = array
        arena.array(TABLE)[:] = game.table_entries, compact
        if plan is not None:
            fill_freeze_arrays(game, arena.array)
    except BaseException:
        arena.unlink()
        arena.close()
        raise
    return arena


def training_views(arena: Arena) -> TrainingViews:
    """Return the views of an arena that ``create_training_arena`` made.

    They keep the arena mapped: drop them before ``Arena.close``. Card buckets lie in memory of
    their own, which the coordinator shares with its workers.

    Raises:
        ArrayStoreError: the coordinator, and the card buckets with it, is gone.
    """
    named = arena.array(SHARED_BUCKETS).tobytes().decode()
    if not named:
        return _views(arena.array, arena.names)
    shared = {f"cards_{name}": array for name, array in shared_buckets(named).items()}
    return _views(lambda name: shared[name] if name in shared else arena.array(name), arena.names)


def private_views(
    game: Game,
    worker_count: int = 1,
    state_planes: int = 0,
    plan: FreezePlan | None = None,
    compact: bool = False,
) -> TrainingViews:
    """Return the same views as of an arena, in this process's own memory; rows are zero.

    Raises:
        MemoryReserveError: too little memory; names both sizes.
    """
    words = _row_words(game, state_planes, compact)
    specs = own_table_specs(game.table_entries, worker_count, compact)
    specs += [] if plan is None else freeze_specs(game, worker_count, plan)
    wanted = words * WORD_BYTES + sum(spec.byte_count for spec in specs)
    require_memory(wanted, private_limits())
    arrays = _read_only_arrays(game)
    arrays[CONTROL] = np.zeros(control_words(worker_count), np.int64)
    arrays[TABLE] = np.array([game.table_entries, compact])
    arrays[VECTORS] = np.zeros(0)
    arrays[ROWS] = np.empty(words, np.float64)
    arrays[ROWS].fill(0.0)  # Takes the memory now, not in the midst of the training.
    for spec in specs:
        arrays[spec.name] = np.empty(spec.shape, spec.dtype)
        arrays[spec.name].fill(0)
    if plan is not None:
        fill_freeze_arrays(game, arrays.__getitem__)
    return _views(arrays.__getitem__, tuple(arrays))


def begin_rows(views: TrainingViews, game: Game) -> None:
    """Write what ``game`` begins with into a table of zeros; no kernel may run."""
    if game.first_regrets is not None:
        compact = views.table.strategy_sum.dtype == np.float32
        game.first_regrets.write(views.table.regret, compact)
        table_written(views)


def table_written(views: TrainingViews) -> None:
    """Let freezes know, where there are any, that the table changed between two of them."""
    if views.freeze is not None:
        views.freeze.take_regrets(views.table)


def _row_words(game: Game, state_planes: int, compact: bool) -> int:
    """Return the words of the table and of what the algorithm keeps besides."""
    return table_words(game.table_entries, compact) + state_planes * game.table_entries


def table_of(rows: NDArray[np.float64], compact: bool = False) -> Table:
    """Return the two typed views of ``rows``, in either layout; writable if ``rows`` is."""
    sums = rows.view(np.float32) if compact else rows
    return Table(strategy_sum=sums, regret=rows.view(np.float32))


def is_size_of(game: Game, word_count: int, compact: bool) -> bool:
    """Return whether so many words are a table of ``game``, with or without state planes."""
    beyond = word_count - table_words(game.table_entries, compact)
    return beyond >= 0 and beyond % game.table_entries == 0


def allocate_scratch(
    player_count: int, street_count: int, max_depth: int, max_actions: int, in_flight: int
) -> Scratch:
    """Allocate what one worker's traversal kernel owns, for ``in_flight`` lanes.

    A lane has ``max_depth + 1`` frames: one per traverser node on the path, and one more for
    the policy of an opponent's node below the last of them.
    """
    frames = in_flight * (max_depth + 1)
    places = FULL_BOARD + HOLE_CARDS * player_count
    return Scratch(
        lane_state=np.zeros((in_flight, LANE_WORDS), np.int64),
        lane_bucket=np.zeros((in_flight, player_count, street_count), np.int32),
        lane_strength=np.zeros((in_flight, player_count), np.int32),
        frame_state=np.zeros((frames, FRAME_WORDS), np.int64),
        frame_policy=np.zeros((frames, max_actions), np.float64),
        frame_value=np.zeros((frames, max_actions), np.float64),
        deal_cards=np.zeros((DEALS_READY, places), np.int64),
        deal_board=np.zeros((DEALS_READY, 4), np.int64),
        deal_number=np.zeros((DEALS_READY, player_count, street_count), np.int64),
        deal_strength=np.zeros((DEALS_READY, player_count), np.int64),
        deal_ready=np.full(2, -1, np.int64),
    )


def check_finite(game: Game, rows: NDArray[np.float64], compact: bool = False) -> None:
    """Make sure that a table holds no NaN and no infinity.

    Args:
        game: says where the rows are.
        rows: (words + planes * entries,) float64, not written to; nobody else may write
            meanwhile.
        compact: whether the table has the compact layout.

    Raises:
        NotFiniteError: names the array, the index and the value.
    """
    words = table_words(game.table_entries, compact)
    if rows.ndim != 1 or not is_size_of(game, len(rows), compact):
        raise ValueError(f"rows {rows.shape}, {game.name} takes ({words},) and whole planes")
    table = table_of(_read_only(rows[:words]), compact)
    found = np.zeros(FOUND_WORDS, np.int64)
    first_not_finite(
        _read_only(game.tree.nodes), _read_only(game.deals.bucket_count), *table[:2], found
    )
    if found[FOUND_ARRAY] != ALL_FINITE:
        index = int(found[FOUND_INDEX])
        name = "strategy_sum" if found[FOUND_ARRAY] == IN_STRATEGY_SUM else "regret"
        value = float(getattr(table, name)[index])
        raise NotFiniteError(f"{name}[{index}] is {value}, expected a finite number")
    wrong = np.flatnonzero(~np.isfinite(rows[words:]))
    if len(wrong):
        plane, index = divmod(int(wrong[0]), game.table_entries)
        value = float(rows[words + wrong[0]])
        raise NotFiniteError(f"state[{plane}, {index}] is {value}, expected a finite number")


def _read_only_arrays(game: Game) -> dict[str, NDArray[Any]]:
    """Return a game's arrays by the name that they have in an arena, of exactly its dtypes."""
    found = {f"tree_{field}": array for field, array in game.tree._asdict().items()}
    found |= {f"deals_{field}": array for field, array in game.deals._asdict().items()}
    found |= {f"cards_{field}": array for field, array in game.deals.cards._asdict().items()}
    found["deals_kind"] = np.array([game.deals.kind])
    return {
        name: np.ascontiguousarray(found[name], dtype) for name, dtype in _READ_ONLY_DTYPES.items()
    }


def _shared_arrays(game: Game) -> dict[str, NDArray[Any]]:
    """Return what of them lies in an arena: of card buckets what they are found by, if possible."""
    arrays = _read_only_arrays(game)
    named = "" if game.bucket_file is None else shared_name(game.bucket_file)
    if named:
        for street in BUCKET_ARRAYS:
            del arrays[f"cards_{street}"]
    return arrays | {SHARED_BUCKETS: np.frombuffer(named.encode(), np.uint8)}


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.setflags(write=False)
    return view


def _views(array: Callable[[str], NDArray[Any]], names: tuple[str, ...]) -> TrainingViews:
    tree = Tree(*(_read_only(array(f"tree_{field}")) for field in Tree._fields))
    kind = int(array("deals_kind")[0])
    cards = CardDeals(*(_read_only(array(f"cards_{field}")) for field in CardDeals._fields))
    listed = {field: _read_only(array(f"deals_{field}")) for field in Deals._fields[1:-1]}
    deals = Deals(kind=kind, cards=cards, **listed)
    rows, (entries, compact) = array(ROWS), array(TABLE).tolist()
    words = table_words(entries, compact)
    planes = rows[words:].reshape(-1, entries)
    control, vectors = array(CONTROL), array(VECTORS)
    table, freeze = table_of(rows[:words], bool(compact)), freeze_arrays(array, names)
    own = own_tables(array)
    return TrainingViews(tree, deals, table, control, rows, planes, vectors, entries, own, freeze)
