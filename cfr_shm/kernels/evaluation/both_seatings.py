"""The value of all hands of one seat where two strategies meet on a board, both seatings at once.

It is the walk of ``response`` where nobody takes best actions and all cards lie there, with two
numbers wherever that has one: in the first lane the responder plays the first strategy against
the second, in the second lane the other way round. Each lane has the bits that the walk of one
would have. Reading hands, cards and nodes once for both makes it about twice as fast
(``benchmarks/bench_evaluation.py``).
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.two_lanes import both, first_of, load, second_of, store
from cfr_shm.kernels.jit import at, device, kernel, swept
from cfr_shm.layout.response import NOT_SUMMED, WALK_NEXT, WALK_NODE, WALK_REACH
from cfr_shm.layout.tree import DECISION, SHOWDOWN


@swept
def _pass_on(meeting, record, node, action, source, target):
    """Multiply reaches by how likely each hand takes an action; return whether any comes."""
    one, two = meeting.second, meeting.first  # who does not respond
    street = np.int64(record["street"])
    numbers, others = one.number[0, street], two.number[0, street]
    base, other_base = one.row_base[at(node)] + action, two.row_base[at(node)] + action
    stride, other_stride = one.row_stride[at(node)], two.row_stride[at(node)]
    seen = both(0.0, 0.0)
    for place in range(len(numbers)):
        likely = both(
            one.probability[at(base + np.int64(numbers[at(place)]) * stride)],
            two.probability[at(other_base + np.int64(others[at(place)]) * other_stride)],
        )
        weight = load(source, place) * likely
        seen = seen + weight
        store(target, place, weight)
    return first_of(seen) + second_of(seen) > 0.0


@swept
def _take_in_own(meeting, record, node, action, values, value):
    """Add a child's values to those of the responder's node, by how likely its action is."""
    one, two = meeting.first, meeting.second
    street = np.int64(record["street"])
    numbers, others = one.number[0, street], two.number[0, street]
    base, other_base = one.row_base[at(node)] + action, two.row_base[at(node)] + action
    stride, other_stride = one.row_stride[at(node)], two.row_stride[at(node)]
    for place in range(len(numbers)):
        likely = both(
            one.probability[at(base + np.int64(numbers[at(place)]) * stride)],
            two.probability[at(other_base + np.int64(others[at(place)]) * other_stride)],
        )
        share = likely * load(values, place)
        store(value, place, share if action == 0 else load(value, place) + share)


@swept
def _take_in(action, values, value):
    """Add a child's values to those of the other seat's node."""
    if action == 0:
        for index in range(len(value)):
            value[at(index)] = values[at(index)]
    else:
        for index in range(len(value)):
            value[at(index)] += values[at(index)]


@swept
def _sum_by_card(order, reach, by_card, whole):
    """Add up reaches, over all hands and by card."""
    by_card[:] = 0.0
    total = both(0.0, 0.0)
    for place in range(len(order.card_a)):
        a, b = np.int64(order.card_a[at(place)]), np.int64(order.card_b[at(place)])
        weight = load(reach, place)
        total = total + weight
        store(by_card, a, load(by_card, a) + weight)
        store(by_card, b, load(by_card, b) + weight)
    store(whole, 0, total)


@swept
def _fold_values(order, reach, amount, by_card, whole, values):
    """Write what every hand gets where somebody has folded."""
    total, factor = load(whole, 0), both(amount, amount)
    for place in range(len(order.card_a)):
        a, b = np.int64(order.card_a[at(place)]), np.int64(order.card_b[at(place)])
        met = total - load(by_card, a) - load(by_card, b) + load(reach, place)
        store(values, place, factor * met)


@swept
def _showdown_values(order, reach, losing, pot, space, row, values):
    """Write what every hand gets at a showdown; see ``kernels.holdem.showdown``."""
    by_card, below_card = space.by_card[at(row)], space.below
    total = load(space.whole[at(row)], 0)
    win, tie = both(losing + pot, losing + pot), both(losing + 0.5 * pot, losing + 0.5 * pot)
    lose = both(losing, losing)
    below_card[:] = 0.0
    below = both(0.0, 0.0)
    count = len(order.card_a)
    first = 0
    while first < count:
        strength = order.strength[at(first)]
        last = first
        while last < count and order.strength[at(last)] == strength:
            a, b = np.int64(order.card_a[at(last)]), np.int64(order.card_b[at(last)])
            store(values, last, below - load(below_card, a) - load(below_card, b))
            last += 1
        for place in range(first, last):
            a, b = np.int64(order.card_a[at(place)]), np.int64(order.card_b[at(place)])
            weight = load(reach, place)
            below = below + weight
            store(below_card, a, load(below_card, a) + weight)
            store(below_card, b, load(below_card, b) + weight)
        for place in range(first, last):
            a, b = np.int64(order.card_a[at(place)]), np.int64(order.card_b[at(place)])
            won, weight = load(values, place), load(reach, place)
            met = total - load(by_card, a) - load(by_card, b) + weight
            not_lost = below - load(below_card, a) - load(below_card, b) + weight
            tied, lost = not_lost - won, met - not_lost
            store(values, place, win * won + tie * tied + lose * lost)
        first = last


@device
def _end(tree, order, responder, node, space, row, values):
    """Write the values of a node below which nothing is walked."""
    record = tree.nodes[at(node)]
    reach = space.reach[at(row)]
    if space.whole[at(row), 0] < 0.0:
        _sum_by_card(order, reach, space.by_card[at(row)], space.whole[at(row)])
    losing = tree.utility[at(record["payoff"]), at(responder)]
    if record["kind"] == SHOWDOWN:
        pot = tree.pot_amount[at(record["detail"])]
        _showdown_values(order, reach, losing, pot, space, row, values)
    else:
        whole = space.whole[at(row)]
        _fold_values(order, reach, losing, space.by_card[at(row)], whole, values)


@kernel
def meet(tree, meeting, order, start, space, value):
    """Write what each of the responder's hands gets, from the root of a tree on.

    Args:
        tree: layout.Tree of two seats, read-only; its root is a decision.
        meeting: layout.meeting.Meeting, read-only.
        order: layout.showdown.HandOrder of a full board, read-only; both seats' hands.
        start: (hands,) float64, read-only; the other seat's starting weights.
        space: layout.meeting.MeetingSpace.
        value: (2 * hands,) float64, out: by seating; times the other seat's weights.

    What nobody comes to in either seating is skipped, and has value 0.
    """
    frame, responder = space.frame, meeting.responder
    for place in range(len(start)):
        store(space.reach[0], place, both(start[at(place)], start[at(place)]))
    frame[0, WALK_NODE], frame[0, WALK_NEXT], frame[0, WALK_REACH] = 0, 0, 0
    space.whole[0, 0] = NOT_SUMMED
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
                _up(meeting, tree.nodes[at(above)], above, taken, space, depth)
            continue
        frame[at(depth), WALK_NEXT] = action + 1
        child = np.int64(record["first_child"]) + action
        row = frame[at(depth), WALK_REACH]
        comes = True
        if record["actor"] != responder:
            source, target = space.reach[at(row)], space.reach[at(depth + 1)]
            comes = _pass_on(meeting, record, node, action, source, target)
            row = depth + 1
            space.whole[at(row), 0] = NOT_SUMMED
        if comes and tree.nodes[at(child)]["kind"] == DECISION:
            depth += 1
            frame[at(depth), WALK_NODE] = child
            frame[at(depth), WALK_NEXT] = 0
            frame[at(depth), WALK_REACH] = row
            continue
        values = space.value[at(depth + 1)]
        if comes:
            _end(tree, order, responder, child, space, row, values)
        else:
            values[:] = 0.0
        _up(meeting, record, node, action, space, depth)
    done = space.value[0]
    for index in range(len(value)):
        value[at(index)] = done[at(index)]


@device
def _up(meeting, record, node, action, space, depth):
    """Put the values of a child, one row below, into those of its node."""
    values, value = space.value[at(depth + 1)], space.value[at(depth)]
    if record["actor"] == meeting.responder:
        _take_in_own(meeting, record, node, action, values, value)
    else:
        _take_in(action, values, value)
