"""A spot played out deal by deal with dictionaries: values and best responses, no arrays.

Nothing of cfr_shm is imported. The betting is written anew, for spots whose menu is one bet size
and one raise size in % of the pot; strategies are given by (player, hand, cards, line).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

Hand = tuple[int, int]
Strategy = Callable[[int, Hand, tuple[int, ...], str], dict[str, float]]


@dataclass
class SlowSpot:
    """The rules: cards are any numbers, ``strength`` ranks seven of them."""

    deck: list[int]
    board: tuple[int, ...]
    ranges: tuple[dict[Hand, float], dict[Hand, float]]
    pot: float
    stack: float
    bet: float
    raises: float
    force_allin: float
    rake_fraction: float
    rake_cap: float
    strength: Callable[[tuple[int, ...]], int]

    def deals(self) -> Iterator[tuple[float, Hand, Hand, tuple[int, ...]]]:
        """Yield every deal with its probability: both hands and the cards that come."""
        missing = 5 - len(self.board)
        found = []
        for (one, w1), (two, w2) in product(self.ranges[0].items(), self.ranges[1].items()):
            if set(one) & set(two):
                continue
            left = [c for c in self.deck if c not in (*self.board, *one, *two)]
            runs = [r for r in product(left, repeat=missing) if len(set(r)) == missing]
            found += [(w1 * w2 / len(runs), one, two, run) for run in runs]
        total = sum(weight for weight, *_ in found)
        for weight, one, two, run in found:
            yield weight / total, one, two, run

    def total_to(self, before: float, bet: float, raised: float) -> float | None:
        """Return the only bet or raise there is, as a total of the street."""
        most = self.stack - before
        if bet >= most:
            return None
        pot = self.pot + 2 * (before + bet)
        total = bet + int((self.bet if bet == 0 else self.raises) * pot + 0.5 + 1e-9)
        total = min(max(total, min(bet + max(raised, 0), most), 1 if bet == 0 else 0), most)
        if most - total <= self.force_allin * (pot + 2 * (total - bet)):
            total = most
        return total

    def share(self, winner: int, player: int, put: tuple[float, float]) -> float:
        """Return what a player has at the end, less what he put in; winner 2 is a tie."""
        matched = min(put)
        pot = self.pot + 2 * matched
        rake = min(self.rake_fraction * pot, self.rake_cap)
        if winner == 2:
            return (pot - rake) / 2 - matched
        return pot - rake - matched if winner == player else -matched


class SlowPlay:
    """Walks a deal: who acts, what follows, what it pays."""

    def __init__(self, spot: SlowSpot) -> None:
        self.spot = spot

    def start(self) -> tuple:
        return ("", 0, 0.0, (0.0, 0.0), 0.0, 0.0, True, 0)

    def options(self, state: tuple) -> dict[str, tuple]:
        """Return code -> next state, or a tuple ("end", winner or None, put)."""
        line, actor, before, put, bet, raised, may_check, level = state
        own = put[actor] - before
        found = {}
        join = "" if not line or line.endswith("/") else "-"
        if bet > own:
            found["f"] = ("end", 1 - actor, put)
            called = (before + bet,) * 2
            found["c"] = self._over(f"{line}{join}c", called, level)
        elif may_check:
            found["x"] = (f"{line}{join}x", 1 - actor, before, put, bet, raised, False, level)
        else:
            found["x"] = self._over(f"{line}{join}x", put, level)
        total = self.spot.total_to(before, bet, raised)
        if total is not None:
            code = f"{'r' if bet else 'b'}{total:g}"
            after = list(put)
            after[actor] = before + total
            found[code] = (
                *(f"{line}{join}{code}", 1 - actor, before, tuple(after)),
                *(total, total - bet, False, level),
            )
        return found

    def _over(self, line: str, put: tuple[float, float], level: int) -> tuple:
        if level + len(self.spot.board) == 5:
            return ("end", None, put)
        if put[0] >= self.spot.stack:
            while level + len(self.spot.board) < 5:
                level += 1
            return ("end", None, put)
        return (f"{line}/", 0, put[0], put, 0.0, 0.0, True, level + 1)

    def winner(self, one: Hand, two: Hand, run: tuple[int, ...]) -> int:
        board = (*self.spot.board, *run)
        a, b = (self.spot.strength((*hand, *board)) for hand in (one, two))
        return 2 if a == b else int(b > a)


def values(spot: SlowSpot, strategy: Strategy) -> list[float]:
    """Return each player's expected share of the pot, less what he puts in from now on."""
    play = SlowPlay(spot)

    def walk(state, chance, one, two, run):
        if state[0] == "end":
            winner = state[1] if state[1] is not None else play.winner(one, two, run)
            return [chance * spot.share(winner, p, state[2]) for p in range(2)]
        seen = tuple(run[: state[7]])
        chances = strategy(state[1], (one, two)[state[1]], seen, state[0])
        total = [0.0, 0.0]
        for code, after in play.options(state).items():
            part = walk(after, chance * chances[code], one, two, run)
            total = [a + b for a, b in zip(total, part, strict=True)]
        return total

    found = [0.0, 0.0]
    for chance, one, two, run in spot.deals():
        found = [
            a + b for a, b in zip(found, walk(play.start(), chance, one, two, run), strict=True)
        ]
    return found


def best_response(spot: SlowSpot, strategy: Strategy, player: int) -> float:
    """Return what the best response to the other player's strategy gets."""
    play = SlowPlay(spot)

    def walk(state, deals):
        """Deals: (chance, own hand, other hand, run), all alike to ``player`` so far."""
        if not deals:
            return 0.0
        if state[0] == "end":
            total = 0.0
            for chance, own, other, run in deals:
                hands = (own, other) if player == 0 else (other, own)
                winner = state[1] if state[1] is not None else play.winner(*hands, run)
                total += chance * spot.share(winner, player, state[2])
            return total
        options = play.options(state)
        if state[1] != player:
            total = 0.0
            for code, after in options.items():
                onward = [
                    (
                        c * strategy(1 - player, other, run[: state[7]], state[0])[code],
                        own,
                        other,
                        run,
                    )
                    for c, own, other, run in deals
                ]
                total += step(state, after, onward)
            return total
        return max(step(state, after, deals) for after in options.values())

    def step(state, after, deals):
        """Go on, apart by the card that comes, which the player sees."""
        if after[0] == "end" or after[7] == state[7]:
            return walk(after, deals)
        apart = defaultdict(list)
        for deal in deals:
            apart[deal[3][: after[7]]].append(deal)
        return sum(walk(after, each) for each in apart.values())

    by_hand = defaultdict(list)
    for chance, one, two, run in spot.deals():
        own, other = (one, two) if player == 0 else (two, one)
        by_hand[own].append((chance, own, other, run))
    return sum(walk(play.start(), each) for each in by_hand.values())
