"""The viewer's addresses: the page's files, and JSON of everything that the page shows.

    /                                 the page
    /static/NAME                      its modules and its style
    /api/said                         what the server told last, for whoever waits
    /api/runs                         the runs and their checkpoints
    /api/runs/RUN/place               ?line= &board= &checkpoint= &policy=   hold'em
    /api/runs/RUN/equity              the same: all-in equities of the hands
    /api/runs/RUN/range               and &action=: what is in it, as other tools read it
    /api/runs/RUN/next_cards          ?line= &board=   solved spots: every card after a line
    /api/runs/RUN/players             the same: both players' hands beside each other
    /api/runs/RUN/infosets            ?search= &skip= &checkpoint=           other games
    /api/runs/RUN/curves              what the run has measured of itself
    /api/tables                       playing, see ``viewer.play_pages``

Every answer that is not what was asked for is ``{"error": TEXT}``.
"""

from __future__ import annotations

import functools
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

import anyio
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cfr_shm.errors import CfrShmError, MemoryReserveError, UsageError
from cfr_shm.telemetry.plain_text import plain_line
from cfr_shm.viewer.computing import computed
from cfr_shm.viewer.gate import App, Receive, Scope, Send
from cfr_shm.viewer.infoset_search import search
from cfr_shm.viewer.place_pages import AVERAGE, POLICIES, Asked, equity_of, page_of, range_of
from cfr_shm.viewer.run_curves import curves_of
from cfr_shm.viewer.viewed_runs import (
    HOLDEM,
    LISTED,
    SPOT,
    NoSuchRunError,
    NoSuchTableError,
    Say,
    TablesTakenError,
    ViewedRun,
    ViewedRuns,
)

if TYPE_CHECKING:
    from cfr_shm.viewer.solved_spots import SolvedSpots

#: Answers that are computed at a time: a training beside this keeps its cores.
AT_ONCE = 2

#: Bytes of answers that are kept, to be given again.
KEPT_BYTES = 32 << 20

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

_PLACE = re.compile("/api/runs/([^/]+)/place")

_JSON = (b"content-type", b"application/json")


class Pages:
    """Answers requests about some runs.

    Args:
        runs: that are shown.
        say: told what takes a while, and what went wrong.
    """

    def __init__(self, runs: ViewedRuns, say: Say) -> None:
        self._runs, self._say = runs, runs.noting(say)
        self._limits: dict[int, anyio.CapacityLimiter] = {}
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._keeping = threading.Lock()
        self._solved_spots: SolvedSpots | None = None

    @property
    def _solved(self) -> SolvedSpots:
        """What answers about solved spots; whoever shows none does not wait for its modules."""
        from cfr_shm.viewer.solved_spots import SolvedSpots

        with self._keeping:
            if self._solved_spots is None:
                self._solved_spots = SolvedSpots(self._say)
            return self._solved_spots

    @functools.cached_property
    def _played(self) -> Starlette:
        """What answers whoever plays, at addresses that nothing else has; as late."""
        from cfr_shm.viewer.play_pages import PlayPages

        return Starlette(routes=PlayPages(self._runs, self._json, self._say).routes())

    async def _play(self, scope: Any, receive: Any, send: Any) -> None:
        await self._played(scope, receive, send)

    def app(self) -> App:
        """Return the application."""
        asked = {
            "/api/runs": self._list,
            "/api/runs/{run}/equity": self._equity,
            "/api/runs/{run}/range": self._range,
            "/api/runs/{run}/next_cards": self._next_cards,
            "/api/runs/{run}/players": self._players,
            "/api/runs/{run}/infosets": self._infosets,
            "/api/runs/{run}/curves": self._curves,
        }
        asked["/api/runs/{run}/place"] = lambda request: self._place(request)
        routes = [Route(path, self._json(answer)) for path, answer in asked.items()]
        files = [
            Route("/", functools.partial(_file, name="index.html")),
            Route("/static/{name}", _file),
            Route("/api/said", self._said),
        ]
        others = Starlette(routes=[*files, *routes])
        others.router.default = self._play

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            kept = self._kept_place(scope)
            if kept is None:
                await others(scope, receive, send)
            else:
                size = (b"content-length", b"%d" % len(kept))
                await send({"type": "http.response.start", "status": 200, "headers": [_JSON, size]})
                await send({"type": "http.response.body", "body": kept})

        return app

    def _json(
        self, answer: Callable[[Request], bytes], at_once: int = AT_ONCE
    ) -> Callable[[Request], Any]:
        """Return a route that computes in a thread, and says in one line what went wrong.

        Args:
            answer: computes.
            at_once: how many of its kind are computed at a time; each number has threads of its
                own, so that what takes seconds keeps nobody else waiting.
        """

        async def route(request: Request) -> Response:
            limit = self._limits.setdefault(at_once, anyio.CapacityLimiter(at_once))
            work = functools.partial(self._guarded, answer, request)
            status, body = await computed(work, limit)
            return Response(body, status, media_type="application/json")

        return route

    def _guarded(self, answer: Callable[[Request], bytes], request: Request) -> tuple[int, bytes]:
        try:
            return 200, answer(request)
        except (NoSuchRunError, NoSuchTableError) as error:
            return 404, _encoded({"error": str(error)})
        except UsageError as error:
            return 400, _encoded({"error": str(error)})
        except TablesTakenError as error:
            return 503, _encoded({"error": str(error)})
        except (MemoryReserveError, MemoryError) as error:
            text, status = f"too little memory: {error}", 503
        except (CfrShmError, OSError) as error:
            text, status = str(error), 409
        except Exception as error:  # noqa: BLE001 - one bad answer ends no server
            text, status = f"internal error: {type(error).__name__}: {error}", 500
        self._say(plain_line(f"{request.url.path}: {text}"))
        return status, _encoded({"error": text})

    async def _said(self, request: Request) -> Response:
        """Say what is done for whoever waits; without a thread, for all of them may be taken."""
        del request
        told = self._runs.told
        known = {"said": told.text, "seconds": round(time.monotonic() - told.moment, 1)}
        return Response(_encoded(known), media_type="application/json")

    def _list(self, request: Request) -> bytes:
        del request
        return _encoded({"runs": self._runs.documents()})

    def _place(self, request: Request) -> bytes:
        run = self._run(request, HOLDEM, SPOT)
        asked, iterations = _asked(request.query_params), _whole(request.query_params, "checkpoint")
        if run.kind == SPOT:
            return _encoded(self._solved.page(run, asked.line, asked.board))
        opened = self._runs.table(run, iterations)
        key = ("place", run.name, opened.iterations, *asked)
        return self._once(key, lambda: page_of(run.game, opened, asked))

    def _kept_place(self, scope: Scope) -> bytes | None:
        """Return a place that was shown before, None where anything is to be read or wrong.

        It needs no thread and no routing, which cost two fifths of all that there is to do for it.
        """
        named = _PLACE.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if named is None or scope["method"] != "GET":
            return None
        run = self._runs.runs.get(named[1])
        newest = None if run is None else run.newest_kept()
        if run is None or newest is None:
            return None
        given = QueryParams(scope["query_string"])
        try:
            key = ("place", run.name, _whole(given, "checkpoint") or newest, *_asked(given))
        except UsageError:
            return None
        return self._before(key)

    def _equity(self, request: Request) -> bytes:
        run = self._run(request, HOLDEM)
        asked, iterations = _asked(request.query_params), _whole(request.query_params, "checkpoint")
        opened = self._runs.table(run, iterations)
        key = ("equity", run.name, opened.iterations, *asked)
        return self._once(key, lambda: equity_of(run.game, opened, asked, self._say))

    def _range(self, request: Request) -> bytes:
        run = self._run(request, HOLDEM, SPOT)
        asked, iterations = _asked(request.query_params), _whole(request.query_params, "checkpoint")
        action = request.query_params.get("action", "")
        if run.kind == SPOT:
            return _encoded(self._solved.range(run, asked.line, asked.board, action))
        opened = self._runs.table(run, iterations)
        return _encoded(range_of(run.game, opened, asked, action))

    def _next_cards(self, request: Request) -> bytes:
        run, asked = self._run(request, SPOT), _asked(request.query_params)
        key = ("next cards", run.name, self._solved.newest(run), *asked)
        return self._once(key, lambda: self._solved.next_cards(run, asked.line, asked.board))

    def _players(self, request: Request) -> bytes:
        run, asked = self._run(request, SPOT), _asked(request.query_params)
        key = ("players", run.name, self._solved.newest(run), *asked)
        return self._once(key, lambda: self._solved.players(run, asked.line, asked.board))

    def _infosets(self, request: Request) -> bytes:
        run = self._run(request, LISTED)
        opened = self._runs.table(run, _whole(request.query_params, "checkpoint"))
        given = request.query_params
        text, skip = given.get("search", ""), _whole(given, "skip") or 0
        key = ("infosets", run.name, opened.iterations, text, skip)
        return self._once(key, lambda: search(run.game, opened, text, skip))

    def _curves(self, request: Request) -> bytes:
        run = self._runs.named(request.path_params["run"])
        return _encoded(curves_of(run.path))

    def _run(self, request: Request, *kinds: str) -> ViewedRun:
        run = self._runs.named(request.path_params["run"])
        if run.kind not in kinds:
            raise UsageError(f"{run.name} has nothing of this kind: it is a run of {run.kind}")
        return run

    def _before(self, key: tuple[Any, ...]) -> bytes | None:
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _once(self, key: tuple[Any, ...], make: Callable[[], dict[str, Any]]) -> bytes:
        """Return an answer that was given before, or make it; checkpoints never change."""
        before = self._before(key)
        if before is not None:
            return before
        found = _encoded(make())
        with self._keeping:
            self._kept[key] = found
            while sum(map(len, self._kept.values())) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return found


async def _file(request: Request, name: str | None = None) -> Response:
    """Answer with one of the page's own files; only names without a path are looked for."""
    name = name or request.path_params["name"]
    found = _files().get(name)
    if found is None:
        return Response(b"no such file\n", 404, media_type="text/plain")
    body, kind = found
    return Response(body, media_type=None, headers={"content-type": kind})


@functools.cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Return the page's files by name, with their types: they are few and small."""
    folder = resources.files("cfr_shm.viewer") / "static"
    found = {}
    for each in folder.iterdir():
        kind = _TYPES.get(each.name[each.name.rfind(".") :])
        if kind is not None:
            found[each.name] = (each.read_bytes(), kind)
    return found


def _asked(given: QueryParams) -> Asked:
    policy = given.get("policy") or AVERAGE
    if policy not in POLICIES:
        raise UsageError(f"policy {policy[:20]!r}: expected {' or '.join(POLICIES)}")
    return Asked(given.get("line", ""), given.get("board", ""), policy)


def _whole(given: QueryParams, name: str) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise UsageError(f"{name} {text[:20]!r}: expected a whole number")
    return int(text)


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
