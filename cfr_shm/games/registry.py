"""The games by name: a config section in, a built game out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cfr_shm.config import GameConfig
from cfr_shm.config_reader import nearest
from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.kuhn import kuhn
from cfr_shm.games.leduc import leduc
from cfr_shm.games.synthetic import synthetic

#: Each game's builder and the optional keys that it takes besides ``players``.
_GAMES: dict[str, tuple[Callable[..., Game], tuple[str, ...]]] = {
    "kuhn": (kuhn, ()),
    "leduc": (leduc, ("merge_suits",)),
    "synthetic": (synthetic, ("streets", "max_raises", "buckets")),
}

#: Keys that say nothing unless they are set: giving one to another game is a mistake.
_OPTIONAL = ("streets", "max_raises", "buckets")


def game_names() -> tuple[str, ...]:
    """Return the names that ``load_game`` takes."""
    return tuple(_GAMES)


def load_game(config: GameConfig) -> Game:
    """Build the game that ``config`` names.

    Raises:
        GameError: no such game (the nearest name is given), a key that the game does not
            have, or a parameter outside the game's range.
    """
    if config.name not in _GAMES:
        raise GameError(
            f"game.name: there is no game {config.name!r}{nearest(config.name, _GAMES)}; "
            f"games: {', '.join(_GAMES)}"
        )
    build, keys = _GAMES[config.name]
    for key in _OPTIONAL:
        if key not in keys and getattr(config, key) is not None:
            takers = ", ".join(name for name, (_, taken) in _GAMES.items() if key in taken)
            raise GameError(
                f"game.{key}: {config.name} has no {key}; only {takers} does; remove it"
            )
    given: dict[str, Any] = {key: getattr(config, key) for key in keys}
    chosen = {key: value for key, value in given.items() if value is not None}
    return build(players=config.players, **chosen)
