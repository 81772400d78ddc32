"""How many cores may be used, and who decides: the one rule for workers, threads and ``doctor``."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cfr_shm.machine.control_groups import MEMBERSHIP, ROOT, Group, groups_of

#: What SLURM sets where a job asks for cores by task, whether or not it binds tasks to cores.
JOB_CORES = "SLURM_CPUS_PER_TASK"


class CoreLimit(NamedTuple):
    """One thing that bounds the cores of this process."""

    name: str
    cores: int  # at least 1
    remedy: str


def usable_cores() -> int:
    """Return how many cores this process may use: what "all usable cores" means everywhere."""
    return deciding_limit().cores


def deciding_limit() -> CoreLimit:
    """Return the tightest limit; of equal ones the one that is hardest to change."""
    return min(core_limits(), key=lambda limit: limit.cores)


def core_numbers() -> frozenset[int]:
    """Return the numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def core_limits(
    environment: Mapping[str, str] = os.environ, membership: Path = MEMBERSHIP, root: Path = ROOT
) -> list[CoreLimit]:
    """Return what bounds the cores: the machine, affinity, control groups and the batch job.

    Args:
        environment: of the process.
        membership: of its control groups, as ``control_groups.MEMBERSHIP``.
        root: of their file systems.
    """
    limits = [CoreLimit("the machine", os.cpu_count() or 1, "")]
    if hasattr(os, "sched_getaffinity"):
        limits.append(
            CoreLimit("the affinity", len(core_numbers()), "widen it (taskset -p, numactl)")
        )
    for group in groups_of("cpu", membership, root):
        quota = _quota(group)
        if quota is not None:
            name = f"the CPU quota of {group.directory}"
            remedy = "raise it (docker run --cpus, CPUQuota= of the service)"
            limits.append(CoreLimit(name, max(1, math.ceil(quota)), remedy))
    asked = environment.get(JOB_CORES, "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        remedy = "ask for more (sbatch --cpus-per-task)"
        limits.append(CoreLimit(f"{JOB_CORES}={asked}", int(asked), remedy))
    return limits


def _quota(group: Group) -> float | None:
    """Return how many cores' time a group may use, None without a limit."""
    try:
        if group.version == 2:
            limit, period = (group.directory / "cpu.max").read_text().split()
        else:
            limit = (group.directory / "cpu.cfs_quota_us").read_text()
            period = (group.directory / "cpu.cfs_period_us").read_text()
        quota = int(limit) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no limit
        return None
    return quota if quota > 0 else None  # version 1 says -1 for none
