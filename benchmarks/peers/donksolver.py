"""Our trees as donksolver plays them: heads-up, its small blind begins on every street.

In hold'em for two the small blind begins preflop and the big blind on every later street. Preset
``hu`` of donksolver 0.1 has as many nodes, infosets and entries as our tree of the same sizes, but
seat 0 begins throughout (its server refuses a flop that the big blind opens). Speeds are compared
in one game: ours, with the seats of later streets exchanged. ``6max-lite`` needs no exchange: at 20
big blinds all 49,940 decisions have our actor, street, moves and chips
(``donksolver_strategy.paired_nodes``), and its server refuses a flop that the button opens before
the big blind.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from cfr_shm.games.game import Game
from cfr_shm.games.trees.deciders import mark_deciders
from cfr_shm.layout.tree import DECISION


def small_blind_first(game: Game) -> Game:
    """Return a heads-up game in which seat 0 begins on every street.

    Both seats come to the flop with as many chips in the pot, so that what follows is the same
    with seats exchanged: actors and payoffs of everything that begins on a later street.

    Args:
        game: hold'em for two, whose players have as many buckets.
    """
    assert game.betting is not None
    nodes = game.tree.nodes.copy()
    decides = nodes["kind"] == DECISION
    parent = game.betting.parent
    above = np.where(parent >= 0, nodes["street"][parent], 0)
    played = nodes["street"] > 0
    later = np.where(decides, played, (above > 0) & (parent >= 0))
    nodes["actor"][later & decides] ^= 1
    nodes["payoff"][later & ~decides] += len(game.tree.utility)
    mark_deciders(nodes)
    nodes.setflags(write=False)
    utility = np.concatenate([game.tree.utility, game.tree.utility[:, ::-1]])
    utility.setflags(write=False)
    # Whoever follows a hand by the rules (local best response) asks the same seat as the tree.
    first = game.betting.rules.first_actor.copy()
    first[1:] = 1 - first[1:]
    first.setflags(write=False)
    betting = game.betting._replace(rules=game.betting.rules._replace(first_actor=first))
    tree = game.tree._replace(nodes=nodes, utility=utility)
    return dataclasses.replace(game, tree=tree, betting=betting)
