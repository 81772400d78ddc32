"""A stored directory to read, to damage and to forge."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from cfr_shm.errors import ArrayStoreError
from cfr_shm.layout.tree import NODE_DTYPE
from cfr_shm.storage.store import read_store

ARRAYS = {
    "rows": np.arange(5000, dtype=np.float64),
    "grid": np.arange(24, dtype=np.int32).reshape(2, 3, 4),
    "bits": np.array([True, False, True]),
    "bytes": np.arange(7, dtype=np.uint8),
    "halves": np.array([0.5, np.nan, np.inf], np.float32),
    "single": np.array(3, np.int64),
    "empty": np.empty((0, 4), np.uint16),
    "nodes": np.zeros(3, NODE_DTYPE),
}
ABOUT = {"streets": [1, 2], "name": "a \u2660", "real": 0.1, "none": None}


def forge(directory: Path, change) -> None:
    """Change a manifest and give it the digest that goes with it, as a forger would."""
    path = directory / "manifest.json"
    content = json.loads(path.read_text())
    del content["digest"]
    change(content)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(content))


def refused(directory: Path, **options) -> str:
    """Read a store that must be refused; return the message, which must be one line."""
    with pytest.raises(ArrayStoreError) as caught:
        read_store(directory, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(directory))
    assert len(message) < len(str(directory)) + 600
    return message


def flip_bit(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def names(directory: Path) -> list[str]:
    """List a directory, sorted."""
    return sorted(path.name for path in directory.iterdir())
