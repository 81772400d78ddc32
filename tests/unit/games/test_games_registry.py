"""Games by name, their parameters, and the synthetic tree."""

from __future__ import annotations

import doctest

import pytest

from cfr_shm.config.game import GameConfig
from cfr_shm.errors import EXIT_USAGE, GameError
from cfr_shm.games.registry import game_names, load_game
from cfr_shm.games.small import synthetic as synthetic_module
from cfr_shm.games.small.limit_poker import BettingRules, build_poker_tree, count_nodes
from cfr_shm.games.small.synthetic import synthetic, synthetic_bucket_bytes, synthetic_buckets


@pytest.mark.parametrize("name", game_names())
def test_every_name_builds_its_game(name):
    # Hold'em without a flop needs no bucket file, which would take minutes.
    keys = {"board_cards": (0,)} if name == "holdem" else {}
    assert load_game(GameConfig(name=name, **keys)).name == name


def test_parameters_reach_the_game():
    apart = load_game(GameConfig(name="leduc", players=3, merge_suits=False))
    assert dict(apart.parameters) == {"players": 3, "merge_suits": False}
    assert apart.player_count == 3
    tree = load_game(GameConfig(name="synthetic", streets=2, max_raises=1, buckets=9))
    assert tree.deals.bucket_count.tolist() == [[9, 9], [9, 9]]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (GameConfig(name="leduk"), "no game 'leduk'; did you mean 'leduc'"),
        (GameConfig(name="chess"), "no game 'chess'.*games: kuhn, leduc, .*, openspiel:NAME"),
        (GameConfig(name="kuhn", buckets=3), "kuhn has no buckets"),
        (GameConfig(name="lairs_dice"), "did you mean 'liars_dice'"),
        (GameConfig(name="liars_dice", players=3), "liars_dice has 2 players, not 3"),
        (GameConfig(name="openspiel:leduc"), "no game 'leduc'; did you mean 'leduc_poker'"),
        (GameConfig(name="openspiel:kuhn_poker", players=3), "takes its parameters with its name"),
        (GameConfig(name="openspiel:kuhn_poker", buckets=3), "has no buckets; only synthetic does"),
        (GameConfig(name="no/such.py:game"), "there is no file no/such.py"),
        (GameConfig(name="leduc", players=9), "leduc has 2 to 5 players, not 9"),
        (GameConfig(name="kuhn", players=9), "kuhn has 2 to 8 players, not 9"),
        (GameConfig(name="synthetic", streets=9), "streets is 9; expected 1 to 6"),
        (GameConfig(name="synthetic", players=6, max_raises=6), "over the limit of 2000000"),
    ],
)
def test_impossible_configs_are_refused_in_one_line(config, message):
    with pytest.raises(GameError, match=message) as caught:
        load_game(config)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("rules", [(2, (2, 4), (2, 2)), (3, (1,), (1,)), (4, (2, 2), (1, 3))])
def test_nodes_are_counted_without_building_them(rules):
    players, sizes, raises = rules
    betting = BettingRules(players, ante=1, raise_size=sizes, max_raises=raises)
    built = build_poker_tree(betting, [[1] * len(sizes)] * players)
    assert count_nodes(betting) == len(built.states)


def test_known_values_are_stated_with_their_source():
    for name in ("kuhn", "leduc"):
        game = load_game(GameConfig(name=name))
        assert game.value is not None
        assert game.value_source
    assert load_game(GameConfig(name="kuhn", players=3)).value is None


@pytest.mark.parametrize("arguments", [(2, 3, 3, 100), (3, 2, 2, 11), (2, 1, 0, 1)])
def test_synthetic_table_size_is_told_beforehand(arguments):
    predicted = synthetic_bucket_bytes(*arguments[:3]) * arguments[3]
    game = synthetic(*arguments)
    gaps = 12 * len(game.tree.nodes)
    assert 0 <= game.table_bytes - predicted < 192 + gaps


def test_synthetic_buckets_reach_the_size_asked_for():
    buckets = synthetic_buckets(8 * 2**20)
    assert synthetic(buckets=buckets).table_bytes >= 8 * 2**20
    assert synthetic(buckets=buckets - 1).table_bytes < 8 * 2**20


def test_synthetic_tables_of_many_gib_are_addressed_without_overflow():
    game = synthetic(buckets=1_100_000)
    assert game.table_bytes > 13 * 2**30
    assert game.tree.nodes["row_base"].max() > 2**30
    assert game.tree.nodes["row_base"].min() >= 0


def test_synthetic_labels_name_every_row_once():
    game = synthetic(2, 2, 1, 3)
    labels = list(game.infosets())
    assert len({label.row for label in labels}) == len({label.name for label in labels})
    assert len(labels) == len({label.row for label in labels})
    assert "its buckets are drawn" in game.why_not_enumerable()


def test_the_docstrings_examples_run():
    assert doctest.testmod(synthetic_module).failed == 0
