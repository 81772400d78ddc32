"""How long the coordinator waits between polls, by platform.

Polling every 10 ms is cheap where a wake-up is cheap; on Apple Silicon the same habit moved
trainers to the efficiency cores and their rate collapsed. All figures of the waits are here.
"""

from __future__ import annotations

import platform
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


APPLE_SILICON = WaitProfile(100.0, 50.0, 500.0)
INTEL_MAC = WaitProfile(50.0, 20.0, 200.0)
LINUX_AND_WINDOWS = WaitProfile(10.0, 10.0, 100.0)


def detect_profile(system: str | None = None, machine: str | None = None) -> WaitProfile:
    """Return the profile of a platform, by default of this one.

    Args:
        system: as ``platform.system()`` names it.
        machine: as ``platform.machine()`` names it.

    >>> detect_profile("Darwin", "arm64").base_ms
    100.0
    """
    system = platform.system() if system is None else system
    machine = platform.machine() if machine is None else machine
    if system == "Darwin":
        return APPLE_SILICON if machine in ("arm64", "arm64e", "aarch64") else INTEL_MAC
    return LINUX_AND_WINDOWS


def choose_profile(
    base_ms: float | None, min_ms: float | None, max_ms: float | None
) -> WaitProfile:
    """Return this platform's profile with the given figures put in its place.

    A figure that is given moves those that are not, so that min <= base <= max can hold.
    """
    own = detect_profile()
    longest = max(own.max_ms, base_ms or 0.0, min_ms or 0.0) if max_ms is None else max_ms
    base = min(own.base_ms, longest) if base_ms is None else base_ms
    least = min(own.min_ms, base, longest) if min_ms is None else min_ms
    return WaitProfile(base, least, longest)
