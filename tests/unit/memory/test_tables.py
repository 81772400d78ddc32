"""Views of a training arena: what is there, who may write, one type for every kernel."""

from __future__ import annotations

import numpy as np
import pytest
from production import compiled_once

from cfr_shm.errors import MemoryReserveError, NotFiniteError
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.tables.finite import first_not_finite
from cfr_shm.layout.control import control_words
from cfr_shm.layout.rows import first_regret, first_sum, table_words
from cfr_shm.layout.scratch import LANE_WORDS
from cfr_shm.layout.tree import DECISION, Tree
from cfr_shm.memory import tables
from cfr_shm.memory.arena import Arena
from cfr_shm.memory.limits import Limit
from cfr_shm.memory.tables import (
    allocate_scratch,
    check_finite,
    create_training_arena,
    private_views,
    table_of,
    training_views,
)

GAMES = {"kuhn": kuhn, "leduc": leduc, "synthetic": lambda: synthetic(buckets=7, streets=2)}


@pytest.fixture(params=GAMES)
def game(request):
    return GAMES[request.param]()


@pytest.fixture
def arena(game):
    with create_training_arena(game, 3, "f" * 64) as made:
        yield made


def all_arrays(views):
    return [*views.tree, *deal_arrays(views.deals), *views.table[:2], views.control, views.rows]


def deal_arrays(deals):
    return [*deals[1:-1], *deals.cards]


def test_tree_and_deals_are_the_games(game, arena):
    for views in (training_views(arena), private_views(game, 3)):
        for field in Tree._fields:
            assert np.array_equal(getattr(views.tree, field), getattr(game.tree, field))
        for seen, made in zip(deal_arrays(views.deals), deal_arrays(game.deals), strict=True):
            assert np.array_equal(seen, made)
        assert views.deals.kind == game.deals.kind
        assert isinstance(views.deals.kind, int)
        assert views.rows.shape == (table_words(game.table_entries),)
        assert not views.rows.any()
        assert views.control.shape == (control_words(3),)
        assert not views.control.any()


def test_tree_and_deals_are_read_only_rows_and_control_are_not(game, arena):
    for views in (training_views(arena), private_views(game)):
        shared = [*views.tree, *deal_arrays(views.deals)]
        assert not any(array.flags.writeable for array in shared)
        assert all(array.flags.writeable for array in (*views.table[:2], views.control, views.rows))


def test_shared_and_private_views_have_one_type(game, arena):
    """Otherwise every kernel would be compiled twice."""
    attached = Arena.attach(arena.name)
    created, seen, private = (
        all_arrays(views)
        for views in (training_views(arena), training_views(attached), private_views(game, 3))
    )
    for arrays in zip(created, seen, private, strict=True):
        kinds = {
            (a.dtype, a.ndim, a.flags.writeable, a.flags.aligned, a.flags.c_contiguous)
            for a in arrays
        }
        assert len(kinds) == 1


@pytest.mark.skipif(JIT_DISABLED, reason="compiles")
def test_shared_and_private_views_have_one_type_for_numba(game, arena):
    import numba

    assert numba.typeof(training_views(arena)) == numba.typeof(private_views(game, 3))


def test_attached_views_share_rows_and_control(arena):
    here, there = training_views(arena), training_views(Arena.attach(arena.name))
    here.table.regret[5] = 2.5
    here.control[0] = 1
    assert there.table.regret[5] == 2.5
    assert there.rows[2] == here.rows[2] != 0.0
    assert there.control[0] == 1


def test_control_lines_lie_on_cache_lines(arena):
    assert training_views(arena).control.__array_interface__["data"][0] % 64 == 0


def test_table_is_two_views_of_the_rows():
    rows = np.zeros(6)
    table = table_of(rows)
    table.strategy_sum[1] = 4.0
    table.regret[4:6] = (1.5, -1.5)
    assert rows[1] == 4.0
    assert rows.view(np.float32)[4:6].tolist() == [1.5, -1.5]


def test_private_memory_is_asked_for_first(monkeypatch):
    monkeypatch.setattr(tables, "private_limits", lambda: [Limit("the box", 1000, "enlarge it")])
    with pytest.raises(MemoryReserveError, match="but the box has only 1000 bytes left"):
        private_views(leduc())


def test_error_while_filling_leaves_no_segment(monkeypatch):
    made = []
    create = Arena.create

    def recorded(specs, fingerprint):
        made.append(create(specs, fingerprint))
        monkeypatch.setattr(made[0], "array", None)
        return made[0]

    monkeypatch.setattr(tables.Arena, "create", recorded)
    with pytest.raises(TypeError):
        create_training_arena(kuhn(), 1, "")
    with pytest.raises(Exception, match="no such segment"):
        Arena.attach(made[0].name)


def test_scratch_has_a_frame_more_than_a_path_has_decisions():
    """An opponent's policy is written below the traverser's last frame."""
    scratch = allocate_scratch(3, 2, max_depth=5, max_actions=4, in_flight=8)
    assert scratch.lane_state.shape == (8, LANE_WORDS)
    assert scratch.lane_bucket.shape == (8, 3, 2)
    assert scratch.lane_strength.shape == (8, 3)
    assert scratch.frame_state.shape[0] == 8 * (5 + 1)
    assert scratch.frame_policy.shape == scratch.frame_value.shape == (8 * (5 + 1), 4)


# --- the finite check --------------------------------------------------------------------


def rows_of(game):
    """Yield the first entry and the actions of every row of a game."""
    nodes = game.tree.nodes
    for node in nodes[nodes["kind"] == DECISION]:
        buckets = game.deals.bucket_count[node["actor"], node["street"]]
        for bucket in range(buckets if node["row_stride"] else 1):
            yield int(node["row_base"]) + bucket * int(node["row_stride"]), int(node["count"])


def extreme_rows(game) -> np.ndarray:
    rows = np.zeros(table_words(game.table_entries))
    table = table_of(rows)
    for row, actions in rows_of(game):
        table.sums_of(row, actions)[:] = 1e300
        table.regrets_of(row, actions)[:] = -3e38
    return rows


def test_finite_table_passes(game):
    check_finite(game, np.zeros(table_words(game.table_entries)))
    check_finite(game, extreme_rows(game))


def test_regret_that_is_nan_though_its_word_is_not():
    """Two float32 make a word that, read as float64, says nothing about them."""
    game = kuhn()
    rows = np.zeros(table_words(game.table_entries))
    row, actions = next(rows_of(game))
    table_of(rows).regrets_of(row, actions)[0] = np.nan
    assert np.isfinite(rows).all()
    with pytest.raises(NotFiniteError, match=r"regret\["):
        check_finite(game, rows)


def test_entries_between_rows_are_not_looked_at():
    game = leduc()
    rows = np.full(table_words(game.table_entries), np.nan)
    for row, actions in rows_of(game):
        table_of(rows).sums_of(row, actions)[:] = 0.0
        table_of(rows).regrets_of(row, actions)[:] = 0.0
    assert np.isnan(rows).any()
    check_finite(game, rows)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_every_bad_entry_is_found_and_named(game, value):
    rows = np.zeros(table_words(game.table_entries))
    table = table_of(rows)
    places = list(rows_of(game))
    for row, actions in [places[0], places[len(places) // 2], places[-1]]:
        for entry in range(actions):
            sums, regrets = first_sum(row, actions, False), first_regret(row, actions, False)
            cells = (("strategy_sum", sums + entry), ("regret", regrets + entry))
            for name, index in cells:
                getattr(table, name)[index] = value
                with pytest.raises(NotFiniteError) as caught:
                    check_finite(game, rows)
                assert str(caught.value) == (
                    f"{name}[{index}] is {float(value)}, expected a finite number"
                )
                getattr(table, name)[index] = 0.0


def test_table_of_another_size_is_not_walked():
    with pytest.raises(ValueError, match="kuhn takes"):
        check_finite(kuhn(), np.zeros(3))


@pytest.mark.skipif(JIT_DISABLED, reason="counts compiled signatures")
def test_finite_check_is_compiled_once(arena, game):
    rows = np.zeros(table_words(game.table_entries))
    check_finite(game, rows)
    rows.setflags(write=False)
    check_finite(game, rows)
    check_finite(game, training_views(arena).rows)
    assert compiled_once(first_not_finite)
