"""Hands that cannot lose do not fold: what a table begins with, and what training leaves of it."""

from __future__ import annotations

import numpy as np
import pytest
from betting_trees import all_in, pot_sizes, tree_of
from first_cases import first_cases

from cfr_shm.cards.abstraction import BucketSpec, methods_from
from cfr_shm.cards.buckets import build_file
from cfr_shm.cards.deck import ROYAL
from cfr_shm.cli.main import main
from cfr_shm.cli.session import load_table
from cfr_shm.config.load import load_config
from cfr_shm.games.holdem.first_regrets import TRACE, FirstRegrets
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.betting import FOLD
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.tree import DECISION
from cfr_shm.memory.tables import begin_rows, private_views, table_of

RIVER_BY = "preflop=percentile,flop=percentile,turn=percentile,river={}"

CONFIG = """
game:
  name: holdem
  ranks: 5
  stacks: 6bb
  {game}
abstraction:
  buckets: {buckets}
algorithm:
  weighting: linear
run:
  iterations: 30000
"""


def menu(hand):
    sizes = pot_sizes(hand, 1.0) if hand.raises < 2 else []
    return [*sizes, all_in(hand)]


@pytest.fixture(scope="module")
def tree():
    return tree_of(menu, (9, 5), players=2, blinds=[100, 200], stacks=2000, streets=2)


def rows_that_may_fold(tree, street, bucket):
    """Yield row, actions and the fold among them, of each such infoset."""
    nodes = tree.built.tree.nodes
    for record in nodes[nodes["kind"] == DECISION]:
        first, count = int(record["first_child"]), int(record["count"])
        moves = tree.move[first : first + count].tolist()
        if record["street"] == street and FOLD in moves:
            row = int(record["row_base"]) + bucket * int(record["row_stride"])
            yield row, count, moves.index(FOLD)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize(("street", "bucket"), [(0, 8), (1, 0), (1, 3)])
def test_a_table_begins_with_a_trace_of_regret_for_all_but_folds(tree, street, bucket, compact):
    words = table_words(tree.built.table_entries, compact)
    table, expected = (table_of(np.zeros(words), compact) for _ in range(2))
    FirstRegrets(tree, street, bucket).write(table.regret, compact)
    written = 0
    for row, count, fold in rows_that_may_fold(tree, street, bucket):
        expected.regrets_of(row, count)[:] = TRACE
        expected.regrets_of(row, count)[fold] = 0.0
        written += 1
    assert written > 3
    assert np.array_equal(table.regret, expected.regret)


# --- games -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two bucket files for the royal deck: one sets the hands apart that cannot lose."""
    if JIT_DISABLED:
        pytest.skip("takes minutes when interpreted")
    directory = tmp_path_factory.mktemp("buckets")
    for method in ("ochs", "percentile"):
        methods = methods_from(RIVER_BY.format(method))
        build_file(BucketSpec("royal", methods, (25, 8, 8, 9)), directory / method)
    return directory


def config_in(tmp_path, files, game="", method="ochs"):
    path = tmp_path / "game.yaml"
    path.write_text(CONFIG.format(buckets=files / method, game=game))
    return path


def game_in(tmp_path, files, game="", method="ochs"):
    config = load_config(config_in(tmp_path, files, game, method))
    return load_game(config.game, None, config.abstraction)


@pytest.mark.parametrize(
    ("game", "method"), first_cases([("board_cards: [0, 3, 1]", "ochs"), ("", "percentile")])
)
def test_games_without_such_a_bucket_begin_with_zeros(tmp_path, files, game, method):
    built = game_in(tmp_path, files, game, method)
    assert built.first_regrets is None
    views = private_views(built)
    begin_rows(views, built)
    assert not views.rows.any()


@pytest.mark.parametrize(
    ("game", "street"),
    [("", 3), ("board_cards: [4, 1]\n  board: AhKhQdTs\n  dead: 600\n  big_blind: 200", 1)],
)
def test_all_rows_of_the_river_begin_with_them(tmp_path, files, game, street):
    built = game_in(tmp_path, files, game)
    views = private_views(built)
    begin_rows(views, built)
    rows = list(rows_that_may_fold(built.betting, street, nuts_bucket(built, street)))
    assert rows
    for row, count, fold in rows:
        expected = np.full(count, TRACE, np.float32)
        expected[fold] = 0.0
        assert np.array_equal(views.table.regrets_of(row, count), expected)
    assert np.count_nonzero(views.rows.view(np.float32)) == sum(row[1] - 1 for row in rows)


def nuts_bucket(built, street):
    """Return the bucket of four tens, which nothing beats on this board."""
    hand = np.array([ROYAL.parse("ThTc")], np.uint8)
    (bucket,) = built.hole_cards.buckets(0, street, hand, ROYAL.parse("AhKhQdTsTd"))
    return int(bucket)


# --- runs --------------------------------------------------------------------------------

WAYS = {
    "one worker": [],
    "two workers": ["--num-workers", "2"],
    "deterministic": ["--num-workers", "2", "--mode", "deterministic"],
    "compact": ["--set", "table.compact=true"],
    "dcfr": ["--set", "algorithm.weighting=dcfr"],
    "three players": ["--set", "game.players=3"],
}


@pytest.mark.parametrize("way", first_cases(WAYS.values()), ids=WAYS)
def test_no_policy_of_a_run_folds_what_cannot_lose(tmp_path, files, way):
    path, run = config_in(tmp_path, files), tmp_path / "run"
    command = ["train", "-c", str(path), "--logdir", str(run), "--num-workers", "1", *way]
    assert main(command) == 0
    stored = load_table(str(run))
    nuts = nuts_bucket(stored.game, 3)
    kept, others = (folds(stored, bucket) for bucket in (nuts, max(0, nuts - 4)))
    assert len(kept) > 10
    assert max(kept) == 0.0
    assert np.mean(others) > 0.05


def folds(stored, bucket):
    """Return the shares of folds in a bucket's sums and in its regrets, where it has some."""
    found = []
    for row, count, fold in rows_that_may_fold(stored.game.betting, 3, bucket):
        sums = stored.table.sums_of(row, count)
        regrets = np.maximum(stored.table.regrets_of(row, count), 0.0)
        found += [each[fold] / each.sum() for each in (sums, regrets) if each.sum() > 0.0]
    return found
