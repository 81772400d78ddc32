"""The games by name: a config section in, a built game out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from cfr_shm.cards.bucket_file import is_current
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.holdem import HOLDEM
from cfr_shm.config.reader import nearest
from cfr_shm.config.sections import Config
from cfr_shm.errors import CheckpointError, GameError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.bucket_choice import DEFAULT
from cfr_shm.games.imported.openspiel import DEFAULT_MAX_HISTORIES, PREFIX, import_game
from cfr_shm.games.imported.user_game import file_digest, load_user_game, names_user_game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic

#: Each game's builder and the optional keys that it takes besides ``players``.
_GAMES: dict[str, tuple[Callable[..., Game], tuple[str, ...]]] = {
    "kuhn": (kuhn, ()),
    "leduc": (leduc, ("merge_suits",)),
    "liars_dice": (liars_dice, ("dice", "sides")),
    "goofspiel": (goofspiel, ("cards",)),
    "synthetic": (synthetic, ("streets", "max_raises", "buckets")),
}

#: Keys that say nothing unless they are set: giving one to another game is a mistake.
_OPTIONAL = (
    "dice",
    "sides",
    "cards",
    "streets",
    "max_raises",
    "buckets",
    "max_histories",
    "file_digest",
)

#: Forms of names beyond those of ``_GAMES``, and the optional keys that they take.
_FORMS = {f"{PREFIX}NAME(params)": ("max_histories",), "FILE.py:FUNCTION": ("file_digest",)}

#: The last game that took a while to build: commands that load a game twice build it once.
_imported: dict[Hashable, Game] = {}


def game_names() -> tuple[str, ...]:
    """Return the names of the games that are built in."""
    return (*_GAMES, HOLDEM)


def load_game(
    config: GameConfig,
    progress: Callable[[str], None] | None = None,
    abstraction: AbstractionConfig | None = None,
) -> Game:
    """Build the game that ``config`` names, or import it.

    ``progress`` is told every few seconds how far a long import or build is; ``abstraction``
    is for hold'em.

    Raises:
        GameError: no such game (the nearest name is given), a key that the game does not
            have, or a parameter outside the game's range.
    """
    if config.name.startswith(PREFIX):
        _refuse_keys(config, ("max_histories",))
        _refuse_players(config, f"{config.name}(players={config.players})")
        return _import(config, progress)
    if names_user_game(config.name):
        _refuse_keys(config, ("file_digest",))
        _refuse_players(config, f"{config.name}(players={config.players})")
        return load_user_game(config.name, config.file_digest)
    if config.name == HOLDEM:
        _refuse_keys(config, ())
        return _holdem(config, abstraction or AbstractionConfig(), progress)
    if config.name not in _GAMES:
        raise GameError(
            f"game.name: there is no game {config.name!r}{nearest(config.name, game_names())} "
            f"(games: {', '.join([*game_names(), *_FORMS])})"
        )
    build, keys = _GAMES[config.name]
    _refuse_keys(config, keys)
    given: dict[str, Any] = {key: getattr(config, key) for key in keys}
    chosen = {key: value for key, value in given.items() if value is not None}
    return build(players=config.players, **chosen)


def pinned(config: Config) -> Config:
    """Return ``config`` with what it names by file held fast.

    A game of a file of your own gets that file's digest; a bucket file its absolute path (its
    fingerprint is in each checkpoint); hold'em the version of its rules where they were corrected.

    Raises:
        GameError: the file cannot be read.
    """
    game, abstraction = config.game, config.abstraction
    if names_user_game(game.name) and game.file_digest is None:
        game = dataclasses.replace(game, file_digest=file_digest(game.name))
    if game.name == HOLDEM:
        from cfr_shm.games.holdem.rules_version import rules_version

        game = dataclasses.replace(game, rules=rules_version(game, abstraction))
    if abstraction.buckets not in (None, DEFAULT):
        path = str(Path(abstraction.buckets).absolute())
        abstraction = dataclasses.replace(abstraction, buckets=path)
    return dataclasses.replace(config, game=game, abstraction=abstraction)


def refuse_old_rules(config: Config, path: Path) -> None:
    """Refuse a run that was trained by other rules than its game has now.

    Args:
        config: of the run, as it was stored.
        path: of the run, for the message.

    Raises:
        CheckpointError: what was corrected since.
    """
    if config.game.name != HOLDEM:
        return
    from cfr_shm.games.holdem.rules_version import RULES, corrections

    found = corrections(config.game, config.abstraction)
    if found and config.game.rules != RULES:
        raise CheckpointError(
            f"{path}: was trained by rules that were corrected since: {'; '.join(found)}; "
            "train anew"
        )


def _refuse_keys(config: GameConfig, keys: tuple[str, ...]) -> None:
    """Refuse optional keys that are set and that the game does not have."""
    for key in _OPTIONAL:
        if key not in keys and getattr(config, key) is not None:
            takers = [name for name, (_, taken) in _GAMES.items() if key in taken]
            takers += [form for form, taken in _FORMS.items() if key in taken]
            raise GameError(
                f"game.{key}: {config.name} has no {key}; only {', '.join(takers)} does; remove it"
            )


def _refuse_players(config: GameConfig, instead: str) -> None:
    if config.players != GameConfig().players:
        raise GameError(
            f"game.players: {config.name} takes its parameters with its name, for example {instead}"
        )


def _holdem(
    config: GameConfig, abstraction: AbstractionConfig, progress: Callable[[str], None] | None
) -> Game:
    key = (config, abstraction)
    built = _imported.get(key)
    if built is None or not (built.bucket_file is None or is_current(built.bucket_file)):
        from cfr_shm.games.holdem.build import holdem

        _imported.clear()
        _imported[key] = holdem(config, abstraction, progress)
    return _imported[key]


def _import(config: GameConfig, progress: Callable[[str], None] | None) -> Game:
    limit = config.max_histories or DEFAULT_MAX_HISTORIES
    key = (config.name, limit)
    if key not in _imported:
        _imported.clear()
        told = {} if progress is None else {"progress": progress}
        _imported[key] = import_game(config.name.removeprefix(PREFIX), limit, **told)
    return _imported[key]
