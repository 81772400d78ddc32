"""Hold'em in the configuration: the rest of section ``game``, and section ``abstraction``.

Every key is null unless it is set, so that runs of other games keep their fingerprints. What
null stands for is settled here, in one place, by the properties below.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Literal

from cfr_shm.config_fields import Section, amount, flag, listed, real, text, whole, word
from cfr_shm.config_game import GameKeys
from cfr_shm.config_reader import split_amount
from cfr_shm.errors import ConfigError

HOLDEM = "holdem"

STREET_NAMES = ("preflop", "flop", "turn", "river")
_FIRST_STREETS = {0: 0, 3: 1, 4: 2, 5: 3}
_BOARD_CARDS = (0, 3, 1, 1)
_MOST_CHIPS = 10**8

ALL_IN = "allin"
BIG_BLINDS = "bb"
TIMES = "x"

#: What a street's menu is when the config is silent: a bet of the pot, or everything.
DEFAULT_MENU = (("1", ALL_IN),)
DEFAULT_MULTIWAY_PLAYERS = 3
DEFAULT_MAX_NODES = 30_000_000

Menu = tuple[tuple[str, ...], ...]


def _chips() -> object:
    return whole(None, 0, _MOST_CHIPS, "")


@dataclass(frozen=True)
class GameConfig(GameKeys):
    """Which game is trained."""

    betting: Literal["no_limit", "pot_limit", "fixed_limit"] | None = word(
        None,
        ("no_limit", "pot_limit", "fixed_limit"),
        "`holdem` only, as are all keys of this section from here on: the betting; null = "
        "no_limit. Seat 0 is the small blind and the last seat the button; with two players "
        "seat 0 is both.",
        optional=True,
    )
    blinds: tuple[int, ...] | None = listed(
        _chips(),
        1,
        10,
        "Blinds by seat, chips; later seats may straddle, missing ones post nothing. null = "
        "[100, 200].",
    )
    big_blind: int | None = whole(
        None,
        1,
        _MOST_CHIPS,
        "What `bb` stands for, chips; null = the blind of seat 1, or else the largest.",
        optional=True,
    )
    ante: int | tuple[int, ...] | None = listed(
        _chips(), 2, 10, "Ante of each seat, chips, or by seat; null = 0.", alone=True
    )
    stacks: str | tuple[str, ...] | None = listed(
        amount(None, 1, _MOST_CHIPS, "", units=("", BIG_BLINDS)),
        2,
        10,
        "Stack of each seat, or by seat, before antes and blinds: chips, or big blinds as in "
        "`100bb`; null = 100bb.",
        alone=True,
    )
    dead: int | None = whole(
        None, 0, _MOST_CHIPS, "Chips in the pot that no seat put in; null = 0.", optional=True
    )
    bet_sizes: tuple[int, ...] | None = listed(
        whole(None, 1, _MOST_CHIPS, ""),
        1,
        4,
        "By street, chips: the bet in fixed limit, otherwise the smallest bet; null = the big "
        "blind (in fixed limit twice that on turn and river).",
    )
    raise_caps: tuple[int, ...] | None = listed(
        whole(None, 0, 1000, ""),
        1,
        4,
        "By street: bets and raises that the rules allow; null = no cap (in fixed limit three "
        "raises preflop, a bet and three raises later).",
    )
    rake_fraction: float | None = real(
        None, 0.0, 0.5, "Share of the pots that the house takes; null = 0.", optional=True
    )
    rake_cap: int | None = whole(
        None, 0, _MOST_CHIPS, "Most rake of a hand, chips; null = no cap.", optional=True
    )
    rake_from: Literal["preflop", "flop"] | None = word(
        None,
        ("preflop", "flop"),
        "First street with rake: `flop` (no flop, no drop) or `preflop`; null = flop.",
        optional=True,
    )
    ranks: int | None = whole(
        None, 2, 13, "Ranks in the deck, the highest ones; null = 13.", optional=True
    )
    suits: int | None = whole(None, 1, 4, "Suits in the deck; null = 4.", optional=True)
    board_cards: tuple[int, ...] | None = listed(
        whole(None, 0, 5, ""),
        1,
        4,
        "Board cards dealt before each street's betting; what is missing to the whole board is "
        "dealt at the showdown. `[0]` is preflop only; null = [0, 3, 1, 1].",
    )
    ranges: tuple[str, ...] | None = listed(
        text(None, ""),
        2,
        10,
        'Hands that each seat is dealt, by seat, such as `"AA,KK-TT,AKs,AQo:0.75"`; null = all.',
    )
    board: str | None = text(
        None, "First board cards of a subgame, such as `7c 8c 9d`; null = none.", optional=True
    )

    @property
    def street_names(self) -> tuple[str, ...]:
        """The streets that are bet on, by name: a game may begin later or end earlier."""
        board = self.board_cards or _BOARD_CARDS
        first = _FIRST_STREETS[board[0]]
        return STREET_NAMES[first : first + len(board)]

    @property
    def blind_chips(self) -> tuple[int, ...]:
        """Chips by seat, as far as given."""
        return (100, 200) if self.blinds is None else self.blinds

    @property
    def big_blind_chips(self) -> int:
        """What ``bb`` stands for; 0 where nothing says it."""
        blinds = self.blind_chips
        return self.big_blind or (blinds[1:] or blinds)[0] or max(blinds)

    def chips(self, written: str) -> Decimal:
        """Return how many chips a number without unit, or with ``bb``, stands for."""
        number, unit = split_amount(written)
        return number * self.big_blind_chips if unit == BIG_BLINDS else number

    @property
    def stack_chips(self) -> tuple[Decimal, ...]:
        """Chips by seat, for every seat."""
        given = "100bb" if self.stacks is None else self.stacks
        by_seat = (given,) * self.players if isinstance(given, str) else given
        return tuple(map(self.chips, by_seat))


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
        "Which hands play alike: `default`, or a FILE of `cfr-shm buckets build`; null = "
        "default, or built once by `bucket_method` and `bucket_counts`.",
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


# --- checks ------------------------------------------------------------------------------

_GAME_KEYS = tuple(
    entry.name for entry in fields(GameConfig) if entry.name not in GameKeys.__dataclass_fields__
)
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
    board = game.board_cards or _BOARD_CARDS
    if board[0] not in _FIRST_STREETS or sum(board) > 5 or 0 in board[1:]:
        raise ConfigError(
            f"game.board_cards {list(board)}: begin with 0, 3, 4 or 5 cards, deal some before "
            "each later street, and 5 in all at most"
        )
    if _FIRST_STREETS[board[0]] + len(board) > len(STREET_NAMES):
        raise ConfigError(
            f"game.board_cards {list(board)}: too many streets after a board of {board[0]}"
        )
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


def _check_seats(game: GameConfig) -> None:
    if len(game.blind_chips) > game.players:
        raise ConfigError(f"game.blinds: {len(game.blind_chips)} blinds for {game.players} players")
    for key in ("ante", "stacks", "ranges"):
        given = getattr(game, key)
        if isinstance(given, tuple) and len(given) != game.players:
            raise ConfigError(
                f"game.{key} has {len(given)} values for {game.players} players; give one per seat"
            )
    deck, board = (game.ranks or 13) * (game.suits or 4), sum(game.board_cards or _BOARD_CARDS)
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
