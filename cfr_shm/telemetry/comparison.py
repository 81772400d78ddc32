"""Learning curves of several runs, read from their ``metrics.jsonl``."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cfr_shm.errors import UsageError
from cfr_shm.storage.documents import DocumentError, Text, read_document, record
from cfr_shm.storage.names import SUMMARY
from cfr_shm.telemetry.metrics_lines import (
    COST,
    EVALUATION,
    QUALITY,
    ascending,
    metrics_lines,
)

#: What exploitability is drawn against.
AXES = ("iterations", "nodes", "seconds")

#: What curves are of, where it is exact.
EXPLOITABILITY = "exploitability"

#: Points that are no bounds: what a checkpoint wins of an earlier one.
MATCH = "match"

_NAMED = record(game=Text())

#: Where lines of each kind have the value.
_VALUE = {"evaluation": "exploitability", "quality": "value"}


class Point(NamedTuple):
    """One evaluation, and what it had cost until then."""

    iterations: float
    nodes: float
    seconds: float  # of training
    exploitability: float  # or what ``Curve.measure`` says
    low: float = math.nan  # of its interval, where it has one
    high: float = math.nan


@dataclass(frozen=True)
class Curve:
    """The evaluations of one run, by ascending iterations; at least one.

    A run that cannot be evaluated exactly has the points of its quality curve instead.
    """

    name: str  # the directory, as it was given
    game: str
    unit: str
    points: tuple[Point, ...]
    measure: str = EXPLOITABILITY  # or that it is a bound, and of which method

    def axis(self, name: str) -> list[float]:
        """Return the coordinates of the points on one of ``AXES``."""
        return [float(getattr(point, name)) for point in self.points]


def read_curve(directory: str) -> Curve:
    """Return the learning curve of the run in ``directory``.

    Evaluation lines do not tell the nodes; they are interpolated between interval lines. What a
    resumed run did again replaces what was there before.

    Raises:
        UsageError: there is no such run, or nothing of it was evaluated.
    """
    kinds = {"interval": COST, "evaluation": EVALUATION, "quality": QUALITY}
    lines = list(metrics_lines(Path(directory), **kinds))
    costs = ascending(
        [(line["iterations"], line["nodes"]) for line in lines if line["kind"] == "interval"]
    )
    evaluated, measure = _evaluated(lines)
    points = ascending(
        [
            Point(
                iterations=line["iterations"],
                nodes=line.get("nodes") or _interpolate(costs, line),
                seconds=line["seconds"],
                exploitability=line[_VALUE[line["kind"]]],
                low=_bound(line, "low"),
                high=_bound(line, "high"),
            )
            for line in evaluated
        ]
    )
    if not points:
        raise UsageError(
            f"{directory}: no checkpoint of this run was evaluated, so it has no curve; train with "
            "a shorter --checkpoint-interval, and a game that can be evaluated exactly, or hold'em "
            "for two with run.quality"
        )
    return Curve(
        name=directory.rstrip("/\\") or directory,
        game=_game(Path(directory)),
        unit=evaluated[-1].get("unit") or "",
        points=tuple(points),
        measure=measure,
    )


def _bound(line: Mapping[str, Any], name: str) -> float:
    value = line.get(name)
    return float(value) if value is not None else math.nan


def _evaluated(lines: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Return the lines that a curve is made of, and what they measure: exactly if any line does.

    Bounds of different methods are never one curve: the last line's method counts.
    """
    exact = [line for line in lines if line["kind"] == "evaluation"]
    bounds = [line for line in lines if line["kind"] == "quality" and line["method"] != MATCH]
    if exact or not bounds:
        return exact, EXPLOITABILITY
    method = bounds[-1]["method"]
    return [line for line in bounds if line["method"] == method], f"{method} response"


def _interpolate(costs: list[tuple[float, float]], line: Mapping[str, Any]) -> float:
    """Return the nodes at a line's iterations; (0, 0) is known, and the last rate goes on."""
    iterations = float(line["iterations"])
    known = [(0.0, 0.0), *costs]
    if len(known) == 1:
        return math.nan
    right = min(max(bisect.bisect_left(known, (iterations,)), 1), len(known) - 1)
    (x0, y0), (x1, y1) = known[right - 1], known[right]
    return y0 + (y1 - y0) * (iterations - x0) / (x1 - x0) if x1 > x0 else y1


def _game(directory: Path) -> str:
    """Return the game's name as ``summary.json`` tells it."""
    try:
        summary = read_document(directory / SUMMARY)
    except (OSError, DocumentError):
        return "unknown"
    return str(summary["game"]) if _NAMED.fits(summary) else "unknown"
