"""Which kernel runs what: one table of the algorithms' kernels and of what each has of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import (
    CHANCE_SAMPLING,
    EXTERNAL_SAMPLING,
    OUTCOME_SAMPLING,
    PUBLIC_CHANCE_SAMPLING,
    AlgorithmSettings,
)
from cfr_shm.engine.own_memory import (
    chance_memory,
    external_memory,
    full_width_memory,
    outcome_memory,
    pass_memory,
    public_memory,
)
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout.table import Table
from cfr_shm.layout.task import Task
from cfr_shm.layout.views import Own
from cfr_shm.memory.tables import TrainingViews

#: Runs a task and writes what it did to the array, ``(RESULT_UTILITY + players,)`` float64.
KernelCall = Callable[[Task, NDArray[np.float64]], None]

_TRAINING = "cfr_shm.kernels.training."


class _Kernel(NamedTuple):
    """A row of the table."""

    plain: str  # ``module:function`` below kernels/training/
    own: Callable[[EngineSettings, TrainingViews, int], Own]  # what a worker's has of its own

    @property
    def frozen(self) -> str:
        """The twin for deterministic mode; full-width algorithms need and have none."""
        return f"{self.plain}_frozen"


_EXTERNAL_WITH_OPTIONS = "external sampling, with floor, pruning or deals apart"
_AVERAGED_APART = "external sampling, averaged in passes that explore"
_AVERAGED_ON_PATHS = "external sampling, averaged on paths"
_FULL_WIDTH = "full width"

_TABLE = {
    EXTERNAL_SAMPLING: _Kernel("external:external_sampling", external_memory),
    _EXTERNAL_WITH_OPTIONS: _Kernel("external:external_sampling_with_options", external_memory),
    _AVERAGED_APART: _Kernel("averaged_apart:external_sampling_averaged_apart", pass_memory),
    _AVERAGED_ON_PATHS: _Kernel(
        "averaged_on_paths:external_sampling_averaged_on_paths", external_memory
    ),
    CHANCE_SAMPLING: _Kernel("chance:chance_sampling", chance_memory),
    OUTCOME_SAMPLING: _Kernel("outcome:outcome_sampling", outcome_memory),
    PUBLIC_CHANCE_SAMPLING: _Kernel("public_chance:public_chance_sampling", public_memory),
    _FULL_WIDTH: _Kernel("full_width:full_width", full_width_memory),
}


def load_kernel(path: str) -> Callable[..., Any]:
    """Return the kernel at the import path ``module:function``."""
    module, _, function = path.partition(":")
    kernel: Callable[..., Any] = getattr(import_module(module), function)
    return kernel


def keeps_own_table(settings: EngineSettings, views: TrainingViews) -> bool:
    """Return whether a worker trains a table of its own, exchanged with the others'."""
    return settings.races and len(views.own.rows) > 0


def prepare_kernel(settings: EngineSettings, views: TrainingViews, worker: int) -> KernelCall:
    """Return what runs the algorithm of ``settings`` on ``views``, for one worker.

    A worker imports the modules of its own algorithm and no others.

    Raises:
        GameError: the algorithm does not fit the game.
    """
    freezes = settings.freeze is not None
    name = _row_of(settings.algorithm, freezes)
    row = _TABLE[name]
    path = _TRAINING + (row.frozen if freezes else row.plain)
    if settings.kernel is not None and name == EXTERNAL_SAMPLING and not freezes:
        path = settings.kernel
    border = None
    if freezes:
        from cfr_shm.engine.freezes import border_of

        border = border_of(settings, views, worker)
    own = row.own(settings, views, worker)
    trained = views._replace(table=_table_of(settings, views, worker))
    return partial(load_kernel(path), trained.for_kernel(own, border))


def _row_of(algorithm: AlgorithmSettings, freezes: bool) -> str:
    """Return the key of ``_TABLE`` of what runs an algorithm."""
    if algorithm.is_full_width:
        return _FULL_WIDTH
    if algorithm.name != EXTERNAL_SAMPLING:
        return algorithm.name
    if algorithm.explores_for_averages:
        return _AVERAGED_APART
    if algorithm.averaging == "separate":
        return _AVERAGED_ON_PATHS
    plain = algorithm.pruning is None and algorithm.regret_floor is None
    plain = plain and not algorithm.deals_apart
    return EXTERNAL_SAMPLING if plain or freezes else _EXTERNAL_WITH_OPTIONS


def _table_of(settings: EngineSettings, views: TrainingViews, worker: int) -> Table:
    """Return the table that one worker trains: all workers', or one of its own."""
    if settings.freeze is not None:
        assert views.freeze is not None
        return views.freeze.table(views.table, settings.freeze, worker)
    if not keeps_own_table(settings, views):
        return views.table
    often = settings.algorithm.name == PUBLIC_CHANCE_SAMPLING  # All buckets of a board, always.
    counts = views.deals.bucket_count
    return views.own.table_of(worker, views.table, views.tree, counts, often)
