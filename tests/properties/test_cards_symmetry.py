"""What renaming suits and reordering cards must not change."""

import itertools

from brute_force_evaluator import simplest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.evaluator import evaluate
from cfr_shm.cards.isomorphism import hand_number, representative
from cfr_shm.kernels.jit import JIT_DISABLED

DECK = ROYAL if JIT_DISABLED else STANDARD
PERMUTATIONS = list(itertools.permutations(range(4)))


@st.composite
def deals(draw):
    """Hole cards, board of any street, in any order."""
    size = draw(st.sampled_from([0, 3, 4, 5]))
    count = 2 + size
    card = st.sampled_from(range(DECK.card_count))
    cards = draw(st.lists(card, min_size=count, max_size=count, unique=True))
    return tuple(cards[:2]), tuple(cards[2:])


def renamed(cards, images):
    return tuple((card & ~3) + images[card & 3] for card in cards)


@settings(max_examples=300)
@given(deals(), st.sampled_from(PERMUTATIONS), st.randoms(use_true_random=False))
def test_numbers_ignore_suits_and_order(deal, images, random):
    hole, board = deal
    other_hole, other_board = (list(renamed(cards, images)) for cards in deal)
    random.shuffle(other_hole)
    random.shuffle(other_board)
    assert hand_number(DECK, hole, board) == hand_number(DECK, other_hole, other_board)


@settings(max_examples=300)
@given(deals(), deals())
def test_equal_numbers_mean_equal_hands(one, other):
    if len(one[1]) == len(other[1]):
        same = hand_number(DECK, *one) == hand_number(DECK, *other)
        assert same == (simplest(*one) == simplest(*other))


@settings(max_examples=200)
@given(deals())
def test_the_representative_is_the_same_hand(deal):
    hole, board = deal
    street = [0, 3, 4, 5].index(len(board))
    back = representative(DECK, street, hand_number(DECK, hole, board))
    assert simplest(*back) == simplest(hole, board)


@settings(max_examples=200)
@given(deals(), st.sampled_from(PERMUTATIONS))
def test_strength_ignores_suits_and_order(deal, images):
    cards = (*deal[0], *deal[1])
    if len(cards) >= 5:
        assert evaluate(DECK, cards) == evaluate(DECK, renamed(cards, images)[::-1])
