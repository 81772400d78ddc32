"""A training that a program calls: its progress callback, and what Ctrl-C means to it.

The command line ends when a run ends; a program, or a notebook, goes on.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cfr_shm.errors import CallbackError, CfrShmError, MemoryReserveError
from cfr_shm.run.signals import StopRequested, StopSignals
from cfr_shm.telemetry.events import Event, Listener, Progress, ignore
from cfr_shm.telemetry.progress import Display

#: Told about four times a second how far the training is; False ends it, with a checkpoint.
Callback = Callable[[Progress], object]


class CallerSignals(StopSignals):
    """The signals of a run within a program: Ctrl-C ends the run, a second one raises.

    As all of these, it catches nothing where it is not entered by the main thread.
    """

    def stop(self) -> None:
        """End the run as Ctrl-C does; from the thread that trains."""
        self.signal_number = self.signal_number or signal.SIGINT
        for callback in self._stop:
            callback()

    def _leave(self, number: int) -> None:
        """Raise instead of leaving the process: its program has other things to lose."""
        raise KeyboardInterrupt(f"{signal.Signals(number).name} came twice")


class Caller:
    """Listens to a training on behalf of the program that called it.

    Args:
        progress: the program's callback, None for none.
        display: is told everything.
    """

    def __init__(self, progress: Callback | None, display: Listener) -> None:
        self._progress, self._display = progress, display
        self._error: Exception | None = None
        self.signals = CallerSignals()

    def listen(self, event: Event) -> None:
        """Take an event; what the callback raises ends the run, and is kept for ``settle``."""
        with contextlib.suppress(OSError):  # a closed terminal ends no run
            self._display(event)
        if self._progress is None or self._error is not None or not isinstance(event, Progress):
            return
        try:
            go_on = self._progress(event)
        except Exception as error:  # noqa: BLE001 - raised by settle
            self._error = error
            self.signals.stop()
        else:
            if go_on is False:
                self.signals.stop()

    def settle(self, directory: Path) -> None:
        """Raise what the callback raised, now that everything is written and given back.

        Raises:
            CallbackError: names it and where the run lies.
        """
        if self._error is not None:
            raise CallbackError(
                f"the progress callback raised {type(self._error).__name__}: {self._error}; the "
                f"run was ended with a checkpoint and lies in {directory}"
            ) from self._error


@contextlib.contextmanager
def called(progress: Callback | None, loglevel: str, *, show: bool) -> Iterator[Caller]:
    """Take the signals for a training, and give them back.

    A signal that asks the process to end, not the run (SIGTERM, SIGHUP), is raised once more
    when the run has been saved.
    """
    # Not the live one: there may be several at once, in threads, but one that draws.
    display = Display(sys.stderr, loglevel, results=sys.stderr) if show else None
    caller = Caller(progress, display or ignore)
    try:
        with caller.signals:
            yield caller
    except StopRequested as request:
        _pass_on(request.signal_number)
        raise
    finally:
        if display is not None:
            with contextlib.suppress(OSError):
                display.close()
    _pass_on(caller.signals.signal_number)


def _pass_on(number: int) -> None:
    if number not in (0, signal.SIGINT):
        signal.raise_signal(number)


@contextlib.contextmanager
def typed() -> Iterator[None]:
    """Turn what the operating system refuses into errors of ours, as the command line does.

    Raises:
        MemoryReserveError: memory is out.
        CfrShmError: a file or a call failed; says which.
    """
    try:
        yield
    except MemoryError as error:
        reason = str(error) or "an allocation failed"
        raise MemoryReserveError(f"out of memory: {reason}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CfrShmError(f"{where}{error.strerror or error}") from error
