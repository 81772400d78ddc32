"""Draw actions and outcomes of chance, and take averages where actions are drawn."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device
from cfr_shm.kernels.parts.regret import add_weight


@device
def draw_action(frame_policy, frame, count, total, unit):
    """Return an action drawn from row ``frame``, which sums to ``total``.

    ``unit`` is a draw in [0, 1).
    """
    draw = unit * total
    cumulative = 0.0
    action = 0
    for other in range(count):
        cumulative += frame_policy[at(frame), at(other)]
        action += cumulative <= draw
    return min(action, count - 1)


@device
def draw_from_row(probability, row, count, unit):
    """Return an action drawn from a row of a strategy, for a draw ``unit`` in [0, 1)."""
    cumulative = 0.0
    action = 0
    for other in range(count):
        cumulative += probability[at(row + other)]
        action += cumulative <= unit
    last = count - 1
    # Probabilities that sum to a little less than 1 must not give what is never played.
    while action >= last and last > 0 and probability[at(row + last)] <= 0.0:
        last -= 1
    return min(action, last)


@device
def sample_action(table, row, count, weight, atomic, frame_policy, frame, total, unit):
    """Add the weighted policy to the average and return an action drawn from it.

    ``unit`` is a draw in [0, 1); row ``frame`` of ``frame_policy`` sums to ``total``.
    """
    draw = unit * total
    scale = weight / total
    cumulative = 0.0
    action = 0
    for other in range(count):
        share = frame_policy[at(frame), at(other)]
        add_weight(table, row, count, other, scale * share, unit, atomic)
        cumulative += share
        action += cumulative <= draw
    return min(action, count - 1)


@device
def sample_outcome(tree, record, unit):
    """Return the child that a chance node deals for a draw ``unit`` in [0, 1)."""
    outcome = np.int64(record["detail"])
    last = outcome + record["count"] - 1
    child = np.int64(record["first_child"])
    while outcome < last and tree.outcome_cumulative[at(outcome)] <= unit:
        outcome += 1
        child += 1
    return child
