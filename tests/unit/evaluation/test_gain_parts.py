"""Where a responder gains: every group adds up, boards are paired, rows are the strategy's own."""

from __future__ import annotations

import numpy as np
import pytest
from small_decks import RAKED, ROYAL, THREE_STREETS, game_of, random_strategy, strategy_of

from cfr_shm.evaluation.gain_kinds import GROUPS
from cfr_shm.evaluation.gain_parts import BoardParts, gain_parts
from cfr_shm.evaluation.sampled_response import sampled_response
from cfr_shm.layout.betting import CALL
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy


@pytest.mark.parametrize(
    ("text", "street"),
    [
        (ROYAL, 3),
        (ROYAL, 2),
        (THREE_STREETS, 1),
        (RAKED, 1),
    ],
)
def test_every_group_of_parts_adds_up_to_the_gain(text, street, tmp_path):
    strategy = random_strategy(game_of(text, tmp_path), 5)
    found = gain_parts(strategy, street, 3, seed=2, workers=2)
    gain = sampled_response(strategy, street, 3, seed=2)
    np.testing.assert_allclose(tuple(found.gain), tuple(gain.gain), rtol=1e-9)
    for group in GROUPS:
        total = sum(part.value for part in found.kinds[group].values())
        assert total == pytest.approx(found.gain.value, rel=1e-9)
    assert sum(part.value for _, part in found.lines) == pytest.approx(found.gain.value, rel=1e-9)
    again = gain_parts(strategy, street, 3, seed=2, workers=1)
    assert again == found


def test_before_the_street_nothing_is_gained(tmp_path):
    strategy = random_strategy(game_of(ROYAL, tmp_path), 5)
    parts = gain_parts(strategy, 3, 2, seed=1).kinds["street"]
    assert [parts[name].value for name in ("preflop", "flop", "turn")] == [0.0, 0.0, 0.0]
    assert parts["river"].value > 0.0


def test_who_always_calls_loses_by_bets_and_by_nothing_else(tmp_path):
    """Against a caller nobody bluffs: hands bet or check, and all is gained with the best half."""
    game = game_of(ROYAL, tmp_path)

    def calls(_, record, __):
        first, count = int(record["first_child"]), int(record["count"])
        return (game.betting.move[first : first + count] == CALL).astype(float)

    found = gain_parts(strategy_of(game, calls), 3, 2, seed=3)
    by_action = {name: part.value for name, part in found.kinds["action"].items()}
    bets = {name for name, value in by_action.items() if value > 0.0}
    assert bets <= {"bets up to 1 pot", "goes all-in"}
    assert found.kinds["reach"]["below 0.0001"].value == pytest.approx(found.gain.value)
    strength = [part.value for part in found.kinds["strength"].values()]
    assert sum(strength[5:]) > 0.9 * found.gain.value


def test_visits_are_those_of_the_row_that_the_strategy_has(tmp_path):
    game = game_of(ROYAL, tmp_path)
    strategy = random_strategy(game, 7)
    weight = np.array(strategy.weight)
    rivers = game.tree.nodes[(game.tree.nodes["kind"] == DECISION)]
    rivers = rivers[rivers["street"] == 3]
    assert len(rivers)
    for record in rivers:
        for bucket in range(game.deals.bucket_count[record["actor"], 3]):
            weight[int(record["row_base"]) + bucket * int(record["row_stride"])] = 10.0**bucket * 3
    counted = TableStrategy("counted", game, Strategy(strategy.probability.copy(), weight))
    found = gain_parts(counted, 3, 3, seed=2, visits=3.0)
    strength = [part.value for part in found.kinds["strength"].values() if part.value != 0.0]
    visits = [part.value for part in found.kinds["visits"].values() if part.value != 0.0]
    # Four buckets: the strength tells which, and so do the visits that were made up.
    np.testing.assert_allclose(visits, strength, rtol=1e-12)
    assert len(visits) == 4


def test_one_board_at_a_time(tmp_path):
    strategy = random_strategy(game_of(THREE_STREETS, tmp_path), 2)
    parts = BoardParts(strategy, 1, 9)
    both = [parts(0), parts(1)]
    found = gain_parts(strategy, 1, 2, seed=9)
    mean = np.mean([each[0] for each in both], axis=0)
    names = [part.value for group in found.kinds.values() for part in group.values()]
    np.testing.assert_allclose(names, mean, rtol=1e-12)
