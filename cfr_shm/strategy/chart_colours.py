"""The colours of range charts in pictures and pages: fold blue, call green, raises red."""

from __future__ import annotations

from cfr_shm.games.holdem.lines import CALL, CHECK, FOLD
from cfr_shm.strategy.range_chart import ChartAction

_FOLD = (58, 110, 178)
_CALL = (62, 142, 86)
_SMALLEST_RAISE = (226, 104, 84)
_LARGEST_RAISE = (112, 18, 26)


def colour(action: ChartAction) -> str:
    """Return the action's colour as ``#rrggbb``: raises are the darker the larger they are."""
    if action.kind == FOLD:
        mixed = _FOLD
    elif action.kind in (CALL, CHECK):
        mixed = _CALL
    else:
        pairs = zip(_SMALLEST_RAISE, _LARGEST_RAISE, strict=True)
        red, green, blue = (round(low + (high - low) * action.shade) for low, high in pairs)
        mixed = (red, green, blue)
    return "#{:02x}{:02x}{:02x}".format(*mixed)
