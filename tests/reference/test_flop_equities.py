"""All-in equities on a flop against every run-out, hand by hand."""

from itertools import combinations

import numpy as np
import pytest

from cfr_shm.cards.deck import ROYAL
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.cards.ranges import parse_range
from cfr_shm.spots.all_in_equity import equities
from cfr_shm.spots.boards import spot_hands

BOARD = "KcQsJd"
RANGES = "AhAd,AcKs,TsTd:0.5,KhQh", "KdKs,AdTd:0.25,QhJh,AsKh,TcTh"


def enumerated(own, other, weights):
    """Return the equity of one hand by counting all run-outs."""
    won = dealt = 0.0
    for hole, weight in zip(other, weights, strict=True):
        known = {*ROYAL.parse(BOARD), *own, *hole}
        if len(known) < 7:
            continue
        for more in combinations(sorted(set(range(ROYAL.card_count)) - known), 2):
            board = [*ROYAL.parse(BOARD), *more]
            one, two = evaluate(ROYAL, [*board, *own]), evaluate(ROYAL, [*board, *hole])
            won += weight * (1.0 if one > two else 0.5 if one == two else 0.0)
            dealt += weight
    return won / dealt


def test_equities_on_a_flop_are_those_of_all_run_outs():
    hands = spot_hands(ROYAL, ROYAL.parse(BOARD), [parse_range(ROYAL, text) for text in RANGES])
    found = equities(hands, hands.weights)
    for p in range(2):
        own, other = hands.holes[p].tolist(), hands.holes[1 - p].tolist()
        wanted = [enumerated(hole, other, hands.weights[1 - p]) for hole in own]
        assert found.equity[p] == pytest.approx(wanted, abs=1e-6)
    assert sum(found.mean(hands.weights)) == pytest.approx(1.0, abs=1e-6)
    assert np.ptp(found.equity[0]) > 0.1
