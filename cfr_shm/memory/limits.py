"""How much memory may still be taken: /dev/shm, the machine and the control groups.

Asked before a segment is created: a segment that is larger than /dev/shm is "created" all the
same and the first write past its end is SIGBUS; one that is larger than the memory or the
control group's limit brings the kernel's out-of-memory killer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from cfr_shm.errors import MemoryReserveError
from cfr_shm.machine.control_groups import MEMBERSHIP, ROOT, groups_of

#: Left to everybody else when memory is taken.
MARGIN_BYTES = 64 << 20

_UNLIMITED = 1 << 60  # version 1 groups without a limit state one near 2^63


class Limit(NamedTuple):
    """One thing that bounds how much memory can be taken."""

    name: str
    available_bytes: int
    remedy: str


def require_memory(byte_count: int, limits: list[Limit]) -> None:
    """Refuse to take ``byte_count`` bytes if any limit does not allow it.

    Raises:
        MemoryReserveError: names the tightest limit, with both sizes.
    """
    limit = min(limits, key=lambda each: each.available_bytes)
    if byte_count > limit.available_bytes:
        raise MemoryReserveError(
            f"the tables need {size_text(byte_count)}, but {limit.name} has only "
            f"{size_text(max(limit.available_bytes, 0))} left; {limit.remedy}"
        )


def private_limits() -> list[Limit]:
    """Return what bounds the memory of a process."""
    limits = [
        Limit(
            "the machine's memory",
            psutil.virtual_memory().available - MARGIN_BYTES,
            "choose a smaller game or end other programs",
        )
    ]
    group = cgroup_available_bytes()
    if group is not None:
        limits.append(
            Limit(
                "the control group (container or job)",
                group - MARGIN_BYTES,
                "choose a smaller game or raise the memory limit of the container or job",
            )
        )
    return limits


def shared_limits(shm: Path = Path("/dev/shm")) -> list[Limit]:
    """Return what bounds a shared memory segment."""
    limits = private_limits()
    if sys.platform == "linux" and shm.is_dir():
        found = os.statvfs(shm)
        limits.append(
            Limit(
                str(shm),
                found.f_bavail * found.f_frsize,
                f"choose a smaller game or enlarge it (mount -o remount,size=... {shm}; "
                "docker run --shm-size)",
            )
        )
    return limits


def cgroup_available_bytes(membership: Path = MEMBERSHIP, root: Path = ROOT) -> int | None:
    """Return what the control groups of this process still allow, None without a limit.

    Args:
        membership: of the groups, as ``control_groups.MEMBERSHIP``.
        root: of their file systems.

    A group's file pages are counted as free, since the kernel drops them first.
    """
    available = [
        limit - used
        for group in groups_of("memory", membership, root)
        for limit, used in [_limit_and_usage(group.directory, *_FILES[group.version])]
        if limit is not None
    ]
    return min(available) if available else None


#: The files of a group, by version: those that state a limit, and the one that states the use.
_FILES: Mapping[int, tuple[tuple[str, ...], str]] = {
    1: (("memory.limit_in_bytes",), "memory.usage_in_bytes"),
    2: (("memory.max", "memory.high"), "memory.current"),
}


def _limit_and_usage(
    directory: Path, limits: tuple[str, ...], usage: str
) -> tuple[int | None, int]:
    """Return a group's limit, None without one, and the bytes in use that cannot be dropped."""
    stated = [_number(directory / name) for name in limits]
    limit = min(
        (value for value in stated if value is not None and value < _UNLIMITED), default=None
    )
    return limit, max((_number(directory / usage) or 0) - _droppable(directory), 0)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _droppable(directory: Path) -> int:
    """Return the bytes of file pages in a group; totals over children where they are stated."""
    try:
        lines = (directory / "memory.stat").read_text().splitlines()
        found = {key: int(value) for key, value in (line.split() for line in lines)}
    except (OSError, ValueError):
        return 0
    prefix = "total_" if "total_inactive_file" in found else ""
    return found.get(f"{prefix}inactive_file", 0) + found.get(f"{prefix}active_file", 0)


def size_text(byte_count: int) -> str:
    """Return a size for people, rounded to three or four digits.

    >>> size_text(3 << 29)
    '1.5 GiB'
    """
    value = float(byte_count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.4g} {unit}" if value < 10_000 else f"{value:.0f} {unit}"
