"""Which tables have copies of the workers' own."""

import pytest

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic, synthetic_buckets
from cfr_shm.memory.own_tables import ALL_OWN_BYTES, own_table_specs
from cfr_shm.memory.tables import private_views


def copies(game, workers, compact=False):
    specs = own_table_specs(game.table_entries, workers, compact)
    return {spec.shape[0] for spec in specs[:3]}


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        (leduc(), 2),
        (leduc(3), 2),
        (goofspiel(cards=5), 2),
        (liars_dice(), 2),
        (synthetic(buckets=synthetic_buckets(1_300_000)), 0),
    ],
    ids=["leduc", "leduc of three", "goofspiel", "liar's dice", "1.3 MB"],
)
def test_tables_that_fit_a_second_level_cache_have_copies(game, expected):
    assert copies(game, 2) == {expected}
    assert copies(game, 1) == {0}
    assert copies(game, 2, compact=True) == {0}


def test_all_copies_together_are_bounded():
    game = liars_dice()
    most = ALL_OWN_BYTES // game.table_bytes
    assert copies(game, most) == {most}
    assert copies(game, most + 1) == {0}


@pytest.mark.parametrize("game", [leduc(), liars_dice()], ids=["leduc", "liar's dice"])
def test_a_ring_is_a_power_of_two_with_room_for_any_block_behind_it(game):
    views = private_views(game, 2)
    table = views.own.table_of(1, views.table, views.tree, game.deals.bucket_count, often=False)
    words = table.exchange.told_words
    assert words.bit_count() == 1
    assert table.exchange.told_stride > words + game.table_entries
    assert len(table.exchange.told) == 2 * table.exchange.told_stride
