"""Checkpoints: what a run needs to go on, on disk, each in a directory named by its iterations.

    checkpoints/<iterations>[-<number>]/  manifest.json  rows.npy

A directory is never overwritten: a second checkpoint of the same iterations gets a number.
Which one is newest is told by the ``sequence`` in its manifest, which grows by one with each
save, so that a run that went back to an older checkpoint goes on from what it saved last.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm import __version__
from cfr_shm.errors import ArrayStoreError, CheckpointError, NotFiniteError
from cfr_shm.games.game import Game
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.table import Table
from cfr_shm.memory.holds import Holds
from cfr_shm.memory.limits import private_limits, require_memory
from cfr_shm.memory.tables import ROWS, check_finite, is_size_of, table_of
from cfr_shm.storage.array_files import ArrayFile
from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.manifest import Manifest, NewerFormatError
from cfr_shm.storage.store import (
    missing_reason,
    read_manifest,
    read_store,
    remove_store,
    write_store,
)

KIND = "checkpoint"

#: Key of ``Checkpoint.extra``: true where a checkpoint is kept however many come after it.
HISTORY = "history"

#: How the table is laid out (``layout.rows``); 1 had rows of whole 8-byte words.
TABLE_FORMAT = 2

#: A newest checkpoint may turn out to be damaged: the one before it is always kept.
KEEP_LEAST = 2

#: Iterations are counted in float64 words by the kernels, which are exact up to here.
_COUNT_MAX = 1 << 53
_NAME = re.compile(r"(\d{1,16})(?:-(\d{1,9}))?")

Differences = Callable[[Mapping[str, Any]], Iterable[str]]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run at rest: its table, and which iterations are in it."""

    fingerprint: str  # of the config's parts that decide what is computed
    config: Mapping[str, Any]  # the whole config, resolved; JSON
    completed: tuple[tuple[int, int], ...]  # half-open iteration ranges, ascending, disjoint
    iterations: int  # sum of their lengths
    nodes: int  # visited
    utility_sums: tuple[float, ...]  # per player, summed sampled utility, chips
    seconds: float  # trained so far
    rows: NDArray[np.float64]  # as ``TrainingViews.rows``; read-only when loaded
    extra: Mapping[str, Any] = field(default_factory=dict)  # whatever else is to be carried on
    path: Path | None = None  # where it was loaded from

    @property
    def compact(self) -> bool:
        """Whether the table has the compact layout."""
        return _is_compact(self.config)

    @property
    def table(self) -> Table:
        """The table, as views of ``rows``."""
        return table_of(self.rows, self.compact)

    def without_rows(self) -> Checkpoint:
        """Return the same, loaded, with rows that are only read when they are asked for.

        Whoever copies a table elsewhere need not have it in memory twice.
        """
        return dataclasses.replace(self, rows=np.empty(0))

    def open_rows(self) -> ArrayFile:
        """Open the rows where they lie, to be read piece by piece; the caller closes them.

        Raises:
            CheckpointError: what lies there is no longer what it was.
        """
        if self.path is None:
            raise ValueError("a checkpoint that was not loaded lies nowhere")
        try:
            found = read_manifest(self.path, kind=KIND)
            self._require_same(found)
            return ArrayFile(self.path, ROWS, found.arrays[ROWS])
        except CheckpointError:
            raise
        except ArrayStoreError as error:
            raise CheckpointError(str(error)) from error

    def copy_rows(self, target: NDArray[np.float64]) -> None:
        """Write the rows to ``target``, (words,), from memory or from where they were loaded.

        Raises:
            CheckpointError: what lies there is no longer what it was.
        """
        if self.path is None or len(self.rows) > 0:
            target[:] = self.rows
            return
        try:
            found = read_store(self.path, kind=KIND, into={ROWS: target}).manifest
        except ArrayStoreError as error:
            raise CheckpointError(str(error)) from error
        self._require_same(found)

    def _require_same(self, found: Manifest) -> None:
        if (found.about["fingerprint"], found.about["completed"]) != (
            self.fingerprint,
            [list(each) for each in self.completed],
        ):
            raise CheckpointError(f"{self.path}: was replaced while it was looked at; try again")


class StoredCheckpoint(NamedTuple):
    """A checkpoint directory; ``sequence`` is None where its manifest cannot be read."""

    path: Path
    iterations: int
    sequence: int | None
    fingerprint: str | None = None
    history: bool = False  # kept beside the newest ones


class CheckpointStore:
    """The checkpoints of one run directory; one writer at a time, and readers that hold some.

    Args:
        directory: where they lie; created by the first save.
        keep: how many to keep, at least 2.
        disk: the system calls of a save.

    Attributes:
        held: what is not to be removed meanwhile.
    """

    def __init__(self, directory: Path, keep: int = KEEP_LEAST, *, disk: Disk = DISK) -> None:
        if keep < KEEP_LEAST:
            raise ValueError(f"keep {keep}: at least {KEEP_LEAST} checkpoints must be kept")
        self.directory = directory
        self.keep = keep
        self._disk = disk
        self.held = Holds()

    def stored(self) -> list[StoredCheckpoint]:
        """Return what there is, oldest first; those with unreadable manifests come first.

        Raises:
            ArrayStoreError: the directory cannot be read.
        """
        found = []
        try:
            for name in self._disk.names(self.directory):
                named, path = _NAME.fullmatch(name), self.directory / name
                if named is not None and stat.S_ISDIR(self._disk.status(path).st_mode):
                    about = self._about(path)
                    found.append(StoredCheckpoint(path, int(named.group(1)), *about))
        except (FileNotFoundError, NotADirectoryError):
            return found
        except OSError as error:
            reason = error.strerror or error
            raise ArrayStoreError(f"{self.directory}: cannot be read: {reason}") from error
        return sorted(found, key=lambda each: (each.sequence or 0, each.iterations, each.path))

    def save(self, checkpoint: Checkpoint, game: Game) -> Path:
        """Write a checkpoint, force it to the medium, then remove those beyond ``keep``.

        What bears HISTORY in ``extra`` is not counted and never removed; what is held is removed
        by a later save. Checkpoints of another fingerprint are another run's, and are never removed
        either.

        Raises:
            NotFiniteError: the table holds NaN or infinity; nothing was written.
            ArrayStoreError: the disk refused; the checkpoints before are untouched.
            CheckpointError: it could not be loaded again; nothing was written.
        """
        about = _about(checkpoint)
        about["buckets"] = None if game.bucket_file is None else game.bucket_file._asdict()
        check_finite(game, checkpoint.rows, checkpoint.compact)
        self._settle()
        before = self.stored()
        about["sequence"] = 1 + max((each.sequence or 0 for each in before), default=0)
        _check_about(about, self.directory)  # Last: what is written must be what is read.
        path = self._free_name(checkpoint.iterations)
        write_store(path, {ROWS: checkpoint.rows}, about, kind=KIND, disk=self._disk)
        # What cannot be read is left for people to look at.
        own = checkpoint.fingerprint
        readable = [each for each in before if each.fingerprint == own and not each.history]
        for old in readable[: max(len(readable) + 1 - self.keep, 0)]:
            if old.path not in self.held:
                with contextlib.suppress(OSError):
                    remove_store(old.path, self._disk)
        return path

    def load_latest(
        self,
        *,
        warn: Callable[[str], None],
        game: Game | None = None,
        fingerprint: str | None = None,
        differences: Differences | None = None,
        in_memory: bool = True,
    ) -> Checkpoint:
        """Load the newest checkpoint that is whole.

        Args:
            warn: told in one line of each newer one that had to be passed over.
            game: whose table it must hold, all finite; None leaves that unchecked.
            fingerprint: which it must bear; None takes any.
            differences: given the stored config, names the keys that differ, for the message.
            in_memory: as ``load_checkpoint`` takes it.

        Raises:
            CheckpointError: there is none, none is whole, or the newest belongs to another run
                or was written by a newer version (older ones are not tried then).
        """
        first_error: ArrayStoreError | None = None
        order = self._newest_first()
        for tried, stored in enumerate(order, 1):
            try:
                manifest = read_manifest(stored.path, kind=KIND)
            except NewerFormatError as error:
                raise CheckpointError(str(error)) from error
            except ArrayStoreError as error:
                failure = error
            else:
                _check_format(manifest, stored.path)
                _check_run(manifest, stored.path, fingerprint, differences)
                _check_buckets(manifest, stored.path, game)
                try:
                    return load_checkpoint(stored.path, game=game, in_memory=in_memory)
                except CheckpointError as error:
                    failure = error
            first_error = first_error or failure
            if tried < len(order):
                warn(f"{failure}; falling back to the checkpoint before it")
        if first_error is not None:
            others = "no older checkpoint is whole" if len(order) > 1 else "there is no other"
            raise CheckpointError(f"{first_error}; {others}") from first_error
        raise CheckpointError(f"{self.directory}: {missing_reason(self.directory, KIND)}")

    def _newest_first(self) -> list[StoredCheckpoint]:
        """Return what to try in turn; one whose manifest is damaged has its place by its name."""
        found = self.stored()[::-1]
        damaged = [each for each in found if each.sequence is None]
        order: list[StoredCheckpoint] = []
        for readable in (each for each in found if each.sequence is not None):
            while damaged and damaged[0].iterations >= readable.iterations:
                order.append(damaged.pop(0))
            order.append(readable)
        return order + damaged

    def _free_name(self, iterations: int) -> Path:
        path = self.directory / str(iterations)
        number = 2
        while self._disk.exists(path):
            path = self.directory / f"{iterations}-{number}"
            number += 1
        return path

    def _settle(self) -> None:
        try:
            self._disk.settle()
        except OSError as error:
            reason = error.strerror or error
            raise ArrayStoreError(f"{self.directory}: cannot be saved: {reason}") from error

    def _about(self, path: Path) -> tuple[int | None, str | None, bool]:
        """Return a checkpoint's sequence, fingerprint, and whether it is part of the history.

        None, None and False if it is damaged.
        """
        try:
            about = read_manifest(path, disk=self._disk).about
        except ArrayStoreError:
            return None, None, False
        sequence, mark = about.get("sequence"), about.get("fingerprint")
        if not _is_count(sequence) or not isinstance(mark, str):
            return None, None, False
        extra = about.get("extra")
        kept = isinstance(extra, Mapping) and extra.get(HISTORY) is True
        return sequence, mark, kept


def load_checkpoint(
    path: Path,
    *,
    game: Game | None = None,
    fingerprint: str | None = None,
    differences: Differences | None = None,
    in_memory: bool = True,
    digest: bool = True,
) -> Checkpoint:
    """Load one checkpoint directory and check all of it; rows are in memory, read-only.

    Args:
        path: the checkpoint's directory.
        game: whose table it must hold, all finite; None leaves that unchecked.
        fingerprint: which it must bear; None takes any.
        differences: given the stored config, names the keys that differ, for the message.
        in_memory: False checks the digest and leaves the rows where they lie: ``open_rows``.
        digest: False does not even read them then, and compares their size alone.

    Raises:
        CheckpointError: it is missing, damaged, not finite, or belongs to another run.
        MemoryReserveError: there is too little memory for its table.
    """
    try:
        manifest = read_manifest(path, kind=KIND)
        _check_format(manifest, path)
        _check_run(manifest, path, fingerprint, differences)
        _check_buckets(manifest, path, game)
        _check_about(manifest.about, path)
        _check_rows(manifest, path, game)
        if in_memory:
            rows = _read_rows(manifest, path, game)
        else:
            rows = _checked_rows(manifest, path, digest)
    except NotFiniteError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except CheckpointError:
        raise
    except ArrayStoreError as error:
        raise CheckpointError(str(error)) from error
    about = manifest.about
    return Checkpoint(
        fingerprint=about["fingerprint"],
        config=about["config"],
        completed=tuple((first, end) for first, end in about["completed"]),
        iterations=about["iterations"],
        nodes=about["nodes"],
        utility_sums=tuple(float(value) for value in about["utility_sums"]),
        seconds=float(about["seconds"]),
        rows=rows,
        extra=about["extra"],
        path=path,
    )


def _read_rows(manifest: Manifest, path: Path, game: Game | None) -> NDArray[np.float64]:
    require_memory(manifest.arrays[ROWS].byte_count, private_limits())
    store = read_store(path, kind=KIND)
    if store.manifest != manifest:
        raise CheckpointError(f"{path}: another save took its place while it was read; try again")
    rows: NDArray[np.float64] = store.arrays[ROWS]
    rows.setflags(write=False)
    if game is not None:
        check_finite(game, rows, _is_compact(manifest.about["config"]))
    return rows


def _checked_rows(manifest: Manifest, path: Path, digest: bool) -> NDArray[np.float64]:
    """Compare the size of rows that stay where they lie, and the digest; return none."""
    with ArrayFile(path, ROWS, manifest.arrays[ROWS]) as file:
        if digest:
            file.check()
    return np.empty(0)


def _about(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "fingerprint": checkpoint.fingerprint,
        "config": dict(checkpoint.config),
        "completed": [[int(first), int(end)] for first, end in checkpoint.completed],
        "iterations": int(checkpoint.iterations),
        "nodes": int(checkpoint.nodes),
        "utility_sums": [float(value) for value in checkpoint.utility_sums],
        "seconds": float(checkpoint.seconds),
        "extra": dict(checkpoint.extra),
        "sequence": 0,
        "table_format": TABLE_FORMAT,
        "written_by": f"cfr-shm {__version__}",
    }


def _is_compact(config: Mapping[str, Any]) -> bool:
    section = config.get("table")
    return isinstance(section, Mapping) and section.get("compact") is True


def _check_format(manifest: Manifest, path: Path) -> None:
    found = manifest.about.get("table_format", 1)
    if found != TABLE_FORMAT:
        writer = manifest.about.get("written_by", "an earlier cfr-shm")
        raise CheckpointError(
            f"{path}: table format {ascii(found)[:40]} of {ascii(writer)[1:-1][:40]}, this is "
            f"cfr-shm {__version__} with table format {TABLE_FORMAT}: go on with the version "
            "that wrote it, or train anew"
        )


def _check_run(
    manifest: Manifest, path: Path, fingerprint: str | None, differences: Differences | None
) -> None:
    if fingerprint is None or manifest.about.get("fingerprint") == fingerprint:
        return
    config = manifest.about.get("config")
    keys = list(differences(config)) if differences and isinstance(config, dict) else []
    what = ", ".join(keys) if keys else "its fingerprint"
    raise CheckpointError(
        f"{path}: belongs to another run, which differs in {what}; use that run's config, or "
        "another run directory"
    )


def _check_buckets(manifest: Manifest, path: Path, game: Game | None) -> None:
    """Refuse a table that was trained on other card buckets than the game has now."""
    trained = manifest.about.get("buckets")
    now = None if game is None else game.bucket_file
    if (
        now is None
        or not isinstance(trained, dict)
        or trained.get("fingerprint") == now.fingerprint
    ):
        return
    raise CheckpointError(
        f"{path}: trained with the card buckets {str(trained.get('fingerprint'))[:16]} of "
        f"{trained.get('path')}, the game now has {now.fingerprint[:16]} of {now.path}; put the "
        "former file back, or name it by --set abstraction.buckets=FILE"
    )


def _check_rows(manifest: Manifest, path: Path, game: Game | None) -> None:
    rows = manifest.arrays.get(ROWS)
    if rows is None or len(manifest.arrays) != 1:
        raise CheckpointError(f"{path}: holds {sorted(manifest.arrays)}, expected only {ROWS!r}")
    if rows.dtype != np.float64 or len(rows.shape) != 1:
        raise CheckpointError(
            f"{path}: {ROWS} is {rows.dtype.str}{list(rows.shape)}, expected <f8[words]"
        )
    compact = _is_compact(manifest.about["config"])
    if game is not None and not is_size_of(game, rows.shape[0], compact):
        words = table_words(game.table_entries, compact)
        raise CheckpointError(
            f"{path}: {ROWS} holds {rows.shape[0]} words, {game.name} takes {words}"
        )


def _check_about(about: Mapping[str, Any], place: Path) -> None:
    """Refuse counts, sums and ranges that no run can have."""
    checks: dict[str, Callable[[Any], bool]] = {
        "fingerprint": lambda value: isinstance(value, str),
        "config": lambda value: isinstance(value, dict),
        "extra": lambda value: isinstance(value, dict),
        "completed": _are_ranges,
        "iterations": _is_count,
        "nodes": _is_count,
        "sequence": _is_count,
        "utility_sums": lambda value: isinstance(value, list) and all(map(_is_finite, value)),
        "seconds": lambda value: _is_finite(value) and value >= 0,
    }
    for key, accepts in checks.items():
        if key not in about or not accepts(about[key]):
            found = ascii(about.get(key))[:80]
            raise CheckpointError(f"{place}: {key!r} is {found}, which no checkpoint can hold")
    covered = sum(end - first for first, end in about["completed"])
    if covered != about["iterations"]:
        raise CheckpointError(
            f"{place}: 'completed' covers {covered} iterations, 'iterations' says "
            f"{about['iterations']}"
        )


def _are_ranges(value: Any) -> bool:
    last = 0
    for pair in value if isinstance(value, list) else [None]:
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_count, pair))):
            return False
        if not last <= pair[0] < pair[1]:
            return False
        last = pair[1]
    return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
