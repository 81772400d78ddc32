"""The kernels of each algorithm: are they compiled, and compile them ahead of the first run.

What every run needs is compiled at its start (``kernels.warm``); an algorithm's own kernels are
compiled by whoever first chooses it, so that nobody waits for what is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cfr_shm.algorithms import EXTERNAL_SAMPLING, SAMPLED, AlgorithmSettings
from cfr_shm.engine.discounts import DiscountPlan, Pooling
from cfr_shm.engine.freezes import plan_freezes
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.cache import NotStoredError, only_stored
from cfr_shm.kernels.tables.pooling import NO_NEIGHBOURS
from cfr_shm.kernels.warm import make_ready
from cfr_shm.memory.tables import private_views

#: What is compiled has a type, not values: any would do. Nothing is trained with these.
_BARE = AlgorithmSettings(
    name=EXTERNAL_SAMPLING,
    alpha=None,
    beta=None,
    gamma=None,
    epsilon=((0, 1.0),),
    averaging="on_the_way",
    average_opponents="sampled",
    average_probability=1.0,
    regret_floor=None,
    pruning=None,
    deals_apart=False,
)
_ALONE: dict[str, Any] = {
    "worker_count": 1,
    "seed": 0,
    "weighting": "linear",
    "in_flight": 1,
    "drain_window": 1024,
    "update": "racy",
    "start_method": "spawn",
    "batch_size": None,
    "batch_seconds": 1.0,
    "wait_base_ms": None,
    "wait_min_ms": None,
    "wait_max_ms": None,
    "deadline_seconds": None,
    "on_worker_death": "abort",
    "trace_directory": None,
    "cores": 1,
}


def make_algorithm_ready(
    algorithm: AlgorithmSettings, frozen: bool, compact: bool, announce: Callable[[str], None]
) -> None:
    """Load the kernel of an algorithm and mode; compile it, and tell, if it is not stored."""
    mode = ", deterministic mode" if frozen else ""
    said = f"compiling the kernel of {algorithm.name}{mode} (once, about 10 s) ..."
    make_ready(lambda: compile_for(algorithm, frozen, compact), said, announce)


def is_stored(algorithm: AlgorithmSettings, frozen: bool, compact: bool) -> bool:
    """Load the kernel of an algorithm and mode; return whether it was there to be loaded."""
    try:
        with only_stored():
            compile_for(algorithm, frozen, compact)
    except NotStoredError:
        return False
    return True


def compile_for(algorithm: AlgorithmSettings, frozen: bool = False, compact: bool = False) -> None:
    """Compile the kernel that runs an algorithm, ``frozen`` or not, and no other.

    ``compact``: for tables of the compact layout, which is a type of its own.
    """
    game = leduc()
    algorithm = replace(algorithm, epsilon=_BARE.epsilon)
    freezes = frozen and not algorithm.is_full_width
    plan = plan_freezes(game, algorithm, 1, 1) if freezes else None
    settings = EngineSettings.for_game(game, algorithm=algorithm, freeze=plan, **_ALONE)
    views = private_views(game, 1, algorithm.state_planes, plan, compact)
    TaskRunner(settings, views, 0).run(0, 0)


def compile_all() -> None:
    """Compile the kernels of every algorithm into the cache."""
    chosen = [replace(_BARE, name=name) for name in (*SAMPLED, "cfr")]
    chosen += [
        replace(_BARE, averaging="separate", average_opponents=each)
        for each in ("explored", "sampled")
    ]
    chosen += [replace(_BARE, regret_floor=0.0)]
    for algorithm in chosen:
        compile_for(algorithm)
    views = private_views(leduc())
    pooling = Pooling(2.0, (NO_NEIGHBOURS,) * views.deals.bucket_count.shape[1])
    plan = DiscountPlan(
        interval=1, until=None, alpha=1.0, beta=1.0, gamma=1.0, pooling=pooling, restarts=None
    )
    plan.apply(views, 1)
