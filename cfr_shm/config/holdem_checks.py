"""Hold'em keys that are fine alone and not together."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

from cfr_shm.config.abstraction import ALL_IN, TIMES, AbstractionConfig, Menu
from cfr_shm.config.game import BOARD_CARDS, FIRST_BOARDS, PREFLOP, GameConfig
from cfr_shm.config.holdem import BIG_BLINDS, HOLDEM, STREET_NAMES, HoldemKeys
from cfr_shm.config.reader import split_amount
from cfr_shm.errors import ConfigError

_GAME_KEYS = tuple(entry.name for entry in fields(HoldemKeys))
_MULTIWAY_KEYS = (
    "multiway_players",
    "max_raises_multiway",
    "max_flop_players",
    *(f"multiway_{street}" for street in STREET_NAMES),
)

#: Keys that say nothing without another one, and what that has to be.
_NEEDS = (
    ("game.rake_cap", "game.rake_fraction", None),
    ("game.rake_from", "game.rake_fraction", None),
    ("abstraction.allin_pots", "abstraction.allin", "pots"),
    ("abstraction.allin_rule", "abstraction.allin_threshold", None),
)


def check_holdem(game: GameConfig, abstraction: AbstractionConfig) -> None:
    """Refuse hold'em keys that do not go together; a message begins with the key.

    Raises:
        ConfigError: the first of them.
    """
    if game.name != HOLDEM:
        _refuse_all(game, abstraction)
        return
    _check_streets(game, abstraction)
    _check_seats(game)
    _check_chips(game)
    _check_needs(game, abstraction)
    if game.players == 2:
        for key in _MULTIWAY_KEYS:
            if getattr(abstraction, key) is not None:
                raise ConfigError(
                    f"abstraction.{key}: with game.players 2 no hand is multiway; leave it out"
                )
    for street in game.street_names:
        for prefix in ("", "multiway_"):
            _check_menu(game, f"{prefix}{street}", getattr(abstraction, f"{prefix}{street}"))


def _refuse_all(game: GameConfig, abstraction: AbstractionConfig) -> None:
    given = [f"game.{key}" for key in _GAME_KEYS if getattr(game, key) is not None]
    given += [
        f"abstraction.{entry.name}"
        for entry in fields(abstraction)
        if getattr(abstraction, entry.name) is not None
    ]
    if given:
        raise ConfigError(f"{given[0]} is for game holdem, not for {game.name}; leave it out")


def _check_streets(game: GameConfig, abstraction: AbstractionConfig) -> None:
    board = game.board_cards or BOARD_CARDS
    if board[0] not in FIRST_BOARDS or sum(board) > 5 or 0 in board[1:]:
        raise ConfigError(
            f"game.board_cards {list(board)}: begin with 0, 3, 4 or 5 cards, deal some before "
            "each later street, and 5 in all at most"
        )
    if FIRST_BOARDS.index(board[0]) + len(board) > len(STREET_NAMES):
        raise ConfigError(
            f"game.board_cards {list(board)}: too many streets after a board of {board[0]}"
        )
    if game.real_streets[0] > PREFLOP:
        _check_later_start(game, abstraction)
    names = game.street_names
    for street in STREET_NAMES:
        for key in (street, f"multiway_{street}"):
            if getattr(abstraction, key) is not None and street not in names:
                raise ConfigError(
                    f"abstraction.{key}: there is no {street}; game.board_cards makes the "
                    f"streets {', '.join(names)}"
                )
    by_street = {
        "game.bet_sizes": game.bet_sizes,
        "game.raise_caps": game.raise_caps,
        "abstraction.max_raises": abstraction.max_raises,
        "abstraction.max_raises_multiway": abstraction.max_raises_multiway,
        "abstraction.bucket_counts": abstraction.bucket_counts,
    }
    for key, given in by_street.items():
        if isinstance(given, tuple) and len(given) != len(names):
            raise ConfigError(
                f"{key} has {len(given)} values for {len(names)} streets ({', '.join(names)})"
            )


def _check_later_start(game: GameConfig, abstraction: AbstractionConfig) -> None:
    """Refuse what only a game that begins preflop can have."""
    first = game.street_names[0]
    if any(game.blind_chips):
        total = sum(game.blind_chips) + (game.dead or 0)
        raise ConfigError(
            f"game.blinds: blinds are posted preflop and this game begins on the {first}, where "
            f"what was put in before lies in the pot: write blinds: [0, 0], dead: {total} and "
            f"big_blind: {game.big_blind_chips}, and stacks as they are on the {first}"
        )
    if not game.dead and not game.ante:
        raise ConfigError(
            f"game.dead: this game begins on the {first} with an empty pot, for blinds are posted "
            f"preflop only: write dead: what lies in the pot, and stacks as they are on the {first}"
        )
    if abstraction.max_flop_players is not None:
        raise ConfigError(
            f"abstraction.max_flop_players: the flop is there when the game begins on the {first}; "
            "leave it out"
        )
    down = abstraction.check_down_above
    if down is not None and down < game.players:
        raise ConfigError(
            f"abstraction.check_down_above: {game.players} players begin on the {first}, so that "
            f"with {down} nobody would ever bet; leave it out"
        )


def _check_seats(game: GameConfig) -> None:
    if len(game.blind_chips) > game.players:
        raise ConfigError(f"game.blinds: {len(game.blind_chips)} blinds for {game.players} players")
    for key in ("ante", "stacks", "ranges"):
        given = getattr(game, key)
        if isinstance(given, tuple) and len(given) != game.players:
            raise ConfigError(
                f"game.{key} has {len(given)} values for {game.players} players; give one per seat"
            )
    deck, board = (game.ranks or 13) * (game.suits or 4), sum(game.board_cards or BOARD_CARDS)
    if deck < 2 * game.players + board:
        raise ConfigError(
            f"game.ranks: a deck of {deck} cards is too small for {game.players} hands and "
            f"{board} board cards"
        )


def _check_chips(game: GameConfig) -> None:
    written = game.stacks
    for place, each in enumerate(written if isinstance(written, tuple) else (written or "100bb",)):
        key = f"game.stacks[{place}]" if isinstance(written, tuple) else "game.stacks"
        if split_amount(each)[1] == BIG_BLINDS and game.big_blind_chips == 0:
            raise ConfigError(f"{key}: {each} needs a big blind; set game.big_blind, or use chips")
        if game.chips(each) % 1:
            raise ConfigError(
                f"{key}: {each} is {game.chips(each).normalize():f} chips; chips are whole"
            )


def _check_needs(game: GameConfig, abstraction: AbstractionConfig) -> None:
    sections = {"game": game, "abstraction": abstraction}

    def value(key: str) -> object:
        section, _, name = key.partition(".")
        return getattr(sections[section], name)

    for key, other, wanted in _NEEDS:
        found = value(other)
        if value(key) is not None and (found is None or wanted not in (None, found)):
            raise ConfigError(f"{key} needs {other}{f' {wanted}' if wanted else ''}")
    if abstraction.buckets not in (None, "default"):
        for name in ("bucket_method", "bucket_counts"):
            if getattr(abstraction, name) is not None:
                raise ConfigError(
                    f"abstraction.{name}: the file in abstraction.buckets has its own; leave "
                    "one of them out"
                )


def _check_menu(game: GameConfig, key: str, menu: Menu | None) -> None:
    """Refuse sizes that are out of order, cannot be raises, or mean nothing here."""
    if menu is None:
        return
    key = f"abstraction.{key}"
    if game.betting == "fixed_limit":
        raise ConfigError(f"{key}: game.betting fixed_limit has one size of bet; leave it out")
    lowest = Decimal(0)
    for level, sizes in enumerate(menu):
        by_unit: dict[str, list[Decimal]] = {}
        for place, size in enumerate(sizes):
            where = f"{key}[{level}][{place}]"
            number, unit = (Decimal(0), ALL_IN) if size == ALL_IN else split_amount(size)
            if by_unit.get(unit) and number <= by_unit[unit][-1]:
                raise ConfigError(f"{where}: {size} follows a size that is as large; sort them")
            if unit == BIG_BLINDS and game.big_blind_chips == 0:
                raise ConfigError(f"{where}: {size} needs a big blind; set game.big_blind")
            if unit == TIMES and number <= 1:
                raise ConfigError(f"{where}: {size} is no raise; write more than 1x")
            if unit == BIG_BLINDS and number <= lowest:
                raise ConfigError(
                    f"{where}: {size} is not above the {lowest.normalize():f}bb of the raise "
                    "before it; levels must increase"
                )
            by_unit.setdefault(unit, []).append(number)
        if by_unit.get(BIG_BLINDS):
            lowest = min(by_unit[BIG_BLINDS])
