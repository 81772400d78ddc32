"""A spot solved on one flop after the other, a row each, in a run directory.

``flops.csv`` grows by a row when a flop is done; whoever is interrupted goes on after the last.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from cfr_shm.cards.deck import STANDARD
from cfr_shm.config.reader import LARGEST_FILE_BYTES
from cfr_shm.config.sections import Config
from cfr_shm.errors import UsageError
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.solve import CHECK_EVERY, Bounds, solver_settings
from cfr_shm.spots.settled import spot_of
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_reports import ALL_FLOPS, WeightedBoard, every_flop, listed_boards
from cfr_shm.spots.spot_results import root_summary
from cfr_shm.storage.disk import DISK, Disk, last_byte
from cfr_shm.storage.files import read_bytes

FLOPS = "flops.csv"

#: Far more than 22,100 rows take.
_MOST_BYTES = 1 << 26


def read_flops(source: str) -> list[WeightedBoard]:
    """Return the flops of a file, or all 1,755.

    Raises:
        UsageError: it cannot be read, or a line is no flop.
    """
    if source == ALL_FLOPS:
        return every_flop(STANDARD)
    try:
        lines = read_bytes(Path(source), LARGEST_FILE_BYTES).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--flops {source}: cannot be read: {reason}") from None
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
    done = rows_done(path, directory.disk)
    directory.keep()
    signals.defer()
    with directory.writing(), contextlib.closing(directory.disk.append(path)) as file:
        if last_byte(file.fileno()) not in (b"", b"\n"):
            file.write("\n")  # a crash has cut the last row short
        for number, flop in enumerate(flops, 1):
            name = STANDARD.text(flop.cards)
            if name in done:
                continue
            if signals.pending:
                break
            row = {"flop": name, "weight": flop.weight, **_solved(config, name)}
            _append(file, row)
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


def rows_done(path: Path, disk: Disk = DISK) -> dict[str, Mapping[str, str]]:
    """Return the rows that are whole, by flop; what is no row of a flop is solved anew.

    Raises:
        UsageError: the file cannot be read, or begins with other columns.
    """
    if not disk.exists(path):
        return {}
    try:
        content = read_bytes(path, _MOST_BYTES, follow=False, disk=disk)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    whole, _, _cut_short = content.decode("utf-8", "replace").rpartition("\n")
    try:
        reader = csv.DictReader(io.StringIO(whole, newline=""))
        if whole and not {"flop", "weight", "ev_ip"} <= set(reader.fieldnames or ()):
            raise UsageError(f"{path}: does not begin with the columns of a list of flops")
        return {row["flop"]: row for row in reader if _is_whole(row)}
    except csv.Error as error:
        raise UsageError(f"{path}: is no CSV file: {error}; remove it to begin anew") from None


def _is_whole(row: Mapping[Any, Any]) -> bool:
    """Tell whether a row has a text in each of its columns, numbers all but the flop."""
    numbers = [value for name, value in row.items() if name != "flop"]
    whole = None not in row and all(map(_is_number, numbers)) and row["ev_ip"] != ""
    return whole and row["weight"] != "" and float(row["weight"]) > 0.0


def _is_number(text: str | None) -> bool:
    """Tell whether a cell is empty or a finite number."""
    try:
        return text == "" or (text is not None and math.isfinite(float(text)))
    except ValueError:
        return False


def flop_rows(directory: Path) -> list[dict[str, Any]]:
    """Return the rows of the flops that are done, numbers as numbers."""
    return [
        {key: value if key == "flop" else _number(value) for key, value in row.items()}
        for row in rows_done(directory / FLOPS).values()
    ]


def _number(text: str | None) -> float | int | None:
    if not text:
        return None
    return int(text) if text.isdigit() else float(text)


def _append(file: TextIO, row: Mapping[str, Any]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row), lineterminator="\n")
    if last_byte(file.fileno()) == b"":
        writer.writeheader()
    writer.writerow(row)
    file.write(text.getvalue())
    file.flush()


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
