"""A range chart as a PNG picture (extra ``plots``)."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.range_chart import NEGLIGIBLE, Cell, RangeChart
from cfr_shm.telemetry.plots import require_matplotlib

#: Of the picture, whatever the number of ranks.
WIDTH_INCHES = 9.0
DOTS_PER_INCH = 150

_CELL_GREY, _INK, _QUIET = "#e4e7eb", "#1c2127", "#69727d"
_GAP = 0.03  # of a cell
_NOTE_CHARACTERS = 118  # that a line below the heading has room for

#: How far a cell must be filled for its name, and for what is written at its foot, to lie on
#: the colours.
_NAME_COVERED, _FOOT_COVERED = 0.85, 0.25


def chart_png(chart: RangeChart, title: str, notes: Sequence[str]) -> bytes:
    """Return ``chart_figure`` as a picture, ``WIDTH_INCHES * DOTS_PER_INCH`` wide."""
    figure = chart_figure(chart, title, notes)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DOTS_PER_INCH)
    return out.getvalue()


def chart_figure(chart: RangeChart, title: str, notes: Sequence[str]) -> Any:
    """Return the chart as a matplotlib figure.

    Args:
        chart: what to draw.
        title: heading.
        notes: lines below the heading.

    Raises:
        UsageError: matplotlib is not installed.
    """
    require_matplotlib("a range chart")
    from matplotlib.figure import Figure

    notes = [line for note in notes for line in textwrap.wrap(note, _NOTE_CHARACTERS)]
    top = 0.45 + 0.2 * len(notes)  # inches
    bottom = 0.35 + 0.27 * ((len(chart.actions) + 1) // 2)
    side = WIDTH_INCHES - 0.5
    height = top + side + bottom
    figure = Figure(figsize=(WIDTH_INCHES, height))
    figure.text(0.25 / WIDTH_INCHES, 1 - 0.18 / height, title, va="top", size=14, weight="bold")
    for index, note in enumerate(notes):
        at = 1 - (0.46 + 0.2 * index) / height
        figure.text(0.25 / WIDTH_INCHES, at, note, va="top", size=9, color=_QUIET)
    axes = figure.add_axes(
        (0.25 / WIDTH_INCHES, bottom / height, side / WIDTH_INCHES, side / height)
    )
    _draw_cells(axes, chart)
    legend = figure.add_axes((0.25 / WIDTH_INCHES, 0.0, side / WIDTH_INCHES, bottom / height))
    _draw_legend(legend, chart, side, bottom)
    return figure


def _draw_cells(axes: Any, chart: RangeChart) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    count = len(chart.ranks)
    axes.set_xlim(0, count)
    axes.set_ylim(count, 0)
    axes.axis("off")
    patches, colours = [], []
    for row, cells in enumerate(chart.cells):
        for column, cell in enumerate(cells):
            for x, y, width, height, fill in _boxes(cell, chart):
                inside = 1 - 2 * _GAP
                corner = (column + _GAP + x * inside, row + _GAP + y * inside)
                patches.append(Rectangle(corner, width * inside, height * inside))
                colours.append(fill)
            _write_cell(axes, cell, chart, row, column)
    axes.add_collection(PatchCollection(patches, facecolors=colours, edgecolors="none"))


def _boxes(cell: Cell, chart: RangeChart) -> list[tuple[float, float, float, float, str]]:
    """Return (x, y, width, height, colour) of a cell's parts, y downwards, in a unit square."""
    if cell.hands == 0:
        return []
    boxes = [(0.0, 0.0, 1.0, 1.0, _CELL_GREY)]
    if cell.weight >= NEGLIGIBLE and cell.probability is not None:
        begin = 0.0
        for action, share in zip(chart.actions, cell.probability, strict=True):
            boxes.append((begin, 1.0 - cell.weight, share, cell.weight, colour(action)))
            begin += share
    return boxes


def _write_cell(axes: Any, cell: Cell, chart: RangeChart, row: int, column: int) -> None:
    scale = 13 / len(chart.ranks)
    filled = cell.weight if cell.probability is not None and cell.weight >= NEGLIGIBLE else 0.0
    name: dict[str, Any] = {"va": "top", "size": 10.5 * scale, "weight": "bold"}
    axes.text(column + 0.08, row + 0.09, cell.name, **name, **_ink(cell, filled > _NAME_COVERED))
    if cell.hands == 0 or cell.weight < NEGLIGIBLE:
        return
    small = "never\nvisited"
    if cell.probability is not None:
        shares = [(share, -index) for index, share in enumerate(cell.probability)]
        best = sorted((each for each in shares if each[0] >= NEGLIGIBLE), reverse=True)
        letters = [chart.actions[-index].text(share) for share, index in best]
        small = "  ".join(letters[:2])
    details: dict[str, Any] = {"va": "bottom", "size": 6.8 * scale}
    axes.text(column + 0.08, row + 0.9, small, **details, **_ink(cell, filled > _FOOT_COVERED))


def _ink(cell: Cell, covered: bool) -> dict[str, Any]:
    """Return how to write on a cell's colours, or on the grey above them."""
    from matplotlib.patheffects import withStroke

    if covered:
        stroke = withStroke(linewidth=1.6, foreground="#00000099")
        return {"color": "white", "zorder": 3, "path_effects": [stroke]}
    here = cell.hands > 0 and cell.weight >= NEGLIGIBLE
    stroke = withStroke(linewidth=1.6, foreground=f"{_CELL_GREY}cc")
    return {"color": _INK if here else _QUIET, "zorder": 3, "path_effects": [stroke]}


def _draw_legend(axes: Any, chart: RangeChart, width: float, height: float) -> None:
    """Write the actions in two columns; ``width`` and ``height`` in inches are the units."""
    from matplotlib.patches import Rectangle

    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    half = (len(chart.actions) + 1) // 2
    for index, (action, total) in enumerate(zip(chart.actions, chart.totals, strict=True)):
        x, y = (index // half) * width / 2, 0.12 + 0.27 * (index % half)
        axes.add_patch(Rectangle((x, y), 0.32, 0.2, facecolor=colour(action)))
        middle: dict[str, Any] = {"va": "center", "size": 10, "color": _INK}
        axes.text(
            x + 0.16,
            y + 0.1,
            action.letter,
            ha="center",
            weight="bold",
            **{**middle, "color": "white"},
        )
        axes.text(x + 0.42, y + 0.1, f"{action.name}   {total:.2%}", **middle)
    note = "letter and number: the likeliest actions and their per cent; fill: hands that come here"
    axes.text(0, height - 0.09, note, size=8, color=_QUIET, va="bottom")
