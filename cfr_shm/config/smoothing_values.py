"""How a strategy is smoothed when it is read (``strategy/smoothing.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cfr_shm.config.run import RunConfig


class Smoothing(NamedTuple):
    """How often neighbouring buckets are averaged, and what of it a bucket takes.

    Attributes:
        passes: 0 for no smoothing.
        own: of an action that a bucket itself plays less than this share of the time so much
            less is left, on all streets; 0 leaves all.

    >>> str(Smoothing(4)), str(Smoothing(16, 0.1))
    ('4', '16:0.1')
    """

    passes: int = 0
    own: float = 0.0

    def __str__(self) -> str:
        """Return it as ``--smooth`` is given it."""
        return f"{self.passes}:{self.own:g}" if self.own else f"{self.passes}"


#: Strategies as they were trained.
UNSMOOTHED = Smoothing()


def smoothing_of(run: RunConfig) -> Smoothing:
    """Return how the strategy of a run with such a section is read."""
    return Smoothing(run.smoothing or 0, run.smoothing_own)
