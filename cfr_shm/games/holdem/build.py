"""Hold'em as a game: the betting tree of a config, and the deals that go with it.

The standard deck (and the short and the royal one, where buckets are asked for) is dealt by a
kernel and played in buckets; board cards that no street deals come at the showdown. Other decks
are small: all their deals are listed (games/holdem/small_deck.py), so that everything exact works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.bucket_file import BucketFile
from cfr_shm.cards.deck import DECKS, STANDARD, SUIT_COUNT, Deck
from cfr_shm.cards.equity import RIVER
from cfr_shm.cards.isomorphism import BOARD_CARDS
from cfr_shm.cards.ranges import parse_range
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.game import Game, InfosetLabel, assemble_game
from cfr_shm.games.holdem.action_menu import compile_menu
from cfr_shm.games.holdem.betting import betting_rules
from cfr_shm.games.holdem.betting_tree import BettingTree, build_betting_tree
from cfr_shm.games.holdem.bucket_choice import DEFAULT, load_buckets, lossless_preflop
from cfr_shm.games.holdem.card_deals import holdem_deals
from cfr_shm.games.holdem.first_regrets import FirstRegrets, all_but_folds
from cfr_shm.games.holdem.hole_cards import DealtCards, HoleCards, ListedCards
from cfr_shm.games.holdem.public_lines import public_lines
from cfr_shm.games.holdem.small_deck import SmallDeck, list_deals
from cfr_shm.layout.betting import BettingRules
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.tree import DECISION

_DEFAULT_BOARD = (0, 3, 1, 1)

Report = Callable[[str], None]


class Dealt(NamedTuple):
    """What a game is dealt from."""

    deals: Deals
    bucket_file: BucketFile | None
    hands: tuple[tuple[str, ...], ...] | None  # by street and bucket, where deals are listed
    hole_cards: HoleCards
    unbeaten: int | None = None  # bucket of the last street whose hands cannot lose


def holdem(
    config: GameConfig, abstraction: AbstractionConfig, progress: Report | None = None
) -> Game:
    """Build the game that the two config sections describe.

    Args:
        config: section ``game``.
        abstraction: section ``abstraction``.
        progress: told every few seconds how far buckets or tree are.

    Raises:
        GameError: what is asked for cannot be played; names the key.
        ArrayStoreError: the bucket file is damaged.
    """
    rules = rules_of(config)
    dealt = _deal(config, abstraction, progress)
    menu = compile_menu(config, abstraction)
    betting = build_betting_tree(
        rules, menu, dealt.deals.bucket_count, abstraction.max_nodes, progress
    )
    big_blind = float(config.big_blind_chips) or None

    def infosets() -> Iterator[InfosetLabel]:
        yield from _labels(betting, dealt, big_blind)

    return assemble_game(
        betting.built,
        dealt.deals,
        name="holdem",
        parameters={"players": config.players, "big_blind": config.big_blind_chips},
        infosets=infosets,
        constant_sum=rules.rake_fraction == 0.0,
        unit="chips",
        bucket_file=dealt.bucket_file,
        big_blind=big_blind,
        betting=betting,
        hole_cards=dealt.hole_cards,
        first_regrets=_first_regrets(betting, dealt),
    )


def rules_of(config: GameConfig) -> BettingRules:
    """Return the betting rules that the section ``game`` asks for.

    Raises:
        GameError: values out of their range; names the key.
    """
    ante = config.ante
    return betting_rules(
        players=config.players,
        blinds=config.blind_chips,
        stacks=[int(chips) for chips in config.stack_chips],
        ante=0 if ante is None else ante,
        betting=config.betting or "no_limit",
        streets=config.real_streets,
        big_blind=config.big_blind,
        bet_sizes=config.bet_sizes,
        raise_caps=config.raise_caps,
        rake_fraction=config.rake_fraction or 0.0,
        rake_cap=config.rake_cap,
        rake_from=config.rake_from or "flop",
        dead=config.dead or 0,
    )


def deck_of(config: GameConfig, abstraction: AbstractionConfig) -> Deck | None:
    """Return the deck that a game is dealt from by the kernel, None where deals are listed."""
    ranks, suits = config.ranks or STANDARD.rank_count, config.suits or SUIT_COUNT
    found = [deck for deck in DECKS.values() if deck.rank_count == ranks]
    wants_buckets = (abstraction.buckets, abstraction.bucket_method, abstraction.bucket_counts)
    if suits != SUIT_COUNT or not found:
        return None
    return found[0] if found[0] is STANDARD or wants_buckets != (None, None, None) else None


def _deal(config: GameConfig, abstraction: AbstractionConfig, progress: Report | None) -> Dealt:
    deck = deck_of(config, abstraction)
    board_cards = config.board_cards or _DEFAULT_BOARD
    try:
        board = (deck or STANDARD).parse(config.board or "")
    except UsageError as error:
        raise GameError(f"game.board: {error}") from error
    ranges = _ranges(config, deck or STANDARD)
    if deck is None:
        small = SmallDeck(config.ranks or STANDARD.rank_count, config.suits or SUIT_COUNT)
        listed = list_deals(small, config.players, board_cards, board=board, ranges=ranges)
        seen = ListedCards(small, board_cards, listed.hands, board, ranges)
        return Dealt(listed.deals, None, listed.hands, seen)
    streets = played_streets(config)
    if needs_no_file(config, abstraction):
        buckets = lossless_preflop(deck)
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
    return Dealt(deals, file, None, DealtCards(deals), unbeaten)


def _first_regrets(betting: BettingTree, dealt: Dealt) -> FirstRegrets | None:
    if dealt.unbeaten is None:
        return None
    return all_but_folds(betting, dealt.deals.bucket_count.shape[1] - 1, dealt.unbeaten)


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
    board_cards = config.board_cards or _DEFAULT_BOARD
    shown = tuple(accumulate(board_cards))
    for first in range(len(BOARD_CARDS)):
        if BOARD_CARDS[first : first + len(shown)] == shown:
            return range(first, first + len(shown))
    raise GameError(
        f"game.board_cards {list(board_cards)}: buckets are made for boards of "
        f"{', '.join(map(str, BOARD_CARDS))} cards; deal those, or take a small deck (game.ranks)"
    )


def _ranges(config: GameConfig, deck: Deck) -> list[NDArray[np.float64]] | None:
    if config.ranges is None:
        return None
    found = []
    for seat, text in enumerate(config.ranges):
        try:
            found.append(parse_range(deck, text))
        except UsageError as error:
            raise GameError(f"game.ranges[{seat}]: {error}") from error
    return found


# --- names -------------------------------------------------------------------------------


def _labels(betting: BettingTree, dealt: Dealt, big_blind: float | None) -> Iterator[InfosetLabel]:
    """Name every infoset: seat, hand or bucket, and public line."""
    lines = public_lines(betting, big_blind)
    nodes = betting.built.tree.nodes
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        record = nodes[node]
        seat, street = int(record["actor"]), int(record["street"])
        first, base = int(record["first_child"]), int(record["row_base"])
        moves = tuple(betting.move[first : first + int(record["count"])].tolist())
        for bucket in range(int(dealt.deals.bucket_count[seat, street])):
            held = f"bucket {bucket}" if dealt.hands is None else dealt.hands[street][bucket]
            row = base + bucket * int(record["row_stride"])
            yield InfosetLabel(f"seat {seat}: {held} | {lines[node]}", seat, row, moves)
