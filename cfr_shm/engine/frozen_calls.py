"""Turns an algorithm's name into a call of deterministic mode; as ``kernel_calls`` otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import (
    CHANCE_SAMPLING,
    EXTERNAL_SAMPLING,
    OUTCOME_SAMPLING,
    PUBLIC_CHANCE_SAMPLING,
)
from cfr_shm.engine.freezes import border_of
from cfr_shm.engine.kernel_calls import KernelCall, load_kernel
from cfr_shm.engine.scratch import (
    chance_scratch,
    external_scratch,
    outcome_scratch,
    passes_scratch,
)
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout.freeze import Border
from cfr_shm.layout.task import Task
from cfr_shm.memory.tables import TrainingViews

PLAIN = "cfr_shm.kernels.training.external:external_sampling_frozen"
AVERAGED_ON_PATHS = (
    "cfr_shm.kernels.training.averaged_on_paths:external_sampling_averaged_on_paths_frozen"
)


def prepare_frozen_kernel(
    settings: EngineSettings, views: TrainingViews, worker: int
) -> KernelCall:
    """Return what runs the algorithm of ``settings`` freeze by freeze, as one of all workers.

    Raises:
        GameError: the algorithm does not fit the game.
    """
    assert settings.freeze_plan is not None
    assert views.freeze_arrays is not None
    own = views._replace(table=views.freeze_arrays.table(views.table, settings.freeze_plan, worker))
    border = border_of(settings, views, worker)
    name = settings.algorithm.name
    if name == EXTERNAL_SAMPLING and settings.algorithm.explores_for_averages:
        return _averaged_apart(settings, own, border)
    return _CALLS[name](settings, own, border)


def _external_sampling(
    settings: EngineSettings, views: TrainingViews, border: Border
) -> KernelCall:
    kernel = load_kernel(AVERAGED_ON_PATHS if settings.algorithm.averaging == "separate" else PLAIN)
    scratch = external_scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        table, control = views.table, views.control
        kernel(views.tree, views.deals, table, task, scratch, control, border, result)

    return call


def _averaged_apart(settings: EngineSettings, views: TrainingViews, border: Border) -> KernelCall:
    from cfr_shm.kernels.training.averaged_apart import external_sampling_averaged_apart_frozen

    scratch, stack = passes_scratch(settings)
    shared = (views.tree, views.deals, views.control)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        external_sampling_averaged_apart_frozen(
            shared, views.table, task, scratch, stack, border, result
        )

    return call


def _chance_sampling(settings: EngineSettings, views: TrainingViews, border: Border) -> KernelCall:
    from cfr_shm.kernels.training.chance import chance_sampling_frozen

    scratch = chance_scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        table, control = views.table, views.control
        chance_sampling_frozen(
            views.tree, views.deals, table, task, scratch, control, border, result
        )

    return call


def _outcome_sampling(settings: EngineSettings, views: TrainingViews, border: Border) -> KernelCall:
    from cfr_shm.kernels.training.outcome import outcome_sampling_frozen

    scratch, exploration = outcome_scratch(settings)
    shared = (views.tree, views.deals, views.control)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        outcome_sampling_frozen(shared, views.table, task, scratch, exploration, border, result)

    return call


def _public_chance_sampling(
    settings: EngineSettings,  # noqa: ARG001 - as the others have it
    views: TrainingViews,
    border: Border,
) -> KernelCall:
    from cfr_shm.games.trees.vector_form import vector_game
    from cfr_shm.kernels.training.public_chance import public_chance_sampling_frozen

    game = vector_game(views.tree, views.deals, views.entries)
    public = game.public_states(views.deals)
    scratch = game.allocate_scratch()
    shared = (views.tree, views.deals, views.control)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        public_chance_sampling_frozen(
            shared, game.form, public, scratch, views.table, task, border, result
        )

    return call


_CALLS: dict[str, Callable[[EngineSettings, TrainingViews, Border], KernelCall]] = {
    EXTERNAL_SAMPLING: _external_sampling,
    CHANCE_SAMPLING: _chance_sampling,
    OUTCOME_SAMPLING: _outcome_sampling,
    PUBLIC_CHANCE_SAMPLING: _public_chance_sampling,
}
