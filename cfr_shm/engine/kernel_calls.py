"""Turns an algorithm's name into a call: the kernel, its own memory and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import (
    CHANCE_SAMPLING,
    EXTERNAL_SAMPLING,
    FULL_WIDTH,
    OUTCOME_SAMPLING,
    PUBLIC_CHANCE_SAMPLING,
    full_width_rule,
)
from cfr_shm.engine.scratch import (
    chance_scratch,
    external_scratch,
    outcome_scratch,
    passes_scratch,
)
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout.task import Task
from cfr_shm.layout.vector import FullWidthState
from cfr_shm.memory.tables import TrainingViews

EXTERNAL_SAMPLING_WITH_OPTIONS = "cfr_shm.kernels.training.external:external_sampling_with_options"
AVERAGED_ON_PATHS = "cfr_shm.kernels.training.averaged_on_paths:external_sampling_averaged_on_paths"

#: Runs a task and writes what it did to the array, ``(RESULT_UTILITY + players,)`` float64.
KernelCall = Callable[[Task, NDArray[np.float64]], None]


def load_kernel(path: str) -> Callable[..., Any]:
    """Return the kernel at the import path ``module:function``."""
    module, _, function = path.partition(":")
    kernel: Callable[..., Any] = getattr(import_module(module), function)
    return kernel


def keeps_own_table(settings: EngineSettings, views: TrainingViews) -> bool:
    """Return whether a worker trains a table of its own, exchanged with the others'."""
    return settings.races and len(views.own_tables.rows) > 0


def prepare_kernel(settings: EngineSettings, views: TrainingViews, worker: int) -> KernelCall:
    """Return what runs the algorithm of ``settings`` on ``views``, for one worker.

    A worker imports the modules of its own algorithm and no others.

    Raises:
        GameError: the algorithm does not fit the game.
    """
    if settings.freeze_plan is not None:
        from cfr_shm.engine.frozen_calls import prepare_frozen_kernel

        return prepare_frozen_kernel(settings, views, worker)
    name = settings.algorithm.name
    if name in FULL_WIDTH:
        return _full_width(settings, views, worker)
    prepare = _CALLS[name]
    if name == EXTERNAL_SAMPLING and settings.algorithm.explores_for_averages:
        prepare = _external_sampling_averaged_apart
    if keeps_own_table(settings, views):
        often = name == PUBLIC_CHANCE_SAMPLING  # All buckets of a board, in every iteration.
        counts = views.deals.bucket_count
        own = views.own_tables.table_of(worker, views.table, views.tree, counts, often)
        views = views._replace(table=own)
    return prepare(settings, views)


def _external_sampling(settings: EngineSettings, views: TrainingViews) -> KernelCall:
    algorithm = settings.algorithm
    plain = algorithm.pruning is None and algorithm.regret_floor is None
    path = settings.kernel if plain else EXTERNAL_SAMPLING_WITH_OPTIONS
    kernel = load_kernel(AVERAGED_ON_PATHS if algorithm.averaging == "separate" else path)
    scratch = external_scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        kernel(views.tree, views.deals, views.table, task, scratch, views.control, result)

    return call


def _external_sampling_averaged_apart(settings: EngineSettings, views: TrainingViews) -> KernelCall:
    from cfr_shm.kernels.training.averaged_apart import external_sampling_averaged_apart

    scratch, stack = passes_scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        table, control = views.table, views.control
        external_sampling_averaged_apart(
            views.tree, views.deals, table, task, scratch, control, stack, result
        )

    return call


def _chance_sampling(settings: EngineSettings, views: TrainingViews) -> KernelCall:
    from cfr_shm.kernels.training.chance import chance_sampling

    scratch = chance_scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        table, control = views.table, views.control
        chance_sampling(views.tree, views.deals, table, task, scratch, control, result)

    return call


def _outcome_sampling(settings: EngineSettings, views: TrainingViews) -> KernelCall:
    from cfr_shm.kernels.training.outcome import outcome_sampling

    scratch, exploration = outcome_scratch(settings)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        table, control = views.table, views.control
        outcome_sampling(
            views.tree, views.deals, table, task, scratch, control, exploration, result
        )

    return call


def _full_width(settings: EngineSettings, views: TrainingViews, worker: int) -> KernelCall:
    from cfr_shm.games.trees.sweep_shares import share_of
    from cfr_shm.games.trees.vector_form import vector_game
    from cfr_shm.kernels.parts.barrier import meeting_of
    from cfr_shm.kernels.training.full_width import full_width

    table = views.table
    game = vector_game(views.tree, views.deals, views.entries)
    meeting = meeting_of(worker, settings.worker_count, settings.cores)
    share = share_of(views.tree, game.form, meeting)
    regret, policy = views.state
    state = FullWidthState(regret, np.zeros(settings.max_actions))
    scratch = game.allocate_scratch(policy, views.vectors if len(views.vectors) else None)
    rule = full_width_rule(settings.algorithm)
    shared = (views.tree, table, views.control)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        full_width(shared, game.form, state, scratch, rule, share, task, result)

    return call


def _public_chance_sampling(settings: EngineSettings, views: TrainingViews) -> KernelCall:  # noqa: ARG001
    from cfr_shm.games.trees.vector_form import vector_game
    from cfr_shm.kernels.training.public_chance import public_chance_sampling

    game = vector_game(views.tree, views.deals, views.entries)
    public = game.public_states(views.deals)
    scratch = game.allocate_scratch()
    shared = (views.tree, views.deals, views.control)

    def call(task: Task, result: NDArray[np.float64]) -> None:
        public_chance_sampling(shared, game.form, public, scratch, views.table, task, result)

    return call


_CALLS: dict[str, Callable[[EngineSettings, TrainingViews], KernelCall]] = {
    EXTERNAL_SAMPLING: _external_sampling,
    CHANCE_SAMPLING: _chance_sampling,
    OUTCOME_SAMPLING: _outcome_sampling,
    PUBLIC_CHANCE_SAMPLING: _public_chance_sampling,
}
