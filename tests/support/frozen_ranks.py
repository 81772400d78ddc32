"""Runs in deterministic mode by ranks in threads, as ``train`` runs them, and on one machine."""

from __future__ import annotations

import numpy as np
from threaded_world import run_ranks

from cfr_shm.config.load import load_config
from cfr_shm.memory.checkpoint import CheckpointStore
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.train import train
from cfr_shm.storage.names import CHECKPOINTS

#: What depends on no rank, worker or part of a run.
SAME = ("iterations", "nodes", "utility", "exploitability", "fingerprint", "clamped_regrets")


def train_frozen(directory, size, *overrides, source="leduc", resume=False):
    """Train on so many ranks, 0 for one machine; return the table's bytes and what is the same."""
    config = load_config(
        source, {}, ("engine.mode=deterministic", "engine.oversubscribe=true", *overrides)
    )
    store = CheckpointStore(directory / CHECKPOINTS)

    def work(world):
        checkpoint = store.load_latest(warn=print) if resume else None
        return train(config, directory, resume=checkpoint, signals=StopSignals(), world=world)

    summary = run_ranks(size, work)[0] if size else work(None)
    rows = np.array(store.load_latest(warn=print).rows).tobytes()
    return rows, {key: summary[key] for key in SAME}, summary
