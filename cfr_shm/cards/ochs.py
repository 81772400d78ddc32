"""OCHS labels: hands are alike if they do equally well against each cluster of opposing hands.

Centres are learnt by k-means from a sample of hands; then all hands go to the nearest. River
hands that no opposing hand beats are left out of that and share the last label: no average of
good hands tells that they need not fold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards import opponents
from cfr_shm.cards.abstraction import BucketSpec
from cfr_shm.cards.clustering import (
    Clusters,
    Effort,
    k_means,
    nearest_vectors,
    sample_points,
)
from cfr_shm.cards.deck import Deck, deck_named
from cfr_shm.cards.equity import RIVER, TURN
from cfr_shm.cards.isomorphism import card_index
from cfr_shm.cards.parallel import Progress, run_ranges

#: Hands from which a clustering learns.
_SAMPLE = 400_000


class OchsLabels(NamedTuple):
    """What a clustering gives: labels in no order of strength, and how close hands lie."""

    label: NDArray[np.uint16]  # (hands,)
    objective: float  # mean squared distance to the own centre, 0 for hands set apart
    unbeaten: int | None = None  # label of the hands set apart


class _Sample(NamedTuple):
    """Some river hands."""

    hand: NDArray[np.int64]  # (hands,) canonical numbers
    vector: NDArray[np.uint16]  # (hands, CLUSTERS)
    weight: NDArray[np.int32]  # (hands,) raw hands


def label_hands(
    spec: BucketSpec,
    street: int,
    weight: NDArray[np.int32],
    opponent: NDArray[np.uint8],
    workers: int = 0,
    progress: Progress | None = None,
) -> OchsLabels:
    """Cluster the hands of the flop or the turn.

    Args:
        spec: deck, counts, seed and restarts.
        street: FLOP or TURN.
        weight: (hands,) raw hands of each canonical hand.
        opponent: (52, 52) from ``opponents.opponent_table``.
        workers: threads; 0 means all usable cores.
        progress: hears how far it is.
    """
    vectors = _early_vectors(deck_named(spec.deck), street, opponent, workers, progress)
    chosen = sample_points(len(vectors), _SAMPLE, spec.seed)
    found = _learn(spec, spec.counts[street], vectors[chosen], weight[chosen], workers)
    label = np.empty(len(vectors), np.uint16)

    def assign(first: int, last: int) -> None:
        label[first:last] = nearest_vectors(vectors[first:last], found.centers)[0]

    run_ranges(assign, 0, len(label), workers, progress)
    return OchsLabels(label, found.objective / int(weight[chosen].sum(dtype=np.int64)))


def label_rivers(
    spec: BucketSpec,
    unbeaten: NDArray[np.bool_],
    opponent: NDArray[np.uint8],
    workers: int = 0,
    progress: Progress | None = None,
) -> OchsLabels:
    """Cluster the hands of the river; those that no opposing hand beats get the last label.

    Args:
        spec: deck, counts, seed and restarts; with one bucket nothing is set apart.
        unbeaten: (hands,) from ``equity.unbeaten_rivers``.
        opponent: (52, 52) from ``opponents.opponent_table``.
        workers: threads; 0 means all usable cores.
        progress: hears how far it is.
    """
    deck, count = deck_named(spec.deck), spec.counts[RIVER]
    apart = unbeaten if count > 1 else np.zeros_like(unbeaten)
    sample = _river_sample(deck, opponent, spec.seed)
    rest = ~apart[sample.hand]
    left = count - int(apart.any())
    found = _learn(spec, left, sample.vector[rest], sample.weight[rest], workers)
    label = _nearest_rivers(deck, opponent, found.centers, workers, progress)
    label[apart] = last = len(found.centers)
    objective = found.objective / int(sample.weight.sum(dtype=np.int64))
    return OchsLabels(label, objective, last if apart.any() else None)


def _learn(
    spec: BucketSpec,
    count: int,
    vectors: NDArray[np.uint16],
    weight: NDArray[np.int32],
    workers: int,
) -> Clusters:
    effort = Effort(restarts=spec.restarts)
    return k_means(vectors, weight, count, seed=spec.seed, workers=workers, effort=effort)


def _early_vectors(
    deck: Deck,
    street: int,
    opponent: NDArray[np.uint8],
    workers: int,
    progress: Progress | None,
) -> NDArray[np.uint16]:
    turn = opponents.turn_sums(deck, opponent, workers, progress)
    if street == TURN:
        return opponents.scaled(turn, workers)
    return opponents.scaled(opponents.flop_sums(deck, turn, workers), workers)


def _nearest_rivers(
    deck: Deck,
    opponent: NDArray[np.uint8],
    centers: NDArray[np.uint16],
    workers: int,
    progress: Progress | None,
) -> NDArray[np.uint16]:
    """Return the nearest centre of every hand; vectors of all at once would take 2 GB."""
    index = card_index(deck)
    label = np.empty(int(index.hand_count[RIVER]), np.uint16)

    def assign(first: int, last: int) -> None:
        vectors = opponents.river_vectors(deck, np.arange(first, last), opponent)
        start = int(index.first_hand[first])
        label[start : start + len(vectors)] = nearest_vectors(vectors, centers)[0]

    boards = index.first_board
    run_ranges(assign, int(boards[RIVER]), int(boards[RIVER + 1]), workers, progress)
    return label


def _river_sample(deck: Deck, opponent: NDArray[np.uint8], seed: int) -> _Sample:
    """Return hands of river boards spread over all of them."""
    index = card_index(deck)
    first, last = (int(board) for board in index.first_board[RIVER : RIVER + 2])
    per_board = max(1, int(index.hand_count[RIVER]) // (last - first))
    # Few hands each of many boards would be better still, but boards come whole.
    wanted = max(1, 4 * _SAMPLE // per_board)
    boards = first + sample_points(last - first, wanted, seed)
    vectors = opponents.river_vectors(deck, boards, opponent)
    weights = [_board_weights(deck, int(board)) for board in boards]
    hands = [
        np.arange(len(weight)) + int(index.first_hand[board])
        for board, weight in zip(boards, weights, strict=True)
    ]
    chosen = sample_points(len(vectors), _SAMPLE, seed)
    return _Sample(np.concatenate(hands)[chosen], vectors[chosen], np.concatenate(weights)[chosen])


def _board_weights(deck: Deck, board: int) -> NDArray[np.int32]:
    """Return how many raw hands each hand of a board stands for, boards included."""
    index = card_index(deck)
    pattern = index.pattern[board]
    slots = index.slot_weight[pattern, : index.slot_count[pattern]].astype(np.int32)
    weights: NDArray[np.int32] = slots * index.board_weight[board]
    return weights
