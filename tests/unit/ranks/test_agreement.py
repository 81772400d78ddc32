"""What ranks agree on: whose word counts, rates, and how long until the next exchange."""

import pytest
from threaded_world import run_ranks

from cfr_shm.ranks.agreement import Report, agree, seconds_between


def report(iterations=0, busy_seconds=1.0, **changes):
    fields = {"nodes": 7, "seconds": 2.0, "signal": 0, "over": False, "checkpoint": False}
    fields |= {"utility_sums": (1.5, -1.5)} | changes
    return Report(iterations=iterations, busy_seconds=busy_seconds, **fields)


def test_words_say_what_the_report_says():
    told = report(2**53 - 1, 0.25, signal=15, over=True)
    assert Report.of_words(told.words()) == told


def test_everybody_knows_the_same():
    def work(world):
        told = report(1000 * (world.rank + 1), signal=15 if world.rank == 2 else 0)
        first = agree(world, told, None)
        again = report(3000 * (world.rank + 1), busy_seconds=0.5, over=world.rank == 1)
        return first, agree(world, again, first)

    for first, second in run_ranks(3, work):
        assert (first.signal, first.over, first.checkpoint) == (15, False, False)
        assert first.rates == (1000.0, 2000.0, 3000.0)
        assert (second.signal, second.over) == (0, False)  # only rank 0 knows the time
        assert second.rates == (4000.0, 8000.0, 12_000.0)


def test_who_did_nothing_keeps_its_rate():
    def work(world):
        first = agree(world, report(1000), None)
        return agree(world, report(1000 + 500 * world.rank), first)

    assert run_ranks(2, work)[0].rates == (1000.0, 500.0)


@pytest.mark.parametrize(
    ("size", "trained", "last", "expected"),
    [
        (2, 0.5, 0.0, 1.0),
        (3, 200.0, 0.0, 10.0),
        (4, 200.0, 0.0, 10.0),
        (16, 800.0, 0.0, 10.0),
        (16, 800.0, 3.0, 60.0),
        (2, 1e6, 0.0, 600.0),
    ],
)
def test_exchanges_come_in_proportion_to_what_was_done(size, trained, last, expected):
    assert seconds_between(size, trained, last, None) == expected
    assert seconds_between(size, trained, last, 7.0) == 7.0
