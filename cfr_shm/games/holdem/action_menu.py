"""The action abstraction: section ``abstraction`` of a config as arrays for kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.config.abstraction import ALL_IN, DEFAULT_MULTIWAY_PLAYERS, TIMES, AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.holdem import BIG_BLINDS
from cfr_shm.config.reader import split_amount
from cfr_shm.layout.betting import NO_RAISE_CAP
from cfr_shm.layout.betting_tree import (
    ALL_IN_ALWAYS,
    ALL_IN_BY_MENU,
    ALL_IN_BY_POTS,
    BEYOND_ALL_IN,
    BEYOND_SKIPPED,
    SIZE_ALL_IN,
    SIZE_CHIPS,
    SIZE_LEAST,
    SIZE_POT,
    SIZE_TIMES,
    Menu,
)

_KINDS = {"": SIZE_POT, TIMES: SIZE_TIMES, BIG_BLINDS: SIZE_CHIPS}
_ALL_IN = {"menu": ALL_IN_BY_MENU, "always": ALL_IN_ALWAYS, "pots": ALL_IN_BY_POTS}
_BEYOND = {"skip": BEYOND_SKIPPED, "allin": BEYOND_ALL_IN}
DEFAULT_ALL_IN_POTS = 1.5

_Array = TypeVar("_Array", bound=NDArray[Any])
_Levels = tuple[tuple[tuple[int, float], ...], ...]


def compile_menu(game: GameConfig, abstraction: AbstractionConfig) -> Menu:
    """Return the menu that the two config sections describe, as ``check_holdem`` let them pass.

    Example: two sizes for the first bet on every street, then all-in only.

        >>> sizes = (("0.5", "1"), ("allin",))
        >>> menu = compile_menu(GameConfig(name="holdem"), AbstractionConfig(flop=sizes))
        >>> menu.level_size[0, 1]
        array([2, 1])
    """
    streets = game.street_names
    levels = [
        [_levels(game, abstraction, street, multiway) for street in streets]
        for multiway in (False, True)
    ]
    depth = max(len(each) for table in levels for each in table)
    level_first = np.full((2, len(streets), depth), -1, np.int64)
    level_size = np.zeros((2, len(streets), depth), np.int64)
    sizes: list[tuple[int, float]] = []
    for table, by_street in enumerate(levels):
        for street, of_street in enumerate(by_street):
            for level, entries in enumerate(of_street):
                level_first[table, street, level] = len(sizes)
                level_size[table, street, level] = len(entries)
                sizes += entries
    threshold, pots = abstraction.allin_threshold, abstraction.allin_pots
    limp, most_in = abstraction.limp, abstraction.max_flop_players
    down = abstraction.check_down_above
    return Menu(
        size_kind=_fixed(np.array([kind for kind, _ in sizes], np.int64)),
        size_value=_fixed(np.array([value for _, value in sizes], np.float64)),
        level_first=_fixed(level_first),
        level_size=_fixed(level_size),
        max_raises=_fixed(_max_raises(abstraction, len(streets))),
        multiway_players=abstraction.multiway_players or DEFAULT_MULTIWAY_PLAYERS,
        all_in=_ALL_IN[abstraction.allin or "menu"],
        all_in_pots=float(DEFAULT_ALL_IN_POTS if pots is None else pots),
        threshold=float(1.0 if threshold is None else threshold),
        beyond=_BEYOND[abstraction.allin_rule or "skip"],
        limp=int(limp is None or limp),
        max_first_street=game.players if most_in is None else most_in,
        check_down_above=game.players if down is None else down,
    )


def size_names(game: GameConfig, abstraction: AbstractionConfig) -> Iterator[str]:
    """Yield the config key of each size of the compiled menu, in its order.

    Sizes that stand for those of another street or for silence are empty texts.
    """
    for prefix in ("", "multiway_"):
        for street in game.street_names:
            given = getattr(abstraction, f"{prefix}{street}")
            for level, entries in enumerate(
                _levels(game, abstraction, street, multiway=bool(prefix))
            ):
                for place in range(len(entries)):
                    known = given is not None and (not prefix or game.players > 2)
                    yield f"abstraction.{prefix}{street}[{level}][{place}]" if known else ""


def _levels(
    game: GameConfig, abstraction: AbstractionConfig, street: str, multiway: bool
) -> _Levels:
    """Return kind and value of each size by level."""
    if game.betting == "fixed_limit":
        return (((SIZE_LEAST, 0.0),),)
    menu = abstraction.menu(street, multiway)
    return tuple(tuple(_size(game, size) for size in entries) for entries in menu)


def _size(game: GameConfig, written: str) -> tuple[int, float]:
    if written == ALL_IN:
        return SIZE_ALL_IN, 0.0
    number, unit = split_amount(written)
    return _KINDS[unit], float(game.chips(written) if unit == BIG_BLINDS else number)


def _max_raises(abstraction: AbstractionConfig, streets: int) -> NDArray[np.int64]:
    usual = abstraction.max_raises
    multiway = abstraction.max_raises_multiway
    found = np.empty((2, streets), np.int64)
    for table, given in enumerate((usual, usual if multiway is None else multiway)):
        found[table] = NO_RAISE_CAP if given is None else given
    return found


def _fixed(array: _Array) -> _Array:
    array.flags.writeable = False
    return array
