"""Settings of an algorithm and an engine for tests that care about some of them only.

The records have no defaults: what a run leaves unsaid is the config's to decide. These are the
tests' own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cfr_shm.algorithms import DEFAULT_EPSILON, EXTERNAL_SAMPLING, AlgorithmSettings
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.games.game import Game

_ALGORITHM = AlgorithmSettings(
    name=EXTERNAL_SAMPLING,
    alpha=None,
    beta=None,
    gamma=None,
    epsilon=((0, DEFAULT_EPSILON),),
    averaging="on_the_way",
    average_opponents="explored",
    average_probability=1.0,
    regret_floor=None,
    pruning=None,
    deals_apart=False,
)

_ENGINE: dict[str, Any] = {
    "worker_count": 1,
    "seed": 0,
    "weighting": "linear",
    "in_flight": 1,
    "drain_window": 1024,
    "update": "racy",
    "start_method": "spawn",
    "batch_size": None,
    "batch_seconds": 0.5,
    "wait_base_ms": None,
    "wait_min_ms": None,
    "wait_max_ms": None,
    "deadline_seconds": None,
    "on_worker_death": "respawn",
    "trace_directory": None,
    "algorithm": _ALGORITHM,
    "freeze": None,
    "cores": 1,
}


def algorithm_settings(**changes: Any) -> AlgorithmSettings:
    """External sampling, with nothing special, but for ``changes``."""
    return replace(_ALGORITHM, **changes)


def engine_settings(game: Game, **changes: Any) -> EngineSettings:
    """One worker on ``game``, but for ``changes``."""
    return EngineSettings.for_game(game, **{**_ENGINE, **changes})


def engine_settings_of_sizes(**changes: Any) -> EngineSettings:
    """The same where there is no game; ``changes`` hold the sizes of one."""
    return EngineSettings(**{**_ENGINE, **changes})
