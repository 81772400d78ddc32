"""The walk that vector algorithms share: reach down the tree, values up, by class of deals.

The values of every class of the traverser's are carried up the tree as vectors; the others'
reach is weighed in at the leaves. A player's reach changes only with the player's own policy.
Source of the public-tree walk: Johanson et al. 2011, "Accelerating best response calculation
in large extensive games". Every sum has a fixed order: joints by class, children by action.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, swept
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.layout.tree import DECISION


@swept
def class_row(record, form, each):
    """Return the first entry of the row that class number ``each`` has at a decision node."""
    return row_of(record, form.class_bucket[at(each)])


@swept
def start_reach(form, scratch, player):
    """Write the reach of the root."""
    root = form.nodes[0]["street"]
    for each in range(scratch.begin[player, root], scratch.end[player, root]):
        scratch.reach[form.reach[0, player] + each] = 1.0


@swept
def carry_to_children(tree, form, scratch, player, node):
    """Write the reach of a node's children from its own and from its policy."""
    record = tree.nodes[at(node)]
    reach = scratch.reach
    policy = scratch.policy
    moves = record["kind"] == DECISION and record["actor"] == player
    child = np.int64(record["first_child"])
    own = form.reach[at(node), at(player)]
    street = form.nodes[at(node)]["street"]
    first = form.class_first[at(player), at(street)]
    for action in range(record["count"]):
        target = form.reach[at(child + action), at(player)]
        if target == own:
            continue
        below = form.nodes[at(child + action)]["street"]
        begin, end = scratch.begin[at(player), at(below)], scratch.end[at(player), at(below)]
        if below == street:
            for each in range(begin, end):
                row = class_row(record, form, first + each)
                reach[at(target + each)] = reach[at(own + each)] * policy[at(row + action)]
        else:
            lower = form.class_first[at(player), at(below)]
            for each in range(begin, end):
                above = np.int64(form.class_above[at(lower + each)])
                share = 1.0
                if moves:
                    share = policy[at(class_row(record, form, first + above) + action)]
                reach[at(target + each)] = reach[at(own + above)] * share


@swept
def add_children(record, form, scratch, player, street, value, target):
    """Add up the children's values: somebody else or chance moves, reach is in them."""
    child = np.int64(record["first_child"])
    begin, end = scratch.begin[at(player), at(street)], scratch.end[at(player), at(street)]
    first = form.nodes[at(child)]["value"]
    for each in range(begin, end):
        value[at(target + each)] = scratch.value[at(first + each)]
    for other in range(child + 1, child + record["count"]):
        first = form.nodes[at(other)]["value"]
        for each in range(begin, end):
            value[at(target + each)] += scratch.value[at(first + each)]


@swept
def pay(form, scratch, player, street, node, value, target):
    """Write a leaf's values: over each class's joints, payoff times the others' reach."""
    players = form.class_count.shape[0]
    scale = form.nodes[at(node)]["scale"] * scratch.leaf_scale[at(street)]
    first = form.class_first[at(player), at(street)]
    base = form.joint_base[at(player), at(street)]
    pays = form.payoff_first[at(node), at(player)]
    other = 1 - player if players == 2 else 0
    reach = form.reach[at(node), at(other)]
    begin, end = scratch.begin[at(player), at(street)], scratch.end[at(player), at(street)]
    for each in range(begin, end):
        joint = form.joint_first[at(first + each)]
        total = 0.0
        for index in range(joint, joint + form.joint_count[at(first + each)]):
            if players == 2:
                seen = np.int64(form.joint_class[at(base + index), at(other)])
                product = scratch.reach[at(reach + seen)]
            else:
                product = 1.0
                for opponent in range(players):
                    if opponent != player:
                        seen = np.int64(form.joint_class[at(base + index), at(opponent)])
                        start = form.reach[at(node), at(opponent)]
                        product *= scratch.reach[at(start + seen)]
            total += form.payoff[at(pays + index)] * product
        value[at(target + each)] = total * scale


@swept
def lift(form, scratch, player, extra):
    """Add up a node's values over the classes that were one class on the street above."""
    target = extra["value"]
    above, street = at(extra["above"]), at(extra["street"])
    for each in range(scratch.begin[at(player), above], scratch.end[at(player), above]):
        scratch.value[at(target + each)] = 0.0
    first = form.class_first[at(player), street]
    for each in range(scratch.begin[at(player), street], scratch.end[at(player), street]):
        parent = np.int64(form.class_above[at(first + each)])
        scratch.value[at(target + parent)] += scratch.own_street[at(each)]


@swept
def root_value(form, scratch, player):
    """Return the traverser's expected utility, once the walk is over."""
    root = form.nodes[0]
    total = 0.0
    for each in range(scratch.begin[player, root["above"]], scratch.end[player, root["above"]]):
        total += scratch.value[root["value"] + each]
    return total
