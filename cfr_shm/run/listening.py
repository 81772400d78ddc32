"""Who listens to a run: its own log, its metrics, TensorBoard; opened and closed with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from cfr_shm.config.sections import Config
from cfr_shm.errors import CfrShmError
from cfr_shm.run.directory import RunDirectory
from cfr_shm.storage.names import LOG, METRICS, TENSORBOARD
from cfr_shm.telemetry.events import Broadcast, Listener, RunFailed, Warned
from cfr_shm.telemetry.metrics import MetricsLog
from cfr_shm.telemetry.progress import LogFile
from cfr_shm.telemetry.samples import Sampler
from cfr_shm.telemetry.tensorboard import TensorBoardLog


@contextlib.contextmanager
def listeners(config: Config, directory: RunDirectory, report: Listener) -> Iterator[Listener]:
    """Open the run directory's own listeners, and close them when the run is over.

    What happens to the directory itself is told to all of them.
    """
    path, disk = directory.path, directory.disk
    with contextlib.ExitStack() as stack:
        own: list[LogFile | MetricsLog | TensorBoardLog] = []
        with directory.writing():
            own.append(LogFile(path / LOG, config.run.loglevel, config.run.log_format, disk))
            own.append(MetricsLog(path / METRICS, sampler=Sampler(os.getpid()), disk=disk))
            if config.run.tensorboard:
                own.append(TensorBoardLog(path / TENSORBOARD, disk))
        for listener in own:
            stack.callback(listener.close)
        broadcast = Broadcast([report, *own])
        directory.on_loss = lambda text: broadcast(Warned(text))
        try:
            yield broadcast
        except Exception as error:
            notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
            kind = "" if isinstance(error, CfrShmError) else f"{type(error).__name__}: "
            broadcast(RunFailed(f"{kind}{error}{notes}"))
            raise
