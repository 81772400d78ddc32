"""The quality of a run over its training, read from its ``metrics.jsonl``: a curve a method."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cfr_shm.telemetry.metrics_lines import QUALITY, ascending, metrics_lines


class QualityPoint(NamedTuple):
    """What one checkpoint was measured at."""

    iterations: float
    seconds: float  # of training before it
    value: float
    low: float  # of the 95 % interval: the value itself where it is exact
    high: float


@dataclass(frozen=True)
class QualityCurve:
    """All points of one method; never mixed with those of another, which bounds otherwise."""

    method: str  # ``evaluation.measure.METHODS``, or "match": what it wins of an earlier one
    unit: str
    points: tuple[QualityPoint, ...]  # at least one, by ascending iterations


def quality_curves(directory: Path) -> tuple[QualityCurve, ...]:
    """Return the quality curves of the run in ``directory``, in the order they begin; often none.

    What a resumed run measured again replaces what was there before.

    Raises:
        UsageError: there is no such run, or its records cannot be read.
    """
    by_method: dict[str, list[dict[str, Any]]] = {}
    for line in metrics_lines(directory, quality=QUALITY):
        by_method.setdefault(line["method"], []).append(line)
    return tuple(
        QualityCurve(method, lines[-1]["unit"], tuple(ascending([_point(line) for line in lines])))
        for method, lines in by_method.items()
    )


def _point(line: dict[str, Any]) -> QualityPoint:
    value = line["value"]
    low, high = (value if line.get(end) is None else line[end] for end in ("low", "high"))
    return QualityPoint(line["iterations"], line["seconds"], value, low, high)
