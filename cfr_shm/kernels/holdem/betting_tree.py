"""The betting tree of hold'em: which moves a node has, and all nodes depth first.

A tree is walked twice, to count and to write, by the same kernel over an explicit stack of
betting states. It stops whenever it is told to, or when an array is full, and goes on where it
stopped. A node's children are contiguous and come after it; below them the tree is laid out
depth first, so that nodes and table rows that are visited together lie together.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.betting import (
    apply_move,
    call_amount,
    count_seats,
    losing_utility,
    pots,
    raise_bounds,
    real_street,
    stack_left,
    start_hand,
)
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.rows import first_free
from cfr_shm.layout.betting import (
    BET_ACTOR,
    BET_ALL_IN,
    BET_FOLDED,
    BET_HIGHEST,
    BET_POT,
    BET_RAISES,
    BET_SEATS,
    BET_STATUS,
    BET_STREET,
    CALL,
    FOLD,
    FOLDED_OUT,
    PLAYING,
)
from cfr_shm.layout.betting_tree import (
    ALL_IN_BY_MENU,
    ALL_IN_BY_POTS,
    BEYOND_ALL_IN,
    SIZE_ALL_IN,
    SIZE_CHIPS,
    SIZE_LEAST,
    SIZE_POT,
    SIZE_TIMES,
    TREE_ACTOR,
    TREE_CHECKED_DOWN,
    TREE_DEPTH,
    TREE_ENTRIES,
    TREE_FIRST_CHILD,
    TREE_FOLDED_OUT,
    TREE_MOVES,
    TREE_NEXT_MOVE,
    TREE_NODES,
    TREE_PAYOFFS,
    TREE_POTS,
    TREE_RAISES,
    TREE_SHOWDOWNS,
    TREE_STUCK,
)
from cfr_shm.layout.tree import DECISION, SHOWDOWN, TERMINAL

#: A size such as 0.29 is stored a little too small: 0.29 * 100 < 29.
_ROUNDING = 1e-6

#: Odd multiplier of a multiplicative hash (Knuth 1998, section 6.4), 2**64 over the golden ratio.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


# --- moves -------------------------------------------------------------------------------


@device
def _players_in(rules, state, row):
    return rules.players - count_seats(state[at(row), at(BET_FOLDED)], rules.players)


@device
def _may_call(rules, menu, state, row, may_raise):
    """Tell whether the menu lets the actor call, or check."""
    if call_amount(rules, state, row) == 0 or real_street(rules, state, row) > 0:
        return True
    if menu.limp == 0 and may_raise and state[at(row), at(BET_RAISES)] == 0:
        return False
    actor = state[at(row), at(BET_ACTOR)]
    seen = 0
    for seat in range(rules.players):
        folded = (state[at(row), at(BET_FOLDED)] >> seat) & 1
        all_in = (state[at(row), at(BET_ALL_IN)] >> seat) & 1
        level = state[at(row), at(BET_SEATS + seat)] == state[at(row), at(BET_HIGHEST)]
        if seat != actor and folded == 0 and (all_in == 1 or level):
            seen += 1
    return seen < menu.max_first_street


@device
def _size_target(rules, menu, state, row, size, least, most):
    """Return what entry ``size`` of the menu raises to; 0 if it is none of this node's moves.

    Sizes below the least raise become that. Those that put in the threshold's share of the
    stack, or all of it, are left out or become all-in.
    """
    kind = menu.size_kind[at(size)]
    if kind == SIZE_LEAST:
        return least
    value = menu.size_value[at(size)]
    actor = state[at(row), at(BET_ACTOR)]
    highest = state[at(row), at(BET_HIGHEST)]
    bet = state[at(row), at(BET_SEATS + actor)]
    all_in = bet + stack_left(rules, state, row, actor)
    target = all_in
    if kind == SIZE_POT:
        after_call = state[at(row), at(BET_POT)] + highest - bet
        target = highest + np.int64(np.floor(value * after_call + _ROUNDING))
    elif kind == SIZE_TIMES:
        target = np.int64(np.floor(value * highest + _ROUNDING))
    elif kind == SIZE_CHIPS:
        target = np.int64(np.floor(value + _ROUNDING))
    if kind != SIZE_ALL_IN:
        target = min(max(target, least), most)
        stack = rules.stack[at(actor)]
        if stack - (all_in - target) >= menu.threshold * stack - _ROUNDING:
            if menu.beyond != BEYOND_ALL_IN:
                return np.int64(0)
            target = all_in
    return target if target <= most else np.int64(0)


@device
def _insert(moves, row, first, count, move):
    """Put ``move`` into the ascending ``moves[row, first:count]``; return the new count."""
    place = count
    while place > first and moves[at(row), at(place - 1)] > move:
        place -= 1
    if place > first and moves[at(row), at(place - 1)] == move:
        return count
    for later in range(count, place, -1):
        moves[at(row), at(later)] = moves[at(row), at(later - 1)]
    moves[at(row), at(place)] = move
    return count + 1


@device
def _add_sizes(rules, menu, state, row, moves, count, used, least, most):
    """Add the raises of the menu's level to ``moves[row, :count]``; return the new count."""
    street = state[at(row), at(BET_STREET)]
    raises = state[at(row), at(BET_RAISES)]
    table = np.int64(_players_in(rules, state, row) >= menu.multiway_players)
    if most == 0 or raises >= menu.max_raises[at(table), at(street)]:
        return count
    level = min(raises, menu.level_first.shape[2] - 1)
    while menu.level_first[at(table), at(street), at(level)] < 0:
        level -= 1
    begin = menu.level_first[at(table), at(street), at(level)]
    first = count
    for size in range(begin, begin + menu.level_size[at(table), at(street), at(level)]):
        target = _size_target(rules, menu, state, row, size, least, most)
        if target > 0:
            count = _insert(moves, row, first, count, target)
            used[at(size)] += 1
    return count


@device
def _add_all_in(rules, menu, state, row, moves, first, count, most):
    """Add all-in where the menu's rule offers it, whatever the level; return the new count."""
    actor = state[at(row), at(BET_ACTOR)]
    bet = state[at(row), at(BET_SEATS + actor)]
    highest = state[at(row), at(BET_HIGHEST)]
    all_in = bet + stack_left(rules, state, row, actor)
    if menu.all_in == ALL_IN_BY_MENU or most < all_in:
        return count
    after_call = state[at(row), at(BET_POT)] + highest - bet
    if menu.all_in == ALL_IN_BY_POTS and all_in - highest > menu.all_in_pots * after_call:
        return count
    return _insert(moves, row, first, count, all_in)


@device
def menu_moves(rules, menu, state, row, moves, used):
    """Write the moves of a node: fold if there is something to call, call, raises ascending.

    Args:
        rules: layout.BettingRules, read-only.
        menu: layout.Menu, read-only.
        state: (rows, betting_words(players)) int64, read-only; nobody has won ``state[row]`` yet.
        row: row of ``state`` and of ``moves``.
        moves: (rows, most moves) int64, out; room for all sizes of a level and three more.
        used: (sizes,) int64, counts how often a size of the menu gave a move.

    Returns the number of moves, at least 1: a fold or a check is always there.
    """
    count = 0
    least, most = raise_bounds(rules, state, row)
    if call_amount(rules, state, row) > 0:
        moves[at(row), at(count)] = FOLD
        count += 1
    if _may_call(rules, menu, state, row, most > 0):
        moves[at(row), at(count)] = CALL
        count += 1
    first = count
    count = _add_sizes(rules, menu, state, row, moves, count, used, least, most)
    return _add_all_in(rules, menu, state, row, moves, first, count, most)


# --- sharing -----------------------------------------------------------------------------


@device
def _mixed(key, value):
    """Return ``key`` with ``value`` stirred in; both uint64."""
    key = (key ^ value) * _GOLDEN
    return key ^ (key >> np.uint64(29))


@device
def _payoff_key(utility, payoff, players):
    """Hash a row of whole chips."""
    key = np.uint64(0)
    for seat in range(players):
        key = _mixed(key, np.uint64(np.int64(utility[at(payoff), at(seat)])))
    return key


@device
def _shared_payoff(out, count, players):
    """Return the row equal to row ``counts[TREE_PAYOFFS]``, which is kept if it is the first."""
    payoff = count[at(TREE_PAYOFFS)]
    last = np.uint64(out.payoff_slot.shape[0] - 1)
    slot = _payoff_key(out.utility, payoff, players) & last
    while out.payoff_slot[at(slot)] >= 0:
        known = out.payoff_slot[at(slot)]
        equal = True
        for seat in range(players):
            equal &= out.utility[at(known), at(seat)] == out.utility[at(payoff), at(seat)]
        if equal:
            return known
        slot = (slot + np.uint64(1)) & last
    out.payoff_slot[at(slot)] = payoff
    count[at(TREE_PAYOFFS)] += 1
    return payoff


@device
def _shared_pots(out, count, pot_count):
    """Return where the pots equal to those from ``counts[TREE_POTS]`` on begin.

    A group that begins as a longer one does may share its rows.
    """
    first = count[at(TREE_POTS)]
    last = np.uint64(out.pot_slot.shape[0] - 1)
    key = np.uint64(pot_count)
    for pot in range(first, first + pot_count):
        key = _mixed(key, np.uint64(np.int64(out.pot_amount[at(pot)])))
        key = _mixed(key, np.uint64(out.pot_players[at(pot)]))
    slot = key & last
    while out.pot_slot[at(slot)] >= 0:
        known = out.pot_slot[at(slot)]
        equal = known + pot_count <= first
        if equal:
            for place in range(pot_count):
                equal &= out.pot_amount[at(known + place)] == out.pot_amount[at(first + place)]
                equal &= out.pot_players[at(known + place)] == out.pot_players[at(first + place)]
        if equal:
            return known
        slot = (slot + np.uint64(1)) & last
    out.pot_slot[at(slot)] = first
    count[at(TREE_POTS)] += pot_count
    return first


# --- the walk ----------------------------------------------------------------------------


@device
def _write_leaf(rules, walk, out, row, node):
    """Write the leaf that ``walk.state[row]`` is: who loses what, and who may win which pots."""
    state = walk.state
    count = walk.counts
    payoff = count[at(TREE_PAYOFFS)]
    for seat in range(rules.players):
        out.utility[at(payoff), at(seat)] = losing_utility(rules, state, row, seat)
    pot_count = pots(rules, state, row, walk.amount, walk.players_mask)
    record = out.nodes[at(node)]
    if state[at(row), at(BET_STATUS)] == FOLDED_OUT:
        for seat in range(rules.players):
            if (walk.players_mask[0] >> seat) & 1:
                out.utility[at(payoff), at(seat)] += walk.amount[0]
        record["kind"] = TERMINAL
        record["street"] = state[at(row), at(BET_STREET)]
    else:
        first = count[at(TREE_POTS)]
        for pot in range(pot_count):
            out.pot_amount[at(first + pot)] = walk.amount[at(pot)]
            out.pot_players[at(first + pot)] = walk.players_mask[at(pot)]
        record["kind"] = SHOWDOWN
        record["street"] = rules.streets - 1
        record["count"] = pot_count
        record["detail"] = _shared_pots(out, count, pot_count)
    record["payoff"] = _shared_payoff(out, count, rules.players)


@device
def _open_decision(rules, menu, bucket_count, walk, out, row, node):
    """Find the moves of the decision node that ``walk.state[row]`` is; number its children.

    Returns whether there is a move besides a fold that the menu, not a limit, left alone.
    """
    state = walk.state
    count = walk.counts
    moves = menu_moves(rules, menu, state, row, walk.moves, walk.used)
    actor = state[at(row), at(BET_ACTOR)]
    street = state[at(row), at(BET_STREET)]
    walk.frame[at(row), at(TREE_FIRST_CHILD)] = count[at(TREE_NODES)]
    walk.frame[at(row), at(TREE_MOVES)] = moves
    walk.frame[at(row), at(TREE_NEXT_MOVE)] = 0
    walk.frame[at(row), at(TREE_ACTOR)] = actor
    walk.decisions[at(street), at(actor), at(moves)] += 1
    walk.own_moves[0, at(actor)] += 1
    walk.own_moves[1, at(actor)] = max(walk.own_moves[0, at(actor)], walk.own_moves[1, at(actor)])
    first = count[at(TREE_NODES)]
    count[at(TREE_ENTRIES)] = first_free(count[at(TREE_ENTRIES)], moves)
    if out.nodes.shape[0] > 0:
        record = out.nodes[at(node)]
        record["kind"] = DECISION
        record["actor"] = actor
        record["street"] = street
        record["count"] = moves
        record["first_child"] = first
        record["row_base"] = count[at(TREE_ENTRIES)]
        record["row_stride"] = moves
        record["deciders"] = 1 << actor
        for place in range(moves):
            out.move[at(first + place)] = walk.moves[at(row), at(place)]
            out.parent[at(first + place)] = node
    for place in range(moves):
        count[at(TREE_RAISES)] += np.int64(walk.moves[at(row), at(place)] > 0)
    count[at(TREE_NODES)] += moves
    count[at(TREE_ENTRIES)] += moves * bucket_count[at(actor), at(street)]
    count[at(TREE_DEPTH)] += 1
    alone = moves == 1 and walk.moves[at(row), 0] == FOLD
    return not alone or (menu.limp == 1 or state[at(row), at(BET_RAISES)] > 0)


@device
def _is_leaf(rules, menu, walk, row):
    """Tell whether ``walk.state[row]`` is a leaf, and count it."""
    state = walk.state
    status = state[at(row), at(BET_STATUS)]
    if status == PLAYING:
        left = _players_in(rules, state, row)
        if real_street(rules, state, row) == 0 or left <= menu.check_down_above:
            return False
        walk.counts[at(TREE_CHECKED_DOWN)] += 1
    if status == FOLDED_OUT:
        walk.counts[at(TREE_FOLDED_OUT)] += 1
    else:
        walk.counts[at(TREE_SHOWDOWNS)] += 1
    return True


@device
def _close_decision(walk, out, row):
    """Tell the decision node above that of ``row``, whose children are done, who decides here."""
    if out.nodes.shape[0] > 0:
        node = out.parent[at(walk.frame[at(row), at(TREE_FIRST_CHILD)])]
        above = out.parent[at(node)]
        if above >= 0:
            out.nodes[at(above)]["deciders"] |= out.nodes[at(node)]["deciders"]
    walk.own_moves[0, at(walk.frame[at(row), at(TREE_ACTOR)])] -= 1
    walk.counts[at(TREE_DEPTH)] -= 1


@kernel
def walk_tree(rules, menu, bucket_count, walk, out, limit):
    """Count a betting tree's nodes, or write them, from where ``walk`` stopped.

    Args:
        rules: layout.BettingRules, read-only.
        menu: layout.Menu, read-only.
        bucket_count: (players, streets) int64, read-only.
        walk: layout.TreeWalk; all zero before the first call.
        out: layout.TreeArrays; without nodes the tree is only counted.
        limit: nodes after which to stop.

    The walk is over when ``counts[TREE_DEPTH]`` is 0. It stops before that when ``limit`` nodes
    are numbered, when ``walk`` is too short for one more decision on the path, or (TREE_STUCK)
    when a menu leaves nothing but a fold. Payoffs are whole chips, which float64 holds exactly.
    """
    count = walk.counts
    writes = out.nodes.shape[0] > 0
    while count[at(TREE_STUCK)] == 0:
        depth = count[at(TREE_DEPTH)]
        node = np.int64(0)
        if count[at(TREE_NODES)] == 0:
            start_hand(rules, walk.state, 0)
            count[at(TREE_NODES)] = 1
            if writes:
                out.parent[0] = -1
        elif depth == 0:
            return
        else:
            row = depth - 1
            place = walk.frame[at(row), at(TREE_NEXT_MOVE)]
            if place == walk.frame[at(row), at(TREE_MOVES)]:
                _close_decision(walk, out, row)
                continue
            if depth + 1 >= walk.state.shape[0] or count[at(TREE_NODES)] >= limit:
                return
            walk.frame[at(row), at(TREE_NEXT_MOVE)] += 1
            node = walk.frame[at(row), at(TREE_FIRST_CHILD)] + place
            apply_move(rules, walk.state, row, depth, walk.moves[at(row), at(place)])
        if _is_leaf(rules, menu, walk, depth):
            if writes:
                _write_leaf(rules, walk, out, depth, node)
        elif not _open_decision(rules, menu, bucket_count, walk, out, depth, node):
            count[at(TREE_STUCK)] = 1
