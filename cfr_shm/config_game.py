"""The config section ``game``: what every game may be told; hold'em adds its own keys."""

from __future__ import annotations

from dataclasses import dataclass

from cfr_shm.config_fields import Section, flag, text, whole


@dataclass(frozen=True)
class GameKeys(Section):
    """Which game is trained, and the keys of all games but hold'em."""

    name: str = text(
        "leduc",
        "The game: `holdem`, `kuhn`, `leduc`, `liars_dice`, `goofspiel` or `synthetic`; "
        "`openspiel:NAME(params)` imports one from OpenSpiel (extra `openspiel`); "
        "`FILE.py:FUNCTION` runs your own (see your_own_game.md).",
    )
    players: int = whole(2, 2, 10, "Number of players; each game has its own limit.")
    merge_suits: bool = flag(
        True,
        "Leduc only: treat hands that differ by a renaming of suits as one infoset. Fewer "
        "infosets, faster; exports write out all of them again. `false` gives the 936 infosets "
        "of OpenSpiel.",
    )
    dice: int | None = whole(
        None, 1, 9, "`liars_dice` only: dice of each player; null = 1.", optional=True
    )
    sides: int | None = whole(
        None, 2, 9, "`liars_dice` only: sides of a die; null = 6.", optional=True
    )
    cards: int | None = whole(
        None, 2, 13, "`goofspiel` only: cards in each hand; null = 5.", optional=True
    )
    max_histories: int | None = whole(
        None,
        1,
        2**31 - 1,
        "`openspiel:` only: an import of more histories is refused; null = 5000000.",
        optional=True,
    )
    file_digest: str | None = text(
        None,
        "`FILE.py:` only, set by `train`: SHA-256 of the file, which must not change while its "
        "run is in use.",
        optional=True,
    )
    streets: int | None = whole(None, 1, 16, "`synthetic` only: betting rounds.", optional=True)
    max_raises: int | None = whole(
        None, 0, 16, "`synthetic` only: raises allowed in a round.", optional=True
    )
    buckets: int | None = whole(
        None, 1, 2**31 - 1, "`synthetic` only: buckets per street.", optional=True
    )
