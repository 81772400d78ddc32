"""A spot and its solver from the configuration: what was left unsaid is settled here."""

from __future__ import annotations

from dataclasses import replace

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cards.ranges import parse_range
from cfr_shm.config.spot import ALPHA_BEFORE, EVERY_BEFORE, SpotConfig
from cfr_shm.errors import UsageError
from cfr_shm.spots.iteration_weights import (
    ALPHAS,
    EVERY,
    Alpha,
    SpotAlgorithm,
    spot_algorithm,
)
from cfr_shm.spots.locks import lock_entries, locked, written_locks
from cfr_shm.spots.payoffs import ChipPayoffs, IcmPayoffs, Payoffs
from cfr_shm.spots.sizes import NO_SIZES, Size, Thresholds, parse_sizes
from cfr_shm.spots.spot_game import SpotGame, build_spot
from cfr_shm.spots.street_trees import OOP, PLAYERS, STREETS, Menu, TreeRules

#: Smaller pots and stacks are counted in hundredths of a chip.
_SMALL = 50.0

#: The algorithm where the section names none.
DEFAULT = "dcfr"

_Lists = tuple[str | None, ...] | str | None


def spot_of(config: SpotConfig) -> SpotGame:
    """Return the spot that the section describes.

    Raises:
        UsageError: what it says makes no spot; names the key.
        GameError: too many nodes.
    """
    if config.board is None or config.pot is None or config.stack is None:
        raise UsageError("spot.board is needed: give a SPOT.yaml, or --board, --oop, --ip, ...")
    board = STANDARD.parse(config.board)
    if not 3 <= len(board) <= 5:
        raise UsageError(
            f"spot.board must have 3 to 5 cards, found {len(board)}; preflop is played by "
            "'cfr-shm train'"
        )
    ranges = []
    for name, text in (("oop", config.oop), ("ip", config.ip)):
        try:
            ranges.append(parse_range(STANDARD, text or ""))
        except UsageError as error:
            raise UsageError(f"spot.{name}: {error}") from None
    isomorphic = config.isomorphic is not False
    rules = tree_rules(config, len(board) - 3)
    game = build_spot(board, ranges, rules, _payoffs(config), isomorphic=isomorphic)
    entries = [] if config.locks is None else lock_entries(config.locks)
    entries += written_locks(config.lock_ranges or ())
    place = "spot.lock_ranges" if config.locks is None else f"spot.locks {config.locks}"
    return locked(game, entries, place) if entries else game


def algorithm_of(config: SpotConfig) -> SpotAlgorithm:
    """Return the algorithm: as configured, or the one that measured best."""
    name = config.algorithm or DEFAULT
    street = first_street_of(config)
    return spot_algorithm(name, config.gamma, _alpha(config), street, config.average_every)


def _alpha(config: SpotConfig) -> Alpha | None:
    """Return what the section says of alpha."""
    if config.alpha is None:
        return None
    if isinstance(config.alpha, tuple):
        first, last, iterations = config.alpha
        return Alpha(first, last, int(iterations))
    return Alpha(config.alpha, config.alpha, 0)


def recorded(config: SpotConfig, *, resuming: bool) -> SpotConfig:
    """Return the section with dcfr's own parameters written out, as a run directory records them.

    A run that is resumed and says none is of before they were recorded, and goes on as it began.
    """
    if (config.algorithm or DEFAULT) != DEFAULT:
        return config
    alpha, every = config.alpha, config.average_every
    if alpha is None:
        own = ALPHAS[DEFAULT][first_street_of(config)]
        written = own.last if own.iterations == 0 else tuple(map(float, own))
        alpha = ALPHA_BEFORE if resuming else written
    if every is None:
        every = EVERY_BEFORE if resuming else EVERY[DEFAULT]
    return replace(config, alpha=alpha, average_every=every)


def first_street_of(config: SpotConfig) -> int:
    """Return on which street the spot begins, 0 flop to 2 river; flops where there is no board.

    A board that is none is refused elsewhere.
    """
    cards = len(STANDARD.parse(config.board)) if config.board else 3
    return min(max(cards - 3, 0), len(STREETS) - 1)


def _payoffs(config: SpotConfig) -> Payoffs:
    pot, stack = float(config.pot or 0), float(config.stack or 0)
    if config.payouts is not None:
        others = tuple(float(each) for each in config.other_stacks or ())
        if len(config.payouts) > 2 + len(others):
            raise UsageError(
                f"spot.payouts has {len(config.payouts)} places for {2 + len(others)} players; "
                "name the others in spot.other_stacks"
            )
        return IcmPayoffs(pot, stack, others, tuple(float(prize) for prize in config.payouts))
    cap = float("inf") if config.rake_cap is None else float(config.rake_cap)
    return ChipPayoffs(pot, float(config.rake_fraction or 0.0), cap)


def tree_rules(config: SpotConfig, first_street: int) -> TreeRules:
    """Return what the section says of betting trees from a street on, 0 flop to 2 river.

    Raises:
        UsageError: sizes that cannot be read, or of another number of streets.
    """
    streets = len(STREETS) - first_street
    menus = [
        tuple(_menu(config, player, street, streets) for player in (0, 1))
        for street in range(streets)
    ]
    nothing = Menu((), ())
    padded = [(nothing, nothing)] * first_street + [(both[0], both[1]) for both in menus]
    pot, stack = float(config.pot or 0), float(config.stack or 0)
    whole = min(pot, stack) >= _SMALL and pot.is_integer() and stack.is_integer()
    thresholds = Thresholds(
        add_allin=float(config.add_allin or 0.0),
        force_allin=float(config.force_allin or 0.0),
        merge=float(config.merge or 0.0),
        chip=float(config.chip) if config.chip is not None else (1.0 if whole else 0.01),
    )
    removed = frozenset(config.remove_lines or ())
    added = frozenset(config.add_lines or ())
    return TreeRules(first_street, pot, stack, tuple(padded), thresholds, removed, added)


def _menu(config: SpotConfig, player: int, street: int, streets: int) -> Menu:
    """Return what a player may bet on the ``street``-th street of the spot."""
    name = PLAYERS[player]
    lists = {}
    for kind in ("bets", "raises"):
        own = _of_street(getattr(config, f"{name}_{kind}"), f"{name}_{kind}", street, streets)
        both = _of_street(getattr(config, kind), kind, street, streets)
        lists[kind] = _parsed(own if own is not None else both, kind == "raises", kind)
    donk = _of_street(config.donk, "donk", street, streets) if player == OOP else None
    donks = None if donk is None else _parsed(donk, False, "donk")
    return Menu(lists["bets"], lists["raises"], donks)


def _of_street(lists: _Lists, key: str, street: int, streets: int) -> str | None:
    if lists is None or isinstance(lists, str):
        return lists
    if len(lists) not in (1, streets):
        raise UsageError(
            f"spot.{key} lists {len(lists)} streets, but the spot has {streets}; give one text "
            "for all, or one for each, first street of the spot first"
        )
    return lists[street if len(lists) > 1 else 0]


def _parsed(text: str | None, raises: bool, key: str) -> tuple[Size, ...]:
    return parse_sizes(text or NO_SIZES, raises=raises, place=f"spot.{key}")
