"""Utilities at the leaves of a public tree: fixed, by strength with side pots, or by matchup."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device
from cfr_shm.layout.tree import MATCHUP, SHOWDOWN


@device
def leaf_utility(tree, node, player, strength, hand):
    """Return one player's net utility at a leaf, in the game's unit.

    Args:
        tree: layout.Tree, read-only.
        node: index of a terminal, showdown or matchup node.
        player: whose utility.
        strength: (hands, players) int32, read-only; row ``hand`` is the deal's.
        hand: row of ``strength``.

    A showdown adds to the utility of winning nothing each pot that the player may win and
    wins, divided by the number of players tied for it. A matchup looks the utility up in the
    row that the strengths add up to.
    """
    record = tree.nodes[at(node)]
    payoff = np.int64(record["payoff"])
    if record["kind"] == MATCHUP:
        for other in range(strength.shape[1]):
            payoff += strength[at(hand), at(other)]
    utility = tree.utility[at(payoff), at(player)]
    if record["kind"] == SHOWDOWN:
        first = np.int64(record["detail"])
        own = strength[at(hand), at(player)]
        if strength.shape[1] == 2:
            # Heads-up there is one pot and no unpredictable branch: worth 10 % on Leduc.
            other = strength[at(hand), at(1 - player)]
            share = 0.5 * (np.float64(own >= other) + np.float64(own > other))
            return utility + share * tree.pot_amount[at(first)]
        for pot in range(first, first + record["count"]):
            contenders = tree.pot_players[at(pot)]
            if (contenders >> player) & 1:
                tied = 1
                for other in range(strength.shape[1]):
                    if other != player and (contenders >> other) & 1:
                        if strength[at(hand), at(other)] > own:
                            tied = 0
                            break
                        if strength[at(hand), at(other)] == own:
                            tied += 1
                if tied > 0:
                    utility += tree.pot_amount[at(pot)] / tied
    return utility
