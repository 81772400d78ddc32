"""A range chart as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.range_chart import NEGLIGIBLE, Cell, ChartAction, RangeChart

_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1c2127; --quiet: #69727d;
  --cell: #e4e7eb; --line: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --page: #15181c; --ink: #e8eaed; --quiet: #98a1ab;
  --cell: #2b3036; --line: #15181c; } }
body { background: var(--page); color: var(--ink); margin: 1.5rem auto; padding: 0 1rem;
  max-width: 60rem; font: 15px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
p { margin: 0 0 .3rem; color: var(--quiet); }
table.chart { border-collapse: separate; border-spacing: 2px; table-layout: fixed; width: 100%;
  margin: 1rem 0; }
table.chart td { height: 3.3rem; padding: 3px 4px; vertical-align: top; overflow: hidden;
  border-radius: 3px; background-color: var(--cell); font-size: .8rem;
  font-weight: 600; color: #ffffff; text-shadow: 0 0 2px #000, 0 0 2px #000; }
table.chart td small { display: block; margin-top: 1rem; line-height: 1; font-weight: 400;
  font-size: .68rem; color: #ffffff; text-shadow: 0 0 2px #000, 0 0 2px #000; }
table.chart td.part, table.chart td.never small, table.chart small.low { color: var(--ink);
  text-shadow: 0 0 2px var(--cell), 0 0 2px var(--cell), 0 0 3px var(--cell); }
table.chart td.away, table.chart td.gone { color: var(--quiet); text-shadow: none; }
table.chart td.gone { background-color: transparent; }
table.chart td.never { color: var(--ink); text-shadow: none; background-image:
  repeating-linear-gradient(45deg, transparent 0 5px, rgb(128 128 128 / 40%) 5px 7px); }
table.legend { border-collapse: collapse; }
table.legend td { padding: .15rem .8rem .15rem 0; }
table.legend td.share { text-align: right; font-variant-numeric: tabular-nums; }
span.sample { display: inline-block; width: 1.9em; text-align: center; border-radius: 3px;
  color: #fff; font-weight: 600; }
code { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; }
"""

#: Where a cell is filled less far, its name, and what is written at its foot, are in the page's
#: ink.
_NAME_COVERED, _FOOT_COVERED = 0.85, 0.25


def chart_html(chart: RangeChart, title: str, notes: Sequence[str]) -> str:
    """Return the page.

    Each cell is filled up as far as its hands come here, the actions side by side, each as wide
    as it is likely; pointing at a cell shows the exact numbers.

    Args:
        chart: what to draw.
        title: heading.
        notes: lines below the heading.
    """
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{escape(title)}</h1>",
            *(f"<p>{escape(note)}</p>" for note in notes),
            '<table class="chart">',
            *_grid(chart),
            "</table>",
            '<table class="legend">',
            *_legend(chart),
            "</table>",
            *_remarks(chart),
            "</body>",
            "</html>",
            "",
        )
    )


def cell_title(cell: Cell, actions: Sequence[ChartAction]) -> str:
    """Return all that is known of a cell, one thing on each line."""
    if cell.hands == 0:
        return f"{cell.name}: the board leaves none"
    lines = [cell.name]
    if cell.probability is None:
        lines.append("never visited in training: no strategy")
    else:
        lines += [
            f"{action.name}: {share:.4%}"
            for action, share in zip(actions, cell.probability, strict=True)
        ]
    lines.append(f"comes here: {cell.weight:.4%} of {cell.hands} hands")
    lines.append(f"visits: {cell.visits:,.1f}")
    if 0.0 < cell.visited < 1.0:
        lines.append(f"never visited: {1.0 - cell.visited:.2%}, left out of the average")
    return "\n".join(lines)


def _grid(chart: RangeChart) -> Iterator[str]:
    for row in chart.cells:
        yield "<tr>"
        for cell in row:
            # Line breaks in attributes are written as character references to be kept.
            hover = escape(cell_title(cell, chart.actions)).replace("\n", "&#10;")
            yield f'<td title="{hover}"{_fill(cell, chart.actions)}>{cell.name}{_main(cell, chart)}'
            yield "</td>"
        yield "</tr>"


def _fill(cell: Cell, actions: Sequence[ChartAction]) -> str:
    if cell.hands == 0:
        return ' class="gone"'
    if cell.weight < NEGLIGIBLE:
        return ' class="away"'
    if cell.probability is None:
        return ' class="never"'
    parts, end = [], 0.0
    for action, share in zip(actions, cell.probability, strict=True):
        if share > 0.0:
            begin, end = end, end + share
            parts.append((colour(action), begin, end))
    layers = [_gradient("90deg", parts)]
    if cell.weight <= 1.0 - NEGLIGIBLE:
        empty = 1.0 - cell.weight
        above = [("var(--cell)", 0.0, empty), ("transparent", empty, 1.0)]
        layers.insert(0, _gradient("180deg", above))
    part = ' class="part"' if cell.weight < _NAME_COVERED else ""
    return f'{part} style="background-image:{",".join(layers)}"'


def _gradient(direction: str, parts: Sequence[tuple[str, float, float]]) -> str:
    """Return stripes of (colour, begin, end), shares of the whole, with sharp edges."""
    stops = (f"{each} {100 * edge:.4g}%" for each, *edges in parts for edge in edges)
    return f"linear-gradient({direction},{','.join(stops)})"


def _main(cell: Cell, chart: RangeChart) -> str:
    """Return the likeliest action in words small enough for a cell."""
    if cell.hands == 0 or cell.weight < NEGLIGIBLE:
        return ""
    if cell.probability is None:
        return "<small>?</small>"
    share, index = max((share, -index) for index, share in enumerate(cell.probability))
    low = ' class="low"' if cell.weight < _FOOT_COVERED else ""
    return f"<small{low}>{chart.actions[-index].text(share)}</small>"


def _legend(chart: RangeChart) -> Iterator[str]:
    for action, total in zip(chart.actions, chart.totals, strict=True):
        yield (
            f'<tr><td><span class="sample" style="background:{colour(action)}">{action.letter}'
            f"</span></td><td>{escape(action.name)}</td><td><code>{escape(action.token)}</code></td>"
            f'<td class="share">{total:.2%}</td></tr>'
        )


def _remarks(chart: RangeChart) -> Iterator[str]:
    yield (
        "<p>Suited hands above the diagonal. A cell is filled up as far as its hands come here; "
        "its letter and number are the likeliest action and its per cent.</p>"
    )
    if any(cell.probability is None and cell.hands for row in chart.cells for cell in row):
        yield "<p>?: never visited in training.</p>"
