"""How often each action is taken at a place, as bars: by all hands, and by kinds of hands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.range_chart import Cell, RangeChart
from cfr_shm.telemetry.plots import require_matplotlib

#: Shares below are drawn and not written.
_LEAST_WRITTEN = 0.04


class ActionBar(NamedTuple):
    """A bar: some hands, how many of them come to the place, and what they do there."""

    name: str
    hands: float
    shares: tuple[float, ...]  # by action, of those whose rows were visited; sums to 1, or zeros


def action_bars(chart: RangeChart) -> list[ActionBar]:
    """Return the bars of all hands, pairs, suited and offsuit ones, as far as any come here."""
    cells = [cell for row in chart.cells for cell in row]
    groups = {
        "all hands": cells,
        "pairs": [cell for cell in cells if cell.name[-1] not in "so"],
        "suited": [cell for cell in cells if cell.name[-1] == "s"],
        "offsuit": [cell for cell in cells if cell.name[-1] == "o"],
    }
    bars = [_bar(name, chosen, len(chart.actions)) for name, chosen in groups.items()]
    return [bar for bar in bars if bar.hands > 0.0]


def _bar(name: str, cells: Sequence[Cell], actions: int) -> ActionBar:
    here = sum(cell.weight * cell.hands for cell in cells)
    total = np.zeros(actions)
    for cell in cells:
        if cell.probability is not None:
            total += cell.weight * cell.hands * cell.visited * np.array(cell.probability)
    known = float(total.sum())
    return ActionBar(name, here, tuple((total / known if known > 0.0 else total).tolist()))


def bars_figure(chart: RangeChart, title: str) -> Any:
    """Return a matplotlib figure with a bar for each kind of hands.

    Raises:
        UsageError: matplotlib is not installed.
    """
    require_matplotlib("plot_actions")
    from matplotlib.figure import Figure

    bars = action_bars(chart)
    figure = Figure(figsize=(8.0, 1.3 + 0.45 * max(len(bars), 1)), layout="constrained")
    axes = figure.subplots()
    names = [f"{bar.name} ({bar.hands:,.1f})" for bar in bars]
    begin = np.zeros(len(bars))
    for index, action in enumerate(chart.actions):
        shares = np.array([bar.shares[index] for bar in bars])
        label = f"{action.name}  {chart.totals[index]:.1%}"
        drawn = axes.barh(names, shares, left=begin, color=colour(action), label=label)
        texts = [action.text(share) if share >= _LEAST_WRITTEN else "" for share in shares]
        axes.bar_label(drawn, texts, label_type="center", color="white", fontsize=9)
        begin = begin + shares
    axes.set_xlim(0.0, 1.0)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.invert_yaxis()
    axes.set_title(title, loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=4, frameon=False)
    return figure
