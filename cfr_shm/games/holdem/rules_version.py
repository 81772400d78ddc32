"""Which games mean something else than when earlier versions trained them, and why.

A run of such a game bears ``RULES`` in its configuration, and so in its fingerprint; runs that
were trained before are refused with the reason. All other games have no such mark: their runs
stay what they were.
"""

from __future__ import annotations

from collections.abc import Iterator

from cfr_shm.cards.deck import SUIT_COUNT
from cfr_shm.cards.suits import every_renaming
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import PREFLOP, RIVER, TURN, GameConfig
from cfr_shm.games.holdem.dealing import (
    asks_for_buckets,
    deck_of,
    is_listed_on_board,
    is_of_board,
    listed_renamings,
    needs_no_file,
    renamings_of,
)

#: Streets are the real ones by their board cards; suits are merged only where ranges and board
#: allow it; few hands on a fixed board are told apart.
RULES = 2

_FIXED_LIMIT = "fixed_limit"


def rules_version(config: GameConfig, abstraction: AbstractionConfig) -> int | None:
    """Return the mark that a new run of the game bears, None where nothing was corrected.

    Raises:
        GameError: ranges or a board that cannot be read.
    """
    return RULES if corrections(config, abstraction) else None


def corrections(config: GameConfig, abstraction: AbstractionConfig) -> tuple[str, ...]:
    """Return what earlier versions played otherwise in this game, each as half a sentence.

    Raises:
        GameError: ranges or a board that cannot be read.
    """
    return (*_of_betting(config), *_of_deals(config, abstraction))


def _of_betting(config: GameConfig) -> Iterator[str]:
    """Yield what streets numbered from 0, whatever the board, made of the betting."""
    streets, first = config.real_streets, config.street_names[0]
    later = streets[0] > PREFLOP
    if later and config.blinds is None:
        yield f"nobody posts a blind on the {first}"
    if later and config.rake_fraction and config.rake_from != "preflop":
        yield f"a pot won by a fold on the {first} pays rake"
    if config.bet_sizes is None:
        doubled = [street in (TURN, RIVER) for street in streets]
        before = [len(streets) == 4 and place >= 2 for place in range(len(streets))]
        if config.betting == _FIXED_LIMIT and doubled != before:
            yield "fixed-limit bets are twice as large on turn and river"
        if later and config.ante and config.big_blind:
            yield f"bets on the {first} go by the big blind, not by the ante"
    if later and config.betting == _FIXED_LIMIT and config.raise_caps is None:
        yield f"the {first} has a bet and three raises in fixed limit"


def _of_deals(config: GameConfig, abstraction: AbstractionConfig) -> Iterator[str]:
    """Yield what was told apart by suits only up to all renamings, or not at all."""
    deck = deck_of(config, abstraction)
    of_board = deck is not None and is_of_board(config, abstraction)
    if of_board or (deck is not None and is_listed_on_board(config, abstraction, deck)):
        if asks_for_buckets(abstraction):
            yield "buckets are made for the board and the ranges"
        else:
            yield "hands on the fixed board are told apart one by one"
        return
    if not config.board and config.ranges is None:
        return
    if deck is None:
        renamings = listed_renamings(config)
        merged = renamings == every_renaming(config.suits or SUIT_COUNT)
    else:
        file = not needs_no_file(config, abstraction)
        merged = file or renamings_of(config, deck) == every_renaming()
    if not merged:
        yield "suits are merged only where the ranges and the board allow it"
