"""Compare the newest saved benchmark run with the one before it on the same machine.

``python benchmarks/compare_runs.py`` reads what ``nox -s bench`` has saved below
benchmarks/results/runs, prints a ratio for every benchmark, and ends with status 1 if one of them
got slower by more than 10 % and the calibration loop beside it did not.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNS = Path(__file__).resolve().parent / "results" / "runs"
LIMIT = 1.10


@dataclass(frozen=True)
class Change:
    """One benchmark in two runs. Above 1: slower than before."""

    name: str
    ratio: float  # of the median times
    machine: float  # of the calibration loop's times

    @property
    def is_slower(self) -> bool:
        """Whether it got slower, and the machine did not explain it."""
        return self.ratio > LIMIT and self.ratio / self.machine > LIMIT


def saved_runs(directory: Path) -> list[dict[str, Any]]:
    """Return all saved runs, oldest first; files that are none are passed over."""
    runs = []
    for path in directory.rglob("*.json"):
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if isinstance(run, dict) and "benchmarks" in run and "datetime" in run:
            runs.append(run)
    return sorted(runs, key=lambda run: str(run["datetime"]))


def machine_of(run: dict[str, Any]) -> str:
    """Return what tells the machines of two runs apart."""
    return str(run.get("machine_info", {}).get("cfr_shm", {}).get("id", "unknown"))


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    """Return the change of every benchmark that is in both runs."""
    old = {each["fullname"]: each for each in before["benchmarks"]}
    found = []
    for each in now["benchmarks"]:
        former = old.get(each["fullname"])
        if former is None:
            continue
        ratio = each["stats"]["median"] / former["stats"]["median"]
        machine = _calibration(each) / _calibration(former)
        found.append(Change(each["fullname"], ratio, machine))
    return found


def _calibration(benchmark: dict[str, Any]) -> float:
    return float(benchmark.get("extra_info", {}).get("calibration_seconds", 1.0))


def main(directory: Path = RUNS) -> int:
    """Print the changes; return 1 if a benchmark got slower."""
    runs = saved_runs(directory)
    if not runs:
        print(f"no saved runs below {directory}")
        return 0
    now = runs[-1]
    earlier = [run for run in runs[:-1] if machine_of(run) == machine_of(now)]
    if not earlier:
        print("the first saved run of this machine: nothing to compare it with")
        return 0
    found = changes(earlier[-1], now)
    width = max((len(change.name) for change in found), default=0)
    for change in found:
        verdict = "SLOWER" if change.is_slower else ""
        print(
            f"{change.name:<{width}}  time x {change.ratio:.2f}  machine x {change.machine:.2f}  "
            f"{verdict}".rstrip()
        )
    slower = sum(change.is_slower for change in found)
    print(f"{len(found)} benchmarks, {slower} slower than on {earlier[-1]['datetime']}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
