"""The control groups (containers, batch jobs, services) that bound a process, version 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

#: Lists the groups of this process, ``hierarchy:controllers:path`` a line.
MEMBERSHIP = Path("/proc/self/cgroup")

#: Where their file systems are mounted.
ROOT = Path("/sys/fs/cgroup")


class Group(NamedTuple):
    """A directory whose files state what a group may take."""

    directory: Path
    version: int  # 1 or 2: the files have other names


def groups_of(controller: str, membership: Path = MEMBERSHIP, root: Path = ROOT) -> Iterator[Group]:
    """Yield the groups of this process that a controller may bound, each before its parent.

    Args:
        controller: ``cpu`` or ``memory``.
        membership: as ``MEMBERSHIP``.
        root: as ``ROOT``. Version 2 lies there, or in ``unified`` beside version 1, which has a
            directory for each controller, or for several (``cpu,cpuacct``).

    Every ancestor bounds its children. In a container the stated path may not exist below
    ``root``; what exists of it is yielded too.
    """
    try:
        lines = membership.read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0" and not controllers:
            tops, version = [root, root / "unified"], 2
        elif controller in controllers.split(","):
            tops, version = list(dict.fromkeys([root / controller, root / controllers])), 1
        else:
            continue
        relative = PurePosixPath(*(part for part in path.split("/") if part not in ("", "..")))
        for top in tops:
            for below in [relative, *relative.parents]:
                yield Group(top / below, version)
