"""Work spread over threads, in an order that does not depend on how many there are.

``in_order`` does it for whatever is numbered: kernels release the GIL. ``gather`` gathers samples
with it, and keeps what there is when something stops it. Sample ``i`` depends on ``i`` alone, so
that threads and rounds change nothing. An error, or a Ctrl-C, ends the gathering; all samples
before the first that is missing are kept.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress, thread_count
from cfr_shm.evaluation.estimates import Estimate, any_time_half_width, mean_interval

Floats = NDArray[np.float64]
#: Returns (count,) samples from a number on.
Sampler = Callable[[int, int], Floats]
Item = TypeVar("Item")
Result = TypeVar("Result")
#: Items that are worked on or done before the first of them is taken, for each thread.
_AHEAD = 2


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


class Done(NamedTuple):
    """What a function found for 0, 1, ..., and why no more; at least one was found."""

    found: Floats  # (done, ...)
    stopped: BaseException | None  # what ended it early; None: all are there


class Idle(list[Callable[[Item], Result]]):
    """Functions that no thread uses at the moment; kept, they need not be made again."""


def in_order(
    make: Callable[[threading.Event], Callable[[Item], Result]],
    items: Iterable[Item],
    workers: int,
    idle: Idle[Item, Result] | None = None,
) -> Iterator[Result]:
    """Yield what a function returns for each item, in the order of the items.

    A few items are worked on ahead. One worker works in the thread that asks, so that a signal
    interrupts also what never returns. Where something fails, or nobody asks any more, what is
    being worked on is waited for and the rest left.

    Args:
        make: returns the function, called once for each thread, whose own its space is; told
            what is set when there is no more use for results.
        items: as many as are asked for.
        workers: threads, 0 for all usable cores.
        idle: functions that were made before, and are left for later.
    """
    kept: Idle[Item, Result] = Idle() if idle is None else idle
    stop = threading.Event()

    def call(item: Item) -> Result:
        if stop.is_set():
            raise CancelledError
        try:
            function = kept.pop()
        except IndexError:
            function = make(stop)
        try:
            return function(item)
        finally:
            kept.append(function)

    threads = thread_count(workers)
    if threads == 1:
        yield from map(call, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(call, item))
                if len(waiting) >= _AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()


def for_each(
    make: Callable[[threading.Event], Callable[[int], Floats]],
    count: int,
    workers: int,
    progress: Progress | None = None,
) -> Done:
    """Return what a function finds for 0, 1, ..., in that order.

    What an error or Ctrl-C leaves is returned with it, where there is anything, and is as good as
    if no more had been asked for: neither has to do with what was found.

    Args:
        make: as ``in_order`` takes it.
        count: how many.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.
    """
    found: list[Floats] = []
    threads = min(thread_count(workers), count)
    try:
        for each in in_order(make, range(count), threads):
            found.append(each)
            if progress:
                progress.update(len(found) / count)
    except BaseException as error:
        if not found:
            raise
        return Done(np.array(found), error)
    return Done(np.array(found), None)


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
        self._threads, self._idle = max(1, threads), Idle[int, Floats]()

    def round(
        self, first: int, calls: int, told: Callable[[int], None] | None
    ) -> tuple[list[Floats], BaseException | None]:
        """Make some calls; return what was sampled, and what stopped it, if anything did."""
        found: list[Floats] = []
        numbers = range(first, first + calls)
        try:
            for each in in_order(lambda _: self._call(), numbers, self._threads, self._idle):
                found.append(each)
                if told:
                    told(len(found))
        except BaseException as error:  # noqa: BLE001 - handed on, with what was done before
            return found, error
        return found, None

    def _call(self) -> Callable[[int], Floats]:
        sampler = self._make()

        def call(number: int) -> Floats:
            begin = number * self._together
            return sampler(begin, min(self._together, self._most - begin))

        return call
