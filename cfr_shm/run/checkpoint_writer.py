"""Checkpoints written in the background, while the training goes on.

The training stops at a barrier only for as long as copying the rows takes; the copy is then
written by a thread of its own. Copying into fresh memory can take thirty times as long as into
memory that the process has touched before (1.4 GiB: 2.4 s and 0.08 s), so the memory is taken and
touched ahead, and kept. A disk that is full, or fails, costs a warning and a checkpoint, never
the run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import ArrayStoreError, CfrShmError, MemoryReserveError, NotFiniteError
from cfr_shm.games.game import Game
from cfr_shm.layout.rows import WORD_BYTES
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.memory.limits import private_limits, require_memory
from cfr_shm.telemetry.events import CheckpointFailed, CheckpointSaved, Listener

Result = TypeVar("Result")

#: What is done with a checkpoint that is on disk: told it, its path, and how many there are now.
After = Callable[[Checkpoint, Path, int], None]

#: A checkpoint that ends a run has no next interval: it is tried again after these waits.
RETRY_SECONDS = (0.5, 2.0)


class CheckpointWriter:
    """Writes one checkpoint at a time; owned by the run, which closes it before its directory.

    Only the run's thread calls it, and only that thread changes it: what the writing thread has
    done is the result of a future, which ``wait`` takes in.

    Args:
        store: where checkpoints lie.
        game: whose tables they hold.
        report: is told of every checkpoint, saved or failed, from the writing thread too.

    Attributes:
        saved: checkpoints that are on disk, as far as they were waited for.
        newest: where the last of them lies.
    """

    def __init__(self, store: CheckpointStore, game: Game, report: Listener) -> None:
        self._store, self._game = store, game
        self._report = report
        self._buffer: NDArray[np.float64] | None = None
        self._memory: Future[NDArray[np.float64] | None] | None = None
        self._writing: Future[Path | None] | None = None
        self.saved = 0
        self.newest: Path | None = None

    @property
    def busy(self) -> bool:
        """Whether memory is being taken, or the last checkpoint is still being written."""
        return any(each is not None and not each.done() for each in (self._memory, self._writing))

    @property
    def failed(self) -> bool:
        """Whether ``wait`` would raise: the run is of no use any more."""
        return any(
            each is not None and each.done() and each.exception() is not None
            for each in (self._memory, self._writing)
        )

    def prepare(self, word_count: int) -> None:
        """Take the memory for copies of ``word_count`` words, in the background."""
        self.wait()
        self._memory = _in_a_thread(lambda: _taken_memory(word_count))

    def copy_of(self, rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return a copy of ``rows`` for ``begin``, or None when there is no memory for one.

        Only when not ``busy``: there is one copy at a time.
        """
        self.wait()
        if self._buffer is None:
            self._buffer = _taken_memory(len(rows))
        if self._buffer is not None:
            np.copyto(self._buffer, rows)
        return self._buffer

    def begin(self, checkpoint: Checkpoint, after: After) -> None:
        """Write ``checkpoint`` in the background; only when not ``busy``.

        Its rows are those that ``copy_of`` returned; nobody else may write to them. Once it is on
        disk ``after`` is called, in the writing thread.

        Raises:
            NotFiniteError: an earlier checkpoint held NaN or infinity.
        """
        self.wait()
        count = self.saved + 1
        self._writing = _in_a_thread(lambda: self._attempt(checkpoint, after, count))

    def write_now(self, checkpoint: Checkpoint, after: After) -> None:
        """Write ``checkpoint`` before returning; a failure is reported, as in the background.

        Raises:
            NotFiniteError: it holds NaN or infinity.
        """
        self.wait()
        self._take_in(self._attempt(checkpoint, after, self.saved + 1))

    def write_last(self, checkpoint: Checkpoint) -> Path:
        """Write the checkpoint that ends a run, and try again if that fails; return its path.

        Raises:
            NotFiniteError: it holds NaN or infinity.
            CfrShmError: it could not be written.
        """
        self.wait()
        path = self._save_at_last(checkpoint)
        self._take_in(path)
        return path

    def _save_at_last(self, checkpoint: Checkpoint) -> Path:
        for pause in RETRY_SECONDS:
            try:
                return self._save(checkpoint)
            except NotFiniteError:
                raise
            except (OSError, ArrayStoreError) as error:
                self._failed(checkpoint, error)
                time.sleep(pause)
        try:
            return self._save(checkpoint)
        except (OSError, ArrayStoreError) as error:
            earlier = any(each.sequence is not None for each in self._store.stored())
            raise CfrShmError(
                f"the last checkpoint, of iteration {checkpoint.iterations}, could not be "
                f"written: {error}; {'earlier ones are intact' if earlier else 'there is no other'}"
            ) from error

    def wait(self) -> None:
        """Wait for what is being written.

        Raises:
            NotFiniteError: it held NaN or infinity: going on would be of no use.
        """
        memory, self._memory = self._memory, None
        if memory is not None:
            self._buffer = memory.result()
        writing, self._writing = self._writing, None
        if writing is not None:
            self._take_in(writing.result())

    def _take_in(self, path: Path | None) -> None:
        if path is not None:
            self.saved += 1
            self.newest = path

    def _attempt(self, checkpoint: Checkpoint, after: After, count: int) -> Path | None:
        """Write a checkpoint, which will be the ``count``-th; return where it lies, if it does."""
        try:
            path = self._save(checkpoint)
        except NotFiniteError:
            raise
        except (OSError, ArrayStoreError) as error:
            self._failed(checkpoint, error)
            return None
        after(checkpoint, path, count)
        return path

    def _save(self, checkpoint: Checkpoint) -> Path:
        started = time.monotonic()
        path = self._store.save(checkpoint, self._game)
        seconds = time.monotonic() - started
        self._report(CheckpointSaved(str(path), checkpoint.iterations, seconds))
        return path

    def _failed(self, checkpoint: Checkpoint, error: OSError | ArrayStoreError) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._report(CheckpointFailed(reason, checkpoint.iterations))


def _taken_memory(word_count: int) -> NDArray[np.float64] | None:
    """Return memory that this process has touched, None where there is too little."""
    try:
        require_memory(word_count * WORD_BYTES, private_limits())
        buffer = np.empty(word_count)
    except (MemoryReserveError, MemoryError):
        return None
    np.copyto(buffer, 0.0)  # Touches every page, without the GIL.
    return buffer


def _in_a_thread(work: Callable[[], Result]) -> Future[Result]:
    """Begin ``work`` in a thread of its own; what it returns or raises is the future's."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised by wait() in the run's thread
            future.set_exception(error)

    threading.Thread(target=run, name="cfr-shm-checkpoint").start()
    return future
