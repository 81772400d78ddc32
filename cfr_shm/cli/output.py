"""The border to the terminal: what the command prints, and what becomes of a stream that fails.

Everything that is printed passes ``Output``: control characters of others are shown, not sent;
what an encoding lacks is written with backslashes; and that data could not be written is
remembered, so that the command does not end as if it had been.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from cfr_shm.telemetry.plain_text import plain


class Output:
    """A stream for people, around one of the process; everything else is that stream's.

    Args:
        stream: where it goes.
        raw: let control characters through, for displays that draw; their texts are plain.
        needed: whether a command ends where it cannot be written; messages may be lost.

    Attributes:
        failure: why something could not be written, the first time.
    """

    def __init__(self, stream: TextIO, raw: bool = False, needed: bool = True) -> None:
        self._stream = stream
        self._raw = raw
        self._needed = needed
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def drawing(self) -> TextIO:
        """The same stream for a display that draws."""
        return Output(self._stream, raw=True, needed=self._needed)  # type: ignore[return-value]

    def write(self, text: str) -> int:
        """Write a text, as far as the stream's encoding can say it."""
        text = text if self._raw else plain(text)
        with self._watched():
            try:
                return self._stream.write(text)
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                said = text.encode(encoding, "backslashreplace").decode(encoding)
                return self._stream.write(said)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what is held back."""
        with self._watched():
            self._stream.flush()

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = self.failure or error
            if self._needed:
                raise


@contextlib.contextmanager
def outputs() -> Iterator[tuple[Output, Output]]:
    """Put ``Output`` around stdout and stderr, which are made to be there, for a while.

    Stdin is made to be there too, and to be readable in whatever encoding it comes.
    """
    _open_missing_streams()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="backslashreplace")
    before = sys.stdout, sys.stderr
    out, err = Output(sys.stdout), Output(sys.stderr, needed=False)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = before
        err.flush()
        if err.failure is not None:
            _drop(sys.stderr)


def drawing(stream: TextIO) -> TextIO:
    """Return a stream that takes what a display draws."""
    return stream.drawing if isinstance(stream, Output) else stream


def drop_output() -> None:
    """Point stdout nowhere: it takes no more, and Python would complain again at its end."""
    _drop(sys.stdout)


def _drop(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _open_missing_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr ones that lead nowhere.

    Otherwise the next file that is opened would get their number, and what a library prints.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)
                if opened != number:
                    os.dup2(opened, number)
                    os.close(opened)
                os.set_inheritable(number, True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for the whole run
