"""The fields of a config section: a default, the rule for its values, and its documentation."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Any

from cfr_shm.config.reader import Rule
from cfr_shm.errors import ConfigError


def flag(default: object, doc: str, *, words: tuple[str, ...] = (), optional: bool = False) -> Any:
    """Declare a key that takes true or false."""
    rule = Rule("flag", doc, words=words, optional=optional)
    return field(default=default, metadata={"rule": rule})


def whole(
    default: object,
    low: int,
    high: int,
    doc: str,
    *,
    words: tuple[str, ...] = (),
    optional: bool = False,
) -> Any:
    """Declare a key that takes a whole number."""
    return field(default=default, metadata={"rule": Rule("whole", doc, low, high, words, optional)})


def real(
    default: object,
    low: float,
    high: float,
    doc: str,
    *,
    words: tuple[str, ...] = (),
    optional: bool = False,
) -> Any:
    """Declare a key that takes a number."""
    return field(default=default, metadata={"rule": Rule("real", doc, low, high, words, optional)})


def text(default: object, doc: str, *, optional: bool = False) -> Any:
    """Declare a key that takes any text."""
    return field(default=default, metadata={"rule": Rule("text", doc, optional=optional)})


def word(default: object, words: tuple[str, ...], doc: str, *, optional: bool = False) -> Any:
    """Declare a key that takes one of some words."""
    return field(
        default=default, metadata={"rule": Rule("word", doc, words=words, optional=optional)}
    )


def amount(
    default: object,
    low: float,
    high: float,
    doc: str,
    *,
    units: tuple[str, ...],
    words: tuple[str, ...] = (),
) -> Any:
    """Declare a key that takes a number with a unit; it is held as text."""
    rule = Rule("amount", doc, low, high, words, units=units)
    return field(default=default, metadata={"rule": rule})


def listed(
    item: Any, low: int, high: int, doc: str, *, alone: bool = False, optional: bool = True
) -> Any:
    """Declare a key that takes a list of ``low`` to ``high`` items; null by default.

    Args:
        item: what each item may hold: a field as the functions above (or this one) return it.
        low: fewest items.
        high: most items.
        doc: what the key means.
        alone: whether an item without brackets will do.
        optional: whether null will do.
    """
    rule = Rule("list", doc, low, high, optional=optional, items=item.metadata["rule"], alone=alone)
    return field(default=None, metadata={"rule": rule})


class Section:
    """A section checks its own values, however it was made."""

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):  # type: ignore[arg-type]
            rule, value = entry.metadata["rule"], getattr(self, entry.name)
            if not rule.accepts(value):
                raise ConfigError(
                    f"{type(self).__name__}.{entry.name} must be {rule.expects()}, found {value!r}"
                )
