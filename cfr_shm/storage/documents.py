"""JSON that somebody else may have written: bounded in size and depth, and checked key by key.

A document is parsed strictly (no key twice, no number that is not finite as a float), never
deeper than ``DEEPEST``. What a reader wants of it is stated as a ``Kind``, and only values that
fit are used; other keys are nobody's business, so that newer versions may add some.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.files import opened, read_bytes

#: Brackets in brackets; documents of this project have six at most.
DEEPEST = 32

DOCUMENT_BYTES_MAX = LINE_BYTES_MAX = 1 << 22

#: Counts are exact as float64 up to here.
COUNT_MAX = 1 << 53

_WHOLE_DIGITS = 300
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[{\]}]")


class DocumentError(ValueError):
    """A text that is no JSON document of sensible size."""


# --- kinds of values -----------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """What a value may be; ``optional`` ones may be null or missing."""

    optional: bool = field(default=False, kw_only=True)

    def fits(self, value: object) -> bool:
        """Tell whether a value is of this kind."""
        return self.optional if value is None else self._fits(value)

    def _fits(self, value: object) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class Number(Kind):
    """A finite number, from ``low`` to ``high``."""

    low: float = -1e300
    high: float = 1e300

    def _fits(self, value: object) -> bool:
        real = isinstance(value, int | float) and not isinstance(value, bool)
        return real and self.low <= value <= self.high  # type: ignore[operator]


@dataclass(frozen=True)
class Count(Kind):
    """A whole number, from ``low`` to ``high``."""

    low: int = 0
    high: int = COUNT_MAX

    def _fits(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True)
class Text(Kind):
    """A text of at most ``most`` characters."""

    most: int = 4096

    def _fits(self, value: object) -> bool:
        return isinstance(value, str) and len(value) <= self.most


@dataclass(frozen=True)
class ListOf(Kind):
    """A list of ``least`` to ``most`` values of one kind."""

    each: Kind = Kind()
    least: int = 0
    most: int = 1 << 20

    def _fits(self, value: object) -> bool:
        listed = isinstance(value, list) and self.least <= len(value) <= self.most
        return listed and all(map(self.each.fits, value))  # type: ignore[call-overload]


@dataclass(frozen=True)
class Record(Kind):
    """An object that has at least these keys, each with a value of its kind."""

    keys: tuple[tuple[str, Kind], ...] = ()

    def _fits(self, value: object) -> bool:
        return isinstance(value, dict) and all(kind.fits(value.get(key)) for key, kind in self.keys)


def record(*, optional: bool = False, **keys: Kind) -> Record:
    """Return the kind of an object that has at least these keys."""
    return Record(tuple(keys.items()), optional=optional)


# --- documents -----------------------------------------------------------------------------


def parse_document(encoded: bytes) -> Any:
    """Return what a JSON text says.

    Raises:
        DocumentError: it is none, nests too deep, or holds a number or a key that it should not.
    """
    _refuse_depth(encoded)
    try:
        return json.loads(
            encoded.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise DocumentError(str(error)[:160]) from error


def read_document(path: Path, most: int = DOCUMENT_BYTES_MAX, *, disk: Disk = DISK) -> Any:
    """Return what a JSON file of at most ``most`` bytes says.

    Raises:
        DocumentError: as of ``parse_document``.
        OSError: it is no regular file, is larger, or cannot be read.
    """
    return parse_document(read_bytes(path, most, disk=disk))


def read_lines(path: Path, kinds: Mapping[str, Record]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines whose ``kind`` is named, and that fit it.

    Lines that a crash cut short, of other versions or of absurd length are passed over.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    with opened(path) as (raw, _), io.BufferedReader(raw) as file:
        while line := file.readline(LINE_BYTES_MAX):
            if not line.endswith(b"\n") and len(line) == LINE_BYTES_MAX:
                _skip_line(file)
                continue
            try:
                found = parse_document(line)
            except DocumentError:
                continue
            kind = found.get("kind") if isinstance(found, dict) else None
            if isinstance(kind, str) and kind in kinds and kinds[kind].fits(found):
                yield found


def _skip_line(file: IO[bytes]) -> None:
    while (line := file.readline(LINE_BYTES_MAX)) and not line.endswith(b"\n"):
        pass


def _refuse_depth(encoded: bytes) -> None:
    """Refuse what nests deeper than ``DEEPEST``, before anything is built from it."""
    if encoded.count(b"[") + encoded.count(b"{") <= DEEPEST:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", encoded)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise DocumentError(f"nests deeper than {DEEPEST}")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > _WHOLE_DIGITS:
        raise ValueError(f"{text[:40]}... is too large")
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice")
    return result
