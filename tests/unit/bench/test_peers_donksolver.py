"""The game in which speeds are compared with donksolver: the small blind begins on every street."""

from __future__ import annotations

import numpy as np
from loaded_files import loaded
from small_decks import ROYAL, game_of

from cfr_shm.layout.tree import DECISION, SHOWDOWN


def small_blind_first(game):
    with loaded("benchmarks/peers/donksolver.py") as module:
        return module.small_blind_first(game)


def test_seats_are_exchanged_after_the_flop_and_nothing_else(tmp_path):
    game = game_of(ROYAL, tmp_path)
    turned = small_blind_first(game)
    nodes, parent = turned.tree.nodes, game.betting.parent
    decides = np.flatnonzero(nodes["kind"] == DECISION)
    begins = [
        n for n in decides if parent[n] < 0 or nodes["street"][parent[n]] < nodes["street"][n]
    ]
    assert {int(nodes["street"][node]) for node in begins} == {0, 1, 2, 3}
    assert {int(nodes["actor"][node]) for node in begins} == {0}
    leaves = np.flatnonzero(nodes["kind"] != DECISION)
    for leaf in leaves:
        ours = game.tree.utility[game.tree.nodes["payoff"][leaf]]
        theirs = turned.tree.utility[nodes["payoff"][leaf]]
        street = game.tree.nodes["street"][parent[leaf]]
        np.testing.assert_array_equal(theirs, ours[::-1] if street > 0 else ours)
        if nodes["kind"][leaf] == SHOWDOWN:
            assert nodes["detail"][leaf] == game.tree.nodes["detail"][leaf]
    # Whoever follows hands by the rules asks the same seat as the tree.
    assert game.betting.rules.first_actor.tolist() == [0, 1, 1, 1]
    assert turned.betting.rules.first_actor.tolist() == [0, 0, 0, 0]
    again = small_blind_first(turned)
    np.testing.assert_array_equal(again.tree.nodes["actor"], game.tree.nodes["actor"])
    np.testing.assert_array_equal(again.tree.nodes["deciders"], game.tree.nodes["deciders"])
