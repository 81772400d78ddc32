"""Whatever happens to a stored directory, it loads as it was or is refused as one of ours."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cfr_shm.errors import ArrayStoreError
from cfr_shm.storage.manifest import Manifest, decode_manifest, dtype_code, dtype_from_code
from cfr_shm.storage.store import Store, read_store, write_store

CODES = ["|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"]
PLAIN = st.sampled_from(CODES).map(np.dtype)
FIELDS = st.lists(
    st.tuples(st.sampled_from(CODES), st.lists(st.integers(1, 3), max_size=2)),
    min_size=1,
    max_size=4,
)
RECORDS = FIELDS.map(
    lambda fields: np.dtype(
        [(f"f{index}", code, tuple(shape)) for index, (code, shape) in enumerate(fields)]
    )
)
ARRAYS = npst.arrays(
    dtype=PLAIN | RECORDS, shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, width=32),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ABOUT = st.dictionaries(st.text(), JSON).filter(lambda about: "Infinity" not in json.dumps(about))
quick = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def same(first: Store, arrays: dict[str, np.ndarray]) -> bool:
    return first.arrays.keys() == arrays.keys() and all(
        first.arrays[name].dtype == array.dtype
        and first.arrays[name].shape == array.shape
        and first.arrays[name].tobytes() == array.tobytes()
        for name, array in arrays.items()
    )


@quick
@given(
    st.dictionaries(st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), ARRAYS), ABOUT, st.booleans()
)
def test_everything_that_can_be_stored_comes_back(arrays, about, placed):
    with tempfile.TemporaryDirectory() as parent:
        directory = Path(parent) / "s"
        write_store(directory, arrays, about, kind="k")
        places = {name: np.zeros_like(array) for name, array in arrays.items()}
        store = read_store(directory, into=places if placed else None)
        assert same(store, arrays)
        assert dict(store.manifest.about) == about
        del store


@quick
@given(PLAIN | RECORDS)
def test_dtype_codes_come_back(dtype):
    assert dtype_from_code(json.loads(json.dumps(dtype_code(dtype, "x"))), "x") == dtype


def loaded_or_refused(load):
    """Return what was loaded, or None if it was refused by one short line."""
    try:
        return load()
    except ArrayStoreError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 700
    return None


ORIGINAL = {
    "rows": np.linspace(0.0, 1.0, 40),
    "grid": np.arange(6, dtype=np.int32).reshape(2, 3),
}


@quick
@given(
    name=st.sampled_from(["rows.npy", "grid.npy", "manifest.json"]),
    position=st.floats(0.0, 1.0, exclude_max=True),
    change=st.integers(1, 255) | st.sampled_from(["cut", "insert", "drop"]),
    placed=st.booleans(),
)
def test_any_damaged_byte_is_noticed(name, position, change, placed):
    """Except in the manifest's white space, which means nothing."""
    with tempfile.TemporaryDirectory() as parent:
        directory = Path(parent) / "s"
        write_store(directory, ORIGINAL, {"text": "x" * 50}, kind="k")
        content = bytearray((directory / name).read_bytes())
        offset = int(position * len(content))
        if change == "cut":
            del content[offset:]
        elif change == "insert":
            content.insert(offset, 32)
        elif change == "drop":
            del content[offset]
        else:
            content[offset] ^= change
        (directory / name).write_bytes(content)
        places = {each: np.zeros_like(array) for each, array in ORIGINAL.items()}
        into = places if placed else None
        store = loaded_or_refused(lambda: read_store(directory, into=into))
        if store is not None:
            assert name == "manifest.json"
            assert same(store, ORIGINAL)
        del store


def replaced(tree, path: list[int], value):
    """Put ``value`` somewhere into a tree of lists and dictionaries."""
    if not path or not isinstance(tree, (dict, list)) or not tree:
        return value
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    key = keys[path[0] % len(tree)]
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[key] = replaced(tree[key], path[1:], value)
    return copy


@settings(quick, max_examples=200)
@given(path=st.lists(st.integers(0, 10), max_size=5), value=JSON, digest=st.booleans())
def test_any_forged_manifest_is_refused_or_says_the_same(path, value, digest):
    """However a manifest is forged, what it leads to is one of our errors, or the arrays."""
    with tempfile.TemporaryDirectory() as parent:
        directory = Path(parent) / "s"
        write_store(directory, ORIGINAL, {"number": 1}, kind="k")
        file = directory / "manifest.json"
        content = replaced(json.loads(file.read_text()), path, value)
        if digest and isinstance(content, dict):
            content.pop("digest", None)
            canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
            content["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
        file.write_text(json.dumps(content))
        store = loaded_or_refused(lambda: read_store(directory))
        if store is not None:
            assert same(store, {name: ORIGINAL[name] for name in store.arrays})


@settings(quick, max_examples=300)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_manifest_or_refused(content):
    manifest = loaded_or_refused(lambda: decode_manifest(content, Path("m")))
    assert manifest is None or isinstance(manifest, Manifest)


def test_copying_a_store_with_ordinary_tools_keeps_it_whole(tmp_path):
    write_store(tmp_path / "a", ORIGINAL, {}, kind="k")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert same(read_store(tmp_path / "b"), ORIGINAL)
