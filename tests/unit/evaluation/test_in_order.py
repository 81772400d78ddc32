"""Work spread over threads: its order, what is kept of it, and that an end is an end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest

from cfr_shm.evaluation.gathering import Idle, Length, Pieces, gather, in_order


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_items_whoever_is_first(workers):
    made = []

    def make(stop):
        made.append(stop)

        def work(item):
            time.sleep(0.002 * (item % 3))
            return item * item

        return work

    assert list(in_order(make, range(40), workers)) == [item * item for item in range(40)]
    assert 1 <= len(made) <= workers
    assert len(set(made)) == 1


def test_functions_that_are_idle_are_used_again():
    made, idle = [], Idle()
    for _ in range(3):
        assert list(in_order(lambda _: made.append(0) or str, range(9), 2, idle)) == list(
            "012345678"
        )
    assert len(made) == len(idle) <= 2


def test_no_more_is_begun_than_a_few_ahead():
    begun = []
    running = in_order(lambda _: lambda item: begun.append(item) or item, range(1000), 2)
    assert [next(running) for _ in range(5)] == list(range(5))
    running.close()
    assert len(begun) <= 5 + 2 * 2
    assert threading.active_count() == 1 or not any(
        "ThreadPool" in each.name for each in threading.enumerate()
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_who_works_is_told_that_there_is_no_more_use(workers):
    """The third item fails; the others go on for a minute unless they are told."""

    def make(stop):
        def work(item):
            if item == 2:
                raise ValueError("item 2")
            if item > 2 and stop.wait(60.0):
                raise CancelledError
            return item

        return work

    began, found = time.monotonic(), []
    running = in_order(make, range(9), workers)
    with pytest.raises(ValueError, match="item 2"):
        found.extend(running)
    assert found == [0, 1]
    assert time.monotonic() - began < 30.0


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_what_is_sampled_before_a_failure_is_kept(workers):
    def make():
        def sample(first, count):
            if first >= 60:
                raise KeyboardInterrupt
            return np.arange(first, first + count, dtype=float)

        return sample

    found = gather(make, Length(100), Pieces(7, 3, 0.05), workers=workers)
    assert isinstance(found.stopped, KeyboardInterrupt)
    np.testing.assert_array_equal(found.samples, np.arange(63.0))
