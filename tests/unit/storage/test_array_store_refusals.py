"""What is stored is never trusted: every fault is refused in one line that names it."""

from __future__ import annotations

import json
import os
import pickle
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from stored_arrays import ABOUT, ARRAYS, flip_bit, forge, refused

from cfr_shm.storage.manifest import NewerFormatError
from cfr_shm.storage.store import read_manifest, write_store


@pytest.fixture
def stored(tmp_path):
    directory = tmp_path / "parent" / "store"
    write_store(directory, ARRAYS, ABOUT, kind="buckets")
    return directory


def test_missing_directory(tmp_path):
    assert "no such directory" in refused(tmp_path / "nowhere")


def test_not_a_directory(tmp_path):
    (tmp_path / "file").write_text("x")
    assert "not a directory" in refused(tmp_path / "file")


def test_empty_directory(tmp_path):
    (tmp_path / "s").mkdir()
    assert "is empty" in refused(tmp_path / "s")


def test_only_temporary_parts(tmp_path):
    (tmp_path / ".100.4242-0123abcd.tmp").mkdir()
    assert "only unfinished parts" in refused(tmp_path)


def test_no_manifest(stored):
    (stored / "manifest.json").unlink()
    assert "holds no manifest.json" in refused(stored)


def test_missing_array(stored):
    (stored / "rows.npy").unlink()
    assert "rows.npy: missing" in refused(stored)


@pytest.mark.parametrize("keep", [0, 5, 100, 128, 40_000])
def test_truncated_array(stored, keep):
    path = stored / "rows.npy"
    path.write_bytes(path.read_bytes()[:keep])
    message = refused(stored)
    assert f"rows.npy: truncated: {keep} bytes, the manifest says 40128" in message
    assert message == refused(stored, into={"rows": np.zeros(5000)})


def test_array_that_grew(stored):
    with (stored / "rows.npy").open("ab") as file:
        file.write(b"x")
    assert "rows.npy: too long: 40129 bytes" in refused(stored)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("offset", [128, 9999, 40_127])
def test_flipped_bit_in_the_data(stored, offset, given):
    flip_bit(stored / "rows.npy", offset)
    message = refused(stored, into={"rows": np.zeros(5000)} if given else None)
    assert "rows.npy: its content was changed or damaged: SHA-256" in message


@pytest.mark.parametrize("offset", [0, 6, 8, 20, 127])
def test_flipped_bit_in_the_header(stored, offset):
    flip_bit(stored / "rows.npy", offset)
    assert "rows.npy: its header says" in refused(stored)


def test_edited_manifest(stored):
    path = stored / "manifest.json"
    path.write_text(path.read_text().replace('"streets"', '"strEEts"'))
    assert "manifest.json: was edited or damaged" in refused(stored)


def test_manifest_without_digest(stored):
    path = stored / "manifest.json"
    content = json.loads(path.read_text())
    del content["digest"]
    path.write_text(json.dumps(content))
    assert "does not match its own digest" in refused(stored)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"1", b'"x"', b"null", b'{"magic": "other"}'])
def test_wrong_magic(stored, content):
    (stored / "manifest.json").write_bytes(content)
    assert "wrong magic, expected 'cfr-shm array store'" in refused(stored)


def test_newer_format_version(stored):
    forge(stored, lambda content: content.update(format=7, digest_algorithm="of the future"))
    with pytest.raises(NewerFormatError, match="format 7 is newer than 1"):
        read_manifest(stored)
    assert "upgrade" in refused(stored)


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_format_version_that_is_none(stored, version):
    forge(stored, lambda content: content.update(format=version))
    assert "format" in refused(stored)


def test_another_kind(stored):
    assert "holds 'buckets', expected 'checkpoint'" in refused(stored, kind="checkpoint")


NO_NUMBERS = (b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": %s}' % (b"9" * 5000))
NO_JSON = (b"", b"not json", b"\xff\xfe", b"\0", b'{"a": 1, "a": 2}', b"[" * 100_000)


@pytest.mark.parametrize("content", [*NO_NUMBERS, *NO_JSON])
def test_manifest_that_is_not_json(stored, content):
    (stored / "manifest.json").write_bytes(content)
    assert "manifest.json: not a manifest" in refused(stored)


def test_oversized_manifest_is_not_read(stored):
    with (stored / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)
    assert "at most 16777216 expected" in refused(stored)


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "", "A", "rows.npy", "a" * 100, "\x1b"])
def test_forged_name(stored, name):
    forge(stored, lambda content: content["arrays"].update({name: content["arrays"]["rows"]}))
    assert "is not allowed, expected [a-z0-9_]+" in refused(stored)


def test_too_many_arrays(stored):
    def change(content):
        content["arrays"] = {f"a{index}": content["arrays"]["rows"] for index in range(1025)}

    forge(stored, change)
    assert "1025 arrays" in refused(stored)


OVERFLOWING = ([1 << 40], [1 << 61], [1 << 62], [1 << 32, 1 << 32], [10**30], [-(1 << 40), -1])
NO_SHAPES = ([-1], [5000.0], [True], "5000", None, [[5000]], [1] * 9, {})
OTHER_SHAPES = ([4999], [5001], [], [0])


@pytest.mark.parametrize("shape", [*OVERFLOWING, *NO_SHAPES, *OTHER_SHAPES])
def test_forged_shape(stored, shape):
    forge(stored, lambda content: content["arrays"]["rows"].update(shape=shape))
    assert "manifest.json: array rows: shape" in refused(stored)


def test_forged_shape_and_size(stored):
    """A shape that is too large for the file is refused before anything is allocated."""

    def change(content):
        content["arrays"]["rows"].update(shape=[1 << 40], bytes=128 + (8 << 40))

    forge(stored, change)
    assert f"rows.npy: truncated: 40128 bytes, the manifest says {128 + (8 << 40)}" in refused(
        stored
    )


NO_DTYPES = ("|O", "O", ">f8", "<c16", "<U4", "|V8", "<f2 ", "f8", "<f8,<f8", "", None, 8, {}, [])
NO_RECORDS = (
    [[]],
    ["<f8"],
    [["a", "|O"]],
    [["A", "<f8"]],
    [["a", "<f8"], ["a", "<f8"]],
    [["a", "<f8", [-1]]],
    [["a", "<f8", [1 << 40]]],
    [["a", [["b", "<f8"]]]],
    [["a", "<f8", [1], 2]],
    [[f"a{index}", "<f8"] for index in range(65)],
)


@pytest.mark.parametrize("dtype", [*NO_DTYPES, *NO_RECORDS])
def test_forged_dtype(stored, dtype):
    forge(stored, lambda content: content["arrays"]["rows"].update(dtype=dtype))
    message = refused(stored)
    assert "manifest.json: array rows: dtype" in message or "shape" in message


@pytest.mark.parametrize("value", [1, True, None, -40128, 40128.0, "40128"])
def test_forged_size(stored, value):
    forge(stored, lambda content: content["arrays"]["rows"].update(bytes=value))
    assert "shape [5000] takes 40128 bytes, 'bytes' says" in refused(stored)


@pytest.mark.parametrize("value", ["0" * 63, "G" * 64, None, ["0"], 0])
def test_forged_digest(stored, value):
    forge(stored, lambda content: content["arrays"]["rows"].update(sha256=value))
    assert "'sha256' is not 64 hexadecimal digits" in refused(stored)


@pytest.mark.parametrize("entry", [None, [], {}, {"dtype": "<f8"}, "x"])
def test_forged_entry_of_another_type(stored, entry):
    forge(stored, lambda content: content["arrays"].update(rows=entry))
    assert "expected the keys dtype, shape, bytes, sha256" in refused(stored)


@pytest.mark.parametrize("key", ["kind", "arrays", "about"])
@pytest.mark.parametrize("value", [None, 1, ["x"]])
def test_forged_top_level(stored, key, value):
    forge(stored, lambda content: content.update({key: value}))
    assert "missing or of another type" in refused(stored)


class Bomb:
    """Unpickling it would be noticed."""

    def __reduce__(self):
        return (os._exit, (99,))


def test_pickle_payload_is_never_unpickled(stored):
    """An object array that numpy would unpickle, under a manifest that fits it in size."""
    path = stored / "rows.npy"
    array = np.array([Bomb()], object)
    with path.open("wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=True)
    assert "truncated" in refused(stored)
    path.write_bytes(path.read_bytes().ljust(40128, b"\0"))
    message = refused(stored)
    assert "its header says" in message
    assert "|O" in message
    path.write_bytes(pickle.dumps(Bomb()).ljust(40128, b"\0"))
    assert "no .npy 1.0 header" in refused(stored)


def test_fortran_order_is_refused(stored):
    array = np.asfortranarray(ARRAYS["grid"])
    np.save(stored / "grid.npy", array)
    assert "'fortran_order': True" in refused(stored)


def replace(path: Path, make) -> None:
    path.unlink()
    make(path)


def a_link(path: Path) -> None:
    other = path.parent.parent / "elsewhere"
    if not other.exists():
        other.write_text("secret")
    path.symlink_to(other)


def a_socket(path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(path.parent)  # socket names are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")
@pytest.mark.parametrize("name", ["rows.npy", "manifest.json"])
@pytest.mark.parametrize(
    ("make", "word"),
    [
        (a_link, "a symbolic link"),
        (lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
        (lambda path: path.symlink_to("nowhere"), "a symbolic link"),
        (os.mkfifo, "a FIFO"),
        (Path.mkdir, "a directory"),
        (a_socket, "a socket"),
    ],
)
def test_what_is_not_a_regular_file(stored, name, make, word):
    replace(stored / name, make)
    assert f"{name}: is {word}, expected a regular file" in refused(stored)


@pytest.mark.skipif(not hasattr(os, "mknod"), reason="no device files here")
def test_device(stored):
    try:
        replace(
            stored / "rows.npy", lambda path: os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
        )
    except PermissionError:
        pytest.skip("device files need privileges")
    assert "is a device" in refused(stored)


def test_directory_may_be_a_link(stored, tmp_path):
    (tmp_path / "link").symlink_to(stored)
    assert read_manifest(tmp_path / "link").kind == "buckets"
