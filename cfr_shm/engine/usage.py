"""CPU time and context switches, of a process or of one thread."""

from __future__ import annotations

import sys
from typing import NamedTuple

import psutil

if sys.platform != "win32":
    import resource


class Usage(NamedTuple):
    """What a process or thread has used so far."""

    user_seconds: float
    system_seconds: float
    voluntary_switches: int
    involuntary_switches: int

    def since(self, earlier: Usage) -> Usage:
        """Return what was used after ``earlier``."""
        return Usage(
            self.user_seconds - earlier.user_seconds,
            self.system_seconds - earlier.system_seconds,
            self.voluntary_switches - earlier.voluntary_switches,
            self.involuntary_switches - earlier.involuntary_switches,
        )

    def plus(self, other: Usage) -> Usage:
        """Return what both used together."""
        return Usage(
            self.user_seconds + other.user_seconds,
            self.system_seconds + other.system_seconds,
            self.voluntary_switches + other.voluntary_switches,
            self.involuntary_switches + other.involuntary_switches,
        )


NOTHING = Usage(0.0, 0.0, 0, 0)

#: Whether the platform tells threads apart.
THREADS_ARE_TOLD = sys.platform == "linux"


def process_usage() -> Usage:
    """Return what this process has used: one system call where there is ``getrusage``."""
    if sys.platform != "win32":
        return _from_rusage(resource.RUSAGE_SELF)
    process = psutil.Process()
    times = process.cpu_times()
    switches = process.num_ctx_switches()
    return Usage(times.user, times.system, switches.voluntary, switches.involuntary)


def thread_usage() -> Usage:
    """Return what the calling thread has used; the whole process where threads are not told."""
    if sys.platform == "linux":
        return _from_rusage(resource.RUSAGE_THREAD)
    return process_usage()


if sys.platform != "win32":

    def _from_rusage(who: int) -> Usage:
        used = resource.getrusage(who)
        return Usage(used.ru_utime, used.ru_stime, used.ru_nvcsw, used.ru_nivcsw)
