"""Sets of rows beside a plain walk over the nodes."""

from __future__ import annotations

import numpy as np
import pytest
from history_kuhn import history_kuhn
from production import rows_of

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.tree import DECISION

GAMES = {
    "kuhn of three": kuhn(players=3),
    "leduc": leduc(),
    "liar's dice": liars_dice(dice=1, sides=3),
    "rows of odd lengths": synthetic(buckets=7),
    "rows that several nodes share": history_kuhn(),
}


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_every_row_is_in_one_set(game):
    sets = row_sets(game.tree, game.deals.bucket_count)
    found = [
        (row, actions)
        for base, stride, actions, rows in np.stack(sets[2:], axis=1).tolist()
        for row in range(base, base + stride * rows, stride)
    ]
    assert len(found) == len({*found})
    assert {*found} == {*rows_of(game.tree, game.deals.bucket_count)}


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)
def test_a_set_names_its_first_node_and_counts_all(game):
    sets = row_sets(game.tree, game.deals.bucket_count)
    nodes = game.tree.nodes
    for node, uses, base in zip(sets.node, sets.uses, sets.base, strict=True):
        sharing = np.flatnonzero((nodes["kind"] == DECISION) & (nodes["row_base"] == base))
        assert (node, uses) == (sharing[0], len(sharing))
    assert sets.uses.max() == (1 if game is not GAMES["rows that several nodes share"] else 2)
