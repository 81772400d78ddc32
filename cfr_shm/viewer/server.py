"""The viewer's server: bound before it is spoken of, ended by Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple

import uvicorn

from cfr_shm.errors import UsageError
from cfr_shm.viewer.connection import TAKEN_TOGETHER, Connection
from cfr_shm.viewer.gate import Access, Gate
from cfr_shm.viewer.pages import Pages
from cfr_shm.viewer.viewed_runs import Say, ViewedRuns

#: Who may wait to be let in: a system that allows fewer keeps fewer. The others' own systems ask
#: again after 1, 3, 7 seconds.
WAITING = 4096

#: Open files of this process, where the system lets it have so many: each connection is one.
FILES = 4096

#: An answer under way may take so long after Ctrl-C.
GRACE_SECONDS = 0.5


class Place(NamedTuple):
    """Where a server listens."""

    listener: socket.socket
    access: Access
    url: str
    listener_port: int


def bind(host: str, port: int) -> Place:
    """Listen on an address; port 0 takes a free one.

    Raises:
        UsageError: there is no such address, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # The event loop sends without delay only where a socket says that it is TCP's: head and
        # body of an answer would wait 40 ms for each other.
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host}: cannot be listened on: {error}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(TAKEN_TOGETHER)
    except OSError as error:
        listener.close()
        reason = error.strerror or error
        raise UsageError(
            f"--port {port}: cannot be listened on: {reason}; give another, or 0 for a free one"
        ) from None
    return _place(listener, host)


def _place(listener: socket.socket, host: str) -> Place:
    number, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    cookie = f"cfr-shm-viewer-{port}"
    if ipaddress.ip_address(number.partition("%")[0]).is_loopback:
        names = {"127.0.0.1", "localhost", "[::1]", shown.lower()}
        own = frozenset(f"{name}:{port}" for name in names)
        return Place(listener, Access(own, None, cookie), f"http://{shown}:{port}/", port)
    token = secrets.token_urlsafe(24)
    anywhere = number in ("0.0.0.0", "::")
    name = socket.gethostname() if anywhere else shown
    hosts = None if anywhere else frozenset({f"{shown.lower()}:{port}", f"{number}:{port}"})
    return Place(
        listener, Access(hosts, token, cookie), f"http://{name}:{port}/?token={token}", port
    )


def serve(runs: ViewedRuns, place: Place, say: Say, ready: Callable[[], None]) -> None:
    """Show runs until Ctrl-C.

    Args:
        runs: that are shown.
        place: where; closed at the end.
        say: told what takes a while, and what goes wrong.
        ready: called once requests are answered.
    """
    allow_files()
    with contextlib.closing(place.listener):
        pages = Pages(runs, say)
        config = uvicorn.Config(
            Gate(pages.app(), place.access, say=say),
            log_level="critical",
            access_log=False,
            lifespan="off",
            http=Connection,
            ws="none",
            server_header=False,
            date_header=False,
            backlog=TAKEN_TOGETHER,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=GRACE_SECONDS,  # type: ignore[arg-type]
            h11_max_incomplete_event_size=16 << 10,
        )

        def listening() -> None:
            # The event loop has made the queue as short as what it takes together.
            place.listener.listen(WAITING)
            ready()

        server = _Server(config, listening)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[place.listener])


def allow_files() -> None:
    """Ask for as many open files as a crowd needs; how many there may be is the system's to say."""
    if sys.platform == "win32":
        return
    import resource

    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    if few != resource.RLIM_INFINITY and few < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._ready()
