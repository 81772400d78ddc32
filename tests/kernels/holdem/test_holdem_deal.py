"""Hold'em deals: the kernel's cards, buckets and strengths against a slow reference."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from brute_force_evaluator import Rules
from holdem_deal import deal, joint_probability
from scipy.stats import chisquare

from cfr_shm.cards.buckets import Buckets
from cfr_shm.cards.deck import ROYAL, SHORT, STANDARD
from cfr_shm.cards.isomorphism import card_index
from cfr_shm.cards.ranges import hand_pairs, parse_range
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.card_deals import holdem_deals
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.training.deal import deal_many, draw_deal
from cfr_shm.layout.cards import DEALS_READY, RANGES_WEIGHTED
from cfr_shm.memory.tables import allocate_scratch

slow_to_index = pytest.mark.skipif(JIT_DISABLED, reason="numbering all boards takes minutes")


def made_buckets(deck, counts=(11, 300, 70, 50)):
    """Buckets that follow from the hand's number alone, in one byte or in two."""
    index = card_index(deck)
    bucket = []
    for count, hands in zip(counts, index.hand_count.tolist(), strict=True):
        dtype = np.uint8 if count <= 256 else np.uint16
        bucket.append(np.resize(np.arange(count)[::-1].astype(dtype), hands))
    weights = tuple({"weight": np.zeros(count)} for count in counts)
    return Buckets(Path("made"), deck, index, tuple(bucket), weights, {}, "")


@pytest.fixture(scope="module")
def royal():
    return made_buckets(ROYAL)


class Dealer:
    """Draws deals one by one, and reads their cards."""

    def __init__(self, deals, seed=5):
        self.deals, self.seed = deals, seed
        players, streets = deals.bucket_count.shape
        self.scratch = allocate_scratch(players, streets, 1, 2, 2)

    def draw(self, iteration):
        """Return buckets, strengths, board and hole cards of an iteration."""
        draw_deal(self.deals, self.seed, iteration, 1, self.scratch)
        cards = self.scratch.deal_cards[iteration % DEALS_READY].tolist()
        holes = [tuple(cards[place : place + 2]) for place in range(5, len(cards), 2)]
        lane = self.scratch.lane_bucket[1].tolist(), self.scratch.lane_strength[1].tolist()
        return *lane, cards[:5], holes


def alias_tables(deals):
    cards = deals.cards
    if not cards.setting[RANGES_WEIGHTED]:
        return None
    tables = []
    for first, end in itertools.pairwise(cards.range_first.tolist()):
        rows = slice(first, end)
        hands = map(tuple, cards.range_hole[rows].tolist())
        thresholds, others = cards.range_threshold[rows], cards.range_other[rows]
        tables.append(list(zip(hands, thresholds.tolist(), others.tolist(), strict=True)))
    return tables


def check_deals(buckets, deals, board, rank, first, count):
    """Compare ``count`` deals with the reference: cards, buckets and the order of strengths."""
    players, streets = deals.bucket_count.shape
    first_street = {0: 0, 3: 1, 4: 2, 5: 3}[len(board)]
    dealer = Dealer(deals)
    tables = alias_tables(deals)
    for iteration in range(first, first + count):
        deck = buckets.deck.card_count
        wanted_board, wanted_holes = deal(5, iteration, deck, players, board, tables)
        bucket, strength, dealt_board, holes = dealer.draw(iteration)
        assert (dealt_board, holes) == (list(wanted_board), wanted_holes)
        for player, hole in enumerate(wanted_holes):
            for street in range(streets):
                shown = wanted_board[: (0, 3, 4, 5)[first_street + street]]
                assert bucket[player][street] == buckets.lookup(hole, shown)
        ranks = [rank([*wanted_board, *hole]) for hole in wanted_holes]
        for one, two in itertools.combinations(range(players), 2):
            mine = (strength[one] > strength[two]) - (strength[one] < strength[two])
            assert mine == (ranks[one] > ranks[two]) - (ranks[one] < ranks[two])


def brute_rank(rules):
    return lambda cards: max(
        rules.rank_five(tuple(sorted(five))) for five in itertools.combinations(cards, 5)
    )


@pytest.mark.parametrize(("players", "streets"), [(2, 4), (3, 2), (7, 1), (6, 4)])
def test_deals_are_the_references(royal, players, streets):
    deals = holdem_deals(royal, players, streets)
    check_deals(royal, deals, (), brute_rank(Rules(5)), 1, 40)


@pytest.mark.parametrize(
    "board", [(), (0, 5, 10), (19, 1, 6, 12), (3, 7, 11, 15, 19)], ids=lambda b: f"{len(b)} cards"
)
def test_weighted_ranges_and_fixed_boards(royal, board):
    ranges = [parse_range(ROYAL, text) for text in ("AA,KQ:0.25,ThTd:0.1", "*", "JJ+,AhKh:0.5")]
    first_street = {0: 0, 3: 1, 4: 2, 5: 3}[len(board)]
    deals = holdem_deals(
        royal, 3, 4 - first_street, first_street=first_street, board=board, ranges=ranges
    )
    check_deals(royal, deals, board, brute_rank(Rules(5)), 10**6, 40)


def test_deals_are_the_same_whatever_was_dealt_before(royal):
    deals = holdem_deals(royal, 2, 4)
    in_order, jumping = Dealer(deals), Dealer(deals)
    found = {iteration: in_order.draw(iteration)[:2] for iteration in range(60)}
    for iteration in (7, 8, 3, 59, 0, 1, 2, 2, 30):
        assert jumping.draw(iteration)[:2] == found[iteration]
    jumping.seed = 6
    assert [jumping.draw(i)[:2] for i in range(5)] != [found[i] for i in range(5)]


def test_many_deals_at_once(royal):
    deals = holdem_deals(royal, 2, 4)
    bucket, strength = np.zeros((20, 2, 4), np.int32), np.zeros((20, 2), np.int32)
    deal_many(deals, 5, 100, allocate_scratch(2, 4, 1, 2, 1), bucket, strength)
    dealer = Dealer(deals)
    for row in range(20):
        assert dealer.draw(100 + row)[:2] == (bucket[row].tolist(), strength[row].tolist())


@pytest.mark.parametrize("board", ["", "TcJdQh"])
def test_hands_come_as_often_as_their_weights_say(royal, board):
    texts = ["AA:0.5,KQs,ThTd:0.1,AhKh", "AA,KK:0.3,AKs", "KK,AhQh:0.7,QQ:0.4"]
    ranges = [parse_range(ROYAL, text) for text in texts]
    fixed = ROYAL.parse(board)
    wanted = joint_probability(
        [{tuple(p): w for p, w in zip(hand_pairs(ROYAL).tolist(), r, strict=True) if w > 0}
         for r in ranges],
        fixed,
    )  # fmt: skip
    street = 1 if board else 0
    dealer = Dealer(
        holdem_deals(royal, 3, 4 - street, first_street=street, board=fixed, ranges=ranges)
    )
    counts = dict.fromkeys(wanted, 0)
    draws = 12_000
    for iteration in range(draws):
        counts[tuple(dealer.draw(iteration)[3])] += 1
    expected = {hands: draws * p for hands, p in wanted.items()}
    # Cells of fewer than 5 expected deals go together.
    rare = [hands for hands, each in expected.items() if each < 5]
    common = [hands for hands in expected if hands not in set(rare)]
    assert len(common) > 20
    seen = [counts[hands] for hands in common] + [sum(counts[hands] for hands in rare)]
    due = [expected[hands] for hands in common] + [sum(expected[hands] for hands in rare)]
    if not rare:
        seen, due = seen[:-1], due[:-1]
    assert chisquare(seen, due).pvalue > 1e-4


def test_every_card_comes_to_every_place_equally_often(royal):
    dealer = Dealer(holdem_deals(royal, 2, 1))
    counts = np.zeros((9, 20))
    draws = 6_000
    for iteration in range(draws):
        _, _, board, holes = dealer.draw(iteration)
        counts[np.arange(9), [*board, *holes[0], *holes[1]]] += 1
    for place in range(9):
        assert chisquare(counts[place]).pvalue > 1e-4


@slow_to_index
def test_standard_deck_by_phevaluator():
    phevaluator = pytest.importorskip("phevaluator")
    buckets = made_buckets(STANDARD, (169, 50, 1000, 200))
    deals = holdem_deals(buckets, 6, 4)
    # phevaluator's cards are numbered as ours; its lowest rank is the best hand.
    check_deals(buckets, deals, (), lambda cards: -phevaluator.evaluate_cards(*cards), 1, 300)


@slow_to_index
def test_short_deck():
    buckets = made_buckets(SHORT, (81, 50, 60, 70))
    deals = holdem_deals(buckets, 3, 4)
    check_deals(buckets, deals, (), brute_rank(Rules(9, flush_first=True)), 1, 60)


def test_ranges_that_cannot_be_dealt_are_refused(royal):
    aces = parse_range(ROYAL, "AcAd")
    with pytest.raises(GameError, match="share a card in nearly every deal"):
        holdem_deals(royal, 2, 4, ranges=[aces, parse_range(ROYAL, "AcKc,AdKd")])
    board = ROYAL.parse("AcKdTh")
    with pytest.raises(GameError, match="holds a card of every hand of player 1's range"):
        holdem_deals(royal, 2, 3, first_street=1, board=board, ranges=[aces * 0 + 1, aces])
    with pytest.raises(GameError, match="1 ranges for 2 players"):
        holdem_deals(royal, 2, 4, ranges=[aces])
    with pytest.raises(GameError, match="too many for the royal deck"):
        holdem_deals(royal, 8, 4)


def test_equal_weights_are_dealt_card_by_card(royal):
    every = parse_range(ROYAL, "*:0.5")
    assert holdem_deals(royal, 2, 4, ranges=[every, every]).cards.setting[RANGES_WEIGHTED] == 0
