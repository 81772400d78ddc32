"""The table of preflop equities: against the cards room's counts, and within itself."""

from __future__ import annotations

import numpy as np
import preflop_equities as table
import pytest

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.equity import all_in

CHOSEN = [("AA", "KK"), ("AKo", "QQ"), ("JTs", "22"), ("72o", "AA"), ("T9s", "T8s"), ("55", "55")]


@pytest.mark.parametrize(("one", "two"), CHOSEN, ids=["-".join(pair) for pair in CHOSEN])
def test_margins_are_the_cards_rooms(one: str, two: str):
    stored = np.load(table.PATH)
    i, j = table.CLASSES.index(one), table.CLASSES.index(two)
    pairs = margin = ties = 0
    seen: dict[tuple[int, ...], tuple[int, int]] = {}
    for hand in (hand for hand in table.HANDS if table.class_name(*hand) == one):
        for other in (hand for hand in table.HANDS if table.class_name(*hand) == two):
            if set(hand) & set(other):
                continue
            key = first_met(hand + other)
            if key not in seen:
                found = all_in(STANDARD, [hand, other])
                seen[key] = (found.wins[0] - found.wins[1], found.ties[0])
            pairs += 1
            margin += seen[key][0]
            ties += seen[key][1]
    assert (stored["pairs"][i, j], stored["margin"][i, j], stored["ties"][i, j]) == (
        pairs,
        margin,
        ties,
    )


def first_met(cards: tuple[int, ...]) -> tuple[int, ...]:
    """Rename suits in the order in which they are met."""
    names: dict[int, int] = {}
    return tuple(4 * (card // 4) + names.setdefault(card % 4, len(names)) for card in cards)


def test_table_is_antisymmetric_and_complete():
    stored = np.load(table.PATH)
    assert stored["pairs"].sum() == 1326 * 1225
    np.testing.assert_array_equal(stored["pairs"], table.count_pairs())
    np.testing.assert_array_equal(stored["margin"], -stored["margin"].T)
    np.testing.assert_array_equal(stored["ties"], stored["ties"].T)
