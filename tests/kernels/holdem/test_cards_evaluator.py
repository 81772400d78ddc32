"""The evaluator against phevaluator, the rule book and the known counts."""

import itertools
import math

import numpy as np
import pytest
from brute_force_evaluator import Rules

from cfr_shm.cards.deck import CATEGORIES, DECKS, ROYAL, SHORT, STANDARD
from cfr_shm.cards.evaluator import category_name, evaluate, evaluate_all, hand_rank_tables
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.hand_rank import count_strengths
from cfr_shm.kernels.jit import JIT_DISABLED

needs_compilation = pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")

RULES = {"standard": Rules(), "short": Rules(9, flush_first=True), "royal": Rules(5)}


def random_hands(deck, size, count, seed):
    random = np.random.default_rng(seed)
    return np.argsort(random.random((count, deck.card_count)), axis=1)[:, :size].astype(np.uint8)


@pytest.mark.parametrize("deck", DECKS.values(), ids=lambda deck: deck.name)
@pytest.mark.parametrize("size", [5, 6, 7])
def test_order_and_category_follow_the_rule_book(deck, size):
    rules = RULES[deck.name]
    hands = random_hands(deck, size, 400, size)
    strengths = evaluate_all(deck, hands)
    ranked = [rules.rank(tuple(hand)) for hand in hands.tolist()]
    order = {rank: place for place, rank in enumerate(sorted(set(ranked)))}
    theirs = np.array([order[rank] for rank in ranked])
    ours = np.unique(strengths, return_inverse=True)[1]
    assert np.array_equal(ours, theirs)
    for hand, strength in zip(hands.tolist(), strengths.tolist(), strict=True):
        assert category_name(deck, strength) == rules.category(tuple(hand))


@pytest.mark.parametrize("deck", [ROYAL, SHORT], ids=lambda deck: deck.name)
@needs_compilation
def test_all_five_card_hands_of_small_decks_follow_the_rule_book(deck):
    rules = RULES[deck.name]
    hands = np.array(list(itertools.combinations(range(deck.card_count), 5)), np.uint8)
    if deck is SHORT:
        hands = hands[::7]
    ranked = [rules.rank_five(tuple(hand)) for hand in hands.tolist()]
    order = {rank: place for place, rank in enumerate(sorted(set(ranked)))}
    ours = np.unique(evaluate_all(deck, hands), return_inverse=True)[1]
    assert np.array_equal(ours, np.array([order[rank] for rank in ranked]))


def counts_by_category(deck, hands):
    category = hand_rank_tables(deck).category[evaluate_all(deck, hands)]
    return dict(zip(CATEGORIES, np.bincount(category, minlength=9).tolist(), strict=True))


@needs_compilation
def test_all_short_deck_hands_have_the_counts_of_combinatorics():
    hands = np.array(list(itertools.combinations(range(36), 5)), np.uint8)
    straight_flush = 6 * 4  # tops T to A, and A-6-7-8-9
    flush = 4 * math.comb(9, 5) - straight_flush
    assert counts_by_category(SHORT, hands) == {
        "straight flush": straight_flush,
        "four of a kind": 9 * 32,
        "flush": flush,
        "full house": 9 * 4 * 8 * 6,
        "straight": 6 * 4**5 - straight_flush,
        "three of a kind": 9 * 4 * math.comb(8, 2) * 16,
        "two pair": math.comb(9, 2) * 36 * 28,
        "pair": 9 * 6 * math.comb(8, 3) * 64,
        "high card": (math.comb(9, 5) - 6) * (4**5 - 4),
    }


def test_a_flush_beats_a_full_house_in_the_short_deck_only():
    flush, full = "6h7h8hThQh", "6c6d6hTcTd"
    assert evaluate(SHORT, SHORT.parse(flush)) > evaluate(SHORT, SHORT.parse(full))
    assert evaluate(STANDARD, STANDARD.parse(flush)) < evaluate(STANDARD, STANDARD.parse(full))


def test_the_ace_plays_low_and_five_high_is_the_weakest_straight():
    wheel, six = (evaluate(STANDARD, STANDARD.parse(t)) for t in ("Ac2d3h4s5c", "2d3h4s5c6c"))
    assert wheel < six
    assert category_name(STANDARD, wheel) == "straight"
    low, ten = (evaluate(SHORT, SHORT.parse(t)) for t in ("Ac6d7h8s9c", "6d7h8s9cTc"))
    assert low < ten
    assert category_name(SHORT, low) == "straight"


def test_the_standard_deck_has_7462_strengths():
    assert len(hand_rank_tables(STANDARD).category) == 7462 + 1


@needs_compilation
def test_all_seven_card_hands_have_the_known_counts():
    """Every one of the 133,784,560 (a third of a second)."""
    tables = hand_rank_tables(STANDARD)
    count = np.zeros(len(tables.category), np.int64)
    count_strengths(tables, 0, 46, count)
    assert (count > 0).sum() == 4824
    held = [int(count[tables.category == place].sum()) for place in range(9)]
    assert dict(zip(CATEGORIES, held, strict=True)) == {
        "high card": 23_294_460,
        "pair": 58_627_800,
        "two pair": 31_433_400,
        "three of a kind": 6_461_620,
        "straight": 6_180_020,
        "flush": 4_047_644,
        "full house": 3_473_184,
        "four of a kind": 224_848,
        "straight flush": 41_584,
    }


def assert_equal_to_phevaluator(hands):
    phevaluator = pytest.importorskip("phevaluator")
    ours = evaluate_all(STANDARD, hands)
    for hand, strength in zip(hands.tolist(), ours.tolist(), strict=True):
        assert 7463 - phevaluator.evaluate_cards(*hand) == strength, STANDARD.text(hand)


def test_random_hands_equal_phevaluator():
    for size in (5, 6, 7):
        assert_equal_to_phevaluator(random_hands(STANDARD, size, 3000, 10 + size))


@pytest.mark.slow
def test_all_five_card_hands_equal_phevaluator():
    for first in range(48):
        later = itertools.combinations(range(first + 1, 52), 4)
        assert_equal_to_phevaluator(np.array([(first, *rest) for rest in later], np.uint8))


@pytest.mark.slow
def test_ten_million_seven_card_hands_equal_phevaluator():
    for seed in range(20):
        assert_equal_to_phevaluator(random_hands(STANDARD, 7, 500_000, 100 + seed))


def test_tables_are_read_only():
    assert not any(array.flags.writeable for array in hand_rank_tables(ROYAL))


@pytest.mark.parametrize(
    ("text", "words"), [("AhKh", "5 to 7 cards, found 2"), ("2c3c4c5c6c7c8c9c", "found 8")]
)
def test_wrong_numbers_of_cards_are_refused(text, words):
    with pytest.raises(UsageError, match=words):
        evaluate(STANDARD, STANDARD.parse(text))
