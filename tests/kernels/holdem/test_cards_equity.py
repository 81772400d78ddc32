"""Exact strengths against brute force, and the known all-in equities."""

import itertools
import math
from functools import cache

import numpy as np
import pytest
from brute_force_evaluator import Rules

from cfr_shm.cards import opponents
from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.equity import (
    BINS,
    FLOP,
    PREFLOP,
    RIVER,
    TURN,
    all_in,
    bin_table,
    flop_strengths,
    preflop_strengths,
    river_strengths,
    turn_strengths,
)
from cfr_shm.cards.isomorphism import card_index, hand_number, hand_numbers
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.opponents import CLUSTERS, SCALE
from cfr_shm.kernels.jit import JIT_DISABLED

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")
RULES = Rules(5)


@cache
def royal(workers=1):
    river = river_strengths(ROYAL, workers)
    turn = turn_strengths(ROYAL, river, workers)
    flop = flop_strengths(ROYAL, turn, workers)
    return preflop_strengths(ROYAL, flop), flop, turn, river


def deal(street, seed):
    cards = np.random.default_rng(seed).permutation(20).tolist()
    return tuple(cards[:2]), tuple(cards[2 : (2, 5, 6, 7)[street]])


@pytest.mark.parametrize("seed", range(15))
def test_river_points_equal_brute_force(seed):
    hole, board = deal(RIVER, seed)
    points, widest = RULES.points(hole, board)
    river = royal()[RIVER]
    assert river.max_points == widest
    assert river.sums[hand_number(ROYAL, hole, board), 0] == points


@pytest.mark.parametrize(
    ("street", "seed"), [(TURN, 1), (TURN, 2), (TURN, 3), (FLOP, 4), (FLOP, 5)]
)
def test_sums_and_histograms_equal_brute_force(street, seed):
    hole, board = deal(street, seed)
    points = [RULES.points(hole, river)[0] for river in RULES.rivers(hole, board)]
    strengths = royal()[street]
    hand = hand_number(ROYAL, hole, board)
    assert strengths.boards == len(points)
    assert strengths.sums[hand].tolist() == [sum(points), sum(p * p for p in points)]
    scaled = np.array(points) / strengths.max_points
    assert strengths.mean()[hand] == pytest.approx(scaled.mean())
    assert strengths.mean_square()[hand] == pytest.approx((scaled**2).mean())
    histogram = np.bincount(bin_table(ROYAL)[points], minlength=BINS)
    assert np.array_equal(strengths.cdf[hand], np.cumsum(histogram))


def test_preflop_sums_are_the_means_of_all_flops():
    preflop, flop, _, _ = royal()
    hole = ROYAL.parse("AhKh")
    rest = [card for card in range(20) if card not in hole]
    flops = np.array([(*hole, *b) for b in itertools.combinations(rest, 3)], np.uint8)
    hands = hand_numbers(ROYAL, FLOP, flops)
    hand = hand_number(ROYAL, hole)
    assert preflop.boards == math.comb(18, 5)
    assert preflop.mean()[hand] == pytest.approx(flop.mean()[hands].mean())
    assert preflop.mean_square()[hand] == pytest.approx(flop.mean_square()[hands].mean())
    share = preflop.cdf[hand] / preflop.boards
    assert share == pytest.approx(flop.cdf[hands].mean(axis=0) / flop.boards)


@needs_compilation
def test_the_number_of_threads_changes_nothing():
    for one, three in zip(royal(1), royal(3), strict=True):
        assert np.array_equal(one.sums, three.sums)
        assert np.array_equal(one.cdf, three.cdf)


def test_all_hands_together_win_half():
    """Every showdown is won by one side or shared."""
    from cfr_shm.kernels.holdem.clustering import weigh_hands

    index = card_index(ROYAL)
    for street, strengths in enumerate(royal()):
        weight = np.zeros(int(index.hand_count[street]), np.int32)
        first, last = index.first_board[street : street + 2]
        weigh_hands(index, int(first), int(last), weight)
        assert np.average(strengths.mean(), weights=weight) == pytest.approx(0.5)


# --- opponents ---------------------------------------------------------------------------


@cache
def royal_opponents():
    clusters = (np.arange(25) % CLUSTERS).astype(np.uint16)
    if not JIT_DISABLED:
        clusters = opponents.opponent_clusters(ROYAL, royal()[PREFLOP], 0)
    return clusters, opponents.opponent_table(ROYAL, clusters)


def opposing_sets():
    clusters, _ = royal_opponents()
    sets = [[] for _ in range(CLUSTERS)]
    for pair in itertools.combinations(range(20), 2):
        sets[clusters[hand_number(ROYAL, pair)]].append(pair)
    return sets


@needs_compilation
def test_opponent_clusters_ascend_in_strength():
    clusters, table = royal_opponents()
    mean = royal()[PREFLOP].mean()
    means = [mean[clusters == cluster].mean() for cluster in range(CLUSTERS)]
    assert means == sorted(means)
    assert table[ROYAL.parse("AhAd")] == CLUSTERS - 1
    assert np.array_equal(table, table.T)


@pytest.mark.parametrize("seed", range(6))
def test_river_opponent_sums_equal_brute_force(seed):
    hole, board = deal(RIVER, seed)
    index, (_, table) = card_index(ROYAL), royal_opponents()
    hand = hand_number(ROYAL, hole, board)
    firsts = index.first_hand[index.first_board[3] : index.first_board[4]]
    local = int(np.searchsorted(firsts, hand, side="right")) - 1
    sums = opponents.river_sums(ROYAL, index.first_board[3:4] + local, table)
    held = sums[hand - int(firsts[local])]
    expected = RULES.points_against(hole, board, opposing_sets())
    assert [(int(p), 2 * int(n)) for p, n in held] == expected


@cache
def royal_turn_opponents():
    return opponents.turn_sums(ROYAL, royal_opponents()[1], 2)


@needs_compilation
@pytest.mark.parametrize(("street", "seed"), [(TURN, 1), (TURN, 2), (FLOP, 3)])
def test_opponent_sums_equal_brute_force(street, seed):
    hole, board = deal(street, seed)
    sums = royal_turn_opponents()
    times = 1
    if street == FLOP:
        sums, times = opponents.flop_sums(ROYAL, sums, 2), 2
    total = np.zeros((CLUSTERS, 2), np.int64)
    for river in RULES.rivers(hole, board):
        total += np.array(RULES.points_against(hole, river, opposing_sets()))
    held = sums[hand_number(ROYAL, hole, board)].astype(np.int64) * [1, 2]
    assert np.array_equal(held, times * total)


def test_vectors_are_rounded_as_whole_numbers_are():
    random = np.random.default_rng(3)
    hands = random.integers(0, 2**21, (4000, CLUSTERS))
    hands[:200, ::3] = 0
    hands[200:2000] %= 40  # where halves are frequent
    points = random.integers(0, 2 * hands + 1)
    vectors = opponents.scaled(np.stack([points, hands], axis=2).astype(np.uint32), 1)
    for row in range(len(hands)):
        for cluster in range(CLUSTERS):
            own, whole = int(points[row, cluster]), int(hands[row, cluster])
            if whole == 0:
                own, whole = int(points[row].sum()), int(hands[row].sum())
            if whole:
                assert vectors[row, cluster] == (SCALE * own + whole) // (2 * whole)


@needs_compilation
def test_preflop_opponent_sums_are_those_of_all_flops():
    flop = opponents.flop_sums(ROYAL, royal_turn_opponents(), 2)
    preflop = opponents.preflop_sums(ROYAL, flop)
    strength = preflop[:, :, 0].sum(axis=1) / (2 * preflop[:, :, 1].sum(axis=1))
    assert strength == pytest.approx(royal()[PREFLOP].mean())


# --- all in ------------------------------------------------------------------------------


@needs_compilation
@pytest.mark.parametrize(
    ("one", "other", "wins", "ties", "losses"),
    [
        ("AcAd", "KcKd", 1_410_336, 9_308, 292_660),
        ("AcAd", "KhKs", 1_388_072, 6_538, 317_694),
        ("AcKd", "QhQs", 730_541, 5_854, 975_909),
        ("JcTc", "2d2h", 912_248, 24_087, 775_969),
    ],
)
def test_preflop_equities_are_the_known_ones(one, other, wins, ties, losses):
    found = all_in(STANDARD, [STANDARD.parse(one), STANDARD.parse(other)])
    assert found.boards == 1_712_304
    assert found.wins == (wins, losses)
    assert found.ties == (ties, ties)
    assert found.equity[0] == pytest.approx((wins + ties / 2) / 1_712_304)


@pytest.mark.parametrize("street", [FLOP, TURN, RIVER])
@pytest.mark.parametrize("players", [2, 3, 5])
def test_all_in_equals_brute_force(street, players):
    cards = np.random.default_rng(street).permutation(20).tolist()
    holes = [tuple(cards[2 * p : 2 * p + 2]) for p in range(players)]
    board = tuple(cards[10 : 10 + (0, 3, 4, 5)[street]])
    used = {card for hole in holes for card in hole} | set(board)
    left = [card for card in range(20) if card not in used]
    wins, ties, share, boards = [0] * players, [0] * players, [0.0] * players, 0
    for more in itertools.combinations(left, 5 - len(board)):
        ranks = [RULES.rank((*hole, *board, *more)) for hole in holes]
        winners = [p for p in range(players) if ranks[p] == max(ranks)]
        boards += 1
        for player in winners:
            wins[player] += len(winners) == 1
            ties[player] += len(winners) > 1
            share[player] += 1 / len(winners)
    found = all_in(ROYAL, holes, board)
    assert (found.wins, found.ties, found.boards) == (tuple(wins), tuple(ties), boards)
    assert found.equity == pytest.approx([s / boards for s in share])
    assert sum(found.equity) == pytest.approx(1)


@pytest.mark.parametrize(
    ("holes", "board", "words"),
    [
        (["AhKh"], "", "2 to 10 hands, found 1"),
        (["AhKh", "Qc"], "", "2 hole cards, found 1"),
        (["AhKh", "QcQd"], "Tc", "found 1"),
        (["AhKh", "AhQd"], "", "'Ah' appears twice"),
        (["AhKh", "QcQd"], "AhTcTd", "'Ah' appears twice"),
    ],
)
def test_impossible_all_ins_are_refused(holes, board, words):
    with pytest.raises(UsageError, match=words):
        all_in(ROYAL, [ROYAL.parse(hole) for hole in holes], ROYAL.parse(board))


# --- the standard deck -------------------------------------------------------------------


@cache
def standard():
    river = river_strengths(STANDARD)
    turn = turn_strengths(STANDARD, river, histograms=False)
    flop = flop_strengths(STANDARD, turn)
    return preflop_strengths(STANDARD, flop), flop, turn, river


def phevaluator_points(hole, board):
    evaluate_cards = pytest.importorskip("phevaluator").evaluate_cards
    own = evaluate_cards(*hole, *board)
    left = [card for card in range(52) if card not in hole and card not in board]
    theirs = [evaluate_cards(*other, *board) for other in itertools.combinations(left, 2)]
    return sum(2 * (own < t) + (own == t) for t in theirs)


@needs_compilation
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_standard_river_and_turn_equal_phevaluator(seed):
    cards = np.random.default_rng(seed).permutation(52).tolist()
    hole, board = cards[:2], cards[2:7]
    river = standard()[RIVER]
    assert river.sums[hand_number(STANDARD, hole, board), 0] == phevaluator_points(hole, board)
    left = [card for card in range(52) if card not in cards[:6]]
    points = [phevaluator_points(hole, [*board[:4], card]) for card in left]
    turn = standard()[TURN].sums[hand_number(STANDARD, hole, board[:4])]
    assert turn.tolist() == [sum(points), sum(p * p for p in points)]


@needs_compilation
@pytest.mark.slow
def test_standard_flop_equals_phevaluator():
    hole, board = STANDARD.parse("8h9h"), STANDARD.parse("Th2hKc")
    left = [card for card in range(52) if card not in hole and card not in board]
    points = [phevaluator_points(hole, [*board, *b]) for b in itertools.combinations(left, 2)]
    flop = standard()[FLOP].sums[hand_number(STANDARD, hole, board)]
    assert flop.tolist() == [sum(points), sum(p * p for p in points)]


@needs_compilation
@pytest.mark.slow
@pytest.mark.parametrize(
    ("hole", "equity"), [("AcAd", 0.85204), ("7c2d", 0.34584), ("AcKc", 0.67045), ("2c2d", 0.50334)]
)
def test_standard_preflop_strengths_are_the_published_ones(hole, equity):
    """Equity against one random hand, as every odds table prints it."""
    hand = hand_number(STANDARD, STANDARD.parse(hole))
    assert standard()[PREFLOP].mean()[hand] == pytest.approx(equity, abs=6e-6)
