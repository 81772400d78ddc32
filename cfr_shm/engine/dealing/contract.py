"""What the engine asks of a dealing policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from cfr_shm.engine.books import Books
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import IterationLedger


class Loss(NamedTuple):
    """The death of one worker."""

    worker: int
    reason: str  # one line: who it was, and what ended it
    tasks: list[TaskMessage]  # that it had not answered, the first of which it was at
    unreported: int  # iterations that it had done of these


class Dealing(Protocol):
    """Decides who runs which iterations, and what answers and deaths mean for the books.

    Only the coordinator's thread calls it.
    """

    @property
    def recovers(self) -> bool:
        """Whether training can go on after a death; else ``take_back`` raises."""
        ...

    @property
    def may_stop_at_windows(self) -> bool:
        """Whether a pause may set the stop flag: not while workers are stopped for a reason."""
        ...

    @property
    def clamped_regrets(self) -> int:
        """How often a regret was put back to a limit."""
        ...

    def fill(self, worker: int, ledger: IterationLedger) -> None:
        """Give a worker, or all, as many tasks as they may have in flight."""
        ...

    def accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a worker's answer into the books.

        Raises:
            WorkerError: it does not fit what was asked, or what others answered.
        """
        ...

    def take_back(self, loss: Loss, ledger: IterationLedger) -> str:
        """Enter a death into the books; return what it costs, to be told, or "".

        Raises:
            WorkerError: that was once too often, or nobody can go on.
        """
        ...

    def go_on(self, ledger: IterationLedger) -> None:
        """Go on without a worker, once its successor is asked for."""
        ...

    def culprit(self, overdue: int) -> int:
        """Return whose fault it is that a worker is overdue."""
        ...

    def settle(self) -> None:
        """Bring what workers keep apart into the table, when all tasks are answered."""
        ...


#: Makes the policy of an engine, on that engine's books.
DealingFactory = Callable[[Books], Dealing]
