"""What was read of directories is kept until they change, and no longer."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from cfr_shm.viewer.looked_at import LookedAt


def aged(path, seconds=10):
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "run"
    (path / "inner").mkdir(parents=True)
    return path


def counting(folder):
    reads = []

    def read():
        if not folder.is_dir():
            raise FileNotFoundError
        reads.append(sorted(each.name for each in (folder / "inner").iterdir()))
        return reads[-1]

    return LookedAt(read, (folder, folder / "inner")), reads


def test_it_is_read_once_until_something_changes(folder):
    looked, reads = counting(folder)
    aged(folder), aged(folder / "inner")
    assert looked.get() == looked.get() == []
    assert len(reads) == 1
    (folder / "inner" / "new").touch()
    assert looked.get() == ["new"]


def test_what_changed_just_now_is_read_again(folder):
    looked, reads = counting(folder)
    (folder / "inner" / "one").touch()
    assert looked.get() == ["one"]
    # A second change within the same tick would leave the time as it is.
    status = (folder / "inner").stat()
    (folder / "inner" / "two").touch()
    os.utime(folder / "inner", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert looked.get() == ["one", "two"]
    aged(folder), aged(folder / "inner")
    for _ in range(3):
        looked.get()
    assert len(reads) == 3


def test_one_that_is_gone_is_asked_for_and_one_that_came_back_too(folder):
    looked, _ = counting(folder)
    aged(folder), aged(folder / "inner")
    looked.get()
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError):
        looked.get()
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "other").touch()
    assert looked.get() == ["other"]
