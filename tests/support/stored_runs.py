"""What a run directory holds, as tests look at it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cfr_shm.memory.checkpoint import CheckpointStore


def checkpoints_of(run: Path) -> list[Path]:
    """Return the checkpoints of a run, oldest first; several may be of the same iteration."""
    return [each.path for each in CheckpointStore(run / "checkpoints").stored()]


def about_newest(run: Path) -> dict[str, Any]:
    """Return what a run's newest checkpoint says of itself."""
    about: dict[str, Any] = json.loads((checkpoints_of(run)[-1] / "manifest.json").read_text())
    return about["about"]
