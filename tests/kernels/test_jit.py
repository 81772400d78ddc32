"""The kernel cache: its key, damage to it, and running without it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plain_settings import algorithm_settings
from production import compiled_once, train

from cfr_shm.kernels import jit, warm
from cfr_shm.kernels.jit import JIT_DISABLED, cache_key, cache_root
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.task import Task

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")

COMPILE = "from cfr_shm.kernels.warm import compile_kernels; compile_kernels(print)"


def compile_in_new_process(directory, **environment):
    finished = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={**os.environ, "CFR_SHM_CACHE_DIR": str(directory), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_key_follows_the_sources(tmp_path, monkeypatch):
    package = tmp_path / "cfr_shm"
    callees = [package / "kernels" / "parts" / "rng.py", package / "layout" / "tree.py"]
    for callee in callees:
        callee.parent.mkdir(parents=True)
        callee.write_text("B = 1\n")
    monkeypatch.setattr(jit, "_PACKAGE", package)
    first = cache_key()
    assert cache_key() == first
    for callee in callees:
        callee.write_text("B = 2\n")
        changed = cache_key()
        assert changed != first
        first = changed


def test_the_key_follows_where_a_source_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_PACKAGE", tmp_path)
    for room in ("parts", "tables"):
        (tmp_path / "kernels" / room).mkdir(parents=True)
    source = tmp_path / "kernels" / "parts" / "rng.py"
    source.write_text("B = 1\n")
    first = cache_key()
    source.rename(tmp_path / "kernels" / "tables" / "rng.py")
    assert cache_key() != first


def test_the_key_reads_every_kernel_there_is():
    named = {path.name for path in jit.kernel_sources()}
    assert {"external.py", "rng.py", "equity.py", "rows.py", "jit.py"} <= named


def test_the_key_follows_bounds_checking(monkeypatch):
    first = cache_key()
    monkeypatch.setattr(jit.numba_config, "BOUNDSCHECK", 0 if jit.numba_config.BOUNDSCHECK else 1)
    assert cache_key() != first


def test_the_cache_lies_where_it_is_told(monkeypatch):
    monkeypatch.setenv("CFR_SHM_CACHE_DIR", "/somewhere")
    assert cache_root() == Path("/somewhere")
    monkeypatch.delenv("CFR_SHM_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    if sys.platform == "linux":
        assert cache_root() == Path("/elsewhere/cfr-shm")


@needs_compilation
def test_row_21_a_damaged_cache_is_built_again(tmp_path):
    """Cold, warm, a flipped bit, a truncated index, then warm again: one process each."""
    assert "compiling kernels (once" in compile_in_new_process(tmp_path)
    assert compile_in_new_process(tmp_path) == ""
    code = max(tmp_path.rglob("*.nbc"), key=lambda path: path.stat().st_size)
    data = bytearray(code.read_bytes())
    data[len(data) // 2] ^= 1
    code.write_bytes(data)
    assert "damaged" in compile_in_new_process(tmp_path)
    index = next(tmp_path.rglob("*.nbi"))
    index.write_bytes(index.read_bytes()[:40])
    assert "damaged" in compile_in_new_process(tmp_path)
    assert compile_in_new_process(tmp_path) == ""


@needs_compilation
def test_row_21_without_a_writable_cache_kernels_are_compiled_all_the_same(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    assert "cannot be written" in compile_in_new_process(blocked)


def test_a_cache_of_which_nothing_was_noted_is_cold_and_kept(tmp_path, monkeypatch):
    """``cfr-shm buckets`` may come first on a machine: training then compiles the rest."""
    monkeypatch.setattr(warm, "cache_directory", lambda: tmp_path)
    monkeypatch.setattr(warm, "CACHE_USABLE", True)
    (tmp_path / "cards.nbc").write_bytes(b"code")
    assert warm.cache_state() == "cold"
    assert warm._intact(tmp_path)
    warm._record(tmp_path)
    assert warm.cache_state() == "warm"
    (tmp_path / "cards.nbc").write_bytes(b"CODE")
    assert warm.cache_state() == "damaged"


def test_digests_name_every_cache_file(tmp_path):
    (tmp_path / "a.nbc").write_bytes(b"code")
    warm._record(tmp_path)
    assert warm._intact(tmp_path)
    (tmp_path / "new.nbc").write_bytes(b"another process is compiling")
    assert warm._intact(tmp_path)
    (tmp_path / "a.nbc").write_bytes(b"CODE")
    assert not warm._intact(tmp_path)


@needs_compilation
def test_warming_up_compiles_exactly_what_is_used():
    """Training, the finite check, evaluation and export add no specialisation."""
    from cfr_shm.evaluation.best_response import evaluate
    from cfr_shm.games.small.leduc import leduc
    from cfr_shm.kernels.tables import average, best_response, finite
    from cfr_shm.kernels.training import external as traverse
    from cfr_shm.memory.tables import allocate_scratch, check_finite, private_views
    from cfr_shm.strategy.average import Strategy

    kernels = [
        traverse.external_sampling,
        average.average_strategy,
        finite.first_not_finite,
        best_response.reach_probability,
        best_response.profile_values,
        best_response.row_reach,
        best_response.best_response,
    ]
    warm.compile_kernels(print)
    game = leduc()
    views = private_views(game)
    scratch = allocate_scratch(2, 2, game.max_depth, game.max_actions, 8)
    task = traverse_task()
    traverse.external_sampling(
        views.tree, views.deals, views.table, task, scratch, views.control, np.zeros(5)
    )
    check_finite(game, views.rows)
    evaluate(game, Strategy.from_table(game, views.table))
    assert all(map(compiled_once, kernels))


@needs_compilation
def test_warming_up_for_a_compact_table_compiles_what_it_needs():
    from cfr_shm.engine.algorithm_kernels import compile_for
    from cfr_shm.games.small.leduc import leduc
    from cfr_shm.kernels.tables import average, finite
    from cfr_shm.kernels.training import external as traverse
    from cfr_shm.memory.tables import check_finite

    kernels = [traverse.external_sampling, average.average_strategy, finite.first_not_finite]
    warm.compile_kernels(print, compact=True)
    compile_for(algorithm_settings(), compact=True)
    before = [len(kernel.signatures) for kernel in kernels]
    train(leduc(), 64, seed=1, linear=True, compact=True).strategy()
    check_finite(leduc(), np.zeros(table_words(leduc().table_entries, True)), compact=True)
    assert [len(kernel.signatures) for kernel in kernels] == before


@needs_compilation
def test_warming_up_compiles_exactly_the_betting_kernels_that_are_used():
    from cfr_shm.config.load import load_config
    from cfr_shm.games.holdem.betting import Hand
    from cfr_shm.games.holdem.build import rules_of
    from cfr_shm.games.registry import load_game
    from cfr_shm.kernels.holdem import betting, betting_tree

    config = load_config("pushfold")
    load_game(config.game, abstraction=config.abstraction)
    Hand(rules_of(config.game)).apply(0)
    kernels = [betting.begin_hand, betting.legal_range, betting.play_move, betting.settle_hand]
    kernels.append(betting_tree.walk_tree)
    assert [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)


def traverse_task():
    return Task(1, 0, 64, 16, 0, 0, 8)
