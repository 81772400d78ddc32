"""Charts of learning curves on logarithmic scales: as text for terminals, as picture files."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cfr_shm.telemetry.comparison import AXES, Curve
from cfr_shm.telemetry.plots import require_matplotlib

#: Picture files by suffix, without the dot.
FORMATS = ("png", "svg", "pdf")

#: Runs are lettered in text charts.
MAX_CURVES = 26

#: What is 0 or rounds to less is drawn here: a logarithm is needed.
_LEAST = 1e-12

_LABEL_WIDTH = 9


class Scale(NamedTuple):
    """A logarithmic scale on a number of cells."""

    low: float  # log10
    high: float
    cells: int

    @classmethod
    def over(cls, values: Sequence[float], cells: int) -> Scale:
        """Return the scale that ``values`` just fill; a single one lies in the middle."""
        logs = [_log(value) for value in values if math.isfinite(value)]
        low, high = (min(logs), max(logs)) if logs else (0.0, 0.0)
        if high - low < 0.01:
            low, high = low - 0.5, high + 0.5
        return cls(low, high, cells)

    def cell(self, value: float) -> int:
        """Return the cell of ``value``."""
        share = (_log(value) - self.low) / (self.high - self.low)
        return min(max(round(share * (self.cells - 1)), 0), self.cells - 1)

    def value(self, cell: int) -> float:
        """Return the value in the middle of a cell."""
        step = (self.high - self.low) / max(self.cells - 1, 1)
        return float(10.0 ** (self.low + cell * step))


def letter(index: int) -> str:
    """Return the letter that stands for a run: capitals are evaluations, small ones between."""
    return chr(ord("A") + index)


def text_chart(
    curves: Sequence[Curve], axis: str, *, width: int = 72, height: int = 14
) -> list[str]:
    """Return the lines of a chart of exploitability against ``axis``, both logarithmic.

    ``width`` and ``height`` are those of the plotted area, without labels. Where runs meet, the
    later one is on top.
    """
    across = Scale.over([x for curve in curves for x in curve.axis(axis)], width)
    up = Scale.over([p.exploitability for curve in curves for p in curve.points], height)
    grid = [[" "] * width for _ in range(height)]
    for index, curve in enumerate(curves):
        xs = curve.axis(axis)
        ys = [point.exploitability for point in curve.points]
        spots = [
            (across.cell(x), up.cell(y)) for x, y in zip(xs, ys, strict=True) if math.isfinite(x)
        ]
        for column, row in _between(spots):
            grid[row][column] = letter(index).lower()
        for column, row in spots:
            grid[row][column] = letter(index)
    lines = []
    for row in range(height - 1, -1, -1):
        label = f"{up.value(row):.2g}" if (height - 1 - row) % 3 == 0 else ""
        lines.append(f"{label:>{_LABEL_WIDTH}} |{''.join(grid[row])}".rstrip())
    lines.append(" " * _LABEL_WIDTH + " +" + "-" * width)
    ends = f"{across.value(0):.3g}", f"{across.value(width - 1):.3g}"
    middle = f"{axis} (log)"
    gap = width - sum(map(len, ends))
    lines.append(" " * (_LABEL_WIDTH + 2) + ends[0] + middle.center(gap) + ends[1])
    return lines


def picture(curves: Sequence[Curve], file_format: str) -> bytes:
    """Return a picture file with one logarithmic chart for each of ``AXES``.

    Raises:
        UsageError: matplotlib is not installed.
    """
    require_matplotlib("--out")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 5), layout="constrained")
    for index, axis in enumerate(AXES):
        _draw_curves(figure.add_subplot(1, len(AXES), index + 1), curves, axis)
    figure.axes[0].legend()
    out = io.BytesIO()
    figure.savefig(out, format=file_format, dpi=120)
    return out.getvalue()


def curves_figure(curves: Sequence[Curve], axis: str) -> Any:
    """Return a matplotlib figure of curves against one of ``AXES``, both logarithmic.

    Raises:
        UsageError: matplotlib is not installed.
    """
    require_matplotlib("plot_curves")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axes = figure.subplots()
    _draw_curves(axes, curves, axis)
    axes.legend()
    return figure


def _draw_curves(axes: Any, curves: Sequence[Curve], axis: str) -> None:
    """Draw what runs measured, with the intervals where there are some."""
    from matplotlib.ticker import NullFormatter

    units = sorted({curve.unit for curve in curves})
    measures = sorted({curve.measure for curve in curves})
    for curve in curves:
        places = curve.axis(axis)
        values = [max(point.exploitability, _LEAST) for point in curve.points]
        (line,) = axes.plot(places, values, marker=".", label=curve.name)
        low = [max(point.low, _LEAST) for point in curve.points]
        high = [max(point.high, _LEAST) for point in curve.points]
        axes.fill_between(places, low, high, color=line.get_color(), alpha=0.2, linewidth=0.0)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yscale("log")
    axes.set_xlabel(axis if axis != "seconds" else "seconds of training")
    axes.set_ylabel(f"{', '.join(measures)} ({', '.join(units)})")
    axes.grid(visible=True, which="both", alpha=0.25)


def _log(value: float) -> float:
    return math.log10(max(value, _LEAST))


def _between(spots: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the cells on the straight lines from each spot to the next."""
    for (x0, y0), (x1, y1) in itertools.pairwise(spots):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(1, steps):
            yield (
                round(x0 + (x1 - x0) * step / steps),
                round(y0 + (y1 - y0) * step / steps),
            )
