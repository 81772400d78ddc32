"""The signals that are meant for a run: what they do before, during and after training.

Before there is anything to lose a signal ends the command at once. While a run holds shared
memory and unsaved work it only sets a flag, which the training looks at between batches, so
that a checkpoint can be written. A second Ctrl-C does not wait for that. SIGUSR1 asks for a
checkpoint and nothing else; SIGUSR2, and SIGXCPU where CPU time is limited (workers pass theirs
on), ask for one and the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from cfr_shm.errors import EXIT_OK

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2", "SIGXCPU")
_CHECKPOINT = "SIGUSR1"

#: Of a limit of CPU time that would kill without a word, what is kept for the last checkpoint:
#: a tenth, and no less and no more seconds than these.
_KEPT_SECONDS = (2, 10)


class StopRequested(KeyboardInterrupt):
    """A signal came while there was nothing to save."""

    def __init__(self, signal_number: int) -> None:
        name = signal.Signals(signal_number).name
        super().__init__(f"stopped by {name}; nothing had been done that could be saved")
        self.signal_number = signal_number


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let a Ctrl-C wait until this is over: it is raised then, where what was begun can be ended.

    By a handler, not a mask: libraries have threads of their own, and a signal to the process goes
    to any that lets it through. Outside the main thread nothing is held.
    """
    former = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or former in (
        None,
        signal.SIG_IGN,
    ):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
        if came:
            signal.raise_signal(signal.SIGINT)


class StopSignals:
    """Catch the signals that are meant for a run, from ``__enter__`` to ``__exit__``.

    Owned by the command; only the main thread may enter it (elsewhere it catches nothing, and
    ``pending`` stays false). The former handlers come back at the end.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self.wants_checkpoint = False
        self._deferred = False
        self._stop: list[Callable[[], None]] = []
        self._abandon: list[Callable[[], None]] = []
        self._former: dict[int, Any] = {}
        self._former_limit: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                if (number := getattr(signal, name, None)) is not None:
                    self._former[number] = signal.signal(number, self._handle)
            if (number := getattr(signal, _CHECKPOINT, None)) is not None:
                self._former[number] = signal.signal(number, self._want_checkpoint)
            self._former_limit = _be_told_of_the_limit()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, former in self._former.items():
            signal.signal(number, former)
        self._former.clear()
        if self._former_limit is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_CPU, self._former_limit)
            self._former_limit = None

    @property
    def pending(self) -> bool:
        """Whether a signal has asked the run to end."""
        return self.signal_number != 0

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, or 0 when there was none."""
        return 128 + self.signal_number if self.signal_number else EXIT_OK

    def raise_pending(self) -> None:
        """Raise what a signal asked for, where there is nothing to save yet.

        Raises:
            StopRequested: a signal has asked the run to end.
        """
        if self.pending:
            raise StopRequested(self.signal_number)

    def defer(self) -> None:
        """From now on a signal only sets ``pending``."""
        self._deferred = True

    def take_checkpoint_request(self) -> bool:
        """Return whether a checkpoint was asked for since the last call."""
        wanted, self.wants_checkpoint = self.wants_checkpoint, False
        return wanted

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when a signal asks for something; from the signal handler."""
        self._stop.append(callback)

    def on_abandon(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` before a second Ctrl-C leaves the process without more ado."""
        self._abandon.append(callback)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self._deferred:
            raise StopRequested(number)
        if self.signal_number and number == signal.SIGINT:
            self._leave(number)
        self.signal_number = self.signal_number or number
        for callback in self._stop:
            callback()

    def _want_checkpoint(self, _number: int, _frame: FrameType | None) -> None:
        self.wants_checkpoint = True
        for callback in self._stop:
            callback()

    def _leave(self, number: int) -> None:
        """Leave at once; workers see their parent die."""
        try:
            for callback in reversed(self._abandon):
                callback()
        finally:
            os._exit(128 + number)


def _be_told_of_the_limit() -> tuple[int, int] | None:
    """Have SIGXCPU sent some time before a limit of CPU time kills; workers inherit that.

    ``ulimit -t`` sets both limits, the one that tells and the one that kills, to the same second,
    and whoever reaches both is killed.

    Returns:
        The former limits, None where they were left as they are.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return None
    told, killed = resource.getrlimit(resource.RLIMIT_CPU)
    if killed == resource.RLIM_INFINITY or told < killed:
        return None
    least, most = _KEPT_SECONDS
    kept = min(max(killed // 10, least), most)
    resource.setrlimit(resource.RLIMIT_CPU, (max(killed - kept, 1), killed))
    return told, killed
