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
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import ArrayStoreError, CfrShmError, MemoryReserveError, NotFiniteError
from cfr_shm.games.game import Game
from cfr_shm.layout.rows import WORD_BYTES
from cfr_shm.memory.checkpoint import Checkpoint, CheckpointStore
from cfr_shm.memory.limits import private_limits, require_memory
from cfr_shm.telemetry.events import CheckpointFailed, CheckpointSaved, Listener

#: A checkpoint that ends a run has no next interval: it is tried again after these waits.
RETRY_SECONDS = (0.5, 2.0)


class CheckpointWriter:
    """Writes one checkpoint at a time; owned by the run, which closes it before its directory.

    Args:
        store: where checkpoints lie.
        game: whose tables they hold.
        report: is told of every checkpoint, saved or failed, from the writing thread too.
        after: called with a checkpoint and its path once it is on disk, in the same thread.

    Attributes:
        saved: checkpoints that are on disk.
    """

    def __init__(
        self,
        store: CheckpointStore,
        game: Game,
        report: Listener,
        after: Callable[[Checkpoint, Path], None],
    ) -> None:
        self._store, self._game = store, game
        self._report = report
        self._after = after
        self._thread: threading.Thread | None = None
        self._buffer: NDArray[np.float64] | None = None
        self._fault: BaseException | None = None
        self.saved = 0

    @property
    def busy(self) -> bool:
        """Whether the last checkpoint is still being written."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def failed(self) -> bool:
        """Whether ``wait`` would raise: the run is of no use any more."""
        return self._fault is not None

    def prepare(self, word_count: int) -> None:
        """Take the memory for copies of ``word_count`` words, in the background."""
        self._run(lambda: self._take_memory(word_count))

    def copy_of(self, rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return a copy of ``rows`` for ``begin``, or None when there is no memory for one.

        Only when not ``busy``: there is one copy at a time.
        """
        self.wait()
        if self._buffer is None:
            self._take_memory(len(rows))
        if self._buffer is not None:
            np.copyto(self._buffer, rows)
        return self._buffer

    def begin(self, checkpoint: Checkpoint) -> None:
        """Write ``checkpoint`` in the background; only when not ``busy``.

        Its rows are those that ``copy_of`` returned; nobody else may write to them.

        Raises:
            NotFiniteError: an earlier checkpoint held NaN or infinity.
        """
        self._run(lambda: self._attempt(checkpoint))

    def write_now(self, checkpoint: Checkpoint) -> None:
        """Write ``checkpoint`` before returning; a failure is reported, as in the background.

        Raises:
            NotFiniteError: it holds NaN or infinity.
        """
        self.wait()
        self._attempt(checkpoint)

    def write_last(self, checkpoint: Checkpoint) -> Path:
        """Write the checkpoint that ends a run, and try again if that fails; return its path.

        ``after`` is not called.

        Raises:
            NotFiniteError: it holds NaN or infinity.
            CfrShmError: it could not be written.
        """
        self.wait()
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
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault

    def _run(self, work: Callable[[], None]) -> None:
        self.wait()
        self._thread = threading.Thread(
            target=self._keep_fault, args=(work,), name="cfr-shm-checkpoint"
        )
        self._thread.start()

    def _keep_fault(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised by wait() in the run's thread
            self._fault = error

    def _take_memory(self, word_count: int) -> None:
        try:
            require_memory(word_count * WORD_BYTES, private_limits())
            buffer = np.empty(word_count)
        except (MemoryReserveError, MemoryError):
            return
        np.copyto(buffer, 0.0)  # Touches every page, without the GIL.
        self._buffer = buffer

    def _attempt(self, checkpoint: Checkpoint) -> None:
        try:
            path = self._save(checkpoint)
        except NotFiniteError:
            raise
        except (OSError, ArrayStoreError) as error:
            self._failed(checkpoint, error)
        else:
            self._after(checkpoint, path)

    def _save(self, checkpoint: Checkpoint) -> Path:
        started = time.monotonic()
        path = self._store.save(checkpoint, self._game)
        self.saved += 1
        seconds = time.monotonic() - started
        self._report(CheckpointSaved(str(path), checkpoint.iterations, seconds))
        return path

    def _failed(self, checkpoint: Checkpoint, error: OSError | ArrayStoreError) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._report(CheckpointFailed(reason, checkpoint.iterations))
