"""The curves of a run, from its own records: exploitability, quality, visits, regrets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.storage.documents import Number, Record, Text, record
from cfr_shm.telemetry.metrics_lines import COST, EVALUATION, metrics_lines

#: Points of a curve that are sent; longer ones are thinned evenly.
MOST_POINTS = 400

_AMOUNT = Number(low=0.0, high=1e18)
_SIGNED = Number(low=-1e18, high=1e18)

QUALITY = record(
    iterations=_AMOUNT,
    seconds=_AMOUNT,
    value=_SIGNED,
    low=_SIGNED,
    high=_SIGNED,
    method=Text(most=40),
    unit=Text(most=40),
)

_WHOLE = record(
    infosets=_AMOUNT,
    infosets_visited=_AMOUNT,
    average_regret_norm=Number(low=0.0, high=1e18, optional=True),
    policy_entropy=_AMOUNT,
)
TABLE: Record = record(iterations=_AMOUNT, seconds=_AMOUNT, whole=_WHOLE)


def curves_of(directory: Path) -> dict[str, Any]:
    """Return the curves of a run as JSON; none where it has no records yet."""
    kinds = {"evaluation": EVALUATION, "quality": QUALITY, "table": TABLE, "interval": COST}
    lines: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    try:
        for line in metrics_lines(directory, **kinds):
            lines[line["kind"]].append(line)
    except UsageError:
        return {"curves": []}
    curves = [
        _curve("exploitability", _unit(lines["evaluation"]), lines["evaluation"], "exploitability"),
        _bounded(lines["quality"]),
        _of_table("average regret", "chips", lines["table"], "average_regret_norm"),
        _of_table("policy entropy", "nats", lines["table"], "policy_entropy"),
        _visited(lines["table"]),
    ]
    return {"curves": [each for each in curves if each["points"]]}


def _unit(lines: list[dict[str, Any]]) -> str:
    return str(lines[-1].get("unit") or "") if lines else ""


def _curve(name: str, unit: str, lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    points = [(line["iterations"], line["seconds"], line[key]) for line in lines]
    return {"name": name, "unit": unit, "points": _ascending(points)}


def _bounded(lines: list[dict[str, Any]]) -> dict[str, Any]:
    points = [
        (line["iterations"], line["seconds"], line["value"], line["low"], line["high"])
        for line in lines
    ]
    name = f"quality, best response from the {lines[-1]['method']}" if lines else "quality"
    return {"name": name, "unit": _unit(lines), "points": _ascending(points)}


def _of_table(name: str, unit: str, lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    known = [line for line in lines if line["whole"].get(key) is not None]
    points = [(line["iterations"], line["seconds"], line["whole"][key]) for line in known]
    return {"name": name, "unit": unit, "points": _ascending(points)}


def _visited(lines: list[dict[str, Any]]) -> dict[str, Any]:
    points = [
        (
            line["iterations"],
            line["seconds"],
            100.0 * line["whole"]["infosets_visited"] / max(line["whole"]["infosets"], 1.0),
        )
        for line in lines
    ]
    return {"name": "infosets visited", "unit": "%", "points": _ascending(points)}


def _ascending(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return points by iterations: what a resumed run did again replaces what was before."""
    kept: list[tuple[float, ...]] = []
    for point in points:
        while kept and kept[-1][0] >= point[0]:
            kept.pop()
        kept.append(point)
    stride = -(-len(kept) // MOST_POINTS)
    return kept if stride <= 1 else [*kept[:-1:stride], kept[-1]]
