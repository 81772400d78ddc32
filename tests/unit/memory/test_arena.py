"""An arena in one process: layout, refusals, and who may close and unlink what."""

from __future__ import annotations

import gc
import itertools
import struct
import warnings
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest

from cfr_shm.errors import ArrayStoreError, CfrShmError, MemoryReserveError
from cfr_shm.layout.tree import NODE_DTYPE
from cfr_shm.memory import arena as arena_module
from cfr_shm.memory.arena import Arena, ArraySpec
from cfr_shm.memory.limits import Limit
from cfr_shm.storage.manifest import dtype_code

SPECS = [
    ArraySpec("nodes", NODE_DTYPE, (5,)),
    ArraySpec("bytes", np.dtype(np.uint8), (3,)),
    ArraySpec("empty", np.dtype(np.float64), (0, 2)),
    ArraySpec("grid", np.dtype(np.int32), (2, 3)),
    ArraySpec("rows", np.dtype(np.float64), (1000,)),
]


@pytest.fixture
def arena():
    with Arena.create(SPECS, "a" * 64) as made:
        yield made


def attach_refused(name: str, **options) -> str:
    with pytest.raises(CfrShmError) as caught:
        Arena.attach(name, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"shared memory {name}: ")
    return message


def test_name_fits_everywhere(arena):
    """macOS allows 31 characters, with the slash in front."""
    assert arena.name.startswith("cfrshm-")
    assert len(f"/{arena.name}") <= 31


def test_arrays_are_as_specified_zero_and_on_cache_lines_of_their_own(arena):
    assert arena.names == tuple(spec.name for spec in SPECS)
    spans = []
    for spec in SPECS:
        array = arena.array(spec.name)
        assert array.dtype == spec.dtype
        assert array.shape == spec.shape
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert not array.view(np.uint8).any()
        address = array.__array_interface__["data"][0]
        assert address % 64 == 0 or spec.name == "empty"
        spans.append((address, address + spec.byte_count))
    spans = sorted(span for span in spans if span[0] < span[1])
    assert all(end <= first for (_, end), (first, _) in itertools.pairwise(spans))


def test_attached_arrays_are_the_same_memory(arena):
    attached = Arena.attach(arena.name, "a" * 64)
    assert attached.fingerprint == "a" * 64
    assert attached.nbytes == arena.nbytes
    arena.array("rows")[7] = 0.1
    arena.array("nodes")["first_child"][2] = 9
    assert attached.array("rows")[7] == 0.1
    assert attached.array("nodes")["first_child"][2] == 9
    attached.array("grid")[1, 2] = -1
    assert arena.array("grid")[1, 2] == -1
    assert attached.close()


def test_only_the_creator_unlinks(arena):
    with Arena.attach(arena.name) as attached:
        attached.unlink()
    Arena.attach(arena.name).close()


def test_unlinking_twice_is_harmless(arena):
    arena.unlink()
    arena.unlink()
    assert "no such segment; the run that created it has ended" in attach_refused(arena.name)


def test_unlinked_arena_stays_usable(arena):
    arena.unlink()
    arena.array("rows")[0] = 1.0
    assert arena.array("rows")[0] == 1.0


def test_error_inside_the_block_unlinks():
    with pytest.raises(RuntimeError), Arena.create(SPECS, "") as arena:
        raise RuntimeError
    attach_refused(arena.name)


def test_close_waits_for_views_without_losing_them(arena):
    rows = arena.array("rows")
    rows[:] = 3.0
    assert not arena.close()
    assert rows.sum() == 3000.0
    del rows
    assert arena.close()
    assert arena.close()
    with pytest.raises(ValueError, match="is closed"):
        arena.array("rows")


def test_views_outlive_an_arena_that_was_dropped():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Arena.create(SPECS, "") as arena:
            rows = arena.array("rows")
        del arena
        gc.collect()
        rows[:] = 2.0
        assert rows.sum() == 2000.0
        del rows
        gc.collect()


def test_unknown_array(arena):
    with pytest.raises(KeyError):
        arena.array("columns")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (ArraySpec("bad name", np.dtype("f8"), (1,)), ArrayStoreError),
        (ArraySpec("bad", np.dtype(object), (1,)), ArrayStoreError),
        (ArraySpec("rows", np.dtype("f8"), (1,)), ValueError),
    ],
)
def test_specs_that_cannot_be(spec, error):
    with pytest.raises(error):
        Arena.create([*SPECS, spec], "")


def test_fingerprint_that_is_too_long_leaves_nothing(monkeypatch):
    made = record_segments(monkeypatch)
    with pytest.raises(ValueError, match="fingerprint"):
        Arena.create(SPECS, "a" * 65)
    assert all("no such segment" in attach_refused(name) for name in made)


# --- reserving ---------------------------------------------------------------------------


def record_segments(monkeypatch) -> list[str]:
    """Note the names of the segments that are created from now on."""
    made: list[str] = []
    create = arena_module._create_segment

    def recorded(byte_count):
        segment = create(byte_count)
        made.append(segment.name)
        return segment

    monkeypatch.setattr(arena_module, "_create_segment", recorded)
    return made


def test_what_does_not_fit_is_refused_before_anything_is_created(monkeypatch):
    made = record_segments(monkeypatch)
    huge = [ArraySpec("rows", np.dtype("f8"), (1 << 50,))]
    with pytest.raises(MemoryReserveError, match=r"the tables need 8388608 GiB, but .* has only"):
        Arena.create(huge, "")
    assert made == []


def test_limits_are_asked_with_the_whole_size(monkeypatch):
    asked = [Limit("the box", 8000, "enlarge it")]
    monkeypatch.setattr(arena_module, "shared_limits", lambda: asked)
    with pytest.raises(MemoryReserveError, match=r"but the box has only 7.812 KiB left"):
        Arena.create(SPECS, "")


def test_memory_that_runs_out_all_the_same(monkeypatch):
    made = record_segments(monkeypatch)

    def exhausted(segment, first, count):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arena_module, "_populate", lambda *_: False)
    monkeypatch.setattr(arena_module, "_allocate", exhausted)
    with pytest.raises(MemoryReserveError, match="memory ran out after 0 bytes: No space left"):
        Arena.create(SPECS, "")
    assert len(made) == 1
    attach_refused(made[0])


def test_system_that_refuses_the_size(monkeypatch):
    def refuse(name, size):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(arena_module, "_Segment", refuse)
    with pytest.raises(MemoryReserveError, match="refuses a segment of that size: Cannot allocate"):
        Arena.create(SPECS, "")


def test_name_that_is_taken(monkeypatch, arena):
    tokens = iter([arena.name.removeprefix("cfrshm-"), "0badcafe"])
    monkeypatch.setattr(arena_module.secrets, "token_hex", lambda _: next(tokens))
    with Arena.create(SPECS, "") as other:
        assert other.name == "cfrshm-0badcafe"


@pytest.mark.parametrize("ways", [(), ("_populate",), ("_populate", "_allocate")])
def test_every_way_of_reserving(monkeypatch, ways):
    """Whichever way a platform lacks, the next one takes its place."""
    monkeypatch.setattr(arena_module, "_CHUNK_BYTES", 1 << 16)
    for way in ways:
        monkeypatch.setattr(arena_module, way, lambda *_: False)
    with Arena.create([ArraySpec("rows", np.dtype("f8"), (100_001,))], "") as arena:
        assert not arena.array("rows").any()


def test_huge_pages_are_counted_as_the_system_does():
    lines = iter(
        [
            "7f00-7f10 rw-s 00000000 00:19 3  /dev/shm/cfrshm-other\n",
            "ShmemPmdMapped:     4096 kB\n",
            "7f20-7f30 rw-s 00000000 00:19 3  /dev/shm/cfrshm-00000001\n",
            "Rss:                9999 kB\n",
            "ShmemPmdMapped:     2048 kB\n",
            "7f40-7f50 rw-s 00000000 00:19 3  /dev/shm/cfrshm-other\n",
            "ShmemPmdMapped:     4096 kB\n",
        ]
    )
    assert arena_module._huge_page_bytes(lines, "cfrshm-00000001") == 2 << 20
    assert arena_module._huge_page_bytes(iter([]), "cfrshm-00000001") is None


# --- attaching to what is no arena -------------------------------------------------------


@pytest.fixture
def raw(arena):
    """The arena's bytes, to damage."""
    segment = SharedMemory(arena.name)
    yield segment.buf
    segment.close()


def test_missing_segment():
    assert "no such segment" in attach_refused("cfrshm-nowhere")


def test_wrong_magic(arena, raw):
    raw[0:1] = b"X"
    assert r"wrong magic b'XFR-SHM\n', expected" in attach_refused(arena.name)


def test_other_format(arena, raw):
    raw[8:12] = struct.pack("<I", 99)
    assert "format 99, expected 2; versions are mixed" in attach_refused(arena.name)


@pytest.mark.parametrize("size", [1, 127, 200])
def test_segment_that_is_too_short(size):
    segment = SharedMemory(create=True, size=size)
    try:
        message = attach_refused(segment.name)
        assert "too short for an arena" in message or "wrong magic" in message
    finally:
        segment.unlink()
        segment.close()


def test_truncated(arena, raw):
    raw[16:24] = struct.pack("<Q", 1 << 40)
    assert "truncated" in attach_refused(arena.name)
    raw[16:24] = struct.pack("<Q", arena.nbytes)
    raw[12:16] = struct.pack("<I", 1 << 31)
    assert "truncated" in attach_refused(arena.name)


@pytest.mark.parametrize(
    "entry",
    [
        b"]",
        b'[["rows", "<f8", [1000], 0], 3]',
        b'[["rows", "<f8", [100000], 0]]',
        b'[["rows", "<f8", [8], -64]]',
        b'[["rows", "<f8", [-8], 64]]',
        b'[["rows", "<f8", ["x"], 64]]',
    ],
)
def test_damaged_directory(arena, raw, entry):
    length = struct.unpack("<I", raw[12:16])[0]
    raw[128 : 128 + length] = entry.ljust(length)
    assert "its directory is damaged" in attach_refused(arena.name)


def test_object_dtype_in_the_directory(arena, raw):
    length = struct.unpack("<I", raw[12:16])[0]
    raw[128 : 128 + length] = b'[["rows", "|O", [8], 192]]'.ljust(length)
    assert "dtype '|O' is not allowed" in attach_refused(arena.name)


def test_fingerprint_of_another_run(arena):
    assert "belongs to the run 'aaaaaaaaaaaaaaaa', expected 'bbbbbbbbbbbbbbbb'" in attach_refused(
        arena.name, fingerprint="b" * 64
    )


def test_refused_attach_does_not_unlink(arena):
    attach_refused(arena.name, fingerprint="b" * 64)
    Arena.attach(arena.name, "a" * 64).close()


def test_dtype_codes_come_back():
    for spec in SPECS:
        dtype_code(spec.dtype, "x")
