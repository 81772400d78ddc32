"""Full-width counterfactual regret minimization in vector form, alternating updates.

One *iteration* updates each player once, over all deals. A player's reach changes only after
the player's own update, so that it is carried down once per iteration. Source: Zinkevich et
al. 2007, "Regret minimization in games with incomplete information"; the variants' sources
and weights are in docs/algorithms.md.

All workers run every iteration together, each on its share, and meet twice per player::

    everybody   own subtrees: values up, regrets and policies of rows used once
    -- meet --
    worker 0    the same in the trunk above the subtrees
    everybody   own shared rows: gather regrets from all their uses, set policies
    -- meet --
    everybody   the player's reach, down the trunk and own subtrees; then the next player

No number is added up by two workers, so that the tables do not depend on how many there are.
The trunk's reach alone is computed by everybody: all write the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, kernel, swept
from cfr_shm.kernels.parts.barrier import meet
from cfr_shm.kernels.parts.rows import regret_index, sum_index
from cfr_shm.kernels.parts.tally import show
from cfr_shm.kernels.training.vector_walk import (
    add_children,
    carry_to_children,
    class_row,
    lift,
    pay,
    root_value,
    start_reach,
)
from cfr_shm.layout.control import RUN, STOP_NOW
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_NODES, RESULT_UTILITY, Task
from cfr_shm.layout.tree import CHANCE, DECISION, TERMINAL
from cfr_shm.layout.views import FullWidthViews


@kernel
def full_width(views: FullWidthViews, task: Task, result: NDArray[np.float64]) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    All workers are given the same tasks, and call this with the same arguments but for their
    shares, their lines, and what is their own of the scratch memory.

    Args:
        views: ``own`` is a layout.FullWidthMemory, for all classes. Of the table the strategy sums
            are read and written, and the regrets written at the end of the task, for others to
            look at; of the control block the barrier's lines are written too.
        task: what to run; iteration 0 starts from the uniform policy.
        result: (RESULT_UTILITY + players,) float64, out; iterations are those of all workers
            together, nodes this worker's; utilities, from worker 0 alone, are exact
            expectations against the others' current policies.

    The stop flag is looked at between iterations; iterations done are a prefix of the task,
    the same for every worker. Only when a meeting is called off by STOP_NOW is an iteration
    left in the middle, and the tables are of no use then.
    """
    result[:] = 0.0
    tree, table, control = views.tree, views.table, views.control
    form, regrets, scratch, rule, share = views.own
    players = form.class_count.shape[0]
    chief = share.meeting.member == 0
    alone = share.meeting.participants == 1
    flag = np.int64(RUN)
    if task.iteration_count > 0:
        if task.first_iteration == 0:
            _set_uniform(tree, form, share, scratch.policy)
        flag = meet(control, share.meeting)
        for player in range(players):
            _carry_reach(tree, form, scratch, share, player)
    visited = share.nodes.shape[0] + (share.trunk.shape[0] if chief else 0)
    for iteration in range(task.first_iteration, task.first_iteration + task.iteration_count):
        if flag != RUN:
            break
        count = iteration + 1.0
        for player in range(players):
            weights = _weights(rule, count)
            _raise_values(tree, form, regrets, scratch, table, rule, weights, player, share.nodes)
            flag = meet(control, share.meeting)
            if flag == STOP_NOW and not alone:
                return
            if chief:
                _raise_values(
                    tree, form, regrets, scratch, table, rule, weights, player, share.trunk
                )
                result[RESULT_UTILITY + player] += root_value(form, scratch, player)
            _settle_shared(tree, form, regrets, scratch, table, rule, weights, player, share)
            flag = meet(control, share.meeting)
            if flag == STOP_NOW and not alone:
                return
            _carry_reach(tree, form, scratch, share, player)
        result[RESULT_ITERATIONS] += 1
        result[RESULT_NODES] += visited * players
        show(control, task.worker_line, np.int64(chief), visited * players)
    if result[RESULT_ITERATIONS] > 0:
        _show_regrets(tree, form, share, regrets.regret, table)


@swept
def _show_regrets(tree, form, share, regret, table):
    """Copy the regrets of this worker's rows to where others look, rounded to float32."""
    parts = 2 if share.meeting.member == 0 else 1
    for part in range(parts):
        nodes = share.nodes if part == 0 else share.trunk
        for index in range(nodes.shape[0]):
            node = nodes[index]
            record = tree.nodes[node]
            if record["kind"] == DECISION and form.nodes[node]["exclusive"] == 1:
                count = np.int64(record["count"])
                actor, street = record["actor"], form.nodes[node]["street"]
                first = form.class_first[actor, street]
                for each in range(first, first + form.class_count[actor, street]):
                    _show_row(regret, table, class_row(record, form, each), count)
    for index in range(share.rows.shape[0]):
        row = share.rows[index]
        _show_row(regret, table, form.shared_rows[row, 0], form.shared_rows[row, 1])


@swept
def _show_row(regret, table, row, count):
    first = regret_index(table.strategy_sum, row, count)
    for action in range(count):
        table.regret[first + action] = np.float32(regret[row + action])


@swept
def _set_uniform(tree, form, share, policy):
    """Start from uniform policies in this worker's rows."""
    parts = 2 if share.meeting.member == 0 else 1
    for part in range(parts):
        nodes = share.nodes if part == 0 else share.trunk
        for index in range(nodes.shape[0]):
            node = nodes[index]
            record = tree.nodes[node]
            if record["kind"] == DECISION and form.nodes[node]["exclusive"] == 1:
                actor, street = record["actor"], form.nodes[node]["street"]
                first = form.class_first[actor, street]
                for each in range(first, first + form.class_count[actor, street]):
                    row = class_row(record, form, each)
                    policy[row : row + record["count"]] = 1.0 / record["count"]
    for index in range(share.rows.shape[0]):
        row, count = form.shared_rows[share.rows[index], 0], form.shared_rows[share.rows[index], 1]
        policy[row : row + count] = 1.0 / count


@swept
def _carry_reach(tree, form, scratch, share, player):
    """Write how likely the player's own moves come to the nodes of trunk and own subtrees."""
    start_reach(form, scratch, player)
    for part in range(2):
        nodes = share.trunk if part == 0 else share.nodes
        for index in range(nodes.shape[0]):
            node = np.int64(nodes[at(index)])
            if tree.nodes[at(node)]["kind"] < TERMINAL:
                carry_to_children(tree, form, scratch, player, node)


@swept
def _weights(rule, count):
    """Return what is kept of old regrets, and the iteration's weight; ``count`` is from 1."""
    positive = _kept(count - 1.0, rule.keep_positive, rule.offset)
    negative = _kept(count - 1.0, rule.keep_negative, rule.offset)
    ahead = _kept(count, rule.keep_positive, rule.offset)
    return positive, negative, ahead, count**rule.average


@swept
def _raise_values(tree, form, regrets, scratch, table, rule, weights, player, nodes):
    """Carry values up from the last of ``nodes`` to the first; update rows used only here."""
    for step in range(nodes.shape[0]):
        node = np.int64(nodes[at(nodes.shape[0] - 1 - step)])
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
                worth = _row_value(record, form, scratch, row, each)
                value[at(target + each)] = worth
                if extra["exclusive"] == 1:
                    reach = scratch.reach[at(own + each)]
                    added = weights[3] * form.class_probability[at(first + each)] * reach
                    _add_use(record, form, regrets, scratch, table, row, each, worth, added)
                    _match(regrets, scratch.policy, rule, weights, row, np.int64(record["count"]))
        elif kind in (DECISION, CHANCE):
            add_children(record, form, scratch, player, street, value, target)
        else:
            pay(form, scratch, player, street, node, value, target)
        if street != extra["above"]:
            lift(form, scratch, player, extra)


@swept
def _settle_shared(tree, form, regrets, scratch, table, rule, weights, player, share):
    """Update this worker's shared rows of the player, each from all its uses."""
    for index in range(share.row_first[at(player)], share.row_first[at(player + 1)]):
        number = share.rows[at(index)]
        row, count = form.shared_rows[at(number), 0], form.shared_rows[at(number), 1]
        for use in range(form.use_first[at(number)], form.use_first[at(number + 1)]):
            node = np.int64(form.use_node[at(use)])
            each = np.int64(form.use_class[at(use)])
            record = tree.nodes[at(node)]
            street = form.nodes[at(node)]["street"]
            worth = _row_value(record, form, scratch, row, each)
            reach = scratch.reach[at(form.reach[at(node), at(player)] + each)]
            seen = form.class_first[at(player), at(street)] + each
            added = weights[3] * form.class_probability[at(seen)] * reach
            _add_use(record, form, regrets, scratch, table, row, each, worth, added)
        _match(regrets, scratch.policy, rule, weights, row, count)


@swept
def _row_value(record, form, scratch, row, each):
    """Return what a node is worth to one class, by its row's policy."""
    child = np.int64(record["first_child"])
    value = 0.0
    for action in range(record["count"]):
        below = scratch.value[at(form.nodes[at(child + action)]["value"] + each)]
        value += scratch.policy[at(row + action)] * below
    return value


@swept
def _add_use(record, form, regrets, scratch, table, row, each, worth, added):
    """Add one class's instant regrets at one node, and its average policy."""
    child = np.int64(record["first_child"])
    first = sum_index(table.strategy_sum, row, np.int64(record["count"]))
    for action in range(record["count"]):
        below = scratch.value[at(form.nodes[at(child + action)]["value"] + each)]
        table.strategy_sum[at(first + action)] += added * scratch.policy[at(row + action)]
        regrets.instant[at(action)] += below - worth


@swept
def _kept(count, exponent, offset):
    """Return the share of old regrets that is kept; 1 where the exponent is NaN."""
    if math.isnan(exponent):
        return 1.0
    if count < 1.0:
        return 0.0
    power = count**exponent
    return power / (power + offset) if power < math.inf else 1.0


@swept
def _match(regrets, policy, rule, weights, row, count):
    """Take the instant regrets of a row into its regrets, and set its next policy."""
    positive, negative, ahead, _ = weights
    total = 0.0
    for action in range(count):
        entry = row + action
        old = regrets.regret[at(entry)]
        instant = regrets.instant[at(action)]
        new = old * (positive if old > 0.0 else negative) + instant
        if rule.floored == 1:
            new = max(new, 0.0)
        regrets.regret[at(entry)] = new
        regrets.instant[at(action)] = 0.0
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
