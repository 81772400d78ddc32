"""Which games are listed, which are drawn, and what is said of hands that share a row."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from brute_force_evaluator import Rules
from real_games import built, loaded

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file
from cfr_shm.cards.deck import ROYAL, SHORT, STANDARD
from cfr_shm.cards.ranges import hand_pairs, parse_range
from cfr_shm.games.holdem.dealing import is_listed, renamings_of
from cfr_shm.games.holdem.small_deck import SmallDeck, count_deals, draw_all
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.deals import DEALS_HOLDEM, DEALS_TABLE

RIVER = ["blinds=[0,0]", "dead=100", "bet_sizes=[1]", "stacks=100", "board_cards=[5]"]
TURN = ["blinds=[0,0]", "dead=100", "big_blind=1", "stacks=100", "board_cards=[4,1]"]
FLOP = ["blinds=[0,0]", "dead=100", "big_blind=1", "stacks=100", "board_cards=[3,1,1]"]
BOARD = "board=Ts9s2s3d4c"


def listed(game, abstraction=()):
    config = loaded(game, abstraction)
    return is_listed(config.game, config.abstraction)


def test_few_hands_on_a_fixed_board_are_listed():
    narrow = 'ranges=["KK,AKs","AA,QQ"]'
    assert listed([*RIVER, BOARD, narrow])
    assert listed([*TURN, "board=Ts9s2s3d", narrow])
    assert listed([*FLOP, "board=Ts9s2s", 'ranges=["KK,AKs","AA,QQ"]'])
    # A river of all hands has 1081 x 990 deals, a million and some.
    assert not listed([*RIVER, BOARD])
    assert listed([*RIVER, BOARD, 'ranges=["*","22+,A2s+,K2s+"]'])
    # Boards that are drawn, and files that are named, are played in buckets.
    assert not listed([*RIVER, narrow])
    assert not listed(["board_cards=[0]", narrow])
    assert not listed([*RIVER, BOARD, narrow], ["buckets=mine"])


@pytest.mark.parametrize(
    ("deck", "players", "counts", "later", "board", "ranges"),
    [
        (SmallDeck(3, 4), 2, (0, 3), 0, "", None),
        (SmallDeck(3, 3), 3, (0,), 0, "", None),
        (SmallDeck(4, 2), 2, (3, 1), 0, "AcKc", None),
        (SmallDeck(4, 4), 2, (3,), 2, "AcKcQc", None),
    ],
)
def test_deals_are_counted_before_they_are_listed(deck, players, counts, later, board, ranges):
    fixed = STANDARD.parse(board)
    found = count_deals(deck, players, counts, later, fixed, ranges)
    drawn = draw_all(deck, players, counts, showdown_cards=later, board=fixed, ranges=ranges)
    share = drawn.weight.sum() if not board else len(drawn.weight)
    assert found == share


def test_hands_of_a_listed_turn_are_numbered_as_dealt():
    """Every hand and river that can come has a number, and other hands have none."""
    config = loaded([*TURN, "board=Ts9s2s3d", 'ranges=["KsQs,KdQd,AA","JJ,8h8c"]'])
    game = built(config)
    assert game.deals.kind == DEALS_TABLE
    cards = game.hole_cards
    assert (cards.showdown_cards, cards.board_count(0), cards.board_count(1)) == (5, 4, 5)
    every = np.array(list(combinations(range(52), 2)), np.uint8)
    board = STANDARD.parse("Ts9s2s3dJs")
    free = every[~np.isin(every, board).any(axis=1)]
    held = [{tuple(hand) for hand in cards.hands(seat)[0].tolist()} for seat in range(2)]
    for seat in range(2):
        own = [tuple(hand) in held[seat] for hand in free.tolist()]
        assert ((cards.buckets(seat, 1, free, board) >= 0) == own).all()
    possible = [tuple(hand) in held[0] | held[1] for hand in free.tolist()]
    assert ((cards.anybodys_buckets(1, free, board) >= 0) == possible).all()


@pytest.mark.parametrize(("ranking", "ranks"), [(SHORT, 9), (ROYAL, 5)])
def test_listed_hands_of_a_short_deck_are_ranked_by_its_rules(ranking, ranks):
    board = STANDARD.parse("TsJsQs")
    ranges = [parse_range(STANDARD, text) for text in ("As2s,KsTh,TT,AKs", "AA,JJ,AhKh")]
    small = SmallDeck(ranks, 4)
    drawn = draw_all(small, 2, (3,), showdown_cards=2, board=board, ranges=ranges, ranking=ranking)
    rules, lowest = Rules(ranks, flush_first=ranking is SHORT), small.cards[0]
    wins, total = np.zeros(3), 0.0
    held = [hand_pairs(STANDARD)[each > 0].tolist() for each in ranges]
    for one, two in product(*held):
        used = {*one, *two, *board}
        if len(used) < 7 or not used <= set(small.cards):
            continue
        for later in combinations(sorted(set(small.cards) - used), 2):
            best = [
                max(
                    rules.rank_five(tuple(sorted(card - lowest for card in five)))
                    for five in combinations((*hole, *board, *later), 5)
                )
                for hole in (one, two)
            ]
            wins[(best[0] > best[1]) - (best[0] < best[1])] += 1
            total += 1
    sign = np.sign(drawn.strength[:, 0] - drawn.strength[:, 1])
    assert len(drawn.weight) == total
    assert [(sign == each).sum() for each in (0, 1, -1)] == wins.tolist()


def test_preflop_hands_of_ranges_that_name_suits_have_rows_of_their_own():
    config = loaded(["board_cards=[0]", 'ranges=["KcQc,KdQd,AA","AcAd,KcJc"]'])
    game = built(config)
    assert game.deals.kind == DEALS_HOLDEM
    hands = np.array([STANDARD.parse(hole) for hole in ("KcQc", "KdQd", "KhQh", "KsQs")], np.uint8)
    found = game.hole_cards.buckets(0, 0, hands, ()).tolist()
    assert len(set(found[:2])) == 2
    assert found[2] == found[3]
    assert game.deals.bucket_count.max() > 169
    plain = built(loaded(["board_cards=[0]", 'ranges=["KQs,AA","AKs,KJs:0.5"]']))
    assert plain.deals.bucket_count.max() == 169


def test_a_board_that_comes_after_preflop_tells_suits_apart_before():
    config = loaded(["board_cards=[0]", "board=AsKsQs"])
    assert len(renamings_of(config.game, STANDARD)) == 6
    hands = np.array([STANDARD.parse(hole) for hole in ("9s8s", "9h8h", "9d8d")], np.uint8)
    found = built(config).hole_cards.buckets(0, 0, hands, ()).tolist()
    assert found[0] != found[1] == found[2]


@pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")
def test_hands_that_share_rows_of_a_file_are_named(tmp_path):
    spec = BucketSpec("royal", FAMILIES["percentile"], (25, 8, 8, 9))
    build_file(spec, tmp_path / "file")
    files = [f"buckets={tmp_path / 'file'}"]
    deck = ["ranks=5", "stacks=4bb"]
    assert built(loaded(deck, files)).warnings == ()
    assert built(loaded([*deck, 'ranges=["AKs,QQ","*"]'], files)).warnings == ()
    (told,) = built(loaded([*deck, 'ranges=["KcQc,KdQd,JJ","AcAh"]'], files)).warnings
    assert told.startswith("starting hands of seat 0 share a row and are played alike")
    assert "KdQd, KcQc" in told
    board = ["blinds=[0,0]", "dead=100", "big_blind=1", "board_cards=[3,1,1]", "board=AsKsQs"]
    told = built(loaded([*deck, *board, 'ranges=["JJ,TT,AK","JTs"]'], files)).warnings
    assert all("share a row" in each for each in told)


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="takes minutes when interpreted")
@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ([], None),
        (["board=As"], "the 1 card of game.board"),
        (["board=AsKd", 'ranges=["*","QQ+"]'], "game.ranges and the 2 cards of game.board"),
        (['ranges=["JJ,TT","QQ"]'], "game.ranges"),
        (["board=AsKdTc"], None),  # buckets of its own
    ],
)
def test_buckets_of_the_whole_game_under_ranges_or_a_board_are_told(keys, told):
    buckets = ["bucket_counts=[25,8,8,9]", "bucket_method=percentile"]
    flop = ["blinds=[0,0]", "dead=100", "big_blind=1", "board_cards=[3,1,1]"]
    first = [] if keys == ["board=As"] else flop  # the other way in: before the flop
    if first:
        buckets[0] = "bucket_counts=[8,8,9]"
    warnings = built(loaded(["ranks=5", "stacks=4bb", *first, *keys], buckets)).warnings
    of_all = [each for each in warnings if each.startswith("card buckets are those of the whole")]
    if told is None:
        assert of_all == []
        return
    assert f"not made for {told}: hands that these tell apart may share one" in of_all[0]
    assert "for a game.board of 3 cards and more they are made for it" in of_all[0]
    assert "'cfr-shm solve' plays it hand by hand" in of_all[0]
