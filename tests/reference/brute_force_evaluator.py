"""Cards the slow, obvious way: rank five cards by the rule book, try all boards, all suits.

Imports nothing from cfr_shm. A card is ``4 * rank + suit``, ranks from the deck's lowest.
"""

import itertools
from collections import Counter
from functools import lru_cache

NAMES = (
    "high card",
    "pair",
    "two pair",
    "three of a kind",
    "straight",
    "flush",
    "full house",
    "four of a kind",
    "straight flush",
)


class Rules:
    """A deck of ``ranks`` ranks in four suits; ``flush_first`` puts flushes over full houses."""

    def __init__(self, ranks=13, flush_first=False):
        self.ranks = ranks
        self.cards = range(4 * ranks)
        self.flush_first = flush_first
        self.rank_five = lru_cache(maxsize=None)(self._rank_five)

    def _rank_five(self, cards):
        ranks = sorted((card // 4 for card in cards), reverse=True)
        flush = len({card % 4 for card in cards}) == 1
        groups = sorted(Counter(ranks).items(), key=lambda pair: (-pair[1], -pair[0]))
        shape = tuple(count for _, count in groups)
        order = tuple(rank for rank, _ in groups)
        straight = None
        if shape == (1, 1, 1, 1, 1):
            if ranks[0] - ranks[4] == 4:
                straight = ranks[0]
            elif ranks == [self.ranks - 1, 3, 2, 1, 0]:
                straight = 3  # the ace plays low
        if straight is not None:
            return (8 if flush else 4, (straight,))
        if flush:
            return (6 if self.flush_first else 5, order)
        category = {
            (4, 1): 7,
            (3, 2): 5 if self.flush_first else 6,
            (3, 1, 1): 3,
            (2, 2, 1): 2,
            (2, 1, 1, 1): 1,
            (1, 1, 1, 1, 1): 0,
        }[shape]
        return (category, order)

    def rank(self, cards):
        """Return a tuple that is greater for a better hand of 5 to 7 cards."""
        return max(self.rank_five(tuple(sorted(five))) for five in itertools.combinations(cards, 5))

    def category(self, cards):
        category = self.rank(cards)[0]
        if self.flush_first and category in (5, 6):
            category = 11 - category
        return NAMES[category]

    def points(self, hole, board):
        """Return 2 x beaten + tied opposing hands on the river, and twice their number."""
        own = self.rank((*hole, *board))
        left = [card for card in self.cards if card not in hole and card not in board]
        points = hands = 0
        for other in itertools.combinations(left, 2):
            theirs = self.rank((*other, *board))
            points += 2 * (own > theirs) + (own == theirs)
            hands += 1
        return points, 2 * hands

    def rivers(self, hole, board):
        """Yield every river board that may come."""
        left = [card for card in self.cards if card not in hole and card not in board]
        for more in itertools.combinations(left, 5 - len(board)):
            yield (*board, *more)

    def points_against(self, hole, board, opponents):
        """Return, for each set of opposing hands, points and twice the number that may be held."""
        own = self.rank((*hole, *board))
        result = []
        for hands in opponents:
            points = count = 0
            for other in hands:
                if not set(other) & {*hole, *board}:
                    theirs = self.rank((*other, *board))
                    points += 2 * (own > theirs) + (own == theirs)
                    count += 2
            result.append((points, count))
        return result


def simplest(hole, board):
    """Return the least of a hand's 24 forms under renaming suits: equal for equal hands."""
    return min(
        (
            tuple(sorted((card & ~3) + images[card & 3] for card in board)),
            tuple(sorted((card & ~3) + images[card & 3] for card in hole)),
        )
        for images in itertools.permutations(range(4))
    )
