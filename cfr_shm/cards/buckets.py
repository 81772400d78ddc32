"""Bucket files: an abstraction on disk, copied to memory that all workers share.

A file is a directory of arrays with a digested manifest (``storage.store``): for each street the
bucket of every canonical hand and what each bucket holds. ``Buckets`` answers for raw cards;
kernels take ``Buckets.index`` and ``Buckets.bucket`` and look up
``bucket[street][hand_number(index, board_code(...), ...)]`` (kernels/holdem/card_index.py).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.abstraction import BUILD_VERSION, MAX_BUCKETS, BucketSpec
from cfr_shm.cards.bucket_builder import SAMPLES, Abstraction, build
from cfr_shm.cards.bucket_file import (
    KIND,
    BucketFile,
    Street,
    fingerprint,
    keep_in_memory,
    narrowest,
)
from cfr_shm.cards.deck import DECKS, Deck
from cfr_shm.cards.isomorphism import (
    STREETS,
    CardIndex,
    card_index,
    hand_number,
    hand_numbers,
    representative,
    street_of_board,
)
from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import ArrayStoreError, UsageError
from cfr_shm.kernels.cache import cache_root
from cfr_shm.machine.own_directories import is_own_file, make_own_directory, why_not_own
from cfr_shm.storage.array_files import ArrayFile, opened_arrays
from cfr_shm.storage.documents import ListOf, Number, Text, record
from cfr_shm.storage.files import is_file
from cfr_shm.storage.manifest import Manifest
from cfr_shm.storage.names import MANIFEST_NAME
from cfr_shm.storage.store import (
    missing_reason,
    write_store,
)

#: Below the cache root: where buckets lie that no user has named a place for.
BUCKETS = "buckets"

#: What is read of a manifest besides version, deck and unbeaten hands.
ABOUT = record(
    spec=record(methods=ListOf(Text(most=40), least=len(STREETS), most=len(STREETS))),
    objective=ListOf(Number(optional=True), least=len(STREETS), most=len(STREETS)),
    seconds=Number(low=0.0),
)

_STATISTICS: Mapping[str, tuple[type, tuple[int, ...]]] = {
    "weight": (np.int64, ()),
    "mean": (np.float64, ()),
    "spread": (np.float64, ()),
    "sample": (np.int64, (SAMPLES,)),
}


@dataclass(frozen=True)
class Buckets:
    """An opened bucket file. The arrays are read-only copies of it; nothing needs closing.

    Attributes:
        path: where it lies.
        deck: the deck it was built for.
        index: numbers boards and hands.
        bucket: preflop to river, (hands,) uint8 or uint16.
        statistics: preflop to river, ``weight``, ``mean``, ``spread`` and ``sample`` by bucket.
        about: specification, objectives and build time.
        fingerprint: SHA-256 over deck and buckets: equal for equal buckets.
    """

    path: Path
    deck: Deck
    index: CardIndex
    bucket: tuple[NDArray[Any], ...]
    statistics: tuple[Mapping[str, NDArray[Any]], ...]
    about: Mapping[str, Any]
    fingerprint: str

    @property
    def counts(self) -> tuple[int, ...]:
        """Return how many buckets each street has."""
        return tuple(len(street["weight"]) for street in self.statistics)

    @property
    def unbeaten(self) -> int | None:
        """Return the river bucket of the hands that no opposing hand beats, if there is one."""
        found: int | None = self.about.get("unbeaten")
        return found

    @property
    def file(self) -> BucketFile:
        """Return which buckets these are."""
        return BucketFile(str(self.path.absolute()), self.fingerprint, self.unbeaten)

    def lookup(self, hole: Sequence[int], board: Sequence[int] = ()) -> int:
        """Return the bucket of a hand.

        Raises:
            UsageError: a wrong number of cards, wrong cards or a card twice.
        """
        street = street_of_board(board)
        return int(self.bucket[street][hand_number(self.deck, hole, board)])

    def lookup_all(self, street: int, cards: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the bucket of each row of ``cards``: hole cards, then board; unchecked."""
        found: NDArray[Any] = self.bucket[street][hand_numbers(self.deck, street, cards)]
        return found

    def samples(self, street: int, bucket: int) -> list[str]:
        """Return a few hands of a bucket as text, such as ``AhKh 7c8c9d``."""
        texts = []
        for number in self.statistics[street]["sample"][bucket].tolist():
            if number >= 0:
                hole, board = representative(self.deck, street, number)
                texts.append(f"{self.deck.text(hole)} {self.deck.text(board)}".strip())
        return texts


def write_buckets(path: Path, abstraction: Abstraction) -> None:
    """Write an abstraction to ``path``, which must not exist yet, all or nothing.

    Raises:
        ArrayStoreError: the path exists, or the disk refuses.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name, street in zip(STREETS, abstraction.streets, strict=True):
        arrays[name] = street.bucket
        for statistic in _STATISTICS:
            arrays[f"{name}_{statistic}"] = getattr(street, statistic)
    write_store(path, arrays, abstraction.about, kind=KIND)


def open_buckets(path: Path, *, deck: Deck | None = None) -> Buckets:
    """Check a bucket file and copy it to memory, once for all who open it in this process.

    Args:
        path: what ``write_buckets`` wrote.
        deck: the deck it must be for; None takes any.

    Raises:
        MemoryReserveError: there is too little memory.
        ArrayStoreError: missing, truncated, edited, of another kind, version or deck.
    """
    with opened_arrays(path, kind=KIND) as (manifest, files):
        found = _deck_of(path, manifest)
        if deck is not None and deck != found:
            raise ArrayStoreError(
                f"{path}: built for the {found.name} deck, the game has the {deck.name} deck;"
                " build buckets for that one"
            )
        index = card_index(found)
        _check_shapes(path, manifest, index)
        _check_unbeaten(path, manifest)
        if not ABOUT.fits(dict(manifest.about)):
            raise ArrayStoreError(f"{path}: does not say how it was built; build it again")
        statistics = tuple(
            {statistic: files[f"{name}_{statistic}"].whole() for statistic in _STATISTICS}
            for name in STREETS
        )
        for name, held in zip(STREETS, statistics, strict=True):
            _check_statistics(path, name, held, files[name].count)
        streets = [Street(files[name].dtype, files[name].count) for name in STREETS]
        counts = [len(held["weight"]) for held in statistics]
        printed = fingerprint(manifest)
        bucket = keep_in_memory(printed, streets, lambda: _within(path, files, counts), path)
    return Buckets(
        path=path,
        deck=found,
        index=index,
        bucket=bucket,
        statistics=statistics,
        about=manifest.about,
        fingerprint=printed,
    )


def _within(
    path: Path, files: Mapping[str, ArrayFile], counts: Sequence[int]
) -> Iterator[NDArray[Any]]:
    """Yield the buckets of all streets in pieces, each no larger than its street has some.

    Raises:
        ArrayStoreError: one is, or a file is not what the manifest says.
    """
    for name, count in zip(STREETS, counts, strict=True):
        for piece in files[name].pieces():
            largest = int(piece.max())
            if largest >= count:
                raise ArrayStoreError(
                    f"{path}: array {name}: bucket {largest}, the file has {count}"
                )
            yield piece


def check_is_bucket_file(path: Path) -> None:
    """Refuse a path that somebody names though no bucket file lies there.

    Raises:
        UsageError: with the command that makes one.
    """
    if not is_file(path / MANIFEST_NAME):
        raise UsageError(
            f"{path}: no bucket file: {missing_reason(path, MANIFEST_NAME)}; 'cfr-shm buckets build"
            " --out FILE' makes one, a directory"
        )


def _deck_of(path: Path, manifest: Manifest) -> Deck:
    version, name = manifest.about.get("version"), manifest.about.get("deck")
    if version != BUILD_VERSION:
        raise ArrayStoreError(
            f"{path}: buckets of version {version}, this program reads version {BUILD_VERSION};"
            " build them again"
        )
    if not isinstance(name, str) or name not in DECKS:
        raise ArrayStoreError(
            f"{path}: built for the deck {name!r}; this program knows {', '.join(DECKS)}"
        )
    return DECKS[name]


def _check_shapes(path: Path, manifest: Manifest, index: CardIndex) -> None:
    """Refuse a file whose arrays a kernel could read beyond their end."""
    for street, name in enumerate(STREETS):
        expected: dict[str, tuple[int, ...]] = {name: (int(index.hand_count[street]),)}
        weights = manifest.arrays.get(f"{name}_weight")
        count = weights.shape[0] if weights is not None and len(weights.shape) == 1 else 0
        if not 1 <= count <= MAX_BUCKETS:
            raise ArrayStoreError(f"{path}: the {name} has {count} buckets, 1 to {MAX_BUCKETS} fit")
        dtypes = {name: (narrowest(count),)}
        for statistic, (dtype, inner) in _STATISTICS.items():
            expected[f"{name}_{statistic}"] = (count, *inner)
            dtypes[f"{name}_{statistic}"] = (np.dtype(dtype),)
        for array, shape in expected.items():
            stored = manifest.arrays.get(array)
            if stored is None or stored.shape != shape or stored.dtype not in dtypes[array]:
                held = "is missing" if stored is None else f"is {stored.dtype}{stored.shape}"
                raise ArrayStoreError(
                    f"{path}: array {array} {held}, expected {dtypes[array][0]}{shape}"
                )


def _check_statistics(
    path: Path, street: str, held: Mapping[str, NDArray[Any]], hands: int
) -> None:
    """Refuse figures that nothing can be said of, and samples that are no hands."""
    figures = [held[name] for name in ("weight", "mean", "spread")]
    sound = all(np.isfinite(each).all() and (each >= 0).all() for each in figures)
    sample = held["sample"]
    if not (sound and held["weight"].sum() > 0 and (sample >= -1).all() and (sample < hands).all()):
        raise ArrayStoreError(f"{path}: the statistics of the {street} are out of range")


def _check_unbeaten(path: Path, manifest: Manifest) -> None:
    """Refuse a file whose bucket of unbeaten hands a run would write beyond its table for."""
    found = manifest.about.get("unbeaten")
    count = manifest.arrays[f"{STREETS[-1]}_weight"].shape[0]
    if found is not None and not (type(found) is int and 0 <= found < count):
        raise ArrayStoreError(
            f"{path}: unbeaten hands in bucket {found!r}; the {STREETS[-1]} has 0 to {count - 1}"
        )


# --- building on demand --------------------------------------------------------------------


def build_file(
    spec: BucketSpec, path: Path, *, workers: int = 0, progress: Progress | None = None
) -> Buckets:
    """Build an abstraction, write it to ``path`` and open it.

    Raises:
        UsageError: the path exists or cannot be written; known before the work, not after it.
        ArrayStoreError: the disk refuses nevertheless, e.g. because it is full.
    """
    if os.path.lexists(path):
        raise UsageError(f"{path}: already exists; choose another name or remove it")
    _check_writable(path.parent)
    write_buckets(path, build(spec, workers=workers, progress=progress))
    return open_buckets(path)


def _check_writable(directory: Path) -> None:
    """Make sure that a file can be made in ``directory``, which is created if need be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(dir=directory)).rmdir()
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be written: {error.strerror or error}; choose another directory"
        ) from error


def cached_path(spec: BucketSpec) -> Path:
    """Return where the cache directory keeps the buckets of a specification.

    Raises:
        UsageError: somebody else could have put them there; a file that the user names is his.
    """
    path = cache_root() / BUCKETS / f"{spec.deck}-{spec.key()}"
    reason = why_not_own(path)
    if reason is None and path.is_dir():
        foreign = [each for each in path.iterdir() if not is_own_file(each.lstat())]
        reason = f"others may write to {foreign[0]}" if foreign else None
    if reason is not None:
        raise UsageError(
            f"cached buckets are not used: {reason}; name a directory of your own in"
            " CFR_SHM_CACHE_DIR, or a bucket file in abstraction.buckets"
        )
    return path


def _keep_to_oneself(path: Path) -> None:
    """Take from others the right to write to a bucket file, which the umask may have left them."""
    path.chmod(0o700)
    for each in path.iterdir():
        each.chmod(0o600)


def default_buckets(
    spec: BucketSpec | None = None,
    *,
    workers: int = 0,
    progress: Progress | None = None,
) -> Buckets:
    """Return the buckets of ``spec`` (or the default), from the cache or built now.

    The cache directory is the kernels': ``CFR_SHM_CACHE_DIR``, or the platform's.
    """
    spec = spec or BucketSpec()
    path = cached_path(spec)
    if not path.exists():
        try:
            with contextlib.suppress(OSError):  # build_file says why
                make_own_directory(path.parent)
            buckets = build_file(spec, path, workers=workers, progress=progress)
            _keep_to_oneself(path)
            return buckets
        except ArrayStoreError:
            # Another process may have finished the same build meanwhile.
            if not path.exists():
                raise
    return open_buckets(path)
