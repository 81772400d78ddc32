"""Play a seat at a dealer of ACPC, over TCP."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from cfr_shm.errors import ProtocolError, UsageError
from cfr_shm.layout.betting import AT_SHOWDOWN
from cfr_shm.protocols.acpc import (
    LONGEST_LINE,
    VERSION,
    AcpcGame,
    MatchState,
    move_text,
    read_state,
)
from cfr_shm.protocols.played_hand import PlayedHand, board_on, even_payoffs, strengths_of
from cfr_shm.strategy.player import Player

#: A dealer waits for the slowest player; longer silence is a broken match.
SILENCE_SECONDS = 600.0
CONNECT_SECONDS = 30.0


class RemoteHand(NamedTuple):
    """A hand that was played somewhere else, to its end."""

    played: PlayedHand
    seat: int  # ours
    won: Fraction  # chips
    baseline: int | None = None  # what the server wins of itself in our place


class Lines:
    """A connection that speaks in lines; owned by the session, which closes it.

    Args:
        connection: to the other side.
        where: what it is called in errors.
        silence: seconds to wait for a whole line, however it comes.

    Raises:
        ProtocolError: the connection fails, or a line has no end.
    """

    def __init__(self, connection: socket.socket, where: str, silence: float) -> None:
        self._connection, self._where, self._silence = connection, where, silence
        self._rest = b""

    def read(self) -> str | None:
        """Return the next line without its end; None: the other side has closed."""
        end = time.monotonic() + self._silence
        while b"\n" not in self._rest:
            if len(self._rest) > LONGEST_LINE:
                raise ProtocolError(f"{self._where}: a line longer than {LONGEST_LINE} bytes")
            try:
                self._connection.settimeout(max(end - time.monotonic(), 1e-3))
                piece = self._connection.recv(4096)
            except TimeoutError:
                raise ProtocolError(f"{self._where}: silent for too long") from None
            except OSError as error:
                raise ProtocolError(f"{self._where}: {error.strerror or error}") from None
            if not piece:
                if self._rest:
                    raise ProtocolError(f"{self._where}: closed in the middle of a line")
                return None
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r").decode("ascii", "backslashreplace")

    def write(self, line: str) -> None:
        """Send a line."""
        try:
            self._connection.settimeout(self._silence)
            self._connection.sendall(line.encode("ascii", "backslashreplace") + b"\r\n")
        except OSError as error:
            raise ProtocolError(f"{self._where}: {error.strerror or error}") from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def connected(address: str, silence: float = SILENCE_SECONDS) -> Lines:
    """Return a connection to ``HOST:PORT``.

    Raises:
        UsageError: the address is none.
        ProtocolError: nobody answers there.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port[:6]) < 65536:
        raise UsageError(f"--acpc {address}: expected HOST:PORT")
    try:
        connection = socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ProtocolError(f"cannot connect to {address}: {reason}") from None
    # Lines are short and each waits for an answer: 40 ms a line otherwise.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Lines(connection, address, silence)


def play_acpc(player: Player, game: AcpcGame, lines: Lines, seed: int) -> Iterator[RemoteHand]:
    """Play until the dealer closes; yield every hand that is over.

    Args:
        player: plays by the game's rules.
        game: what the dealer deals.
        lines: the connection.
        seed: of the player's moves.

    Raises:
        ProtocolError: the dealer breaks the protocol or the connection.
    """
    draws = random.Random(seed)
    lines.write(VERSION)
    last: MatchState | None = None
    while (line := lines.read()) is not None:
        state = read_state(game, line)
        if state is None:
            continue
        _check_goes_on(game, last, state)
        seat, hand = game.seats[state.position], state.played.last
        known = last is not None and last.text == state.text
        last = state
        if hand.finished:
            if not known:
                yield RemoteHand(state.played, seat, _won(state.played, seat))
        elif hand.actor == seat and not known:
            _follow(player, state.played)
            board = board_on(hand, state.played.board)
            move = player.decide(state.played.holes[seat], board).drawn(draws.random())
            lines.write(f"{state.text}:{move_text(game, hand, move)}")
    if last is not None and not last.played.last.finished:
        raise ProtocolError(f"the dealer closed in the middle of hand {last.hand_number}")


def _follow(player: Player, played: PlayedHand) -> None:
    player.begin()
    for move in played.moves:
        player.take(move)


def _check_goes_on(game: AcpcGame, last: MatchState | None, state: MatchState) -> None:
    """Refuse a state that cannot follow the last one."""
    if last is None:
        return
    before, now = last.played, state.played
    if state.hand_number != last.hand_number:
        if not before.last.finished:
            raise ProtocolError(
                f"hand {state.hand_number} begins before hand {last.hand_number} is over"
            )
        return
    same = (
        state.position == last.position
        and now.moves[: len(before.moves)] == before.moves
        and now.board[: len(before.board)] == before.board
        and now.holes[game.seats[state.position]] == before.holes[game.seats[last.position]]
    )
    if not same:
        raise ProtocolError(f"the match state {state.text!r} does not follow {last.text!r}")


def _won(played: PlayedHand, seat: int) -> Fraction:
    hand = played.last
    if seat in hand.folded:  # lost, whatever the others hold
        return Fraction(hand.losing_utility()[seat])
    if hand.status != AT_SHOWDOWN:
        return even_payoffs(hand)[seat]
    strengths = strengths_of(played, hand)
    if strengths is None:
        raise ProtocolError(f"hand {played.number}: not all cards of the showdown were told")
    return even_payoffs(hand, strengths)[seat]
