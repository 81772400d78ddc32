"""The message codec and the channel."""

from __future__ import annotations

import multiprocessing
import sys

import pytest

from cfr_shm.engine.handshake import (
    MESSAGE_LIMIT_BYTES,
    Channel,
    ErrorMessage,
    Message,
    MessageError,
    ReadyMessage,
    ResultMessage,
    ShutdownMessage,
    TaskMessage,
    decode,
    encode,
)

RESULT = ResultMessage(7, 1024, 40_000, 12.5, 0.5, 1.5, 0.01, 1.4, 0.02, 3, 4, (1.25, -1.25))


@pytest.mark.parametrize(
    "message",
    [
        ReadyMessage(4242),
        TaskMessage(2**62, 2**62 - 1, 1024),
        RESULT,
        RESULT._replace(utility_sums=tuple(map(float, range(10)))),
        ErrorMessage("ValueError: no", "Traceback ...\nValueError: no"),
        ErrorMessage("", ""),
        ShutdownMessage(),
    ],
)
def test_messages_survive_the_journey(message: Message) -> None:
    data = encode(message)
    assert len(data) < MESSAGE_LIMIT_BYTES
    assert decode(data) == message


def test_control_messages_are_small() -> None:
    assert len(encode(TaskMessage(1, 2, 3))) < 64
    assert len(encode(RESULT)) < 160


@pytest.mark.parametrize("length", [3_400, 3_501, 100_000])
def test_a_long_traceback_is_cut_in_the_middle(length: int) -> None:
    # Three bytes to a character: the cut falls inside one.
    text = "first" + "€€€€€\n" * (length // 16) + "last"
    message = decode(encode(ErrorMessage("€" * 400, text)))
    assert isinstance(message, ErrorMessage)
    assert message.remote_traceback.startswith("first")
    assert message.remote_traceback.endswith("last")
    assert message.summary.startswith("€€€")


def test_a_long_line_does_not_push_out_the_frames_of_a_traceback() -> None:
    frames = "".join(f'  File "{"d" * 150}/m{each}.py", line 1, in f{each}\n' for each in range(12))
    text = f"Traceback\n{frames}ValueError: {'x' * 10_000} is wrong\n"
    message = decode(encode(ErrorMessage("ValueError", text)))
    assert isinstance(message, ErrorMessage)
    assert all(f"in f{each}\n" in message.remote_traceback for each in range(12))
    assert message.remote_traceback.endswith("x is wrong\n")


def test_a_message_over_the_limit_is_never_sent() -> None:
    with pytest.raises(MessageError, match="limit"):
        encode(RESULT._replace(utility_sums=(0.0,) * 1000))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff" * 20,
        encode(ShutdownMessage()) + b"x",
        encode(RESULT)[:-1],
        encode(RESULT) + b"x",
        encode(TaskMessage(1, 2, 3))[:-1],
        encode(ErrorMessage("summary", ""))[:-3],
        b"\x04\x02\x00\xff\xff",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        decode(data)


def test_a_channel_remembers_its_largest_message() -> None:
    ours, theirs = (Channel(end) for end in multiprocessing.Pipe())
    ours.send(TaskMessage(1, 2, 3))
    assert theirs.receive() == TaskMessage(1, 2, 3)
    theirs.send(RESULT)
    ours.receive()
    assert ours.largest_message_bytes == theirs.largest_message_bytes == len(encode(RESULT))
    theirs.close()
    with pytest.raises(EOFError):
        ours.receive()
    ours.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe never fills with our messages")
def test_a_send_that_nobody_reads_ends() -> None:
    ours, theirs = (Channel(end) for end in multiprocessing.Pipe())

    def send_for_ever() -> None:
        while True:
            ours.send(RESULT, timeout_seconds=0.05)

    with pytest.raises(TimeoutError, match="nothing was read"):
        send_for_ever()
    assert theirs.receive() == RESULT
    ours.close()
    theirs.close()


def test_a_message_over_the_limit_is_never_received() -> None:
    ours, theirs = multiprocessing.Pipe()
    theirs.send_bytes(b"x" * MESSAGE_LIMIT_BYTES)
    with pytest.raises(OSError, match="message"):
        Channel(ours).receive()
    theirs.close()
