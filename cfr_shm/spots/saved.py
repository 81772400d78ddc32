"""A spot's tables on disk: checkpoints to go on from, and results to look at."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm import __version__
from cfr_shm.errors import ArrayStoreError, CheckpointError
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.store import missing_reason, read_store, remove_store, write_store

KIND = "spot"

#: The one before the newest stays, in case that is damaged.
KEPT = 2


def save_tables(
    directory: Path,
    solver: SpotSolver,
    fingerprint: str,
    further: Mapping[str, Any],
    disk: Disk = DISK,
) -> Path:
    """Write the tables to ``directory/<iterations>`` and remove those before the last two.

    Raises:
        ArrayStoreError: the disk refused; what was there before is untouched.
    """
    path = directory / str(solver.iterations)
    about = {
        "fingerprint": fingerprint,
        "iterations": solver.iterations,
        "version": __version__,
        **further,
    }
    if not path.exists():
        arrays = {name: solver.arena.array(name) for name in solver.table_names()}
        write_store(path, arrays, about, kind=KIND, disk=disk)
    for old in _stored(directory)[:-KEPT]:
        with contextlib.suppress(OSError):
            remove_store(old, disk)
    return path


def load_tables(
    directory: Path, fingerprint: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the newest tables that are whole, mapped, and what was noted with them.

    Raises:
        CheckpointError: there are none, or they are of another spot.
    """
    failure: Exception | None = None
    for path in reversed(_stored(directory)):
        try:
            store = read_store(path, kind=KIND, memory_map=True)
        except ArrayStoreError as error:
            failure = failure or error
            continue
        about = dict(store.manifest.about)
        if about["fingerprint"] != fingerprint:
            raise CheckpointError(f"{path}: these are the tables of another spot; solve it anew")
        return store.arrays, about
    raise CheckpointError(str(failure or f"{directory}: {missing_reason(directory, KIND)}"))


def restore(solver: SpotSolver, arrays: Mapping[str, NDArray[Any]], iterations: int) -> None:
    """Put stored tables in place of a solver's.

    Raises:
        CheckpointError: they have other names or sizes.
    """
    for name in solver.table_names():
        target = solver.arena.array(name)
        found = arrays.get(name)
        if found is None or found.shape != target.shape or found.dtype != target.dtype:
            raise CheckpointError(f"the stored table {name} does not fit; solve the spot anew")
        np.copyto(target, found)
    solver.skip_to(iterations)


def _stored(directory: Path) -> list[Path]:
    """Return stored tables, fewest iterations first."""
    if not directory.is_dir():
        return []
    found = [path for path in directory.iterdir() if path.name.isdigit() and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))
