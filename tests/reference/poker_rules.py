"""Kuhn and Leduc poker as plain Python rules: obvious, slow, and independent of the package.

A *line* is the betting so far, one string of letters per street: f(old), c(all or check),
r(aise). A *deal* is the cards of players 0, 1, ..., then the board if there is one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import permutations

Line = tuple[str, ...]
Deal = tuple[int, ...]


@dataclass(frozen=True)
class Spot:
    """Where a line has led."""

    street: int
    actor: int
    actions: str
    committed: tuple[int, ...]
    players_in: tuple[int, ...]

    @property
    def over(self) -> bool:
        return self.actions == ""


@dataclass(frozen=True)
class Rules:
    """Fixed-limit poker with one raise size and one cap on raises for each street."""

    players: int
    raise_sizes: tuple[int, ...]
    max_raises: int

    @property
    def first_line(self) -> Line:
        return ("",) * len(self.raise_sizes)

    @cache  # noqa: B019
    def spot(self, line: Line) -> Spot:
        """Play the line from its beginning."""
        committed = [1] * self.players
        players_in = list(range(self.players))
        for street, letters in enumerate(line):
            raises = 0
            queue = list(players_in)
            for letter in letters:
                actor = queue.pop(0)
                if letter == "f":
                    players_in.remove(actor)
                elif letter == "c":
                    committed[actor] = max(committed)
                else:
                    committed[actor] = max(committed) + self.raise_sizes[street]
                    raises += 1
                    at = players_in.index(actor)
                    queue = players_in[at + 1 :] + players_in[:at]
                if len(players_in) == 1:
                    queue = []
            if queue:
                facing = committed[queue[0]] < max(committed)
                actions = ("f" if facing else "") + "c" + "r" * (raises < self.max_raises)
                return Spot(street, queue[0], actions, tuple(committed), tuple(players_in))
            if len(players_in) == 1:
                break
        return Spot(street, -1, "", tuple(committed), tuple(players_in))

    def after(self, line: Line, action: str) -> Line:
        street = self.spot(line).street
        return (*line[:street], line[street] + action, *line[street + 1 :])

    @cache  # noqa: B019
    def utility(self, deal: Deal, line: Line, player: int) -> float:
        spot = self.spot(line)
        lost = float(spot.committed[player])
        if player not in spot.players_in:
            return -lost
        strengths = {p: self.strength(deal, p) for p in spot.players_in}
        winners = [p for p in spot.players_in if strengths[p] == max(strengths.values())]
        return sum(spot.committed) / len(winners) - lost if player in winners else -lost

    @cache  # noqa: B019
    def lines(self) -> tuple[Line, ...]:
        """Every line, a hand's end included."""
        found, new = [], [self.first_line]
        while new:
            line = new.pop()
            found.append(line)
            new += [self.after(line, action) for action in self.spot(line).actions]
        return tuple(found)

    def strength(self, deal: Deal, player: int) -> int:
        raise NotImplementedError

    def deals(self) -> dict[Deal, Fraction]:
        """Every deal and its probability, in lexicographic order of the cards."""
        raise NotImplementedError

    def infoset(self, deal: Deal, player: int, line: Line) -> Hashable:
        raise NotImplementedError

    def name(self, infoset: Hashable) -> str:
        """OpenSpiel's name of (one of) the infoset(s)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Kuhn(Rules):
    """One card each of ``players + 1``."""

    players: int = 2
    raise_sizes: tuple[int, ...] = (1,)
    max_raises: int = 1

    def strength(self, deal: Deal, player: int) -> int:
        return deal[player]

    @cache  # noqa: B019
    def deals(self) -> dict[Deal, Fraction]:
        cards = list(permutations(range(self.players + 1), self.players))
        return {deal: Fraction(1, len(cards)) for deal in cards}

    def infoset(self, deal: Deal, player: int, line: Line) -> Hashable:
        return (line, deal[player])

    def name(self, infoset) -> str:
        (letters,), card = infoset
        first_bet = letters.find("r")
        spelt = [
            "b" if letter == "r" or (letter == "c" and 0 <= first_bet < at) else "p"
            for at, letter in enumerate(letters)
        ]
        return f"{card}{''.join(spelt)}"


@dataclass(frozen=True)
class Leduc(Rules):
    """Two suits of ``players + 1`` ranks; ``merged`` keeps ranks only."""

    players: int = 2
    merged: bool = False
    raise_sizes: tuple[int, ...] = (2, 4)
    max_raises: int = 2

    def _rank(self, card: int) -> int:
        return card if self.merged else card // 2

    def strength(self, deal: Deal, player: int) -> int:
        own, board = self._rank(deal[player]), self._rank(deal[-1])
        return 1000 if own == board else own

    @cache  # noqa: B019
    def deals(self) -> dict[Deal, Fraction]:
        cards = list(permutations(range(2 * self.players + 2), self.players + 1))
        found: dict[Deal, Fraction] = {}
        for deal in cards:
            seen = tuple(card // 2 for card in deal) if self.merged else deal
            found[seen] = found.get(seen, Fraction(0)) + Fraction(1, len(cards))
        return found

    def infoset(self, deal: Deal, player: int, line: Line) -> Hashable:
        board = deal[-1] if self.spot(line).street == 1 else None
        return (line, deal[player], board)

    def name(self, infoset) -> str:
        line, own, board = infoset
        if self.merged:
            own, board = 2 * own, None if board is None else 2 * board + (board == own)
        spot = self.spot(line)
        money = " ".join(str(100 - chips) for chips in spot.committed)
        text = (
            f"[Observer: {spot.actor}][Private: {own}][Round {spot.street + 1}]"
            f"[Player: {spot.actor}][Pot: {sum(spot.committed)}][Money: {money}]"
        )
        if board is not None:
            text += f"[Public: {board}]"
        for number, letters in enumerate(line, start=1):
            text += f"[Round{number}: {' '.join(str('fcr'.index(letter)) for letter in letters)}]"
        return text
