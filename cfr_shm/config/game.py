"""The config section ``game``: the keys of all games, and what null stands for in hold'em."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

from cfr_shm.config.fields import Section, flag, text, whole
from cfr_shm.config.holdem import BIG_BLINDS, STREET_NAMES, HoldemKeys
from cfr_shm.config.reader import split_amount

BOARD_CARDS = (0, 3, 1, 1)
#: Board cards with which a game may begin.
FIRST_BOARDS = (0, 3, 4, 5)
PREFLOP, FLOP, TURN, RIVER = range(len(STREET_NAMES))
#: The street by the board cards that lie there.
_STREETS = (PREFLOP, FLOP, FLOP, FLOP, TURN, RIVER)


def real_streets(board_cards: Sequence[int]) -> tuple[int, ...]:
    """Return which streets are bet on, 0 preflop to 3 river, by the cards that lie there.

    Boards of few cards, as small decks have them, would name a street twice: each is at least
    the one after the one before.

    Args:
        board_cards: cards dealt to the board before each street's betting, at most 5 in all.

    >>> real_streets([4, 1]), real_streets([0, 1, 1]), real_streets([0, 5])
    ((2, 3), (0, 1, 2), (0, 3))
    """
    streets: list[int] = []
    for shown in accumulate(board_cards):
        least = streets[-1] + 1 if streets else PREFLOP
        streets.append(max(_STREETS[shown], least))
    return tuple(streets)


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


@dataclass(frozen=True)
class GameConfig(HoldemKeys, GameKeys):
    """Which game is trained."""

    @property
    def real_streets(self) -> tuple[int, ...]:
        """The streets that are bet on, 0 preflop to 3 river: a game may begin later."""
        return real_streets(self.board_cards or BOARD_CARDS)

    @property
    def street_names(self) -> tuple[str, ...]:
        """The streets that are bet on, by name."""
        return tuple(STREET_NAMES[street] for street in self.real_streets)

    @property
    def blind_chips(self) -> tuple[int, ...]:
        """Chips by seat, as far as given; nobody posts any from the flop on."""
        if self.blinds is None:
            return (100, 200) if self.real_streets[0] == PREFLOP else (0, 0)
        return self.blinds

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
