"""Play against Slumbot's HTTP interface, or a server that speaks it."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from cfr_shm.errors import ProtocolError, UsageError
from cfr_shm.play.acpc_client import RemoteHand
from cfr_shm.protocols.played_hand import board_on
from cfr_shm.protocols.slumbot import ACT, NEW_HAND, Reply, move_text, read_reply
from cfr_shm.storage.documents import DocumentError, parse_document
from cfr_shm.strategy.player import Player

ANSWER_SECONDS = 60.0
_LONGEST_ANSWER = 1 << 20


class Endpoint:
    """A server that takes JSON; a connection a request.

    Args:
        url: with a scheme, http or https; a path before the interface's own is kept.
        seconds: to wait for a whole answer, however it comes.

    Raises:
        UsageError: the URL is none.
    """

    def __init__(self, url: str, seconds: float = ANSWER_SECONDS) -> None:
        try:
            parts = urllib.parse.urlsplit(url)
            self._port = parts.port
        except ValueError:
            raise UsageError(f"--slumbot {url}: no URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise UsageError(f"--slumbot {url}: expected http(s)://HOST[:PORT]")
        self._tls, self._host = parts.scheme == "https", parts.hostname
        self._path, self._seconds = parts.path.rstrip("/"), seconds

    def post(self, path: str, document: dict[str, Any]) -> Any:
        """Send a document and return the one that is answered.

        Raises:
            ProtocolError: no answer, or none that is JSON with status 200.
        """
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._seconds)
        began = time.monotonic()
        try:
            connection.connect()
            with _hung_up_after(self._seconds, connection.sock):
                body = json.dumps(document).encode()
                headers = {"Content-Type": "application/json"}
                connection.request("POST", self._path + path, body, headers)
                answer = connection.getresponse()
                text = answer.read(_LONGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ProtocolError(f"{self._host}: {self._late(began) or reason}") from None
        finally:
            connection.close()
        if late := self._late(began):
            raise ProtocolError(f"{self._host}: {late}")
        if answer.status != 200:
            raise ProtocolError(f"{self._host}: status {answer.status} for {path}")
        if len(text) > _LONGEST_ANSWER:
            raise ProtocolError(f"{self._host}: an answer of more than {_LONGEST_ANSWER} bytes")
        try:
            return parse_document(text)
        except DocumentError as error:
            raise ProtocolError(f"{self._host}: no JSON for {path}: {error}") from None

    def _late(self, began: float) -> str:
        """Return what is to be said of an answer that took too long, nothing of others."""
        late = time.monotonic() - began >= self._seconds
        return f"no whole answer within {self._seconds:g} s" if late else ""


@contextlib.contextmanager
def _hung_up_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Shut a connection that is still used by then: its own limit begins anew with each byte."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            # Not that of TLS, which would pull its state from under whoever reads.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def play_slumbot(player: Player, endpoint: Endpoint, seed: int) -> Iterator[RemoteHand]:
    """Play hand after hand; yield each when it is over.

    Args:
        player: plays by ``protocols.slumbot.RULES``.
        endpoint: the server.
        seed: of the player's moves.

    Raises:
        ProtocolError: the server breaks its protocol or the connection.
    """
    draws = random.Random(seed)
    token: str | None = None
    while True:
        reply = read_reply(endpoint.post(NEW_HAND, {"token": token} if token else {}))
        token = reply.token or token
        if len(reply.played.moves) > 1:
            raise ProtocolError("a new hand in which more than the server's first move is done")
        while reply.winnings is None:
            move = _answer(player, reply, draws)
            after = (*reply.played.moves, move)
            text = move_text(reply.played.last, move)
            following = read_reply(endpoint.post(ACT, {"token": token, "incr": text}))
            _check_goes_on(reply, following, after)
            reply, token = following, following.token or token
        yield RemoteHand(reply.played, reply.seat, Fraction(reply.winnings), reply.baseline)


def _answer(player: Player, reply: Reply, draws: random.Random) -> int:
    player.begin()
    for move in reply.played.moves:
        player.take(move)
    hand = player.hand
    if hand.actor != reply.seat:
        raise ProtocolError("the server waits for a move where its own is due")
    board = board_on(hand, reply.played.board)
    return player.decide(reply.played.holes[reply.seat], board).drawn(draws.random())


def _check_goes_on(before: Reply, now: Reply, moves: tuple[int, ...]) -> None:
    same = (
        now.seat == before.seat
        and now.played.moves[: len(moves)] == moves
        and now.played.board[: len(before.played.board)] == before.played.board
        and now.played.holes[now.seat] == before.played.holes[before.seat]
    )
    if not same:
        raise ProtocolError("the server's answer does not follow what was done")
