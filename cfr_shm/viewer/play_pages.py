"""Playing in the page: addresses at which a visitor sits down, acts and reads what was played.

    POST /api/runs/RUN/tables         checkpoint, seat, resolve: sits down, and is dealt a hand
    GET  /api/tables/TABLE            what is seen there
    POST /api/tables/TABLE/act        move, hand: does it, as lines write it
    POST /api/tables/TABLE/deal       the next hand
    GET  /api/tables/TABLE/values     ?hand=: what one's actions were worth, in a hand that is over
    GET  /api/tables/TABLE/history    ?cards= seen (or all): the hands that are over, in PHH
    GET  /api/tables/TABLE/hands.phhs the same, as a file

    POST /api/runs/RUN/trainers       checkpoint, line, board: one place, dealt again and again
    GET  /api/trainers/TRAINER        what is seen there
    POST /api/trainers/TRAINER/answer move, spot: as lines write it
    POST /api/trainers/TRAINER/next   the next deal
    GET  /api/trainers/TRAINER/values what the actions of the last answer are worth

What is posted is JSON of a few words. Nothing of it is a change of a run.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Protocol

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from cfr_shm.errors import UsageError
from cfr_shm.play.sitting import Sitting, seat_named
from cfr_shm.play.spot_trainer import SpotTrainer
from cfr_shm.protocols.phh import write_hand
from cfr_shm.storage.documents import DocumentError, parse_document
from cfr_shm.viewer.play_tables import (
    PlayedStrategies,
    PlayedStrategy,
    PlayTables,
    StrategyKey,
    opponent_of,
)
from cfr_shm.viewer.spot_pages import TrainedSpot
from cfr_shm.viewer.table_pages import SeatAtTable
from cfr_shm.viewer.viewed_runs import HOLDEM, Say, ViewedRun, ViewedRuns

#: What is posted has a few words.
MOST_SENT_BYTES = 4096
#: It comes at once.
SENDING_SECONDS = 10.0

#: Values of actions that are computed at a time: they take seconds.
VALUED_AT_ONCE = 1


class Guarded(Protocol):
    """Computes an answer in a thread, and says in one line what went wrong."""

    def __call__(self, answer: Callable[[Request], bytes], at_once: int = ...) -> Any:
        """Return a route."""
        ...


class PlayPages:
    """Answers requests about tables.

    Args:
        runs: that can be played.
        guarded: makes a route of what answers.
        say: told what takes a while.
    """

    def __init__(self, runs: ViewedRuns, guarded: Guarded, say: Say) -> None:
        self._runs, self._guarded, self._say = runs, guarded, say
        self._tables: PlayTables[SeatAtTable] = PlayTables()
        self._trainers: PlayTables[TrainedSpot] = PlayTables()
        self._strategies = PlayedStrategies(runs, self._close_all_of)

    def routes(self) -> list[Route]:
        """Return the addresses."""
        posted: dict[str, Callable[[Request], bytes]] = {
            "/api/runs/{run}/tables": self._sit,
            "/api/tables/{table}/act": self._act,
            "/api/tables/{table}/deal": self._deal,
            "/api/runs/{run}/trainers": self._begin_spot,
            "/api/trainers/{trainer}/answer": self._answer,
            "/api/trainers/{trainer}/next": self._next_spot,
        }
        asked: dict[str, Callable[[Request], bytes]] = {
            "/api/tables/{table}": self._look,
            "/api/tables/{table}/history": self._history,
            "/api/trainers/{trainer}": self._look_at_spot,
        }
        slow: dict[str, Callable[[Request], bytes]] = {
            "/api/tables/{table}/values": self._values,
            "/api/trainers/{trainer}/values": self._value_spot,
        }
        return [
            Route("/api/tables/{table}/hands.phhs", self._file),
            *(Route(path, self._guarded(answer, VALUED_AT_ONCE)) for path, answer in slow.items()),
            *(
                Route(path, self._with_sent(answer), methods=["POST"])
                for path, answer in posted.items()
            ),
            *(Route(path, self._guarded(answer)) for path, answer in asked.items()),
        ]

    async def _file(self, request: Request) -> Response:
        found: Response = await self._guarded(self._hands_text)(request)
        if found.status_code != 200:
            return found
        how = {"content-disposition": "attachment; filename=hands.phhs"}
        return Response(found.body, media_type="text/plain; charset=utf-8", headers=how)

    def _with_sent(self, answer: Callable[[Request], bytes]) -> Callable[[Request], Any]:
        inner = self._guarded(answer)

        async def route(request: Request) -> Response:
            try:
                with anyio.fail_after(SENDING_SECONDS):
                    request.state.sent = await _read_sent(request)
            except TimeoutError:
                return _refused(408, "what was to be sent did not come")
            except ClientDisconnect:
                return _refused(400, "what was to be sent did not come")
            except UsageError as error:
                return _refused(400, str(error))
            found: Response = await inner(request)
            return found

        return route

    def _sit(self, request: Request) -> bytes:
        sent = request.state.sent
        run = self._run(request.path_params["run"])
        wanted = _text(sent, "seat")
        try:
            seat = seat_named(wanted, run.game) if wanted else None
        except UsageError as error:
            raise UsageError(f"seat {wanted[:20]!r}: {error}") from None
        self._tables.check_room()
        key, played = self._strategy(run, _whole(sent, "checkpoint"))
        opponent = opponent_of(played, _text(sent, "resolve"), self._say)
        sitting = Sitting(opponent.strategy, secrets.randbits(63), seat)
        place = SeatAtTable(sitting, opponent.values)
        name = self._tables.add(place, key)
        return _encoded({"table": name, **place.document()})

    def _strategy(
        self, run: ViewedRun, iterations: int | None
    ) -> tuple[StrategyKey, PlayedStrategy]:
        self._strategies.keep_only(self._tables.strategies() | self._trainers.strategies())
        return self._strategies.of(run, iterations)

    def _close_all_of(self, key: StrategyKey) -> None:
        self._tables.close_all_of(key)
        self._trainers.close_all_of(key)

    def _run(self, name: str) -> ViewedRun:
        run = self._runs.named(name)
        if run.kind != HOLDEM:
            raise UsageError(f"{run.name} is no hold'em blueprint, and only those are played")
        return run

    def _look(self, request: Request) -> bytes:
        return self._at_table(request, lambda _: None)

    def _act(self, request: Request) -> bytes:
        sent = request.state.sent
        move, number = _text(sent, "move"), _whole(sent, "hand")
        return self._at_table(request, lambda place: place.act(move, number or 0))

    def _deal(self, request: Request) -> bytes:
        return self._at_table(request, SeatAtTable.deal)

    def _at_table(self, request: Request, do: Callable[[SeatAtTable], None]) -> bytes:
        name = request.path_params["table"]
        kept = self._tables.named(name)
        with kept.using:
            do(kept.place)
            return _encoded({"table": name, **kept.place.document()})

    def _begin_spot(self, request: Request) -> bytes:
        sent = request.state.sent
        run = self._run(request.path_params["run"])
        self._trainers.check_room()
        key, played = self._strategy(run, _whole(sent, "checkpoint"))
        line, board = _text(sent, "line"), _text(sent, "board")
        trainer = SpotTrainer(played.strategy, line, board, secrets.randbits(63))
        place = TrainedSpot(trainer, played.values)
        name = self._trainers.add(place, key)
        return _encoded({"trainer": name, **place.document()})

    def _look_at_spot(self, request: Request) -> bytes:
        return self._at_spot(request, lambda _: None)

    def _answer(self, request: Request) -> bytes:
        sent = request.state.sent
        move, number = _text(sent, "move"), _whole(sent, "spot")
        return self._at_spot(request, lambda place: place.answer(move, number or 0))

    def _next_spot(self, request: Request) -> bytes:
        return self._at_spot(request, TrainedSpot.next)

    def _value_spot(self, request: Request) -> bytes:
        return self._at_spot(request, TrainedSpot.value)

    def _at_spot(self, request: Request, do: Callable[[TrainedSpot], None]) -> bytes:
        name = request.path_params["trainer"]
        kept = self._trainers.named(name)
        with kept.using:
            do(kept.place)
            return _encoded({"trainer": name, **kept.place.document()})

    def _values(self, request: Request) -> bytes:
        kept = self._tables.named(request.path_params["table"])
        number = _whole(dict(request.query_params), "hand") or 0
        with kept.using:
            closed = kept.place.closed_hand(number)
        # The table is free meanwhile: this may take seconds.
        return _encoded({"hand": number, "decisions": kept.place.values_document(closed)})

    def _history(self, request: Request) -> bytes:
        text = self._hands_text(request).decode()
        return _encoded({"hands": text.count("\nvariant = "), "text": text})

    def _hands_text(self, request: Request) -> bytes:
        kept = self._tables.named(request.path_params["table"])
        everything = request.query_params.get("cards") == "all"
        with kept.using:
            hands = list(kept.place.sitting.hands)
        told = [each.found.played if everything else each.as_seen for each in hands]
        texts = [f"[{each.number}]\n{write_hand(each)}\n" for each in told]
        return "".join(texts).encode()


async def _read_sent(request: Request) -> dict[str, Any]:
    """Return the small JSON object that a request brings."""
    read = b""
    async for piece in request.stream():
        read += piece
        if len(read) > MOST_SENT_BYTES:
            raise UsageError(f"more than {MOST_SENT_BYTES} bytes were sent")
    try:
        found = parse_document(read or b"{}")
    except DocumentError:
        found = None
    if not isinstance(found, dict):
        raise UsageError("what was sent is no JSON object")
    return found


def _text(sent: dict[str, Any], name: str) -> str:
    value = sent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UsageError(f"{name}: expected a text")
    return value


def _whole(sent: dict[str, Any], name: str) -> int | None:
    value = sent.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**16:
        raise UsageError(f"{name}: expected a whole number")
    return value


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _refused(status: int, text: str) -> Response:
    return Response(_encoded({"error": text}), status, media_type="application/json")
