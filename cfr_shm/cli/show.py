"""``cfr-shm show``: draw what a blueprint does with every hand at one place."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.blueprint import Blueprint, add_place_arguments
from cfr_shm.cli.export import check_target
from cfr_shm.errors import UsageError
from cfr_shm.telemetry.plain_text import plain_line

if TYPE_CHECKING:
    from cfr_shm.cli.session import StoredTable
    from cfr_shm.strategy.range_chart import RangeChart
    from cfr_shm.strategy.spot import Spot

DESCRIPTION = (
    "Draw what the average strategy of the run in DIR does with every class of hole cards after "
    "LINE: in the terminal, and with --out as a picture or a page. Sizes that the tree does not "
    "have are mapped to those that it has, and the answer says how. For games other than hold'em "
    "the first infosets are listed."
)

#: Infosets that are listed for other games.
_ROWS = 20

_SUFFIXES = (".png", ".html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="the run directory")
    add_place_arguments(parser, line="default: the start of the hand")
    parser.add_argument(
        "--out", metavar="FILE", help="write FILE.png (extra 'plots') or FILE.html too"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")


def run(namespace: argparse.Namespace) -> int:
    """Show as told; return the exit code.

    Raises:
        UsageError: a wrong line or board, or FILE cannot be written.
    """
    path = None if namespace.out is None else Path(namespace.out)
    if path is not None:
        _check_out(path, namespace.force)

    from cfr_shm.cli.blueprint import hold_em, spot_from
    from cfr_shm.cli.session import load_table, print_json
    from cfr_shm.strategy.place_chart import chart_of

    stored = load_table(namespace.directory)
    blueprint = hold_em(stored)
    if blueprint is None:
        return _show_infosets(stored, namespace)
    spot = spot_from(blueprint, namespace)
    chart = chart_of(spot, blueprint.cards)
    if namespace.json:
        print_json(_document(spot, chart, blueprint))
    else:
        _print_chart(spot, chart, blueprint)
    if path is not None:
        _write(path, spot, chart, blueprint)
    return 0


def _check_out(path: Path, force: bool) -> None:
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"--out {path}: expected a name that ends in {' or '.join(_SUFFIXES)}")
    check_target(path, force)
    if path.suffix.lower() == ".png":
        from cfr_shm.telemetry.plots import require_matplotlib

        require_matplotlib("--out FILE.png")


def _print_chart(spot: Spot, chart: RangeChart, blueprint: Blueprint) -> None:
    import os
    import shutil
    import sys

    from cfr_shm.cli.blueprint import place_lines, run_lines
    from cfr_shm.cli.output import drawing
    from cfr_shm.cli.session import print_lines
    from cfr_shm.strategy.chart_text import chart_lines, uses_colour

    columns = shutil.get_terminal_size().columns
    colour = uses_colour(sys.stdout, os.environ)
    print_lines([*run_lines(blueprint.stored), *place_lines(spot, blueprint), ""])
    for line in chart_lines(chart, colour=colour, columns=columns):
        print(line, file=drawing(sys.stdout))
    print_lines(_remarks(chart))


def _remarks(chart: RangeChart) -> list[str]:
    if chart.hands_here == 0.0:
        return ["no hand comes here: the cells show what would be done"]
    if chart.unvisited > 0.0:
        return [f"{chart.unvisited:.2%} of the hands that come here were never visited"]
    return []


def _write(path: Path, spot: Spot, chart: RangeChart, blueprint: Blueprint) -> None:
    from cfr_shm.cli.session import say
    from cfr_shm.storage.replacing import replaced_file
    from cfr_shm.strategy.place_words import to_act

    line = spot.place.line
    title = to_act(spot, blueprint.cards) + (f", after {line}" if line else "")
    notes = [*_notes(spot, blueprint), *_remarks(chart)]
    if path.suffix.lower() == ".png":
        from cfr_shm.strategy.chart_picture import chart_png

        content = chart_png(chart, title, notes)
    else:
        from cfr_shm.strategy.chart_html import chart_html

        content = chart_html(chart, title, notes).encode()
    with replaced_file(path) as file:
        file.write(content)
    say(f"wrote {path}")


def _notes(spot: Spot, blueprint: Blueprint) -> list[str]:
    """Return what a picture says below its title."""
    from cfr_shm.strategy.place_words import chips_text, narrative, range_texts, translations

    stored = blueprint.stored
    return [
        *([narrative(spot.place)] if spot.place.steps else []),
        *translations(spot.place),
        f"{chips_text(spot.place)}; {', '.join(range_texts(spot))}",
        f"{stored.game.name}, {stored.checkpoint.iterations:,} iterations",
    ]


def _document(spot: Spot, chart: RangeChart, blueprint: Blueprint) -> dict[str, Any]:
    from cfr_shm.cli.blueprint import run_document
    from cfr_shm.strategy.place_chart import chart_document
    from cfr_shm.strategy.place_words import place_document

    known = run_document(blueprint.stored) | place_document(spot, blueprint.cards)
    return known | chart_document(chart)


# --- other games ---------------------------------------------------------------------------


def _show_infosets(stored: StoredTable, namespace: argparse.Namespace) -> int:
    """List the first infosets of a game that has no hands to draw a chart of."""
    from cfr_shm.cli.blueprint import run_lines
    from cfr_shm.cli.session import print_json, print_lines

    for flag in ("line", "board", "out", "randomize"):
        if getattr(namespace, flag) is not None:
            raise UsageError(
                f"--{flag}: {stored.game.name} is not hold'em, so there is no chart to draw; leave "
                f"--{flag} out to list the first infosets, or write all with 'cfr-shm export'"
            )
    rows = _infosets(stored)
    if namespace.json:
        document = {
            "game": stored.game.name,
            "checkpoint": str(stored.checkpoint.path),
            "iterations": stored.checkpoint.iterations,
            "infosets": rows,
        }
        print_json(document)
        return 0
    width = max(len(row["name"]) for row in rows)
    print_lines([*run_lines(stored), "", f"{'infoset':<{width}}  player        visits  policy"])
    for row in rows:
        policy = "never visited"
        if row["probability"] is not None:
            pairs = zip(row["actions"], row["probability"], strict=True)
            policy = "  ".join(f"{action}: {share:.4f}" for action, share in pairs)
        name = plain_line(str(row["name"]))
        print(f"{name:<{width}}  {row['player']:>6}  {row['visits']:>12,.0f}  {policy}")
    print(f"the first {len(rows)} infosets; 'cfr-shm export' writes all of them")
    return 0


def _infosets(stored: StoredTable) -> list[dict[str, Any]]:
    import itertools

    from cfr_shm.run.setup import mean_iteration_weight

    mean = mean_iteration_weight(stored.config, stored.checkpoint.iterations)
    rows = []
    for label in itertools.islice(stored.game.infosets(), _ROWS):
        sums = stored.table.sums_of(label.row, len(label.actions))
        total = float(sums.sum(dtype=float))
        rows.append(
            {
                "name": label.name,
                "player": label.player,
                "actions": list(label.actions),
                "probability": (sums / total).tolist() if total > 0.0 else None,
                "visits": total / mean,
            }
        )
    return rows
