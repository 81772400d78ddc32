"""Tables of a worker's own, which keep up with those of the others.

A cache line that two workers write to travels between their cores, which takes as long as dozens
of nodes. Workers that race on a small table would do little else. So each trains a copy of its own
and publishes, in lines that it alone writes to, what its regrets have gained; now and then it
reads what the others' have (docs/adr/0003-updates.md). Nothing is lost: no word has two writers.
"""

from __future__ import annotations

from cfr_shm.kernels.jit import at, device
from cfr_shm.kernels.parts.atomics import prefetch, prefetch_to_read
from cfr_shm.kernels.parts.pairs import add_pair, subtract_pair

FLOATS_OF_LINE = 16


@device
def is_own(table):
    """Return whether a table is a worker's own."""
    return table.exchange.period.shape[0] > 0


@device
def next_exchange(table, iteration):
    """Return the first iteration behind ``iteration`` before which own tables are exchanged."""
    shortest = table.exchange.period[0]
    return (iteration | (shortest - 1)) + 1


@device
def take_over(table):
    """Begin from the shared regrets and what all workers have gained since those were settled."""
    exchange = table.exchange
    for place in range(exchange.word.shape[0]):
        exchange.settled[at(place)] = exchange.shared[at(exchange.word[at(place)])]
    for section in range(exchange.period.shape[0]):
        _add_others(table, section)


@device
def exchange_due(table, iteration):
    """Exchange those regrets whose turn it is before ``iteration``."""
    exchange = table.exchange
    for section in range(exchange.period.shape[0]):
        if iteration & (exchange.period[at(section)] - 1) == 0:
            _exchange(table, section)


@device
def exchange_all(table):
    """Exchange all regrets."""
    for section in range(table.exchange.period.shape[0]):
        _exchange(table, section)


@device
def _exchange(table, section):
    """Publish what this worker has gained, and add what the others have."""
    exchange = table.exchange
    word, beneath, gained = exchange.word, exchange.beneath, exchange.gained
    alone, end = exchange.alone[at(section)], exchange.first[at(section + 1)]
    _ask(exchange, exchange.first[at(section)], end)
    for place in range(exchange.first[at(section)], alone, 2):
        own = exchange.own + place
        subtract_pair(gained, own, table.regret, word[at(place)], beneath, place)
    for place in range(alone, end):
        gain = table.regret[at(word[at(place)])] - beneath[at(place)]
        gained[at(exchange.own + place)] = gain
    _add_others(table, section)


@device
def _ask(exchange, first, end):
    """Ask for all lines at once that will be read and written."""
    gained = exchange.gained
    for place in range(first, end, FLOATS_OF_LINE):
        prefetch(gained, exchange.own + place)
    for part in range(0, gained.shape[0], exchange.stride):
        if part != exchange.own:
            for place in range(first, end, FLOATS_OF_LINE):
                prefetch_to_read(gained, part + place)


@device
def _add_others(table, section):
    """Let regrets be what was settled, what the others have gained, and what this worker has."""
    exchange = table.exchange
    word, beneath, gained = exchange.word, exchange.beneath, exchange.gained
    first, end = exchange.first[at(section)], exchange.first[at(section + 1)]
    below = exchange.settled
    for part in range(0, gained.shape[0], exchange.stride):
        if part != exchange.own:
            for place in range(first, end):
                beneath[at(place)] = below[at(place)] + gained[at(part + place)]
            below = beneath
    for place in range(first, exchange.alone[at(section)], 2):
        own = exchange.own + place
        add_pair(table.regret, word[at(place)], beneath, place, gained, own)
    for place in range(exchange.alone[at(section)], end):
        regret = beneath[at(place)] + gained[at(exchange.own + place)]
        table.regret[at(word[at(place)])] = regret
