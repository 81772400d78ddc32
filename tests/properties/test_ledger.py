"""The ledger accounts for every iteration exactly once, whatever is done with it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.engine.ledger import IterationLedger

WINDOW = 8


def _covered(ranges: list[tuple[int, int]]) -> list[int]:
    return sorted(i for first, end in ranges for i in range(first, end))


@given(
    target=st.one_of(st.none(), st.integers(0, 300)),
    seed=st.integers(0, 2**32),
    steps=st.integers(0, 60),
)
def test_every_iteration_is_in_one_place(target: int | None, seed: int, steps: int) -> None:
    generator = random.Random(seed)
    ledger = IterationLedger(target, drain_window=WINDOW)
    out: list[tuple[int, int]] = []
    done: list[tuple[int, int]] = []
    for _ in range(steps):
        if out and generator.random() < 0.6:
            first, end = out.pop(generator.randrange(len(out)))
            middle = generator.choice([first, end, generator.randint(first, end)])
            if middle > first:
                ledger.complete(first, middle - first)
                done.append((first, middle))
            if middle < end:
                ledger.give_back(middle, end - middle)
        else:
            taken = ledger.take(generator.randint(1, 40))
            if taken is None:
                assert target is not None
                assert ledger.remaining == 0
                continue
            first, count = taken
            assert count >= 1
            end = first + count
            out.append((first, end))
    given_out_and_done = _covered(out + done)
    assert len(set(given_out_and_done)) == len(given_out_and_done)
    assert _covered(list(ledger.completed)) == _covered(done)
    assert ledger.completed_count == len(_covered(done))
    if target is not None:
        assert ledger.remaining == target - len(given_out_and_done)
        while (taken := ledger.take(7)) is not None:
            out.append((taken[0], taken[0] + taken[1]))
        assert _covered(out + done) == list(range(target))


@given(target=st.integers(1, 300), counts=st.lists(st.integers(1, 50), min_size=1))
def test_tasks_ascend_and_end_at_windows(target: int, counts: list[int]) -> None:
    ledger = IterationLedger(target, drain_window=WINDOW)
    last = 0
    for count in counts:
        taken = ledger.take(count)
        if taken is None:
            assert last == target
            break
        first, taken_count = taken
        assert first == last
        last = first + taken_count
        assert last % WINDOW == 0 or last == target
        assert taken_count < count + WINDOW


@given(target=st.integers(0, 200), members=st.sets(st.integers(0, 199)))
def test_a_resumed_run_fills_the_holes_first(target: int, members: set[int]) -> None:
    completed = [(i, i + 1) for i in sorted(members)]
    ledger = IterationLedger(target, completed, drain_window=WINDOW)
    assert ledger.completed_count == len(members)
    taken = []
    while (task := ledger.take(13)) is not None:
        taken += range(task[0], task[0] + task[1])
    wanted = max(0, target - len(members))
    assert taken == [i for i in range(target + len(members)) if i not in members][:wanted]


@pytest.mark.parametrize("target", [0, 500, 2000, 2001, 2500, 3000, 3500])
def test_a_target_is_a_number_of_iterations_wherever_the_holes_are(target: int) -> None:
    ledger = IterationLedger(target, [(0, 1000), (2000, 3000)], drain_window=1024)
    assert ledger.remaining == max(0, target - 2000)
    assert ledger.finished == (target <= 2000)
    while (task := ledger.take(300)) is not None:
        ledger.complete(*task)
    assert ledger.completed_count == max(2000, target)
    assert ledger.finished
    if target == 2500:
        assert ledger.completed == ((0, 1500), (2000, 3000))


def test_completed_ranges_are_merged() -> None:
    ledger = IterationLedger(100, [(10, 20), (0, 10)], drain_window=WINDOW)
    assert ledger.completed == ((0, 20),)


def test_the_one_of_a_stopped_run_comes_first() -> None:
    ledger = IterationLedger(None, drain_window=WINDOW)
    first, second = ledger.take(32), ledger.take(32)
    assert (first, second) == ((0, 32), (32, 32))
    ledger.give_back(32, 32)
    ledger.complete(0, 16)
    ledger.give_back(16, 16)
    assert ledger.take(100) == (16, 48)
    assert ledger.take(8) == (64, 8)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda ledger: ledger.complete(0, 17),
        lambda ledger: ledger.complete(16, 8),
        lambda ledger: ledger.give_back(-8, 8),
        lambda ledger: ledger.complete(0, 0),
        lambda ledger: ledger.take(0),
        lambda ledger: (ledger.complete(0, 16), ledger.complete(0, 16)),
    ],
)
def test_misuse_is_an_error(misuse) -> None:  # type: ignore[no-untyped-def]
    ledger = IterationLedger(100, drain_window=WINDOW)
    ledger.take(16)
    with pytest.raises(ValueError, match=r"not given out|not a range|at least 1"):
        misuse(ledger)


@pytest.mark.parametrize("completed", [[(0, 5), (4, 8)], [(3, 3)], [(-1, 4)]])
def test_impossible_completed_ranges_are_refused(completed: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="range"):
        IterationLedger(10, completed)


@given(target=st.one_of(st.none(), st.integers(50, 300)), barrier=st.integers(1, 60))
def test_nothing_is_given_out_beyond_the_barrier(target: int | None, barrier: int) -> None:
    ledger = IterationLedger(target, drain_window=WINDOW)
    end = barrier if target is None else min(barrier, target)
    for wanted in (barrier, 2 * barrier):
        ledger.stop_before(wanted)
        limit = wanted if target is None else min(wanted, target)
        while taken := ledger.take(7):
            ledger.complete(*taken)
        assert ledger.completed == ((0, limit),)
        assert ledger.remaining == 0
        assert ledger.finished == (limit == target)
    assert end <= ledger.completed_count
