"""The loop over windows that all sampled algorithms share."""

from __future__ import annotations

from cfr_shm.kernels.jit import device
from cfr_shm.kernels.parts.atomics import atomic_load
from cfr_shm.kernels.parts.exchange import (
    exchange_all,
    exchange_due,
    is_own,
    next_exchange,
    take_over,
)
from cfr_shm.kernels.parts.tally import tell
from cfr_shm.layout.control import RUN, STOP_FLAG, STOP_NOW

#: What a window returns when it was told to stop at once.
ABANDONED = -1


@device
def run_windows(window, views, task, result, step):
    """Run a task's iterations until they are done, or until the stop flag says so.

    Args:
        window: device function ``(views, task, result, first, end)`` that runs iterations and
            returns the nodes visited, or ABANDONED; it adds utilities and weight to ``result``.
        views: layout.KernelViews; a table of the worker's own is exchanged between iterations.
        task: layout.Task.
        result: (RESULT_UTILITY + players,) float64, out.
        step: iterations in one call of ``window``, a divisor of ``task.drain_window``.

    STOP_AT_WINDOW ends the task at the next multiple of ``task.drain_window``, STOP_NOW within
    an iteration's time. Iterations and nodes of ``result`` are always a prefix of the task;
    utilities and weight, like the table, keep what an abandoned window added.
    """
    table, control = views.table, views.control
    result[:] = 0.0
    first = task.first_iteration
    end = first + task.iteration_count
    own = is_own(table) and first < end
    if own:
        take_over(table)
    while first < end:
        flag = atomic_load(control, STOP_FLAG)
        if flag != RUN and (flag == STOP_NOW or first % task.drain_window == 0):
            break
        border = min(end, (first // step + 1) * step)
        if own:
            border = min(border, next_exchange(table, first))
        visited = window(views, task, result, first, border)
        if visited == ABANDONED:
            break
        tell(control, task.worker_line, result, border - first, visited)
        first = border
        if own:
            exchange_due(table, first)
    if own:
        exchange_all(table)
