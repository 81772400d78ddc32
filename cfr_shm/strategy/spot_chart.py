"""A decision of a solved spot as a range chart."""

from __future__ import annotations

import numpy as np

from cfr_shm.cards.deck import Deck
from cfr_shm.games.holdem.lines import ALL_IN, CALL, CHECK, FOLD, RAISE
from cfr_shm.spots.spot_results import NodeReport
from cfr_shm.spots.street_trees import Action, amount_text
from cfr_shm.strategy.range_chart import (
    ChartAction,
    Hands,
    RangeChart,
    chart_actions,
    range_chart,
)

_KINDS = {"f": FOLD, "x": CHECK, "c": CALL, "b": RAISE, "r": RAISE}


def spot_chart(report: NodeReport, deck: Deck) -> RangeChart:
    """Return the chart of who decides; hands that hardly ever come there do not come there."""
    weight = np.where(report.rare, 0.0, report.weight)
    hands = Hands(
        cards=report.hands.astype(np.uint8),
        weight=weight,
        row=np.arange(len(report.hands)),
        visits=np.ones(len(report.hands)),
        probability=report.frequency.T,
    )
    return range_chart(deck.ranks, spot_actions(report), hands)


def spot_actions(report: NodeReport) -> tuple[ChartAction, ...]:
    """Return the actions of a decision, with the letters and shades that charts give them."""
    return chart_actions([(each.code, _name(each), _kind(each)) for each in report.actions])


def _kind(action: Action) -> str:
    return ALL_IN if action.all_in and action.kind in "br" else _KINDS[action.kind]


def _name(action: Action) -> str:
    if action.kind not in "br":
        return action.name
    amount = amount_text(action.amount)
    if action.all_in:
        return f"all-in {amount}"
    return f"bet {amount}" if action.kind == "b" else f"raise to {amount}"
