"""River buckets by strength against clusters of opponents; hands that cannot lose are apart."""

import itertools
from functools import cache

import numpy as np
import pytest
from brute_force_evaluator import Rules
from first_cases import first_cases

from cfr_shm.cards.abstraction import BucketSpec, methods_from
from cfr_shm.cards.bucket_builder import build
from cfr_shm.cards.buckets import default_buckets
from cfr_shm.cards.clustering import k_means
from cfr_shm.cards.deck import DECKS, ROYAL, STANDARD
from cfr_shm.cards.equity import (
    RIVER,
    flop_strengths,
    preflop_strengths,
    river_strengths,
    turn_strengths,
    unbeaten_rivers,
)
from cfr_shm.cards.isomorphism import card_index, hand_numbers
from cfr_shm.cards.ochs import label_rivers
from cfr_shm.cards.opponents import opponent_clusters, opponent_table, river_vectors
from cfr_shm.kernels.holdem.clustering import weigh_hands
from cfr_shm.kernels.jit import JIT_DISABLED

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")

ONLY_RIVER = methods_from("preflop=percentile,flop=percentile,turn=percentile,river=ochs")


def spec_of(deck, buckets):
    return BucketSpec(deck, ONLY_RIVER, (10, 5, 5, buckets))


@cache
def river_of(deck, buckets):
    return build(spec_of(deck, buckets)).streets[RIVER]


def dealt(deck, boards, seed):
    """Yield random boards, all hole cards that they leave, and which of those no others beat."""
    rules = Rules(deck.rank_count, flush_first=deck.name == "short")
    random = np.random.default_rng(seed)
    for _ in range(boards):
        cards = random.permutation(deck.card_count).tolist()
        holes, board = np.array(list(itertools.combinations(cards[5:], 2))), cards[:5]
        ranks = [rules.rank((*hole, *board)) for hole in holes.tolist()]
        order = {rank: place for place, rank in enumerate(sorted(set(ranks)))}
        strength = np.array([order[rank] for rank in ranks])
        shared = (holes[:, None, :, None] == holes[None, :, None, :]).any(axis=(2, 3))
        holds = strength[:, None] >= strength[None, :]
        rows = np.concatenate([holes, np.tile(board, (len(holes), 1))], axis=1)
        yield rows.astype(np.uint8), (holds | shared).all(axis=1)


def check_unbeaten(deck, bucket, apart, boards, seed):
    """Compare who is in a bucket with whom no opposing hand beats."""
    met = 0
    for rows, unbeaten in dealt(deck, boards, seed):
        assert np.array_equal(bucket[hand_numbers(deck, RIVER, rows)] == apart, unbeaten)
        met += int(unbeaten.sum())
    assert met >= boards


@pytest.mark.parametrize(("deck", "boards"), first_cases([("royal", 200), ("short", 40)]))
@pytest.mark.parametrize("buckets", [2, 12])
def test_one_bucket_holds_the_hands_that_no_others_beat(deck, boards, buckets):
    held = river_of(deck, buckets)
    assert len(held.weight) == buckets
    assert np.all(np.diff(held.mean) >= 0)
    check_unbeaten(DECKS[deck], held.bucket, held.unbeaten, boards, seed=buckets)


@pytest.mark.slow
def test_a_default_bucket_holds_the_hands_that_no_others_beat():
    held = default_buckets()
    check_unbeaten(STANDARD, held.bucket[RIVER], held.unbeaten, boards=60, seed=1)


def test_a_single_bucket_holds_all_hands():
    held = river_of("royal", 1)
    assert len(held.weight) == 1
    assert held.unbeaten is None
    assert held.mean[0] == pytest.approx(0.5)


@cache
def royal_rivers():
    """Return who is unbeaten, the opponents' table, and all river hands' vectors and weights."""
    index, river = card_index(ROYAL), river_strengths(ROYAL)
    flop = flop_strengths(ROYAL, turn_strengths(ROYAL, river))
    clusters = opponent_clusters(ROYAL, preflop_strengths(ROYAL, flop), seed=0)
    opponent = opponent_table(ROYAL, clusters)
    first, last = (int(board) for board in index.first_board[RIVER : RIVER + 2])
    weight = np.empty(int(index.hand_count[RIVER]), np.int32)
    weigh_hands(index, first, last, weight)
    vectors = river_vectors(ROYAL, np.arange(first, last), opponent)
    return unbeaten_rivers(ROYAL), opponent, vectors.astype(np.float64), weight


def objective_of(vectors, weight, label):
    """The mean squared distance to the own mean, rounded as centres are."""
    total = 0.0
    for number in np.unique(label):
        mine, share = vectors[label == number], weight[label == number]
        center = np.floor(np.average(mine, axis=0, weights=share) + 0.5)
        total += share @ ((mine - center) ** 2).sum(axis=1)
    return total / weight.sum()


def test_the_objective_is_of_the_other_hands():
    unbeaten, opponent, vectors, weight = royal_rivers()
    label, objective, apart = label_rivers(spec_of("royal", 2), unbeaten, opponent)
    assert apart == 1
    assert np.array_equal(label == apart, unbeaten)
    rest = objective_of(vectors[~unbeaten], weight[~unbeaten], label[~unbeaten])
    share = weight[~unbeaten].sum() / weight.sum()
    assert objective == pytest.approx(rest * share, rel=1e-12)


def test_where_every_hand_is_beaten_all_buckets_are_learnt():
    unbeaten, opponent, *_ = royal_rivers()
    label, _, apart = label_rivers(spec_of("royal", 8), np.zeros_like(unbeaten), opponent)
    assert apart is None
    assert len(np.unique(label)) == 8


def test_the_other_hands_are_labelled_as_if_there_were_no_unbeaten_ones():
    unbeaten, opponent, vectors, weight = royal_rivers()
    label, _, apart = label_rivers(spec_of("royal", 8), unbeaten, opponent)
    alone = k_means(vectors[~unbeaten].astype(np.uint16), weight[~unbeaten], 7, seed=0)
    assert np.array_equal(label[~unbeaten], alone.label)
    assert (label[unbeaten] == apart).all()
