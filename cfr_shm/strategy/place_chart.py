"""The range chart of a place that was looked up, and what there is of it as JSON."""

from __future__ import annotations

from typing import Any

from cfr_shm.cards.deck import SUIT_COUNT
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.games.holdem.line_walk import Place
from cfr_shm.strategy.range_chart import ChartAction, RangeChart, chart_actions, range_chart
from cfr_shm.strategy.spot import Spot


def actions_of(place: Place) -> tuple[ChartAction, ...]:
    """Return the actions of a place, with the letters and shades that charts give them."""
    return chart_actions([(each.token, each.name, each.kind) for each in place.choices])


def chart_of(spot: Spot, cards: HoleCards) -> RangeChart:
    """Return the chart of the seat that is to act."""
    # Small decks are the highest ranks of the standard one.
    lowest = cards.dealt[0] // SUIT_COUNT
    ranks = cards.deck.ranks[lowest:]
    hands = spot.hands._replace(cards=spot.hands.cards - SUIT_COUNT * lowest)
    return range_chart(ranks, actions_of(spot.place), hands)


def chart_document(chart: RangeChart) -> dict[str, Any]:
    """Return a chart as JSON."""
    return {
        "totals": list(chart.totals),
        "hands": chart.hands,
        "hands_here": chart.hands_here,
        "unvisited": chart.unvisited,
        "classes": [
            {
                "name": cell.name,
                "hands": cell.hands,
                "weight": cell.weight,
                "visits": cell.visits,
                "visited": cell.visited,
                "probability": None if cell.probability is None else list(cell.probability),
            }
            for row in chart.cells
            for cell in row
        ],
    }
