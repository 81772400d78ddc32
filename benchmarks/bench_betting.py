"""Random complete hands of six-handed no-limit hold'em: betting only, no cards.

``pytest benchmarks/bench_betting.py --benchmark-only``
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.kernels.holdem.betting import apply_move, call_amount, pots, raise_bounds, start_hand
from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.layout.betting import BET_STATUS, CALL, FOLD, PLAYING, betting_words

HANDS = 20_000
PEER_HANDS = 20
STACKS = [4_000, 20_000, 1_500, 20_000, 9_000, 20_000]
BLINDS = [50, 100]


@kernel
def play_hands(rules, state, amount, players_mask, count):
    """Play ``count`` random hands to their pots; return the number of moves made."""
    moves = 0
    for hand in range(count):
        key = sweep_key(1, hand, 0)
        start_hand(rules, state, 0)
        while state[0, BET_STATUS] == PLAYING:
            draw = uniform(key, moves)
            least, most = raise_bounds(rules, state, 0)
            move = CALL
            if most > 0 and draw < 0.3:
                move = least + np.int64((most - least) * draw)
            elif call_amount(rules, state, 0) > 0 and draw > 0.8:
                move = FOLD
            apply_move(rules, state, 0, 0, move)
            moves += 1
        pots(rules, state, 0, amount, players_mask)
    return moves


def play_peer(seed: int) -> None:
    """Play random hands in pokerkit, whose cards cost little beside its betting."""
    pokerkit = pytest.importorskip("pokerkit")
    choose = random.Random(seed).random
    for _ in range(PEER_HANDS):
        state = pokerkit.NoLimitTexasHoldem.create_state(
            tuple(pokerkit.Automation), True, 0, BLINDS, 100, STACKS, 6
        )
        while state.status:
            draw = choose()
            most = state.max_completion_betting_or_raising_to_amount
            if most and draw < 0.3:
                least = state.min_completion_betting_or_raising_to_amount
                state.complete_bet_or_raise_to(least + int((most - least) * draw))
            elif state.checking_or_calling_amount and draw > 0.8:
                state.fold()
            else:
                state.check_or_call()


def test_hands_beside_pokerkit(benchmark, scoreboard: Scoreboard) -> None:
    rules = betting_rules(players=6, blinds=BLINDS, stacks=STACKS)
    state = np.zeros((1, betting_words(6)), np.int64)
    amount, mask = np.zeros(6, np.int64), np.zeros(6, np.int64)
    moves = play_hands(rules, state, amount, mask, HANDS)
    ours, theirs = in_turns(
        lambda: play_hands(rules, state, amount, mask, HANDS), lambda: play_peer(1)
    )
    benchmark.pedantic(
        play_hands, args=(rules, state, amount, mask, HANDS), rounds=ROUNDS, iterations=1
    )
    ratio = (HANDS / ours) / (PEER_HANDS / theirs)
    benchmark.extra_info.update(pokerkit_ratio=ratio, moves_per_second=moves / ours)
    scoreboard.note("betting: complete hands/s", HANDS / ours)
    scoreboard.note("betting: moves/s", moves / ours)
    scoreboard.at_least("betting: hands beside pokerkit", ratio, 1_000)
