"""``cfr-shm estimate``: the sizes are the game's own, what does not fit is refused, as by train."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cfr_shm.cli import main as cli
from cfr_shm.config.load import load_config
from cfr_shm.config.shipped import find_config
from cfr_shm.games.registry import load_game
from cfr_shm.games.trees.visits import row_visits, uniform_visits
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.tree import CHANCE, DECISION
from cfr_shm.memory.limits import Limit
from cfr_shm.memory.tables import create_training_arena
from cfr_shm.ranks.alone import Alone
from cfr_shm.ranks.exchange import Exchange
from cfr_shm.run import forecast
from cfr_shm.run.forecast import game_of, sizes_of
from cfr_shm.run.schedule import History, history_length


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(forecast, "MEASURED_SECONDS", 0.01)


def estimate(capsys, *arguments):
    code = cli.main(["estimate", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def plain_visits(tree, node=0, reach=None, found=None):
    """Reach of each decision node by all but its actor, by recursion."""
    players = tree.utility.shape[1]
    reach = [1.0] * players if reach is None else reach
    found = {} if found is None else found
    record = tree.nodes[node]
    first, count = int(record["first_child"]), int(record["count"])
    if record["kind"] == DECISION:
        actor = int(record["actor"])
        found[node] = reach[actor]
        below = [each if p == actor else each / count for p, each in enumerate(reach)]
        for child in range(first, first + count):
            plain_visits(tree, child, below, found)
    elif record["kind"] == CHANCE:
        detail = int(record["detail"])
        ends = [0.0, *tree.outcome_cumulative[detail : detail + count].tolist()]
        for place in range(count):
            share = ends[place + 1] - ends[place]
            plain_visits(tree, first + place, [each * share for each in reach], found)
    return found


@pytest.mark.parametrize("game", ["kuhn", "leduc", "liars_dice", "goofspiel", "pushfold"])
def test_visits_are_the_reach_by_everybody_else(game):
    config = load_config(
        None if game == "kuhn" else game, overrides=["game.name=kuhn"] * (game == "kuhn")
    )
    loaded = load_game(config.game, None, config.abstraction)
    expected = plain_visits(loaded.tree)
    found = uniform_visits(loaded.tree)
    assert np.flatnonzero(found).tolist() == sorted(expected)
    assert np.allclose(found[sorted(expected)], [expected[node] for node in sorted(expected)])
    per_row, rows = row_visits(loaded.tree, loaded.deals.bucket_count)
    assert np.isclose((per_row * rows).sum(), sum(expected.values()))


@pytest.mark.parametrize(
    ("game", "infosets", "entries"), [("kuhn", 12, 24), ("leduc", 288, 672), ("pushfold", 338, 676)]
)
def test_sizes_are_those_of_the_game(quick, capsys, game, infosets, entries):
    code, found = estimate(capsys, "-c", game, "--visits", "10")
    config = load_config(game)
    loaded = load_game(config.game, None, config.abstraction)
    assert code == 0
    assert (found["infosets"], found["entries"]) == (infosets, entries)
    assert found["nodes"] == len(loaded.tree.nodes)
    assert found["table_bytes"] == loaded.table_bytes
    assert found["fits"] is True
    assert found["rate"]["iterations_per_second"] > 0
    visits = found["visits"]
    rate = found["rate"]["iterations_per_second"] * found["workers"]
    assert visits["hours_mean"] == pytest.approx(
        10 / visits["mean_per_iteration"] / rate / 3600, rel=1e-9
    )
    shares = list(visits["hours_by_share"].values())
    assert shares == sorted(shares)


def test_a_compact_table_takes_two_thirds():
    wide = sizes_of(load_config("hu_small"), None)
    compact = sizes_of(load_config("hu_small", overrides=["table.compact=true"]), None)
    assert 3 * compact.table_bytes == 2 * wide.table_bytes
    for bytes_each, sizes in ((12, wide), (8, compact)):
        gaps = sum(street.decisions for street in sizes.streets) + 15
        assert 0 <= sizes.table_bytes - bytes_each * sizes.entries <= bytes_each * gaps
        assert all(street.bytes == bytes_each * street.entries for street in sizes.streets)


@pytest.mark.parametrize(("workers", "compact"), [(1, False), (2, False), (3, False), (2, True)])
def test_tables_of_the_workers_own_are_counted_as_they_are_reserved(workers, compact):
    config = load_config("leduc", overrides=[f"table.compact={compact}"])
    game = game_of(config)
    sizes = sizes_of(config, game, workers)
    with create_training_arena(game, workers, "", compact=compact) as arena:
        own = [arena.array(name).nbytes for name in arena.names if name.startswith("own_")]
    assert sizes.own_bytes == sum(own)
    assert (sizes.own_bytes > workers * sizes.table_bytes) == (workers > 1 and not compact)
    tables = sizes.table_bytes + sizes.state_bytes + sizes.own_bytes
    assert sizes.needed_bytes == tables + sizes.tree_bytes


@pytest.mark.parametrize(
    ("policy", "gains", "bytes_each"),
    [("end", "mean", 24), ("shrink", "mean", 28), ("shrink", "damped", 32)],
)
def test_what_a_rank_exchanges_is_counted(policy, gains, bytes_each):
    """A message of sums, 8 bytes an entry, three times; 4 more for each of the table, or 8.

    What the exchange reserves is what is counted.
    """
    ranks = ["engine.ranks=mpi", f"engine.on_rank_death={policy}", f"engine.rank_gains={gains}"]
    alone, rank = (load_config("leduc", overrides=each) for each in ([], ranks))
    game = game_of(alone)
    apart, sizes = sizes_of(alone, game), sizes_of(rank, game)
    assert apart.exchange_bytes == 0
    assert sizes.exchange_bytes == bytes_each * 672
    assert sizes.needed_bytes - apart.needed_bytes == bytes_each * 672
    world = Alone()
    world.survives = policy == "shrink"
    sets = row_sets(game.tree, game.deals.bucket_count)
    exchange = Exchange(world, sets, damped=gains == "damped")
    kept = (exchange._beside, exchange._base)
    beside = sum(each.nbytes for each in kept if each is not None)
    assert sizes.exchange_bytes == 24 * max(count for _, count in exchange._chunks) + beside


def test_the_presets_say_their_true_sizes():
    for name in ("hu_small", "hu_standard", "hu_rich", "sixmax_small", "sixmax", "blueprint_5h"):
        config = load_config(name)
        sizes = sizes_of(config, None)
        assert sizes.unused == (), name
        assert sizes.needed_bytes < 4 << 30, name
        text = find_config(name).read_text()
        comment = " ".join(line.lstrip("# ") for line in text.splitlines() if line[:1] == "#")
        assert f"{sizes.nodes:,} nodes, {sizes.infosets:,} infosets, {sizes.entries:,} e" in comment


def test_what_memory_does_not_allow_is_refused_by_both(monkeypatch, capsys, tmp_path):
    small = [Limit("this test", 1000, "do without")]
    monkeypatch.setattr(forecast, "limits_of", lambda config, workers: small)
    refused = "the tables need 3.659 MiB, but this test has only 1000 bytes left; do without"
    told = ["-c", "hu_small", "--set", "abstraction.buckets=default"]
    assert cli.main(["estimate", *told, "--json"]) == 4
    output = capsys.readouterr()
    assert output.err.endswith(f"error: {refused}\n")
    document = json.loads(output.out)
    assert (document["fits"], document["refused"]) == (False, refused)
    run = tmp_path / "run"
    assert cli.main(["train", *told, "--logdir", str(run)]) == 4
    assert capsys.readouterr().err.endswith(f"error: {refused}\n")
    assert not run.exists()


def test_workers_are_those_that_train_takes(quick, monkeypatch, capsys):
    """Sweeps of Leduc are too short for 64 workers to meet in; sampled iterations are not."""
    monkeypatch.setattr("cfr_shm.machine.cores.usable_cores", lambda: 64)
    for algorithm, in_process, expected in (
        ("cfr_plus", "auto", 1),
        ("external_sampling", "auto", 64),
        ("external_sampling", "true", 1),
    ):
        keys = {"algorithm.name": algorithm, "engine.in_process": in_process}
        told = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
        code, document = estimate(capsys, "-c", "leduc", *told)
        assert (code, document["workers"]) == (0, expected)


def test_the_disk_that_a_history_takes_is_counted(quick, capsys):
    """Two newest ones and one being written; at 10, 15, 22.5 ... 113.9 seconds one for good."""
    for keys, newest, history in (
        (("run.time_budget=120",), 3, 7),
        (("run.time_budget=120", "run.keep_history=false"), 3, 0),
        (("run.time_budget=9", "run.keep_checkpoints=5"), 6, 0),
    ):
        told = [word for key in keys for word in ("--set", key)]
        code, document = estimate(capsys, "-c", "hu_small", *told)
        assert code == 0
        expected = (newest + history) * document["table_bytes"]
        assert document["disk"] == {"newest": newest, "history": history, "bytes": expected}


def test_a_history_is_as_long_as_estimated():
    """At an even pace of 1,000 iterations a second, looked at each tenth of one."""
    history, kept = History(True, 0), 0
    for tenth in range(1, 20_000):
        if history.is_due(100 * tenth, tenth / 10):
            history.kept(100 * tenth)
            kept += 1
        # Each is a tenth late at most, and what follows is that much later too.
        assert history_length(tenth / 10) - kept in (0, 1)
    assert kept >= 13


def test_errors_name_the_place_of_the_key(capsys, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("game:\n  name: holdem\nabstraction:\n  preflop: [[200bb]]\n  limp: false\n")
    for command in ("estimate", "train"):
        assert cli.main([command, "-c", str(path)]) == 2
        message = capsys.readouterr().err.splitlines()[-1]
        assert f"{path}:4:12: abstraction.preflop: after 0 raises, seat 0 may only fold" in message


@pytest.mark.parametrize("visits", ["0", "-1", "x", "1e3", "9" * 20, ""])
def test_visits_are_a_whole_number(capsys, visits):
    assert cli.main(["estimate", f"--visits={visits}"]) == 2
    assert "--visits must be a whole number from 1 to" in capsys.readouterr().err
