"""Deal hold'em the slow way, from the same keyed random numbers, and list all deals by force.

Imports nothing from cfr_shm. Cards are ``4 * rank + suit``.
"""

import itertools

from draws import DEAL_STREAM, sweep_key, uniform


class Slots:
    """The draws of one deal, one after another."""

    def __init__(self, seed, iteration):
        self.key = sweep_key(seed, iteration, DEAL_STREAM)
        self.taken = 0

    def next(self):
        self.taken += 1
        return uniform(self.key, self.taken - 1)


def deal(seed, iteration, deck, players, board=(), tables=None):
    """Return (board, hole cards by player).

    ``tables`` are alias tables by player: lists of (hand, threshold, other hand's place). None
    means that every hand of every player is equally likely.
    """
    slots = Slots(seed, iteration)
    if tables is None:
        dealt = list(board)
        while len(dealt) < 5 + 2 * players:
            card = int(slots.next() * deck)
            if card not in dealt:
                dealt.append(card)
        return dealt[:5], [tuple(dealt[5 + 2 * p : 7 + 2 * p]) for p in range(players)]
    hands = []
    while len(hands) < players:
        table = tables[len(hands)]
        place = int(slots.next() * len(table))
        _, threshold, other = table[place]
        if slots.next() >= threshold:
            place = other
        hand = table[place][0]
        if set(hand) & {card for held in hands for card in held}:
            hands = []
        else:
            hands.append(hand)
    held = {card for hand in hands for card in hand}
    dealt = list(board)
    while len(dealt) < 5:
        card = int(slots.next() * deck)
        if card not in dealt and card not in held:
            dealt.append(card)
    return dealt, hands


def joint_probability(ranges, board=()):
    """Return the probability of every combination of hands, one dict {hand: weight} a player."""
    weight = {}
    for hands in itertools.product(*ranges):
        cards = [card for hand in hands for card in hand] + list(board)
        if len(set(cards)) == len(cards):
            product = 1.0
            for hand, each in zip(hands, ranges, strict=True):
                product *= each[hand]
            if product > 0.0:
                weight[hands] = product
    total = sum(weight.values())
    return {hands: each / total for hands, each in weight.items()}
