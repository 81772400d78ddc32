"""What ``cfr-shm match`` tells of each pair: lines, and the JSON document."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.evaluation.measure_text import why_stopped

if TYPE_CHECKING:
    from cfr_shm.evaluation.estimates import Estimate
    from cfr_shm.evaluation.gathering import Gathered

PER_HUNDRED = "bb/100"

RANGES, PLAY, EXACT = "ranges", "play", "exact"


class Pair(NamedTuple):
    """What two strategies won of each other."""

    names: tuple[str, str]
    method: str  # RANGES, PLAY or EXACT
    corrected: bool
    unknown: tuple[str, ...]  # sides of which only the moves are seen
    seatings: int
    found: Gathered
    seconds: float
    unit: str  # what is told: "bb/100", or the game's own, a hand
    factor: float  # a unit of ``found`` in it


def document_of(pairs: list[Pair]) -> dict[str, Any]:
    """Return the first pair's result at the top, and all in ``pairs``."""
    found = [_of_pair(pair) for pair in pairs]
    return found[0] | {"pairs": found}


def _of_pair(pair: Pair) -> dict[str, Any]:
    value = pair.found.value.scaled(pair.factor)
    return {
        "names": list(pair.names),
        "unit": pair.unit,
        "value": _finite(value.value),
        "low": _finite(value.low),
        "high": _finite(value.high),
        "deals": value.n,
        "seatings": pair.seatings,
        "method": pair.method,
        "corrected": pair.corrected,
        "unknown": list(pair.unknown),
        "seconds": pair.seconds,
        "exact": pair.method == EXACT,
        "stopped": why_stopped(pair.found.stopped),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def lines_of(pair: Pair) -> list[str]:
    """Return what a terminal is told."""
    one, two = pair.names
    value = pair.found.value.scaled(pair.factor)
    played = f"  {_played(pair)}; {pair.seconds:.1f} s"
    if pair.found.stopped is not None:
        played += f"; ended early: {why_stopped(pair.found.stopped)}"
    if math.isnan(value.value) or (value.n < 2 and pair.method != EXACT):
        return [f"{one} against {two}: not enough was played to tell anything", played]
    how = "exact"
    if pair.method != EXACT:
        how = f"95 % CI {_number(value.low, pair)} to {_number(value.high, pair)}"
    per_hand = f", {10.0 * value.value:+.2f} mbb a hand" if pair.unit == PER_HUNDRED else ""
    told = f"{_number(value.value, pair)} {pair.unit} ({how}){per_hand}"
    return [f"{one} against {two}: {told}: {_verdict(pair, value)}", played]


def _number(value: float, pair: Pair) -> str:
    return f"{value:+.3f}" if pair.unit == PER_HUNDRED else f"{value:+.6f}"


def _played(pair: Pair) -> str:
    """Say what was played, and in how many seatings."""
    seatings = "both seatings" if pair.seatings == 2 else f"all {pair.seatings} seatings"
    if pair.method == EXACT:
        return f"all deals and lines, {seatings}"
    what = "boards, all hands of both" if pair.method == RANGES else "deals"
    if pair.corrected:
        draws = f"draws of all but {' and '.join(pair.unknown)}" if pair.unknown else "draws"
        what += f", luck of boards and {draws} taken out"
    return f"{pair.found.value.n:,} {what}, {seatings}"


def _verdict(pair: Pair, value: Estimate) -> str:
    one, two = pair.names
    if value.low > 0.0:
        return f"{one} wins"
    if value.high < 0.0:
        return f"{two} wins"
    return "neither wins" if pair.method == EXACT else "no difference is certain"
