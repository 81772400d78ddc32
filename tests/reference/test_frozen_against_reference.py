"""Deterministic mode against plain recursion with integers, to the bit, on two workers."""

from __future__ import annotations

import numpy as np
import pytest
from frozen import FrozenSolver
from frozen_crew import FrozenCrew
from plain_settings import algorithm_settings
from poker_rules import Kuhn, Leduc
from production import node_of_lines

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.memory.tables import table_of

SEED = 11
GAMES = {
    "kuhn": (kuhn, Kuhn(), 300),
    "leduc": (leduc, Leduc(merged=True), 60),
    "leduc, suits apart": (lambda: leduc(merge_suits=False), Leduc(merged=False), 30),
}


@pytest.mark.parametrize("floor", [None, -3.0])
@pytest.mark.parametrize("weighting", ["vanilla", "linear"])
@pytest.mark.parametrize("freeze", [1, 7, 64])
@pytest.mark.parametrize("name", GAMES)
def test_every_cell_is_equal_to_the_bit(name, freeze, weighting, floor):
    build, rules, iterations = GAMES[name]
    game = build()
    algorithm = algorithm_settings(averaging="on_the_way", regret_floor=floor)
    run = FrozenCrew(
        game, 2, freeze, algorithm=algorithm, weighting=weighting, seed=SEED, in_flight=2
    ).run_all([(0, iterations)])
    plain = FrozenSolver(
        rules,
        SEED,
        game.deals.alias_threshold.tolist(),
        game.deals.alias_other.tolist(),
        node_of_lines(game, rules),
        linear=weighting == "linear",
        freeze=freeze,
        per_weight=run.plan.per_weight,
        per_chip=run.plan.per_chip,
        per_utility=run.plan.per_utility,
        floor=-np.inf if floor is None else floor,
    ).run(iterations)
    expected = np.zeros_like(run.views.rows)
    table = table_of(expected)
    rows = {label.name: label.row for label in game.infosets()}
    for infoset, sums in plain.strategy_sum.items():
        row = rows[rules.name(infoset)]
        table.sums_of(row, len(sums))[:] = sums
    for infoset, regret in plain.regret.items():
        table.regrets_of(rows[rules.name(infoset)], len(regret))[:] = regret
    assert run.table == expected.tobytes()
    assert run.freezes.totals()[2] == tuple(plain.utility_units)
    assert run.freezes.clamped == plain.clamped
    assert (plain.clamped > 0) == (floor is not None)
