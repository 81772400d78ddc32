"""cfr-shm: Monte Carlo counterfactual regret minimization on shared memory.

The public names, for programs and notebooks, are those of ``__all__``; docs/python.md shows them
at work. Each is imported when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cfr_shm.api import Run, estimate, load_config, open_run, train
    from cfr_shm.errors import CfrShmError
    from cfr_shm.figures import plot_actions, plot_curves, plot_range
    from cfr_shm.games.game import Game
    from cfr_shm.games.trees.builder import TreeBuilder
    from cfr_shm.games.trees.history import history_game

__version__ = "0.1.0"

__all__ = [
    "CfrShmError",
    "Game",
    "Run",
    "TreeBuilder",
    "estimate",
    "history_game",
    "load_config",
    "open_run",
    "plot_actions",
    "plot_curves",
    "plot_range",
    "train",
]

_HOMES = {
    "CfrShmError": "errors",
    "Game": "games.game",
    "Run": "api",
    "TreeBuilder": "games.trees.builder",
    "estimate": "api",
    "history_game": "games.trees.history",
    "load_config": "api",
    "open_run": "api",
    "plot_actions": "figures",
    "plot_curves": "figures",
    "plot_range": "figures",
    "train": "api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names too, though they are not there yet."""
    return sorted({*globals(), *__all__})
