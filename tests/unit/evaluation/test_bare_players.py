"""Matches with players of whom only moves are seen: the same hands, and no correction of theirs."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hands_played import every_hand
from small_decks import ROYAL, game_of, random_strategy, strategy_of

from cfr_shm.errors import GameError
from cfr_shm.evaluation.drawn_deals import Dealer
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.play_match import TablePlay, play_match, seatings_of, shares_of
from cfr_shm.evaluation.range_match import range_match
from cfr_shm.strategy.function_player import FunctionPlayer
from cfr_shm.strategy.function_strategy import FunctionStrategy
from cfr_shm.strategy.player import BarePlayer, TreePlayer

DEEP = ROYAL.replace("stacks: 20", "stacks: 120")
DEEP_OTHERS = DEEP.replace("[[allin]]", "[[2x], [3x, allin]]").replace("[[1]]", "[[0.4, 1.5]]")
THREE = """
game: {name: holdem, players: 3, blinds: [1, 2], stacks: 40, ranks: 5}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""
THREE_OTHERS = THREE.replace("[[2.5bb], [allin]]", "[[2x], [3x], [allin]]")
PAIRS = {"two": (DEEP, DEEP_OTHERS), "three": (THREE, THREE_OTHERS)}
FUNCTIONS = """
import random

chosen = random.Random(7)

def any_of(state, hole):
    return chosen.choice(state.actions)

def uniform(state, hole):
    return [1 / len(state.actions)] * len(state.actions)

def sizes(state, hole):
    if state.to_call or not min(state.stacks):
        return "c" if state.to_call else "x"
    return {"b0.37p": 0.5, "x": 0.5}
"""


class Bare(TreePlayer):
    """A table of which nobody is told more than its moves."""

    @property
    def game(self):
        return self.strategy.game


@pytest.fixture(scope="module", params=list(PAIRS))
def sides(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("games")
    games = [game_of(text, place) for text in PAIRS[request.param]]
    return random_strategy(games[0], 1), random_strategy(games[1], 2)


@pytest.fixture
def function(tmp_path):
    (tmp_path / "play.py").write_text(FUNCTIONS)
    game = game_of(DEEP, tmp_path)
    return lambda name: FunctionPlayer(FunctionStrategy(f"{tmp_path / 'play.py'}:{name}", game))


@pytest.mark.parametrize("bare", [0, 1])
def test_what_is_played_is_the_same_and_only_known_choices_are_luck(sides, bare):
    """Move by move as in tests/support/hands_played.py, which tells the luck of one side alone."""
    played = [Bare(each) if side == bare else each for side, each in enumerate(sides)]
    assert [isinstance(each, BarePlayer) for each in played] == [bare == 0, bare == 1]
    seatings = seatings_of(sides[0].game.player_count)
    won, luck = TablePlay(*played, 5).winnings(100, 20)
    dealer = Dealer(sides[0].game, 5)
    slow, lucky = every_hand(
        *sides, dealer, seatings.tolist(), 5, range(100, 120), known=(1 - bare,)
    )
    np.testing.assert_array_equal(won, TablePlay(*sides, 5).winnings(100, 20)[0])
    np.testing.assert_allclose(won, slow, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(luck, lucky, rtol=0.0, atol=1e-9)
    assert not np.allclose(luck, TablePlay(*sides, 5).winnings(100, 20)[1])


def test_of_two_bare_players_the_luck_of_cards_is_taken_out_alone(sides):
    won, luck = TablePlay(Bare(sides[0]), Bare(sides[1]), 5).winnings(0, 20)
    np.testing.assert_array_equal(won, TablePlay(*sides, 5).winnings(0, 20)[0])
    seatings = seatings_of(sides[0].game.player_count).tolist()
    dealer = Dealer(sides[0].game, 5)
    _, lucky = every_hand(*sides, dealer, seatings, 5, range(20), known=())
    np.testing.assert_allclose(luck, lucky, rtol=0.0, atol=1e-9)


@pytest.mark.thorough
def test_the_mean_stays_and_the_spread_falls(sides):
    """Beyond 4.5 standard errors of the difference that taking luck out makes, seat by seat."""
    first, second = sides
    won, luck = TablePlay(first, Bare(second), 9).winnings(0, 1200)
    deals = luck.mean(axis=1)
    error = deals.std(axis=0, ddof=1) / np.sqrt(len(deals))
    assert (np.abs(deals.mean(axis=0)) < 4.5 * error).all()
    seatings = seatings_of(first.game.player_count)
    plain, corrected = (shares_of(each, seatings).std() for each in (won, won - luck))
    assert corrected < 0.8 * plain


def test_swapped_sides_and_a_player_against_itself(sides):
    first, second = sides
    one = play_match(first, Bare(second), Length(60), seed=3)
    two = play_match(Bare(second), first, Length(60), seed=3)
    np.testing.assert_array_equal(one.samples, -two.samples)
    assert one.samples.any()
    itself = play_match(Bare(first), Bare(first), Length(20), seed=3)
    assert not itself.samples.any()


@pytest.mark.thorough
def test_a_function_by_play_wins_what_its_table_wins(function, tmp_path):
    """Two functions that play uniformly, one at random, and the uniform table's exact hands."""
    game = game_of(DEEP, tmp_path)
    strategy = random_strategy(game, 1)
    table = strategy_of(game, lambda _, record, __: np.full(record["count"], 1 / record["count"]))
    ranges = range_match(strategy, table, Length(60), seed=3)
    for name in ("uniform", "any_of"):
        found = play_match(strategy, function(name), Length(600), seed=1)
        assert (found.stopped, found.value.n) == (None, 600)
        errors = [each.samples.std(ddof=1) / len(each.samples) ** 0.5 for each in (found, ranges)]
        assert abs(found.value.value - ranges.value.value) < 4.5 * np.hypot(*errors)


def test_any_legal_size_may_be_said(function, tmp_path):
    """It bets what its tree does not have; the other side translates, chips are conserved."""
    strategy = random_strategy(game_of(DEEP, tmp_path), 1)
    player = function("sizes")
    won, _ = TablePlay(strategy, player, 3).winnings(0, 60)
    np.testing.assert_allclose(won.sum(axis=2), 0.0, atol=1e-9)
    assert len(np.unique(won)) > 10


def test_a_player_that_fails_ends_the_match_and_keeps_what_was_played(sides):
    first, second = sides

    class Failing(Bare):
        def decide(self, hole, board):
            if draws.random() < 0.01:
                raise GameError("no idea")
            return super().decide(hole, board)

    draws = random.Random(4)
    found = play_match(first, Failing(second), Length(1000), seed=3)
    assert str(found.stopped) == "no idea"
    assert 2 <= found.value.n < 1000
    whole = play_match(first, Bare(second), Length(found.value.n), seed=3)
    np.testing.assert_array_equal(found.samples, whole.samples)
