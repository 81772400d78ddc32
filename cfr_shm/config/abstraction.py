"""The config section ``abstraction``: how hold'em is made small enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfr_shm.config.fields import Section, amount, flag, listed, real, text, whole, word
from cfr_shm.config.holdem import BIG_BLINDS

ALL_IN = "allin"
TIMES = "x"

#: What a street's menu is when the config is silent: a bet of the pot, or everything.
DEFAULT_MENU = (("1", ALL_IN),)
DEFAULT_MULTIWAY_PLAYERS = 3
DEFAULT_MAX_NODES = 30_000_000
Menu = tuple[tuple[str, ...], ...]
_SIZE = amount(None, 0.001, 1e6, "", units=("", TIMES, BIG_BLINDS), words=(ALL_IN,))
_LEVEL = listed(_SIZE, 0, 32, "", optional=False)


@dataclass(frozen=True)
class AbstractionConfig(Section):
    """How hold'em is made small enough: bets that are looked at, hands that play alike."""

    preflop: tuple[tuple[str, ...], ...] | None = listed(
        _LEVEL,
        1,
        16,
        "`holdem` only, as is this whole section: bets and raises by how many there were on the "
        "street; the last list is for all later ones, `[]` for none. `0.5`: call and raise by "
        "that part of the pot; `2.5x`: to so many times the highest bet; `2.5bb`: to so many "
        "big blinds; `allin`. Sizes below the smallest raise become the smallest raise, those "
        "of all-in and more are left out. null = [[1, allin]]. See hold_em.md.",
    )
    flop: tuple[tuple[str, ...], ...] | None = listed(_LEVEL, 1, 16, "The same for the flop.")
    turn: tuple[tuple[str, ...], ...] | None = listed(_LEVEL, 1, 16, "The same for the turn.")
    river: tuple[tuple[str, ...], ...] | None = listed(_LEVEL, 1, 16, "The same for the river.")
    multiway_preflop: tuple[tuple[str, ...], ...] | None = listed(
        _LEVEL,
        1,
        16,
        "The same while `multiway_players` or more have not folded; null = `preflop`.",
    )
    multiway_flop: tuple[tuple[str, ...], ...] | None = listed(
        _LEVEL, 1, 16, "The same; null = `flop`."
    )
    multiway_turn: tuple[tuple[str, ...], ...] | None = listed(
        _LEVEL, 1, 16, "The same; null = `turn`."
    )
    multiway_river: tuple[tuple[str, ...], ...] | None = listed(
        _LEVEL, 1, 16, "The same; null = `river`."
    )
    multiway_players: int | None = whole(
        None,
        3,
        10,
        "Players that make a hand multiway; null = 3.",
        optional=True,
    )
    max_raises: int | tuple[int, ...] | None = listed(
        whole(None, 0, 1000, ""),
        1,
        4,
        "Bets and raises on each street, or by street, after which the menu is closed; null = "
        "no limit.",
        alone=True,
    )
    max_raises_multiway: int | tuple[int, ...] | None = listed(
        whole(None, 0, 1000, ""),
        1,
        4,
        "The same while the hand is multiway; null = `max_raises`.",
        alone=True,
    )
    allin: Literal["menu", "always", "pots"] | None = word(
        None,
        ("menu", "always", "pots"),
        "Where all-in is offered besides other raises: where the menu says, `always`, or also "
        "where it raises by at most `allin_pots` times the pot; null = menu.",
        optional=True,
    )
    allin_pots: float | None = real(
        None, 0.0, 1e6, "With `allin: pots`: how many pots; null = 1.5.", optional=True
    )
    allin_threshold: float | None = real(
        None,
        0.01,
        1.0,
        "Raises that put in at least this share of the stack are not made as they are (see "
        "`allin_rule`); null = 1.",
        optional=True,
    )
    allin_rule: Literal["skip", "allin"] | None = word(
        None,
        ("skip", "allin"),
        "What becomes of raises beyond `allin_threshold`: left out, or all-in; null = skip.",
        optional=True,
    )
    limp: bool | None = flag(
        None,
        "Whether the blinds may be called before anybody raised; null = true.",
        optional=True,
    )
    max_flop_players: int | None = whole(
        None,
        2,
        10,
        "Once so many have put in the highest bet of the first street, the others raise or "
        "fold; null = no limit.",
        optional=True,
    )
    check_down_above: int | None = whole(
        None,
        1,
        10,
        "With more than so many players left after the first street nobody bets any more; "
        "null = no limit.",
        optional=True,
    )
    max_nodes: int | None = whole(
        None,
        1,
        2**31 - 1,
        f"A betting tree of more nodes is refused; null = {DEFAULT_MAX_NODES}.",
        optional=True,
    )
    buckets: str | None = text(
        None,
        "Which hands play alike: `default`, or a FILE of `cfr-shm buckets build`; null = built "
        "once by `bucket_method` and `bucket_counts`, and where these are null too what "
        "`run.time_budget` is enough for (hold_em.md), or default.",
        optional=True,
    )
    bucket_method: str | None = text(
        None,
        "Build buckets by this method (see abstraction.md): one for all streets, or "
        "`flop=potential,turn=emd,river=ochs`; null = ochs.",
        optional=True,
    )
    bucket_counts: tuple[int, ...] | None = listed(
        whole(None, 1, 65535, ""),
        1,
        4,
        "Build buckets, so many by street; null = [169, 200, 200, 200].",
    )

    def menu(self, street: str, multiway: bool) -> Menu:
        """Return the sizes by level of a street."""
        own: Menu | None = getattr(self, street)
        wide: Menu | None = getattr(self, f"multiway_{street}")
        given = wide if multiway and wide is not None else own
        return DEFAULT_MENU if given is None else given
