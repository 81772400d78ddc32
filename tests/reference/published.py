"""Exploitabilities (NashConv / 2) of full-width algorithms as others have measured them.

Alternating updates, OpenSpiel's rules. ``EXACT`` is the tolerance where nothing but the last
published digit is in doubt. Wider ones stand where rounding decides. Each lets the kernels as they
are pass, with little to spare, and is at most 1.5 times as wide as the distance from the published
figure to the farthest of the reference's orders, which ``tests/papers/test_rounding.py`` holds.
"""

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice

EXACT = 0.001

GAMES = {
    "kuhn": kuhn,
    "leduc": lambda: leduc(merge_suits=False),
    "liars_dice": liars_dice,
    "goofspiel": lambda: goofspiel(cards=5),
}

OPENSPIEL_NAMES = {
    "kuhn": "kuhn_poker",
    "leduc": "leduc_poker",
    "liars_dice": "liars_dice",
    "goofspiel": (
        "turn_based_simultaneous_game(game=goofspiel("
        "num_cards=5,imp_info=True,points_order=descending))"
    ),
}

# (exploitability, relative tolerance) by game, iterations and algorithm.
PUBLISHED = {
    ("kuhn", 100): {
        "cfr": (8.226e-3, EXACT),
        "cfr_plus": (1.194e-3, EXACT),
        "lcfr": (1.089e-3, EXACT),
        "dcfr": (1.666e-3, EXACT),
        "pcfr_plus": (2.323e-5, EXACT),
        "pdcfr_plus": (1.105e-7, EXACT),
    },
    ("leduc", 100): {
        "cfr": (9.572e-2, EXACT),
        "cfr_plus": (1.3416e-2, EXACT),
        "lcfr": (3.449e-2, EXACT),
        "dcfr": (7.753e-3, 0.0015),
        "pcfr_plus": (1.980e-2, EXACT),
        "pdcfr_plus": (1.765e-2, EXACT),
    },
    ("leduc", 1000): {
        "cfr": (1.1819e-2, EXACT),
        "cfr_plus": (2.496e-4, 0.035),
        "lcfr": (4.923e-3, 0.25),
        "dcfr": (1.580e-4, 0.15),
        "pcfr_plus": (7.109e-4, 0.005),
        "pdcfr_plus": (9.002e-4, EXACT),
    },
    ("liars_dice", 1000): {
        "cfr": (2.659e-3, EXACT),
        "cfr_plus": (1.273e-4, EXACT),
        "lcfr": (1.164e-3, 0.22),
        "dcfr": (9.04e-5, 0.35),
        "pcfr_plus": (3.947e-4, EXACT),
        "pdcfr_plus": (6.830e-4, EXACT),
    },
    ("goofspiel", 1000): {
        "cfr": (1.159e-2, 0.4),
        "cfr_plus": (3.742e-4, 0.1),
        "lcfr": (7.224e-3, 0.45),
        "dcfr": (2.432e-4, 0.35),
        "pcfr_plus": (4.757e-5, 0.3),
        "pdcfr_plus": (8.99e-6, 0.25),
    },
}
