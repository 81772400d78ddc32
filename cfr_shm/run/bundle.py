"""A bundle: a directory with all that a strategy needs, apart from the run that it is of.

    <bundle>/strategy/  the checkpoint, as ``memory.checkpoint`` stores it
    <bundle>/buckets/   the card buckets, as ``cards.buckets`` stores them, where there are some
    <bundle>/README.md  a card for people, and for hubs of models

Opening one compares sizes and headers with the manifests, which takes milliseconds; digests are
compared where all is read, and by ``check_bundle``. Whoever asks about single hands has only their
rows read; nothing is mapped, so that a file that changes ends nobody (``storage.store``).
"""

from __future__ import annotations

import dataclasses
import functools
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cfr_shm.cards.bucket_file import KIND as BUCKETS_KIND
from cfr_shm.cards.bucket_file import fingerprint as buckets_fingerprint
from cfr_shm.cards.parallel import Progress
from cfr_shm.config.identity import differences, fingerprint
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.config.values import settings_from
from cfr_shm.errors import ArrayStoreError, CheckpointError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.registry import refuse_old_rules
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.checkpoint import KIND, Checkpoint, StoredCheckpoint, load_checkpoint
from cfr_shm.memory.tables import ROWS
from cfr_shm.run.bundle_card import bundle_card
from cfr_shm.run.directory import StoredRun, named_checkpoint, no_such_checkpoint
from cfr_shm.storage.array_files import opened_arrays
from cfr_shm.storage.disk import DISK
from cfr_shm.storage.documents import DocumentError, read_document
from cfr_shm.storage.files import exists, is_file
from cfr_shm.storage.names import CONFIG, MANIFEST_NAME, SUMMARY
from cfr_shm.storage.replacing import refuse_file_of_a_run, replaced_file
from cfr_shm.storage.store import make_directories, read_manifest, read_store, write_store

STRATEGY, BUCKETS, CARD = "strategy", "buckets", "README.md"


def is_bundle(path: Path) -> bool:
    """Tell whether a path leads to a bundle."""
    return is_file(path / STRATEGY / MANIFEST_NAME) and not exists(path / CONFIG)


def stored_strategy(directory: str | Path) -> StoredRun | StoredBundle:
    """Return what is stored in a directory, or in ``DIR@ITERATIONS``: a run, or a bundle.

    Raises:
        UsageError: it is neither.
        CheckpointError: a bundle whose manifest is damaged.
    """
    path, iterations = named_checkpoint(directory)
    return StoredBundle(path, iterations) if is_bundle(path) else StoredRun(directory)


def home_of(checkpoint: Path) -> Path:
    """Return the run directory or the bundle that a checkpoint lies in."""
    place = checkpoint.resolve().parent
    return place if is_bundle(place) else place.parent


class StoredBundle:
    """A bundle that is read; offers what ``run.directory.StoredRun`` does.

    Args:
        path: of the bundle.
        iterations: that its checkpoint must have; None takes any.

    Raises:
        CheckpointError: its manifest is damaged.
    """

    def __init__(self, path: Path, iterations: int | None = None) -> None:
        self.path, self.iterations = path, iterations
        try:
            self._about = read_manifest(path / STRATEGY, kind=KIND).about
            if exists(path / BUCKETS):
                _compare_sizes(path / BUCKETS, BUCKETS_KIND)
            _compare_sizes(path / STRATEGY, KIND)
        except ArrayStoreError as error:
            raise CheckpointError(str(error)) from error

    def reads(self, game: Game) -> bool:
        """Return whether a table is read at once: that of a blueprint is not."""
        return game.betting is None

    def checkpoints(self) -> list[StoredCheckpoint]:
        """Return the one checkpoint that there is; none where its manifest holds no counts."""
        iterations, sequence = self._about.get("iterations"), self._about.get("sequence")
        if not isinstance(iterations, int) or not isinstance(sequence, int):
            return []
        return [StoredCheckpoint(self.path / STRATEGY, iterations, sequence)]

    def load_config(self) -> Config:
        """Return the configuration that the strategy was trained with, on the bundle's buckets.

        Raises:
            CheckpointError: it says none.
        """
        told = self._about.get("config")
        if not isinstance(told, Mapping):
            raise CheckpointError(f"{self.path}: does not say which game it is of")
        known = {key: value for key, value in told.items() if isinstance(value, Mapping)}
        config = load_config(flags=list(settings_from(known, "config")))
        if not exists(self.path / BUCKETS):
            return config
        buckets = str((self.path / BUCKETS).absolute())
        abstraction = dataclasses.replace(config.abstraction, buckets=buckets)
        return dataclasses.replace(config, abstraction=abstraction)

    def load_checkpoint(
        self, config: Config, game: Game, warn: Callable[[str], None], *, in_memory: bool = True
    ) -> Checkpoint:
        """Return the checkpoint; ``in_memory`` reads and checks it, otherwise it stays on disk.

        Raises:
            UsageError: it has not the iterations that are asked for.
            CheckpointError: it is damaged, or was played by other rules.
        """
        del warn  # there is no other checkpoint
        there = self.checkpoints()
        if self.iterations is not None and self.iterations not in {
            each.iterations for each in there
        }:
            raise no_such_checkpoint(self.path, self.iterations, there)
        refuse_old_rules(config, self.path)
        return load_checkpoint(
            self.path / STRATEGY,
            game=game,
            fingerprint=fingerprint(config),
            differences=lambda stored: differences(stored, config),
            in_memory=in_memory,
            digest=in_memory,
        )


def write_bundle(
    game: Game, checkpoint: Checkpoint, summary: Mapping[str, Any], path: Path
) -> None:
    """Write a bundle, all or nothing.

    Args:
        game: that was trained.
        checkpoint: as it was loaded.
        summary: of the run; its measures go to the card.
        path: the new directory.

    Raises:
        UsageError: it exists, or belongs to a run.
        ArrayStoreError: the disk refused, or what is to be copied has changed.
    """
    refuse_file_of_a_run(path)
    if exists(path):
        raise UsageError(f"{path}: exists; a bundle is never overwritten, name another directory")
    assert checkpoint.path is not None
    part = path.parent / f".{path.name[:100]}.{secrets.token_hex(8)}.tmp"
    try:
        make_directories(part)
        strategy = read_store(checkpoint.path, kind=KIND)
        rows = strategy.arrays[ROWS][: table_words(game.table_entries, checkpoint.compact)]
        write_store(part / STRATEGY, {ROWS: rows}, strategy.manifest.about, kind=KIND)
        if game.bucket_file is not None:
            _copy_buckets(game, part / BUCKETS)
        card = bundle_card(game, checkpoint, summary, path.name)
        with replaced_file(part / CARD) as file:
            file.write(card.encode())
        DISK.rename(part, path)
        DISK.sync_directory(path.parent)
    except OSError as error:
        raise ArrayStoreError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def summary_of(directory: str) -> Mapping[str, Any]:
    """Return what a run's summary says, nothing where there is none."""
    try:
        found = read_document(stored_strategy(directory).path / SUMMARY)
    except (OSError, DocumentError):
        return {}
    return found if isinstance(found, dict) else {}


def check_bundle(path: Path, progress: Progress | None = None) -> int:
    """Read all of a bundle and compare every digest; return the bytes.

    Args:
        path: of the bundle.
        progress: told how far it is.

    Raises:
        UsageError: it is none.
        ArrayStoreError: something is not what it was.
    """
    if not is_bundle(path):
        raise UsageError(f"{path}: is no bundle (it holds no {STRATEGY}/{MANIFEST_NAME})")
    told = progress or Progress()
    total = 0
    for name, kind in ((STRATEGY, KIND), (BUCKETS, BUCKETS_KIND)):
        if not exists(path / name):
            continue
        with opened_arrays(path / name, kind=kind) as (manifest, files):
            for array, file in files.items():
                told.start(f"{name}/{array}.npy")
                size = manifest.arrays[array].byte_count
                file.check(functools.partial(_tell, told, size))
                total += size
    return total


def _tell(progress: Progress, size: int, done: int) -> None:
    progress.update(done / size)


def _copy_buckets(game: Game, path: Path) -> None:
    assert game.bucket_file is not None
    buckets = read_store(Path(game.bucket_file.path), kind=BUCKETS_KIND)
    if buckets_fingerprint(buckets.manifest) != game.bucket_file.fingerprint:
        raise ArrayStoreError(f"{game.bucket_file.path}: was replaced while it was read")
    write_store(path, buckets.arrays, buckets.manifest.about, kind=BUCKETS_KIND)


def _compare_sizes(path: Path, kind: str) -> None:
    with opened_arrays(path, kind=kind):
        pass
