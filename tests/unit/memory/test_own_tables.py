"""Which tables have copies of the workers' own, and how often those are exchanged."""

import numpy as np
import pytest

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.memory.own_tables import DEALT_TIMES, own_table_specs
from cfr_shm.memory.tables import private_views


def copies(game, workers, compact=False):
    specs = own_table_specs(game.table_entries, workers, compact, game.deals.bucket_count)
    return specs[0].shape[0]


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        (leduc(), 2),
        (leduc(3), 2),  # 199 KiB, dealt
        (goofspiel(cards=4), 2),
        (goofspiel(cards=5), 0),  # 54 KiB, and every row comes in every iteration
    ],
    ids=["leduc", "leduc of three", "goofspiel", "goofspiel of five"],
)
def test_small_tables_and_dealt_ones_have_copies(game, expected):
    assert copies(game, 2) == expected
    assert copies(game, 1) == 0
    assert copies(game, 2, compact=True) == 0


@pytest.mark.parametrize(("players", "times"), [(2, 1), (3, DEALT_TIMES)])
def test_larger_ones_are_exchanged_more_rarely(players, times):
    game = leduc(players)
    views = private_views(game, 2)
    own = views.own.table_of(0, views.table, views.tree, game.deals.bucket_count, often=False)
    periods = [1 << int(np.ceil(np.log2(each))) for each in np.unique(game.deals.bucket_count)]
    assert own.exchange.period.tolist() == [times * each for each in periods]
    often = views.own.table_of(0, views.table, views.tree, game.deals.bucket_count, often=True)
    assert set(often.exchange.period.tolist()) == {1}
