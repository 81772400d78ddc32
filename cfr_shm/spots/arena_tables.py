"""A spot's tables in the shared arena, with what workers hand to each other."""

from __future__ import annotations

import numpy as np

from cfr_shm.errors import MemoryReserveError
from cfr_shm.kernels.spots.lanes import LANES
from cfr_shm.layout.control import control_words
from cfr_shm.layout.spots import Gathered, SpotTables
from cfr_shm.machine.freed import give_back_freed
from cfr_shm.memory.arena import Arena, ArraySpec
from cfr_shm.memory.limits import require_memory, shared_limits, size_text
from cfr_shm.spots.spot_game import SpotGame

#: Tables by name; ``ahead`` ones are there where the algorithm predicts.
REGRETS = ("regret_0", "regret_1")
AHEADS = ("ahead_0", "ahead_1")
AVERAGES = ("average_0", "average_1")


def table_names(*, predicts: bool) -> tuple[str, ...]:
    """Return the tables that an algorithm learns in."""
    return (*REGRETS, *(AHEADS if predicts else ()), *AVERAGES)


def create_spot_arena(
    game: SpotGame,
    worker_count: int,
    *,
    compact: bool,
    predicts: bool,
    fingerprint: str = "",
    tables: bool = True,
) -> Arena:
    """Reserve the tables of a spot, zeroed, and what workers hand to each other.

    Args:
        game: the spot.
        worker_count: threads.
        compact: whether tables take 16 bits a number.
        predicts: whether the algorithm predicts regrets.
        fingerprint: of the configuration.
        tables: False for what workers hand to each other alone.

    Raises:
        MemoryReserveError: too little memory; names both sizes.
    """
    regret = np.dtype(np.int16 if compact else np.float32)
    average = np.dtype(np.uint16 if compact else np.float32)
    specs = [
        ArraySpec(
            name,
            average if name in AVERAGES else regret,
            (game.sizes[int(name[-1])] + LANES,),
        )
        for name in table_names(predicts=predicts)
        if tables
    ]
    words = len(game.arrays.first.links.offsets) // 4 * game.hands.stride
    groups = max(len(game.arrays.groups) - 1, 1)
    specs += [
        ArraySpec("lifted", np.dtype(np.float32), (words,)),
        ArraySpec("sums", np.dtype(np.float32), (groups, words)),
        ArraySpec("total", np.dtype(np.float32), (words,)),
        ArraySpec("claimed", np.dtype(np.int64), (LANES,)),
        ArraySpec("control", np.dtype(np.int64), (control_words(worker_count),)),
    ]
    give_back_freed()
    try:
        return Arena.create(specs, fingerprint)
    except MemoryReserveError as error:
        raise _with_levers(error, game, predicts=predicts) from None


def require_room(game: SpotGame, *, compact: bool, predicts: bool) -> None:
    """Refuse a spot whose tables do not fit, before anything is compiled for it.

    Raises:
        MemoryReserveError: as ``create_spot_arena`` would.
    """
    try:
        require_memory(game.table_bytes(compact=compact, predicts=predicts), shared_limits())
    except MemoryReserveError as error:
        raise _with_levers(error, game, predicts=predicts) from None


def _with_levers(
    error: MemoryReserveError, game: SpotGame, *, predicts: bool
) -> MemoryReserveError:
    whole = game.table_bytes(compact=False, predicts=predicts)
    half = game.table_bytes(compact=True, predicts=predicts)
    return MemoryReserveError(
        f"{error}; the spot's tables take {size_text(whole)}, {size_text(half)} with "
        "spot.compact true; fewer bet sizes, narrower ranges or a later street take less"
    )


def spot_tables(arena: Arena) -> SpotTables:
    """Return views of the tables."""
    aheads = AHEADS if AHEADS[0] in arena.names else REGRETS
    return SpotTables(*(arena.array(name) for name in (*REGRETS, *aheads, *AVERAGES)))


def gathered(arena: Arena) -> Gathered:
    """Return views of what workers hand to each other."""
    return Gathered(*(arena.array(name) for name in Gathered._fields))


def private_tables(game: SpotGame, *, compact: bool) -> SpotTables:
    """Return zeroed tables of this process alone."""
    regret = np.int16 if compact else np.float32
    average = np.uint16 if compact else np.float32
    sizes = [size + LANES for size in game.sizes]
    regrets = [np.zeros(size, regret) for size in sizes]
    return SpotTables(*regrets, *regrets, *(np.zeros(size, average) for size in sizes))


def private_gathered(game: SpotGame) -> Gathered:
    """Return what a single worker hands to itself."""
    words = len(game.arrays.first.links.offsets) // 4 * game.hands.stride
    groups = max(len(game.arrays.groups) - 1, 1)
    return Gathered(
        np.zeros(words, np.float32),
        np.zeros((groups, words), np.float32),
        np.zeros(words, np.float32),
        np.zeros(1, np.int64),
    )
