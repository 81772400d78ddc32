"""Make the kernels ready that every run needs: load what is stored, compile the rest, and tell.

N cold processes would compile N times, so the coordinator compiles and the workers load
(``kernels.cache``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.announcing import announced, tell_of_compiling
from cfr_shm.kernels.cache import WHY_UNUSABLE, NotStoredError, only_stored, telling
from cfr_shm.kernels.holdem.betting import begin_hand, legal_range, play_move, settle_hand
from cfr_shm.kernels.holdem.betting_tree import walk_tree
from cfr_shm.kernels.jit import JIT_DISABLED
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

#: Trees are built often; the kernels of betting need to be looked at only once.
_betting_is_ready = False

#: Why the cache is not used has been told.
_told = False


def compile_kernels(announce: Callable[[str], None], compact: bool = False) -> None:
    """Make what every run needs ready: load it from the cache, or compile it and fill the cache.

    The kernels that train are not among them (``engine.algorithm_kernels``): who looks at a run
    does not wait for them. Kernels differ by the layout of the table, which ``compact`` tells.
    ``announce`` is told once if anything has to be compiled, which takes some seconds. What is
    damaged is compiled again; a cache that cannot be used is done without.
    """
    said = "compiling kernels (once for this version and machine, about 4 s) ..."
    make_ready(lambda: _call_all(compact), said, announce)


def compile_kernels_of_readers(announce: Callable[[str], None], compact: bool = False) -> None:
    """Do what ``compile_kernels`` does for who looks at a run: what else it needs is told too.

    From now on ``announce`` is told, once for each kind, when kernels are called that have to be
    compiled then.
    """
    compile_kernels(announce, compact)
    tell_of_compiling(announce)


def compile_betting_kernels(announce: Callable[[str], None] | None) -> None:
    """Make the betting rules and the tree builder of hold'em ready, as ``compile_kernels`` does.

    Apart from the others, so that no other game waits for them: they take twice as long.
    """
    global _betting_is_ready
    if not _betting_is_ready:
        said = "compiling the kernels of hold'em (once, about 8 s) ..."
        make_ready(_call_betting, said, announce or (lambda _: None))
        _betting_is_ready = True


def make_ready(call: Callable[[], None], said: str, announce: Callable[[str], None]) -> None:
    """Call kernels for the first time; tell ``said`` if any of them has to be compiled.

    Args:
        call: calls them; twice where any is not stored.
        said: what takes so long.
        announce: is told.
    """
    if JIT_DISABLED:
        return
    global _told
    if WHY_UNUSABLE and not _told:
        _told = True
        announce(f"{WHY_UNUSABLE}: compiling in every process")
    with telling(announce):
        try:
            with only_stored():
                call()
        except NotStoredError:
            announce(said)
            with announced():
                call()


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
