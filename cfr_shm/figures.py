"""Figures of runs, for notebooks and reports: one line each (extra ``plots``); docs/python.md.

Each returns a matplotlib ``Figure``, which notebooks show and ``savefig`` writes. Nothing of
matplotlib's state is touched, and no display is needed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfr_shm.api import Run, open_run
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.strategy.range_chart import RangeChart

#: What stands for a run: one that is open, or where it lies, as ``open_run`` takes it.
RunLike = Run | str | os.PathLike[str]


def plot_range(run: RunLike, line: str = "", board: str | None = None) -> Any:
    """Return a figure of what is done with every class of hands at a place of a hold'em game.

    It is the chart of ``cfr-shm show``: cells divided by action and filled as far as hands come.

    Args:
        run: that was trained, or where it lies.
        line: what was done so far, "b2.5bb c / x" (docs/hold_em.md).
        board: the cards of the line's last street, "7c8c9d"; None before the flop.

    Raises:
        CfrShmError: the game is not hold'em, a wrong line or board, or matplotlib is not installed.
    """
    from cfr_shm.strategy.chart_picture import chart_figure

    with _opened(run) as there:
        chart, title, notes = _chart(there, line, board)
        return chart_figure(chart, title, notes)


def plot_actions(run: RunLike, line: str = "", board: str | None = None) -> Any:
    """Return a figure of how often each action is taken at a place: by all hands, and by kinds.

    The arguments are those of ``plot_range``.

    Raises:
        CfrShmError: as of ``plot_range``.
    """
    from cfr_shm.strategy.action_bars import bars_figure

    with _opened(run) as there:
        chart, title, _ = _chart(there, line, board)
        return bars_figure(chart, title)


def plot_curves(*runs: RunLike, axis: str = "iterations") -> Any:
    """Return a figure of how exploitability, or its bound, fell or rose while runs were trained.

    Args:
        runs: that measured themselves: small games do, hold'em for two by ``run.quality``.
        axis: "iterations", "nodes" or "seconds" of training.

    Raises:
        CfrShmError: there is no such run or axis, nothing was measured, or matplotlib is missing.
    """
    from cfr_shm.telemetry.chart import curves_figure
    from cfr_shm.telemetry.comparison import AXES, read_curve

    if axis not in AXES:
        raise UsageError(f"axis {axis!r}: expected {', '.join(AXES)}")
    if not runs:
        raise UsageError("plot_curves: name at least one run")
    places = [str(run.path) if isinstance(run, Run) else os.fspath(run) for run in runs]
    curves = [read_curve(place) for place in places]
    names = [Path(curve.name).name for curve in curves]
    if len(set(names)) == len(names):  # else only whole paths tell them apart
        curves = [replace(curve, name=name) for curve, name in zip(curves, names, strict=True)]
    return curves_figure(curves, axis)


@contextlib.contextmanager
def _opened(run: RunLike) -> Iterator[Run]:
    """Open a run that is named, and close it again; one that is given stays as it is."""
    if isinstance(run, Run):
        yield run
        return
    with open_run(run, show=False) as found:
        yield found


def _chart(run: Run, line: str, board: str | None) -> tuple[RangeChart, str, list[str]]:
    """Return the chart of a place, its title and what stands below that."""
    from cfr_shm.strategy.place_chart import chart_of
    from cfr_shm.strategy.place_words import chips_text, range_texts, to_act, translations
    from cfr_shm.strategy.public import holdem_parts

    spot = run.spot(line, board)
    _, cards = holdem_parts(run.game)
    after = f", after {spot.place.line}" if spot.place.line else ""
    notes = [
        *translations(spot.place),
        f"{chips_text(spot.place)}; {', '.join(range_texts(spot))}",
        f"{run.game.name}, {run.iterations:,} iterations",
    ]
    return chart_of(spot, cards), f"{to_act(spot, cards)}{after}", notes
