"""Every figure of the waits, in one place: how long the coordinator and its workers wait for what.

The coordinator's waits between polls differ by platform (``platform_profile``); a config may put
others in their place. All the rest is the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WaitProfile:
    """Waits of the collection policy, in milliseconds.

    Attributes:
        base_ms: the wait after a result.
        min_ms: the least that is ever waited; a reset never goes below it.
        max_ms: where the back-off stops growing.
    """

    base_ms: float
    min_ms: float
    max_ms: float

    def __post_init__(self) -> None:
        if not 0 < self.min_ms <= self.max_ms or not 0 < self.base_ms <= self.max_ms:
            raise ValueError(
                f"wait profile {self.base_ms}/{self.min_ms}/{self.max_ms} ms (base/min/max): "
                "expected 0 < min <= max and 0 < base <= max"
            )


#: Polling every 10 ms is cheap where a wake-up is cheap; on Apple Silicon the same habit moved
#: trainers to the efficiency cores and their rate collapsed.
APPLE_SILICON = WaitProfile(100.0, 50.0, 500.0)
INTEL_MAC = WaitProfile(50.0, 20.0, 200.0)
LINUX_AND_WINDOWS = WaitProfile(10.0, 10.0, 100.0)


@dataclass(frozen=True)
class CollectionLimits:
    """Every figure of the collection policy that does not depend on the platform.

    Attributes:
        empty_polls: empty polls in a row after which the wait grows with each further one.
        growth: factor of that growth.
        grace_seconds: sleep after the first result of a round.
        drain_seconds: timeout of a drain attempt.
        empty_attempts: empty drain attempts in a row that end a round.
        pause_seconds: sleep between two attempts of which the first was empty.
        polls_per_batch: polls and sleeps that a round may spend per collected result.
        round_seconds: a round that keeps finding results ends after this, so that the
            coordinator sees to liveness and to its caller.
        quiet_seconds: longest single wait while nothing can be due; 0 polls all the time.
    """

    empty_polls: int = 5
    growth: float = 1.5
    grace_seconds: float = 0.003
    drain_seconds: float = 0.005
    empty_attempts: int = 3
    pause_seconds: float = 0.002
    polls_per_batch: int = 4
    round_seconds: float = 0.1
    quiet_seconds: float = 1.0


#: A batch counts as late, and polling begins, at this many times what the measured rate says.
#: Waiting longer costs nothing (a result ends the wait), polling early costs wake-ups: on a
#: machine shared with others batches take up to twice their time.
LATE = 2.0

#: Liveness and deadlines are looked at this often, not on every poll: a death ends the main
#: wait by itself, through the sentinel.
LIVENESS_SECONDS = 0.1

#: A worker may be at one task for this many times what the measured rate says, and never less
#: than this, without finishing a window.
SLOWEST = 20.0
LEAST_SECONDS = 10.0
#: For the first tasks of a worker, whose rate nobody knows yet.
UNKNOWN_RATE_SECONDS = 120.0
#: A gap of the coordinator's own that is longer than this, beyond what it asked for, means
#: that the machine was suspended or the caller was busy: no worker is to blame.
GAP_SECONDS = 2.0

#: Longest time that a send may take: of a task or result, and of an error.
SEND_SECONDS = 60.0
ERROR_SEND_SECONDS = 5.0

#: Workers must be ready within this time (without a kernel cache each compiles for itself).
START_SECONDS = 180.0

#: Starting a standby takes 0.9 s of CPU time, which workers on all cores do without: by then it is
#: little of what they have had. A death before costs as much, once, and brings the standby forward.
STANDBY_AFTER_SECONDS = 30.0

#: The end of a pipe may be seen a moment before the exit code.
EXIT_SECONDS = 1.0

#: Workers that do not leave within this time are killed.
JOIN_SECONDS = 10.0
