"""Which buckets a hold'em game plays with: a file, the default, or what a config specifies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cfr_shm.cards.abstraction import BucketSpec, methods_from
from cfr_shm.cards.bucket_file import KIND, fingerprint
from cfr_shm.cards.buckets import (
    Buckets,
    cached_path,
    check_is_bucket_file,
    default_buckets,
    open_buckets,
)
from cfr_shm.cards.deck import Deck
from cfr_shm.cards.isomorphism import preflop_index
from cfr_shm.cards.parallel import Progress
from cfr_shm.cards.suits import Renaming
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.errors import ArrayStoreError, GameError, UsageError
from cfr_shm.storage.files import exists
from cfr_shm.storage.store import read_manifest

DEFAULT = "default"

#: Files that are open, by path and fingerprint: several steps of one command ask for the same.
_opened: dict[tuple[str, str], Buckets] = {}


def load_buckets(
    abstraction: AbstractionConfig,
    deck: Deck,
    streets: Sequence[int],
    progress: Callable[[str], None] | None = None,
) -> Buckets:
    """Open the buckets that ``abstraction`` asks for; build them if they are not there yet.

    Args:
        abstraction: the config's section.
        deck: the game's deck.
        streets: the game's streets, numbered from 0 preflop; each has a count in the config.
        progress: told every few seconds how far a build is.

    Raises:
        GameError: there is no such file, or it is for another deck.
        ArrayStoreError: the file is damaged.
    """
    named = abstraction.buckets
    if named is not None and named != DEFAULT:
        return _open(_checked(Path(named), deck))
    spec = bucket_spec(abstraction, deck, streets)
    path = cached_path(spec)
    if path.exists():
        return _open(path)
    if progress:
        progress(
            f"building buckets in {path} (once, a minute or two; they do not count as training)"
        )
    return default_buckets(spec, progress=Progress(progress))


def bucket_spec(abstraction: AbstractionConfig, deck: Deck, streets: Sequence[int]) -> BucketSpec:
    """Return what is to be built where no file is named.

    Raises:
        GameError: a method or a count that there is not.
    """
    default = BucketSpec(deck=deck.name)
    counts = list(default.counts)
    given = abstraction.bucket_counts
    if given is not None:
        # Streets that are not played get the last count: the file then serves them too.
        for street in range(len(counts)):
            place = min(max(street - streets[0], 0), len(given) - 1)
            counts[street] = given[place] if street >= streets[0] else counts[street]
    methods = default.methods
    try:
        if abstraction.bucket_method is not None:
            methods = methods_from(abstraction.bucket_method)
        return BucketSpec(deck.name, methods, (counts[0], counts[1], counts[2], counts[3]))
    except UsageError as error:
        raise GameError(f"abstraction.bucket_method: {error}") from error


def _checked(path: Path, deck: Deck) -> Path:
    """Refuse a file that is not there, or is for another deck."""
    if not exists(path):
        raise GameError(
            f"abstraction.buckets: there is no bucket file {path}; build it with 'cfr-shm buckets"
            f" build --out {path}', or leave the key out for the default ones"
        )
    try:
        check_is_bucket_file(path)
        found = read_manifest(path, kind=KIND).about.get("deck")
    except UsageError as error:
        raise GameError(f"abstraction.buckets: {error}") from error
    except ArrayStoreError as error:
        raise ArrayStoreError(f"abstraction.buckets: {error}") from error
    if found != deck.name:
        raise GameError(
            f"abstraction.buckets: {path} was built for the {found} deck, the game has the"
            f" {deck.name} deck; build buckets for that one (--deck {deck.name})"
        )
    return path


def _open(path: Path) -> Buckets:
    key = (str(path.absolute()), fingerprint(read_manifest(path, kind=KIND)))
    if key not in _opened:
        _opened.clear()
        _opened[key] = open_buckets(path)
    return _opened[key]


def lossless_preflop(deck: Deck, renamings: Sequence[Renaming]) -> Buckets:
    """Return buckets for games without a flop: every hand its own, up to suits; no file.

    The later streets have arrays of one element, which nobody reads.

    Args:
        deck: the deck.
        renamings: of suits, that leave ranges and board as they are.
    """
    index = preflop_index(deck, renamings)
    count = int(index.hand_count[0])
    none = np.zeros(1, np.uint8)
    hands = np.arange(count, dtype=np.uint8 if count <= 256 else np.uint16)
    sizes = (count, 1, 1, 1)
    return Buckets(
        path=Path(),
        deck=deck,
        index=index,
        bucket=(hands, none, none, none),
        statistics=tuple({"weight": np.zeros(size)} for size in sizes),
        about={},
        fingerprint="",
    )
