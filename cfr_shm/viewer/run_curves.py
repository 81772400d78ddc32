"""The curves of a run, from its own records: exploitability, quality, visits, regrets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.storage.documents import Number, Record, record
from cfr_shm.telemetry.metrics_lines import COST, EVALUATION, ascending, metrics_lines
from cfr_shm.telemetry.quality_curves import QualityCurve, quality_curves

#: Points of a curve that are sent; longer ones are thinned evenly.
MOST_POINTS = 400

#: What a method's points say; of the others: what a best response wins.
_QUALITY = {
    "exact": "exploitability",
    "lbr": "local best response wins",
    "exploiter": "a seat gains that learns against it",
    "match": "wins of an earlier checkpoint",
}

_AMOUNT = Number(low=0.0, high=1e18)

_WHOLE = record(
    infosets=_AMOUNT,
    infosets_visited=_AMOUNT,
    average_regret_norm=Number(low=0.0, high=1e18, optional=True),
    policy_entropy=_AMOUNT,
)
TABLE: Record = record(iterations=_AMOUNT, seconds=_AMOUNT, whole=_WHOLE)


def curves_of(directory: Path) -> dict[str, Any]:
    """Return the curves of a run as JSON; none where it has no records yet."""
    kinds = {"evaluation": EVALUATION, "table": TABLE, "interval": COST}
    lines: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    try:
        for line in metrics_lines(directory, **kinds):
            lines[line["kind"]].append(line)
        measured = quality_curves(directory)
    except UsageError:
        return {"curves": []}
    curves = [
        _curve("exploitability", _unit(lines["evaluation"]), lines["evaluation"], "exploitability"),
        *(_of_quality(each) for each in measured),
        _of_table("average regret", "chips", lines["table"], "average_regret_norm"),
        _of_table("policy entropy", "nats", lines["table"], "policy_entropy"),
        _visited(lines["table"]),
    ]
    return {"curves": [each for each in curves if each["points"]]}


def _unit(lines: list[dict[str, Any]]) -> str:
    return str(lines[-1].get("unit") or "") if lines else ""


def _curve(name: str, unit: str, lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    points = [(line["iterations"], line["seconds"], line[key]) for line in lines]
    return {"name": name, "unit": unit, "points": _thinned(points)}


def _of_quality(curve: QualityCurve) -> dict[str, Any]:
    what = _QUALITY.get(curve.method, f"a best response from the {curve.method} on wins")
    return {"name": f"quality: {what}", "unit": curve.unit, "points": _thinned(curve.points)}


def _of_table(name: str, unit: str, lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    known = [line for line in lines if line["whole"].get(key) is not None]
    points = [(line["iterations"], line["seconds"], line["whole"][key]) for line in known]
    return {"name": name, "unit": unit, "points": _thinned(points)}


def _visited(lines: list[dict[str, Any]]) -> dict[str, Any]:
    points = [
        (
            line["iterations"],
            line["seconds"],
            100.0 * line["whole"]["infosets_visited"] / max(line["whole"]["infosets"], 1.0),
        )
        for line in lines
    ]
    return {"name": "infosets visited", "unit": "%", "points": _thinned(points)}


def _thinned(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    kept = ascending(points)
    stride = -(-len(kept) // MOST_POINTS)
    return kept if stride <= 1 else [*kept[:-1:stride], kept[-1]]
