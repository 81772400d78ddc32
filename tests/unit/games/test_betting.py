"""Hold'em betting by hand-computed examples, and values that are refused."""

import numpy as np
import pytest

from cfr_shm.errors import GameError
from cfr_shm.games.holdem.betting import Hand, Pot, betting_rules
from cfr_shm.games.small import limit_poker as poker
from cfr_shm.layout.betting import AT_SHOWDOWN, CALL, FOLD, FOLDED_OUT, PLAYING

BLINDS = [50, 100]


def hand_of(players, stacks=10_000, moves=(), **values):
    values = {"blinds": BLINDS, "short_blinds": True, **values}
    return play(Hand(betting_rules(players=players, stacks=stacks, **values)), *moves)


def play(hand, *moves):
    for move in moves:
        hand = hand.apply(move)
    return hand


def test_heads_up_the_button_is_the_small_blind_and_acts_last_after_the_flop():
    hand = hand_of(2)
    assert (hand.actor, hand.call_amount, hand.raise_bounds) == (0, 50, (200, 10_000))
    hand = play(hand, CALL)
    assert (hand.street, hand.actor, hand.may_fold, hand.raise_bounds) == (
        0,
        1,
        False,
        (200, 10_000),
    )
    hand = play(hand, CALL)
    assert (hand.street, hand.actor, hand.pot) == (1, 1, 200)


def test_six_players_are_asked_in_turn_and_the_big_blind_has_an_option():
    hand = hand_of(6)
    asked = []
    while hand.street == 0:
        asked.append(hand.actor)
        hand = hand.apply(CALL)
    assert asked == [2, 3, 4, 5, 0, 1]
    assert hand.actor == 0


def test_a_straddle_acts_last_and_sets_the_raise():
    hand = hand_of(4, blinds=[50, 100, 200])
    assert (hand.actor, hand.call_amount, hand.raise_bounds) == (3, 200, (400, 10_000))
    hand = play(hand, CALL, CALL, CALL)
    assert (hand.actor, hand.call_amount, hand.street) == (2, 0, 0)
    assert play(hand, CALL).raise_bounds == (100, 9_800)


def test_without_a_small_blind_seat_0_calls_the_whole_bet():
    hand = hand_of(3, blinds=[0, 100], moves=[CALL])
    assert (hand.actor, hand.call_amount) == (0, 100)


def test_the_least_raise_is_the_last_full_raise():
    hand = hand_of(3, moves=[350])
    assert hand.raise_bounds == (600, 10_000)
    assert play(hand, 1_000).raise_bounds == (1_650, 10_000)


def test_a_short_all_in_does_not_reopen_the_betting_for_those_who_acted():
    hand = hand_of(4, stacks=[10_000, 10_000, 10_000, 400], moves=[300, 400])
    assert hand.raise_bounds == (600, 10_000)  # the small blind has not acted
    hand = play(hand, CALL, FOLD)
    assert (hand.actor, hand.call_amount, hand.raise_bounds) == (2, 100, None)


def test_short_all_ins_that_add_up_to_a_full_raise_reopen_the_betting():
    stacks = [520, 10_000, 10_000, 400]
    hand = hand_of(4, stacks=stacks, moves=[300, 400, 520, CALL])
    assert (hand.actor, hand.call_amount, hand.raise_bounds) == (2, 220, (720, 10_000))
    short = hand_of(4, stacks=[480, *stacks[1:]], moves=[300, 400, 480, CALL])
    assert (short.actor, short.call_amount, short.raise_bounds) == (2, 180, None)


def test_pot_limit_raises_by_the_pot_after_the_call():
    hand = hand_of(3, betting="pot_limit")
    assert hand.raise_bounds == (200, 350)  # call 100, pot 250: 100 + 250
    assert play(hand, 350).raise_bounds == (600, 1_150)  # call 300, pot 800: 350 + 800
    limped = play(hand, CALL, CALL, CALL)
    assert limped.raise_bounds == (100, 300)


def test_fixed_limit_sizes_and_cap():
    hand = hand_of(2, betting="fixed_limit")
    assert hand.raise_bounds == (200, 200)
    hand = play(hand, 200, 300, 400)
    assert (hand.raises, hand.raise_bounds, hand.call_amount) == (3, None, 100)
    flop = play(hand, CALL)
    assert flop.raise_bounds == (100, 100)
    turn = play(flop, CALL, CALL)
    assert turn.raise_bounds == (200, 200)
    assert play(turn, 200, 400, 600, 800).raise_bounds is None


def test_all_in_and_called_goes_to_the_showdown_without_further_questions():
    hand = hand_of(3, moves=[10_000, FOLD, CALL])
    assert (hand.status, hand.actor, hand.street) == (AT_SHOWDOWN, -1, 0)
    assert hand.pots() == (Pot(20_050, (1, 2)),)


def test_blinds_may_leave_nobody_a_choice():
    hand = hand_of(2, stacks=[50, 100])
    assert hand.status == AT_SHOWDOWN
    assert hand.losing_utility() == (-50, -50)
    assert hand.pots() == (Pot(100, (0, 1)),)


def test_uncalled_chips_are_in_no_pot():
    hand = hand_of(2, moves=[300, FOLD])
    assert hand.status == FOLDED_OUT
    assert hand.losing_utility() == (-100, -100)
    assert hand.pots() == (Pot(200, (0,)),)
    assert hand.payoffs() == (100, -100)


def test_three_stacks_make_two_side_pots_and_return_the_rest():
    hand = hand_of(4, stacks=[100, 300, 700, 2_000], moves=[CALL, 2_000, CALL, CALL, CALL])
    assert hand.pots() == (
        Pot(400, (0, 1, 2, 3)),
        Pot(600, (1, 2, 3)),
        Pot(800, (2, 3)),
    )
    assert hand.payoffs([9, 8, 7, 7]) == (300, 300, -300, -300)


def test_chips_of_the_folded_stay_in_the_pots():
    hand = hand_of(4, stacks=[800, 10_000, 300, 10_000], moves=[300, FOLD, CALL, CALL])
    assert hand.status == PLAYING
    hand = play(hand, 500, FOLD)
    assert hand.pots() == (Pot(900, (0, 2)),)


@pytest.mark.parametrize(
    ("players", "winners", "first"), [(3, (0, 1), 0), (3, (1, 2), 1), (2, (0, 1), 1)]
)
def test_the_odd_chip_goes_to_the_first_winner_left_of_the_button(players, winners, first):
    hand = hand_of(players, ante=[1, *[0] * (players - 1)])
    while not hand.finished:
        hand = hand.apply(CALL)
    strengths = [int(seat in winners) for seat in range(players)]
    payoffs = hand.payoffs(strengths)
    other = next(seat for seat in winners if seat != first)
    assert payoffs[first] + hand.committed[first] == payoffs[other] + hand.committed[other] + 1


def test_equal_antes_make_side_pots_and_other_antes_are_dead_money():
    short = hand_of(3, stacks=[5, 1_000, 1_000], ante=20, moves=[CALL] * 8)
    assert short.pots() == (Pot(15, (0, 1, 2)), Pot(230, (1, 2)))
    dead = hand_of(3, stacks=[5, 1_000, 1_000], ante=[5, 20, 0], moves=[CALL] * 8)
    assert dead.pots() == (Pot(25, (0, 1, 2)), Pot(200, (1, 2)))


def test_an_ante_that_nobody_can_match_goes_back():
    hand = hand_of(2, stacks=[3, 1_000], ante=20, blinds=[0, 0])
    assert hand.status == AT_SHOWDOWN
    assert hand.committed == (3, 3)


@pytest.mark.parametrize(
    ("values", "moves", "pots"),
    [
        # No flop, no drop; but a preflop all-in that is called sees a flop.
        ({}, [300, FOLD], (200,)),
        ({}, [10_000, CALL], (20_000 - 100,)),
        ({"rake_from": "preflop"}, [300, FOLD], (190,)),
        # Only what was called counts: 2 x 300 and 5 %.
        ({}, [300, CALL, 500, FOLD], (570,)),
        # Rounded down, in decimals: 29 % of 200 is 58.
        ({"rake_fraction": 0.29}, [CALL, CALL, 100, FOLD], (200 - 58,)),
        ({"rake_fraction": 0.049}, [CALL, CALL, 100, FOLD], (200 - 9,)),
        ({"rake_cap": 7}, [CALL, CALL, 100, FOLD], (193,)),
        ({"rake_cap": None}, [10_000, CALL], (19_000,)),
    ],
)
def test_rake(values, moves, pots):
    values = {"rake_fraction": 0.05, "rake_cap": 100, **values}
    hand = hand_of(2, moves=moves, **values)
    assert tuple(pot.amount for pot in hand.pots()) == pots
    assert sum(hand.payoffs([1, 2])) == pots[0] + sum(hand.losing_utility())


def test_one_rake_is_shared_by_the_pots_in_proportion():
    stacks = [100, 300, 700, 2_000]
    moves = [CALL, 2_000, CALL, CALL, CALL]
    hand = hand_of(4, stacks=stacks, moves=moves, rake_fraction=0.05, rake_cap=50)
    assert [pot.amount for pot in hand.pots()] == [400 - 11, 600 - 16, 800 - 23]


def test_dead_chips_are_in_the_main_pot():
    values = {"blinds": [], "bet_sizes": [10, 10], "dead": 70, "streets": 2}
    hand = hand_of(2, stacks=100, moves=[CALL, 50, FOLD], **values)
    assert hand.pots() == (Pot(70, (0,)),)
    assert hand.payoffs() == (70, 0)


def test_hands_do_not_change():
    hand = hand_of(2)
    before = hand.state
    hand.state[0, 0] = 9
    play(hand, 300)
    assert (hand.state == before).all()


@pytest.mark.parametrize(
    ("moves", "illegal", "said"),
    [
        ([CALL], FOLD, "nothing to call"),
        ([], 150, "bet or raise to 200 up to 10000 chips, not 150"),
        ([], 10_001, "up to 10000 chips, not 10001"),
        ([], -7, "chips, not -7"),
        ([10_000], 10_000, "seat 1 may not bet or raise here"),
        ([FOLD], CALL, "the hand is over"),
    ],
)
def test_illegal_moves_are_refused(moves, illegal, said):
    hand = hand_of(2, moves=moves)
    with pytest.raises(GameError, match=said):
        hand.apply(illegal)


def test_a_hand_in_progress_has_no_pots():
    with pytest.raises(GameError, match="not over"):
        hand_of(2).pots()


GOOD = {"players": 2, "blinds": [50, 100], "stacks": 10_000}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"players": 1}, r"game\.players: .* 2 to 10 players, not 1"),
        ({"players": 11}, r"game\.players: .* not 11"),
        ({"blinds": [50, -1]}, r"game\.blinds: -1 chips"),
        ({"blinds": [1, 2, 4]}, r"game\.blinds: 3 blinds for 2 players"),
        ({"blinds": []}, r"game\.blinds: no blind and no ante"),
        ({"blinds": [0, 0]}, r"game\.blinds: no blind and no ante"),
        ({"ante": -5}, r"game\.ante: -5 chips"),
        ({"ante": [1]}, r"game\.ante: 1 values for 2 players"),
        ({"stacks": 0}, r"game\.stacks: seat 0 has 0 chips"),
        ({"stacks": -1}, r"game\.stacks: -1 chips"),
        ({"stacks": 10**12}, r"game\.stacks: 1000000000000 chips"),
        ({"stacks": [100, 200, 300]}, r"game\.stacks: 3 values for 2 players"),
        (
            {"stacks": [10_000, 99]},
            r"game\.stacks: seat 1 has 99 chips, not enough .* blind of 100",
        ),
        ({"stacks": 100, "ante": 10}, r"game\.stacks: seat 1 .* ante of 10"),
        ({"betting": "nolimit"}, r"game\.betting: unknown 'nolimit'; one of no_limit"),
        ({"bet_sizes": [100]}, r"game\.bet_sizes: 1 sizes for 4 streets"),
        ({"bet_sizes": [100, 0, 100, 100]}, r"game\.bet_sizes: 0 chips"),
        ({"blinds": [], "dead": 5}, r"game\.bet_sizes: .*say the size of a bet"),
        ({"raise_caps": [1]}, r"game\.raise_caps: 1 caps for 4 streets"),
        ({"raise_caps": [1, 1, 1, -1]}, r"game\.raise_caps: -1 is negative"),
        ({"rake_fraction": 1.0}, r"game\.rake_fraction: 1\.0"),
        ({"rake_fraction": float("nan")}, r"game\.rake_fraction: nan"),
        ({"rake_cap": -1}, r"game\.rake_cap: -1"),
        ({"rake_from": "turn"}, r"game\.rake_from: unknown 'turn'; one of preflop, flop"),
        ({"dead": -1}, r"game\.dead: -1 chips"),
        ({"streets": 0}, r"game\.board_cards: "),
    ],
)
def test_values_that_make_no_game_are_refused_by_key(values, said):
    with pytest.raises(GameError, match=said) as refused:
        betting_rules(**{**GOOD, **values})
    assert "\n" not in str(refused.value)


def test_stacks_below_the_blind_are_allowed_when_asked_for():
    assert hand_of(2, stacks=[10_000, 99]).committed == (50, 99)


@pytest.mark.parametrize("players", [2, 3])
def test_leduc_is_a_special_case(players):
    """Small poker games have rules of their own; on them both say the same at every node."""
    small = poker.BettingRules(player_count=players, ante=1, raise_size=(2, 4), max_raises=(2, 2))
    rules = betting_rules(
        players=players,
        blinds=[],
        stacks=100,
        ante=1,
        betting="fixed_limit",
        streets=2,
        bet_sizes=[2, 4],
        raise_caps=[2, 2],
    )._replace(first_actor=np.zeros(2, np.int64))
    rules.first_actor.flags.writeable = False
    nodes, waiting = 0, [(poker.opening(small), Hand(rules))]
    while waiting:
        state, hand = waiting.pop()
        nodes += 1
        assert hand.finished == (state.waiting == 0)
        assert hand.committed == state.committed
        if hand.finished:
            continue
        assert (hand.actor, hand.street) == (state.actor, state.street)
        moves = {poker.CALL: CALL}
        if hand.may_fold:
            moves[poker.FOLD] = FOLD
        if hand.raise_bounds:
            moves[poker.RAISE] = hand.raise_bounds[0]
        assert set(poker.legal_actions(state, small)) == set(moves)
        waiting += [(poker.apply(state, a, small), hand.apply(m)) for a, m in moves.items()]
    assert nodes == poker.count_nodes(small)
