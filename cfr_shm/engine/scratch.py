"""What one worker's kernels need of its own, by algorithm; the same frozen or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout.scratch import FRAME_WORDS, Exploration, Scratch
from cfr_shm.memory.tables import allocate_scratch


def external_scratch(settings: EngineSettings) -> Scratch:
    """Return the scratch memory of external sampling."""
    return _scratch(settings, in_flight=settings.in_flight)


def passes_scratch(settings: EngineSettings) -> tuple[Scratch, NDArray[np.int64]]:
    """Return that of external sampling with passes for the average, and the passes' stack.

    Traversals are interleaved between passes only, so that one lane is enough where every
    iteration has passes.
    """
    lanes = settings.in_flight if settings.algorithm.average_probability < 1.0 else 1
    stack = np.zeros((_longest_path(settings), FRAME_WORDS), np.int64)
    return _scratch(settings, in_flight=lanes), stack


def chance_scratch(settings: EngineSettings) -> Scratch:
    """Return the scratch memory of chance sampling."""
    from cfr_shm.kernels.training.chance import REACH_COLUMNS

    columns = settings.max_actions + REACH_COLUMNS
    return _scratch(settings, depth=_longest_path(settings), actions=columns)


def outcome_scratch(settings: EngineSettings) -> tuple[Scratch, Exploration]:
    """Return the scratch memory of outcome sampling, and how it explores."""
    from cfr_shm.kernels.training.outcome import FRAME_VALUES

    steps = settings.algorithm.epsilon
    exploration = Exploration(
        first=np.array([first for first, _ in steps], np.int64),
        epsilon=np.array([epsilon for _, epsilon in steps], np.float64),
        reach=np.zeros(settings.player_count),
        largest_share=np.inf
        if settings.freeze_plan is None
        else settings.freeze_plan.largest_share,
    )
    return _scratch(settings, actions=max(settings.max_actions, FRAME_VALUES)), exploration


def _scratch(
    settings: EngineSettings,
    *,
    depth: int | None = None,
    actions: int | None = None,
    in_flight: int = 1,
) -> Scratch:
    return allocate_scratch(
        settings.player_count,
        settings.street_count,
        settings.max_depth if depth is None else depth,
        settings.max_actions if actions is None else actions,
        in_flight,
    )


def _longest_path(settings: EngineSettings) -> int:
    """Return a bound on the decisions on any path, of all players together, plus one."""
    return settings.player_count * settings.max_depth + 1
