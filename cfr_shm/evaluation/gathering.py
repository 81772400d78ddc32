"""Gather samples by number over threads, and keep what there is when something stops it.

Sample ``i`` depends on ``i`` alone, so that threads and rounds change nothing. An error, or a
Ctrl-C, ends the gathering; all samples before the first that is missing are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress, thread_count
from cfr_shm.evaluation.estimates import Estimate, any_time_half_width, mean_interval

Floats = NDArray[np.float64]
#: Returns (count,) samples from a number on.
Sampler = Callable[[int, int], Floats]


class Length(NamedTuple):
    """How many samples are gathered."""

    most: int  # at least 2 for an interval
    half_width: float | None = None  # ends where the mean is known so well, before ``most``


class Pieces(NamedTuple):
    """How samples are gathered; of all of it only ``look_after`` may change when it ends."""

    together: int  # samples of one call
    look_after: int  # calls between two looks at the interval
    ratio: float  # of the confidence sequence, see ``any_time_half_width``


class Gathered(NamedTuple):
    """Samples in the order of their numbers, and what is known of their mean."""

    value: Estimate  # of no samples: not a number, and nothing is known
    samples: Floats  # (done,)
    stopped: BaseException | None  # what ended it early; None: all are there


def gather(
    make: Callable[[], Sampler],
    length: Length,
    pieces: Pieces,
    *,
    workers: int = 0,
    progress: Progress | None = None,
) -> Gathered:
    """Gather samples until there are enough.

    Where a half-width is asked for the interval comes from a confidence sequence, which may be
    looked at after every round: the one that ended it is as sure as it says. Otherwise it is
    Student's for the number that was fixed, also where an error cut it short, which has nothing
    to do with the samples.

    Args:
        make: returns a sampler; called once for each thread, whose own its space is.
        length: when to end.
        pieces: of how many samples.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.
    """
    calls = -(-length.most // pieces.together)
    crew = _Crew(make, pieces.together, length.most, min(thread_count(workers), calls))
    kept = np.zeros(0)
    stopped: BaseException | None = None
    value = Estimate(float("nan"), float("-inf"), float("inf"), 0)
    while len(kept) < length.most and stopped is None:
        first = len(kept) // pieces.together
        count = calls - first if length.half_width is None else pieces.look_after
        told = _told(progress, calls) if length.half_width is None else None
        found, stopped = crew.round(first, min(count, calls - first), told)
        kept = np.concatenate([kept, *found])
        value = _estimate(kept, length, pieces.ratio) if len(kept) else value
        if length.half_width is None:
            continue
        half = value.high - value.value
        if progress and half > 0.0:
            progress.update(min(0.99, (length.half_width / half) ** 2))
        if half <= length.half_width:
            break
    return Gathered(value, kept, stopped)


def _estimate(samples: Floats, length: Length, ratio: float) -> Estimate:
    if length.half_width is None or len(samples) < 2:
        return mean_interval(samples)
    half = any_time_half_width(len(samples), float(np.std(samples, ddof=1)), ratio=ratio)
    value = float(samples.mean())
    return Estimate(value, value - half, value + half, len(samples))


def _told(progress: Progress | None, calls: int) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress.update(done / calls)


class _Crew:
    """Threads that call samplers, round after round."""

    def __init__(self, make: Callable[[], Sampler], together: int, most: int, threads: int) -> None:
        self._make, self._together, self._most = make, together, most
        self._samplers: list[Sampler | None] = [None] * max(1, threads)

    def round(
        self, first: int, calls: int, told: Callable[[int], None] | None
    ) -> tuple[list[Floats], BaseException | None]:
        """Make some calls; return what was sampled, and what stopped it, if anything did."""
        threads = len(self._samplers)
        found: list[Floats | None] = [None] * calls
        done = [0] * threads
        stop = threading.Event()

        def work(thread: int) -> None:
            sampler = self._samplers[thread] = self._samplers[thread] or self._make()
            for index in range(thread, calls, threads):
                if stop.is_set():
                    return
                begin = (first + index) * self._together
                found[index] = sampler(begin, min(self._together, self._most - begin))
                done[thread] += 1
                if told and thread == 0:
                    told(sum(done))

        if threads == 1:
            stopped = _reason_of(work)
            return _whole(found), stopped
        with ThreadPoolExecutor(threads) as pool:
            stopped = _wait_for([pool.submit(work, thread) for thread in range(threads)], stop)
        return _whole(found), stopped


def _reason_of(work: Callable[[int], None]) -> BaseException | None:
    """Work in this thread, so that a signal interrupts also what never returns."""
    try:
        work(0)
    except BaseException as error:  # noqa: BLE001 - handed on, with what was done before
        return error
    return None


def _wait_for(running: Sequence[Future[None]], stop: threading.Event) -> BaseException | None:
    """Wait for threads; where one fails, or a signal comes, end all and return the reason."""
    reason: BaseException | None = None
    for each in running:
        try:
            each.result()
        except BaseException as error:  # noqa: BLE001 - handed on, with what was done before
            reason = reason or error
            stop.set()
    return reason


def _whole(found: Sequence[Floats | None]) -> list[Floats]:
    """Return the samples before the first that is missing."""
    kept: list[Floats] = []
    for each in found:
        if each is None:
            break
        kept.append(each)
    return kept
