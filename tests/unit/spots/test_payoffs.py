"""What ends of hands pay: rake, and tournament prizes by chips."""

import pytest
from spot_cases import menu

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.spots.iteration_weights import spot_algorithm
from cfr_shm.spots.payoffs import ChipPayoffs, IcmPayoffs, icm_values
from cfr_shm.spots.places import find_place, strategy_at
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.street_trees import TreeRules


def test_one_prize_is_shared_out_by_chips():
    assert icm_values((50.0, 30.0, 20.0), (10.0,)) == pytest.approx((5.0, 3.0, 2.0))


def test_two_players_and_two_prizes():
    # First with the chance of the chips, else second.
    assert icm_values((75.0, 25.0), (60.0, 40.0)) == pytest.approx((55.0, 45.0))


def test_three_players_by_hand():
    first = 0.5 * 60 + 0.3 * (0.5 / 0.7) * 40 + 0.2 * (0.5 / 0.8) * 40
    assert icm_values((50.0, 30.0, 20.0), (60.0, 40.0))[0] == pytest.approx(first)
    assert sum(icm_values((50.0, 30.0, 20.0, 7.0), (60.0, 40.0, 5.0))) == pytest.approx(105.0)


def test_who_has_nothing_comes_last():
    assert icm_values((100.0, 0.0), (60.0, 40.0)) == pytest.approx((60.0, 40.0))


def test_rake_is_capped_and_taken_of_what_was_called():
    payoffs = ChipPayoffs(100.0, 0.05, 6.0)
    assert payoffs.folded((100.0, 0.0), 1) == pytest.approx((45.0, -50.0))
    assert payoffs.shown(100.0)[0] == pytest.approx((144.0, -3.0, -150.0))


@pytest.mark.parametrize("prizes", [(100.0,), (70.0, 30.0)])
def test_a_bluff_catcher_calls_by_what_chips_are_worth(prizes):
    """Two players, nobody else: their prizes are linear in chips, so chips decide as ever."""
    jam = menu("a", "a")
    ranges = [parse_range(STANDARD, "AA,QQ"), parse_range(STANDARD, "KK")]
    rules = TreeRules(2, 100.0, 100.0, ((jam, jam),) * 3)
    payoffs = IcmPayoffs(100.0, 100.0, (), prizes)
    game = build_spot(STANDARD.parse("2c2d2h3s3d"), ranges, rules, payoffs)
    with SpotSolver(game, SolverSettings(spot_algorithm("cfr_plus"))) as solver:
        solver.iterate(400)
        quality = solver.quality()
    # A chip is worth (first - second prize) / 300; EV of chips is 75 and 25 of the pot of 100.
    worth = (prizes[0] - sum(prizes[1:])) / 300
    half = game.pot / 2
    assert quality.values[0] - half == pytest.approx(25 * worth, abs=0.5 * worth)
    assert quality.values[1] - half == pytest.approx(-25 * worth, abs=0.5 * worth)
    assert quality.exploitability < 0.5 * worth


def test_on_the_bubble_a_bluff_catcher_calls_and_is_bluffed_as_prizes_say():
    """The polar river with prizes: who calls and who bluffs makes the other indifferent.

    What each end pays is Malmuth-Harville's, written out here for three players and two prizes.
    """

    def prize(own: float, other: float, third: float) -> float:
        total = own + other + third
        second = other / total * own / (own + third) + third / total * own / (own + other)
        return 65.0 * own / total + 35.0 * second

    pot, stack, third = 100.0, 100.0, 300.0
    jam = menu("a", "a")
    ranges = [parse_range(STANDARD, "AA,QQ"), parse_range(STANDARD, "KK")]
    rules = TreeRules(2, pot, stack, ((jam, jam),) * 3)
    payoffs = IcmPayoffs(pot, stack, (third,), (65.0, 35.0))
    game = build_spot(STANDARD.parse("2c2d2h3s3d"), ranges, rules, payoffs)
    # Of who calls: he folds, wins or loses. One of the two is out after a call.
    fold, won = prize(stack, stack + pot, third), prize(pot + 2 * stack, 0.0, third)
    lost = prize(0.0, pot + 2 * stack, third)
    bluffs = (fold - lost) / (won - fold)  # queens for each pair of aces
    # Of who bluffs: he gives up, takes the pot, or is called.
    given_up, taken = prize(stack, stack + pot, third), prize(stack + pot, stack, third)
    calls = (taken - given_up) / (taken - lost)
    with SpotSolver(game, SolverSettings(spot_algorithm("cfr_plus"))) as solver:
        solver.iterate(100 if JIT_DISABLED else 2000)
        tables = (solver.tables.average_0, solver.tables.average_1)
        bet = strategy_at(game, find_place(game, ""), tables)[1]
        called = strategy_at(game, find_place(game, "b100"), tables)[1]
        queens = (game.hands.holes[0] // 4 == 10).all(axis=1)
        assert bet[~queens] == pytest.approx(1.0, abs=0.02)
        assert bet[queens].mean() == pytest.approx(bluffs, abs=0.02)
        assert called.mean() == pytest.approx(calls, abs=0.02)
        # Prizes make calls dearer: with chips alone both would be a half.
        assert calls < 0.46
        assert bluffs > 0.6
