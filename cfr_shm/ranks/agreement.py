"""What ranks tell each other when they meet, and what follows: the same at every rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cfr_shm.ranks.world import World

#: Of the training so far, between two exchanges of less than four ranks; of N ranks 1 / (5 N).
FEW_RANKS_SHARE = 1 / 20

#: Where gains are damped, of N ranks 1 / (32 N): more exchanges help there, to one rank's progress.
DAMPED_RANKS_SHARE = 1 / 32

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 600.0

#: An exchange may take this share of the time.
LEAST_LENGTHS = 20.0


@dataclass(frozen=True)
class Report:
    """What one rank says when it comes to a meeting.

    Attributes:
        iterations: it has completed since the run was started.
        nodes: visited, likewise.
        seconds: it has trained, likewise.
        busy_seconds: it has trained since the last meeting.
        signal: that has asked it to end, 0 for none.
        over: whether the run's time is up; rank 0's counts.
        checkpoint: whether one is due at rank 0, or was asked for elsewhere.
        utility_sums: (players,) sampled utility summed over its iterations, chips.
    """

    iterations: int
    nodes: int
    seconds: float
    busy_seconds: float
    signal: int
    over: bool
    checkpoint: bool
    utility_sums: tuple[float, ...]

    def words(self) -> NDArray[np.float64]:
        """Return the report as numbers; counts are exact below 2**53."""
        counts = (self.iterations, self.nodes, self.seconds, self.busy_seconds, self.signal)
        return np.array([*counts, self.over, self.checkpoint, *self.utility_sums], np.float64)

    @classmethod
    def of_words(cls, words: NDArray[np.float64]) -> Report:
        """Return what ``words`` were made of."""
        iterations, nodes, seconds, busy, signal, over, checkpoint = words[:7].tolist()
        return cls(
            int(iterations),
            int(nodes),
            seconds,
            busy,
            int(signal),
            bool(over),
            bool(checkpoint),
            tuple(words[7:].tolist()),
        )


@dataclass(frozen=True)
class Agreed:
    """What all ranks know after a meeting.

    Attributes:
        reports: of each rank.
        rates: iterations per second of each rank since the last meeting, 0 for unknown.
    """

    reports: tuple[Report, ...]
    rates: tuple[float, ...]

    def of(self, ranks: Sequence[int]) -> Agreed:
        """Return what is known of some of the ranks."""
        return Agreed(
            tuple(self.reports[rank] for rank in ranks), tuple(self.rates[rank] for rank in ranks)
        )

    @property
    def signal(self) -> int:
        """The signal that ends the run, 0 for none: that of the lowest rank that has one."""
        return next((each.signal for each in self.reports if each.signal), 0)

    @property
    def over(self) -> bool:
        """Whether the time of the run is up."""
        return self.reports[0].over

    @property
    def checkpoint(self) -> bool:
        """Whether a checkpoint is due."""
        return self.reports[0].checkpoint

    @property
    def asked_elsewhere(self) -> bool:
        """Whether another rank than the first was asked for a checkpoint: rank 0 says when."""
        return any(each.checkpoint for each in self.reports[1:])


def agree(world: World, report: Report, before: Agreed | None) -> Agreed:
    """Tell everybody ``report`` and return what is known then."""
    rows = world.gather(report.words())
    reports = tuple(Report.of_words(row) for row in rows)
    rates = []
    for rank, now in enumerate(reports):
        earlier = 0 if before is None else before.reports[rank].iterations
        known = 0.0 if before is None else before.rates[rank]
        done = now.iterations - earlier
        rates.append(done / now.busy_seconds if done > 0 and now.busy_seconds > 0 else known)
    return Agreed(reports, tuple(rates))


def seconds_between(
    size: int, trained: float, last_exchange: float, given: float | None, *, damped: bool = False
) -> float:
    """Return how long ranks train until the next exchange.

    Args:
        size: ranks.
        trained: seconds of the run so far.
        last_exchange: seconds that the last one took.
        given: by the configuration, None for automatic.
        damped: whether only a part of the gains is taken over.

    >>> seconds_between(2, 0.0, 0.0, None), seconds_between(2, 100.0, 0.0, None)
    (1.0, 5.0)
    >>> seconds_between(8, 1000.0, 0.0, None), seconds_between(8, 1000.0, 2.0, None)
    (25.0, 40.0)
    >>> seconds_between(8, 1024.0, 0.0, None, damped=True)
    4.0
    """
    if given is not None:
        return given
    share = FEW_RANKS_SHARE if size < 4 else 1 / (5 * size)
    if damped:
        share = DAMPED_RANKS_SHARE / size
    if trained < FIRST_SECONDS:
        return FIRST_SECONDS
    return min(max(trained * share, LEAST_LENGTHS * last_exchange), LONGEST_SECONDS)
