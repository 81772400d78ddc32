"""What one worker's kernels have of their own, by algorithm; the same in both modes."""

from __future__ import annotations

import numpy as np

from cfr_shm.algorithms import full_width_rule
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.layout.scratch import FRAME_WORDS, Exploration, Scratch
from cfr_shm.layout.vector import FullWidthRegrets
from cfr_shm.layout.views import FullWidthMemory, LineMemory, PassMemory, PublicMemory
from cfr_shm.memory.tables import TrainingViews, allocate_scratch


def external_memory(settings: EngineSettings, views: TrainingViews, worker: int) -> Scratch:  # noqa: ARG001
    """Return the memory of external sampling."""
    return _scratch(settings, in_flight=settings.in_flight)


def pass_memory(settings: EngineSettings, views: TrainingViews, worker: int) -> PassMemory:  # noqa: ARG001
    """Return that of external sampling with passes for the average.

    Traversals are interleaved between passes only, so that one lane is enough where every
    iteration has passes.
    """
    lanes = settings.in_flight if settings.algorithm.average_probability < 1.0 else 1
    stack = np.zeros((_longest_path(settings), FRAME_WORDS), np.int64)
    return PassMemory(_scratch(settings, in_flight=lanes), stack)


def chance_memory(settings: EngineSettings, views: TrainingViews, worker: int) -> Scratch:  # noqa: ARG001
    """Return the memory of chance sampling."""
    from cfr_shm.kernels.training.chance import REACH_COLUMNS

    columns = settings.max_actions + REACH_COLUMNS
    return _scratch(settings, depth=_longest_path(settings), actions=columns)


def outcome_memory(settings: EngineSettings, views: TrainingViews, worker: int) -> LineMemory:  # noqa: ARG001
    """Return the memory of outcome sampling, and how it explores."""
    from cfr_shm.kernels.training.outcome import FRAME_VALUES

    steps = settings.algorithm.epsilon
    exploration = Exploration(
        first=np.array([first for first, _ in steps], np.int64),
        epsilon=np.array([epsilon for _, epsilon in steps], np.float64),
        reach=np.zeros(settings.player_count),
        largest_share=np.inf if settings.freeze is None else settings.freeze.largest_share,
    )
    scratch = _scratch(settings, actions=max(settings.max_actions, FRAME_VALUES))
    return LineMemory(scratch, exploration)


def public_memory(settings: EngineSettings, views: TrainingViews, worker: int) -> PublicMemory:  # noqa: ARG001
    """Return the vector form of a game and the memory of public-chance sampling.

    Raises:
        GameError: the algorithm does not fit the game.
    """
    from cfr_shm.games.trees.vector_form import vector_game

    game = vector_game(views.tree, views.deals, views.entries)
    return PublicMemory(game.form, game.public_states(views.deals), game.allocate_scratch())


def full_width_memory(
    settings: EngineSettings, views: TrainingViews, worker: int
) -> FullWidthMemory:
    """Return the vector form of a game, a worker's share of it, and what is all workers'.

    Raises:
        GameError: the algorithm does not fit the game.
    """
    from cfr_shm.games.trees.sweep_shares import share_of
    from cfr_shm.games.trees.vector_form import vector_game
    from cfr_shm.kernels.parts.barrier import meeting_of

    game = vector_game(views.tree, views.deals, views.entries)
    meeting = meeting_of(worker, settings.worker_count, settings.cores)
    regret, policy = views.planes
    return FullWidthMemory(
        form=game.form,
        regrets=FullWidthRegrets(regret, np.zeros(settings.max_actions)),
        scratch=game.allocate_scratch(policy, views.vectors if len(views.vectors) else None),
        rule=full_width_rule(settings.algorithm),
        share=share_of(views.tree, game.form, meeting),
    )


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
