"""Who may ask the viewer, and how much at once: checked before anything else sees a request.

A page of another site that is open in the same browser can send requests to this machine too. It
cannot read an answer without being of the same origin, but a name that its owner lets point here
would make it that: so the host asked for must be this server, and the origin, where a browser gives
it, this page's own. Where the server is bound to more than the machine itself, a token that only
the printed address tells is asked for as well.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Requests that are worked on or wait for their turn, of either kind; more are answered with 503.
MOST_REQUESTS = 64

#: Between two lines of the log about such.
SAID_SECONDS = 60.0

#: Where something may be sent to: tables at which somebody plays, no runs.
POSTED = "/api/"

#: Longer addresses are nobody's lines.
LONGEST_TARGET = 4096

#: What every answer bears: nothing is loaded from elsewhere, framed, guessed or kept.
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        b"object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

_HEADER_NAMES = frozenset(name for name, _ in HEADERS)


class Access(NamedTuple):
    """Who is let in.

    Attributes:
        hosts: names of this server, with its port, in small letters; None for any.
        token: that has to be given, None for none.
        cookie: under which the browser keeps the token.
    """

    hosts: frozenset[str] | None
    token: str | None
    cookie: str = "cfr-shm-viewer"


class Gate:
    """An ASGI application around another, which lets few and only the right requests through."""

    def __init__(
        self,
        app: App,
        access: Access,
        most: int = MOST_REQUESTS,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._app, self._access, self._most, self._say = app, access, most, say
        self._now = {True: 0, False: 0}  # of what is sent here, which may come slowly, and the rest
        self._said = -SAID_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        if refused is not None:
            await _answer(send, *refused)
            return
        if self._brings_token(scope):
            await self._keep_token(send)
            return
        posted, counted = scope["method"] == "POST", [1]
        self._now[posted] += 1

        def answered() -> None:
            # What is left is the client's: how fast it reads is no work of ours.
            if counted:
                self._now[posted] -= counted.pop()

        try:
            await self._app(scope, receive, _with_headers(send, answered))
        finally:
            answered()

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and reason, None where the request may pass."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._access.hosts is not None and host not in self._access.hosts:
            return 403, "this server is reached by the address that it printed, no other name"
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
            return 403, "another site's page may not ask this server"
        if scope["method"] == "POST":
            if not scope["path"].startswith(POSTED):
                return 405, "nothing can be changed here"
            # A page of another site cannot send this type without asking first, which is refused.
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != b"application/json":
                return 415, "what is sent here is application/json"
        elif scope["method"] not in ("GET", "HEAD"):
            return 405, "nothing can be changed here"
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            return 414, "the address is too long"
        if not self._has_token(scope, headers):
            return 403, "the address that the server printed has a token, which is missing here"
        if self._now[scope["method"] == "POST"] >= self._most:
            self._tell()
            return 503, f"{self._most} requests are being answered; try again"
        return None

    def _tell(self) -> None:
        """Say, not too often, that not all are answered."""
        if time.monotonic() - self._said >= SAID_SECONDS:
            self._said = time.monotonic()
            self._say(f"more than {self._most} requests at once: the others are answered with 503")

    def _has_token(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        if self._access.token is None or self._brings_token(scope):
            return True
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        kept = cookies.get(self._access.cookie)
        return kept is not None and self._is_token(kept.value)

    def _brings_token(self, scope: Scope) -> bool:
        if self._access.token is None:
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
        return self._is_token(given)

    def _is_token(self, given: str) -> bool:
        known = self._access.token or ""
        return hmac.compare_digest(given.encode("latin-1", "replace"), known.encode())

    async def _keep_token(self, send: Send) -> None:
        """Have the browser keep the token, and take it out of the address."""
        cookie = f"{self._access.cookie}={self._access.token}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), *HEADERS]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


async def _answer(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    if status == 503:
        headers.append((b"connection", b"close"))  # who comes again makes room for others first
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})


def _with_headers(send: Send, answered: Callable[[], None]) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered()
            kept = [each for each in message["headers"] if each[0].lower() not in _HEADER_NAMES]
            message["headers"] = [*kept, *HEADERS]
        await send(message)

    return sent
