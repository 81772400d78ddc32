"""What a stored directory of arrays says about itself: the manifest, dtypes and .npy headers.

Pure functions, no files. A manifest is canonical JSON that carries its own SHA-256. A dtype is
written as NumPy's code (``"<f8"``) or, for a record, as a list of ``[name, code]`` or
``[name, code, [length, ...]]``; records have no padding. For each dtype and shape there is one
.npy header only, so that a header is never parsed: it is compared.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from cfr_shm.errors import ArrayStoreError
from cfr_shm.storage.documents import DocumentError, parse_document

MAGIC = "cfr-shm array store"
FORMAT = 1
ARRAYS_MAX = 1024
DIMENSIONS_MAX = 8
FIELDS_MAX = 64

_NAME = re.compile(r"[a-z0-9_]{1,64}")
_PLAIN_DTYPE = re.compile(r"\|b1|\|[iu]1|<[iu][248]|<f[248]")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_ALIGNMENT = 64


class NewerFormatError(ArrayStoreError):
    """A directory that a newer version of the program has written."""


@dataclass(frozen=True)
class StoredArray:
    """What the manifest says about one array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    byte_count: int  # of the whole file, header included
    sha256: str  # of the whole file

    @cached_property
    def header(self) -> bytes:
        """The only .npy header that an array of this dtype and shape may have."""
        return npy_header(self.dtype, self.shape)


@dataclass(frozen=True)
class Manifest:
    """What a stored directory says about itself; checked, immutable."""

    kind: str
    arrays: Mapping[str, StoredArray]
    about: Mapping[str, Any]


# --- dtypes and headers ------------------------------------------------------------------


def dtype_code(dtype: np.dtype[Any], place: str) -> Any:
    """Return the manifest's code of a dtype that may be stored.

    Raises:
        ArrayStoreError: it is not bool, integer or float, little endian, up to 8 bytes, nor a
            record of such fields without padding; the message begins with ``place``.
    """
    if dtype.names is None:
        if _PLAIN_DTYPE.fullmatch(dtype.str) is None:
            raise _dtype_error(place, dtype.str)
        return dtype.str
    if len(dtype.names) > FIELDS_MAX:
        raise _dtype_error(place, dtype)
    fields: list[list[Any]] = []
    end = 0
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]  # type: ignore[index]
        plain, shape = field.subdtype or (field, ())
        if plain.names is not None or offset != end:
            raise _dtype_error(place, dtype)
        fields.append([name, dtype_code(plain, place), *([list(shape)] if shape else [])])
        end += field.itemsize
    if end != dtype.itemsize:
        raise _dtype_error(place, dtype)
    return fields


def dtype_from_code(code: Any, place: str) -> np.dtype[Any]:
    """Return the dtype of a manifest's code; the inverse of ``dtype_code``, and as strict."""
    if isinstance(code, str):
        if _PLAIN_DTYPE.fullmatch(code) is None:
            raise _dtype_error(place, code)
        return np.dtype(code)
    if not isinstance(code, list) or not 1 <= len(code) <= FIELDS_MAX:
        raise _dtype_error(place, code)
    fields: list[Any] = []
    for field in code:
        if not (
            isinstance(field, list)
            and len(field) in (2, 3)
            and all(isinstance(part, str) for part in field[:2])
            and _NAME.fullmatch(field[0])
            and _PLAIN_DTYPE.fullmatch(field[1])
        ):
            raise _dtype_error(place, field)
        shape = _shape(field[2], place) if len(field) == 3 else ()
        if math.prod(shape) > 1 << 16 or field[0] in (other[0] for other in fields):
            raise _dtype_error(place, field)
        fields.append((field[0], field[1], shape) if shape else (field[0], field[1]))
    return np.dtype(fields)


def npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return the .npy version 1.0 header of a C-ordered array, a multiple of 64 bytes long."""
    code = dtype_code(dtype, "array")
    if not isinstance(code, str):
        code = [tuple(tuple(part) if isinstance(part, list) else part for part in f) for f in code]
    text = f"{{'descr': {code!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    unpadded = len(_NPY_MAGIC) + 2 + len(text) + 1
    padding = -unpadded % _NPY_ALIGNMENT
    length = len(text) + padding + 1
    return _NPY_MAGIC + length.to_bytes(2, "little") + (text + " " * padding + "\n").encode()


def header_text(header: bytes) -> str:
    """Return what a header says, fit for a message: printable, one line, short."""
    if not header.startswith(_NPY_MAGIC):
        return f"{header[:16]!r} (no .npy 1.0 header)"
    return ascii(header[len(_NPY_MAGIC) + 2 :].decode("latin-1").strip())[:160]


def check_name(name: str, place: object) -> None:
    """Refuse a name that is not ``[a-z0-9_]+``, at most 64 long: it becomes a file's name."""
    if _NAME.fullmatch(name) is None:
        raise ArrayStoreError(
            f"{place}: array name {ascii(name)[:80]} is not allowed, expected [a-z0-9_]+"
        )


def _dtype_error(place: str, found: object) -> ArrayStoreError:
    return ArrayStoreError(
        f"{place}: dtype {ascii(found)[:120]} is not allowed, expected little-endian bool, integer "
        "or float, or a record of these without padding"
    )


# --- the manifest ------------------------------------------------------------------------


def encode_manifest(manifest: Manifest, place: Path) -> bytes:
    """Return a manifest as indented JSON that carries its own digest."""
    content: dict[str, Any] = {
        "magic": MAGIC,
        "format": FORMAT,
        "kind": manifest.kind,
        "arrays": {
            name: {
                "dtype": dtype_code(stored.dtype, name),
                "shape": list(stored.shape),
                "bytes": stored.byte_count,
                "sha256": stored.sha256,
            }
            for name, stored in manifest.arrays.items()
        },
    }
    try:
        # Through JSON and back, so that the digest is that of what a reader will find.
        content["about"] = json.loads(json.dumps(dict(manifest.about), allow_nan=False))
        content["digest"] = _digest(content)
        encoded = json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode()
        parse_document(encoded)
        return encoded
    except (TypeError, ValueError, RecursionError) as error:
        raise ArrayStoreError(f"{place}: 'about' cannot be stored as JSON: {error}") from error


def decode_manifest(encoded: bytes, place: Path) -> Manifest:
    """Check and read what ``encode_manifest`` made.

    Raises:
        NewerFormatError: a newer version wrote it.
        ArrayStoreError: it is not a manifest, or was edited or damaged.
    """
    content = _parse(encoded, place)
    if not isinstance(content, dict) or content.get("magic") != MAGIC:
        raise ArrayStoreError(f"{place}: wrong magic, expected {MAGIC!r}")
    version: Any = content.get("format")
    if not _is_count(version) or version < 1:
        raise ArrayStoreError(f"{place}: format {ascii(version)[:40]}, expected {FORMAT}")
    if version > FORMAT:
        raise NewerFormatError(
            f"{place}: format {version} is newer than {FORMAT}, the newest that this version "
            "reads; upgrade cfr-shm"
        )
    stated = content.pop("digest", None)
    if stated != _digest(content):
        raise ArrayStoreError(f"{place}: was edited or damaged: it does not match its own digest")
    kind, arrays, about = (content.get(key) for key in ("kind", "arrays", "about"))
    if not (isinstance(kind, str) and isinstance(arrays, dict) and isinstance(about, dict)):
        raise ArrayStoreError(f"{place}: 'kind', 'arrays' or 'about' is missing or of another type")
    if len(arrays) > ARRAYS_MAX:
        raise ArrayStoreError(f"{place}: {len(arrays)} arrays, at most {ARRAYS_MAX} expected")
    stored = {name: _stored_array(name, entry, place) for name, entry in arrays.items()}
    return Manifest(kind, MappingProxyType(stored), MappingProxyType(about))


def _stored_array(name: str, entry: Any, place: Path) -> StoredArray:
    check_name(name, place)
    where = f"{place}: array {name}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "bytes", "sha256"}:
        raise ArrayStoreError(f"{where}: expected the keys dtype, shape, bytes, sha256")
    dtype = dtype_from_code(entry["dtype"], where)
    shape = _shape(entry["shape"], where)
    expected = len(npy_header(dtype, shape)) + math.prod(shape) * dtype.itemsize
    if not _is_count(entry["bytes"]) or entry["bytes"] != expected:
        raise ArrayStoreError(
            f"{where}: shape {list(shape)} takes {expected} bytes, 'bytes' says "
            f"{ascii(entry['bytes'])[:40]}"
        )
    if not isinstance(entry["sha256"], str) or _SHA256.fullmatch(entry["sha256"]) is None:
        raise ArrayStoreError(f"{where}: 'sha256' is not 64 hexadecimal digits")
    return StoredArray(dtype, shape, expected, entry["sha256"])


def _shape(value: Any, place: str) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or len(value) > DIMENSIONS_MAX
        or not all(_is_count(length) and length < 1 << 62 for length in value)
    ):
        raise ArrayStoreError(
            f"{place}: shape {ascii(value)[:120]} is not a list of at most {DIMENSIONS_MAX} "
            "lengths from 0 to 2^62"
        )
    return tuple(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _parse(encoded: bytes, place: Path) -> Any:
    try:
        return parse_document(encoded)
    except DocumentError as error:
        raise ArrayStoreError(f"{place}: not a manifest: {error}") from error
