"""``metrics.jsonl``: one JSON object per line, for plots and for other programs.

Every line has a ``kind``. ``interval`` lines carry the fields of ``Progress``, ``evaluation``
lines those of ``Evaluated``, ``quality`` lines those of ``QualityMeasured``, ``table`` lines those
of ``TableMeasured``; ``processes`` lines hold a frame of ``samples``. ``docs/run_directory.md``
lists them.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

from cfr_shm.storage.disk import DISK, Disk, last_byte
from cfr_shm.telemetry.events import Evaluated, Event, Progress, QualityMeasured, TableMeasured
from cfr_shm.telemetry.samples import LEAST_FRAME_SECONDS, Sampler, Snapshot, frame_between

_KINDS = {
    Progress: "interval",
    Evaluated: "evaluation",
    QualityMeasured: "quality",
    TableMeasured: "table",
}


class MetricsLog:
    """Append a line for each interval and each evaluation.

    Owned by the run; holds the file open until ``close``. A line that was cut short by a crash
    is ended first, so that it spoils itself alone.

    Args:
        path: of the file; it is appended to.
        clock: Unix time.
        sampler: of the run's processes, which are looked at once in each interval.
        disk: where the file lies.
    """

    name = "metrics.jsonl"

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.time,
        sampler: Sampler | None = None,
        disk: Disk = DISK,
    ) -> None:
        self._sampler = sampler
        self._snapshot: Snapshot | None = None
        self._file = disk.append(path)
        self._clock = clock
        if last_byte(self._file.fileno()) not in (b"", b"\n"):
            self._file.write("\n")

    def __call__(self, event: Event) -> None:
        """Write ``event`` if it is the end of an interval, or a measurement."""
        if not isinstance(event, Progress | Evaluated | QualityMeasured | TableMeasured):
            return
        if not isinstance(event, Progress) or event.due:
            fields = dataclasses.asdict(event)
            fields.pop("due", None)
            self._write({"kind": _KINDS[type(event)], "time": round(self._clock(), 3), **fields})
        if isinstance(event, Progress):
            self._look_at_processes(event.due)

    def _look_at_processes(self, due: bool) -> None:
        """Write what the processes have used since the last look; the first look is a start."""
        if self._sampler is None or not (due or self._snapshot is None):
            return
        now = self._sampler.snapshot()
        frame = None if self._snapshot is None else frame_between(self._snapshot, now)
        if self._snapshot is None:
            self._snapshot = now
        elif frame is not None and frame.seconds >= LEAST_FRAME_SECONDS:
            self._snapshot = now
            self._write({"kind": "processes", **frame.as_dict()})

    def _write(self, line: dict[str, object]) -> None:
        self._file.write(json.dumps(finite(line), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; what could not be written is lost."""
        try:
            self._file.close()
        except OSError:
            return


def finite(value: object) -> object:
    """Return ``value``, with None for each number in it that JSON cannot say."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
