"""Tables of a worker's own, which keep up with those of the others.

A cache line that two workers write to travels between their cores, which takes as long as dozens
of nodes. Workers that race on a small table would do little else. So each trains a copy of its own
and publishes, in lines that it alone writes to, what its regrets have gained; now and then it
reads what the others' have (docs/adr/0003-updates.md). Nothing is lost: no word has two writers.
"""

from __future__ import annotations

from cfr_shm.kernels.atomics import prefetch, prefetch_to_read
from cfr_shm.kernels.jit import at, device

FLOATS_OF_LINE = 16


@device
def is_own(table):
    """Return whether a table is a worker's own."""
    return table.exchange.period.shape[0] > 0


@device
def next_exchange(table, iteration):
    """Return the first iteration behind ``iteration`` before which own tables are exchanged."""
    period = table.exchange.period[0]
    return (iteration // period + 1) * period


@device
def take_over(table):
    """Begin from the shared regrets and what all workers have gained since those were settled."""
    exchange = table.exchange
    for place in range(exchange.word.shape[0]):
        exchange.settled[at(place)] = exchange.shared[at(exchange.word[at(place)])]
    _add_others(table, 0, exchange.word.shape[0])


@device
def exchange_due(table, iteration):
    """Exchange those regrets whose turn it is before ``iteration``."""
    exchange = table.exchange
    for section in range(exchange.period.shape[0]):
        if iteration % exchange.period[at(section)] == 0:
            _exchange(table, exchange.first[at(section)], exchange.first[at(section + 1)])


@device
def ask_ahead(table, iteration):
    """Ask for the lines that will be exchanged before ``iteration``, some iterations ahead."""
    exchange = table.exchange
    for section in range(exchange.period.shape[0]):
        if iteration % exchange.period[at(section)] == 0:
            first, end = exchange.first[at(section)], exchange.first[at(section + 1)]
            for part in range(0, exchange.gained.shape[0], exchange.stride):
                for place in range(first, end, FLOATS_OF_LINE):
                    if part == exchange.own:
                        prefetch(exchange.gained, part + place)
                    else:
                        prefetch_to_read(exchange.gained, part + place)


@device
def exchange_all(table):
    """Exchange all regrets."""
    _exchange(table, 0, table.exchange.word.shape[0])


@device
def _exchange(table, first, end):
    """Publish what this worker has gained, and add what the others have.

    Three loops, for each can then work on many places at a time.
    """
    exchange = table.exchange
    for place in range(first, end):
        gain = table.regret[at(exchange.word[at(place)])] - exchange.beneath[at(place)]
        exchange.gained[at(exchange.own + place)] = gain
    _add_others(table, first, end)


@device
def _add_others(table, first, end):
    exchange = table.exchange
    beneath = exchange.beneath
    below = exchange.settled
    for part in range(0, exchange.gained.shape[0], exchange.stride):
        if part != exchange.own:
            for place in range(first, end):
                beneath[at(place)] = below[at(place)] + exchange.gained[at(part + place)]
            below = beneath
    for place in range(first, end):
        regret = beneath[at(place)] + exchange.gained[at(exchange.own + place)]
        table.regret[at(exchange.word[at(place)])] = regret
