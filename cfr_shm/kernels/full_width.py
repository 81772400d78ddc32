"""Full-width counterfactual regret minimization in vector form, alternating updates.

One *iteration* updates each player once, over all deals. A player's reach changes only after
the player's own update, so that it is carried down once per iteration. Source: Zinkevich et
al. 2007, "Regret minimization in games with incomplete information"; the variants' sources
and weights are in docs/algorithms.md.
"""

from __future__ import annotations

import math

import numpy as np

from cfr_shm.kernels.atomics import atomic_load
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.progress import tell
from cfr_shm.kernels.vector_walk import (
    add_children,
    carry_reach,
    class_row,
    lift,
    pay,
    root_value,
)
from cfr_shm.layout import (
    CHANCE,
    DECISION,
    RESULT_ITERATIONS,
    RESULT_UTILITY,
    RUN,
    STOP_FLAG,
)


@kernel
def full_width(views, form, state, scratch, rule, task, result):
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: (layout.Tree, layout.Table, control block): the tree read-only; of the table the
            strategy sums are read and written, and the regrets written at the end of the task,
            for others to look at; of the control block, (control_words,) int64, the stop flag
            is read and this worker's line written.
        form: layout.VectorForm, read-only.
        state: layout.FullWidthState, read and written.
        scratch: layout.VectorScratch for all classes; its policy is carried on.
        rule: layout.FullWidthRule.
        task: layout.Task; iteration 0 starts from the uniform policy.
        result: (RESULT_UTILITY + players,) float64, out; utilities are exact expectations
            against the others' current policies.

    The stop flag is looked at between iterations; iterations done are a prefix of the task.
    """
    result[:] = 0.0
    tree, table, control = views
    players = form.class_count.shape[0]
    if task.iteration_count > 0:
        if task.first_iteration == 0:
            _set_uniform(tree, form, scratch.policy)
        for player in range(players):
            carry_reach(tree, form, scratch, player)
    for iteration in range(task.first_iteration, task.first_iteration + task.iteration_count):
        if atomic_load(control, STOP_FLAG) != RUN:
            break
        for player in range(players):
            _sweep(tree, form, state, scratch, table.strategy_sum, rule, iteration + 1.0, player)
            carry_reach(tree, form, scratch, player)
            result[RESULT_UTILITY + player] += root_value(form, scratch, player)
        visited = tree.nodes.shape[0] * players
        tell(control, task.worker_line, result, 1, visited)
    if result[RESULT_ITERATIONS] > 0:
        _show_regrets(tree, form, state.regret, table.regret)


@device
def _show_regrets(tree, form, regret, shown):
    """Copy the regrets to the rows, rounded to float32."""
    for node in range(tree.nodes.shape[0]):
        record = tree.nodes[node]
        if record["kind"] == DECISION:
            actor = record["actor"]
            count = np.int64(record["count"])
            street = form.nodes[node]["street"]
            first = form.class_first[actor, street]
            for each in range(first, first + form.class_count[actor, street]):
                row = class_row(record, form, each)
                for action in range(count):
                    shown[2 * (row + count) + action] = np.float32(regret[row + action])


@device
def _set_uniform(tree, form, policy):
    for node in range(tree.nodes.shape[0]):
        record = tree.nodes[node]
        if record["kind"] == DECISION:
            actor = record["actor"]
            street = form.nodes[node]["street"]
            first = form.class_first[actor, street]
            for each in range(first, first + form.class_count[actor, street]):
                row = class_row(record, form, each)
                for action in range(record["count"]):
                    policy[row + action] = 1.0 / record["count"]


@device
def _sweep(tree, form, state, scratch, strategy_sum, rule, count, player):
    """Update one player's regrets, policy and average; ``count`` is the iteration from 1."""
    positive = _kept(count - 1.0, rule.keep_positive, rule.offset)
    negative = _kept(count - 1.0, rule.keep_negative, rule.offset)
    factors = (positive, negative, _kept(count, rule.keep_positive, rule.offset))
    weight = count**rule.average
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
            for each in range(form.class_count[at(player), at(street)]):
                row = class_row(record, form, first + each)
                reach = scratch.reach[at(own + each)]
                share = weight * form.class_probability[at(first + each)] * reach
                value[at(target + each)] = _settle(
                    record, form, state, scratch, strategy_sum, row, each, share
                )
                if extra["exclusive"] == 1:
                    _match(state, scratch.policy, rule, factors, row, np.int64(record["count"]))
        elif kind in (DECISION, CHANCE):
            add_children(record, form, scratch, player, street, value, target)
        else:
            pay(form, scratch, player, street, node, value, target)
        if street != extra["above"]:
            lift(form, scratch, player, extra)
    # Only now are the rows complete that several nodes or classes use.
    for each in range(form.shared_first[player], form.shared_first[player + 1]):
        row, actions = form.shared_rows[at(each), 0], form.shared_rows[at(each), 1]
        _match(state, scratch.policy, rule, factors, row, actions)


@device
def _kept(count, exponent, offset):
    """Return the share of old regrets that is kept; 1 where the exponent is NaN."""
    if math.isnan(exponent):
        return 1.0
    if count < 1.0:
        return 0.0
    power = count**exponent
    return power / (power + offset) if power < math.inf else 1.0


@device
def _settle(record, form, state, scratch, strategy_sum, row, each, share):
    """Add one class's instant regrets and average policy; return its value."""
    child = np.int64(record["first_child"])
    count = np.int64(record["count"])
    value = 0.0
    for action in range(count):
        policy = scratch.policy[at(row + action)]
        below = scratch.value[at(form.nodes[at(child + action)]["value"] + each)]
        strategy_sum[at(row + action)] += share * policy
        value += policy * below
    for action in range(count):
        below = scratch.value[at(form.nodes[at(child + action)]["value"] + each)]
        state.instant[at(row + action)] += below - value
    return value


@device
def _match(state, policy, rule, factors, row, count):
    """Take the instant regrets of a row into its regrets, and set its next policy."""
    positive, negative, ahead = factors
    total = 0.0
    for entry in range(row, row + count):
        old = state.regret[at(entry)]
        instant = state.instant[at(entry)]
        new = old * (positive if old > 0.0 else negative) + instant
        if rule.floored == 1:
            new = max(new, 0.0)
        state.regret[at(entry)] = new
        state.instant[at(entry)] = 0.0
        if rule.predicts == 1:
            new = new * ahead + instant
        new = max(new, 0.0)
        policy[at(entry)] = new
        total += new
    if total > 0.0:
        # Divided, not scaled: a sure action must get exactly 1, or its regret is not exactly 0.
        for entry in range(row, row + count):
            policy[at(entry)] /= total
    else:
        for entry in range(row, row + count):
            policy[at(entry)] = 1.0 / count
