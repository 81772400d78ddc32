"""Betting trees built one node at a time in Python, from any rule that lists moves."""

from __future__ import annotations

import inspect
from collections import deque

import numpy as np

from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.layout.betting import CALL, FOLD, FOLDED_OUT

HEADS_UP = {"players": 2, "blinds": [100, 200], "stacks": 20_000}


def tree_of(moves_of, bucket_counts=(169, 10, 10, 10), **rules) -> BettingTree:
    """Build the tree of all hands in which every seat picks among ``moves_of(hand)``.

    Fold and call are added where they are legal; a size is taken if it is legal.
    """
    settled = betting_rules(**(rules or HEADS_UP))
    builder = TreeBuilder(settled.players)
    hands, move, parent = [Hand(settled)], [0], [-1]
    queue = deque([0])
    while queue:
        node = queue.popleft()
        hand = hands[node]
        if hand.finished:
            _declare_leaf(builder, node, hand)
            continue
        moves = legal(hand, moves_of(hand))
        buckets = bucket_counts[hand.street]
        children = builder.decision(
            node, hand.actor, len(moves), street=hand.street, bucket_count=buckets
        )
        hands += [hand.apply(each) for each in moves]
        move += moves
        parent += [node] * len(moves)
        queue.extend(children)
    fields = {
        "built": builder.finish(),
        "move": np.array(move, np.int64),
        "parent": np.array(parent, np.int32),
        "rules": settled,
    }
    others = set(inspect.signature(BettingTree).parameters) - set(fields)
    return BettingTree(**fields, **dict.fromkeys(others, None))


def legal(hand: Hand, sizes) -> list[int]:
    """Return fold and call where they are legal, then the legal ones of ``sizes``, ascending."""
    moves = [FOLD, CALL] if hand.may_fold else [CALL]
    if hand.raise_bounds is not None:
        least, most = hand.raise_bounds
        moves += sorted({size for size in sizes if least <= size <= most})
    return moves


def all_in(hand: Hand) -> int:
    """Return what the actor's all-in raises to."""
    return hand.street_bets[hand.actor] + hand.stacks[hand.actor]


def pot_sizes(hand: Hand, *fractions: float) -> list[int]:
    """Return raises by fractions of the pot after calling."""
    pot = hand.pot + hand.call_amount
    return [hand.highest_bet + int(fraction * pot) for fraction in fractions]


def _declare_leaf(builder: TreeBuilder, node: int, hand: Hand) -> None:
    losing = [float(chips) for chips in hand.losing_utility()]
    pots = hand.pots()
    if hand.status == FOLDED_OUT:
        ((winner,),) = {pot.seats for pot in pots}
        losing[winner] += sum(pot.amount for pot in pots)
        builder.terminal(node, losing, street=hand.street)
        return
    masks = [(float(pot.amount), sum(1 << seat for seat in pot.seats)) for pot in pots]
    builder.showdown(node, losing, masks, street=hand.street)
