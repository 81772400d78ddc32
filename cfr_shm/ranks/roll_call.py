"""Who has come to where all ranks meet, and who is still there: small messages beside MPI's own.

MPI says that not all have come, never who. So whoever comes says so to two *porters*. A rank that
came and was then stopped keeps the others within what they do together; so who has waited for long
asks everybody, and everybody who waits answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

#: Who knows who has come: others too, should one be what is missing.
PORTERS = (0, 1)

#: The tags of messages.
_ARRIVAL, _QUESTION, _ANSWER = 2, 3, 4


class RollCall:
    """One rank's knowledge of the others.

    Args:
        world: a communicator of MPI.
        status: makes what tells who has sent a message.
        send: sends a number to ranks, under a tag, and does not wait.
    """

    def __init__(
        self,
        world: Any,
        status: Callable[[], Any],
        send: Callable[[int, Iterable[int], int], None],
    ) -> None:
        self._world, self._status, self._send = world, status, send
        self._rank, self._size = int(world.rank), int(world.size)
        self._times, self._questions = 0, 0
        self._came = [0] * self._size

    def come(self) -> None:
        """Say that this rank has come to the next place where all meet."""
        self._times += 1
        self._send(self._times, (each for each in PORTERS if each < self._size), _ARRIVAL)

    def see_arrivals(self) -> None:
        """Take in who has said that it has come, and how often it has."""
        for source, times in self._received(_ARRIVAL):
            self._came[source] = max(self._came[source], times)

    def not_come(self) -> list[int]:
        """Return who has not come, as far as this rank knows: all of it at porters."""
        self.see_arrivals()
        came = (*self._came[: self._rank], self._times, *self._came[self._rank + 1 :])
        knows = self._rank in PORTERS
        return [rank for rank, times in enumerate(came) if knows and times < self._times]

    def ask(self) -> None:
        """Ask everybody who is there."""
        self._questions += 1
        self._send(self._questions, range(self._size), _QUESTION)

    def answer(self) -> None:
        """Answer who has asked."""
        for source, question in self._received(_QUESTION):
            self._send(question, [source], _ANSWER)

    def silent(self) -> list[int]:
        """Return who has not answered this rank's last question."""
        heard = {source for source, number in self._received(_ANSWER) if number == self._questions}
        return [rank for rank in range(self._size) if rank not in heard | {self._rank}]

    def _received(self, tag: int) -> list[tuple[int, int]]:
        """Take in all messages that are there; return who has sent which number."""
        return received(self._world, self._status, tag)


def received(world: Any, status: Callable[[], Any], tag: int) -> list[tuple[int, int]]:
    """Take in all messages that are there; return who has sent which number.

    From whom is asked first: MPICH (5.0.2) waits without end for a message of no matter whom that
    comes over the network, though it is there.

    Args:
        world: a communicator of MPI.
        status: makes what tells who has sent a message.
        tag: of the messages.
    """
    message, sender, found = np.empty(1, np.int64), status(), []
    while world.Iprobe(tag=tag, status=sender):
        source = int(sender.Get_source())
        world.Recv(message, source=source, tag=tag)
        found.append((source, int(message[0])))
    return found
