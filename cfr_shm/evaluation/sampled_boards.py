"""Boards that are drawn for estimates: the same ones for everybody who names the same seed.

Board ``i`` depends on seed and ``i`` alone. So the boards of checkpoints, strategies and runs
are paired, more boards begin with the fewer, and threads change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress, thread_count
from cfr_shm.games.holdem.hole_cards import HoleCards

Result = TypeVar("Result")


def drawn_board(cards: HoleCards, size: int, seed: int, index: int) -> tuple[int, ...]:
    """Return board ``index`` of ``size`` cards: the fixed ones, then any others of the deck."""
    fixed = cards.fixed_board[:size]
    left = [card for card in cards.dealt if card not in cards.fixed_board]
    random = np.random.Generator(np.random.Philox(key=[seed, index]))
    others = random.permutation(len(left))[: size - len(fixed)]
    return (*fixed, *(left[place] for place in others.tolist()))


def for_each(
    make: Callable[[], Callable[[int], NDArray[np.float64]]],
    count: int,
    workers: int,
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Return (count, ...) what a function finds for 0, 1, ..., in that order.

    Args:
        make: returns the function; called once for each thread, whose own its space is.
        count: how many.
        workers: threads, 0 for all usable cores.
        progress: told how far it is.
    """
    threads = max(1, min(thread_count(workers), count))
    found: list[NDArray[np.float64] | None] = [None] * count
    done = [0] * threads

    def work(thread: int) -> None:
        function = make()
        for index in range(thread, count, threads):
            found[index] = function(index)
            done[thread] += 1
            if progress and thread == 0:
                progress.update(sum(done) / count)

    with ThreadPoolExecutor(threads) as pool:
        for each in [pool.submit(work, thread) for thread in range(threads)]:
            each.result()
    return np.array(found)
