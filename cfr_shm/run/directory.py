"""The directory of one run: who may write to it, and what lies where.

``docs/run_directory.md`` describes the files. A directory belongs to one run for good, and to
one process at a time: an operating-system lock, which dies with its owner, keeps a second
process out.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cfr_shm.config.identity import differences, fingerprint
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.config.text import to_yaml
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore, load_checkpoint

CONFIG, SUMMARY, METRICS, LOG = "config.yaml", "summary.json", "metrics.jsonl", "log.txt"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
_LOCK = ".lock"
_OWN = (CONFIG, SUMMARY, METRICS, LOG, CHECKPOINTS, TENSORBOARD)

#: Characters of a game's name that a run directory takes over.
_LONGEST_NAME = 60

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

    If the run fails before ``keep`` is called, what was created is removed again, so that the
    same command can be given once more.
    """

    def __init__(self, path: Path, lock: int, made: bool, resuming: bool) -> None:
        self.path = path
        self._lock = lock
        self._made = made
        self._resuming = resuming
        self._kept = False

    @classmethod
    def claim(cls, path: Path, config: Config, *, resuming: bool) -> Self:
        """Make ``path`` if need be, lock it, and write ``config.yaml``.

        Raises:
            UsageError: it cannot be written to, another process uses it, or (unless
                ``resuming``) it holds another run.
        """
        made = not path.exists()
        if not made and not path.is_dir():
            raise UsageError(f"the run directory {path} is not a directory; see --logdir")
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UsageError(
                f"cannot write to the run directory {path}: {error.strerror}; "
                "choose another with --logdir"
            ) from None
        try:
            _lock_or_refuse(lock, path)
            if not resuming:
                _refuse_other_run(path)
            directory = cls(path, lock, made, resuming)
            directory._write(CONFIG, to_yaml(config))
        except OSError as error:
            os.close(lock)
            raise UsageError(
                f"cannot write to the run directory {path}: {error.strerror}; "
                "choose another with --logdir"
            ) from None
        except BaseException:
            os.close(lock)
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
        os.close(self._lock)

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

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace ``summary.json`` in one step.

        Raises:
            OSError: it could not be written; the former one is untouched.
        """
        self._write(SUMMARY, json.dumps(summary, indent=2, allow_nan=False) + "\n")

    def _write(self, name: str, text: str) -> None:
        temporary = self.path / f".{name}.tmp"
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path / name)
        finally:
            temporary.unlink(missing_ok=True)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            for name in (CONFIG, SUMMARY, LOG, METRICS, _LOCK):
                (self.path / name).unlink(missing_ok=True)
            for name in (TENSORBOARD, CHECKPOINTS):
                if (directory := self.path / name).is_dir():
                    for file in directory.iterdir():
                        file.unlink()
                    directory.rmdir()
            if self._made:
                self.path.rmdir()


class StoredRun:
    """A run directory that is read: its configuration, and one of its checkpoints.

    ``directory`` may be followed by ``@ITERATIONS``, which names the checkpoint of exactly so
    many iterations; without, the newest one is meant.
    """

    def __init__(self, directory: str | Path) -> None:
        self.path, self.iterations = _named(directory)
        self.config_path = self.path / CONFIG
        if not self.path.is_dir():
            raise UsageError(f"{self.path}: there is no such run directory")
        if not self.config_path.is_file():
            raise UsageError(f"{directory}: is not a run directory (it holds no {CONFIG})")

    def load_config(self) -> Config:
        """Return the configuration that the run was started or last resumed with."""
        return load_config(self.config_path)

    def load_checkpoint(
        self, config: Config, game: Game, warn: Callable[[str], None]
    ) -> Checkpoint:
        """Return the checkpoint that is named, else the newest one that is whole.

        Args:
            config: whose fingerprint it must bear.
            game: whose table it must hold.
            warn: told of each newer one that had to be passed over.

        Raises:
            UsageError: none has the iterations that are asked for; lists those there are.
            CheckpointError: there is none, or it belongs to another configuration.
        """
        store = CheckpointStore(self.path / CHECKPOINTS)
        if self.iterations is not None:
            return load_checkpoint(
                self._kept(store, self.iterations),
                game=game,
                fingerprint=fingerprint(config),
                differences=lambda stored: differences(stored, config),
            )
        return store.load_latest(
            warn=warn,
            game=game,
            fingerprint=fingerprint(config),
            differences=lambda stored: differences(stored, config),
        )

    def _kept(self, store: CheckpointStore, iterations: int) -> Path:
        """Return where the newest checkpoint of so many iterations lies."""
        kept = store.stored()
        found = [each.path for each in kept if each.iterations == iterations]
        if not found:
            there = sorted({each.iterations for each in kept})
            raise UsageError(
                f"{self.path}@{iterations}: no checkpoint of so many iterations is kept; "
                + (f"there are {', '.join(map(str, there))}" if there else "there is none at all")
            )
        return found[-1]


def _named(directory: str | Path) -> tuple[Path, int | None]:
    """Split ``DIR@ITERATIONS``; a directory that has such a name itself is meant as a whole."""
    stem, at, count = str(directory).rpartition("@")
    if not at or Path(directory).is_dir():
        return Path(directory), None
    plain = count.replace(",", "").replace("_", "")
    if not stem or not (plain.isascii() and plain.isdigit()):
        raise UsageError(
            f"{directory}: there is no such run directory; a checkpoint of a run is named by its "
            "iterations, RUN@1000000"
        )
    return Path(stem), int(plain)


def _lock_or_refuse(lock: int, path: Path) -> None:
    """Take the lock; a file system that has none is done without."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise UsageError(
            f"another process is running in {path}; wait for it, or choose another directory "
            "with --logdir"
        ) from None
    except OSError:
        return


def _refuse_other_run(path: Path) -> None:
    found = next((name for name in _OWN if (path / name).exists()), None)
    if found is not None:
        raise UsageError(
            f"{path} holds another run (there is a {found}); go on with it by 'cfr-shm resume "
            f"{path}', or choose another directory with --logdir"
        )


def _point_latest(path: Path) -> None:
    """Make ``runs/latest`` a link to ``path``, unless something else has that name."""
    link = path.parent / LATEST
    if link.exists() and not link.is_symlink():
        return
    temporary = path.parent / f".{LATEST}-{os.getpid()}"
    temporary.symlink_to(path.name, target_is_directory=True)
    temporary.replace(link)
