"""The running result of somebody who plays hands and may stop at any time."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

from cfr_shm.evaluation.estimates import Estimate, any_time_half_width

#: What is said before a result from which luck is taken.
LESS_LUCK = "less the luck of the board and of its moves, "


class Score:
    """Chips won hand by hand, and what they say.

    The interval may be looked at after every hand (``estimates.any_time_half_width``), for that is
    what players do.

    Args:
        big_blind: chips; None: the unit is chips a hand, else big blinds per 100 hands.

    >>> score = Score(100)
    >>> for chips in (250, -100, 0):
    ...     score.add(chips)
    >>> round(score.estimate().value, 6), score.unit
    (50.0, 'bb/100')
    """

    def __init__(self, big_blind: float | None) -> None:
        self._factor = 100.0 / big_blind if big_blind else 1.0
        self.unit = "bb/100" if big_blind else "chips"
        self.hands = 0
        self.chips: Fraction = Fraction(0)
        self._mean = 0.0
        self._squares = 0.0

    def add(self, chips: float | Fraction) -> None:
        """Count a hand."""
        self.hands += 1
        self.chips += Fraction(chips)
        # Welford's update: no sum of squares that swallows the spread.
        before = float(chips) - self._mean
        self._mean += before / self.hands
        self._squares += before * (float(chips) - self._mean)

    def estimate(self) -> Estimate:
        """Return the mean a hand in the score's unit, with its interval."""
        if self.hands < 2:
            value = self._mean * self._factor
            return Estimate(value, -math.inf, math.inf, self.hands)
        deviation = math.sqrt(self._squares / (self.hands - 1))
        half = any_time_half_width(self.hands, deviation)
        found = Estimate(self._mean, self._mean - half, self._mean + half, self.hands)
        return found.scaled(self._factor)


class Played(NamedTuple):
    """What a session came to."""

    names: tuple[str, str]  # whose result it is, and against whom
    score: Score
    adjusted: Score | None  # less what is known of its luck
    seconds: float
    checkpoint: str
    error: str | None  # why it ended early

    def document(self, method: str) -> dict[str, Any]:
        """Return it as JSON, with the keys that matches have."""
        found = estimate_document(self.score.estimate())
        document: dict[str, Any] = {
            "names": list(self.names),
            "unit": self.score.unit,
            **found,
            "hands": self.score.hands,
            "chips": float(self.score.chips),
            "method": method,
            "seconds": self.seconds,
            "checkpoint": self.checkpoint,
            "error": self.error,
        }
        if self.adjusted is not None and self.adjusted.hands:
            document["adjusted"] = estimate_document(self.adjusted.estimate())
        return document


def score_text(score: Score) -> str:
    """Return a result in one line: hands, chips, mean and interval."""
    found = score.estimate()
    hands = f"{score.hands:,} hand{'' if score.hands == 1 else 's'}"
    chips = float(score.chips)
    told = f"{hands}: {chips:+,.6g} chips, {found.value:+.2f} {score.unit}"
    if math.isfinite(found.low):
        told += f" (95 % interval that may be watched: {found.low:+.2f} to {found.high:+.2f})"
    return told


def adjusted_text(score: Score) -> str:
    """Return a result whose luck is taken out, in one line."""
    return f"{LESS_LUCK}{score_text(score)}"


def estimate_document(found: Estimate) -> dict[str, float | None]:
    """Return an estimate as JSON; None is what is not known."""
    known = math.isfinite(found.low)
    return {
        "value": found.value if found.n else None,
        "low": found.low if known else None,
        "high": found.high if known else None,
    }
