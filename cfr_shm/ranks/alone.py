"""The world of a run on one machine: there is nobody to wait for, to tell or to lose."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from cfr_shm.engine.ledger import Range


class Alone:
    """The world of a run on one machine."""

    rank = 0
    size = 1
    sent_bytes = 0
    library = "none"
    survives = False

    def __init__(self) -> None:
        self.on_missing: Callable[[Sequence[int]], None] = _tell_nobody

    def survive(self) -> None:
        """Leave it: there is nobody to lose."""

    def commit(self, came: bool) -> bool:
        """Return the own answer."""
        return came

    def shrink(self) -> list[int]:
        """Return the own number."""
        return [0]

    def wait_for_all(self) -> None:
        """Return."""

    def wait_for_the_end(self) -> None:
        """Return."""

    def gather(self, words: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the own words, (1, words)."""
        return words[np.newaxis]

    def gather_ranges(self, ranges: Sequence[Range]) -> list[list[Range]]:
        """Return the own ranges."""
        return [list(ranges)]

    def add_up(self, values: NDArray[np.float32] | NDArray[np.int64]) -> None:
        """Leave the sum as it is."""

    def add_up_at_first(self, values: NDArray[np.float64]) -> None:
        """Leave the sum as it is."""

    def texts(self, text: str) -> list[str]:
        """Return the own text."""
        return [text]

    def call(self, meeting: int) -> None:
        """Call nobody."""

    def is_called(self, meeting: int) -> bool:
        """Return False: there is nobody to call."""
        return meeting < 0

    def abort(self, code: int) -> NoReturn:
        """End this process."""
        os._exit(code)


def _tell_nobody(_ranks: Sequence[int]) -> None:
    """Say nothing."""
