"""What tests that start processes check of each other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import PIDS, SEGMENTS, children, is_gone, is_unlinked


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    before = children()
    PIDS.clear()  # A busy machine gives numbers of long ago to others.
    yield
    assert children() <= before
    assert all(is_gone(pid) for pid in PIDS)
    assert all(is_unlinked(segment) for segment in SEGMENTS)


@pytest.fixture
def no_segment_of_mpi_is_left() -> Iterator[None]:
    """Remove what MPICH leaves in /dev/shm where a rank was killed, and nobody uses."""
    before = set(Path("/dev/shm").glob("mpich_shm_*"))
    yield
    for path in set(Path("/dev/shm").glob("mpich_shm_*")) - before:
        if not _is_mapped(path):
            path.unlink(missing_ok=True)


@pytest.fixture
def ranks_may_share_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let more ranks be started here than there are cores, which is refused otherwise."""
    monkeypatch.setenv("CFR_SHM_ENGINE_OVERSUBSCRIBE", "true")


def _is_mapped(path: Path) -> bool:
    """Return whether a process has the segment in its memory, another test's for example."""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            if str(path) in maps.read_text():
                return True
    return False
