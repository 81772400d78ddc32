"""Run deterministic mode on several workers within this process, a thread for each."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from plain_settings import algorithm_settings, engine_settings

from cfr_shm.algorithms import AlgorithmSettings
from cfr_shm.engine.freezes import Freezes, plan_freezes
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.games.game import Game
from cfr_shm.kernels.parts.increments import copied_regret
from cfr_shm.memory.tables import private_views


class FrozenCrew:
    """The tables of one run, and its workers; ``copies`` puts the plan's number aside."""

    def __init__(
        self,
        game: Game,
        workers: int = 1,
        freeze: int = 16,
        *,
        algorithm: AlgorithmSettings | None = None,
        weighting: str = "linear",
        in_flight: int = 1,
        seed: int = 5,
        own_increments: bool | None = None,
        compact: bool = False,
    ) -> None:
        algorithm = algorithm_settings() if algorithm is None else algorithm
        plan = plan_freezes(game, algorithm, freeze, workers)
        if own_increments is not None:
            plan = type(plan)(**{**vars(plan), "copies": workers if own_increments else 1})
        self.settings = engine_settings(
            game,
            worker_count=workers,
            seed=seed,
            weighting=weighting,  # type: ignore[arg-type]
            in_flight=in_flight,
            drain_window=freeze,
            algorithm=algorithm,
            freeze=plan,
        )
        self.game, self.plan = game, plan
        self.views = private_views(game, workers, 0, plan, compact)
        self.runners = [TaskRunner(self.settings, self.views, each) for each in range(workers)]
        self.freezes = Freezes(self.settings, self.views)

    def run(self, first: int, count: int) -> np.ndarray:
        """Run a task on all workers; return each one's result."""
        if len(self.runners) == 1:
            return np.array([self.runners[0].run(first, count)])
        results: list[np.ndarray] = [np.zeros(0)] * len(self.runners)

        def work(index: int) -> None:
            results[index] = np.array(self.runners[index].run(first, count))

        for runner in self.runners:
            runner.run(0, 0)
        threads = [threading.Thread(target=work, args=(w,)) for w in range(len(self.runners))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return np.array(results)

    def run_all(self, tasks: Sequence[tuple[int, int]]) -> FrozenCrew:
        for first, count in tasks:
            assert (self.run(first, count)[:, 0] == count).all()
        return self

    @property
    def table(self) -> bytes:
        return self.views.rows.tobytes()

    @property
    def nothing_is_left_over(self) -> bool:
        """Whether no units are left, and every block has the regrets of the table."""
        arrays = self.views.freeze
        assert arrays is not None
        copied = arrays.units.view(np.float32)
        expected = np.zeros_like(copied)
        for base, stride, count, rows in arrays.run.tolist():
            for row in range(base, base + stride * rows, stride):
                block = expected[:, copied_regret(row, count) :][:, :count]
                block[:] = self.views.table.regrets_of(row, count)
        return copied.tobytes() == expected.tobytes()
