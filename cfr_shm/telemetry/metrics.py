"""``metrics.jsonl``: one JSON object per line, for plots and for other programs.

Every line has a ``kind``. ``interval`` lines carry the fields of ``Progress``, ``evaluation``
lines those of ``Evaluated``; ``docs/run_directory.md`` lists them.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

from cfr_shm.telemetry.events import Evaluated, Event, Progress


class MetricsLog:
    """Append a line for each interval and each evaluation.

    Owned by the run; holds the file open until ``close``. A line that was cut short by a crash
    is ended first, so that it spoils itself alone.
    """

    name = "metrics.jsonl"

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
        self._file = path.open("a", encoding="utf-8")
        self._clock = clock
        if torn:
            self._file.write("\n")

    def __call__(self, event: Event) -> None:
        """Write ``event`` if it is the end of an interval, or an evaluation."""
        if isinstance(event, Progress) and event.due:
            kind = "interval"
        elif isinstance(event, Evaluated):
            kind = "evaluation"
        else:
            return
        fields = {name: _finite(value) for name, value in dataclasses.asdict(event).items()}
        fields.pop("due", None)
        line = {"kind": kind, "time": round(self._clock(), 3), **fields}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; what could not be written is lost."""
        try:
            self._file.close()
        except OSError:
            return


def _finite(value: object) -> object:
    """Return ``value``, or None for a number that JSON cannot say."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
