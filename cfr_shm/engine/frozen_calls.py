"""Turns an algorithm's name into a call of deterministic mode; as ``kernel_calls`` otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import EXTERNAL_SAMPLING
from cfr_shm.engine.freezes import border_of
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout import Border, Scratch, Task
from cfr_shm.memory.tables import TrainingViews, allocate_scratch

#: Runs a task and writes what it did to the array, ``(RESULT_UTILITY + players,)`` float64.
KernelCall = Callable[[Task, NDArray[np.float64]], None]


def prepare_frozen_kernel(
    settings: EngineSettings, views: TrainingViews, worker: int
) -> KernelCall:
    """Return what runs the algorithm of ``settings`` freeze by freeze, as one of all workers.

    Raises:
        GameError: the algorithm does not fit the game.
    """
    assert settings.freeze is not None
    assert views.freeze is not None
    own = views._replace(table=views.freeze.table(views.table, settings.freeze, worker))
    border = border_of(settings, views, worker)
    return _CALLS[settings.algorithm.name](settings, own, border)


def _external_sampling(
    settings: EngineSettings, views: TrainingViews, border: Border
) -> KernelCall:
    from cfr_shm.kernels.traverse import external_sampling_frozen

    scratch = _scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        table, control = views.table, views.control
        external_sampling_frozen(
            views.tree, views.deals, table, task, scratch, control, border, result
        )

    return call


def _scratch(settings: EngineSettings) -> Scratch:
    return allocate_scratch(
        settings.player_count,
        settings.street_count,
        settings.max_depth,
        settings.max_actions,
        settings.in_flight,
    )


_CALLS: dict[str, Callable[[EngineSettings, TrainingViews, Border], KernelCall]] = {
    EXTERNAL_SAMPLING: _external_sampling,
}
