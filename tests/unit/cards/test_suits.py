"""Which renamings of suits leave ranges and boards as they are, against trying cards one by one."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from cfr_shm.cards.deck import ROYAL, STANDARD
from cfr_shm.cards.isomorphism import card_index, hand_numbers, preflop_index
from cfr_shm.cards.ranges import hand_of, hand_pairs, parse_range
from cfr_shm.cards.suits import every_renaming, hand_orbits, kept_renamings, renamed_hands

RANGES = [
    (["*"], []),
    (["AA,KK,AKs,QJo:0.5"], [""]),
    (["AhKh,AdKd"], []),
    (["AhKh,AdKd:0.5,AsKs"], []),
    (["KcQc,KdQd,KhQh", "AA"], []),
    (["AKs,AhKh:0.25", "QJs,QcJc:0"], []),
    (["AKs"], ["AsKsQs"]),
    (["AhKh,AdKd"], ["Ts9s2c", "2d"]),
    (["*"], ["Ts9s2s", "", "4c"]),
    (["AsKs,QhJh"], ["AsQsJs"]),
]


def slowly(deck, texts, boards):
    """Return the renamings that change nothing, hand by hand and card by card."""
    fixed = [set(deck.parse(board)) for board in boards]
    dead = set().union(*fixed)
    kept = []
    for images in permutations(range(4)):
        named = [card - card % 4 + images[card % 4] for card in range(deck.card_count)]
        same = all({named[card] for card in cards} == cards for cards in fixed)
        for text in texts:
            weight = parse_range(deck, text)
            for one, two in combinations(range(deck.card_count), 2):
                if not {one, two} & dead and not {named[one], named[two]} & dead:
                    same &= weight[hand_of(one, two)] == weight[hand_of(named[one], named[two])]
        if same:
            kept.append(images)
    return kept


@pytest.mark.parametrize(("texts", "boards"), RANGES)
def test_renamings_that_are_kept(texts, boards):
    ranges = [parse_range(STANDARD, text) for text in texts]
    found = kept_renamings(STANDARD, ranges, [STANDARD.parse(board) for board in boards])
    assert list(found) == slowly(STANDARD, texts, boards)
    # A group: what two of them do one after the other is one of them.
    for first in found:
        for second in found:
            assert tuple(second[image] for image in first) in found


def test_hands_of_other_cards_do_not_count():
    """A small deck has neither deuces nor spades; a board's card cannot be held."""
    text = "AA,KcQc,KdQd,KhQh,2c2d:0.5,AsKs"
    cards = [4 * rank + suit for rank in range(9, 13) for suit in range(3)]
    known = {"suit_count": 3, "dealt": cards}
    ranges = [parse_range(STANDARD, text)]
    assert kept_renamings(STANDARD, ranges, **known) == every_renaming(3)
    assert len(kept_renamings(STANDARD, ranges)) == 2
    held = [parse_range(STANDARD, "KcQc,KdQd")]
    assert len(kept_renamings(STANDARD, held, [STANDARD.parse("Kc")], **known)) == 1
    both = [parse_range(STANDARD, "KcQc,QdQh")]
    assert len(kept_renamings(STANDARD, both, [STANDARD.parse("Kc")], **known)) == 2


@pytest.mark.parametrize("text", ["AhKh,AdKd", "KcQc,KdQd,KhQh", "AKs,AhKh:0.5", "*"])
def test_orbits_are_what_renamings_turn_into_each_other(text):
    renamings = kept_renamings(STANDARD, [parse_range(STANDARD, text)])
    orbit = hand_orbits(STANDARD, renamings)
    assert set(orbit.tolist()) == set(range(int(orbit.max()) + 1))
    alike = {
        (hand, int(renamed_hands(STANDARD, images)[hand]))
        for images in renamings
        for hand in range(1326)
    }
    for one in range(0, 1326, 7):
        for other in range(1326):
            assert ((one, other) in alike) == (orbit[one] == orbit[other])


@pytest.mark.parametrize("deck", [STANDARD, ROYAL])
def test_preflop_hands_are_numbered_by_their_orbits(deck):
    hands = hand_pairs(deck).astype(np.uint8)
    assert preflop_index(deck, every_renaming()) is card_index(deck)
    renamings = kept_renamings(deck, [parse_range(deck, "AhKh,AdKd,QsJs")])
    index = preflop_index(deck, renamings)
    number = hand_numbers(deck, 0, hands, index)
    orbit = hand_orbits(deck, renamings)
    assert number.tolist() == orbit.tolist()
    assert index.hand_count[0] == orbit.max() + 1 > card_index(deck).hand_count[0]
