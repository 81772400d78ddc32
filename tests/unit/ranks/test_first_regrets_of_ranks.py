"""What a table begins with, where several ranks begin with it: each its share, files the whole."""

import dataclasses

import numpy as np
import pytest
import ranked_training
from ranked_training import DAMPED, SMALL_DECK, damped_exchange, settings, train_ranks

from cfr_shm.games.holdem.first_regrets import TRACE, FirstRegrets
from cfr_shm.layout.betting import FOLD
from cfr_shm.layout.tree import DECISION

TURN, BUCKET = 2, 0


@pytest.fixture
def game(monkeypatch):
    """Return the small deck's game, where one bucket of the turn begins without a fold."""
    config, game = settings(*SMALL_DECK)
    first = FirstRegrets(game.betting, TURN, BUCKET)
    changed = dataclasses.replace(game, first_regrets=first)
    key = repr((config.config.game, config.config.abstraction))
    monkeypatch.setitem(ranked_training._games, key, changed)
    return changed


def rows_that_may_fold(game):
    nodes, move = game.tree.nodes, game.betting.move
    for record in nodes[(nodes["kind"] == DECISION) & (nodes["street"] == TURN)]:
        first, count = int(record["first_child"]), int(record["count"])
        moves = move[first : first + count].tolist()
        if FOLD in moves:
            row = int(record["row_base"]) + BUCKET * int(record["row_stride"])
            yield row, count, moves.index(FOLD)


def as_they_began(game, table):
    """Return how many rows that nobody came to there are; all hold what one machine's would."""
    found = 0
    for row, count, fold in rows_that_may_fold(game):
        regrets = table.regrets_of(row, count)
        if abs(regrets).max() < 2 * TRACE:
            expected = np.full(count, TRACE, np.float32)
            expected[fold] = 0.0
            np.testing.assert_allclose(regrets, expected, rtol=1e-5)
            found += 1
    return found


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("overrides", "further"),
    [((), {}), (DAMPED, {"exchange": damped_exchange})],
    ids=["mean", "damped"],
)
def test_they_are_counted_once_whatever_the_number_of_ranks(game, overrides, further):
    """Three ranks, then two, from the file of the three: rows that nobody met begin as ever."""
    rows = sum(1 for _ in rows_that_may_fold(game))
    before = None
    for size, until in ((3, 768), (2, 1536)):
        trained = train_ranks(size, until, 64, *SMALL_DECK, *overrides, before=before, **further)
        table = trained[0].views.table
        assert as_they_began(game, table) > rows // 2
        before = trained[0].views.rows.copy(), trained[0].meetings.completed
