"""Values of all hands of one side against the weighted hands of the other, in one sweep.

A hand meets those of the other side that share no card with it. Sums by card take out what it
blocks: of the hands that count, those with its first card and those with its second; the hand
of the same two cards is then taken out twice, and added once. Going up in strength, the sums
hold what a hand beats, and after its own strength's hands what it does not lose to. That costs
O(own + other hands) instead of their product.

Source: Johanson, Waugh, Bowling & Zinkevich 2011, "Accelerating best response calculation in
large extensive games", section 4.2.
"""

from __future__ import annotations

from cfr_shm.kernels.jit import at, device, kernel, swept

#: Rows of the work space ``sums``: up to a strength, and over all hands.
BELOW = 0
WHOLE = 1
SUM_ROWS = 2


@swept
def sum_by_card(other, reach, sums):
    """Add up the other side's reach, over all hands (returned) and by card.

    Args:
        other: layout.showdown.HandOrder, read-only.
        reach: (other hands,) float, read-only.
        sums: (SUM_ROWS, cards) float64, out: row WHOLE.
    """
    sums[WHOLE, :] = 0.0
    whole = 0.0
    for place in range(len(reach)):
        weight = reach[at(place)]
        whole += weight
        sums[WHOLE, at(other.card_a[at(place)])] += weight
        sums[WHOLE, at(other.card_b[at(place)])] += weight
    return whole


@device
def met_by(own, place, reach, sums, whole):
    """Return the reach of the hands that the own hand at ``place`` can meet.

    Args:
        own: layout.showdown.HandOrder, read-only.
        place: of the hand.
        reach: (other hands,) float, read-only.
        sums: (SUM_ROWS, cards) float64, read-only: row WHOLE, as ``sum_by_card`` left it.
        whole: what it returned.
    """
    met = whole - sums[WHOLE, at(own.card_a[at(place)])] - sums[WHOLE, at(own.card_b[at(place)])]
    twin = own.twin[at(place)]
    if twin >= 0:
        met += reach[at(twin)]
    return met


@kernel
def fold_values(own, other, reach, amount, sums, values):
    """Write what every own hand gets where somebody has folded.

    Args:
        own: layout.showdown.HandOrder, read-only.
        other: layout.showdown.HandOrder of the other side, read-only.
        reach: (other hands,) float, read-only.
        amount: what the own side gets, whoever folded.
        sums: (SUM_ROWS, cards) float64, work space.
        values: (own hands,) float, out: ``amount`` x the reach of the hands that it can meet.
    """
    fold_values_summed(own, reach, amount, sums, sum_by_card(other, reach, sums), values)


@swept
def fold_values_summed(own, reach, amount, sums, whole, values):
    """Do what ``fold_values`` does; ``sums`` and ``whole`` are as ``sum_by_card`` left them."""
    for place in range(len(values)):
        values[at(place)] = amount * met_by(own, place, reach, sums, whole)


@kernel
def showdown_values(own, other, reach, amounts, sums, values):
    """Write what every own hand gets at a showdown.

    Args:
        own: layout.showdown.HandOrder of a river board, read-only.
        other: layout.showdown.HandOrder of the other side on the same board, read-only.
        reach: (other hands,) float, read-only.
        amounts: layout.showdown.Amounts; with rake the three are not symmetric.
        sums: (SUM_ROWS, cards) float64, work space.
        values: (own hands,) float, out: the sum over the hands that it can meet of their reach
            times the amount.
    """
    whole = sum_by_card(other, reach, sums)
    showdown_values_summed(own, other, reach, amounts, sums, whole, values)


@swept
def showdown_values_summed(own, other, reach, amounts, sums, whole, values):
    """Do what ``showdown_values`` does; ``sums`` and ``whole`` as ``sum_by_card`` left them."""
    sums[BELOW, :] = 0.0
    below = 0.0
    own_count = len(values)
    other_count = len(reach)
    first = 0
    rest = 0
    while first < own_count:
        strength = own.strength[at(first)]
        while rest < other_count and other.strength[at(rest)] < strength:
            below += _add(other, rest, reach, sums)
            rest += 1
        last = first
        while last < own_count and own.strength[at(last)] == strength:
            a = own.card_a[at(last)]
            b = own.card_b[at(last)]
            values[at(last)] = below - sums[BELOW, at(a)] - sums[BELOW, at(b)]
            last += 1
        while rest < other_count and other.strength[at(rest)] == strength:
            below += _add(other, rest, reach, sums)
            rest += 1
        for place in range(first, last):
            won = values[at(place)]
            met = met_by(own, place, reach, sums, whole)
            not_lost = below - sums[BELOW, at(own.card_a[at(place)])]
            not_lost -= sums[BELOW, at(own.card_b[at(place)])]
            if own.twin[at(place)] >= 0:
                not_lost += reach[at(own.twin[at(place)])]
            tied = not_lost - won
            lost = met - not_lost
            values[at(place)] = amounts.win * won + amounts.tie * tied + amounts.lose * lost
        first = last


@device
def _add(other, place, reach, sums):
    """Count one more hand of the other side as weaker, and return its reach."""
    weight = reach[at(place)]
    sums[BELOW, at(other.card_a[at(place)])] += weight
    sums[BELOW, at(other.card_b[at(place)])] += weight
    return weight
