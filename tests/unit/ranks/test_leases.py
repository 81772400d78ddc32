"""Who trains which iterations: disjoint, in proportion, to the bound and not beyond."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.ranks.leases import FIRST_WINDOWS, MARGIN, leases


def total(ranges):
    return sum(end - first for first, end in ranges)


@given(
    st.lists(st.floats(0.0, 1e6), min_size=1, max_size=6),
    st.floats(0.01, 100.0),
    st.integers(1, 1024),
    st.integers(0, 1_000_000),
)
def test_no_iteration_is_dealt_twice_and_none_beyond_the_target(rates, seconds, window, target):
    dealt = leases(IterationLedger(target, drain_window=window), rates, seconds, window)
    taken = sorted(itertools.chain.from_iterable(dealt))
    assert all(end <= first for (_, end), (first, _) in itertools.pairwise(taken))
    assert all(0 <= first < end <= target for first, end in taken)
    assert len(dealt) == len(rates)


def test_leases_follow_the_rates():
    dealt = leases(IterationLedger(None, drain_window=100), [4000.0, 1000.0], 5.0, 100)
    assert [total(each) for each in dealt] == [MARGIN * 20_000, MARGIN * 5_000]


def test_whose_rate_is_unknown_gets_a_little():
    dealt = leases(IterationLedger(None, drain_window=64), [0.0, 0.0], 5.0, 64)
    assert [total(each) for each in dealt] == [FIRST_WINDOWS * 64] * 2


def test_what_is_left_before_a_bound_is_shared_out_whole():
    whole = IterationLedger(1_000_000, [(0, 7000)], drain_window=1000)
    whole.stop_before(30_500)
    dealt = leases(whole, [3e6, 1e6, 2e6], 100.0, 1000)
    assert sum(map(total, dealt)) == 23_500
    assert whole.remaining == 0
    shares = [total(each) / 23_500 for each in dealt]
    assert shares == pytest.approx([1 / 2, 1 / 6, 1 / 3], abs=0.06)


def test_holes_are_dealt_first():
    whole = IterationLedger(None, [(0, 1000), (3000, 9000)], drain_window=1000)
    dealt = leases(whole, [1000.0, 1000.0], 1.0, 1000)
    assert dealt == [[(1000, 3000)], [(9000, 11_000)]]


def test_a_ledger_gives_out_its_lease_and_nothing_else():
    ledger = IterationLedger(None, [(0, 1000)], drain_window=1000)
    ledger.restrict_to([(4000, 6000), (2000, 3000)])
    assert ledger.remaining == 3000
    assert [ledger.take(9000) for _ in range(3)] == [(2000, 1000), (4000, 2000), None]
    ledger.complete(2000, 1000)
    ledger.give_back(5000, 1000)
    assert ledger.take(1000) == (5000, 1000)
    assert ledger.completed == ((0, 1000), (2000, 3000))


def test_a_lease_of_what_is_done_is_refused():
    ledger = IterationLedger(None, [(0, 1000)], drain_window=1000)
    with pytest.raises(ValueError, match=r"\[500, 2000\) are not free"):
        ledger.restrict_to([(500, 2000)])
