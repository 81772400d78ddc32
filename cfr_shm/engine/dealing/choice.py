"""Choose the dealing policy of an engine."""

from __future__ import annotations

from functools import partial

from cfr_shm.engine.dealing.apart import DealApart
from cfr_shm.engine.dealing.contract import DealingFactory
from cfr_shm.engine.dealing.frozen import DealFrozen
from cfr_shm.engine.dealing.together import DealTogether
from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.kernels.parts.barrier import least_phase
from cfr_shm.memory.tables import TrainingViews


def choose_dealing(settings: EngineSettings, views: TrainingViews) -> DealingFactory:
    """Return what makes the policy that fits mode and algorithm.

    Args:
        settings: the engine's.
        views: of the tables that its workers train.
    """
    if settings.freeze is not None:
        return partial(DealFrozen, freezes=Freezes(settings, views))
    if settings.works_together:
        slowest = partial(least_phase, views.control, settings.worker_count)
        return partial(DealTogether, slowest=slowest)
    settle = views.own.settling(views.table, views.tree, views.deals.bucket_count)
    return partial(DealApart, settle=settle)
