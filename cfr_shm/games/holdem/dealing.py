"""What a hold'em game is dealt from: a kernel and buckets, or a list of all deals.

The standard deck (and the short and the royal one, where buckets are asked for) is dealt by a
kernel and played in buckets; board cards that no street deals come at the showdown. Other decks
are small: all their deals are listed (games/holdem/small_deck.py). So are those of any deck
where the board is fixed and the ranges leave few: hand by hand, or, where buckets are asked for,
in buckets of these very hands (games/holdem/board_buckets.py). On a fixed board with more deals
the kernel deals, hand by hand or in buckets likewise (games/holdem/board_equities.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.abstraction import MAX_BUCKETS
from cfr_shm.cards.bucket_file import BucketFile
from cfr_shm.cards.buckets import Buckets, cached_path
from cfr_shm.cards.deck import DECKS, STANDARD, SUIT_COUNT, Deck
from cfr_shm.cards.equity import RIVER
from cfr_shm.cards.isomorphism import BOARD_CARDS
from cfr_shm.cards.ranges import parse_range
from cfr_shm.cards.suits import Renaming, every_renaming, kept_renamings
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import BOARD_CARDS as DEFAULT_BOARD
from cfr_shm.config.game import GameConfig
from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.holdem.board_buckets import share_buckets, street_buckets
from cfr_shm.games.holdem.board_equities import buckets_of_board
from cfr_shm.games.holdem.bucket_choice import (
    DEFAULT,
    bucket_spec,
    load_buckets,
    lossless_preflop,
)
from cfr_shm.games.holdem.card_deals import holdem_deals
from cfr_shm.games.holdem.hole_cards import DealtCards, HoleCards, ListedCards
from cfr_shm.games.holdem.shared_hands import sharing_of_buckets, sharing_of_suits
from cfr_shm.games.holdem.small_deck import (
    Drawn,
    SmallDeck,
    count_deals,
    deal_parts,
    draw_all,
    merging_renamings,
)
from cfr_shm.games.trees.deals import table_deals
from cfr_shm.layout.cards import FULL_BOARD
from cfr_shm.layout.deals import Deals

Report = Callable[[str], None]
_FLOP = 3
_Ranges = Sequence[NDArray[np.float64]] | None

#: Why best responses on the deals of a game whose hands share buckets are not those of the game.
SHARED = (
    "its hands share buckets, which its list of deals cannot tell apart; 'cfr-shm eval DIR"
    " --method exact' looks at every hand"
)


class Dealt(NamedTuple):
    """What a game is dealt from."""

    deals: Deals
    bucket_file: BucketFile | None
    hands: tuple[Sequence[str], ...] | None  # by street and bucket, where deals are hand by hand
    hole_cards: HoleCards
    unbeaten: int | None = None  # bucket of the last street whose hands cannot lose
    merged: str | None = None  # why exact figures cannot be had from the list of deals
    warnings: tuple[str, ...] = ()  # which starting hands share rows though they are not alike


def dealt_from(
    config: GameConfig, abstraction: AbstractionConfig, progress: Report | None = None
) -> Dealt:
    """Deal the game that the two config sections describe.

    Raises:
        GameError: what is asked for cannot be dealt; names the key.
        ArrayStoreError: the bucket file is damaged.
    """
    if is_listed(config, abstraction):
        return _listed(config, abstraction)
    deck = _drawn_deck(config, abstraction)
    board, ranges = board_of(config, deck), ranges_of(config, deck)
    streets = played_streets(config)
    renamings = renamings_of(config, deck)
    alone = needs_no_file(config, abstraction)
    if alone:
        buckets = lossless_preflop(deck, renamings)
    elif is_of_board(config, abstraction):
        if progress:
            progress(f"looking at every hand on the boards that begin with {config.board}")
        buckets, alone = _of_board(config, abstraction, deck)
    else:
        buckets = load_buckets(abstraction, deck, streets, progress)
    deals = holdem_deals(
        buckets,
        config.players,
        len(streets),
        first_street=streets.start,
        board=board,
        ranges=ranges,
    )
    file = buckets.file if buckets.fingerprint else None
    unbeaten = buckets.unbeaten if streets[-1] == RIVER else None
    cards = DealtCards(deals)
    warnings = () if alone else sharing_of_suits(cards, config.players, renamings)
    if not alone and not file and not asks_for_buckets(abstraction):
        warnings = (*warnings, _too_many_to_tell_apart(config))
    if file and (board or ranges) and abstraction.buckets in (None, DEFAULT):
        warnings = (*warnings, _of_the_whole_game(config, len(board)))
    return Dealt(deals, file, None, cards, unbeaten, warnings=warnings)


def unbuilt_buckets(config: GameConfig, abstraction: AbstractionConfig) -> Path | None:
    """Return where the buckets of a game are to lie that nobody has built yet, None of others.

    Dealing such a game builds them, which takes all cores for a minute or more.

    Raises:
        GameError: what is asked for cannot be dealt; names the key.
    """
    named = abstraction.buckets not in (None, DEFAULT)
    if named or is_listed(config, abstraction) or needs_no_file(config, abstraction):
        return None
    if is_of_board(config, abstraction):
        return None
    deck = _drawn_deck(config, abstraction)
    path = cached_path(bucket_spec(abstraction, deck, played_streets(config)))
    return None if path.exists() else path


def _too_many_to_tell_apart(config: GameConfig) -> str:
    """Say that a fixed board has more hands than buckets, and what plays it hand by hand."""
    alone = "; 'cfr-shm solve' plays this board hand by hand" if config.players == 2 else ""
    return (
        f"the boards that begin with game.board have more than {MAX_BUCKETS:,} hands on a street: "
        f"hands share buckets, made for these boards and ranges{alone}"
    )


def _of_the_whole_game(config: GameConfig, fixed: int) -> str:
    """Say that buckets know nothing of ranges and fixed cards, and what would."""
    made_for = ["game.ranges"] if config.ranges is not None else []
    made_for += [f"the {fixed} card{'s' * (fixed > 1)} of game.board"] if fixed else []
    alone = ", and 'cfr-shm solve' plays it hand by hand" if config.players == 2 else ""
    return (
        f"card buckets are those of the whole game, not made for {' and '.join(made_for)}: hands "
        f"that these tell apart may share one; for a game.board of {_FLOP} cards and more they are "
        f"made for it and for the ranges{alone}"
    )


def is_of_board(config: GameConfig, abstraction: AbstractionConfig) -> bool:
    """Tell whether hands that a kernel deals are told apart, or share buckets, by the board.

    So it is from three fixed cards on, but for a bucket file that is named; and where nobody
    ever sees the board, and nothing is said of buckets, hands are told apart as they are dealt.
    """
    few = len(board_of(config, STANDARD)) < _FLOP
    if few or abstraction.buckets not in (None, DEFAULT):
        return False
    return not needs_no_file(config, abstraction)


@lru_cache(maxsize=1)
def _of_board(
    config: GameConfig, abstraction: AbstractionConfig, deck: Deck
) -> tuple[Buckets, bool]:
    """Return buckets of the fixed board, and whether each hand has its own; the last are kept."""
    streets = played_streets(config)
    asked = asks_for_buckets(abstraction)
    spec = bucket_spec(abstraction, deck, streets) if asked else None
    every = np.ones(deck.card_count * (deck.card_count - 1) // 2)
    ranges = ranges_of(config, deck) or [every] * config.players
    return buckets_of_board(deck, board_of(config, deck), ranges, streets, spec)


def deck_of(config: GameConfig, abstraction: AbstractionConfig) -> Deck | None:
    """Return the deck that a kernel deals from, None where all boards' deals are listed."""
    ranks, suits = config.ranks or STANDARD.rank_count, config.suits or SUIT_COUNT
    found = [deck for deck in DECKS.values() if deck.rank_count == ranks]
    if suits != SUIT_COUNT or not found:
        return None
    return found[0] if found[0] is STANDARD or asks_for_buckets(abstraction) else None


def _drawn_deck(config: GameConfig, abstraction: AbstractionConfig) -> Deck:
    deck = deck_of(config, abstraction)
    if deck is None:
        raise GameError("game.ranks: the deals of this deck are listed")
    return deck


def asks_for_buckets(abstraction: AbstractionConfig) -> bool:
    """Tell whether a config names buckets, of whatever kind."""
    wanted = (abstraction.buckets, abstraction.bucket_method, abstraction.bucket_counts)
    return wanted != (None, None, None)


def is_listed(config: GameConfig, abstraction: AbstractionConfig) -> bool:
    """Tell whether all deals are listed: of a small deck, or on a fixed board of any.

    Raises:
        GameError: ranges or a board that cannot be read.
    """
    deck = deck_of(config, abstraction)
    return deck is None or is_listed_on_board(config, abstraction, deck)


def is_listed_on_board(config: GameConfig, abstraction: AbstractionConfig, deck: Deck) -> bool:
    """Tell whether the board is fixed and so few deals are left that they are listed.

    A bucket file that is named is played with as it is.
    """
    if not config.board or abstraction.buckets not in (None, DEFAULT):
        return False
    played_streets(config)
    return _few_deals(config, deck)


@lru_cache(maxsize=8)
def _few_deals(config: GameConfig, deck: Deck) -> bool:
    ranges_of(config, deck)  # Refused by the deck's own ranks.
    small, cards = _small(config), config.board_cards or DEFAULT_BOARD
    board = [card + _shift(deck) for card in board_of(config, deck)]
    later = FULL_BOARD - sum(cards)
    ranges = ranges_of(config, STANDARD)
    return count_deals(small, config.players, cards, later, board, ranges) is not None


@lru_cache(maxsize=1)
def _listed(config: GameConfig, abstraction: AbstractionConfig) -> Dealt:
    """List the deals; the last list is kept, for several steps of one command ask for it."""
    deck = deck_of(config, abstraction)
    small, cards = _small(config), config.board_cards or DEFAULT_BOARD
    board, ranges = board_of(config, STANDARD), ranges_of(config, STANDARD)
    later = 0 if deck is None else FULL_BOARD - sum(cards)
    ranking = deck or STANDARD
    drawn = draw_all(
        small,
        config.players,
        cards,
        showdown_cards=later,
        board=board,
        ranges=ranges,
        ranking=ranking,
    )
    seen = ListedCards(
        small,
        cards,
        drawn.hands,
        board,
        ranges,
        drawn.renamings,
        later_cards=later,
        ranking=ranking,
        given=_given(drawn),
    )
    if deck is None or not asks_for_buckets(abstraction):
        deals = table_deals(drawn.weight, drawn.bucket, drawn.strength)
        return Dealt(deals, None, drawn.hands, seen)
    spec = bucket_spec(abstraction, deck, played_streets(config))
    coarse = share_buckets(drawn, street_buckets(spec, config.real_streets))
    bucket = np.stack(
        [each[drawn.bucket[:, :, street]] for street, each in enumerate(coarse)], axis=2
    )
    deals = table_deals(drawn.weight, bucket, drawn.strength)
    shared = replace(seen, coarse=coarse)
    warnings = sharing_of_buckets(shared, config.players)
    return Dealt(deals, None, None, shared, merged=SHARED, warnings=warnings)


def _given(drawn: Drawn) -> tuple[NDArray[np.bool_], ...]:
    """Return by street (players, hands) whether some deal gives a seat the hand."""
    _, players, streets = drawn.bucket.shape
    found = tuple(np.zeros((players, len(hands)), np.bool_) for hands in drawn.hands)
    for street, player in product(range(streets), range(players)):
        found[street][player, drawn.bucket[:, player, street]] = True
    return found


def _small(config: GameConfig) -> SmallDeck:
    return SmallDeck(config.ranks or STANDARD.rank_count, config.suits or SUIT_COUNT)


def _shift(deck: Deck) -> int:
    """Return what turns a deck's card into the standard deck's."""
    return STANDARD.card_count - deck.card_count


def needs_no_file(config: GameConfig, abstraction: AbstractionConfig) -> bool:
    """Tell whether every hand has a bucket of its own, so that no file is built for them."""
    asked = (abstraction.bucket_method, abstraction.bucket_counts)
    named = abstraction.buckets not in (None, DEFAULT)
    return tuple(played_streets(config)) == (0,) and asked == (None, None) and not named


def played_streets(config: GameConfig) -> range:
    """Return the streets of the cards, 0 preflop; buckets are made for 0, 3, 4 and 5 board cards.

    Raises:
        GameError: other boards are bet on.
    """
    board_cards = config.board_cards or DEFAULT_BOARD
    shown = tuple(accumulate(board_cards))
    for first in range(len(BOARD_CARDS)):
        if BOARD_CARDS[first : first + len(shown)] == shown:
            return range(first, first + len(shown))
    raise GameError(
        f"game.board_cards {list(board_cards)}: buckets are made for boards of "
        f"{', '.join(map(str, BOARD_CARDS))} cards; deal those, or take a small deck (game.ranks)"
    )


def listed_renamings(config: GameConfig) -> tuple[Renaming, ...]:
    """Return the renamings of suits that hands of a listed small deck are merged by."""
    parts = deal_parts(config.board_cards or DEFAULT_BOARD, 0, board_of(config, STANDARD))
    return merging_renamings(_small(config), parts, ranges_of(config, STANDARD))


def renamings_of(config: GameConfig, deck: Deck) -> tuple[Renaming, ...]:
    """Return the renamings of suits that leave the ranges and the fixed board as they are."""
    board, fixed, begin = board_of(config, deck), [], 0
    for count in (*(config.board_cards or DEFAULT_BOARD), FULL_BOARD):
        fixed.append(board[begin : begin + count])
        begin += count
    if not board and config.ranges is None:
        return every_renaming()
    return kept_renamings(deck, ranges_of(config, deck), fixed)


def board_of(config: GameConfig, deck: Deck) -> tuple[int, ...]:
    """Return the cards of the fixed board.

    Raises:
        GameError: the key, and what is wrong.
    """
    try:
        return deck.parse(config.board or "")
    except UsageError as error:
        raise GameError(f"game.board: {error}") from error


def ranges_of(config: GameConfig, deck: Deck) -> list[NDArray[np.float64]] | None:
    """Return each seat's weights over the deck's hands, None for all alike.

    Raises:
        GameError: the key, and what is wrong.
    """
    if config.ranges is None:
        return None
    found = []
    for seat, text in enumerate(config.ranges):
        try:
            found.append(parse_range(deck, text))
        except UsageError as error:
            raise GameError(f"game.ranges[{seat}]: {error}") from error
    return found
