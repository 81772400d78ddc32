"""Who still decides below each node, beside plain recursion."""

import pytest

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.layout.tree import DECISION, TERMINAL

GAMES = {
    "kuhn": lambda: kuhn(4),
    "leduc": lambda: leduc(3),
    "liar's dice": lambda: liars_dice(dice=1, sides=3),
    "goofspiel": lambda: goofspiel(cards=3),
    "synthetic": lambda: synthetic(buckets=2),
}


@pytest.mark.parametrize("name", GAMES)
def test_deciders_are_those_who_decide_at_a_node_or_below_it(name):
    nodes = GAMES[name]().tree.nodes
    seen = 0

    def deciders(node):
        nonlocal seen
        seen += 1
        record = nodes[node]
        found = {int(record["actor"])} if record["kind"] == DECISION else set()
        if record["kind"] < TERMINAL:
            for child in range(record["first_child"], record["first_child"] + record["count"]):
                found |= deciders(child)
        assert record["deciders"] == sum(1 << player for player in found)
        return found

    assert deciders(0)
    assert seen == len(nodes)
