"""Local best response: what it must win of simple strategies, and never more than is there."""

from __future__ import annotations

import numpy as np
import pytest
from small_decks import ROYAL, game_of, random_strategy, strategy_of

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file
from cfr_shm.errors import GameError, UsageError
from cfr_shm.evaluation.exact_response import exact_response
from cfr_shm.evaluation.local_response import local_response
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.betting import CALL, FOLD

MBB = 1000 / 200
#: Preflop has as many buckets as it likes; nobody's cards matter to these strategies.
HUNDRED = """
game: {name: holdem, blinds: [100, 200], stacks: 100bb}
abstraction: {preflop: [[allin]], flop: [[1], [allin]], turn: [[1], [allin]],
              river: [[1], [allin]], bucket_method: percentile, bucket_counts: [169, 2, 2, 2]}
"""
#: With a bucket file of its own the board's deals are dealt; without one they would be listed.
RIVER = """
game: {{name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 5,
       board_cards: [5], board: AsKsQdJcJd}}
abstraction: {{river: [[1, allin], [1, allin]], buckets: {buckets}}}
"""


def always(game, move):
    """A strategy that takes one move where it can, and else checks or calls."""
    moves = game.betting.move

    def of_row(_node, record, _bucket):
        first, count = int(record["first_child"]), int(record["count"])
        legal = moves[first : first + count].tolist()
        chosen = legal.index(move) if move in legal else legal.index(CALL)
        return np.eye(count)[chosen]

    return strategy_of(game, of_row)


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of hands need compiled kernels")
@pytest.mark.slow
def test_against_calling_and_folding_heads_up(tmp_path):
    """24,194.89 mbb: 99 big blinds times what betting the better half of rivers and turns wins."""
    game = game_of(HUNDRED, tmp_path)
    found = local_response(always(game, CALL), 40_000, seed=3).gain.scaled(MBB)
    half = (found.high - found.low) / 2 * 2.576 / 1.96
    assert abs(found.value - 24_194.89) < half
    folded = local_response(always(game, FOLD), 500, seed=3).gain.scaled(MBB)
    assert (folded.value, folded.low, folded.high) == (750.0, 750.0, 750.0)


def test_somebody_who_folds_loses_the_blinds(tmp_path):
    game = game_of(ROYAL, tmp_path)
    folded = local_response(always(game, FOLD), 50, seed=3)
    # One chip of the small blind's, two of the big blind's, half of the deals each.
    assert (folded.gain.value, folded.gain.low, folded.gain.high) == (1.5, 1.5, 1.5)
    called = local_response(always(game, CALL), 60, actions="fc", seed=3)
    assert called.gain.low < 0.0 < called.gain.high


def test_threads_and_later_pairs_change_no_bit(tmp_path):
    strategy = random_strategy(game_of(ROYAL, tmp_path), 1)
    one = local_response(strategy, 100, seed=5, workers=1)
    for workers in (2, 8):
        again = local_response(strategy, 100, seed=5, workers=workers)
        np.testing.assert_array_equal(again.samples, one.samples)
    more = local_response(strategy, 170, seed=5, workers=2)
    np.testing.assert_array_equal(more.samples[:100], one.samples)
    assert not np.array_equal(local_response(strategy, 100, seed=6).samples, one.samples)


@pytest.mark.parametrize(
    "count", [20, pytest.param(200, marks=pytest.mark.thorough)], ids=["some", "many"]
)
def test_never_more_than_a_best_response(tmp_path, count):
    """With bets of the tree alone, beyond 4.5 standard errors."""
    buckets = tmp_path / "royal"
    build_file(BucketSpec("royal", FAMILIES["percentile"], (25, 2, 2, 5)), buckets)
    game = game_of(RIVER.format(buckets=buckets), tmp_path)
    for seed in range(count):
        strategy = random_strategy(game, seed)
        found = local_response(strategy, 64, seed=seed, workers=1)
        error = (found.gain.high - found.gain.value) / 2.0
        # Neither counts the chips that lay in the pot from before the game.
        assert found.gain.value < exact_response(strategy).exploitability + 4.5 * error


def test_what_cannot_be_measured_is_refused(tmp_path):
    strategy = random_strategy(game_of(ROYAL, tmp_path), 1)
    with pytest.raises(UsageError, match="no action set 'all'; there are fc, fcpa"):
        local_response(strategy, 2, actions="all")
    small = ROYAL.replace("ranks: 5", "ranks: 3, board_cards: [0, 3]")
    small = small[: small.index("abstraction")] + "abstraction: {preflop: [[allin]], flop: [[1]]}"
    with pytest.raises(GameError, match="listed"):
        local_response(random_strategy(game_of(small, tmp_path), 1), 2)
