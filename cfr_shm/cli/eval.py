"""``cfr-shm eval``: measure the strategy of a run's newest checkpoint."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import add_json_flag

if TYPE_CHECKING:
    from cfr_shm.cli.session import StoredStrategy
    from cfr_shm.evaluation.best_response import Evaluation

HELP = "print exploitability and values of a run"
DESCRIPTION = (
    "Load the newest checkpoint of the run in DIR and print the exact exploitability of its "
    "average strategy, and what it is worth to each player."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="the run directory")
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Evaluate as told; return the exit code.

    Raises:
        GameError: the game is too large to be evaluated exactly.
    """
    from cfr_shm.cli.session import load_strategy, print_json, print_lines
    from cfr_shm.evaluation.best_response import evaluate

    stored = load_strategy(namespace.directory)
    found = evaluate(stored.game, stored.strategy)
    if namespace.json:
        print_json(_document(stored, found))
    else:
        print_lines(_lines(stored, found))
    return 0


def _document(stored: StoredStrategy, found: Evaluation) -> dict[str, Any]:
    return {
        "game": stored.game.name,
        "checkpoint": str(stored.checkpoint.path),
        "iterations": stored.checkpoint.iterations,
        "exploitability": {
            "value": found.exploitability,
            "unit": found.unit,
            "method": found.method,
        },
        "nash_conv": found.nash_conv,
        "values": list(found.values),
        "best_response_values": list(found.best_response_values),
        "gains": list(found.gains),
    }


def _lines(stored: StoredStrategy, found: Evaluation) -> list[str]:
    return [
        f"game: {stored.game.name}",
        f"checkpoint: {stored.checkpoint.path}",
        f"iterations: {stored.checkpoint.iterations:,}",
        f"exploitability: {found.exploitability:.6f} {found.unit} ({found.method})",
        f"NashConv: {found.nash_conv:.6f} {found.unit}",
        *(
            f"player {player}: value {value:+.6f}, best response gains {gain:.6f}"
            for player, (value, gain) in enumerate(zip(found.values, found.gains, strict=True))
        ),
    ]
