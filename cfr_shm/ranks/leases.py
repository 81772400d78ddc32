"""Which rank trains which iterations until they meet again: the same answer at every rank."""

from __future__ import annotations

from collections.abc import Sequence

from cfr_shm.engine.ledger import IterationLedger, Range

#: A lease holds so many times what a rank is expected to do: who is faster than it was before
#: need not wait.
MARGIN = 2.0

#: Of a rank whose rate nobody knows yet.
FIRST_WINDOWS = 16


def leases(
    whole: IterationLedger, rates: Sequence[float], seconds: float, window: int
) -> list[list[Range]]:
    """Deal out iterations to ranks, in proportion to their rates.

    Near a bound (the run's target, or a discount) there may be fewer left than would be dealt:
    then each rank gets its share of them, so that all come to the bound at about the same time.

    Args:
        whole: what all ranks have completed, with its bounds; iterations are taken from it.
        rates: iterations per second of each rank, 0 where nobody knows.
        seconds: until the next meeting.
        window: iterations; leases end at its multiples.

    Returns:
        Ranges for each rank, ascending; none overlap.

    >>> whole = IterationLedger(10_000, drain_window=1000)
    >>> leases(whole, [3000.0, 1000.0], 10.0, 1000)
    [[(0, 8000)], [(8000, 10000)]]
    """
    left = whole.remaining
    wanted = [MARGIN * rate * seconds or float(FIRST_WINDOWS * window) for rate in rates]
    total = sum(wanted)
    share = 1.0 if left is None or total <= left else left / total
    dealt = [_take(whole, share * each, window) for each in wanted]
    if share < 1.0:
        for rank in range(len(rates)):  # what rounding has left
            dealt[rank] += _take(whole, float(window), window) if whole.remaining else []
    return [_merged(each) for each in dealt]


def _take(whole: IterationLedger, count: float, window: int) -> list[Range]:
    """Take ``count`` iterations, to whole windows: fewer where there are none left."""
    taken: list[Range] = []
    left = max(round(count / window), 1) * window
    while left > 0:
        task = whole.take(left)
        if task is None:
            break
        first, number = task
        taken.append((first, first + number))
        left -= number
    return taken


def _merged(ranges: Sequence[Range]) -> list[Range]:
    merged: list[Range] = []
    for first, end in sorted(ranges):
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((first, end))
    return merged
