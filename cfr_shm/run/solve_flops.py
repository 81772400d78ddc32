"""A spot solved on one flop after the other, a row each, in a run directory.

``flops.csv`` grows by a row when a flop is done; whoever is interrupted goes on after the last.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from cfr_shm.cards.deck import STANDARD
from cfr_shm.config.reader import LARGEST_FILE_BYTES
from cfr_shm.config.sections import Config
from cfr_shm.errors import CfrShmError, GameError, MemoryReserveError, UsageError
from cfr_shm.evaluation.measure import duration
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.listening import listeners
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.solve import CHECK_EVERY, Bounds, solver_settings
from cfr_shm.run.solve_events import BatchTeller
from cfr_shm.spots.settled import spot_of
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_kernels import make_spot_kernels_ready
from cfr_shm.spots.spot_reports import ALL_FLOPS, WeightedBoard, every_flop, listed_boards
from cfr_shm.spots.spot_results import root_summary
from cfr_shm.storage.disk import DISK, Disk, last_byte
from cfr_shm.storage.files import read_bytes
from cfr_shm.telemetry.events import Event, Warned

FLOPS = "flops.csv"

#: A flop that takes longer says how far it is, so often.
SAY_EVERY_SECONDS = 5.0

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


class Failed(NamedTuple):
    """A flop that could not be solved."""

    flop: str
    reason: str


def solve_flops(
    config: Config,
    flops: Sequence[WeightedBoard],
    directory: RunDirectory,
    say: Callable[[str], None],
    signals: StopSignals,
) -> dict[str, Any]:
    """Solve every flop that the directory has no row of yet; return the weighted means.

    A flop that cannot be solved is told of, and left to the next call. A signal ends it at once:
    of the flop that is being solved nothing stays.

    Raises:
        CfrShmError: not one flop could be solved; what the first one said.
    """
    return _Batch(config, flops, directory, say, signals).run()


class _Batch:
    def __init__(
        self,
        config: Config,
        flops: Sequence[WeightedBoard],
        directory: RunDirectory,
        say: Callable[[str], None],
        signals: StopSignals,
    ) -> None:
        self._config, self._flops, self._directory = config, flops, directory
        self._say, self._signals = say, signals
        self._settings = solver_settings(config)
        self._done = rows_done(directory.path / FLOPS, directory.disk)
        self._failed: dict[str, CfrShmError] = {}
        self._began, self._solved = time.monotonic(), 0

    def run(self) -> dict[str, Any]:
        """Solve what is left."""
        config, directory = self._config, self._directory
        make_spot_kernels_ready(bool(config.spot.compact), self._say)
        directory.keep()
        self._signals.defer()
        with listeners(config, directory, self._hear) as listen, self._table() as file:
            name, path = f"{len(self._flops)} flops", str(directory.path)
            teller = BatchTeller(listen, name, path, self._settings.worker_count)
            teller.begin(config.run.time_budget)
            for number, flop in enumerate(self._flops, 1):
                if self._signals.pending:
                    break
                if STANDARD.text(flop.cards) not in self._done:
                    self._take(number, flop, file, teller)
            teller.end("interrupted" if self._signals.pending else "finished")
        if self._failed and not self._done:
            raise next(iter(self._failed.values()))
        return self._summary()

    @contextlib.contextmanager
    def _table(self) -> Iterator[TextIO]:
        path, disk = self._directory.path / FLOPS, self._directory.disk
        with self._directory.writing(), contextlib.closing(disk.append(path)) as file:
            if last_byte(file.fileno()) not in (b"", b"\n"):
                file.write("\n")  # a crash has cut the last row short
            yield file

    def _hear(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._say(f"cfr-shm: warning: {event.text}")

    def _take(self, number: int, flop: WeightedBoard, file: TextIO, teller: BatchTeller) -> None:
        """Solve a flop and write its row, or say why there is none."""
        name = STANDARD.text(flop.cards)
        try:
            solved = self._solve(name, teller)
        except (UsageError, GameError, MemoryReserveError) as error:
            self._failed[name] = error
            self._say(f"{number}/{len(self._flops)} {name} is left out: {error}")
            return
        if solved is None:
            return
        row = {"flop": name, "weight": flop.weight, **solved}
        _append(file, row)
        self._done[name] = {key: str(value) for key, value in row.items()}
        self._solved += 1
        self._say(
            f"{number}/{len(self._flops)} {name}: EV {row['ev_oop']:.3f} {row['ev_ip']:.3f}, "
            f"{row['exploitability_percent']:.3f} % of the pot, {self._left()}"
        )

    def _left(self) -> str:
        """Return how long the flops that are left will take, as long as those before."""
        left = len(self._flops) - len(self._done) - len(self._failed)
        passed = time.monotonic() - self._began
        return f"{left} left, about {duration(left * passed / max(self._solved, 1))}"

    def _solve(self, board: str, teller: BatchTeller) -> dict[str, Any] | None:
        """Solve one flop and return its row; None where a signal came before."""
        bounds = Bounds.of(self._config)
        spot = replace(self._config.spot, board=board)
        spot.check()
        game = spot_of(spot)
        with SpotSolver(game, self._settings) as solver:
            percent, began = float("inf"), time.perf_counter()
            said = began
            while not bounds.reached(solver.iterations, time.perf_counter() - began, percent):
                if self._signals.pending:
                    return None
                left = (bounds.iterations or solver.iterations + CHECK_EVERY) - solver.iterations
                solver.iterate(min(CHECK_EVERY, left))
                percent = solver.exploitability()
                if time.perf_counter() - said >= SAY_EVERY_SECONDS:
                    said = time.perf_counter()
                    self._say(f"{board}: iteration {solver.iterations}, {percent:.4f} % of the pot")
            row = _row(solver, percent)
            teller.tell(solver.iterations, game.node_count(), float(row["ev_oop"]), percent)
            return row

    def _summary(self) -> dict[str, Any]:
        failed = [Failed(name, str(error))._asdict() for name, error in self._failed.items()]
        means = _means(self._done, len(self._flops), str(self._directory.path))
        return {**means, "failed": failed}


def _row(solver: SpotSolver, percent: float) -> dict[str, Any]:
    """Return what there is to say of a flop that is solved."""
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
