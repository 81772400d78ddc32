"""A bucket file as kernels read it: one array of bytes for each street, mapped, never copied.

Workers map the file that their coordinator has checked; whoever asks for cards, samples or
statistics opens it by ``cards.buckets`` instead.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import ArrayStoreError
from cfr_shm.layout.cards import BUCKET_ARRAYS
from cfr_shm.storage.manifest import Manifest
from cfr_shm.storage.store import read_manifest, read_store

KIND = "card buckets"


class BucketFile(NamedTuple):
    """Which buckets a game was built with."""

    path: str  # absolute
    fingerprint: str  # SHA-256 over deck and buckets


def fingerprint(manifest: Manifest) -> str:
    """Return 64 hex digits that are equal for equal decks and buckets."""
    content = {name: manifest.arrays[name].sha256 for name in BUCKET_ARRAYS}
    text = json.dumps([manifest.about["deck"], content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(file: BucketFile) -> bool:
    """Tell whether the file at that path still holds the same buckets, as its manifest says."""
    try:
        return fingerprint(read_manifest(Path(file.path), kind=KIND)) == file.fingerprint
    except ArrayStoreError:
        return False


def bytes_of(bucket: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a street's buckets as bytes, low byte first, without a copy.

    Args:
        bucket: (hands,) uint8 or little-endian uint16, contiguous.
    """
    found: NDArray[np.uint8] = np.asarray(bucket).view(np.uint8)
    found.setflags(write=False)
    return found


def map_buckets(file: BucketFile) -> dict[str, NDArray[np.uint8]]:
    """Map what ``cards.buckets.open_buckets`` has checked, by name of the street.

    Raises:
        ArrayStoreError: the file has gone, or another has taken its place.
    """
    store = read_store(Path(file.path), kind=KIND, memory_map=True, verify=False)
    if fingerprint(store.manifest) != file.fingerprint:
        raise ArrayStoreError(
            f"{file.path}: another bucket file has taken the place of {file.fingerprint[:16]}"
        )
    return {name: bytes_of(store.arrays[name]) for name in BUCKET_ARRAYS}
