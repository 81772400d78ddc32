"""Measures in words: what was found, how sure that is, and what it says."""

from __future__ import annotations

import math

from cfr_shm.evaluation.estimates import Estimate
from cfr_shm.evaluation.measure import EXACT, EXPLOITER, Measurement

#: What each method's number is.
MEANINGS = {
    EXACT: "exploitability, exact",
    "river": "a best response from the river on wins at least",
    "turn": "a best response from the turn on wins at least",
    "flop": "a best response from the flop on wins at least",
    "lbr": "local best response wins (a bound from below; a small one says nothing)",
    EXPLOITER: "a seat that learns to play against the others' strategy gains, on average,",
}


def why_stopped(stopped: BaseException | None) -> str | None:
    """Return what ended a measure or a match early, None for nothing."""
    if stopped is None:
        return None
    return "interrupted" if isinstance(stopped, KeyboardInterrupt) else str(stopped)


def _end(found: Measurement) -> str:
    early = "" if found.stopped is None else f"; ended early: {why_stopped(found.stopped)}"
    return f"{found.seconds:.1f} s{early}"


def measure_lines(found: Measurement) -> list[str]:
    """Return what a method found, a line for the whole and one for the seats."""
    if found.method == EXPLOITER:
        return _exploiter_lines(found)
    digits = 1 if found.unit == "mbb" else 4
    seats = ", ".join(
        f"seat {seat} {each.value:+.{digits}f}" for seat, each in enumerate(found.seats)
    )
    knobs = ", ".join(f"{name} {value}" for name, value in found.settings.items())
    lines = [f"{found.method}: {MEANINGS[found.method]} {interval_text(found.gain, found.unit)}"]
    lines.append(f"  responder's {seats}; {knobs}; {_end(found)}")
    return lines


def _exploiter_lines(found: Measurement) -> list[str]:
    """Return the gain of each seat that alone deviates, with its interval and its budget."""
    lines = [f"{found.method}: {MEANINGS[EXPLOITER]} {interval_text(found.gain, found.unit)}"]
    learned, iterations = found.settings["learned"], found.settings["iterations"]
    for seat, gain in enumerate(found.seats):
        kept = "" if learned[seat] else ", and found nothing better than what it plays already"
        lines.append(
            f"  seat {seat} alone: {interval_text(gain, found.unit)}; it learned for "
            f"{iterations[seat]:,} iterations{kept}"
        )
    seed, deals = found.settings["seed"], found.settings["deals"]
    lines.append(f"  a bound from below; deals {deals:,}, seed {seed}; {_end(found)}")
    return lines


def interval_text(found: Estimate, unit: str) -> str:
    """Return a value with its interval, e.g. ``391.8 mbb (95 % CI 355.2 to 428.4, n 40)``."""
    if unit != "mbb":
        return _in_chips(found, unit)
    value = f"{found.value:.1f} {unit}"
    if found.n == 0:
        return value
    if not math.isfinite(found.low):
        return f"{value} (no interval, n {found.n})"
    return f"{value} (95 % CI {found.low:.1f} to {found.high:.1f}, n {found.n:,})"


def _in_chips(found: Estimate, unit: str) -> str:
    """Return the same of small games, whose stakes are a few chips."""
    value = f"{found.value:.6f} {unit}"
    if found.n == 0 or not math.isfinite(found.low):
        return value
    return f"{value} (95 % CI {found.low:.4f} to {found.high:.4f}, n {found.n:,})"
