from __future__ import annotations

import itertools

import pytest

from cfr_shm.engine.batches import GROWTH, SHORTEST_SECONDS, BatchSizer

WINDOW = 1024


def test_the_first_task_is_one_window_and_calibration_takes_few_tasks() -> None:
    sizer = BatchSizer(WINDOW, 0.5)
    rate = 3e6
    sizes = []
    for _ in range(6):
        size = sizer.next_size()
        sizes.append(size)
        sizer.observe(size, size / rate)
    assert sizes[0] == WINDOW
    assert sizes[-1] == pytest.approx(rate * 0.5, abs=WINDOW)
    assert all(after <= GROWTH * before for before, after in itertools.pairwise(sizes))
    assert all(size % WINDOW == 0 for size in sizes)
    assert sizer.rate == pytest.approx(rate)


def test_a_slow_first_task_is_soon_forgotten() -> None:
    sizer = BatchSizer(WINDOW, 0.5)
    sizer.observe(WINDOW, 0.2)
    for _ in range(10):
        size = sizer.next_size()
        sizer.observe(size, size / 1e6)
    assert sizer.next_size() == pytest.approx(5e5, rel=0.1)


def test_a_throttled_machine_gets_smaller_tasks() -> None:
    sizer = BatchSizer(WINDOW, 0.5)
    for rate in [1e6] * 10 + [2.5e5] * 8:
        size = sizer.next_size()
        sizer.observe(size, size / rate)
    assert sizer.next_size() == pytest.approx(1.25e5, rel=0.05)


def test_a_game_slower_than_its_window_gets_windows() -> None:
    sizer = BatchSizer(WINDOW, 0.5)
    sizer.observe(WINDOW, 30.0)
    assert sizer.next_size() == WINDOW


def test_the_share_of_what_is_left_bounds_a_task_but_not_below_the_shortest() -> None:
    sizer = BatchSizer(WINDOW, 0.5)
    for _ in range(8):
        size = sizer.next_size()
        sizer.observe(size, size / 1e6)
    assert sizer.next_size(100_000) == pytest.approx(100_000, abs=WINDOW)
    assert sizer.next_size(0) == pytest.approx(1e6 * SHORTEST_SECONDS, abs=WINDOW)


def test_a_fixed_size_is_rounded_up_to_windows_and_stays() -> None:
    sizer = BatchSizer(WINDOW, 0.5, batch_size=1500)
    assert sizer.next_size() == 2048
    sizer.observe(2048, 10.0)
    assert sizer.next_size(5) == 2048


def test_a_task_without_iterations_says_nothing() -> None:
    sizer = BatchSizer(WINDOW, 0.5)
    sizer.observe(0, 0.1)
    assert sizer.rate is None
    assert sizer.seconds_for(100) is None
