"""What killed runs and former versions have left behind, found and removed on request.

- shared memory whose creator is gone (the next run removes it too),
- checkpoints and bucket files that were not finished (the next save removes them too),
- kernel caches of other versions.

Nothing that a living process uses is ever listed: each kind has its lock.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfr_shm.cards.buckets import BUCKETS
from cfr_shm.kernels.cache import (
    cache_directory,
    cache_root,
    is_held,
    remove_unheld,
    stored_kernels,
)
from cfr_shm.memory.segments import remove_stale_segments, stale_segments
from cfr_shm.run.directory import RUNS
from cfr_shm.storage.names import CHECKPOINTS
from cfr_shm.storage.store import remove_unfinished, unfinished

SEGMENT, PART, CACHE = "shared memory", "unfinished files", "kernel cache"


@dataclass(frozen=True)
class Leftover:
    """Something that nobody needs any more."""

    kind: str
    path: str
    byte_count: int


def find_leftovers(directories: Sequence[Path] | None = None) -> list[Leftover]:
    """Return what can be removed.

    Args:
        directories: run directories to look into; None for all in ``runs/``.
    """
    segments = [Leftover(SEGMENT, str(each.path), each.byte_count) for each in stale_segments()]
    parts = [Leftover(PART, str(path), _byte_count(path)) for path in _parts(directories)]
    caches = [Leftover(CACHE, str(path), _byte_count(path)) for path in _old_caches()]
    return segments + parts + caches


def remove_leftovers(found: Sequence[Leftover]) -> list[Leftover]:
    """Remove what was found, as far as it is still unused, and return what is gone."""
    if any(each.kind == SEGMENT for each in found):
        remove_stale_segments()
    for each in found:
        path = Path(each.path)
        if each.kind == PART:
            remove_unfinished(path)
        elif each.kind == CACHE:
            remove_unheld(path)
    return [each for each in found if not os.path.lexists(each.path)]


def _parts(directories: Sequence[Path] | None) -> Iterator[Path]:
    if directories is None:
        directories = sorted(RUNS.iterdir()) if RUNS.is_dir() else []
    parents = [cache_root() / BUCKETS]
    for directory in directories:
        if not directory.is_symlink():
            # Bucket files that a user has named are stored like checkpoints, anywhere.
            parents += [directory, directory / CHECKPOINTS]
    for parent in parents:
        with contextlib.suppress(OSError):
            yield from unfinished(parent)


def _old_caches() -> list[Path]:
    """Return the kernel caches of other versions that no process has loaded.

    While this version has not compiled anything, the newest of the others is kept.
    """
    own = cache_directory()
    with contextlib.suppress(OSError):
        others = [path for path in cache_root().glob("kernels-*") if path.is_dir() and path != own]
        others.sort(key=lambda path: path.stat().st_mtime)
        if not stored_kernels():
            others = others[:-1]
        return [path for path in others if not path.is_symlink() and not is_held(path)]
    return []


def _byte_count(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total
