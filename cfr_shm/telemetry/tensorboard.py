"""TensorBoard events, in the records of TensorBoard's own writer (extra ``tb``).

Nothing of TensorBoard is imported before a run asks for it.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import stat
import time
from pathlib import Path
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.storage.disk import DISK, Disk, NotRegularError
from cfr_shm.telemetry.events import (
    Evaluated,
    Event,
    Progress,
    QualityMeasured,
    StreetMeasured,
    TableMeasured,
)


def require_tensorboard() -> None:
    """Raise ``UsageError`` with the remedy when TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "TensorBoard events were asked for, but tensorboard is not installed; "
            "run: pip install 'cfr-shm[tb]' (or use --no-tensorboard)"
        )


class TensorBoardLog:
    """Write the scalars of each interval and evaluation below ``directory``.

    Owned by the run, which closes it. The file is one of those that the run's disk appends to:
    TensorBoard's own would open it by its name again and again, and once the directory was moved,
    that is another run's.

    Args:
        directory: made if need be.
        disk: where it lies.

    Raises:
        NotRegularError: a link or a file has the directory's name.
    """

    name = "tensorboard/"

    def __init__(self, directory: Path, disk: Disk = DISK) -> None:
        require_tensorboard()
        if disk.exists(directory) and not stat.S_ISDIR(disk.status(directory).st_mode):
            raise NotRegularError(0, "is not a directory of its own", directory.name)
        from tensorboard.compat.proto.event_pb2 import Event as EventRecord
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter

        if not disk.exists(directory):
            disk.make_directory(directory)
        self._record: Any = EventRecord
        self._summary: Any = Summary
        self._file = disk.append(directory / _file_name())
        self._records: Any = RecordWriter(self._file.buffer)
        self._write(EventRecord(wall_time=time.time(), file_version="brain.Event:2"))

    def __call__(self, event: Event) -> None:
        """Write the scalars of ``event``, if it has any."""
        scalars = scalars_of(event)
        if not scalars or not isinstance(
            event, Progress | Evaluated | QualityMeasured | TableMeasured
        ):
            return
        values = [
            self._summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()
        ]
        summary = self._summary(value=values)
        self._write(self._record(wall_time=time.time(), step=event.iterations, summary=summary))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, record: Any) -> None:
        self._records.write(record.SerializeToString())
        self._records.flush()


def _file_name() -> str:
    """Return a name that TensorBoard takes for an event file's, and nobody else has."""
    host = "".join(each if each.isalnum() else "-" for each in socket.gethostname()) or "host"
    begun = f"{int(time.time()):010d}"
    return f"events.out.tfevents.{begun}.{host[:60]}.{os.getpid()}.{secrets.token_hex(4)}"


def scalars_of(event: Event) -> dict[str, float]:
    """Return the tags and values that an event gives to TensorBoard."""
    if isinstance(event, Evaluated):
        return {"Training/Exploitability": event.exploitability}
    if isinstance(event, QualityMeasured):
        return {f"Quality/{event.method}": event.value}
    if isinstance(event, TableMeasured):
        scalars = _table_scalars(event.whole, "")
        if len(event.streets) > 1:
            for street, measured in enumerate(event.streets):
                scalars |= _table_scalars(measured, f"/Street{street}")
        return scalars
    if not isinstance(event, Progress) or not event.due:
        return {}
    epsilon = {} if event.epsilon is None else {"Training/Epsilon": event.epsilon}
    return {
        "Performance/IterationsPerSecond": event.iterations_per_second,
        "Performance/NodesPerSecond": event.nodes_per_second,
        "Performance/WorkerBusyFraction": sum(event.busy_fraction)
        / max(1, len(event.busy_fraction)),
        "Performance/SystemCpuFraction": event.system_cpu_fraction,
        "Performance/ContextSwitchesPerSecond": event.context_switches_per_second,
        "Training/Utility": event.utility,
        "Training/UtilityMovingAvg": event.utility_moving_average,
        **epsilon,
    }


def _table_scalars(measured: StreetMeasured, suffix: str) -> dict[str, float]:
    scalars = {
        f"Training/InfosetsVisited{suffix}": float(measured.infosets_visited),
        f"Training/PolicyEntropy{suffix}": measured.policy_entropy,
    }
    if measured.average_regret_norm is not None:
        scalars[f"Training/AverageRegretNorm{suffix}"] = measured.average_regret_norm
    return scalars
