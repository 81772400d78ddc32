"""Settings from the values of a Python program, by the rules that texts go through."""

from __future__ import annotations

import numbers
import os
from collections.abc import Iterator, Mapping
from typing import Any

from cfr_shm.config.reader import NULLS, Item, Setting
from cfr_shm.errors import ConfigError


def settings_from(values: Mapping[str, Any], name: str) -> Iterator[Setting]:
    """Yield the settings that a dict makes: ``{"run.seed": 1}`` or ``{"run": {"seed": 1}}``.

    A text means what it means after ``--set``; None is null.

    Args:
        values: by full key, or by section.
        name: what the dict is called in errors.

    Raises:
        ConfigError: a key that is no text, or a value that no key takes.
    """
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigError(
                f"{name}: the key {key!r} is no text; write {name}={{'run.seed': 1}}, for example"
            )
        if isinstance(value, Mapping):
            inner = {f"{key}.{each}": found for each, found in value.items()}
            yield from settings_from(inner, name)
            continue
        place = f"{name}[{key!r}]"
        if "." not in key:
            raise ConfigError(f"{place}: expected section.key, for example 'run.seed'")
        item = _item(value, place)
        yield Setting(key, item.text, place, place, item.quoted, item.items)


def _item(value: Any, place: str) -> Item:
    if value is None:
        return Item(NULLS[-1], place)
    if isinstance(value, bool):
        return Item(str(value).lower(), place)
    if isinstance(value, numbers.Integral):
        return Item(str(int(value)), place)
    if isinstance(value, numbers.Real):
        return Item(repr(float(value)), place)
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        if isinstance(text, str):
            # A program that means null says None.
            return Item(text, place, quoted=text in NULLS)
    if isinstance(value, list | tuple):
        items = (_item(each, f"{place}[{index}]") for index, each in enumerate(value))
        return Item("", place, items=tuple(items))
    raise ConfigError(
        f"{place}: {type(value).__name__} is no value of a config; expected a text, a number, "
        "True, False, None or a list of such"
    )
