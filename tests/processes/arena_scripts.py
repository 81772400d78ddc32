"""Programs that create, attach and lose arenas; each runs in a process of its own.

python arena_scripts.py <function> [argument ...]
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from cfr_shm.errors import MemoryReserveError
from cfr_shm.memory import arena as arena_module
from cfr_shm.memory.arena import Arena, ArraySpec
from cfr_shm.memory.limits import shared_limits


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def specs(words: int) -> list[ArraySpec]:
    return [ArraySpec("rows", np.dtype(np.float64), (words,))]


def write_own_row(name: str, row: int) -> None:
    arena = Arena.attach(name, "fingerprint")
    arena.array("rows")[row] = row + 1


def children_write(method: str) -> None:
    """Children attach, write and end; the creator alone unlinks."""
    context = multiprocessing.get_context(method)
    with Arena.create(specs(100), "fingerprint") as arena:
        for _ in range(2):  # The second round comes after the first has ended.
            children = [context.Process(target=write_own_row, args=(arena.name, n)) for n in (0, 1)]
            for child in children:
                child.start()
            for child in children:
                child.join()
                assert child.exitcode == 0
        assert arena.array("rows")[:3].tolist() == [1.0, 2.0, 0.0]
        Arena.attach(arena.name).close()
    say(arena.name)


def attach_when_told(receiver: multiprocessing.connection.Connection) -> None:
    arena = Arena.attach(receiver.recv())
    arena.array("rows")[0] = 5.0


def child_of_before() -> None:
    """A child that was forked before the resource tracker began has a tracker of its own."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=attach_when_told, args=(receiver,))
    child.start()
    with Arena.create(specs(100), "") as arena:
        sender.send(arena.name)
        child.join()
        assert child.exitcode == 0
        assert arena.array("rows")[0] == 5.0
        Arena.attach(arena.name).close()
    say(arena.name)


def leave_block(arena: Arena) -> None:
    with arena:
        arena.array("rows")[0] = 7.0
    arena.unlink()


def forked_creator() -> None:
    """A forked copy of the creator's object is not the creator."""
    context = multiprocessing.get_context("fork")
    with Arena.create(specs(100), "") as arena:
        child = context.Process(target=leave_block, args=(arena,))
        child.start()
        child.join()
        assert child.exitcode == 0
        Arena.attach(arena.name).close()
        assert arena.array("rows")[0] == 7.0
    say(arena.name)


def attach(name: str) -> None:
    say(Arena.attach(name).array("rows")[0])


def create_and_wait() -> None:
    """Create an arena, say so, and wait to be killed."""
    arena = Arena.create(specs(100), "")
    say(arena.name)
    time.sleep(600)


def ends_with_views() -> None:
    """End while views live on, without closing anything; no noise at exit."""
    global rows
    with Arena.create(specs(100), "") as arena:
        rows = arena.array("rows")
    other = Arena.create(specs(100), "")
    other.unlink()
    say(arena.name)


def interrupted_reserve() -> None:
    """Ctrl-C while pages are reserved leaves no segment."""
    names = []
    reserve = arena_module._reserve

    def interrupted(segment, byte_count) -> None:  # type: ignore[no-untyped-def]
        names.append(segment.name)
        reserve(segment, byte_count)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it may come ignored
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    arena_module._reserve = interrupted
    try:
        Arena.create(specs(100), "")
    except KeyboardInterrupt:
        say(names[0])


def too_large(megabytes: str, *without: str) -> None:
    """Try to reserve more than /dev/shm holds, without some of the ways to notice it."""
    if "limits" in without:
        arena_module.shared_limits = lambda: shared_limits(Path("/nowhere"))
    for way in ("_populate", "_allocate"):
        if way in without:
            setattr(arena_module, way, lambda *_: False)
    try:
        Arena.create(specs(int(megabytes) << 17), "")
    except MemoryReserveError as error:
        say(error)
    left = [path.name for path in Path("/dev/shm").iterdir()]
    assert left == [], left
    free = os.statvfs("/dev/shm")
    assert free.f_bfree == free.f_blocks, "pages are still taken"


def reserved() -> None:
    """Reserve in full: an arena takes its pages before it is written to."""
    before = os.statvfs("/dev/shm")
    with Arena.create(specs(4 << 17), "") as arena:
        after = os.statvfs("/dev/shm")
        taken = (before.f_bfree - after.f_bfree) * after.f_frsize
        assert taken >= arena.nbytes, (taken, arena.nbytes)
        say(arena.huge_page_bytes())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
