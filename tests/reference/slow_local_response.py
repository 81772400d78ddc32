"""Local best response the slow, obvious way: dictionaries, one hand at a time, all boards listed.

Written from Lisy & Bowling 2017 and from docs/evaluation.md; imports nothing from cfr_shm. The
opponent's hands are pairs of cards, its range a dictionary, the betting that of betting_lines.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import betting_lines as plain

FOLD, CALL = -1, 0
CALLS, FOLDS, BETS = "calls", "folds", "bets"
SHOWN = (0, 3, 4, 5)


@dataclass
class Strategy:
    """What is played against: the tree by node, and what each hand does there."""

    children: dict  # node -> [(move, child), ...], decision nodes only
    policy: object  # (node, hand, board) -> probabilities of the node's moves


@dataclass
class Decision:
    """One decision of the responder."""

    street: int
    node: int
    move: int
    utility: float


@dataclass
class Hand:
    """One deal with the responder in a seat."""

    rules: object  # betting_lines.Rules
    strategy: Strategy
    rank: object  # (seven cards) -> strength
    deck: range
    sets: tuple  # what is done on each street, and the sizes
    board: tuple
    hole: tuple
    seat: int
    draw: object  # number of the opponent's action -> uniform number
    range_: dict = field(default_factory=dict)
    decisions: list = field(default_factory=list)

    def play(self):
        """Return what the responder wins."""
        self.played = self.tree = plain.opening(self.rules)
        self.node, self.in_step, self.draws = 0, True, 0
        cards = [card for card in self.deck if card not in self.hole]
        self.range_ = dict.fromkeys(itertools.combinations(cards, 2), 1.0)
        self.compared = None
        while self.played.order:
            street = self.played.street
            self.see(self.board[: SHOWN[street]])
            if self.played.order[0] == self.seat:
                move, child, utility = self.decide(street)
                self.decisions.append(Decision(street, self.node, move, utility))
                self.go(move, child)
            else:
                self.answer(street)
        return self.settle()

    # --- cards ---

    def see(self, board):
        left = {h: w for h, w in self.range_.items() if w > 0 and not set(h) & set(board)}
        total = sum(left.values())
        self.range_ = {h: w / total for h, w in left.items()}
        self.seen = tuple(board)

    def share(self, board, hands):
        """Return the pot's share that the own hand gets of each hand, over all boards to come."""
        shares = dict.fromkeys(hands, 0.0)
        counts = dict.fromkeys(hands, 0)
        free = [card for card in self.deck if card not in (*board, *self.hole)]
        for more in itertools.combinations(free, 5 - len(board)):
            full = (*board, *more)
            own = self.rank((*full, *self.hole))
            for hand in hands:
                if not set(hand) & set(more):
                    theirs = self.rank((*full, *hand))
                    shares[hand] += 1.0 if own > theirs else 0.5 if own == theirs else 0.0
                    counts[hand] += 1
        return {hand: shares[hand] / counts[hand] for hand in hands}

    def won(self):
        """Return how much of the pot a showdown is worth against the range."""
        return sum(weight * self.points[hand] for hand, weight in self.range_.items())

    # --- betting ---

    def to_call(self, spot):
        seat = spot.order[0]
        return min(max(spot.bets) - spot.bets[seat], plain.left(self.rules, spot, seat))

    def pot_fraction(self, spot, move):
        return (move - max(spot.bets)) / (sum(spot.put_in) + self.to_call(spot))

    def all_in(self, spot):
        seat = spot.order[0]
        return spot.bets[seat] + plain.left(self.rules, spot, seat)

    def sized(self, spot, fraction):
        bounds = plain.raise_range(self.rules, spot)
        if bounds is None:
            return CALL
        pot = sum(spot.put_in) + self.to_call(spot)
        move = max(spot.bets) + math.floor(fraction * pot + 1e-6)
        return min(max(move, bounds[0]), bounds[1])

    @staticmethod
    def alike(one, two):
        if not one.order or not two.order:
            return not one.order and not two.order and one.showdown == two.showdown
        return (one.order[0], one.street) == (two.order[0], two.street)

    def child_for(self, move):
        """Return the tree's node that a move of the responder stands for, None for none."""
        if self.node is None:
            return None
        known = dict(self.strategy.children[self.node])
        if move <= 0 or (self.in_step and move in known):
            return known.get(move)
        tree_all_in = self.all_in(self.tree)
        if move == self.all_in(self.played) and tree_all_in in known:
            return known[tree_all_in]
        sizes = [(self.pot_fraction(self.tree, size), known[size]) for size in known if size > 0]
        called = known.get(CALL)
        if called in self.strategy.children:
            after_raise = plain.play(self.rules, self.played, move)
            if self.alike(after_raise, plain.play(self.rules, self.tree, CALL)):
                sizes.append((0.0, called))
        sizes.sort()
        size = self.pot_fraction(self.played, move)
        below = [pair for pair in sizes if pair[0] <= size]
        above = [pair for pair in sizes if pair[0] >= size]
        if not below or not above:
            nearest = above[:1] or below[-1:]
            return nearest[0][1] if nearest else None
        (small, smaller), (large, larger) = below[-1], above[0]
        if small == size:
            return smaller
        share = (large - size) * (1 + small) / ((large - small) * (1 + size))
        return smaller if share > 0.5 else larger

    def move_to(self, child):
        return next(move for move, each in self.strategy.children[self.node] if each == child)

    def go(self, move, child):
        self.played = plain.play(self.rules, self.played, move)
        if child is not None:
            known = self.move_to(child)
            self.in_step = self.in_step and known == move
            self.tree = plain.play(self.rules, self.tree, known)
            if not self.alike(self.played, self.tree):
                child = None
        self.node = child

    # --- the responder ---

    def decide(self, street):
        on_street, sizes = self.sets
        calls = self.child_for(CALL)
        can_call = self.node is None or calls is not None
        if on_street[street] == CALLS and can_call:
            return CALL, calls, 0.0
        if self.compared != self.seen:
            self.points = self.share(self.seen, self.range_)
            self.compared = self.seen
        spot = self.played
        pot, asked, share = sum(spot.put_in), self.to_call(spot), self.won()
        found = [(0.0, FOLD, self.child_for(FOLD))] if asked else []
        if can_call:
            found.append((share * pot - (1 - share) * asked, CALL, calls))
        if on_street[street] == BETS or not can_call:
            bounds = plain.raise_range(self.rules, spot)
            moves = [self.sized(spot, size) for size in sizes]
            moves += [bounds[1]] if bounds else []
            for move in sorted({move for move in moves if move > 0}):
                child = self.child_for(move)
                if child is not None or self.node is None:
                    found.append((self.utility(move, child, pot, asked), move, child))
        utility, move, child = found[0]
        for better in found[1:]:
            if better[0] > utility + 1e-9 * pot:  # the smallest of those that are as good
                utility, move, child = better
        return move, child, utility

    def utility(self, move, child, pot, asked):
        other = 1 - self.seat
        reachable = self.played.bets[other] + plain.left(self.rules, self.played, other)
        added = min(move, reachable) - max(self.played.bets)
        folds = won = 0.0
        for hand, weight in self.range_.items():
            gone = 0.0
            if child in self.strategy.children:
                moves = [move for move, _ in self.strategy.children[child]]
                if FOLD in moves:
                    policy = self.strategy.policy(child, hand, self.board)
                    gone = weight * policy[moves.index(FOLD)]
            folds += gone
            won += (weight - gone) * self.points[hand]
        lost = 1.0 - folds - won
        return folds * pot + won * (pot + added) - lost * (asked + added)

    # --- the other seat ---

    def answer(self, street):
        if self.node is None:
            self.go(CALL, None)
            return
        children = self.strategy.children[self.node]
        policy = {h: self.strategy.policy(self.node, h, self.board) for h in self.range_}
        chosen = [
            sum(weight * policy[hand][action] for hand, weight in self.range_.items())
            for action in range(len(children))
        ]
        left, taken = self.draw(self.draws), 0
        self.draws += 1
        while taken + 1 < len(chosen) and left >= chosen[taken]:
            left -= chosen[taken]
            taken += 1
        self.range_ = {h: w * policy[h][taken] / chosen[taken] for h, w in self.range_.items()}
        known, child = children[taken]
        move = known
        if known == FOLD and self.to_call(self.played) == 0:
            move = CALL
        elif known > 0 and not self.in_step:
            bounds = plain.raise_range(self.rules, self.played)
            if known == self.all_in(self.tree):
                move = bounds[1] if bounds else CALL
            else:
                move = self.sized(self.played, self.pot_fraction(self.tree, known))
        self.go(move, child)

    def settle(self):
        losing, pots = plain.settle(self.rules, self.played)
        share = 0.0 if self.seat in self.played.folded else 1.0
        if self.played.showdown:
            if self.compared != self.seen or len(self.seen) == 0:
                self.see(self.board)
                self.points = self.share(self.board, self.range_)
            share = self.won()
        return losing[self.seat] + share * sum(chips for chips, _ in pots)
