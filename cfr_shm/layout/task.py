"""What a training kernel is asked to do, and what it reports."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

UPDATE_PLAIN = 0
UPDATE_ATOMIC = 1
WEIGHT_VANILLA = 0
WEIGHT_LINEAR = 1

#: Where external sampling takes averages: in its sweeps at the others' nodes, not at all (in
#: passes that somebody else makes), or on paths that follow the sweeps.
AVERAGE_ON_THE_WAY = 0
AVERAGE_APART = 1
AVERAGE_ON_PATHS = 2
NEVER = -np.inf


class Task(NamedTuple):
    """What a traversal kernel is asked to do. Plain Python ints below 2**63, and floats."""

    seed: int
    first_iteration: int  # 0-based, a multiple of drain_window
    iteration_count: int
    drain_window: int  # the interleaving is drained at multiples of it
    weighting: int  # WEIGHT_VANILLA or WEIGHT_LINEAR
    update: int  # UPDATE_PLAIN or UPDATE_ATOMIC
    worker_line: int  # first word of this worker's line in the control block
    regret_floor: float = NEVER  # regrets never fall below it, chips
    prune_threshold: float = NEVER  # actions with smaller regrets may be skipped, chips
    prune_probability: float = 0.0  # that an iteration skips them
    prune_after: int = 0  # iterations before the first that may skip
    average_probability: float = 1.0  # that passes for the average follow an iteration
    deals_apart: int = 0  # whether each sweep of external sampling has a deal of its own


#: What a traversal kernel reports, (RESULT_UTILITY + players,) float64: iterations and nodes
#: done, the strategy weight added, then each player's summed sampled utility.
RESULT_ITERATIONS = 0
RESULT_NODES = 1
RESULT_WEIGHT = 2
RESULT_UTILITY = 3
