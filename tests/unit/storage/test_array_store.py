"""A stored directory comes back as it was, or is refused with a message that says why."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from stored_arrays import ABOUT, ARRAYS, names, refused

from cfr_shm.errors import ArrayStoreError
from cfr_shm.storage import store as array_store
from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.manifest import Manifest, encode_manifest
from cfr_shm.storage.store import (
    missing_reason,
    prune_unfinished,
    read_manifest,
    read_store,
    remove_store,
    write_store,
)


@pytest.fixture
def stored(tmp_path):
    directory = tmp_path / "parent" / "store"
    write_store(directory, ARRAYS, ABOUT, kind="buckets")
    return directory


def places():
    """Return arrays of their own that all that is stored fits."""
    return {name: np.zeros_like(array) for name, array in ARRAYS.items()}


# --- what was stored comes back ----------------------------------------------------------


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("kind", [None, "buckets"])
def test_arrays_come_back_bit_for_bit(stored, given, kind):
    store = read_store(stored, kind=kind, into=places() if given else None)
    assert list(store.arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert store.arrays[name].dtype == array.dtype
        assert store.arrays[name].shape == array.shape
        assert store.arrays[name].tobytes() == array.tobytes()
        assert store.arrays[name].flags.c_contiguous
    assert store.manifest.kind == "buckets"
    assert dict(store.manifest.about) == ABOUT


def test_files_are_plain_npy(stored):
    for name, array in ARRAYS.items():
        loaded = np.load(stored / f"{name}.npy", allow_pickle=False)
        assert loaded.dtype == array.dtype
        assert loaded.tobytes() == array.tobytes()


def test_data_begins_at_a_cache_line(stored):
    for entry in read_manifest(stored).arrays.values():
        assert len(entry.header) % 64 == 0


def test_arrays_that_are_not_contiguous_are_stored_in_c_order(tmp_path):
    array = np.arange(12).reshape(3, 4).T[::2]
    write_store(tmp_path / "s", {"a": array}, {}, kind="k")
    assert np.array_equal(read_store(tmp_path / "s").arrays["a"], array)


def test_what_is_larger_than_one_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(array_store, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(array_store, "_WRITE_BYTES", 70)
    monkeypatch.setattr(array_store, "_SYNC_BYTES", 1000)
    write_store(tmp_path / "s", ARRAYS, {}, kind="k")
    for into in (None, places()):
        arrays = read_store(tmp_path / "s", into=into).arrays
        assert all(arrays[name].tobytes() == ARRAYS[name].tobytes() for name in ARRAYS)


def test_about_is_stored_as_json_reads_it(tmp_path):
    write_store(tmp_path / "s", {}, {"pair": (1, 2), "map": {10: "x", 9: "y"}}, kind="k")
    assert dict(read_manifest(tmp_path / "s").about) == {
        "pair": [1, 2],
        "map": {"10": "x", "9": "y"},
    }


def test_nothing_is_left_beside_the_store(stored):
    assert names(stored.parent) == ["store"]
    assert names(stored) == sorted([*(f"{n}.npy" for n in ARRAYS), "manifest.json"])


def test_removal(stored):
    remove_store(stored)
    assert names(stored.parent) == []


# --- what cannot be stored ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "A", "a.b", "a\0", "é", "a" * 65, "a\n"])
def test_names_that_could_leave_the_directory_are_refused(tmp_path, name):
    with pytest.raises(ArrayStoreError, match="array name"):
        write_store(tmp_path / "s", {name: np.zeros(1)}, {}, kind="k")
    assert names(tmp_path) == []


PLAIN_DTYPES = (object, ">f8", "<c16", "<M8[s]", "<U4", "S3", "V8", np.longdouble)
RECORD_DTYPES = (
    [("a", object)],
    [("a", [("b", "<i8")])],
    np.dtype([("a", "u1"), ("b", "<i8")], align=True),
)


@pytest.mark.parametrize(
    "dtype",
    [*PLAIN_DTYPES, *RECORD_DTYPES],
)
def test_dtypes_that_are_not_plain_are_refused(tmp_path, dtype):
    with pytest.raises(ArrayStoreError, match=r"array bad: dtype .* is not allowed"):
        write_store(tmp_path / "s", {"bad": np.zeros(2, dtype)}, {}, kind="k")
    assert names(tmp_path) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_about_that_is_not_json_is_refused(tmp_path, value):
    with pytest.raises(ArrayStoreError, match="cannot be stored as JSON"):
        write_store(tmp_path / "s", {}, {"bad": value}, kind="k")
    assert names(tmp_path) == []


def test_a_store_is_never_overwritten(stored):
    with pytest.raises(ArrayStoreError, match="already exists; it is never overwritten"):
        write_store(stored, {"rows": np.zeros(1)}, {}, kind="k")
    assert read_store(stored).arrays["rows"].shape == (5000,)


def test_arrays_are_read_into_the_places_that_are_given(stored):
    given = places()
    arrays = read_store(stored, into={"rows": given["rows"]}).arrays
    assert arrays["rows"] is given["rows"]
    assert np.array_equal(given["rows"], ARRAYS["rows"])
    assert np.array_equal(arrays["grid"], ARRAYS["grid"])
    assert not given["grid"].any()


def test_places_that_do_not_fit_are_refused(stored):
    assert "rows.npy: holds float64[5000], expected float64[4999]" in refused(
        stored, into={"rows": np.zeros(4999)}
    )
    assert "expected float32[5000]" in refused(stored, into={"rows": np.zeros(5000, np.float32)})
    assert "other.npy: the manifest does not name it" in refused(
        stored, into={"other": np.zeros(3)}
    )


def test_what_was_read_stays_whatever_becomes_of_the_files(stored):
    arrays = read_store(stored).arrays
    for name in ARRAYS:
        path = stored / f"{name}.npy"
        with path.open("r+b") as file:
            file.write(b"\xff" * path.stat().st_size)
        os.truncate(path, 10)
    assert all(arrays[name].tobytes() == ARRAYS[name].tobytes() for name in ARRAYS)


# --- writing fails -----------------------------------------------------------------------


class FailingDisk:
    """A disk whose call number ``at`` fails."""

    def __init__(self, at: int, code: int = errno.ENOSPC, disk: Disk = DISK) -> None:
        self.calls: list[str] = []
        self.at, self.code, self.disk = at, code, disk

    def __getattr__(self, name):
        def call(*args, **options):
            self.calls.append(name)
            if len(self.calls) - 1 == self.at:
                raise OSError(self.code, os.strerror(self.code))
            return getattr(self.disk, name)(*args, **options)

        return call


def test_full_disk_at_every_call_leaves_nothing_unfinished(tmp_path):
    counting = FailingDisk(at=-1)
    write_store(tmp_path / "all", ARRAYS, {}, kind="k", disk=counting)
    assert len(counting.calls) >= 20
    for at in range(len(counting.calls)):
        directory = tmp_path / str(at)
        directory.mkdir()
        disk = FailingDisk(at, errno.EIO if at % 2 else errno.ENOSPC)
        with pytest.raises(ArrayStoreError, match=r"cannot be saved: (No space|Input/output)"):
            write_store(directory / "s", ARRAYS, {}, kind="k", disk=disk)
        assert names(directory) == (["s"] if at == len(counting.calls) - 1 else [])


def test_interrupted_writer_removes_its_parts(tmp_path):
    class Interrupted(Disk):
        def sync(self, descriptor):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path / "s", ARRAYS, {}, kind="k", disk=Interrupted())
    assert names(tmp_path) == []


def test_parents_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArrayStoreError, match="cannot be saved"):
        write_store(tmp_path / "file" / "deep" / "s", ARRAYS, {}, kind="k")


def test_disk_that_writes_little_at_a_time(tmp_path):
    class Slow(Disk):
        def write(self, descriptor, data):
            return super().write(descriptor, data[:97])

    write_store(tmp_path / "s", ARRAYS, {}, kind="k", disk=Slow())
    assert read_store(tmp_path / "s").arrays["rows"].tobytes() == ARRAYS["rows"].tobytes()


def ended_process() -> int:
    """Return the id of a process that has ended and been waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_parts_of_dead_writers_are_pruned_those_of_living_ones_are_not(tmp_path):
    dead = tmp_path / f".100.{ended_process()}-0123abcd.tmp"
    living = tmp_path / f".100.{os.getppid()}-0123abcd.tmp"
    own = tmp_path / f".100.{os.getpid()}-0123abcd.tmp"
    other = tmp_path / ".hidden"
    for directory in (dead, living, own, other):
        directory.mkdir()
        (directory / "rows.npy").write_text("x")
        (directory / "link").symlink_to(other)
    write_store(tmp_path / "100", ARRAYS, {}, kind="k")
    assert names(tmp_path) == sorted([living.name, other.name, "100"])
    assert (other / "rows.npy").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no directory locks on Windows")
def test_locked_parts_are_left_alone(tmp_path):
    """In another container a writer's process id means nothing here; its lock does."""
    import fcntl

    part = tmp_path / f".100.{ended_process()}-0123abcd.tmp"
    part.mkdir()
    descriptor = os.open(part, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        prune_unfinished(tmp_path)
        assert part.exists()
    finally:
        os.close(descriptor)
    prune_unfinished(tmp_path)
    assert not part.exists()


def test_unfinished_directory_of_this_process_survives_another_save(tmp_path):
    """Two threads of one process may save side by side."""

    class Nested(Disk):
        def sync(self, descriptor):
            if not (tmp_path / "inner").exists():
                write_store(tmp_path / "inner", {}, {}, kind="k")
            super().sync(descriptor)

    write_store(tmp_path / "outer", ARRAYS, {}, kind="k", disk=Nested())
    assert names(tmp_path) == ["inner", "outer"]


# --- small parts -------------------------------------------------------------------------


def test_missing_reason_tells_the_cases_apart(tmp_path):
    reasons = {missing_reason(tmp_path / "nowhere", "manifest.json")}
    reasons.add(missing_reason(tmp_path, "manifest.json"))
    (tmp_path / ".s.1-00000000.tmp").mkdir()
    reasons.add(missing_reason(tmp_path, "manifest.json"))
    (tmp_path / "other").mkdir()
    reasons.add(missing_reason(tmp_path, "manifest.json"))
    assert len(reasons) == 4


def test_manifest_digest_is_over_canonical_json(stored):
    """Whitespace and the order of keys do not matter, every value does."""
    path = stored / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items())), indent=7))
    assert read_manifest(stored).kind == "buckets"
    assert encode_manifest(Manifest("k", {}, {"b": 1, "a": 2}), stored) == encode_manifest(
        Manifest("k", {}, {"a": 2, "b": 1}), stored
    )
