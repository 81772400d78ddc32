"""Sealed memory: nobody can change or shorten it, and children of its maker read the same."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.machine import sealed_memory
from cfr_shm.machine.sealed_memory import SealedMemory, seal

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory files can be sealed")

PARTS = [np.arange(5, dtype=np.uint8), np.arange(100_000, dtype=np.uint16)]
BYTES = b"".join(part.tobytes() for part in PARTS)


@pytest.fixture(params=["[always] never", "always [never]"], ids=["memory", "unnamed"])
def disk(request, tmp_path, monkeypatch) -> Path:
    """Return a directory on disk; pretend that memory files get huge pages there, or do not."""
    setting = tmp_path / "shmem_enabled"
    setting.write_text(request.param)
    monkeypatch.setattr(sealed_memory, "_HUGE_PAGES_SETTING", setting)
    return tmp_path


@pytest.fixture
def sealed(disk) -> SealedMemory:
    found = seal("test", len(BYTES), PARTS, disk)
    assert found is not None
    return found


def test_it_holds_what_was_put_there_and_views_outlive_it(sealed):
    assert sealed.byte_count == len(BYTES)
    found = sealed.map()
    del sealed
    assert found.tobytes() == BYTES
    assert not found.flags.writeable


def test_nobody_can_change_or_shorten_it(sealed):
    for attempt in (
        lambda: os.pwrite(sealed.descriptor, b"x", 0),
        lambda: os.ftruncate(sealed.descriptor, 10),
        lambda: os.ftruncate(sealed.descriptor, sealed.byte_count + 1),
        lambda: mmap.mmap(sealed.descriptor, sealed.byte_count, prot=mmap.PROT_WRITE),
    ):
        with pytest.raises(OSError, match=r"Bad file|Invalid argument|not permitted|denied"):
            attempt()
    assert sealed.map().tobytes() == BYTES


def test_memory_with_huge_pages_resists_who_may_do_anything():
    found = sealed_memory.in_memory("test", len(BYTES), PARTS)
    with pytest.raises(PermissionError):
        os.truncate(found.name, 0)
    assert found.map().tobytes() == BYTES


def test_an_unnamed_file_is_nowhere_to_be_found(sealed, disk):
    assert os.fstat(sealed.descriptor).st_nlink == 0
    assert [path.name for path in disk.iterdir()] == ["shmem_enabled"]
    with pytest.raises(OSError, match=r"No such file|not permitted|cross-device"):
        os.link(sealed.name, disk / "found", follow_symlinks=True)


def test_a_child_reads_the_same_and_cannot_change_it(sealed):
    script = f"""
import hashlib, os
from cfr_shm.machine.sealed_memory import SealedMemory
found = SealedMemory.open({sealed.name!r})
try:
    os.ftruncate(found.descriptor, 0)
except OSError:
    print(hashlib.sha256(found.map()).hexdigest())
"""
    import hashlib

    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert child.stdout.strip() == hashlib.sha256(BYTES).hexdigest(), child.stderr


def test_what_is_not_sealed_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(BYTES)
    with pytest.raises(OSError, match="no sealed memory file"):
        SealedMemory.open(str(path))
    descriptor = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.write(descriptor, BYTES)
    with pytest.raises(OSError, match="no sealed memory file"):
        SealedMemory(os.dup(descriptor))
    os.close(descriptor)


def test_its_descriptor_goes_with_it(disk):
    found = seal("test", len(BYTES), PARTS, disk)
    descriptor = found.descriptor
    del found
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_parts_are_asked_for_one_by_one_and_never_all_in_memory(monkeypatch, disk):
    monkeypatch.setattr(sealed_memory, "_WINDOW_BYTES", mmap.ALLOCATIONGRANULARITY)
    part = np.empty(mmap.ALLOCATIONGRANULARITY // 3 + 1, np.uint8)  # windows end within parts
    seen = []

    def parts():
        for number in range(10):
            part[:] = number
            seen.append(number)
            yield part

    found = seal("test", 10 * len(part), parts(), disk)
    assert found.map().tolist() == np.repeat(np.arange(10), len(part)).tolist()
    assert seen == list(range(10))


def test_what_parts_raise_is_raised_and_nothing_is_kept(disk):
    before = descriptors()

    def parts():
        yield PARTS[0]
        raise KeyError("damaged")

    with pytest.raises(KeyError, match="damaged"):
        seal("test", len(BYTES), parts(), disk)
    with pytest.raises(ValueError, match="5 bytes came, 6 were expected"):
        seal("test", 6, PARTS[:1], disk)
    assert descriptors() == before


def descriptors():
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def test_pages_that_were_let_go_are_read_again(disk):
    count = 1000 * mmap.PAGESIZE
    found = seal("test", count, [np.full(count, 7, np.uint8)], disk)
    content, rest = found.map(), resident()
    assert content.sum() == 7 * count
    assert resident() > rest + count // 2
    found.let_pages_go()
    assert resident() < rest + count // 2
    assert content.sum() == 7 * count


def resident() -> int:
    """Return the bytes of shared memory and of files that this process has in its own."""
    status = Path("/proc/self/status").read_text()
    kinds = ("RssShmem:", "RssFile:")
    return 1024 * sum(int(status.split(kind)[1].split()[0]) for kind in kinds)


def test_without_sealing_there_is_none(monkeypatch, tmp_path):
    def refuse(_name, _flags):
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", refuse)
    assert seal("test", len(BYTES), PARTS, tmp_path / "none") is None


@pytest.mark.parametrize(
    "reason", ["no directory", "in memory", "little room", "a disk that is full", "not supported"]
)
def test_where_no_file_can_be_unnamed_it_is_in_memory(reason, tmp_path, monkeypatch):
    monkeypatch.setattr(sealed_memory, "_HUGE_PAGES_SETTING", tmp_path / "none")
    directory, kept = tmp_path, os.open
    if reason == "no directory":
        directory = tmp_path / "none"
    elif reason == "in memory":
        directory = Path("/dev/shm")
    elif reason == "little room":
        monkeypatch.setattr(sealed_memory, "_ROOM", 1 << 50)
    elif reason == "a disk that is full":
        monkeypatch.setattr(os, "writev", refused(errno.ENOSPC))
    else:
        monkeypatch.setattr(os, "open", lambda *given: refused(errno.EOPNOTSUPP)(*given))
    before = descriptors()
    found = seal("test", len(BYTES), PARTS, directory)
    monkeypatch.setattr(os, "open", kept)
    assert str(Path(found.name).readlink()).startswith("/memfd:")
    assert len(descriptors()) == len(before) + 1
    assert found.map().tobytes() == BYTES


def refused(code):
    def refuse(*_given):
        raise OSError(code, os.strerror(code))

    return refuse
