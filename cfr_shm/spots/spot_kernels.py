"""The kernels of spots made ready: loaded from the cache, or compiled and told of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cfr_shm.cards.deck import ROYAL
from cfr_shm.cards.ranges import parse_range
from cfr_shm.kernels.parts.barrier import meeting_of
from cfr_shm.kernels.spots.sweep import run_sweeps
from cfr_shm.kernels.warm import make_ready
from cfr_shm.layout.control import control_words
from cfr_shm.layout.spots import PLAN_WORDS
from cfr_shm.spots.arena_tables import private_gathered, private_tables
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.street_trees import Menu, TreeRules


def make_spot_kernels_ready(compact: bool, announce: Callable[[str], None]) -> None:
    """Load what solves spots; compile it, and tell, if it is not stored."""
    said = f"compiling the kernels of spots (once, about {20 if compact else 12} s) ..."
    make_ready(lambda: _call(compact), said, announce)


def _call(compact: bool) -> None:
    """Run no sweep at all, on the smallest spot."""
    nothing = Menu((), ())
    rules = TreeRules(2, 1.0, 1.0, ((nothing, nothing),) * 3)
    ranges = [parse_range(ROYAL, "AhAd"), parse_range(ROYAL, "KhKd")]
    game = build_spot(ROYAL.parse("AcAsKcKsQc"), ranges, rules, ChipPayoffs(1.0), deck=ROYAL)
    run_sweeps(
        game.arrays,
        private_tables(game, compact=compact),
        private_gathered(game),
        game.space(),
        np.zeros(control_words(1), np.int64),
        meeting_of(0, 1, 1),
        np.zeros((0, PLAN_WORDS)),
        np.zeros((0, game.hands.stride), np.float32),
    )
