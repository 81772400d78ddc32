"""The value of all hands of one seat against a strategy, best responses from a street on.

The walk carries the other seat's reach down and the responder's values up, for all hands that
fit the board. Values are counterfactual: sums over the other seat's hands of its reach times
what the responder gets. So the best action of a hand is known once the values of a node's
children are, and that is a best response to the cards which lie there: the responder knows the
board and its own hand, never what comes or what the other seat holds.

Source: Johanson, Waugh, Bowling & Zinkevich 2011, "Accelerating best response calculation in
large extensive games", section 4.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.showdown import (
    fold_values_summed,
    showdown_values_summed,
    sum_by_card,
)
from cfr_shm.kernels.jit import at, device, kernel, swept
from cfr_shm.layout.response import NO_EXIT, NOT_SUMMED, WALK_NEXT, WALK_NODE, WALK_REACH
from cfr_shm.layout.showdown import Amounts
from cfr_shm.layout.tree import DECISION, SHOWDOWN


@swept
def _pass_on(policy, record, node, action, source, target):
    """Multiply a reach by how likely each hand takes an action; return whether any comes."""
    street = np.int64(record["street"])
    base = policy.row_base[at(node)] + action
    stride = policy.row_stride[at(node)]
    any_comes = False
    for place in range(len(target)):
        weight = source[at(place)]
        if weight != 0.0:
            number = np.int64(policy.number[0, at(street), at(place)])
            weight *= policy.probability[at(base + number * stride)]
            any_comes |= weight != 0.0
        target[at(place)] = weight
    return any_comes


@swept
def _take_in(own, stage, record, node, action, values, value):
    """Put a child's values into those of the node: the best so far, or a weighted sum."""
    count = len(values)
    if record["actor"] != stage.responder:
        if action == 0:
            for place in range(count):
                value[at(place)] = values[at(place)]
        else:
            for place in range(count):
                value[at(place)] += values[at(place)]
        return
    street = np.int64(record["street"])
    if street >= stage.first_best:
        if action == 0:
            for place in range(count):
                value[at(place)] = values[at(place)]
        else:
            for place in range(count):
                value[at(place)] = max(value[at(place)], values[at(place)])
        return
    base = own.row_base[at(node)] + action
    stride = own.row_stride[at(node)]
    for place in range(count):
        number = np.int64(own.number[0, at(street), at(place)])
        share = own.probability[at(base + number * stride)] * values[at(place)]
        value[at(place)] = share if action == 0 else value[at(place)] + share


@device
def _end(tree, order, stage, exits, node, reach, space, row, values):
    """Write the values of a node below which nothing is walked, or note how it is come to."""
    place = exits.place[at(node)]
    if place != NO_EXIT:
        if stage.collect:
            for hand in range(len(values)):
                exits.reach[at(place), at(hand)] = reach[at(hand)]
                values[at(hand)] = 0.0
        else:
            for hand in range(len(values)):
                values[at(hand)] = exits.value[at(place), at(hand)]
        return
    record = tree.nodes[at(node)]
    sums = space.sums[at(row)]
    whole = space.whole[at(row)]
    if whole < 0.0:
        whole = sum_by_card(order, reach, sums)
        space.whole[at(row)] = whole
    losing = tree.utility[at(record["payoff"]), at(stage.responder)]
    if record["kind"] == SHOWDOWN:
        pot = tree.pot_amount[at(record["detail"])]
        amounts = Amounts(losing + pot, losing + 0.5 * pot, losing)
        showdown_values_summed(order, order, reach, amounts, sums, whole, values)
    else:
        fold_values_summed(order, reach, losing, sums, whole, values)


@kernel
def respond(tree, own, theirs, order, stage, roots, exits, space):
    """Write what each of the responder's hands gets from the roots of a stage on.

    Args:
        tree: layout.Tree of two seats, read-only.
        own: layout.policy.BoardPolicy of the responder, read-only; ``number[0]`` is over the
            hands of ``order``.
        theirs: the same of the other seat.
        order: layout.showdown.HandOrder, read-only; both seats' hands, each its own twin.
        stage: layout.response.Stage.
        roots: layout.response.Roots; decision nodes, leaves or exits.
        exits: layout.response.Exits.
        space: layout.response.WalkSpace.

    Hands of the other seat that never come are skipped, and what nobody comes to has value 0.
    """
    for root in range(len(roots.node)):
        node = roots.node[at(root)]
        kind = tree.nodes[at(node)]["kind"]
        reach, value = roots.reach[at(root)], roots.value[at(root)]
        if kind != DECISION or exits.place[at(node)] != NO_EXIT:
            space.whole[0] = NOT_SUMMED
            _end(tree, order, stage, exits, node, reach, space, 0, value)
            continue
        first = space.reach[0]
        for place in range(len(first)):
            first[at(place)] = reach[at(place)]
        _walk(tree, own, theirs, order, stage, node, exits, space)
        done = space.value[0]
        for place in range(len(first)):
            value[at(place)] = done[at(place)]


@device
def _walk(tree, own, theirs, order, stage, root, exits, space):
    """Walk below a decision node; its reach is row 0 of the space, and so are its values."""
    frame = space.frame
    frame[0, WALK_NODE], frame[0, WALK_NEXT], frame[0, WALK_REACH] = root, 0, 0
    space.whole[0] = NOT_SUMMED
    depth = 0
    while depth >= 0:
        node = frame[at(depth), WALK_NODE]
        record = tree.nodes[at(node)]
        action = frame[at(depth), WALK_NEXT]
        if action == record["count"]:
            depth -= 1
            if depth >= 0:
                above = frame[at(depth), WALK_NODE]
                taken = frame[at(depth), WALK_NEXT] - 1
                _take_in(
                    own,
                    stage,
                    tree.nodes[at(above)],
                    above,
                    taken,
                    space.value[at(depth + 1)],
                    space.value[at(depth)],
                )
            continue
        frame[at(depth), WALK_NEXT] = action + 1
        child = np.int64(record["first_child"]) + action
        row = frame[at(depth), WALK_REACH]
        comes = True
        if record["actor"] != stage.responder:
            source, target = space.reach[at(row)], space.reach[at(depth + 1)]
            comes = _pass_on(theirs, record, node, action, source, target)
            row = depth + 1
            space.whole[at(row)] = NOT_SUMMED
        values = space.value[at(depth + 1)]
        if comes and tree.nodes[at(child)]["kind"] == DECISION and exits.place[at(child)] < 0:
            depth += 1
            frame[at(depth), WALK_NODE] = child
            frame[at(depth), WALK_NEXT] = 0
            frame[at(depth), WALK_REACH] = row
            continue
        if comes:
            _end(tree, order, stage, exits, child, space.reach[at(row)], space, row, values)
        else:
            for place in range(len(values)):
                values[at(place)] = 0.0
        _take_in(own, stage, record, node, action, values, space.value[at(depth)])
