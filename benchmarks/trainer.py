"""A game, its table and one kernel call: what the kernel benchmarks time."""

from __future__ import annotations

import numpy as np
from plain_settings import algorithm_settings, engine_settings

from cfr_shm.engine.discounts import DiscountPlan
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.game import Game
from cfr_shm.kernels.training.external import external_sampling
from cfr_shm.layout.task import RESULT_NODES, RESULT_UTILITY, UPDATE_PLAIN, WEIGHT_VANILLA, Task
from cfr_shm.memory.tables import allocate_scratch, private_views
from cfr_shm.strategy.average import Strategy


class KernelTrainer:
    """Trains one game on one core, in this process, without the engine around the kernel."""

    def __init__(
        self,
        game: Game,
        in_flight: int = 1,
        weighting: int = WEIGHT_VANILLA,
        update: int = UPDATE_PLAIN,
        seed: int = 1,
        compact: bool = False,
    ) -> None:
        """Allocate the table in private memory and compile the kernel."""
        self.game = game
        self.views = private_views(game, 1, compact=compact)
        self.scratch = allocate_scratch(
            game.player_count, game.street_count, game.max_depth, game.max_actions, in_flight
        )
        self.result = np.zeros(RESULT_UTILITY + game.player_count)
        self.settings = (1024, weighting, update, 8)
        self.seed = seed
        self.done = 0
        self.run(0)

    def run(self, count: int) -> int:
        """Run ``count`` more iterations and return the nodes visited."""
        task = Task(self.seed, self.done, count, *self.settings)
        external_sampling(self.views.for_kernel(self.scratch), task, self.result)
        self.done += count
        return int(self.result[RESULT_NODES])


class AlgorithmTrainer:
    """Trains one game by any algorithm on one core, as a worker's task runner does."""

    def __init__(self, game: Game, name: str, seed: int = 1, weighting: str = "vanilla") -> None:
        """Allocate the tables in private memory and compile the kernels."""
        algorithm = algorithm_settings(name=name)
        settings = engine_settings(
            game,
            seed=seed,
            weighting=weighting,  # type: ignore[arg-type]
            algorithm=algorithm,
        )
        self.game = game
        self.views = private_views(game, 1, algorithm.state_planes)
        self.runner = TaskRunner(settings, self.views, 0)
        self.done = 0
        self.run(0)

    def run(self, count: int) -> int:
        """Run ``count`` more iterations and return the nodes visited."""
        result = self.runner.run(self.done, count)
        self.done += count
        return int(result[RESULT_NODES])

    def discount(self, interval: int, alpha: float, beta: float, gamma: float) -> None:
        """Discount the table, as a run does after every ``interval`` iterations."""
        DiscountPlan(interval, None, alpha, beta, gamma).apply(self.views, self.done)

    def exploitability(self) -> float:
        """Return the exploitability of the average strategy, in chips."""
        strategy = Strategy.from_table(self.game, self.views.table)
        return evaluate(self.game, strategy).exploitability
