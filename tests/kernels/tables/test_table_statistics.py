"""Statistics of a table beside a plain computation over the game's own infosets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.layout.rows import table_words
from cfr_shm.memory.tables import table_of
from cfr_shm.strategy.statistics import street_statistics
from cfr_shm.telemetry.events import StreetMeasured


@pytest.mark.parametrize("build", [kuhn, leduc])
def test_every_infoset_counts_once(build):
    game = build()
    draw = np.random.default_rng(1)
    table = table_of(np.zeros(table_words(game.table_entries)))
    labels = {label.row: len(label.actions) for label in game.infosets()}
    visited, norms, entropies = 0, [], []
    for row, count in labels.items():
        table.regrets_of(row, count)[:] = draw.normal(size=count)
        if draw.random() < 0.3:
            continue
        table.sums_of(row, count)[:] = draw.random(count) * (draw.random(count) < 0.8)
        total = table.sums_of(row, count).sum()
        if total == 0:
            continue
        visited += 1
        regret = np.maximum(table.regrets_of(row, count), 0)
        norms.append(math.sqrt((regret.astype(float) ** 2).sum()))
        shares = table.sums_of(row, count) / total
        entropies.append(-sum(s * math.log(s) for s in shares if s > 0))
    *streets, whole = street_statistics(game, table, 10.0)
    assert whole.infosets == len(labels)
    assert whole.infosets_visited == visited
    assert whole.average_regret_norm == pytest.approx(np.mean(norms) / 10.0)
    assert whole.policy_entropy == pytest.approx(np.mean(entropies))
    assert len(streets) == game.street_count
    assert sum(street.infosets_visited for street in streets) == visited


def test_an_empty_table_and_regrets_that_are_elsewhere():
    game = kuhn()
    table = table_of(np.zeros(table_words(game.table_entries)))
    assert street_statistics(game, table, 0.0)[-1] == StreetMeasured(12, 0, 0.0, 0.0)
    assert street_statistics(game, table, None)[-1].average_regret_norm is None
