"""What ``doctor --mpi`` finds: library, ranks, hosts, and how fast regrets are exchanged."""

from __future__ import annotations

import platform
import socket
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from cfr_shm import __version__
from cfr_shm.machine.cores import usable_cores
from cfr_shm.ranks.world import World
from cfr_shm.run.doctor import Finding

#: What is added up to measure the exchange, and how often.
PROBE_BYTES = 64 << 20
PROBE_TURNS = 5

#: Half a table of 250 MB is exchanged in a third of a second then.
SLOW_GB_PER_SECOND = 0.25

#: Clocks that differ by more make logs of several machines hard to compare.
CLOCKS_APART_SECONDS = 1.0


def examine_ranks(world: World) -> list[Finding]:
    """Look at all ranks together; each of them calls it, and rank 0 tells.

    Args:
        world: opened.
    """
    return [*_places(world), _clocks(world), _exchange(world)]


def _places(world: World) -> Iterator[Finding]:
    hosts = Counter(world.texts(socket.gethostname()))
    told = ", ".join(f"{host} ({count})" for host, count in sorted(hosts.items()))
    cores = int(world.gather(np.array([float(usable_cores())]))[:, 0].min())
    crowded = [host for host, count in hosts.items() if count > cores]
    yield Finding("MPI library", "ok", world.library)
    yield Finding(
        "ranks",
        "warn" if crowded else "ok",
        f"{world.size} on {len(hosts)} hosts: {told}",
        "start one rank on each machine: its workers use all cores" if crowded else "",
    )
    for what, own in (
        ("versions", f"cfr-shm {__version__}, Python {platform.python_version()}"),
        ("processors", _processor()),
    ):
        kinds = Counter(world.texts(own))
        same = len(kinds) == 1
        yield Finding(
            what,
            "ok" if same else "warn",
            ", ".join(f"{kind} ({count})" for kind, count in sorted(kinds.items())),
            "" if same else "install the same on all machines; slower ones are given less to do",
        )


def _clocks(world: World) -> Finding:
    world.wait_for_all()
    clocks = world.gather(np.array([time.time()]))[:, 0]
    apart = float(clocks.max() - clocks.min())
    return Finding(
        "clocks",
        "ok" if apart < CLOCKS_APART_SECONDS else "warn",
        f"at most {apart * 1e3:.1f} ms apart",
        "" if apart < CLOCKS_APART_SECONDS else "let the machines keep time by NTP",
    )


def _exchange(world: World) -> Finding:
    values = np.ones(PROBE_BYTES // 4, np.float32)
    seconds = []
    for _ in range(PROBE_TURNS):
        world.wait_for_all()
        began = time.perf_counter()
        world.add_up(values)
        seconds.append(time.perf_counter() - began)
        values[:] = 1.0
    slowest = world.gather(np.array([float(np.median(seconds))]))[:, 0].max()
    rate = PROBE_BYTES / 1e9 / max(float(slowest), 1e-9)
    slow = world.size > 1 and rate < SLOW_GB_PER_SECOND
    return Finding(
        "exchange",
        "warn" if slow else "ok",
        f"{rate:.2f} GB/s of regrets",
        "see whether MPI uses the fast network, and has a core to itself" if slow else "",
    )


def _processor() -> str:
    """Return the processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            names = [line.partition(":")[2] for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return (names[0] if names else platform.processor() or platform.machine()).strip()
