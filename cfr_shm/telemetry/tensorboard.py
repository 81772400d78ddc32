"""TensorBoard events, written by TensorBoard's own event writer (extra ``tb``).

Nothing of TensorBoard is imported before a run asks for it.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.telemetry.events import Evaluated, Event, Progress


def require_tensorboard() -> None:
    """Raise ``UsageError`` with the remedy when TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise UsageError(
            "TensorBoard events were asked for, but tensorboard is not installed; "
            "run: pip install 'cfr-shm[tb]' (or use --no-tensorboard)"
        )


class TensorBoardLog:
    """Write the scalars of each interval and evaluation below ``directory``.

    Owned by the run; ``close`` writes out what TensorBoard still holds back.
    """

    name = "tensorboard/"

    def __init__(self, directory: Path) -> None:
        require_tensorboard()
        from tensorboard.compat.proto.event_pb2 import Event as EventRecord
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._record: Any = EventRecord
        self._summary: Any = Summary
        self._writer: Any = EventFileWriter(str(directory))

    def __call__(self, event: Event) -> None:
        """Write the scalars of ``event``, if it has any."""
        scalars = scalars_of(event)
        if not scalars or not isinstance(event, Progress | Evaluated):
            return
        values = [
            self._summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()
        ]
        self._writer.add_event(
            self._record(
                wall_time=time.time(), step=event.iterations, summary=self._summary(value=values)
            )
        )

    def close(self) -> None:
        """Write out what is held back, and close."""
        self._writer.close()


def scalars_of(event: Event) -> dict[str, float]:
    """Return the tags and values that an event gives to TensorBoard."""
    if isinstance(event, Evaluated):
        return {"Training/Exploitability": event.exploitability}
    if not isinstance(event, Progress) or not event.due:
        return {}
    return {
        "Performance/IterationsPerSecond": event.iterations_per_second,
        "Performance/NodesPerSecond": event.nodes_per_second,
        "Performance/WorkerBusyFraction": sum(event.busy_fraction)
        / max(1, len(event.busy_fraction)),
        "Performance/SystemCpuFraction": event.system_cpu_fraction,
        "Training/Utility": event.utility,
    }
