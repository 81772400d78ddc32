"""``cfr-shm verify``: train every small game as users do, and compare with the known truth."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cfr_shm.algorithms import EXTERNAL_SAMPLING
from cfr_shm.cli.flags import add_json_flag

if TYPE_CHECKING:
    from cfr_shm.config.sections import Config
    from cfr_shm.run.signals import StopSignals

DESCRIPTION = (
    "Train Kuhn poker, Leduc poker with suits merged and apart, liar's dice and Goofspiel, with "
    "one worker and with several, by every algorithm, and compare the value for player 0 and the "
    "exploitability of what comes out with what is known. Exit code 1 if anything is off."
)


@dataclass(frozen=True)
class _Case:
    """A shipped config, how long to train it, and what must come out."""

    config: str
    iterations: int
    exploitability_bound: float  # about twice what is usual after so many iterations
    value_tolerance: float
    algorithm: str = EXTERNAL_SAMPLING


_CASES = (
    _Case("kuhn", 1_000_000, 0.005, 0.005),
    _Case("leduc", 1_000_000, 0.03, 0.02),
    _Case("leduc_openspiel", 1_000_000, 0.04, 0.02),
    _Case("liars_dice", 1_000_000, 0.013, 0.005),
    _Case("goofspiel", 300_000, 0.011, 0.005),
    _Case("leduc", 1_000_000, 0.14, 0.02, "outcome_sampling"),
    _Case("leduc", 100_000, 0.03, 0.02, "chance_sampling"),
    _Case("leduc", 100_000, 0.015, 0.01, "public_chance_sampling"),
    _Case("leduc_openspiel", 1_000, 0.025, 0.01, "cfr"),
    _Case("leduc_openspiel", 1_000, 0.0005, 0.0005, "cfr_plus"),
    _Case("leduc_openspiel", 1_000, 0.012, 0.01, "lcfr"),
    _Case("leduc_openspiel", 1_000, 0.0004, 0.0005, "dcfr"),
    _Case("leduc_openspiel", 1_000, 0.0004, 0.0005, "dcfr_plus"),
    _Case("liars_dice", 1_000, 0.0008, 0.001, "pcfr_plus"),
    _Case("goofspiel", 1_000, 0.00005, 0.0001, "pdcfr_plus"),
)


@dataclass(frozen=True)
class Row:
    """One training and its verdict."""

    config: str
    algorithm: str
    workers: int
    iterations: int
    seconds: float
    exploitability: float
    exploitability_bound: float
    value: float  # of the trained profile, for player 0
    known_value: float
    value_tolerance: float
    ok: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument(
        "--num-workers", metavar="N", help="how many are several (default: every usable core)"
    )
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Verify; return 0 if every row is right, else 1."""
    import tempfile

    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME
    from cfr_shm.run.signals import StopSignals

    told = _told(namespace.num_workers)
    rows = []
    with (
        StopSignals() as signals,
        tempfile.TemporaryDirectory(prefix="cfr-shm-verify-") as directory,
    ):
        for case in _CASES:
            for workers in (1, told or _several(case)):
                how = f"{case.algorithm}, {workers} worker{'s' * (workers > 1)}"
                say(f"training {case.config} by {how} ...")
                path = Path(directory) / f"{case.config}-{case.algorithm}-{workers}"
                rows.append(_verify(case, workers, path, signals))
                if signals.pending:
                    return signals.exit_code
    ok = all(row.ok for row in rows)
    if namespace.json:
        print_json({"ok": ok, "rows": [asdict(row) for row in rows]})
    else:
        print_lines(_table(rows))
    return EXIT_OK if ok else EXIT_RUNTIME


def _told(text: str | None) -> int:
    """Return how many workers "several" are to be, 0 where nothing was said.

    Raises:
        UsageError: it is one.
    """
    from cfr_shm.config.load import load_config
    from cfr_shm.config.reader import Setting
    from cfr_shm.errors import UsageError

    if text is None:
        return 0
    name = "--num-workers"
    count = load_config(flags=[Setting("engine.num_workers", text, name, name)]).engine.num_workers
    if count == 1:
        raise UsageError(f"{name} {count}: one worker is tried anyway; give 2 or more")
    return count


def _several(case: _Case) -> int:
    """Return how many workers a training would choose for a case, and 2 at least."""
    from cfr_shm.games.registry import load_game
    from cfr_shm.machine.cores import usable_cores
    from cfr_shm.run.setup import worker_count

    config = _config(case, workers=0)
    game = load_game(config.game, None, config.abstraction)
    return max(2, worker_count(config, game, usable_cores()))


def _config(case: _Case, workers: int) -> Config:
    from cfr_shm.config.load import load_config

    overrides = [
        "run.time_budget=null",
        f"run.iterations={case.iterations}",
        f"engine.num_workers={workers}",
        f"algorithm.name={case.algorithm}",
    ]
    return load_config(case.config, overrides=overrides)


def _verify(case: _Case, workers: int, path: Path, signals: StopSignals) -> Row:
    """Train one case as ``cfr-shm train`` does, and evaluate its checkpoint as ``eval`` does."""
    from cfr_shm.cli.session import load_strategy
    from cfr_shm.evaluation.best_response import evaluate
    from cfr_shm.run.train import train

    summary = train(_config(case, workers), path, signals=signals)
    stored = load_strategy(str(path))
    found = evaluate(stored.game, stored.strategy)
    known = stored.game.value
    assert known is not None, "only games of known value are verified"
    value = found.values[0]
    return Row(
        config=case.config,
        algorithm=case.algorithm,
        workers=workers,
        iterations=summary["iterations"],
        seconds=summary["seconds"],
        exploitability=found.exploitability,
        exploitability_bound=case.exploitability_bound,
        value=value,
        known_value=known,
        value_tolerance=case.value_tolerance,
        ok=summary["status"] == "finished"
        and summary["iterations"] == case.iterations
        and found.exploitability <= case.exploitability_bound
        and abs(value - known) <= case.value_tolerance,
    )


def _table(rows: list[Row]) -> list[str]:
    head = (
        "config",
        "algorithm",
        "workers",
        "iterations",
        "exploitability",
        "bound",
        "value",
        "known",
        "",
    )
    body = [
        (
            row.config,
            row.algorithm,
            str(row.workers),
            f"{row.iterations:,}",
            f"{row.exploitability:.6f}",
            f"{row.exploitability_bound:g}",
            f"{row.value:+.6f}",
            f"{row.known_value:+.6f} +- {row.value_tolerance:g}",
            "ok" if row.ok else "WRONG",
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *body)
    ]
