"""Classes, joints and public states, derived from lists of deals."""

from __future__ import annotations

import numpy as np
import pytest
from history_kuhn import history_kuhn

from cfr_shm.errors import GameError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.games.trees.deals import table_deals
from cfr_shm.games.trees.vector_form import classify, vector_game
from cfr_shm.layout.tree import DECISION


def form_of(game):
    return vector_game(game.tree, game.deals, game.table_entries).form


def test_leduc_has_one_public_state_per_board():
    apart, merged = (classify(leduc(merge_suits=each).deals) for each in (False, True))
    assert apart.sizes.tolist() == [[6, 30], [6, 30]]
    assert apart.public_count.tolist() == [1, 6]
    assert merged.sizes.tolist() == [[3, 9], [3, 9]]
    assert merged.public_count.tolist() == [1, 3]


def test_nothing_public_is_dealt_in_kuhn():
    assert classify(kuhn().deals).public_count.tolist() == [1]


def test_classes_remember_what_buckets_forget():
    # The second street's bucket says nothing: the class is still the first street's.
    bucket = np.array([[[0, 0], [0, 0]], [[1, 0], [0, 0]]])
    deals = table_deals(np.ones(2), bucket, np.array([[0, 1], [1, 0]]))
    classes = classify(deals)
    assert classes.of_deal[0].tolist() == [[0, 1], [0, 1]]
    assert classes.sizes.tolist() == [[2, 2], [1, 1]]


@pytest.mark.parametrize("game", [kuhn(), kuhn(3), leduc(), leduc(3)])
def test_probabilities_and_joints_cover_every_deal(game):
    form = form_of(game)
    for player in range(game.player_count):
        for street in range(game.street_count):
            first, count = form.class_first[player, street], form.class_count[player, street]
            part = slice(first, first + count)
            assert form.class_probability[part].sum() == pytest.approx(1.0)
            assert form.joint_first[first] == 0
            ends = form.joint_first[part] + form.joint_count[part]
            assert np.array_equal(ends[:-1], form.joint_first[part][1:])
            base = form.joint_base[player, street]
            own = form.joint_class[base : base + ends[-1], player]
            assert np.array_equal(own, np.repeat(np.arange(count), form.joint_count[part]))


def test_poker_rows_are_exclusive_and_history_rows_are_shared():
    for game, expected in ((leduc(), 1), (history_kuhn(), 0)):
        form = form_of(game)
        decisions = game.tree.nodes["kind"] == DECISION
        assert set(form.nodes["exclusive"][decisions]) == {expected}
        rows = {label.row for label in game.infosets()}
        assert set(form.shared_rows[:, 0].tolist()) == (set() if expected else rows)
    assert form.shared_first.tolist() == [0, 6, 12]


def test_drawn_buckets_are_refused():
    game = synthetic(buckets=5)
    with pytest.raises(GameError, match="listed deals"):
        vector_game(game.tree, game.deals, game.table_entries)
