"""Matches with all hands: symmetries that hold bit for bit, and values that are known exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from small_decks import (
    FIXED_BOARD,
    RAKED,
    THREE_STREETS,
    TWO_STREETS,
    game_of,
    random_strategy,
    strategy_of,
)

from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.range_match import BoardMatch, range_match, share_a_tree
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.games.game import Game
from cfr_shm.strategy.table import TableStrategy

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


def pure_strategy(game: Game, seed: int) -> TableStrategy:
    """Return a strategy that never mixes: most lines are never come to."""
    rng = np.random.default_rng(seed)
    return strategy_of(
        game, lambda _, record, __: np.eye(record["count"])[rng.integers(record["count"])]
    )


@pytest.mark.parametrize("text", [TWO_STREETS, THREE_STREETS, RAKED, FIXED_BOARD])
@pytest.mark.parametrize("made", [random_strategy, pure_strategy])
def test_both_seatings_at_once_have_the_bits_of_the_walks_one_by_one(text, made, tmp_path):
    game = game_of(text, tmp_path)
    first, second = made(game, 1), made(game, 2)
    walk, match = BoardWalk(game), BoardMatch(first, second, 0)

    def ahead(small: TableStrategy, big: TableStrategy, board: tuple[int, ...]) -> float:
        won = [
            walk.seat_value(walk.root_values(players, seat, board), seat, len(board))
            for seat, players in enumerate((Players(small, big), Players(big, small)))
        ]
        return 2.0 * won[0] if game.zero_sum else won[0] - won[1]

    for index in range(12):
        board = drawn_board(walk.cards, walk.cards.showdown_cards, 0, index)
        expected = 0.25 * (ahead(first, second, board) - ahead(second, first, board))
        assert match.winnings(index) == expected


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
