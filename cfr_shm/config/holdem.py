"""Hold'em's keys of the config section ``game``.

Every key is null unless it is set, so that runs of other games keep their fingerprints. What
null stands for is settled in one place, by the properties of ``config.game.GameConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cfr_shm.config.fields import Section, amount, listed, real, text, whole, word

HOLDEM = "holdem"
STREET_NAMES = ("preflop", "flop", "turn", "river")
_MOST_CHIPS = 10**8
BIG_BLINDS = "bb"


def _chips() -> object:
    return whole(None, 0, _MOST_CHIPS, "")


@dataclass(frozen=True)
class HoldemKeys(Section):
    """What only hold'em may be told."""

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
        "[100, 200], and none where the game begins later than preflop: blinds are posted "
        "preflop only, later they lie in the pot (`dead`).",
    )
    big_blind: int | None = whole(
        None,
        1,
        _MOST_CHIPS,
        "What `bb` stands for, chips; null = the blind of seat 1, or else the largest. Bets go by "
        "it too where no blinds are posted.",
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
        "By street, the game's first street first, chips: the bet in fixed limit, otherwise the "
        "smallest bet; null = the big blind (in fixed limit twice that on turn and river).",
    )
    raise_caps: tuple[int, ...] | None = listed(
        whole(None, 0, 1000, ""),
        1,
        4,
        "By street, the game's first street first: bets and raises that the rules allow; null = "
        "no cap (in fixed limit three raises preflop, a bet and three raises later).",
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
        "dealt at the showdown. `[0]` is preflop only, `[4, 1]` begins on the turn; null = "
        "[0, 3, 1, 1].",
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
    rules: int | None = whole(
        None,
        1,
        1000,
        "Set by `train` where earlier versions played the game by other rules: the version of "
        "the rules that its run was trained by.",
        optional=True,
    )
