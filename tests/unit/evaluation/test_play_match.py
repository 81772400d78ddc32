"""Matches by play: the same hands as move by move, exact symmetries, and no bias."""

from __future__ import annotations

import numpy as np
import pytest
from hands_played import every_hand
from small_decks import FIXED_BOARD, RAKED, ROYAL, TWO_STREETS, game_of, random_strategy

from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.drawn_deals import Dealer
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.play_match import (
    TablePlay,
    play_match,
    seatings_of,
    shares_of,
    why_no_match,
)

OTHER_SIZES = ROYAL.replace("[[allin]]", "[[2x], [3x, allin]]").replace("[[1]]", "[[0.4, 1.5]]")
THREE = """
game: {name: holdem, players: 3, blinds: [1, 2], stacks: 40, ranks: 5}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""
THREE_OTHERS = THREE.replace("[[2.5bb], [allin]]", "[[2x], [3x], [allin]]").replace(
    "turn: [[1]]", "turn: [[0.5, allin]]"
)
DEEP = ROYAL.replace("stacks: 20", "stacks: 120")
DEEP_OTHERS = OTHER_SIZES.replace("stacks: 20", "stacks: 120")
PAIRS = {"two": (DEEP, DEEP_OTHERS), "three": (THREE, THREE_OTHERS)}


@pytest.fixture(scope="module", params=list(PAIRS))
def sides(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("games")
    games = [game_of(text, place) for text in PAIRS[request.param]]
    return random_strategy(games[0], 1), random_strategy(games[1], 2)


def test_hands_are_those_that_players_play_move_by_move(sides):
    first, second = sides
    seatings = seatings_of(first.game.player_count)
    won, luck = TablePlay(first, second, 5).winnings(100, 40)
    dealer = Dealer(first.game, 5)
    slow, lucky = every_hand(first, second, dealer, seatings.tolist(), 5, range(100, 140))
    np.testing.assert_allclose(won, slow, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(luck, lucky, rtol=0.0, atol=1e-9)
    assert len(np.unique(won)) > 10
    np.testing.assert_allclose(won.sum(axis=2), 0.0, atol=1e-9)
    np.testing.assert_allclose(luck.sum(axis=2), 0.0, atol=1e-9)


def test_luck_is_nothing_on_average_and_most_of_the_spread(sides):
    """Beyond 4.5 standard errors, for each seat; single seats keep their hole cards' luck."""
    first, second = sides
    won, luck = TablePlay(first, second, 9).winnings(0, 6000)
    deals = luck.mean(axis=1)
    error = deals.std(axis=0, ddof=1) / np.sqrt(len(deals))
    assert (np.abs(deals.mean(axis=0)) < 4.5 * error).all()
    seatings = seatings_of(first.game.player_count)
    plain, corrected = (shares_of(each, seatings).std() for each in (won, won - luck))
    assert corrected < 0.6 * plain


def test_against_itself_nothing_and_with_sides_swapped_the_negative(sides):
    first, second = sides
    assert not play_match(first, first, Length(300), seed=3).samples.any()
    one, two = (
        play_match(first, second, Length(300), seed=3),
        play_match(second, first, Length(300), seed=3),
    )
    np.testing.assert_array_equal(one.samples, -two.samples)
    assert one.samples.any()
    assert (one.value.low, one.value.high) == (-two.value.high, -two.value.low)
    for workers in (1, 3):
        again = play_match(first, second, Length(600), seed=3, workers=workers)
        np.testing.assert_array_equal(again.samples[:300], one.samples)


@pytest.mark.parametrize("text", [TWO_STREETS, RAKED, FIXED_BOARD], ids=["plain", "raked", "fixed"])
def test_the_mean_is_what_all_hands_give(text, tmp_path):
    """Beyond 4.5 standard errors of what the walk over all boards says."""
    game = game_of(text, tmp_path)
    first, second = random_strategy(game, 1), random_strategy(game, 2)
    walk = BoardWalk(game)

    def value(one, two, seat):
        return walk.seat_value(walk.root_values(Players(one, two), seat, []), seat)

    ahead = value(first, second, 0) - value(second, first, 1)
    behind = value(second, first, 0) - value(first, second, 1)
    found = play_match(first, second, Length(3000), seed=1)
    error = found.samples.std(ddof=1) / np.sqrt(len(found.samples))
    assert abs(found.value.value - 0.25 * (ahead - behind)) < 4.5 * error
    assert error < 0.15


def test_games_that_are_not_the_same_are_told_apart(tmp_path):
    game = game_of(ROYAL, tmp_path)
    assert why_no_match(game, game_of(OTHER_SIZES, tmp_path)) is None
    deeper = why_no_match(game, game_of(ROYAL.replace("stacks: 20", "stacks: 24"), tmp_path))
    assert deeper == "stacks of 10 bb and 12 bb"
    raked = ROYAL.replace("ranks: 5", "ranks: 5, rake_fraction: 0.1")
    assert why_no_match(game, game_of(raked, tmp_path)) == "rake fraction 0.0 and 0.1"
    assert "players" in why_no_match(game, game_of(THREE, tmp_path))
    fixed, other = (
        game_of(FIXED_BOARD.replace("AsKsQd", board), tmp_path) for board in ("AsKsQd", "AsKsQs")
    )
    assert why_no_match(fixed, other) == "different boards"
    narrow = game_of(FIXED_BOARD.replace("KK, ", ""), tmp_path)
    assert why_no_match(fixed, narrow) == "different ranges of seat 0"
