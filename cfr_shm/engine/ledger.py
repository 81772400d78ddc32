"""Which iterations are done, which are given out, which are still to do.

Iterations are at any time split into four parts: completed, given out, returned (given out
once, to be given out first again) and fresh (from the frontier on). A run's target is a *number*
of iterations: an undisturbed run does ``[0, target)``. One that resumes a run with holes fills
these first, lowest first, and stops when the number is reached, whatever their indices.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

Range = tuple[int, int]


class IterationLedger:
    """The account of a run's iterations, as half-open ranges ``[first, end)``.

    Ranges are taken in ascending order, returned ones first, so that one worker runs them in
    the order of an undisturbed run. A task ends at a multiple of ``drain_window`` or at the
    end of what it is taken from.

    Args:
        target: iterations of the run, or None for a run that only time ends.
        completed: ranges that are done already; holes below their end are given out first.
        drain_window: iterations; tasks end at its multiples.

    Raises:
        ValueError: a range is empty, negative, overlaps another, or was not given out.

    >>> ledger = IterationLedger(3000, drain_window=1024)
    >>> ledger.take(1000), ledger.take(9999), ledger.take(1)
    ((0, 1024), (1024, 1976), None)
    >>> ledger.complete(0, 1024)
    >>> ledger.complete(1024, 512)
    >>> ledger.give_back(1536, 1464)
    >>> ledger.completed, ledger.take(1024)
    (((0, 1536),), (1536, 1464))
    """

    def __init__(
        self, target: int | None, completed: Iterable[Range] = (), *, drain_window: int = 1
    ) -> None:
        if target is not None and target < 0:
            raise ValueError(f"target is {target}, expected at least 0")
        if drain_window < 1:
            raise ValueError(f"drain_window is {drain_window}, expected at least 1")
        self._target = target
        self._drain_window = drain_window
        self._completed: list[Range] = []
        self._returned: list[Range] = []
        self._given_out: list[Range] = []
        self._frontier = 0
        self._barrier: int | None = None
        self._leased = False
        for first, end in sorted(completed):
            if first < self._frontier:
                raise ValueError(f"completed range [{first}, {end}) overlaps the one before it")
            _check(first, end)
            self._return_range(self._frontier, first)
            _insert(self._completed, (first, end))
            self._frontier = end

    @property
    def target(self) -> int | None:
        """Iterations of the run, None when only time ends it."""
        return self._target

    @property
    def completed(self) -> tuple[Range, ...]:
        """The completed ranges: ascending, disjoint, merged."""
        return tuple(self._completed)

    @property
    def completed_count(self) -> int:
        """The number of completed iterations."""
        return sum(end - first for first, end in self._completed)

    @property
    def remaining(self) -> int | None:
        """Iterations that can still be taken now, None when there is no end to them."""
        if self._target is None and self._barrier is None and not self._leased:
            return None
        returned = sum(end - first for first, end in self._returned)
        fresh = returned + max(0, self._limit(self._frontier) - self._frontier)
        wanted = self._wanted()
        return fresh if wanted is None else min(fresh, wanted)

    @property
    def finished(self) -> bool:
        """Whether every iteration of the run is completed."""
        return self._target is not None and self.completed_count >= self._target

    @property
    def barrier(self) -> int | None:
        """The iteration from which on none is given out for now, None for no such."""
        return self._barrier

    def stop_before(self, barrier: int | None) -> None:
        """Give out no iteration from ``barrier`` on until this is called again."""
        self._barrier = barrier

    def restrict_to(self, ranges: Iterable[Range]) -> None:
        """Give out these iterations and no others: all the rest are somebody else's for now.

        Raises:
            ValueError: some are completed, or given out.
        """
        self._returned, self._leased = [], True
        taken = sorted((*self._completed, *self._given_out))
        for first, end in sorted(ranges):
            _check(first, end)
            index = bisect_left(taken, (end,)) - 1
            if index >= 0 and taken[index][1] > first:
                raise ValueError(f"iterations [{first}, {end}) are not free")
            _insert(self._returned, (first, end))
            self._frontier = max(self._frontier, end)

    def take(self, count: int) -> tuple[int, int] | None:
        """Give out about ``count`` iterations as ``(first, count)``, None when none are left.

        The count is rounded so that the task ends at a multiple of ``drain_window``, and cut
        at the end of the range that it is taken from.
        """
        if count < 1:
            raise ValueError(f"count is {count}, expected at least 1")
        wanted = self._wanted()
        if wanted == 0:
            return None
        if self._returned:
            first, limit = self._returned.pop(0)
        else:
            first, limit = self._frontier, self._limit(self._frontier + count + self._drain_window)
        if first >= limit:
            return None
        windows = -(-(first + count) // self._drain_window)
        end = min(limit, windows * self._drain_window)
        if wanted is not None:
            end = min(end, first + wanted)
        if first < self._frontier:
            self._return_range(end, limit)
        else:
            self._frontier = end
        _insert(self._given_out, (first, end))
        return first, end - first

    def complete(self, first: int, count: int) -> None:
        """Record that ``count`` iterations from ``first`` on, given out before, are done."""
        self._take_from_given_out(first, first + count)
        _insert(self._completed, (first, first + count))

    def give_back(self, first: int, count: int) -> None:
        """Record that ``count`` iterations from ``first`` on, given out before, are not done."""
        self._take_from_given_out(first, first + count)
        _insert(self._returned, (first, first + count))

    def _wanted(self) -> int | None:
        """Return how many iterations may still be given out in all, None when time ends the run."""
        if self._target is None:
            return None
        given_out = sum(end - first for first, end in self._given_out)
        return max(0, self._target - self.completed_count - given_out)

    def _limit(self, otherwise: int) -> int:
        """Return where fresh iterations end: target, barrier, or ``otherwise``."""
        if self._leased:
            return self._frontier
        ends = [end for end in (self._target, self._barrier) if end is not None]
        return min(ends, default=otherwise)

    def _return_range(self, first: int, end: int) -> None:
        if first < end:
            _insert(self._returned, (first, end))

    def _take_from_given_out(self, first: int, end: int) -> None:
        """Remove ``[first, end)`` from what is given out; both parts around it stay there."""
        _check(first, end)
        index = bisect_left(self._given_out, (first + 1,)) - 1
        if index < 0 or self._given_out[index][1] < end:
            raise ValueError(f"iterations [{first}, {end}) are not given out")
        outer_first, outer_end = self._given_out.pop(index)
        if end < outer_end:
            self._given_out.insert(index, (end, outer_end))
        if outer_first < first:
            self._given_out.insert(index, (outer_first, first))


def _check(first: int, end: int) -> None:
    if not 0 <= first < end:
        raise ValueError(f"[{first}, {end}) is not a range of iterations")


def _insert(ranges: list[Range], added: Range) -> None:
    """Insert a range that overlaps none of the ascending ``ranges``; merge what touches."""
    index = bisect_left(ranges, added)
    first, end = added
    if index < len(ranges) and ranges[index][0] == end:
        end = ranges.pop(index)[1]
    if index > 0 and ranges[index - 1][1] == first:
        first = ranges.pop(index - 1)[0]
    insort(ranges, (first, end))
