"""Matches with all hands: symmetries that hold bit for bit, and values that are known exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_decks import FIXED_BOARD, RAKED, TWO_STREETS, game_of, random_strategy

from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.range_match import BoardMatch, range_match, share_a_tree

SIX = Length(6)


@pytest.mark.parametrize("text", [TWO_STREETS, RAKED, FIXED_BOARD], ids=["plain", "raked", "fixed"])
def test_against_itself_nothing_and_with_sides_swapped_the_negative(text, tmp_path):
    game = game_of(text, tmp_path)
    first, second = random_strategy(game, 1), random_strategy(game, 2)
    assert not range_match(first, first, SIX).samples.any()
    one, two = range_match(first, second, SIX, seed=3), range_match(second, first, SIX, seed=3)
    np.testing.assert_array_equal(one.samples, -two.samples)
    assert one.samples.any()
    again = range_match(first, second, SIX, seed=3, workers=3)
    np.testing.assert_array_equal(again.samples, one.samples)


def test_the_mean_over_all_boards_is_what_all_deals_give(tmp_path):
    game = game_of(TWO_STREETS, tmp_path)
    first, second = random_strategy(game, 1), random_strategy(game, 2)
    walk = BoardWalk(game)
    exact = [
        walk.seat_value(walk.root_values(Players(one, two), 0, []), 0)
        for one, two in ((first, second), (second, first))
    ]
    every = list(itertools.combinations(walk.cards.dealt, 3))
    match = BoardMatch(first, second, 0)
    won = np.mean([match.on_board(board) for board in every])
    assert won == pytest.approx((exact[0] - exact[1]) / 2, rel=1e-12)


def test_trees_are_shared_only_where_everything_public_is_the_same(tmp_path):
    game = game_of(TWO_STREETS, tmp_path)
    assert share_a_tree(game, game_of(TWO_STREETS, tmp_path))
    assert not share_a_tree(game, game_of(TWO_STREETS.replace("12", "14"), tmp_path))
    assert not share_a_tree(game, game_of(RAKED, tmp_path))
    assert not share_a_tree(game, game_of(FIXED_BOARD, tmp_path))
