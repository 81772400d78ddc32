"""Public-chance sampling: public cards are drawn, everybody's own hands are all considered.

One *iteration* draws a deal, of which only the public states count, and updates each player
once over every class that can be in them. Source: Johanson et al. 2012, "Efficient Nash
equilibrium approximation through Monte Carlo counterfactual regret minimization", section 4.

What a sampled leaf pays is divided by the probability of its street's public state, so that
the regrets of an iteration are unbiased; so is a class's weight in the average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import atomic_load
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.regret import (
    add_gain,
    add_weight,
    current_regret,
    gains_at,
    regrets_at,
    whole_units,
)
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.weighting import iteration_weight
from cfr_shm.kernels.parts.windows import ABANDONED, run_windows
from cfr_shm.kernels.training.deal import draw_listed_deal
from cfr_shm.kernels.training.vector_walk import (
    add_children,
    carry_to_children,
    class_row,
    lift,
    pay,
    root_value,
    start_reach,
)
from cfr_shm.layout.control import STOP_FLAG, STOP_NOW
from cfr_shm.layout.task import RESULT_UTILITY, RESULT_WEIGHT, UPDATE_ATOMIC, Task
from cfr_shm.layout.tree import CHANCE, DECISION, TERMINAL
from cfr_shm.layout.views import KernelViews


@kernel
def public_chance_sampling(views: KernelViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: ``own`` is a layout.PublicMemory.
        task: what to run.
        result: (RESULT_UTILITY + players,) float64, out.

    The stop flag ends it as ``kernels.parts.windows`` says.
    """
    run_windows(_iterations, views, task, result, 1)


@kernel
def public_chance_sampling_frozen(
    views: KernelViews, task: Task, result: NDArray[np.float64]
) -> None:
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: as ``public_chance_sampling`` has them, with a border.
        task: without weights: they are the border's.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    run_freezes(_iterations, views, task, result)


@device
def _iterations(views, task, result, first, end):
    """Run iterations ``[first, end)``; return the nodes visited, or ABANDONED."""
    for iteration in range(first, end):
        if atomic_load(views.control, STOP_FLAG) == STOP_NOW:
            return ABANDONED
        _iterate(views, task, result, iteration)
    return (end - first) * views.tree.nodes.shape[0] * views.own.form.class_count.shape[0]


@device
def _iterate(views, task, result, iteration):
    """Run one iteration."""
    tree, table = views.tree, views.table
    form, scratch = views.own.form, views.own.scratch
    players = form.class_count.shape[0]
    weight = iteration_weight(task, iteration)
    deal = draw_listed_deal(views.deals, task.seed, iteration)
    _take_part(views.own.public, deal, scratch)
    for player in range(players):
        _match_and_carry(tree, form, scratch, table, player)
    for player in range(players):
        key = sweep_key(task.seed, iteration, player)
        result[RESULT_WEIGHT] += _sweep(tree, form, scratch, table, task, weight, player, key)
        value = root_value(form, scratch, player)
        result[RESULT_UTILITY + player] += whole_units(value, table)
        if player < players - 1:
            _match_and_carry(tree, form, scratch, table, player)


@device
def _take_part(public, deal, scratch):
    """Let those classes take part that can be in the deal's public states."""
    for street in range(scratch.begin.shape[1]):
        public_state = public.of_deal[at(street), at(deal)]
        scratch.leaf_scale[at(street)] = 1.0 / public.probability[at(public_state)]
        for player in range(scratch.begin.shape[0]):
            scratch.begin[at(player), at(street)] = public.class_begin[at(public_state), at(player)]
            scratch.end[at(player), at(street)] = public.class_end[at(public_state), at(player)]


@device
def _match_and_carry(tree, form, scratch, table, player):
    """Write the player's current policies and reach, in the classes that take part."""
    start_reach(form, scratch, player)
    for node in range(tree.nodes.shape[0]):
        record = tree.nodes[at(node)]
        if record["kind"] < TERMINAL:
            if record["kind"] == DECISION and record["actor"] == player:
                _match_rows(record, form, scratch, table, player, node)
            carry_to_children(tree, form, scratch, player, node)


@device
def _match_rows(record, form, scratch, table, player, node):
    """Write the current policy of every row of one node that takes part."""
    policy = scratch.policy
    count = np.int64(record["count"])
    street = form.nodes[at(node)]["street"]
    first = form.class_first[at(player), at(street)]
    begin, end = scratch.begin[at(player), at(street)], scratch.end[at(player), at(street)]
    for each in range(begin, end):
        row = class_row(record, form, first + each)
        regrets = regrets_at(table, row, count)
        total = 0.0
        for action in range(count):
            positive = max(current_regret(table, regrets + action), 0.0)
            policy[at(row + action)] = positive
            total += positive
        scale = 1.0 / total if total > 0.0 else 0.0
        uniform = 0.0 if total > 0.0 else 1.0 / count
        for action in range(count):
            policy[at(row + action)] = policy[at(row + action)] * scale + uniform


@device
def _sweep(tree, form, scratch, table, task, weight, player, key):
    """Update one player's regrets and average; return the strategy weight that was added."""
    added = 0.0
    for step in range(tree.nodes.shape[0]):
        node = tree.nodes.shape[0] - 1 - step
        record = tree.nodes[at(node)]
        extra = form.nodes[at(node)]
        street = np.int64(extra["street"])
        value, target = scratch.value, extra["value"]
        if street != extra["above"]:
            value, target = scratch.own_street, np.int64(0)
        kind = record["kind"]
        if kind == DECISION and record["actor"] == player:
            first = form.class_first[at(player), at(street)]
            own = form.reach[at(node), at(player)]
            begin, end = scratch.begin[at(player), at(street)], scratch.end[at(player), at(street)]
            scale = weight * scratch.leaf_scale[at(street)]
            for each in range(begin, end):
                row = class_row(record, form, first + each)
                reach = scratch.reach[at(own + each)]
                share = scale * form.class_probability[at(first + each)] * reach
                value[at(target + each)] = _settle(
                    record, form, scratch, table, task, row, each, share, weight, key
                )
                added += share
        elif kind in (DECISION, CHANCE):
            add_children(record, form, scratch, player, street, value, target)
        else:
            pay(form, scratch, player, street, node, value, target)
        if street != extra["above"]:
            lift(form, scratch, player, extra)
    return added


@device
def _settle(record, form, scratch, table, task, row, each, share, weight, key):
    """Add one class's weighted instant regrets and average policy; return its value."""
    atomic = task.update == UPDATE_ATOMIC
    child = np.int64(record["first_child"])
    count = np.int64(record["count"])
    value = 0.0
    unit = uniform(key, row)
    for action in range(count):
        policy = scratch.policy[at(row + action)]
        below = scratch.value[at(form.nodes[at(child + action)]["value"] + each)]
        add_weight(table, row, count, action, share * policy, unit, atomic)
        value += policy * below
    first = gains_at(table, row, count)
    for action in range(count):
        below = scratch.value[at(form.nodes[at(child + action)]["value"] + each)]
        gain = weight * (below - value)
        add_gain(table, first + action, gain, task.regret_floor, atomic)
    return value
