"""Fixed boards with many deals: hands told apart, equities and buckets against brute force."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from brute_force_evaluator import Rules
from real_games import built, loaded

from cfr_shm.cards.board_index import board_index
from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.ranges import hand_of, hand_pairs, parse_range
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.board_equities import river_values, street_hands
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.deals import DEALS_HOLDEM

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="numbering all boards takes minutes")

ROYAL_RANGES = ("AhAd,AcKc:0.25,KsQs,JhJc,QdTd,AsTs:0.75", "KhKd,AhQh,QcJc:0.5,TsTd,AcKc,KcTc")
THREE = (*ROYAL_RANGES, "AdKd,QhTh:0.5,JsTc")
GAME = ["blinds=[0,0]", "dead=100", "big_blind=1", "stacks=100"]
TURN = [*GAME, "board_cards=[4,1]", "board=Td9d6hQc"]
FLOP = [*GAME, "board_cards=[3,1,1]", "board=QsJh2h"]


def brute_equities(board, ranges, seats):
    """Return, by hand, what is won over all boards and hands of one other seat, and the weight."""
    rules, held = Rules(ranks=5), [dict(_held(text)) for text in ranges]
    won, weight = {}, {}
    left = [card for card in range(20) if card not in board]
    for one, two in ((a, b) for a in range(seats) for b in range(seats) if a != b):
        for more in combinations(left, 5 - len(board)):
            river = {*board, *more}
            rank = {h: rules.rank((*h, *river)) for s in (one, two) for h in held[s]
                    if not river & set(h)}  # fmt: skip
            for own, own_weight in held[one].items():
                for other, other_weight in held[two].items():
                    if river & {*own, *other} or set(own) & set(other):
                        continue
                    mass = own_weight * other_weight
                    share = 0.5 * (rank[own] == rank[other]) + (rank[own] > rank[other])
                    won[own] = won.get(own, 0.0) + mass * share
                    weight[own] = weight.get(own, 0.0) + mass
    return won, weight


def _held(text):
    for piece in text.split(","):
        cards, _, weight = piece.partition(":")
        yield tuple(sorted(ROYAL.parse(cards))), float(weight or 1)


@pytest.mark.parametrize("ranges", [ROYAL_RANGES, THREE], ids=["two seats", "three seats"])
@pytest.mark.parametrize("board", ["KcQsJdTh2"[:6], "KcQsJdTh", "KcQsJdThAh"])
def test_equities_are_those_of_all_deals(board, ranges):
    cards = ROYAL.parse(board)
    index = board_index(ROYAL, cards)
    won, met = river_values(index, [parse_range(ROYAL, text) for text in ranges])
    street = len(cards) - 2
    hands, numbers = street_hands(index, street, won, met)
    wins, weight = brute_equities(cards, ranges, len(ranges))
    place = {int(number): at for at, number in enumerate(numbers)}
    (of_hand,) = index.numbers(street)
    assert len(numbers) == len(weight)
    for hole, mass in weight.items():
        at = place[int(of_hand[hand_of(*hole)])]
        assert hands.weight[at] == pytest.approx(mass, rel=1e-9)
        assert hands.equity[at] == pytest.approx(wins[hole] / mass, rel=1e-9)
        if hands.histogram is not None:
            assert hands.histogram[at].sum() == pytest.approx(mass, rel=1e-9)


def test_two_cards_on_a_board_have_a_number_of_their_own():
    index = board_index(STANDARD, STANDARD.parse("QsJh2h"))
    assert [len(boards) for boards in index.boards] == [1, 1, 49, 1176]
    for street in (1, 2):
        numbers = index.numbers(street)
        fits = numbers[numbers >= 0]
        assert len(np.unique(fits)) == len(fits)
        assert len(fits) == {1: 1176, 2: 49 * 1128}[street]
        assert fits.max() < index.tables.hand_count[street]


def test_wide_ranges_on_a_turn_are_played_hand_by_hand():
    game = built(loaded(TURN))
    assert game.deals.kind == DEALS_HOLDEM
    assert game.warnings == ()
    assert game.deals.bucket_count.tolist() == [[1128, 48 * 1081]] * 2
    # Suits that the canonical form of a board would merge are told apart.
    hands = np.array([STANDARD.parse(hole) for hole in ("AcKc", "AsKs", "AhKh")], np.uint8)
    on_turn = game.hole_cards.buckets(0, 0, hands, STANDARD.parse("Td9d6hQc"))
    rivers = [STANDARD.parse(f"Td9d6hQc{card}") for card in ("2c", "2s", "2h")]
    on_river = [game.hole_cards.buckets(0, 1, hands, river) for river in rivers]
    assert len(set(on_turn.tolist())) == 3
    assert len(np.unique(on_river)) == 9


def test_buckets_that_are_asked_for_are_made_for_the_board_and_named():
    ranges = 'ranges=["22+,A2s+,K2s+,Q2s+,A2o+,K9o+,KhQh:0.5","*,AA:0.2,72o:0.1"]'
    game = built(loaded([*TURN, ranges], ["bucket_counts=[30,40]"]))
    assert game.bucket_file is None
    assert game.deals.bucket_count.tolist() == [[30, 40]] * 2
    assert "starting hands of seat 0 share a row" in game.warnings[0]
    board = STANDARD.parse("Td9d6hQc")
    held = hand_pairs(STANDARD)
    held = held[~np.isin(held, board).any(axis=1)].astype(np.uint8)
    assert set(game.hole_cards.buckets(1, 0, held, board).tolist()) == set(range(30))
    # Equal strength on a river, equal equity but for what is blocked: one bucket.
    river = STANDARD.parse("Td9d6hQc2s")
    twins = np.array([STANDARD.parse(hole) for hole in ("KhJh", "KsJs", "KcJc")], np.uint8)
    assert len(set(game.hole_cards.buckets(1, 1, twins, river).tolist())) == 1


@pytest.mark.thorough
def test_more_hands_than_buckets_share_those_of_the_board_and_a_warning_says_so():
    ranges = 'ranges=["22+,A2s+,KJs+,ATo+","TT+,A9s+,AJo+,76s"]'
    game = built(loaded([*FLOP, ranges]))
    assert game.deals.bucket_count.tolist() == [[166, 200, 200]] * 2
    assert "more than 65,535 hands on a street" in game.warnings[-1]
    assert "'cfr-shm solve' plays this board hand by hand" in game.warnings[-1]


def test_hands_without_loss_have_to_fit():
    game = [*FLOP, 'ranges=["*","22+,A2s+,KJs+,ATo+"]']
    with pytest.raises(GameError, match="lossless does not fit the river of this board"):
        built(loaded(game, ["bucket_method=lossless", "bucket_counts=[9,9,9]"]))
