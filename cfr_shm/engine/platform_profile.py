"""Which waits between polls fit the platform; their figures are in ``waits``."""

from __future__ import annotations

import platform

from cfr_shm.engine.waits import APPLE_SILICON, INTEL_MAC, LINUX_AND_WINDOWS, WaitProfile


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
