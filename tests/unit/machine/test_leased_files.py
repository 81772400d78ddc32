"""Mapped files: what is looked at stays what it was, whoever writes to the file or shortens it."""

import os
import sys
import threading
import time

import numpy as np
import pytest

from cfr_shm.machine.leased_files import LeasedFiles

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(np.arange(300_001, dtype=np.int32).tobytes())
    return path


@pytest.fixture
def leases():
    leases = LeasedFiles()
    yield leases
    leases.close()


def mapped(leases, path):
    with path.open("rb") as file:
        return leases.map(file.fileno())


def looked_at(leases, path):
    """Return the numbers of a mapped file; skip where its file system has no leases."""
    content = mapped(leases, path)
    if content is None:
        pytest.skip("no leases on this file system")
    return content.view(np.int32)


def overwrite(path):
    with path.open("r+b") as file:
        file.write(bytes(100_000))


def shorten(path):
    os.truncate(path, 8)


def truncate_and_write(path):
    path.write_bytes(b"other")


@pytest.mark.parametrize("disturb", [overwrite, shorten, truncate_and_write])
def test_who_writes_waits_until_it_is_copied(leases, path, disturb):
    numbers = looked_at(leases, path)
    disturb(path)
    assert np.array_equal(numbers, np.arange(300_001))
    assert leases.held == 0
    disturb(path)  # nobody keeps it any more
    del numbers


def test_what_was_written_before_is_there_after_the_copy(leases, path):
    numbers = looked_at(leases, path)
    numbers[7] = -1
    assert np.fromfile(path, np.int32)[7] == 7
    shorten(path)
    assert numbers[7] == -1
    assert numbers[300_000] == 300_000


def test_all_files_are_let_go_of_together(leases, path):
    two = path.with_name("two")
    two.write_bytes(path.read_bytes())
    numbers = [looked_at(leases, each) for each in (path, two)]
    shorten(two)
    assert leases.held == 0
    assert all(np.array_equal(each, np.arange(300_001)) for each in numbers)


def test_a_file_that_is_being_written_is_not_mapped(leases, path):
    looked_at(leases, path)
    with path.open("r+b"):
        assert mapped(leases, path) is None


def test_a_view_outlives_the_lease(path):
    leases = LeasedFiles()
    numbers = looked_at(leases, path)
    leases.close()
    shorten(path)
    assert np.array_equal(numbers, np.arange(300_001))


def test_the_thread_ends_with_the_leases(path):
    before = threading.active_count()
    leases = LeasedFiles()
    looked_at(leases, path)
    assert threading.active_count() == before + 1
    leases.close()
    assert threading.active_count() == before
    began = time.monotonic()
    shorten(path)
    assert time.monotonic() - began < 30  # the lease would keep it for 45


def test_readers_read_on_while_somebody_shortens_the_file(leases, path):
    numbers = looked_at(leases, path)
    expected, ended, wrong = int(np.arange(300_001).sum()), threading.Event(), []

    def read():
        while not ended.is_set():
            if int(numbers.sum(dtype=np.int64)) != expected:
                wrong.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    shorten(path)
    shorten(path)
    ended.set()
    reader.join()
    assert not wrong
