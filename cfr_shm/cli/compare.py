"""``cfr-shm compare``: draw the learning curves of several runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cfr_shm.cli.export import check_target
from cfr_shm.cli.flags import add_json_flag
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.telemetry.comparison import Curve

DESCRIPTION = (
    "Draw the exploitability of the runs in DIR ... against iterations, nodes and seconds of "
    "training, on logarithmic scales: in the terminal, and with --out as a picture. A run has a "
    "point for each checkpoint; --checkpoint-interval says how often there is one."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directories", metavar="DIR", nargs="+", help="run directories")
    parser.add_argument(
        "--out", metavar="FILE", help="write a picture too: .png, .svg or .pdf (extra 'plots')"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Compare as told; return the exit code.

    Raises:
        UsageError: a directory is no run, a run was never evaluated, or FILE cannot be written.
    """
    from cfr_shm.cli.session import print_json, print_lines, say, warn
    from cfr_shm.telemetry.chart import picture
    from cfr_shm.telemetry.comparison import read_curve

    path = None if namespace.out is None else Path(namespace.out)
    if path is not None:
        _check_picture(path, namespace.force)
    curves = _distinct(namespace.directories, read_curve)
    games = sorted({curve.game for curve in curves})
    if len(games) > 1:
        warn(f"the runs are of different games: {', '.join(games)}")
    measures = sorted({curve.measure for curve in curves})
    if len(measures) > 1:
        warn(f"the runs' measures differ, which are no one scale: {', '.join(measures)}")
    if namespace.json:
        print_json([_document(curve) for curve in curves])
    else:
        print_lines(_lines(curves))
    if path is not None:
        from cfr_shm.storage.replacing import replaced_file

        with replaced_file(path) as file:
            file.write(picture(curves, path.suffix[1:].lower()))
        say(f"wrote {path}")
    return 0


def _distinct(directories: list[str], read: Callable[[str], Curve]) -> list[Curve]:
    """Read every curve; refuse more runs than there are letters, and a run given twice."""
    from cfr_shm.telemetry.chart import MAX_CURVES

    if len(directories) > MAX_CURVES:
        raise UsageError(f"{len(directories)} runs; at most {MAX_CURVES} can be told apart")
    seen: set[Path] = set()
    for directory in directories:
        real = Path(directory).resolve()
        if real in seen:
            raise UsageError(f"{directory}: was given twice; name every run once")
        seen.add(real)
    return [read(directory) for directory in directories]


def _check_picture(path: Path, force: bool) -> None:
    from cfr_shm.telemetry.chart import FORMATS
    from cfr_shm.telemetry.plots import require_matplotlib

    if path.suffix[1:].lower() not in FORMATS:
        raise UsageError(f"--out {path}: expected a name that ends in .{', .'.join(FORMATS)}")
    check_target(path, force)
    require_matplotlib("--out")


def _document(curve: Curve) -> dict[str, object]:
    import math

    key = "exploitability" if curve.measure == "exploitability" else "value"
    return {
        "run": curve.name,
        "game": curve.game,
        "unit": curve.unit,
        "measure": curve.measure,
        "points": [
            {
                key if name == "exploitability" else name: None if math.isnan(value) else value
                for name, value in point._asdict().items()
                if not (name in ("low", "high") and math.isnan(value))  # of bounds alone
            }
            for point in curve.points
        ],
    }


def _lines(curves: list[Curve]) -> Iterator[str]:
    from cfr_shm.telemetry.chart import letter, text_chart
    from cfr_shm.telemetry.comparison import AXES

    what = ", ".join(sorted({curve.measure for curve in curves}))
    for axis in AXES:
        yield f"{what} against {axis}"
        yield from text_chart(curves, axis)
        yield ""
    width = max(len(curve.name) for curve in curves)
    yield f"   {'run':<{width}}  {'iterations':>15}  {'nodes':>15}  {'seconds':>10}  {what}"
    for index, curve in enumerate(curves):
        last = curve.points[-1]
        yield (
            f"{letter(index)}  {curve.name:<{width}}  {last.iterations:>15,.0f}  "
            f"{last.nodes:>15,.0f}  {last.seconds:>10.2f}  {last.exploitability:.6g} {curve.unit}"
        )
