"""What terminal nodes pay: chips with rake, or shares of a tournament's payouts (ICM).

Values count from half the pot, so that without rake they add up to nothing. Rake is taken from
every pot that is won, by a fold too, after the uncalled part of a bet has gone back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from cfr_shm.layout.showdown import Amounts


class Payoffs(Protocol):
    """What both players get at the end of a hand, from half the pot."""

    @property
    def uneven(self) -> bool:
        """Whether one player's gain is not always the other's loss."""
        ...

    def shown(self, put: float) -> tuple[Amounts, Amounts]:
        """Return each player's amounts at a showdown, both having put in ``put``."""
        ...

    def folded(self, put: tuple[float, float], folder: int) -> tuple[float, float]:
        """Return what each player gets where ``folder`` has folded."""
        ...


@dataclass(frozen=True)
class ChipPayoffs:
    """Chips.

    Attributes:
        pot: before anybody has put in anything.
        rake_fraction: of the pot that is taken.
        rake_cap: the most that is taken, chips.
    """

    pot: float
    rake_fraction: float = 0.0
    rake_cap: float = float("inf")

    @property
    def uneven(self) -> bool:
        """Whether anything is taken."""
        return self.rake_fraction > 0.0 and self.rake_cap > 0.0

    def rake(self, put: float) -> float:
        """Return what is taken from the pot to which both have put in ``put``."""
        return min(self.rake_fraction * (self.pot + 2.0 * put), self.rake_cap)

    def shown(self, put: float) -> tuple[Amounts, Amounts]:
        """Return each player's amounts at a showdown, both having put in ``put``."""
        stake, rake = self.pot / 2.0 + put, self.rake(put)
        amounts = Amounts(stake - rake, -rake / 2.0, -stake)
        return amounts, amounts

    def folded(self, put: tuple[float, float], folder: int) -> tuple[float, float]:
        """Return what each player gets where ``folder`` has folded."""
        stake, rake = self.pot / 2.0 + put[folder], self.rake(put[folder])
        return (-stake, stake - rake) if folder == 0 else (stake - rake, -stake)


@dataclass(frozen=True)
class IcmPayoffs:
    """Shares of a tournament's prizes by the chips that are left (Malmuth-Harville).

    The chance to be first is one's part of the chips; the places after it are shared out in the
    same way among those who are left. Values count from each player's value with half the pot.

    Attributes:
        pot: before anybody has put in anything.
        stack: of each of the two players.
        others: chips of the players who are not in the hand.
        prizes: for first, second, ... place.

    Source: Harville 1973, "Assigning probabilities to the outcomes of multi-entry competitions".
    """

    pot: float
    stack: float
    others: tuple[float, ...]
    prizes: tuple[float, ...]

    @property
    def uneven(self) -> bool:
        """What one player gains, the players who look on gain or lose too."""
        return True

    def shown(self, put: float) -> tuple[Amounts, Amounts]:
        """Return each player's amounts at a showdown, both having put in ``put``."""
        left, pot = self.stack - put, self.pot + 2.0 * put
        won, lost, tied = (
            self._values(left + share * pot, left + (1 - share) * pot) for share in (1.0, 0.0, 0.5)
        )
        return Amounts(won[0], tied[0], lost[0]), Amounts(lost[1], tied[1], won[1])

    def folded(self, put: tuple[float, float], folder: int) -> tuple[float, float]:
        """Return what each player gets where ``folder`` has folded."""
        left = self.stack - put[folder]
        pot = self.pot + 2.0 * put[folder]
        return self._values(left, left + pot) if folder == 0 else self._values(left + pot, left)

    def _values(self, first: float, second: float) -> tuple[float, float]:
        half = self.stack + self.pot / 2.0
        now = icm_values((first, second, *self.others), self.prizes)
        start = icm_values((half, half, *self.others), self.prizes)
        return now[0] - start[0], now[1] - start[1]


@lru_cache(maxsize=4096)
def icm_values(stacks: tuple[float, ...], prizes: Sequence[float]) -> tuple[float, ...]:
    """Return each player's expected prize; who has no chips shares the last places.

    >>> [round(value, 4) for value in icm_values((50.0, 30.0, 20.0), (60.0, 40.0))]
    [45.1786, 32.75, 22.0714]
    """
    values = [0.0] * len(stacks)
    _share_out(stacks, tuple(range(len(stacks))), tuple(prizes), 1.0, values)
    return tuple(values)


def _share_out(
    stacks: tuple[float, ...],
    left: tuple[int, ...],
    prizes: tuple[float, ...],
    chance: float,
    values: list[float],
) -> None:
    """Give the first of ``prizes`` to each of ``left`` with its chance, and so on below."""
    if not prizes or not left or chance == 0.0:
        return
    total = sum(stacks[player] for player in left)
    for player in left:
        part = stacks[player] / total if total > 0.0 else 1.0 / len(left)
        values[player] += chance * part * prizes[0]
        rest = tuple(other for other in left if other != player)
        _share_out(stacks, rest, prizes[1:], chance * part, values)
