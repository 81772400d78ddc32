"""Run any algorithm on a game, in this process, and read what it learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from plain_settings import algorithm_settings, engine_settings

from cfr_shm.algorithms import AlgorithmSettings
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.evaluation.best_response import Evaluation, evaluate
from cfr_shm.games.game import Game
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_UTILITY
from cfr_shm.memory.tables import TrainingViews, private_views
from cfr_shm.strategy.average import Strategy


@dataclass
class VectorRun:
    game: Game
    views: TrainingViews
    runner: TaskRunner
    result: np.ndarray

    @property
    def utility_sums(self) -> np.ndarray:
        return self.result[RESULT_UTILITY:]

    def strategy(self) -> Strategy:
        return Strategy.from_table(self.game, self.views.table)

    def evaluate(self) -> Evaluation:
        return evaluate(self.game, self.strategy())


def settings_for(game: Game, name: str, seed: int = 0, **options) -> EngineSettings:
    parameters = {key: options.pop(key) for key in list(options) if key in PARAMETERS}
    return engine_settings(
        game,
        seed=seed,
        algorithm=algorithm_settings(name=name, **parameters),
        **options,
    )


PARAMETERS = set(AlgorithmSettings.__dataclass_fields__) - {"name"}


def train(game: Game, name: str, iterations: int, *, compact: bool = False, **options) -> VectorRun:
    settings = settings_for(game, name, **options)
    views = private_views(game, 1, settings.algorithm.state_planes, compact=compact)
    runner = TaskRunner(settings, views, 0)
    result = runner.run(0, iterations).copy()
    assert result[RESULT_ITERATIONS] == iterations
    return VectorRun(game, views, runner, result)
