"""Who is told when a kernel has to be compiled where it is called, and nobody said so before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

#: What the kernels of a room are for, in words.
_WORK = {
    "evaluation": "measure strategies and play hands",
    "holdem": "deal and compare hands",
    "spots": "solve spots",
    "tables": "read tables",
    "training": "train",
}


class _Announcer:
    def __init__(self) -> None:
        self.tell: Callable[[str], None] | None = None
        self.told: set[str] = set()


_announcer = _Announcer()


def tell_of_compiling(announce: Callable[[str], None] | None) -> None:
    """From now on tell ``announce``, once for each room of kernels, that some are compiled."""
    _announcer.tell = announce
    _announcer.told.clear()


@contextlib.contextmanager
def announced() -> Iterator[None]:
    """Compile kernels of which the caller has told."""
    before, _announcer.tell = _announcer.tell, None
    try:
        yield
    finally:
        _announcer.tell = before


def compiling(module: str) -> None:
    """Tell that a kernel of a module, named in full, is about to be compiled."""
    room = module.split(".")[2] if module.count(".") > 1 else ""
    if _announcer.tell is None or room in _announcer.told or room not in _WORK:
        return
    _announcer.told.add(room)
    _announcer.tell(
        f"compiling the kernels that {_WORK[room]} (once for this version and machine, some "
        "seconds each) ..."
    )
