"""Which keys decide what a checkpoint's numbers mean, and the fingerprint of their values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cfr_shm.config.sections import Config, to_dict
from cfr_shm.config.spot import ALPHA_BEFORE, EVERY_BEFORE

#: Whole sections, and single keys, that decide what a checkpoint's numbers mean.
_FINGERPRINTED = (
    "game",
    "abstraction",
    "algorithm",
    "table",
    "run.seed",
    "engine.drain_window",
    "engine.mode",
    "engine.freeze",
)

#: Values that are left out like null, for they mean what runs did before the key existed.
_AS_BEFORE = {
    "engine.mode": "async",
    "algorithm.average_opponents": "explored",
    "table.compact": False,
}

#: Keys of these sections that do not: checkpoints hold the fingerprint of what is in the file.
_NOT_FINGERPRINTED = ("abstraction.buckets",)


def fingerprinted_values(config: Config | Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, by full key, that decide what a checkpoint's numbers mean.

    Keys that are null are left out, so that a key that is new changes nothing for old runs.
    """
    sections = to_dict(config) if isinstance(config, Config) else config
    return {
        f"{section}.{key}": _plain(value)
        for section, values in sections.items()
        for key, value in values.items()
        if value not in (None, _AS_BEFORE.get(f"{section}.{key}"))
        and (section in _FINGERPRINTED or f"{section}.{key}" in _FINGERPRINTED)
        and f"{section}.{key}" not in _NOT_FINGERPRINTED
    }


def _plain(value: Any) -> Any:
    """Return lists for tuples, as JSON reads them back."""
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def fingerprint(config: Config) -> str:
    """Return 64 hex digits that two configurations share if their checkpoints can be exchanged."""
    text = json.dumps(fingerprinted_values(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(
    found: Config | Mapping[str, Any], expected: Config | Mapping[str, Any]
) -> list[str]:
    """List the fingerprinted keys that differ, as ``key: found != expected``."""
    left, right = fingerprinted_values(found), fingerprinted_values(expected)
    return [
        f"{key}: {_found_value(left, key)} != {_found_value(right, key)}"
        for key in sorted(left.keys() | right.keys())
        if key not in left or key not in right or left[key] != right[key]
    ]


def _found_value(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "(missing)"


def spot_fingerprint(config: Config) -> str:
    """Return what two configurations share if one may go on with the other's spot."""
    open_ended = ("target", "locks", "lock_ranges", "save")
    values = {
        key: _plain(value)
        for key, value in to_dict(config)["spot"].items()
        if value is not None and key not in open_ended
    }
    # What runs did before these keys existed.
    if values.get("alpha") == ALPHA_BEFORE and values.get("algorithm", "dcfr") == "dcfr":
        del values["alpha"]
    if values.get("average_every") == EVERY_BEFORE:
        del values["average_every"]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
