"""Opponent clusters and every hand's exact strength against each of them (OCHS)."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.clustering import Effort, k_medians
from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.equity import FLOP, PREFLOP, TURN, Strengths, make_work
from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.isomorphism import card_index, hand_numbers, representative
from cfr_shm.cards.parallel import Progress, run_ranges
from cfr_shm.kernels.holdem.clustering import weigh_hands
from cfr_shm.kernels.holdem.opponents import (
    CLUSTERS,
    flop_opponent_sums,
    river_opponent_sums,
    scale_vectors,
    turn_opponent_sums,
)

_CARDS = 13 * SUIT_COUNT
_WIDEST = 0xFFF


class OpponentWork(NamedTuple):
    """Scratch that one thread's OCHS kernels own."""

    held: NDArray[np.int64]  # (65, CLUSTERS), hands with each free card; row 64: all
    below: NDArray[np.int64]  # (65, CLUSTERS), those weaker than the present group
    tied: NDArray[np.int64]  # (65, CLUSTERS), those in it
    points: NDArray[np.int64]  # (1326, CLUSTERS)
    hands: NDArray[np.int64]  # (1326, CLUSTERS)
    turn_free: NDArray[np.int64]  # (64,)
    place_of: NDArray[np.int64]  # (64,)


def make_opponent_work() -> OpponentWork:
    """Return fresh scratch for one thread."""
    return OpponentWork(
        *(np.zeros((65, CLUSTERS), np.int64) for _ in range(3)),
        *(np.zeros((1326, CLUSTERS), np.int64) for _ in range(2)),
        *(np.zeros(64, np.int64) for _ in range(2)),
    )


def opponent_clusters(deck: Deck, preflop: Strengths, seed: int) -> NDArray[np.uint16]:
    """Cluster the preflop hands by their river-strength histograms, weakest cluster first.

    Returns each preflop hand's cluster, (hands,), below CLUSTERS.
    """
    index = card_index(deck)
    weight = np.empty(int(index.hand_count[PREFLOP]), np.int32)
    weigh_hands(index, 0, 1, weight)
    points = narrow_histograms(preflop)
    effort = Effort(restarts=20, trial_iterations=100, tolerance=0.0)
    found = k_medians(points, weight, CLUSTERS, seed=seed, workers=1, effort=effort)
    mean = preflop.mean()
    strength = [
        np.average(mean[found.label == cluster], weights=weight[found.label == cluster])
        for cluster in range(len(found.centers))
    ]
    order = np.argsort(np.array(strength), kind="stable")
    place = np.empty(len(order), np.uint16)
    place[order] = np.arange(len(order))
    return place[found.label]


def narrow_histograms(preflop: Strengths) -> NDArray[np.uint16]:
    """Return preflop histograms scaled to 12 bits: totals of millions of boards do not fit."""
    scaled: NDArray[np.uint16] = (
        (preflop.cdf * _WIDEST + preflop.boards // 2) // preflop.boards
    ).astype(np.uint16)
    return scaled


def opponent_table(deck: Deck, clusters: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Return the cluster of each pair of cards, (52, 52); 0 where a card is paired with itself."""
    first, second = np.nonzero(~np.eye(deck.card_count, dtype=np.bool_))
    cards = np.stack([first, second], axis=1).astype(np.uint8)
    table = np.zeros((_CARDS, _CARDS), np.uint8)
    table[first, second] = clusters[hand_numbers(deck, PREFLOP, cards)]
    return table


def river_vectors(
    deck: Deck, boards: NDArray[np.int64], opponent: NDArray[np.uint8]
) -> NDArray[np.uint16]:
    """Return (hands, CLUSTERS) scaled strengths of all hands of some canonical river boards."""
    return scaled(river_sums(deck, boards, opponent), 1)


def river_sums(
    deck: Deck, boards: NDArray[np.int64], opponent: NDArray[np.uint8]
) -> NDArray[np.uint32]:
    """Return (hands, CLUSTERS, 2) points and opposing hands of some canonical river boards."""
    index, ranks = card_index(deck), hand_rank_tables(deck)
    hands = int(index.slot_count[index.pattern[boards]].sum())
    sums = np.empty((hands, CLUSTERS, 2), np.uint32)
    base, work = make_work(), make_opponent_work()
    river_opponent_sums(ranks, index, boards, deck.rank_count, opponent, base, work, sums)
    return sums


def turn_sums(
    deck: Deck,
    opponent: NDArray[np.uint8],
    workers: int = 0,
    progress: Progress | None = None,
) -> NDArray[np.uint32]:
    """Return (hands, CLUSTERS, 2) sums over the rivers of every turn hand (52 cards: 893 MB)."""
    index, ranks = card_index(deck), hand_rank_tables(deck)
    sums = np.zeros((int(index.hand_count[TURN]), CLUSTERS, 2), np.uint32)

    def piece(first: int, last: int) -> None:
        boards = np.arange(first, last)
        base, work = make_work(), make_opponent_work()
        turn_opponent_sums(ranks, index, boards, deck.rank_count, opponent, base, work, sums)

    first_board = index.first_board
    run_ranges(piece, int(first_board[TURN]), int(first_board[TURN + 1]), workers, progress)
    return sums


def flop_sums(
    deck: Deck,
    turn: NDArray[np.uint32],
    workers: int = 0,
    progress: Progress | None = None,
) -> NDArray[np.uint32]:
    """Return (hands, CLUSTERS, 2) sums over turns and rivers of every flop hand."""
    index = card_index(deck)
    sums = np.zeros((int(index.hand_count[FLOP]), CLUSTERS, 2), np.uint32)

    def piece(first: int, last: int) -> None:
        flop_opponent_sums(index, np.arange(first, last), deck.rank_count, turn, make_work(), sums)

    first_board = index.first_board
    run_ranges(piece, int(first_board[FLOP]), int(first_board[FLOP + 1]), workers, progress)
    return sums


def preflop_sums(deck: Deck, flop: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return (hands, CLUSTERS, 2) sums over all boards of every preflop hand."""
    index = card_index(deck)
    sums = np.zeros((int(index.hand_count[PREFLOP]), CLUSTERS, 2), np.int64)
    cards = np.array(list(itertools.combinations(range(deck.card_count), 3)), np.uint8)
    for hand in range(len(sums)):
        hole, _ = representative(deck, PREFLOP, hand)
        free = cards[~np.isin(cards, hole).any(axis=1)]
        rows = np.concatenate([np.tile(np.array(hole, np.uint8), (len(free), 1)), free], axis=1)
        sums[hand] = flop[hand_numbers(deck, FLOP, rows)].astype(np.int64).sum(axis=0)
    return sums


def scaled(sums: NDArray[np.uint32], workers: int = 0) -> NDArray[np.uint16]:
    """Return (hands, CLUSTERS) strengths 0 .. 1023 of sums of points and opposing hands."""
    vectors = np.empty(sums.shape[:2], np.uint16)

    def piece(first: int, last: int) -> None:
        scale_vectors(sums, first, last, vectors)

    run_ranges(piece, 0, len(sums), workers, pieces=64)
    return vectors
