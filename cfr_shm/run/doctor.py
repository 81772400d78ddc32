"""Look at a machine the way a training will use it: what is there, what it costs, what to do.

Every check gives one finding: "ok"; "warn", training works but is slower or smaller than it
might be; "bad", training does not work. What is not "ok" comes with a remedy.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import numpy as np

from cfr_shm import __version__
from cfr_shm.config.engine import EngineConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.sections import Config
from cfr_shm.engine.coordinator import open_engine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.platform_profile import detect_profile
from cfr_shm.errors import CfrShmError
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.cache import WHY_UNUSABLE, cache_directory, cache_state
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.memory_probe import pass_to_and_fro, touch_random_words
from cfr_shm.machine.cores import deciding_limit, usable_cores
from cfr_shm.memory.arena import HUGE_PAGES_REMEDY, Arena, ArraySpec
from cfr_shm.memory.limits import Limit, private_limits, shared_limits, size_text
from cfr_shm.memory.tables import create_training_arena
from cfr_shm.run.setup import settle

#: Less room than this for tables is worth a warning: blueprints take GiBs.
ROOM_BYTES = 1 << 30

#: A round trip to a sleeping worker and back, with one iteration in between.
ROUND_TRIP_SECONDS = 0.002
ROUND_TRIPS = 200

#: Bytes and accesses of the memory probe; it takes less where there is less memory.
PROBE_BYTES = 1 << 28
PROBE_TOUCHES = 2_000_000
PROBE_TURNS = 5

#: How often a cache line goes to another core and back.
LINE_TURNS = 20_000

#: What is mapped to see whether shared memory gets huge pages.
HUGE_PROBE_BYTES = 1 << 25

_PACKAGES = ("numpy", "numba", "llvmlite", "psutil", "pyyaml")
_EXTRAS = {"rich": "rich", "tensorboard": "tb", "matplotlib": "plots"}

Status = Literal["ok", "warn", "bad"]
_StartMethod = Literal["spawn", "fork"]


@dataclass(frozen=True)
class Finding:
    """What one check found; ``remedy`` is empty when the status is "ok"."""

    name: str
    status: Status
    found: str
    remedy: str = ""


def examine(say: Callable[[str], None]) -> list[Finding]:
    """Run every check, some seconds in all; ``say`` is told what takes time.

    A check that fails is a finding too; none ends the others.
    """
    findings = [*_versions(), *_cores(), *_memory(), *_cache()]
    say("starting workers ...")
    findings += [_workers(method) for method in _start_methods()]
    say("measuring the memory ...")
    findings.append(_random_access())
    if usable_cores() > 1 and not JIT_DISABLED:
        findings.append(_between_cores())
    return findings


def _versions() -> Iterator[Finding]:
    own = f"cfr-shm {__version__}, Python {platform.python_version()}, {platform.platform()}"
    yield Finding("version", "ok", own)
    yield Finding("packages", "ok", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES))
    missing = [name for name in _EXTRAS if _version(name) == "missing"]
    there = ", ".join(f"{name} {_version(name)}" for name in _EXTRAS if name not in missing)
    yield Finding("extras", "ok", (there or "none") + "".join(_offer(name) for name in missing))
    if JIT_DISABLED:
        yield Finding(
            "compiler", "bad", "NUMBA_DISABLE_JIT is set", "unset it: plain Python is for tests"
        )


def _offer(name: str) -> str:
    return f"; no {name} (pip install 'cfr-shm[{_EXTRAS[name]}]')"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _cores() -> Iterator[Finding]:
    there, limit = os.cpu_count() or 1, deciding_limit()
    found = f"{limit.cores} of {there} usable"
    if limit.cores < there:
        yield Finding("cores", "warn", f"{found}: {limit.name} decides", limit.remedy)
    else:
        yield Finding("cores", "ok", found)
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        if load > 0.25 * there:
            remedy = "end other programs, or leave them cores with --num-workers"
            yield Finding("load", "warn", f"{load:.1f} for {there} cores", remedy)
        else:
            yield Finding("load", "ok", f"{load:.1f} for {there} cores")
    profile = detect_profile()
    waits = f"{profile.base_ms:g}/{profile.min_ms:g}/{profile.max_ms:g} ms (base/min/max)"
    yield Finding("wait profile", "ok", waits)


def _memory() -> Iterator[Finding]:
    private, shared = private_limits(), shared_limits()
    yield _room("memory", private[0])
    yield from (_room("control group", limit) for limit in private[1:])
    yield from (_room("/dev/shm", limit) for limit in shared[len(private) :])
    if sys.platform == "linux":
        yield from _huge_pages()


def _room(name: str, limit: Limit) -> Finding:
    found = f"{size_text(max(0, limit.available_bytes))} free"
    if limit.available_bytes <= 0:
        return Finding(name, "bad", found, limit.remedy)
    if limit.available_bytes < ROOM_BYTES:
        return Finding(name, "warn", found, limit.remedy)
    return Finding(name, "ok", found)


def _huge_pages() -> Iterator[Finding]:
    """Look at what tables beyond the cache gain most from: up to 1.6 times the rate.

    A setting alone does not tell: /dev/shm has its own (``huge=`` of the mount), the kernel's
    shmem_enabled rules other shared memory. So an arena is mapped and looked at.
    """
    specs = [ArraySpec("probe", np.dtype(np.uint8), (HUGE_PROBE_BYTES,))]
    try:
        with Arena.create(specs, "doctor") as arena:
            obtained = arena.huge_page_bytes()
    except CfrShmError:  # The lines on memory say why.
        return
    if obtained is None:
        return
    found = f"{size_text(obtained)} of a probe of {size_text(HUGE_PROBE_BYTES)} in shared memory"
    if obtained >= HUGE_PROBE_BYTES // 2:
        yield Finding("huge pages", "ok", found)
    else:
        remedy = "for tables of 100 MB and more, up to 1.6 x: "
        yield Finding("huge pages", "warn", found, remedy + HUGE_PAGES_REMEDY)


def _cache() -> Iterator[Finding]:
    directory, state = cache_directory(), cache_state()
    if state == "unusable":
        remedy = "make it your own and writable, or name another in CFR_SHM_CACHE_DIR"
        yield Finding("kernel cache", "warn", WHY_UNUSABLE or f"none, {directory}", remedy)
    elif state == "warm":
        yield Finding("kernel cache", "ok", f"warm, {directory}")
    else:
        remedy = "run 'cfr-shm warmup'; the next training would compile first"
        yield Finding("kernel cache", "warn", f"{state}, {directory}", remedy)


def _start_methods() -> list[_StartMethod]:
    """Return the start methods that cfr-shm uses here; fork is not safe on macOS."""
    there = multiprocessing.get_all_start_methods()
    return ["spawn", "fork"] if "fork" in there and sys.platform != "darwin" else ["spawn"]


def _workers(method: _StartMethod) -> Finding:
    """Start a worker and send it single iterations."""
    name = f"workers by {method}"
    began = time.monotonic()
    try:
        trip, started = _round_trip(method)
    except (CfrShmError, OSError) as error:
        status: Status = "bad" if method == "spawn" else "warn"
        return Finding(name, status, str(error), "see 'workers' in docs/troubleshooting.md")
    found = f"ready in {started - began:.2f} s, round trip {trip * 1e6:.0f} us"
    if trip > ROUND_TRIP_SECONDS:
        remedy = "the cores are taken: end other programs, or train in longer batches"
        return Finding(name, "warn", found, remedy)
    return Finding(name, "ok", found)


def _round_trip(method: _StartMethod) -> tuple[float, float]:
    """Return the median round trip in seconds, and when the worker was ready."""
    config = Config(
        game=GameConfig(name="kuhn"),
        engine=EngineConfig(num_workers=1, in_process=False, start_method=method),
    )
    game = load_game(config.game, None, config.abstraction)
    trips = []
    with (
        tempfile.TemporaryDirectory(prefix="cfr-shm-doctor-") as directory,
        create_training_arena(game, 1, "doctor") as arena,
        open_engine(
            settle(config, game, Path(directory)).engine, arena, in_process=False
        ) as engine,
    ):
        started = time.monotonic()
        for _ in range(ROUND_TRIPS):
            sent = time.perf_counter()
            engine.advance(IterationLedger(1), lambda: False, lambda _stats: None)
            trips.append(time.perf_counter() - sent)
    return statistics.median(trips), started


def _random_access() -> Finding:
    """Measure how fast one core reaches independent random words: the limit of large tables."""
    room = min(limit.available_bytes for limit in private_limits()) // 2
    size = min(PROBE_BYTES, 1 << max(16, room.bit_length() - 1))
    words = np.ones(size // 8)
    touch_random_words(words, 0, 1)
    taken = []
    for turn in range(PROBE_TURNS):
        began = time.thread_time()
        touch_random_words(words, turn * PROBE_TOUCHES, PROBE_TOUCHES)
        taken.append(time.thread_time() - began)
    rate = PROBE_TOUCHES / max(1e-9, statistics.median(taken))
    found = f"{rate / 1e6:,.0f} million/s and core ({1e9 / rate:.1f} ns) on {size_text(size)}"
    return Finding("random access", "ok", found)


def _between_cores() -> Finding:
    """Measure what a worker waits for a cache line that another one wrote: bounds small tables."""
    seconds = line_transfer_seconds()
    return Finding("between cores", "ok", f"{seconds * 1e9:.0f} ns for a cache line, one way")


def line_transfer_seconds() -> float:
    """Return how long a cache line takes from one core to another: the median of some tries."""
    words = np.zeros(8, np.int64)
    pass_to_and_fro(words, 0, 0)
    taken = []
    for _ in range(PROBE_TURNS):
        words[:] = 0
        other = threading.Thread(target=pass_to_and_fro, args=(words, 1, LINE_TURNS))
        other.start()
        began = time.perf_counter()
        pass_to_and_fro(words, 0, LINE_TURNS)
        taken.append((time.perf_counter() - began) / (2 * LINE_TURNS))
        other.join()
    return statistics.median(taken)
