"""A connection whose client is not waited for without end.

uvicorn gives a connection some seconds from an answer to the first byte of the next request. One
that never finishes a request, or never reads its answer, is kept for as long as its client likes,
and a few hundred of these are all that are let in. Here both are given up, and where all places are
taken the one that has waited longest for a request makes room: it is told to come again. One that
came just now is heard first, so that each of a crowd is answered (by ``gate``, if only by 503).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

#: Open at a time; a browser has six.
MOST_CONNECTIONS = 256

#: Open at a time while a crowd comes. Many systems let a process have 1,024 files.
MOST_IN_A_CROWD = 768

#: That are taken in before those that have come are heard.
TAKEN_TOGETHER = 128

#: So long a connection is kept for its first request, or its next, whoever else comes.
HEARD_SECONDS = 5.0

#: What is said to those that make room. If their request is under way it is their answer.
_TEXT = b"more connections are open than are kept; come again\n"
MADE_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)

#: Longer than a browser is given between two requests.
PATIENCE_SECONDS = 20.0


class Connection(H11Protocol):
    """One client's connection, as uvicorn makes them."""

    patience_seconds = PATIENCE_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._request_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None
        self.waiting_since = 0.0

    @property
    def waits(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a client in, in the place of another where there is none left."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) < MOST_CONNECTIONS:
            return
        others = [each for each in self.connections if isinstance(each, Connection)]
        longest = min((each for each in others if each.waits), key=lambda each: each.waiting_since)
        heard = self.loop.time() - longest.waiting_since >= HEARD_SECONDS
        if heard or len(self.connections) >= MOST_IN_A_CROWD:
            longest.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was due."""
        super().connection_lost(exc)
        for due in (self._request_due, self._reading_due):
            if due is not None:
                due.cancel()

    def on_response_complete(self) -> None:
        """Wait for the next request, all of whose head has to come in time."""
        self._wait()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._reading_due = self.loop.call_later(self.patience_seconds, self.give_up)

    def resume_writing(self) -> None:
        """Go on, for it reads."""
        super().resume_writing()
        if self._reading_due is not None:
            self._reading_due.cancel()

    def make_room(self) -> None:
        """Tell the client to come again, and let it go."""
        self.connections.discard(self)
        self.transport.write(MADE_ROOM)
        self.transport.close()

    def give_up(self) -> None:
        """Let the client go, at once: what it has not read is not sent any more."""
        self.connections.discard(self)
        self.transport.abort()

    def _wait(self) -> None:
        self.waiting_since = self.loop.time()
        if self._request_due is None:
            self._request_due = self.loop.call_later(self.patience_seconds, self._still_waiting)

    def _still_waiting(self) -> None:
        """Give it up, or look again when its time is over: one look serves many requests."""
        self._request_due = None
        if not self.waits:
            return
        left = self.waiting_since + self.patience_seconds - self.loop.time()
        if left <= 0.0:
            self.give_up()
        else:
            self._request_due = self.loop.call_later(left, self._still_waiting)
