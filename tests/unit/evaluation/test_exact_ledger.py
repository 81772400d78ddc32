"""Exact answers that were killed: gone on with, to the same bits, and never with another's sum."""

from __future__ import annotations

import numpy as np
import pytest
from small_decks import FIXED_BOARD, RAKED, TWO_STREETS, game_of, random_strategy

from cfr_shm.evaluation.exact_ledger import ExactLedger
from cfr_shm.evaluation.exact_response import exact_response


class KilledError(Exception):
    pass


class Killed(ExactLedger):
    """A ledger whose process is killed after some boards, counted over all walks."""

    left = 10**9

    def passed(self, boards, total):
        super().passed(boards, total)
        self.left -= 1
        if self.left == 0:
            raise KilledError


def ledger_of(directory, identity="a strategy", left=10**9):
    found = Killed(directory, identity, interval=0.0)
    found.left = left
    return found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TWO_STREETS, id="two", marks=pytest.mark.thorough),
        pytest.param(FIXED_BOARD, id="fixed"),
        pytest.param(RAKED, id="raked", marks=pytest.mark.thorough),
    ],
)
def test_a_killed_answer_is_gone_on_with_to_the_same_bits(text, tmp_path):
    game = game_of(text, tmp_path)
    strategy = random_strategy(game, 3)
    once = exact_response(strategy, workers=1)
    for workers in (2, 4):
        assert exact_response(strategy, workers=workers) == once
    directory = tmp_path / "kept"
    whole = ledger_of(directory)
    assert exact_response(strategy, whole) == once
    boards = 10**9 - whole.left
    assert boards > 5
    assert not directory.exists()
    done, kills = 0, 0
    while True:
        ledger = ledger_of(directory, left=7)
        assert ledger.taken_up == (kills > 0)
        try:
            found = exact_response(strategy, ledger, workers=1 + kills % 3)
        except KilledError:
            done, kills = done + 7, kills + 1
            assert len(list(directory.iterdir())) == 1
            continue
        # Nothing was done twice.
        assert done + 7 - ledger.left == boards
        break
    assert kills == (boards - 1) // 7
    assert found == once
    assert not directory.exists()


@pytest.mark.thorough
def test_what_is_damaged_or_of_another_strategy_is_not_gone_on_with(tmp_path):
    strategy = random_strategy(game_of(TWO_STREETS, tmp_path), 3)
    directory = tmp_path / "kept"
    with pytest.raises(KilledError):
        exact_response(strategy, ledger_of(directory, left=4))
    assert ledger_of(directory).taken_up
    assert not ledger_of(directory, identity="another").taken_up
    (saved,) = directory.iterdir()
    total = np.load(saved / "total.npy")
    total[0, 0] += 1.0
    np.save(saved / "total.npy", total)
    damaged = ledger_of(directory)
    assert not damaged.taken_up
    assert exact_response(strategy, damaged) == exact_response(strategy)


PUSH_OR_FOLD = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], limp: false, max_raises: [1, 0, 0, 0], bucket_method: percentile,
              bucket_counts: [25, 2, 2, 2]}
"""
FIXED_TURN = """
game: {name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 5,
       board: AsKsQdJh}
abstraction: {turn: [[1], [allin]], river: [[1], [allin]]}
"""


@pytest.mark.thorough
@pytest.mark.parametrize("text", [PUSH_OR_FOLD, FIXED_TURN], ids=["push", "turn"])
def test_boards_that_are_dealt_are_spread_over_threads(text, tmp_path):
    """Run-outs alone, and streets to come: the same bits for 1, 2 and 4 workers."""
    strategy = random_strategy(game_of(text, tmp_path), 3)
    once = exact_response(strategy, workers=1)
    assert once.exploitability > 0.0
    for workers in (2, 4):
        assert exact_response(strategy, workers=workers) == once
