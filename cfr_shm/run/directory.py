"""The directory of one run: who may write to it, and what lies where.

``docs/run_directory.md`` describes the files. A directory belongs to one run for good, and to
one process at a time (``run.ownership``), which holds it open: whatever is moved, removed or put
in its place meanwhile, a run writes to its own directory or to a new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cfr_shm.config.identity import differences, fingerprint
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.config.text import to_yaml
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.registry import refuse_old_rules
from cfr_shm.memory.checkpoint import (
    Checkpoint,
    CheckpointStore,
    StoredCheckpoint,
    load_checkpoint,
)
from cfr_shm.run.ownership import RunLock
from cfr_shm.storage.disk import HeldDisk, Identity, NotRegularError, require_regular
from cfr_shm.storage.files import is_directory, is_file
from cfr_shm.storage.names import (
    CHECKPOINTS,
    CONFIG,
    LOCK,
    LOG,
    METRICS,
    RUN_NAMES,
    SUMMARY,
    TENSORBOARD,
)

#: No run has done more iterations than a number of so many digits says.
_COUNT_DIGITS = 16

#: Characters of a game's name that a run directory takes over.
_LONGEST_NAME = 60

_TEMPORARY = re.compile(r"\.(config\.yaml|summary\.json)(\.[0-9a-f]{16})?\.tmp")

RUNS = Path("runs")
LATEST = "latest"


def default_path(name: str) -> Path:
    """Return ``runs/<name>-<YYYYmmdd-HHMMSS>``, with a number where that exists already.

    What a file name may not hold everywhere is left out of ``name``.
    """
    plain = re.sub(r"[^A-Za-z0-9_.=-]+", "-", name).strip("-.")[-_LONGEST_NAME:]
    stem = f"{plain}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, count = RUNS / stem, 1
    while path.exists():
        count += 1
        path = RUNS / f"{stem}-{count}"
    return path


class RunDirectory:
    """A run directory that this process owns, from ``claim`` to ``__exit__``.

    It is held open, and what is written lands in it whatever its name is by then. Where it was
    removed, or is another run's by now, the run goes on in ``<name>-rescued-<time>`` beside it;
    nothing of another run is ever touched.

    If the run fails before ``keep`` is called, what was created is removed again, so that the
    same command can be given once more.

    Attributes:
        path: as it was given.
        disk: reaches what lies below ``path``, wherever that is now.
        moved_to: where the run's files are, if not at ``path`` any more.
        on_loss: told in one line when that changes; from any thread that saves.
    """

    def __init__(
        self, disk: HeldDisk, lock: RunLock, config: Config, made: bool, resuming: bool
    ) -> None:
        self.path = disk.root
        self.disk = disk
        self.moved_to: str | None = None
        self.on_loss: Callable[[str], None] = lambda _text: None
        self._lock = lock
        self._config = to_yaml(config)
        self._made = made
        self._resuming = resuming
        self._kept = False
        self._origin = disk.place
        self._home: Path | None = disk.place  # None once the run went on elsewhere
        self._checkpoints = self._checkpoints_now()
        self._settling = threading.RLock()
        disk.before_save = self.settle

    @classmethod
    def claim(cls, path: Path, config: Config, *, resuming: bool) -> Self:
        """Make ``path`` if need be, lock it, and write ``config.yaml``.

        Raises:
            UsageError: it cannot be written to, another process uses it, or (unless
                ``resuming``) it holds another run.
        """
        try:
            made = not path.exists()
            if not made and not path.is_dir():
                raise UsageError(f"the run directory {path} is not a directory; see --logdir")
            path.mkdir(parents=True, exist_ok=True)
            disk = HeldDisk(path)
        except (OSError, ValueError) as error:
            raise _not_writable(path, error) from None
        try:
            lock = _lock_or_refuse(disk)
        except BaseException:
            disk.close_directory()
            raise
        try:
            if not resuming:
                _refuse_other_run(disk)
            for name in (CONFIG, SUMMARY):
                _refuse_directory(disk, name)
            _remove_temporary(disk)
            directory = cls(disk, lock, config, made, resuming)
            _write(disk, CONFIG, directory._config)
        except BaseException as error:
            lock.release()
            disk.close_directory()
            if isinstance(error, OSError):
                raise _not_writable(path, error) from None
            raise
        return directory

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._kept and not self._resuming:
            self._discard()
        self._lock.release()
        self.disk.close_directory()

    @property
    def shown(self) -> str:
        """Where the run's files are, for people."""
        return str(self.path) if self.moved_to is None else self.moved_to

    def keep(self) -> None:
        """Call when the first work is done: from now on there is something to keep.

        Points ``runs/latest`` here if the directory lies in ``runs/`` (and was not named as
        ``runs/latest``, which would then point to itself). May be called again.
        """
        if self._kept:
            return
        self._kept = True
        if self.path.parent == RUNS and not self.path.is_symlink():
            with contextlib.suppress(OSError):
                _point_latest(self.path)

    def checkpoint_store(self, keep: int) -> CheckpointStore:
        """Return the run's checkpoints, of which so many are kept."""
        return CheckpointStore(self.path / CHECKPOINTS, keep, disk=self.disk)

    def write_summary(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Replace ``summary.json`` in one step; return what it says, with ``moved_to``.

        Raises:
            OSError: it could not be written; the former one is untouched.
        """
        self.settle()
        document = {**summary, "moved_to": self.moved_to}
        _write(self.disk, SUMMARY, json.dumps(document, indent=2, allow_nan=False) + "\n")
        return document

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Say in one line what keeps a file of the run from being written, before it begins.

        Raises:
            UsageError: names the directory and the reason.
        """
        try:
            yield
        except OSError as error:
            raise _not_writable(self.path, error) from None

    def settle(self) -> None:
        """Make sure, before anything is saved, that the directory is there and still this run's.

        Raises:
            OSError: it is not, and there is no place to go on in.
        """
        with self._settling:
            there = self.disk.is_in_place()
            if (not there and self.disk.is_removed()) or not self._is_ours():
                self._go_on_beside()
            elif not there or self.moved_to is not None:
                self._follow()
            self._checkpoints = self._checkpoints_now()
            if not self.disk.exists(self.path / CONFIG):
                _write(self.disk, CONFIG, self._config)

    def _is_ours(self) -> bool:
        found = self._checkpoints_now()
        same = self._checkpoints in (None, found) or found is None
        return same and self._lock.holds()

    def _checkpoints_now(self) -> Identity | None:
        path = self.path / CHECKPOINTS
        if not self.disk.is_directory(path):
            return None
        return Identity.of(self.disk.status(path, follow=True))

    def _follow(self) -> None:
        """Note what the directory, which was moved, is called now."""
        name = self.disk.present_name()
        if name is not None:
            self.disk.place = name
        moved = None if name == self._home else str(name or f"{self.path} (under another name)")
        if moved != self.moved_to:
            self.moved_to = moved
            where = f"goes on in {moved}" if moved else "is there again"
            self.on_loss(f"the run directory {self.path} was moved under the run, which {where}")

    def _go_on_beside(self) -> None:
        """Go on in a new directory beside the one that is gone, or is another run's."""
        place = _rescue_name(self._origin)
        place.mkdir(parents=True)
        beside = HeldDisk(place)
        try:
            lock = RunLock.take(beside)
            _write(beside, CONFIG, self._config)
            self.disk.become(beside)
        except BaseException:
            beside.close_directory()
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._lock.release()
        self._lock = lock.on(self.disk)
        self._home, self.moved_to = None, str(place)
        self.on_loss(
            f"the run directory {self.path} was removed under the run, or is another run's by "
            f"now: this run goes on in {place}"
        )

    def _discard(self) -> None:
        if self.disk.descriptor is None and not self.disk.is_in_place():
            return
        with contextlib.suppress(OSError):
            for name in (CONFIG, SUMMARY, LOG, METRICS, LOCK):
                with contextlib.suppress(FileNotFoundError):
                    self.disk.remove(self.path / name)
            for name in (TENSORBOARD, CHECKPOINTS):
                if self.disk.is_directory(self.path / name):
                    for each in self.disk.names(self.path / name):
                        self.disk.remove(self.path / name / each)
                    self.disk.remove(self.path / name)
            if self._made and self.disk.is_in_place():
                self.disk.place.rmdir()


class StoredRun:
    """A run directory that is read: its configuration, and one of its checkpoints.

    ``directory`` may be followed by ``@ITERATIONS``, which names the checkpoint of exactly so
    many iterations; without, the newest one is meant.
    """

    def __init__(self, directory: str | Path) -> None:
        self.path, self.iterations = named_checkpoint(directory)
        self.config_path = self.path / CONFIG
        if not is_directory(self.path):
            raise UsageError(f"{self.path}: there is no such run directory")
        if not is_file(self.config_path):
            raise UsageError(f"{directory}: is not a run directory (it holds no {CONFIG})")

    def holds_spot(self) -> bool:
        """Tell whether it is a spot that was solved, not a game that was trained."""
        return load_config(self.config_path).spot.given

    def reads(self, game: Game) -> bool:
        """Return whether a table is read at once: a run's always is."""
        del game
        return True

    def load_config(self) -> Config:
        """Return the configuration that the run was started or last resumed with.

        Raises:
            UsageError: it is a solved spot, which has no blueprint; names the commands that work.
        """
        config = load_config(self.config_path)
        if config.spot.given:
            raise UsageError(
                f"{self.path} is a solved spot, not a trained game: 'cfr-shm solve {self.path} "
                "--line LINE' shows its hands, exploitability and values, 'cfr-shm resume "
                f"{self.path}' goes on"
            )
        return config

    def checkpoints(self) -> list[StoredCheckpoint]:
        """Return the checkpoints that there are; see ``CheckpointStore.stored``."""
        return CheckpointStore(self.path / CHECKPOINTS).stored()

    def load_checkpoint(
        self, config: Config, game: Game, warn: Callable[[str], None], *, in_memory: bool = True
    ) -> Checkpoint:
        """Return the checkpoint that is named, else the newest one that is whole.

        Args:
            config: whose fingerprint it must bear.
            game: whose table it must hold.
            warn: told of each newer one that had to be passed over.
            in_memory: whether its rows are read, or stay where they lie (``Checkpoint.open_rows``).

        Raises:
            UsageError: none has the iterations that are asked for; lists those there are.
            CheckpointError: there is none, it belongs to another configuration, or the game was
                played by other rules then.
        """
        refuse_old_rules(config, self.path)
        store = CheckpointStore(self.path / CHECKPOINTS)
        if self.iterations is not None:
            return load_checkpoint(
                self._kept(store, self.iterations),
                game=game,
                fingerprint=fingerprint(config),
                differences=lambda stored: differences(stored, config),
                in_memory=in_memory,
            )
        return store.load_latest(
            warn=warn,
            game=game,
            fingerprint=fingerprint(config),
            differences=lambda stored: differences(stored, config),
            in_memory=in_memory,
        )

    def _kept(self, store: CheckpointStore, iterations: int) -> Path:
        """Return where the newest checkpoint of so many iterations lies."""
        kept = store.stored()
        found = [each.path for each in kept if each.iterations == iterations]
        if not found:
            raise no_such_checkpoint(self.path, iterations, kept)
        return found[-1]


def no_such_checkpoint(path: Path, iterations: int, kept: list[StoredCheckpoint]) -> UsageError:
    """Return what says which checkpoints there are in place of the one that is asked for."""
    there = sorted({each.iterations for each in kept})
    return UsageError(
        f"{path}@{iterations}: no checkpoint of so many iterations is kept; "
        + (f"there are {', '.join(map(str, there))}" if there else "there is none at all")
    )


def named_checkpoint(directory: str | Path) -> tuple[Path, int | None]:
    """Split ``DIR@ITERATIONS``; a directory that has such a name itself is meant as a whole."""
    stem, at, count = str(directory).rpartition("@")
    if not at or is_directory(Path(directory)):
        return Path(directory), None
    plain = count.replace(",", "").replace("_", "")
    if not stem or not (plain.isascii() and plain.isdigit() and len(plain) <= _COUNT_DIGITS):
        raise UsageError(
            f"{directory}: there is no such run directory; a checkpoint of a run is named by its "
            "iterations, RUN@1000000"
        )
    return Path(stem), int(plain)


def _not_writable(path: Path, error: OSError | ValueError) -> UsageError:
    reason = getattr(error, "strerror", None) or error
    if isinstance(error, NotRegularError) and error.filename:
        reason = f"{error.filename} {reason}"
    return UsageError(
        f"cannot write to the run directory {path}: {reason}; choose another with --logdir"
    )


def _lock_or_refuse(disk: HeldDisk) -> RunLock:
    """Take the lock; a file system that has none is done without."""
    try:
        return RunLock.take(disk)
    except BlockingIOError:
        raise UsageError(
            f"another process is running in {disk.root}; wait for it, or choose another directory "
            "with --logdir"
        ) from None
    except OSError as error:
        raise _not_writable(disk.root, error) from None


def _refuse_other_run(disk: HeldDisk) -> None:
    path = disk.root
    found = next((n for n in RUN_NAMES if n != LOCK and disk.exists(path / n)), None)
    if found is not None:
        raise UsageError(
            f"{path} holds another run (there is a {found}); go on with it by 'cfr-shm resume "
            f"{path}', or choose another directory with --logdir"
        )


def _refuse_directory(disk: HeldDisk, name: str) -> None:
    """Refuse a directory where a file is to be: no rename takes its place."""
    with contextlib.suppress(FileNotFoundError):
        mode = disk.status(disk.root / name).st_mode
        if stat.S_ISDIR(mode):
            require_regular(mode, name)


def _write(disk: HeldDisk, name: str, text: str) -> None:
    """Replace a file in one step, by way of one whose name nobody can foresee.

    Raises:
        OSError: with the file's own name.
    """
    try:
        _replace(disk, name, text)
    except OSError as error:
        error.filename, error.filename2 = str(disk.root / name), None
        raise


def _replace(disk: HeldDisk, name: str, text: str) -> None:
    temporary = disk.root / f".{name}.{secrets.token_hex(8)}.tmp"
    descriptor = disk.create(temporary)
    try:
        try:
            left = memoryview(text.encode())
            while left:
                left = left[disk.write(descriptor, left) :]
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(temporary, disk.root / name)
    except BaseException:
        with contextlib.suppress(OSError):
            disk.remove(temporary)
        raise


def _remove_temporary(disk: HeldDisk) -> None:
    """Remove what a killed process was writing; the directory is locked."""
    for name in disk.names(disk.root):
        if _TEMPORARY.fullmatch(name):
            with contextlib.suppress(OSError):
                disk.remove(disk.root / name)


def _rescue_name(lost: Path) -> Path:
    stem = f"{lost.name}-rescued-{time.strftime('%Y%m%d-%H%M%S')}"
    path, count = lost.with_name(stem), 1
    while os.path.lexists(path):
        count += 1
        path = lost.with_name(f"{stem}-{count}")
    return path


def _point_latest(path: Path) -> None:
    """Make ``runs/latest`` a link to ``path``, unless something else has that name."""
    link = path.parent / LATEST
    if link.exists() and not link.is_symlink():
        return
    temporary = path.parent / f".{LATEST}-{secrets.token_hex(8)}"
    temporary.symlink_to(path.name, target_is_directory=True)
    try:
        temporary.replace(link)
    except OSError:
        temporary.unlink()
        raise
