"""External sampling whose average strategy is taken on paths of its own, one for each player.

As in ``averaged_apart``, but nothing is explored (``average_path``). The paths of an iteration
follow its sweeps, in the same lane, with the same deal and the policies of that
moment; they are interleaved with the sweeps and paths of other iterations like these are.
"""

from __future__ import annotations

from cfr_shm.kernels.jit import device, kernel
from cfr_shm.kernels.parts.freeze import run_freezes
from cfr_shm.kernels.parts.windows import run_windows
from cfr_shm.kernels.training.external import run_window
from cfr_shm.layout.task import AVERAGE_ON_PATHS


@kernel
def external_sampling_averaged_on_paths(tree, deals, table, task, scratch, control, result):
    """Run iterations ``[first_iteration, first_iteration + iteration_count)`` of ``task``.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared, read and written.
        task: layout.Task; an iteration has its paths with ``average_probability``.
        scratch: layout.Scratch, this worker's own; its lanes are the traversals in flight.
        control: (control_words,) int64, shared.
        result: (RESULT_UTILITY + players,) float64, out.

    It stops as ``external_sampling`` does.
    """
    views = (tree, deals, table, task, scratch, control, result)
    run_windows(_window, views, table, task, control, result, task.drain_window)


@device
def _window(views, first, end):
    return run_window(views, first, end, False, AVERAGE_ON_PATHS, False)


@kernel
def external_sampling_averaged_on_paths_frozen(
    tree, deals, table, task, scratch, control, border, result
):
    """Run iterations of ``task`` together with all other workers, freeze by freeze.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals, read-only.
        table: layout.Table, shared; written to at borders.
        task: layout.Task, without weights: they are the border's.
        scratch: layout.Scratch, this worker's own.
        control: (control_words,) int64, shared.
        border: layout.Border.
        result: (RESULT_UTILITY + players,) float64, out; as ``kernels.parts.freeze`` says.
    """
    views = (tree, deals, table, task, scratch, control, result)
    run_freezes(_frozen_window, views, table, task, control, border, result)


@device
def _frozen_window(views, first, end):
    return run_window(views, first, end, False, AVERAGE_ON_PATHS, True)
