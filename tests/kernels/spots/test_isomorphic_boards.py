"""Boards that stand for others: the same values as when every board is played."""

import itertools

import numpy as np
import pytest
from spot_cases import menu, small_turn

from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.spots import VALUE
from cfr_shm.spots.boards import list_boards, spot_hands, suit_symmetries
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.places import find_place, hands_at, strategy_at
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import build_spot
from cfr_shm.spots.street_trees import TreeRules

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="minutes as plain Python")


def flop(board, iso, oop="AK,QQ,JTs,T8s", ip="KQ,AA,99,T9s"):
    small = menu("50%", "a")
    rules = TreeRules(0, 100.0, 100.0, ((small, small),) * 3)
    ranges = [parse_range(STANDARD, oop), parse_range(STANDARD, ip)]
    return build_spot(STANDARD.parse(board), ranges, rules, ChipPayoffs(100.0), isomorphic=iso)


def first_river_strategies(solver):
    """Return the first player's strategy on every run-out after four checks, hands sorted."""
    game, tables = solver.game, (solver.tables.average_0, solver.tables.average_1)
    left = [card for card in range(52) if card not in game.hands.board]
    for turn, river in itertools.permutations(left, 2):
        place = find_place(game, "x-x/x-x/", (turn, river))
        hands = np.sort(hands_at(game, place, 0), axis=1)
        yield strategy_at(game, place, tables)[:, np.lexsort(hands.T)]


# Later the last bits of sums, which are added up in another order, decide between equal actions.
@pytest.mark.thorough
@pytest.mark.parametrize("board", ["Ts5h2h", "Th5h2h"])
def test_merged_boards_change_no_value_and_no_strategy_on_any_run_out(board):
    with SpotSolver(flop(board, False)) as apart, SpotSolver(flop(board, True)) as merged:
        assert len(merged.game.boards) < 0.8 * len(apart.game.boards)
        for solver in (apart, merged):
            solver.iterate(3)
        values = zip(apart.root_values(VALUE), merged.root_values(VALUE), strict=True)
        for p, (one, two) in enumerate(values):
            # A hand's expected value, in pots.
            per_deal = 100.0 * apart.game.hands.weights[1 - p].sum()
            np.testing.assert_allclose(one / per_deal, two / per_deal, atol=1e-5)
        both = zip(first_river_strategies(apart), first_river_strategies(merged), strict=True)
        for one, two in both:
            np.testing.assert_allclose(one, two, atol=1e-4)


def test_uneven_ranges_keep_every_board():
    hands = spot_hands(
        STANDARD,
        STANDARD.parse("Ts5h2h"),
        [parse_range(STANDARD, "AcKc"), parse_range(STANDARD, "QQ")],
    )
    assert suit_symmetries(hands) == ((0, 1, 2, 3),)
    assert len(list_boards(hands, isomorphic=True)) == 1 + 49 + 49 * 48


def test_a_monotone_flop_has_six_maps_and_a_turn_of_another_suit_two():
    even = [parse_range(STANDARD, "AK"), parse_range(STANDARD, "QQ")]
    hands = spot_hands(STANDARD, STANDARD.parse("Th5h2h"), even)
    assert len(suit_symmetries(hands)) == 6
    boards = list_boards(hands, isomorphic=True)
    turns = [board for board in boards if len(board.cards) == 4]
    assert len(turns) == 10 + 13
    assert sorted({len(board.kept) for board in turns}) == [2, 6]
    assert sum(len(board.stands_for) for board in turns) == 49


def test_a_board_stands_for_as_many_as_there_are():
    game = small_turn()
    count = ROYAL.card_count - 4
    assert sum(len(board.stands_for) for board in game.boards[1:]) == count
