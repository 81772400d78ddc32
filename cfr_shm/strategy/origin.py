"""Where an exported strategy comes from, which every format carries along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from cfr_shm import __version__
from cfr_shm.games.game import Game


class Origin(NamedTuple):
    """The run that a strategy is of, at some checkpoint."""

    config: Mapping[str, Mapping[str, Any]]  # resolved, by section; JSON
    fingerprint: str  # of the config's parts that decide what is computed
    iterations: int
    mean_iteration_weight: float  # turns strategy weights into visits


def origin_document(game: Game, origin: Origin | None) -> dict[str, Any]:
    """Return what exports say of themselves, as JSON.

    ``buckets_fingerprint`` is empty where hands are told apart up to suits.
    """
    file = game.bucket_file
    found: dict[str, Any] = {
        "game": game.openspiel_name or game.name,
        "unit": game.unit,
        "buckets_fingerprint": "" if file is None else file.fingerprint,
        "written_by": f"cfr-shm {__version__}",
    }
    if origin is not None:
        found |= {
            "fingerprint": origin.fingerprint,
            "iterations": origin.iterations,
            "mean_iteration_weight": origin.mean_iteration_weight,
            "config": dict(origin.config),
        }
    return found


def origin_texts(game: Game, origin: Origin | None) -> dict[str, str]:
    """Return the same as texts by key, of which those that are none already are JSON."""
    found = origin_document(game, origin)
    return {
        key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in found.items()
    }
