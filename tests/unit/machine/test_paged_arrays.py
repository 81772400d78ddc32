"""Arrays in files without a name: what they hold stays when their pages go."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.errors import CfrShmError
from cfr_shm.machine import paged_arrays
from cfr_shm.machine.paged_arrays import arrays_on_disk, let_go, zeros

pytestmark = pytest.mark.skipif(
    not (hasattr(os, "posix_fallocate") and hasattr(mmap, "MADV_DONTNEED")),
    reason="here arrays stay in memory",
)
LARGE = 1 << 23


def resident() -> int:
    """Return the bytes of files that this process has in memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("RssFile:")[1].split()[0])


def test_what_was_written_is_there_when_pages_were_let_go(tmp_path):
    with arrays_on_disk(tmp_path):
        found = zeros((LARGE // 16, 2), np.int64)
        assert not found.any()
        found[:] = np.arange(LARGE // 8).reshape(-1, 2)
        let_go()
        np.testing.assert_array_equal(found.ravel(), np.arange(LARGE // 8))
    assert list(tmp_path.iterdir()) == []
    found[0] = 7  # and outlives the place
    assert found[0].tolist() == [7, 7]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells")
def test_memory_is_given_back(tmp_path):
    with arrays_on_disk(tmp_path):
        found = zeros(LARGE, np.uint8)
        found[:] = 1
        before = resident()
        let_go()
        assert before - resident() > LARGE // 2


def test_what_is_small_or_outside_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(paged_arrays.mmap, "mmap", None)
    with arrays_on_disk(tmp_path):
        assert zeros(3, np.int32).tolist() == [0, 0, 0]
    assert zeros((LARGE, 2), np.uint8).shape == (LARGE, 2)
    let_go()


def test_a_full_disk_is_an_error_before_anything_is_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with arrays_on_disk(tmp_path), pytest.raises(CfrShmError, match="8,388,608 bytes: No space"):
        zeros(LARGE, np.uint8)
