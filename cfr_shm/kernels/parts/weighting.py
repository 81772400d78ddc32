"""What an iteration weighs in regrets and averages."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import device
from cfr_shm.layout.task import WEIGHT_LINEAR


@device
def iteration_weight(task, iteration):
    """Return the weight of an iteration of a layout.Task: its number from 1 on, or 1."""
    return np.float64(iteration + 1) if task.weighting == WEIGHT_LINEAR else 1.0
