"""How large a hold'em game will be, before its buckets are built or its tree is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.abstraction import LOSSLESS, BucketSpec
from cfr_shm.cards.bucket_file import file_bytes, narrowest
from cfr_shm.cards.buckets import cached_path
from cfr_shm.cards.deck import Deck
from cfr_shm.cards.isomorphism import card_index, preflop_index
from cfr_shm.config.abstraction import AbstractionConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.games.game import Game, assemble_game
from cfr_shm.games.holdem.action_menu import compile_menu, size_names
from cfr_shm.games.holdem.betting_tree import TreeSize, build_betting_tree, measure_betting_tree
from cfr_shm.games.holdem.bucket_choice import DEFAULT, bucket_spec, load_buckets
from cfr_shm.games.holdem.build import rules_of
from cfr_shm.games.holdem.dealing import (
    dealt_from,
    deck_of,
    is_listed,
    is_of_board,
    needs_no_file,
    played_streets,
    renamings_of,
)
from cfr_shm.games.trees.deals import uniform_deals
from cfr_shm.layout.cards import BUCKET_ARRAYS

Report = Callable[[str], None]


def buckets_are_ready(config: GameConfig, abstraction: AbstractionConfig) -> bool:
    """Tell whether the game can be dealt at once: its buckets are there, or need no building."""
    deck = deck_of(config, abstraction)
    if deck is None or is_listed(config, abstraction) or needs_no_file(config, abstraction):
        return True
    if abstraction.buckets not in (None, DEFAULT) or is_of_board(config, abstraction):
        return True
    return cached_path(bucket_spec(abstraction, deck, played_streets(config))).exists()


def bucket_counts(config: GameConfig, abstraction: AbstractionConfig) -> NDArray[np.int64]:
    """Return the buckets of each player on each street, (players, streets), building none.

    Raises:
        GameError: a bucket file that is not there or does not fit, or a bad specification.
    """
    deck = deck_of(config, abstraction)
    of_board = is_of_board(config, abstraction)
    if deck is None or of_board or is_listed(config, abstraction):
        return np.array(dealt_from(config, abstraction).deals.bucket_count)
    streets = played_streets(config)
    if needs_no_file(config, abstraction):
        counts = [int(preflop_index(deck, renamings_of(config, deck)).hand_count[0])]
    elif buckets_are_ready(config, abstraction):
        found = load_buckets(abstraction, deck, streets).counts
        counts = [int(found[street]) for street in streets]
    else:
        counts = _specified(deck, streets, bucket_spec(abstraction, deck, streets))
    return np.array([counts] * config.players, np.int64)


def _specified(deck: Deck, streets: range, spec: BucketSpec) -> list[int]:
    hands = card_index(deck).hand_count
    return [
        int(hands[street])
        if spec.methods[street] == LOSSLESS
        else min(spec.counts[street], int(hands[street]))
        for street in streets
    ]


def bucket_bytes(config: GameConfig, abstraction: AbstractionConfig) -> int:
    """Return the bytes of card buckets that a run has in memory, building and reading none.

    Raises:
        GameError: a bad specification.
        ArrayStoreError: the bucket file is none.
    """
    deck = deck_of(config, abstraction)
    if deck is None or needs_no_file(config, abstraction) or is_listed(config, abstraction):
        return 0
    if is_of_board(config, abstraction):
        cards = dealt_from(config, abstraction).deals.cards
        return sum(getattr(cards, name).nbytes for name in BUCKET_ARRAYS)
    if abstraction.buckets not in (None, DEFAULT):
        return file_bytes(Path(str(abstraction.buckets)))
    spec = bucket_spec(abstraction, deck, played_streets(config))
    counts = _specified(deck, range(len(spec.counts)), spec)
    widths = np.array([narrowest(count).itemsize for count in counts])
    return int((card_index(deck).hand_count * widths).sum())


def measure_holdem(
    config: GameConfig, abstraction: AbstractionConfig, progress: Report | None = None
) -> TreeSize:
    """Count the nodes and rows of a game, in a second or so for ten million nodes.

    Raises:
        GameError: as ``holdem`` says.
    """
    return measure_betting_tree(
        rules_of(config),
        compile_menu(config, abstraction),
        bucket_counts(config, abstraction),
        abstraction.max_nodes,
        progress,
    )


def unused_sizes(
    config: GameConfig, abstraction: AbstractionConfig, size: TreeSize
) -> tuple[str, ...]:
    """Return the keys of the menu's sizes that are no move of any node."""
    names = size_names(config, abstraction)
    return tuple(
        name for name, used in zip(names, size.size_used, strict=True) if name and not used
    )


def stand_in(
    config: GameConfig,
    abstraction: AbstractionConfig,
    counts: NDArray[np.int64],
    progress: Report | None = None,
) -> Game:
    """Build the game with buckets that are drawn uniformly instead of dealt.

    The tree is the game's own, and rows are found as in the game, with ``counts`` buckets.
    """
    betting = build_betting_tree(
        rules_of(config), compile_menu(config, abstraction), counts, abstraction.max_nodes, progress
    )
    return assemble_game(
        betting.built,
        uniform_deals(counts),
        name="holdem",
        infosets=lambda: iter(()),
        constant_sum=False,
        unit="chips",
    )
