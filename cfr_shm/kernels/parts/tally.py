"""Count what a worker has done, for its result and for whoever watches it."""

from __future__ import annotations

from cfr_shm.kernels.jit import device
from cfr_shm.kernels.parts.atomics import atomic_store
from cfr_shm.layout.control import WORKER_HEARTBEAT, WORKER_ITERATIONS, WORKER_NODES
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_NODES


@device
def tell(control, line, result, iterations, visited):
    """Count what was done in the result and in the worker's line of the control block."""
    result[RESULT_ITERATIONS] += iterations
    result[RESULT_NODES] += visited
    show(control, line, iterations, visited)


@device
def show(control, line, iterations, visited):
    """Count what was done in the worker's line of the control block only."""
    atomic_store(control, line + WORKER_ITERATIONS, control[line + WORKER_ITERATIONS] + iterations)
    atomic_store(control, line + WORKER_NODES, control[line + WORKER_NODES] + visited)
    atomic_store(control, line + WORKER_HEARTBEAT, control[line + WORKER_HEARTBEAT] + 1)
