"""The messages between coordinator and worker, and the channel that carries them.

Messages are packed structs of a few dozen bytes; nothing is ever pickled or unpickled. The
first byte is the kind. All are shorter than ``MESSAGE_LIMIT_BYTES``: a remote traceback is cut
to fit, and regrets never travel, they are in shared memory.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from multiprocessing.connection import Connection
from typing import NamedTuple

from cfr_shm.engine.waits import SEND_SECONDS

MESSAGE_LIMIT_BYTES = 4096

_TRACEBACK_BYTES = 3500
#: Longest line of a traceback: an exception that prints an array must not push out the frames.
_TRACEBACK_LINE = 400


class ReadyMessage(NamedTuple):
    """A worker has attached to the arena, loaded its kernels, and waits for tasks."""

    pid: int


class TaskMessage(NamedTuple):
    """Run iterations ``[first_iteration, first_iteration + iteration_count)``."""

    task_id: int
    first_iteration: int
    iteration_count: int


class ResultMessage(NamedTuple):
    """What a worker did of one task, and what it has used since it was ready."""

    task_id: int
    iterations: int  # done, always a prefix of the task
    nodes: int
    strategy_weight: float
    kernel_seconds: float  # of this task
    active_seconds: float  # since the worker received its first task
    blocked_seconds: float  # of these, in receive
    user_seconds: float
    system_seconds: float
    voluntary_switches: int
    involuntary_switches: int
    utility_sums: tuple[float, ...]  # (players,), of this task, chips


class ErrorMessage(NamedTuple):
    """A worker caught an exception and leaves."""

    summary: str  # one line
    remote_traceback: str


class ShutdownMessage(NamedTuple):
    """Leave now; every task sent before is answered first."""


class AssignMessage(NamedTuple):
    """Be the worker of this index from now on; sent to a standby before its first task."""

    worker: int


Message = (
    ReadyMessage | TaskMessage | ResultMessage | ErrorMessage | ShutdownMessage | AssignMessage
)

_READY, _TASK, _RESULT, _ERROR, _SHUTDOWN, _ASSIGN = range(1, 7)
_KIND = struct.Struct("<B")
_READY_BODY = struct.Struct("<Bq")
_TASK_BODY = struct.Struct("<Bqqq")
_RESULT_BODY = struct.Struct("<BqqqddddddqqH")
_ERROR_BODY = struct.Struct("<BH")
_ASSIGN_BODY = struct.Struct("<Bq")


class MessageError(Exception):
    """Bytes that are no message of ours."""


def encode(message: Message) -> bytes:
    """Return the bytes of a message, fewer than ``MESSAGE_LIMIT_BYTES``.

    >>> len(encode(TaskMessage(7, 0, 1024)))
    25
    """
    match message:
        case ReadyMessage(pid):
            data = _READY_BODY.pack(_READY, pid)
        case TaskMessage():
            data = _TASK_BODY.pack(_TASK, *message)
        case ResultMessage():
            utilities = message.utility_sums
            data = _RESULT_BODY.pack(_RESULT, *message[:-1], len(utilities))
            data += struct.pack(f"<{len(utilities)}d", *utilities)
        case ErrorMessage(summary, remote_traceback):
            data = _encode_error(summary, remote_traceback)
        case ShutdownMessage():
            data = _KIND.pack(_SHUTDOWN)
        case AssignMessage(worker):
            data = _ASSIGN_BODY.pack(_ASSIGN, worker)
    if len(data) >= MESSAGE_LIMIT_BYTES:
        raise MessageError(f"a message of {len(data)} bytes, the limit is {MESSAGE_LIMIT_BYTES}")
    return data


def decode(data: bytes) -> Message:
    """Return the message that ``data`` holds.

    Raises:
        MessageError: ``data`` is not exactly one message.
    """
    try:
        return _decode(data)
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise MessageError(f"{len(data)} bytes that are no message: {error}") from error


def _decode(data: bytes) -> Message:
    kind = data[0]
    if kind == _READY:
        return ReadyMessage(_READY_BODY.unpack(data)[1])
    if kind == _TASK:
        return TaskMessage(*_TASK_BODY.unpack(data)[1:])
    if kind == _RESULT:
        _, *fields, player_count = _RESULT_BODY.unpack_from(data)
        utilities = struct.unpack(f"<{player_count}d", data[_RESULT_BODY.size :])
        return ResultMessage._make([*fields, utilities])
    if kind == _ERROR:
        _, summary_bytes = _ERROR_BODY.unpack_from(data)
        text = data[_ERROR_BODY.size :]
        if len(text) < summary_bytes:
            raise struct.error("the summary is cut off")
        return ErrorMessage(text[:summary_bytes].decode(), text[summary_bytes:].decode())
    if kind == _ASSIGN:
        return AssignMessage(_ASSIGN_BODY.unpack(data)[1])
    if kind == _SHUTDOWN and len(data) == 1:
        return ShutdownMessage()
    raise struct.error(f"kind {kind}")


def _encode_error(summary: str, remote_traceback: str) -> bytes:
    head = summary.encode(errors="replace")[:500].decode(errors="ignore").encode()
    tail = _cut_traceback(remote_traceback).encode(errors="replace")
    # The end names the failure: the middle is what is cut, perhaps within a character.
    if len(tail) > _TRACEBACK_BYTES:
        half = _TRACEBACK_BYTES // 2
        tail = tail[: half // 2] + b"\n  ...\n" + tail[-half - half // 2 :]
    tail = tail.decode(errors="ignore").encode()
    return _ERROR_BODY.pack(_ERROR, len(head)) + head + tail


def _cut_traceback(text: str) -> str:
    """Return a traceback with the middles of its long lines cut out."""
    half = _TRACEBACK_LINE // 2
    return "\n".join(
        line if len(line) <= _TRACEBACK_LINE else f"{line[:half]} ... {line[-half:]}"
        for line in text.split("\n")
    )


class Channel:
    """One end of a worker's duplex pipe; each end is owned by one process.

    A receive blocks without a timeout. A send is bounded: on POSIX the pipe is a socket pair,
    and the socket itself is told how long a write may wait, which costs no further system
    call. On Windows a pipe holds 8 KiB in each direction and at most two tasks, or three
    results, are ever unread, so that a send never waits.

    Args:
        connection: one end of ``multiprocessing.Pipe(duplex=True)``.

    Attributes:
        largest_message_bytes: longest message that this end has sent or received.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.largest_message_bytes = 0
        self._send_seconds = 0.0

    def send(self, message: Message, timeout_seconds: float = SEND_SECONDS) -> None:
        """Send a message.

        Raises:
            TimeoutError: the other end took nothing for ``timeout_seconds``.
            OSError: the other end is gone.
        """
        data = encode(message)
        self.largest_message_bytes = max(self.largest_message_bytes, len(data))
        self._bound_sends(timeout_seconds)
        try:
            self.connection.send_bytes(data)
        except BlockingIOError as error:
            raise TimeoutError(f"nothing was read for {timeout_seconds:g} s") from error

    def receive(self) -> Message:
        """Wait for a message and return it.

        Raises:
            EOFError: the other end is gone.
            OSError: the other end went away within a message, or a message is too long.
            MessageError: what came is no message.
        """
        data = self.connection.recv_bytes(MESSAGE_LIMIT_BYTES - 1)
        self.largest_message_bytes = max(self.largest_message_bytes, len(data))
        return decode(data)

    def close(self) -> None:
        """Close this end; the other end then sees the end of file."""
        self.connection.close()

    def _bound_sends(self, seconds: float) -> None:
        if sys.platform == "win32" or seconds == self._send_seconds:
            return
        whole, fraction = divmod(seconds, 1.0)
        timeval = struct.pack("@ll", int(whole), int(fraction * 1e6))
        with socket.socket(fileno=os.dup(self.connection.fileno())) as pipe:
            pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        self._send_seconds = seconds
