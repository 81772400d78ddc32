"""What a best responder gains by each choice, the slow, obvious way: one hand at a time.

Written from Kakade & Langford 2002, lemma 6.1; imports nothing from cfr_shm. Values are sums over
the other seat's hands, each weighed by how likely it is held and plays so far; cards to come are
equally likely among those that nobody holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Response:
    """One responder against a strategy.

    Attributes:
        children: of each decision node, in the order of its actions.
        actor: seat that decides at a node.
        cards: board cards that lie there at a node.
        pays: (leaf, seat, own hand, other hand, board) -> chips.
        policy: (node, hand, board) -> probabilities of the node's actions.
        deck: every card.
        first_cards: board cards of the street on which the response begins.
        seat: of the responder.
    """

    children: dict
    actor: dict
    cards: dict
    pays: object
    policy: object
    deck: tuple
    first_cards: int
    seat: int
    gains: dict = field(default_factory=dict)

    def value(self, node, board, own, others, best):
        """Return what a hand gets from a node on, times the others' weights."""
        if self.waits(node, board):
            return sum(
                self.value(node, longer, own, there, best) / count
                for longer, there, count in self.next_boards(board, own, others)
            )
        if node not in self.children:
            return sum(w * self.pays(node, self.seat, own, x, board) for x, w in others.items())
        if self.actor[node] != self.seat:
            return sum(
                self.value(child, board, own, self.left(node, action, others, board), best)
                for action, child in enumerate(self.children[node])
            )
        values = [self.value(child, board, own, others, best) for child in self.children[node]]
        if best and self.cards[node] >= self.first_cards:
            return max(values)
        shares = self.policy(node, own, board[: self.cards[node]])
        return sum(share * value for share, value in zip(shares, values, strict=True))

    def take_apart(self, node, board, own, others, comes):
        """Add what a hand's choices gain, times how likely it comes there, to ``gains``."""
        if self.waits(node, board):
            for longer, there, count in self.next_boards(board, own, others):
                self.take_apart(node, longer, own, there, comes / count)
            return
        if node not in self.children or not others:
            return
        if self.actor[node] != self.seat:
            for action, child in enumerate(self.children[node]):
                self.take_apart(child, board, own, self.left(node, action, others, board), comes)
            return
        shares = self.policy(node, own, board[: self.cards[node]])
        if self.cards[node] < self.first_cards:
            for share, child in zip(shares, self.children[node], strict=True):
                self.take_apart(child, board, own, others, comes * share)
            return
        hoped = [self.value(child, board, own, others, True) for child in self.children[node]]
        child = self.children[node][hoped.index(max(hoped))]
        gain = self.value(child, board, own, others, False)
        gain -= self.value(node, board, own, others, False)
        self.gains[child] = self.gains.get(child, 0.0) + comes * gain
        self.take_apart(child, board, own, others, comes)

    def waits(self, node, board):
        """Return whether cards come before a node: a decision, or a showdown."""
        return self.cards[node] > len(board)

    def left(self, node, action, others, board):
        """Return the other seat's hands that do something at a node."""
        seen = board[: self.cards[node]]
        found = {x: w * self.policy(node, x, seen)[action] for x, w in others.items()}
        return {x: w for x, w in found.items() if w > 0.0}

    def next_boards(self, board, own, others):
        """Yield each card's board, the hands that are left, and one in how many cards it is."""
        free = [card for card in self.deck if card not in (*board, *own)]
        for card in free:
            there = {x: w for x, w in others.items() if card not in x}
            yield (*board, card), there, len(free) - 2
