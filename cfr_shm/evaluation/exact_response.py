"""Exact values and best responses of hold'em for two, and how long they take.

Every board counts: where nothing distinguishes suits one of each kind is walked over, and where
nobody decides after the last cards they are only added up (``evaluation.run_outs``). So games
that end preflop take seconds, fixed boards of the turn or river less, and whole games hours to
weeks; a forecast says which before anything is begun.
"""

from __future__ import annotations

import math
import time

import numpy as np

from cfr_shm.cards.isomorphism import BOARD_CARDS, card_index
from cfr_shm.evaluation.best_response import METHOD, Evaluation
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.exact_ledger import ExactLedger
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.layout.response import NEVER
from cfr_shm.layout.tree import SHOWDOWN
from cfr_shm.strategy.public import PublicStrategy

#: Seconds to rank, sort and compare all hands of a full board at one showdown.
_RUN_OUT_SECONDS = 25e-6
#: The first walk may compile; the second one tells the pace.
_TRIED = 2
_TRIAL_SEED = 0xF0


def exact_response(
    strategy: PublicStrategy, ledger: ExactLedger | None = None, workers: int = 0
) -> Evaluation:
    """Return exact values, best responses and exploitability of a strategy, in chips.

    Args:
        strategy: for two seats.
        ledger: where what takes hours is kept, and taken up again; the result has the same bits.
        workers: threads, 0 for all usable cores; changes nothing in the result.

    Raises:
        GameError: not a game of hold'em for two.
        ArrayStoreError: what was done so far cannot be kept.
    """
    game = strategy.game
    walk, players = BoardWalk(game), Players(strategy, strategy)
    walks = [(0, 0), (1, 0), (0, NEVER)] + ([] if game.zero_sum else [(1, NEVER)])
    if ledger:
        ledger.open(len(walks), walk.kept_boards(players))
    found = []
    for number, (seat, first_best) in enumerate(walks):
        known = ledger.result(number) if ledger else None
        if known is None:
            hands = walk.root_values(players, seat, [], first_best, ledger, workers)
            known = walk.seat_value(hands, seat)
            if ledger:
                ledger.finish(known)
        found.append(known)
    best = np.array(found[:2])
    values = np.array([found[2], -found[2] if game.zero_sum else found[3]])
    if ledger:
        ledger.close()
    gains = np.maximum(best - values, 0.0)
    nash_conv = float(gains.sum())
    return Evaluation(
        values=tuple(values.tolist()),
        best_response_values=tuple(best.tolist()),
        gains=tuple(gains.tolist()),
        nash_conv=nash_conv,
        exploitability=nash_conv / 2 if game.constant_sum else nash_conv,
        unit=game.unit,
        method=METHOD,
    )


def forecast_seconds(strategy: PublicStrategy) -> float:
    """Return about how many seconds ``exact_response`` takes on this machine, one core.

    Raises:
        GameError: not a game of hold'em for two.
    """
    walk, players = BoardWalk(strategy.game), Players(strategy, strategy)
    passes = 3 if strategy.game.zero_sum else 4
    boards, decided = _boards(walk, players)
    if decided:
        leaves = int((strategy.game.tree.nodes["kind"] == SHOWDOWN).sum())
        return passes * boards * leaves * _RUN_OUT_SECONDS
    seconds = 0.0
    for trial in range(_TRIED):
        board = drawn_board(walk.cards, walk.cards.showdown_cards, _TRIAL_SEED, trial)
        began = time.process_time()
        walk.root_values(players, 0, board, 0)
        seconds = time.process_time() - began
    return passes * boards * seconds


def _boards(walk: BoardWalk, players: Players) -> tuple[float, bool]:
    """Return how many full boards are looked at, and whether nobody decides on them."""
    cards, sizes = walk.cards, walk.board_sizes
    merged = walk.merges_suits(players)
    decided = isinstance(cards, DealtCards) and walk.street_board(-1) < sizes[-1]
    boards, before = 1.0, 0
    fixed = len(cards.fixed_board)
    for size in sizes:
        if size == 0:
            continue
        if merged and before == 0:
            first = card_index(cards.deck).first_board
            street = BOARD_CARDS.index(size)
            boards *= float(first[street + 1] - first[street])
        else:
            drawn = max(size, fixed) - max(before, fixed)
            boards *= math.comb(len(cards.dealt) - max(before, fixed), drawn)
        before = size
    return boards, decided
