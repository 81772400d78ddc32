"""A spot solved on one flop after the other, a row each, in a run directory.

``flops.csv`` grows by a row when a flop is done; whoever is interrupted goes on after the last.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cfr_shm.cards.deck import STANDARD
from cfr_shm.config.sections import Config
from cfr_shm.errors import UsageError
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.solve import CHECK_EVERY, Bounds, solver_settings
from cfr_shm.spots.settled import spot_of
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_reports import ALL_FLOPS, WeightedBoard, every_flop, listed_boards
from cfr_shm.spots.spot_results import root_summary

FLOPS = "flops.csv"


def read_flops(source: str) -> list[WeightedBoard]:
    """Return the flops of a file, or all 1,755.

    Raises:
        UsageError: it cannot be read, or a line is no flop.
    """
    if source == ALL_FLOPS:
        return every_flop(STANDARD)
    try:
        lines = Path(source).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--flops {source}: cannot be read: {error}") from None
    return listed_boards(STANDARD, lines, source)


def solve_flops(
    config: Config,
    flops: Sequence[WeightedBoard],
    directory: RunDirectory,
    say: Callable[[str], None],
    signals: StopSignals,
) -> dict[str, Any]:
    """Solve every flop that the directory has no row of yet; return the weighted means.

    A signal ends it after the flop that is being solved.
    """
    path = directory.path / FLOPS
    done = _rows(path)
    directory.keep()
    signals.defer()
    for number, flop in enumerate(flops, 1):
        name = STANDARD.text(flop.cards)
        if name in done:
            continue
        if signals.pending:
            break
        row = {"flop": name, "weight": flop.weight, **_solved(config, name)}
        _append(path, row, header=not done)
        done[name] = {key: str(value) for key, value in row.items()}
        say(f"{number}/{len(flops)} {name}: EV {row['ev_oop']:.3f} {row['ev_ip']:.3f}")
    return _means(done, len(flops), str(directory.path))


def _solved(config: Config, board: str) -> dict[str, Any]:
    """Solve one flop and return its row."""
    bounds = Bounds.of(config)
    spot = replace(config.spot, board=board)
    spot.check()
    with SpotSolver(spot_of(spot), solver_settings(config)) as solver:
        percent, began = float("inf"), time.perf_counter()
        while not bounds.reached(solver.iterations, time.perf_counter() - began, percent):
            left = (bounds.iterations or solver.iterations + CHECK_EVERY) - solver.iterations
            solver.iterate(min(CHECK_EVERY, left))
            percent = solver.exploitability()
        summary = root_summary(solver)
        row: dict[str, Any] = {
            "exploitability_percent": percent,
            "iterations": solver.iterations,
            "equity_oop": summary["equity"][0],
            "ev_oop": summary["ev"][0],
            "ev_ip": summary["ev"][1],
        }
        for each in summary["root"]:
            amount = f"{each['amount']:g}" if each["action"] in ("bet", "raise") else ""
            row[f"{each['action']}{amount}"] = each["frequency"]
    return row


def _rows(path: Path) -> dict[str, Mapping[str, str]]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["flop"]: row for row in csv.DictReader(file) if row.get("ev_ip")}


def _append(path: Path, row: Mapping[str, Any], *, header: bool) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    if header:
        writer.writeheader()
    writer.writerow(row)
    with path.open("a", newline="", encoding="utf-8") as file:
        file.write(text.getvalue())


def _means(rows: Mapping[str, Mapping[str, str]], wanted: int, path: str) -> dict[str, Any]:
    total = sum(float(row["weight"]) for row in rows.values())
    names = [key for key in next(iter(rows.values()), {}) if key not in ("flop", "weight")]
    return {
        "flops": len(rows),
        "wanted": wanted,
        "mean": {
            name: sum(float(row["weight"]) * float(row[name] or 0) for row in rows.values()) / total
            for name in names
        },
        "run_directory": path,
    }
