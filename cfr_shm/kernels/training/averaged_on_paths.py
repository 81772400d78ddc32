"""External sampling whose average strategy is taken on paths of its own, one for each player.

As in ``averaged_apart``, but nothing is explored (``average_path``). The paths of an iteration
follow its sweeps, in the same lane, with the same deal and the policies of that
moment; they are interleaved with the sweeps and paths of other iterations like these are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import device, kernel
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.windows import run_windows
from cfr_shm.kernels.training.external import run_window
from cfr_shm.layout.task import AVERAGE_ON_PATHS, Task
from cfr_shm.layout.views import KernelViews


@kernel
def external_sampling_averaged_on_paths(
    views: KernelViews, task: Task, result: NDArray[np.float64]
) -> None:
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        views: as ``external_sampling`` has them.
        task: what to run; an iteration has its paths with ``average_probability``.
        result: (RESULT_UTILITY + players,) float64, out.

    It stops as ``external_sampling`` does.
    """
    run_windows(_window, views, task, result, task.drain_window)


@device
def _window(views, task, result, first, end):
    return run_window(views, views.own, task, result, first, end, False, AVERAGE_ON_PATHS)


@kernel
def external_sampling_averaged_on_paths_frozen(
    views: KernelViews, task: Task, result: NDArray[np.float64]
) -> None:
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        views: as ``external_sampling`` has them, with a border.
        task: without weights: they are the border's.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    run_freezes(_window, views, task, result)
