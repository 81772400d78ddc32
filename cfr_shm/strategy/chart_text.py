"""A range chart as text: colours where the terminal has them, letters that do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO

from cfr_shm.games.holdem.lines import CALL, CHECK, FOLD
from cfr_shm.strategy.range_chart import NEGLIGIBLE, Cell, ChartAction, RangeChart

#: Characters of a cell without the gap: as wide as the terminal allows.
WIDTHS = (5, 7, 9)

NOT_HERE, UNVISITED = ".", "?"

# Of the 256 colours that terminals agree on; all dark enough for white letters.
_BLUE, _GREEN, _GREY = 25, 28, 238
_REDS = (167, 160, 124, 88, 52)
_RESET = "\x1b[0m"


class _Run(NamedTuple):
    """Some characters of one background; None: the terminal's own."""

    text: str
    background: int | None


def uses_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether to write colours: a terminal that has them, and nobody said NO_COLOR."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def chart_lines(chart: RangeChart, *, colour: bool, columns: int = 80) -> list[str]:
    """Return the chart and its legend, line by line.

    A cell has two lines: the name, with the tenths of its hands that come here unless it is all
    or nothing; and the actions, each as wide as it is likely.

    Args:
        chart: what to draw.
        colour: write ANSI colours.
        columns: of the terminal; a 13 x 13 chart takes at least 77.
    """
    count = len(chart.ranks)
    width = max([WIDTHS[0], *(w for w in WIDTHS if (w + 1) * count - 1 <= columns)])
    lines: list[str] = []
    for row in chart.cells:
        for part in (_head, _bar):
            cells = (_paint(part(cell, chart.actions, width), colour) for cell in row)
            lines.append(" ".join(cells).rstrip())
    return [*lines, "", *_legend(chart, colour)]


def shares(probability: Sequence[float], width: int) -> list[int]:
    """Divide ``width`` characters as the probabilities are, by largest remainders.

    Example:
        >>> shares((0.5, 0.3, 0.2), 5)
        [3, 1, 1]
    """
    exact = [each * width for each in probability]
    given = [int(each + 1e-9) for each in exact]
    order = sorted(range(len(exact)), key=lambda index: given[index] - exact[index])
    for index in order[: width - sum(given)]:
        given[index] += 1
    return given


def background(action: ChartAction) -> int:
    """Return the action's colour among the terminal's 256."""
    if action.kind == FOLD:
        return _BLUE
    if action.kind in (CALL, CHECK):
        return _GREEN
    return _REDS[round(action.shade * (len(_REDS) - 1))]


def _head(cell: Cell, actions: Sequence[ChartAction], width: int) -> list[_Run]:
    """Return the first line of a cell: on its actions' colours if all of its hands come here."""
    if cell.hands == 0 or cell.weight < NEGLIGIBLE:
        return [_Run(cell.name.ljust(width), None)]
    if cell.weight <= 1.0 - NEGLIGIBLE:
        share = str(min(max(round(10 * cell.weight), 1), 9))
        return [_Run(cell.name + share.rjust(width - len(cell.name)), None)]
    text = cell.name.ljust(width)
    runs = []
    for run in _bar(cell, actions, width):
        runs.append(_Run(text[: len(run.text)], run.background))
        text = text[len(run.text) :]
    return runs


def _bar(cell: Cell, actions: Sequence[ChartAction], width: int) -> list[_Run]:
    if cell.hands == 0:
        return [_Run(" " * width, None)]
    if cell.weight < NEGLIGIBLE:
        return [_Run(NOT_HERE * width, None)]
    if cell.probability is None:
        return [_Run(UNVISITED * width, _GREY)]
    counts = shares(cell.probability, width)
    return [
        _Run(action.letter * count, background(action))
        for action, count in zip(actions, counts, strict=True)
        if count
    ]


def _paint(runs: Sequence[_Run], colour: bool) -> str:
    if not colour:
        return "".join(run.text for run in runs)
    return "".join(
        run.text
        if run.background is None
        else f"\x1b[1;97;48;5;{run.background}m{run.text}{_RESET}"
        for run in runs
    )


def _legend(chart: RangeChart, colour: bool) -> list[str]:
    tokens = max(len(action.token) for action in chart.actions)
    names = max(len(action.name) for action in chart.actions)
    lines = []
    for action, total in zip(chart.actions, chart.totals, strict=True):
        sample = _paint([_Run(f" {action.letter} ", background(action))], colour)
        lines.append(f"{sample}  {action.token:<{tokens}}  {action.name:<{names}}  {total:7.2%}")
    cells = [cell for row in chart.cells for cell in row if cell.hands]
    notes = []
    if any(NEGLIGIBLE <= cell.weight <= 1.0 - NEGLIGIBLE for cell in cells):
        notes.append("digit: tenths of the class that come here")
    if any(cell.weight < NEGLIGIBLE for cell in cells):
        notes.append(f"{NOT_HERE} does not come here")
    if any(cell.probability is None and cell.weight >= NEGLIGIBLE for cell in cells):
        notes.append(f"{UNVISITED} never visited in training")
    return [*lines, *(["; ".join(notes)] if notes else [])]
