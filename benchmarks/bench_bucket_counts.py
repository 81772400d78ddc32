"""How often rows must be updated before more card buckets play better: a training of each, matched.

::

    50 buckets --> iterations, again, again --+--> match, all hands on the same boards
    200 buckets -> as many -------------------+    beside how often a row of the 200 was updated

``python -m benchmarks.bench_bucket_counts --results FILE``; docs/adr/0038-buckets-by-time.md has
what was found. One worker, in this process; a few minutes of one core with the defaults.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cfr_shm.config.load import load_config
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.range_match import range_match
from cfr_shm.games.registry import load_game
from cfr_shm.games.trees.visits import row_visits
from cfr_shm.memory.tables import begin_rows, private_views
from cfr_shm.run.setup import settle
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy

FEW, MANY = 50, 200


class Learner:
    """Trains a config with so many buckets a street, and goes on where it was."""

    def __init__(self, config: str, method: str, buckets: int, seed: int) -> None:
        """Load the game, building its buckets if need be."""
        counts = f"abstraction.bucket_counts=[169, {buckets}, {buckets}, {buckets}]"
        said = [f"abstraction.bucket_method={method}", counts, f"run.seed={seed}"]
        chosen = load_config(config, overrides=said)
        engine = replace(chosen.engine, num_workers=1, in_process=True)
        self.game = load_game(chosen.game, print, chosen.abstraction)
        self._views = private_views(self.game, 1)
        begin_rows(self._views, self.game)
        settled = settle(replace(chosen, engine=engine), self.game, Path())
        self._runner = TaskRunner(settled.engine, self._views, 0)
        self._done = 0

    def reach(self, iterations: int) -> TableStrategy:
        """Train up to so many iterations and return the average strategy."""
        self._runner.run(self._done, iterations - self._done)
        self._done = iterations
        return TableStrategy("", self.game, Strategy.from_table(self.game, self._views.table))


def climb(
    config: str, method: str, seed: int, iterations: list[int], boards: int
) -> Iterator[dict[str, Any]]:
    """Train both, and match them at every number of iterations; yield a line for each."""
    few, many = (Learner(config, method, buckets, seed) for buckets in (FEW, MANY))
    visits, rows = row_visits(many.game.tree, many.game.deals.bucket_count)
    updates = float((visits * rows).sum() / np.sum(rows))
    for count in sorted(iterations):
        won = range_match(few.reach(count), many.reach(count), Length(boards, None), workers=1)
        found = won.value.scaled(100.0 / (few.game.big_blind or 1.0))
        yield {
            "config": config,
            "method": method,
            "seed": seed,
            "iterations": count,
            "updates_of_a_row": count * updates,
            "few_v_many_bb100": [found.value, found.high - found.value],
            "boards": boards,
        }


def main() -> None:
    """Climb as told; write each line at once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-c", "--config", default="hu_small")
    parser.add_argument("--method", default="percentile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iters", default="1000000,2000000,4000000,8000000")
    parser.add_argument("--boards", type=int, default=200)
    parser.add_argument("--results", type=Path, required=True)
    given = parser.parse_args()
    counts = [int(each) for each in given.iters.split(",")]
    for line in climb(given.config, given.method, given.seed, counts, given.boards):
        with given.results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
