"""The rules of ``run.stop``: by which measures, and how low, a training is good enough to end."""

from __future__ import annotations

import re
from typing import NamedTuple

from cfr_shm.config.reader import nearest
from cfr_shm.errors import ConfigError

EXACT, PAST = "exploitability", "match"

#: What a rule may look at, and at how many successive points when it does not say. A match is
#: won by little now and then: three times running means something.
MEASURES = {EXACT: 1, "river": 1, "turn": 1, "flop": 1, "exploiter": 1, PAST: 3}

MOST_POINTS = 1000

_RULE = re.compile(r"\s*(\w+)\s*<\s*([0-9.eE+-]+)\s*(?:for\s+(\d{1,9})\s*)?")


class StopRule(NamedTuple):
    """A measure must be known to be below a value at so many successive points."""

    measure: str
    below: float  # in the unit of the measure's points
    points: int

    @property
    def words(self) -> str:
        """The rule as it is written."""
        several = "" if self.points == MEASURES[self.measure] else f" for {self.points}"
        return f"{self.measure}<{self.below:g}{several}"


def read_stop_rules(text: str | None) -> tuple[StopRule, ...]:
    """Return the rules of ``run.stop``; whichever is met first ends the run.

    Raises:
        ConfigError: no rule, of no measure, or out of range; says how one is written.

    >>> [rule.words for rule in read_stop_rules("river < 300, match<2 for 5")]
    ['river<300', 'match<2 for 5']
    """
    return () if text is None else tuple(_rule(part) for part in text.split(","))


def _rule(part: str) -> StopRule:
    found, shown = _RULE.fullmatch(part), part.strip()[:40]
    if found is None:
        raise ConfigError(
            f"run.stop: '{shown}' is no rule; write MEASURE<VALUE, such as exploitability<0.01, "
            "river<300 or match<2 for 3"
        )
    measure = found[1]
    if measure not in MEASURES:
        raise ConfigError(
            f"run.stop: '{measure[:40]}' is no measure that a run could end by; there are "
            f"{', '.join(MEASURES)}{nearest(measure, MEASURES)}"
        )
    try:
        below = float(found[2])
    except ValueError:
        below = 0.0
    if not 0.0 < below < 1e9:
        raise ConfigError(f"run.stop: '{shown}': the value must be a number above 0, below 1e9")
    points = MEASURES[measure] if found[3] is None else int(found[3])
    if not 1 <= points <= MOST_POINTS:
        raise ConfigError(f"run.stop: '{shown}': the points must be 1 to {MOST_POINTS}")
    return StopRule(measure, below, points)
