"""Threads in which answers are computed; none of them keeps the server from ending."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import anyio

Found = TypeVar("Found")

_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def start(work: Callable[[], object]) -> None:
    """Compute in a thread of its own."""
    thread = threading.Thread(target=work, daemon=True)
    _threads.add(thread)
    thread.start()


async def computed(work: Callable[[], Found], limit: anyio.CapacityLimiter) -> Found:
    """Return what a function finds in a thread; so many at a time as the limit has.

    A worker of anyio's would be waited for at the end, however long it compiles or solves.

    Args:
        work: what it raises nobody hears of.
        limit: of the running loop.
    """
    loop = asyncio.get_running_loop()
    async with limit:
        waiting: asyncio.Future[Found] = loop.create_future()

        def told(found: Found) -> None:
            if not waiting.done():
                waiting.set_result(found)

        def run() -> None:
            found = work()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(told, found)

        start(run)
        return await waiting


def under_way() -> bool:
    """Tell whether something is computed."""
    return any(thread.is_alive() for thread in list(_threads))
