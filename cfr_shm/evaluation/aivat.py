"""Take out of a result the luck of choices whose probabilities are known: AIVAT's core.

At every choice on the way, of chance or of a player whose strategy is known, what the choice
was worth is compared with what it was worth on average. The difference is luck: its mean is
zero for *any* values that are fixed before the choice is made, and the better the values, the
more of the result's spread it explains. A player whose strategy is not known makes no choices
of which this could be said: correcting it with somebody else's strategy returns somebody else's
result, without spread and with full confidence.

Source: Burch, Schmid, Moravčík, Morrill & Bowling 2018, "AIVAT: a new variance reduction
technique for agent evaluation in imperfect information games", without imaginary observations;
the sum of advantages is Zinkevich, Bowling, Bard, Kan & Billings 2006, "Optimal unbiased
estimators for evaluating agent performance".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cfr_shm.errors import UsageError


class Choice(NamedTuple):
    """A choice that was made, by chance or by a player whose strategy is known."""

    probabilities: Sequence[float]  # of all outcomes, as they really were drawn; sum to 1
    values: Sequence[float]  # of all outcomes, by any rule that was fixed before
    taken: int


def luck(choices: Iterable[Choice]) -> float:
    """Return how much better choices came out than on average, by their values.

    Raises:
        UsageError: an outcome that had no probability, so that others were drawn from.
    """
    total = 0.0
    for choice in choices:
        if not choice.probabilities[choice.taken] > 0.0:
            raise UsageError(
                f"outcome {choice.taken} was taken, which had the probability "
                f"{choice.probabilities[choice.taken]}: the choice was made in another way"
            )
        pairs = zip(choice.probabilities, choice.values, strict=True)
        total += choice.values[choice.taken] - sum(share * value for share, value in pairs)
    return total


def without_luck(utility: float, choices: Iterable[Choice]) -> float:
    """Return a result less the luck of choices; its mean over all results is the same.

    >>> without_luck(3.0, [Choice((0.5, 0.5), (3.0, -1.0), 0)])
    1.0
    """
    return utility - luck(choices)
