"""A spot's tables on disk: checkpoints to go on from, and results to look at."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cfr_shm import __version__
from cfr_shm.errors import ArrayStoreError, CheckpointError
from cfr_shm.machine.leased_files import LeasedFiles
from cfr_shm.spots.arena_tables import AVERAGES
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.documents import Count, Number, Text, record
from cfr_shm.storage.store import (
    map_arrays,
    missing_reason,
    read_manifest,
    read_store,
    remove_store,
    write_store,
)

KIND = "spot"

#: The one before the newest stays, in case that is damaged.
KEPT = 2

#: Weights of later iterations follow from those of all before: a minute's work for so many.
MOST_ITERATIONS = 100_000_000

_ABOUT = record(fingerprint=Text(), iterations=Count(high=MOST_ITERATIONS), seconds=Number(low=0.0))
_NAME = re.compile(r"[0-9]{1,16}")


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
        "locks": solver.game.locks_mark,
        **further,
    }
    if not _ABOUT.fits(about):
        raise ArrayStoreError(f"{path}: not saved: at most {MOST_ITERATIONS:,} iterations can be")
    if not path.exists():
        if solver.looks:
            raise ArrayStoreError(f"{path}: not saved: these tables were only looked at")
        arrays = {name: solver.arena.array(name) for name in solver.table_names()}
        write_store(path, arrays, about, kind=KIND, disk=disk)
    for old in _stored(directory)[:-KEPT]:
        with contextlib.suppress(OSError):
            remove_store(old, disk)
    return path


def load_tables(
    directory: Path, solver: SpotSolver, fingerprint: str, *, to_look: bool = False
) -> float:
    """Put the newest stored tables that are whole in place of a solver's.

    They are read where they are needed, nothing is in memory twice. A solver that only looks maps
    the averages where that is safe (``storage.store.map_arrays``). If this fails the solver's
    tables hold anything.

    Args:
        directory: of a run's checkpoints.
        solver: of the same spot.
        fingerprint: of the spot.
        to_look: read the averages alone, half of it all; the solver learns nothing more then.

    Returns:
        Seconds of solving that made them.

    Raises:
        CheckpointError: there are none, or they are of another spot.
    """
    failure: ArrayStoreError | None = None
    for path in reversed(_stored(directory)):
        try:
            about = dict(read_manifest(path, kind=KIND).about)
            if not _ABOUT.fits(about):
                raise ArrayStoreError(f"{path}: its manifest holds what no save of a spot writes")
            if about["fingerprint"] != fingerprint:
                what = "these are the tables of another spot; solve it anew"
                raise CheckpointError(f"{path}: {what}")
            others = solver.game.locks_mark not in ("", about.get("locks"))
            if not (solver.looks and not others and _map_averages(path, solver)):
                names = AVERAGES if to_look else solver.table_names()
                into = {name: getattr(solver.tables, name) for name in names}
                read_store(path, kind=KIND, into=into, rest=False)
        except CheckpointError:
            raise
        except ArrayStoreError as error:
            failure = failure or error
            continue
        solver.skip_to(about["iterations"])
        if others:
            solver.hold_locks()  # They were made with others: whoever looks sees these held.
        return float(about["seconds"])
    raise CheckpointError(str(failure or f"{directory}: {missing_reason(directory, KIND)}"))


def _map_averages(path: Path, solver: SpotSolver) -> bool:
    """Let a solver look at the averages' files; False where they are to be read.

    Raises:
        ArrayStoreError: they are not what the manifest says.
    """
    leases = LeasedFiles()
    try:
        found = map_arrays(path, read_manifest(path, kind=KIND), AVERAGES, leases)
        if found is None or not all(_alike(solver, name, found[name]) for name in AVERAGES):
            leases.close()
            return False
    except BaseException:
        leases.close()
        raise
    solver.look_at([found[name] for name in AVERAGES], leases)
    return True


def _alike(solver: SpotSolver, name: str, found: NDArray[Any]) -> bool:
    own = getattr(solver.tables, name)
    return (own.shape, own.dtype) == (found.shape, found.dtype)


def stored_seconds(directory: Path) -> float:
    """Return the seconds of solving that made the newest tables; 0 where none can be read."""
    for path in reversed(_stored(directory)):
        with contextlib.suppress(ArrayStoreError):
            about = dict(read_manifest(path, kind=KIND).about)
            if _ABOUT.fits(about):
                return float(about["seconds"])
    return 0.0


def remove_tables(directory: Path, disk: Disk = DISK) -> None:
    """Remove all stored tables, where they can be."""
    for path in _stored(directory):
        with contextlib.suppress(OSError):
            remove_store(path, disk)


def _stored(directory: Path) -> list[Path]:
    """Return stored tables, fewest iterations first."""
    if not directory.is_dir():
        return []
    found = [path for path in directory.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    return sorted(found, key=lambda path: int(path.name))
