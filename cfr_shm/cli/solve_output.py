"""How ``cfr-shm solve`` prints decisions, hands and next cards, and writes them to files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from cfr_shm.cards.deck import Deck
    from cfr_shm.spots.spot_results import NodeReport

_PICTURES = (".html", ".png")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that say how results are shown and written."""
    parser.add_argument("--csv", metavar="FILE", help="write the hands of that decision as CSV")
    parser.add_argument(
        "--out",
        action="append",
        default=[],
        metavar="FILE",
        help="write the hands (.csv, .json, .parquet) or their chart (.html, .png); with "
        "--next-cards or --flops the cards or flops; may be given many times",
    )
    parser.add_argument(
        "--chart", action="store_true", help="print the hands as a chart, not as a list"
    )


def check_outputs(namespace: argparse.Namespace, *, charts: bool) -> None:
    """Refuse files that could not be written, before anything is solved.

    Raises:
        UsageError: a name that ends otherwise, a chart of what is no range, or a library missing.
    """
    from pathlib import Path

    from cfr_shm.errors import UsageError
    from cfr_shm.strategy.parquet_file import require_pyarrow
    from cfr_shm.strategy.spot_tables import PARQUET, TABLES
    from cfr_shm.telemetry.plots import require_matplotlib

    suffixes = [Path(name).suffix.lower() for name in namespace.out]
    for name, suffix in zip(namespace.out, suffixes, strict=True):
        if suffix not in (*TABLES, *_PICTURES):
            known = ", ".join((*TABLES, *_PICTURES))
            raise UsageError(f"--out {name}: expected a file that ends in one of {known}")
    for name in (*namespace.out, *filter(None, [namespace.csv])):
        parent = Path(name).absolute().parent
        if not parent.is_dir():
            raise UsageError(f"cannot write {name}: there is no directory {parent}")
    if not charts and (namespace.chart or any(each in _PICTURES for each in suffixes)):
        raise UsageError("charts are of the hands of one decision, not of next cards or flops")
    if PARQUET in suffixes:
        require_pyarrow()
    if ".png" in suffixes:
        require_matplotlib("--out")


def wants_files(namespace: argparse.Namespace) -> bool:
    """Tell whether any file is to be written, or a chart printed."""
    return bool(namespace.csv is not None or namespace.out or namespace.chart)


def write_outputs(
    namespace: argparse.Namespace,
    rows: list[dict[str, Any]],
    about: dict[str, Any],
    shown: tuple[NodeReport, Deck] | None = None,
) -> None:
    """Write all files that the flags name.

    Args:
        namespace: the flags.
        rows: of tables.
        about: what they are of.
        shown: a decision, for charts.
    """
    from pathlib import Path

    from cfr_shm.cli.session import say
    from cfr_shm.strategy.spot_tables import CSV, write_table

    if namespace.csv is not None:
        write_table(Path(namespace.csv), rows, about, CSV)
    for name in namespace.out:
        path, suffix = Path(name), Path(name).suffix.lower()
        if suffix in _PICTURES and shown is not None:
            _write_chart(path, shown, about)
        else:
            write_table(path, rows, about, suffix)
        say(f"wrote {path}")


def _write_chart(path: Path, shown: tuple[NodeReport, Deck], about: dict[str, Any]) -> None:
    from cfr_shm.storage.replacing import replaced_file
    from cfr_shm.strategy.spot_chart import spot_chart

    chart = spot_chart(*shown)
    title = f"{about['board']}: {about['player']} to act"
    title += f" after {about['line']}" if about["line"] else ""
    notes = [f"{key.replace('_', ' ')}: {value}" for key, value in about.items()]
    if path.suffix.lower() == ".png":
        from cfr_shm.strategy.chart_picture import chart_png

        content = chart_png(chart, title, [", ".join(notes)])
    else:
        from cfr_shm.strategy.chart_html import chart_html

        content = chart_html(chart, title, notes).encode()
    with replaced_file(path) as file:
        file.write(content)


def print_chart(shown: tuple[NodeReport, Deck]) -> None:
    """Print a decision's chart, as wide as the terminal allows."""
    import os
    import shutil
    import sys

    from cfr_shm.cli.output import drawing
    from cfr_shm.strategy.chart_text import chart_lines, uses_colour
    from cfr_shm.strategy.spot_chart import spot_chart

    columns = shutil.get_terminal_size().columns
    colour = uses_colour(sys.stdout, os.environ)
    for line in chart_lines(spot_chart(*shown), colour=colour, columns=columns):
        print(line, file=drawing(sys.stdout))


def decision_lines(
    equity: float | None, ev: float | None, actions: list[dict[str, Any]]
) -> list[str]:
    """Return equity and EV of who decides, and the totals of his actions."""
    known = [
        "-" if value is None or value != value else f"{scale * value:.3f}"
        for value, scale in ((equity, 100.0), (ev, 1.0))
    ]
    return [f"equity {known[0]} %, EV {known[1]}", *action_lines(actions)]


def action_lines(actions: list[dict[str, Any]]) -> list[str]:
    """Return a table of a decision's actions: how often each is taken, and its EV."""
    lines = [f"{'first action':<14}{'frequency':>10}{'EV':>10}"]
    for each in actions:
        amount = f" {each['amount']:g}" if each["action"] in ("bet", "raise") else ""
        value = "-" if each["ev"] is None else f"{each['ev']:.3f}"
        frequency = "-" if each["frequency"] is None else f"{100 * each['frequency']:.2f} %"
        mark = "*" if each["rare"] else ""
        lines.append(f"{each['action'] + amount:<14}{frequency:>10}{value:>10}{mark}")
    return lines


def place_lines(decision: dict[str, Any]) -> list[str]:
    """Return who decides where, how much of both ranges comes there, and what he does."""
    often = (
        f"{100 * decision['reach']:.2f} % of his range and {100 * decision['other_reach']:.2f} % "
        "of the other's come here"
    )
    mark = ", hardly ever: what follows says little" if decision["rare"] else ""
    return [
        f"{decision['player']} to act after {decision['line'] or 'nothing'}, pot "
        f"{decision['pot']:g}; {often}{mark}",
        *decision_lines(decision["equity"], decision["ev"], decision["actions"]),
    ]


def hand_lines(hands: list[dict[str, Any]]) -> list[str]:
    """Return a table of hands, those that come most first; ``*`` marks hardly ever."""
    if "card" in hands[0]:
        return _card_lines(hands)
    columns = [key for key in hands[0] if key.endswith("_frequency")]
    titles = "".join(f"{key.removesuffix('_frequency'):>9}" for key in columns)
    lines = [f"{'hand':<6}{'weight':>8}{'equity':>8}{'EV':>10}{'gain':>9}{titles}"]
    for row in sorted(hands, key=lambda each: -each["weight"]):
        equity, value = (
            "-" if row[key] is None else f"{row[key]:.4f}" if key == "equity" else f"{row[key]:.3f}"
            for key in ("equity", "ev")
        )
        gain = "-" if row["gain"] is None else f"{max(row['gain'], 0.0):.3f}"
        parts = "".join(f"{100 * row[key]:>8.1f}%" for key in columns)
        mark = "*" if row["rare"] else " "
        lines.append(
            f"{row['hand']:<5}{mark}{row['weight']:>8.4f}{equity:>8}{value:>10}{gain:>9}{parts}"
        )
    return lines


def _card_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return a table of cards that may come next."""
    columns = [key for key in rows[0] if key not in ("card", "rare")]
    titles = "".join(f"{key.removesuffix('_frequency'):>12}" for key in columns)
    return [
        f"{'card':<5}{titles}",
        *(
            f"{row['card'] + ('*' if row['rare'] else ''):<5}"
            + "".join("-".rjust(12) if row[k] is None else f"{row[k]:>12.4f}" for k in columns)
            for row in rows
        ),
    ]
