"""A loop that never changes, to tell a slower program from a slower machine."""

from __future__ import annotations

import time

import numpy as np

from cfr_shm.kernels.memory_probe import touch_random_words

#: Fits the second-level cache of every machine that trains.
WORDS = 1 << 15
TOUCHES = 10_000_000


class Calibration:
    """Compiles and allocates once; each call takes about a hundredth of a second of one core."""

    def __init__(self) -> None:
        self._words = np.ones(WORDS)
        touch_random_words(self._words, 0, 1)

    def __call__(self) -> float:
        """Return accesses per CPU second of this thread."""
        began = time.thread_time()
        touch_random_words(self._words, 0, TOUCHES)
        return TOUCHES / max(1e-9, time.thread_time() - began)
