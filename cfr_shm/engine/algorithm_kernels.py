"""The kernels of each algorithm: are they compiled, and compile them ahead of the first run.

What every run needs is compiled at its start (``kernels.warm``); an algorithm's own kernels are
compiled by whoever first chooses it, so that nobody waits for what is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cfr_shm.algorithms import (
    CHANCE_SAMPLING,
    EXTERNAL_SAMPLING,
    FULL_WIDTH,
    OUTCOME_SAMPLING,
    PUBLIC_CHANCE_SAMPLING,
    SAMPLED,
    AlgorithmSettings,
)
from cfr_shm.engine.discounts import DiscountPlan
from cfr_shm.engine.freezes import plan_freezes
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.games.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED, cache_directory
from cfr_shm.kernels.warm import record_cache
from cfr_shm.memory.tables import private_views

_MODULES = {
    EXTERNAL_SAMPLING: "traverse",
    OUTCOME_SAMPLING: "outcome",
    CHANCE_SAMPLING: "chance_sampling",
    PUBLIC_CHANCE_SAMPLING: "public_chance",
    **dict.fromkeys(FULL_WIDTH, "full_width"),
}


def are_compiled(algorithm: AlgorithmSettings, frozen: bool = False) -> bool:
    """Return whether the kernels of an algorithm, ``frozen`` or not, are in the cache."""
    module = _MODULES[algorithm.name]
    frozen = frozen and not algorithm.is_full_width
    if algorithm.averaging == "separate":
        module = "separate_average"
    elif not frozen and (algorithm.pruning is not None or algorithm.regret_floor is not None):
        module = f"{module}.*options*" if algorithm.name == EXTERNAL_SAMPLING else module
    found = cache_directory().rglob(f"{module}.*.nbi")
    return JIT_DISABLED or any(("_frozen-" in file.name) == frozen for file in found)


def make_ready(algorithm: AlgorithmSettings, frozen: bool, announce: Callable[[str], None]) -> None:
    """Compile the kernel of an algorithm and mode if it is not in the cache, and tell of it."""
    if not are_compiled(algorithm, frozen):
        mode = ", deterministic mode" if frozen else ""
        announce(f"compiling the kernel of {algorithm.name}{mode} (once, about 20 s) ...")
        compile_for(algorithm, frozen)
        record_cache()


def compile_for(algorithm: AlgorithmSettings, frozen: bool = False) -> None:
    """Compile the kernel that runs an algorithm, ``frozen`` or not, and no other."""
    game = leduc()
    algorithm = replace(algorithm, epsilon=AlgorithmSettings().epsilon)
    freezes = frozen and not algorithm.is_full_width
    plan = plan_freezes(game, algorithm, 1, 1) if freezes else None
    settings = EngineSettings(
        worker_count=1,
        player_count=game.player_count,
        street_count=game.street_count,
        max_depth=game.max_depth,
        max_actions=game.max_actions,
        algorithm=algorithm,
        freeze=plan,
    )
    views = private_views(game, 1, algorithm.state_planes, plan)
    TaskRunner(settings, views, 0).run(0, 0)


def compile_all() -> None:
    """Compile the kernels of every algorithm into the cache."""
    chosen = [AlgorithmSettings(name=name) for name in (*SAMPLED, "cfr")]
    chosen += [AlgorithmSettings(averaging="separate"), AlgorithmSettings(regret_floor=0.0)]
    for algorithm in chosen:
        compile_for(algorithm)
    plan = DiscountPlan(interval=1, until=None, alpha=1.0, beta=1.0, gamma=1.0)
    plan.apply(private_views(leduc()), 1)
