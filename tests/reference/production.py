"""Run the production kernel on a game, in this process, and read what it learnt."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from poker_rules import Line, Rules

from cfr_shm.games.game import Game
from cfr_shm.kernels.training.external import (
    external_sampling,
    external_sampling_with_options,
)
from cfr_shm.layout.rows import table_words
from cfr_shm.layout.table import Table
from cfr_shm.layout.task import (
    RESULT_ITERATIONS,
    RESULT_UTILITY,
    UPDATE_PLAIN,
    WEIGHT_LINEAR,
    WEIGHT_VANILLA,
    Task,
)
from cfr_shm.layout.tree import DECISION, Tree
from cfr_shm.memory.tables import TrainingViews, allocate_scratch, private_views, table_of
from cfr_shm.strategy.average import Strategy


@dataclass
class Run:
    game: Game
    views: TrainingViews
    utility_sums: np.ndarray

    @property
    def table(self) -> Table:
        return self.views.table

    def strategy(self) -> Strategy:
        return Strategy.from_table(self.game, self.table)


def train(
    game: Game,
    iterations: int,
    *,
    seed: int,
    linear: bool,
    in_flight: int = 1,
    window: int = 64,
    compact: bool = False,
    deals_apart: bool = False,
) -> Run:
    views = private_views(game, compact=compact)
    scratch = allocate_scratch(
        game.player_count, game.street_count, game.max_depth, game.max_actions, in_flight
    )
    weighting = WEIGHT_LINEAR if linear else WEIGHT_VANILLA
    task = Task(seed, 0, iterations, window, weighting, UPDATE_PLAIN, 8)
    task = task._replace(deals_apart=int(deals_apart))
    kernel = external_sampling_with_options if deals_apart else external_sampling
    result = np.zeros(RESULT_UTILITY + game.player_count)
    kernel(views.for_kernel(scratch), task, result)
    assert result[RESULT_ITERATIONS] == iterations
    return Run(game, views, result[RESULT_UTILITY:])


def compiled_once(kernel: Any) -> bool:
    """Tell whether a kernel was compiled once, and once more at most for compact tables."""
    names = inspect.signature(kernel.py_func).parameters
    layouts = [any(map(_is_compact, names, signature)) for signature in kernel.signatures]
    return layouts.count(False) == 1 and layouts.count(True) <= 1


def _is_compact(name: str, kind: Any) -> bool:
    if name == "strategy_sum":
        return str(kind.dtype) == "float32"
    fields = getattr(getattr(kind, "instance_class", None), "_fields", ())
    parts = getattr(kind, "types", ())
    return any(map(_is_compact, fields or itertools.repeat(""), parts))


def rows_of(tree: Tree, bucket_count: np.ndarray) -> list[tuple[int, int]]:
    """List the first entry and the actions of every row, once for each node that uses it."""
    found = []
    for node in tree.nodes[tree.nodes["kind"] == DECISION]:
        base, stride = int(node["row_base"]), int(node["row_stride"])
        buckets = int(bucket_count[node["actor"], node["street"]]) if stride else 1
        found += [(base + bucket * stride, int(node["count"])) for bucket in range(buckets)]
    return found


def table_with(game: Game, sums: np.ndarray, *, compact: bool = False) -> Table:
    """Make a table of strategy sums given by entry, ``sums[row + action]``."""
    table = table_of(np.zeros(table_words(game.table_entries, compact)), compact)
    for row, count in rows_of(game.tree, game.deals.bucket_count):
        table.sums_of(row, count)[:] = sums[row : row + count]
    return table


def node_of_lines(game: Game, rules: Rules) -> dict[Line, int]:
    """Walk the tree and the rules together: both list actions as fold, call, raise."""
    found = {rules.first_line: 0}
    todo = [rules.first_line]
    while todo:
        line = todo.pop()
        for index, action in enumerate(rules.spot(line).actions):
            child = rules.after(line, action)
            found[child] = int(game.tree.nodes[found[line]]["first_child"]) + index
            todo.append(child)
    assert sorted(found.values()) == list(range(len(game.tree.nodes)))
    return found
