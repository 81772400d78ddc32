"""Compile every kernel once, before any worker starts, and keep the disk cache honest.

N cold processes would compile N times, so the coordinator compiles and the workers load. A
truncated cache file raises and a flipped bit can crash the process, so the files are digested
when they are written and checked before they are loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.holdem.betting import begin_hand, legal_range, play_move, settle_hand
from cfr_shm.kernels.holdem.betting_tree import walk_tree
from cfr_shm.kernels.jit import CACHE_USABLE, JIT_DISABLED, cache_directory
from cfr_shm.kernels.tables.average import average_strategy
from cfr_shm.kernels.tables.best_response import (
    NOBODY,
    best_response,
    profile_values,
    reach_probability,
    row_reach,
)
from cfr_shm.kernels.tables.finite import FOUND_WORDS, first_not_finite
from cfr_shm.kernels.tables.statistics import COLUMNS, table_statistics
from cfr_shm.layout.betting import CALL, NO_LIMIT, BettingRules, betting_words
from cfr_shm.layout.betting_tree import TREE_COUNTS, TREE_FRAME_WORDS, Menu, TreeArrays, TreeWalk
from cfr_shm.layout.cards import CARD_ARRAYS, CardDeals
from cfr_shm.layout.deals import DEALS_TABLE, Deals
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import DECISION, NODE_DTYPE, TERMINAL, Tree

DIGESTS = "digests.json"

#: Trees are built often; the digests of the cache need to be looked at only once.
_betting_is_ready = False


def compile_kernels(announce: Callable[[str], None], compact: bool = False) -> None:
    """Make what every run needs ready: load it from the cache, or compile it and fill the cache.

    The kernels that train are not among them (``engine.algorithm_kernels``): who looks at a run
    does not wait for them. Kernels differ by the layout of the table, which ``compact`` tells.
    ``announce`` is told once if anything has to be compiled, which takes some seconds. A damaged
    cache is deleted and built again; one that cannot be written is done without.
    """
    said = "compiling kernels (once for this version and machine, about 4 s) ..."
    _make_ready(lambda: _call_all(compact), "average", said, announce)


def compile_betting_kernels(announce: Callable[[str], None] | None) -> None:
    """Make the betting rules and the tree builder of hold'em ready, as ``compile_kernels`` does.

    Apart from the others, so that no other game waits for them: they take half as long again.
    """
    global _betting_is_ready
    if not _betting_is_ready:
        said = "compiling the kernels of hold'em (once, about 8 s) ..."
        _make_ready(_call_betting, "betting_tree", said, announce or (lambda _: None))
        _betting_is_ready = True


def _make_ready(
    call: Callable[[], None], module: str, said: str, announce: Callable[[str], None]
) -> None:
    """Call kernels for the first time; tell ``said`` if none of ``module`` is in the cache."""
    if JIT_DISABLED:
        return
    directory = cache_directory()
    if not CACHE_USABLE:
        announce(f"kernel cache {directory} cannot be written: compiling in every process")
    elif _cache_files(directory) and not _intact(directory):
        announce("kernel cache is damaged: compiling the kernels again")
        _empty(directory)
    elif not any(directory.rglob(f"{module}.*.nbi")):
        announce(said)
    try:
        call()
    except Exception:
        if not CACHE_USABLE:
            raise
        announce("kernel cache is damaged: compiling the kernels again")
        _empty(directory)
        call()
    if CACHE_USABLE:
        _record(directory)


def cache_state() -> str:
    """Return "warm", "cold", "damaged" or "unusable", without compiling or loading anything."""
    directory = cache_directory()
    if not CACHE_USABLE:
        return "unusable"
    if not (directory / DIGESTS).exists() or not _cache_files(directory):
        return "cold"
    return "warm" if _intact(directory) else "damaged"


def record_cache() -> None:
    """Note the digests of all that is in the cache now, to be checked before it is loaded."""
    if CACHE_USABLE:
        _record(cache_directory())


def _cache_files(directory: Path) -> list[Path]:
    return sorted(p for p in directory.rglob("*") if p.suffix in (".nbi", ".nbc"))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _intact(directory: Path) -> bool:
    """Tell whether every file that the digests name is there and unchanged.

    Nothing was noted yet where only kernels of cards were compiled, by ``buckets`` for example.
    """
    if not (directory / DIGESTS).exists():
        return True
    try:
        recorded = json.loads((directory / DIGESTS).read_text())
        return all(_digest(directory / name) == digest for name, digest in recorded.items())
    except (OSError, ValueError, AttributeError):
        return False


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _record(directory: Path) -> None:
    digests = {str(p.relative_to(directory)): _digest(p) for p in _cache_files(directory)}
    temporary = directory / f"{DIGESTS}.{os.getpid()}"
    try:
        temporary.write_text(json.dumps(digests))
        temporary.replace(directory / DIGESTS)
    except OSError:
        temporary.unlink(missing_ok=True)


def _call_all(compact: bool) -> None:
    """Call each kernel on the smallest input: compiling is what the first call does.

    Every array is as writable as where the kernel is used: Numba takes a read-only array for
    another type and would compile a second time.
    """
    tree, deals = _tiny_game()
    rows = np.zeros(table_words(2, compact))
    table = Table(rows.view(np.float32) if compact else rows, rows.view(np.float32))
    sums, regret = _read_only(table.strategy_sum), _read_only(table.regret)
    first_not_finite(tree.nodes, deals.bucket_count, sums, regret, np.zeros(FOUND_WORDS, np.int64))
    probability = np.zeros(2)
    average_strategy(tree.nodes, deals.bucket_count, sums, probability, np.zeros(2))
    table_statistics(tree.nodes, deals.bucket_count, sums, regret, np.zeros((1, COLUMNS)))
    policy = _read_only(probability)
    pair = np.zeros((tree.nodes.shape[0], 1))
    reach_probability(tree, deals, policy, NOBODY, pair)
    profile_values(tree, deals, pair, np.zeros(2))
    row_reach(tree, deals, pair, np.zeros(2))
    moves = np.zeros(tree.nodes.shape[0], np.int32)
    best_response(tree, deals, policy, 0, moves, pair, np.zeros(2))


def _call_betting() -> None:
    """Play a hand and build a tree, each the smallest there is."""
    _play_tiny_hand(_tiny_rules())
    _walk_tiny_tree(_tiny_rules())


def _tiny_rules() -> BettingRules:
    stack, one, left = np.array([4, 4]), np.ones(2, np.int64), np.zeros(1, np.int64)
    for array in (stack, one, left):
        array.flags.writeable = False
    return BettingRules(
        stack, one, one, left, one, one, NO_LIMIT, 0, 0, 0.0, 0, 0, left, players=2, streets=1
    )


def _play_tiny_hand(rules: BettingRules) -> None:
    state = np.zeros((1, betting_words(2)), np.int64)
    begin_hand(rules, state)
    legal_range(rules, state, np.zeros(3, np.int64))
    play_move(rules, state, CALL)
    play_move(rules, state, CALL)
    settle_hand(rules, state, *(np.zeros(2, np.int64) for _ in range(3)))


def _walk_tiny_tree(rules: BettingRules) -> None:
    """Walk a tree of checks and calls: the menu has no size."""
    nothing, levels = np.zeros(0, np.int64), np.zeros((2, 1, 1), np.int64)
    values, caps = np.zeros(0), np.zeros((2, 1), np.int64)
    buckets = np.ones((2, 1), np.int64)
    for array in (nothing, levels, values, caps, buckets):
        array.flags.writeable = False
    menu = Menu(nothing, values, levels, levels, caps, 3, 0, 1.5, 1.0, 0, 1, 2, 2)
    walk = TreeWalk(
        state=np.zeros((4, betting_words(2)), np.int64),
        moves=np.zeros((4, 3), np.int64),
        frame=np.zeros((4, TREE_FRAME_WORDS), np.int64),
        counts=np.zeros(TREE_COUNTS, np.int64),
        decisions=np.zeros((1, 2, 4), np.int64),
        own_moves=np.zeros((2, 2), np.int64),
        used=np.zeros(0, np.int64),
        amount=np.zeros(2, np.int64),
        players_mask=np.zeros(2, np.int64),
    )
    arrays = TreeArrays(
        nodes=np.zeros(0, NODE_DTYPE),
        move=np.zeros(0, np.int64),
        parent=np.zeros(0, np.int32),
        utility=np.zeros((0, 2)),
        pot_amount=np.zeros(0),
        pot_players=np.zeros(0, np.int64),
        payoff_slot=np.zeros(1, np.int32),
        pot_slot=np.zeros(1, np.int32),
    )
    walk_tree(rules, menu, buckets, walk, arrays, 100)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view


def _tiny_game() -> tuple[Tree, Deals]:
    """Return one decision between two terminal nodes, typed as every real game is."""
    nodes = np.zeros(3, NODE_DTYPE)
    nodes["kind"] = (DECISION, TERMINAL, TERMINAL)
    nodes["count"][0] = 2
    nodes["first_child"][0] = 1
    nodes["row_stride"][0] = 2
    tree = Tree(nodes, np.zeros((1, 2)), np.zeros(1), np.zeros(1, np.int64), np.ones(1))
    deals = Deals(
        kind=DEALS_TABLE,
        probability=np.ones(1),
        alias_threshold=np.ones(1),
        alias_other=np.zeros(1, np.int32),
        bucket=np.zeros((1, 2, 1), np.int32),
        strength=np.zeros((1, 2), np.int32),
        bucket_count=np.ones((2, 1), np.int64),
        cards=CardDeals(*(np.zeros((1,) * rank, dtype) for dtype, rank in CARD_ARRAYS.values())),
    )
    for array in (*tree, *deals[1:-1], *deals.cards):
        array.flags.writeable = False
    return tree, deals
