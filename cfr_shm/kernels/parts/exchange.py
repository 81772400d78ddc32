"""Tables of a worker's own, which keep up with those of the others.

A cache line that two workers write to travels between their cores, which takes as long as dozens
of nodes. Workers that race on a small table would do little else. So each trains a copy of its own
and tells the others, in lines that it alone writes to, what its regrets have gained
(docs/adr/0003-updates.md). Nothing is lost: no word has two writers.

Only what changes travels, and it travels in one stream: a worker notes the blocks of rows that it
adds to; when it is time it writes them one after another, each with the gains of its entries, into
its ring of words, and adds what it finds in those of the others. What a block has gained in all is
told, so that who has missed a part of the stream reads everything from where it lies.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device
from cfr_shm.kernels.parts.atomics import (
    atomic_load,
    atomic_store,
    in_order_for_all,
    prefetch,
    prefetch_to_read,
)
from cfr_shm.layout.exchange import BLOCK_BITS, COUNT_STRIDE

WORDS_OF_LINE = 16


@device
def is_own(table):
    """Return whether a table is a worker's own."""
    return table.exchange.period > 0


@device
def note_row(table, first):
    """Note that the row whose first regret is ``first`` is about to be added to."""
    exchange = table.exchange
    block = first >> BLOCK_BITS
    if exchange.touched[at(block)] == 0:
        exchange.touched[at(block)] = np.uint8(1)
        count = exchange.changed[0] + 1
        exchange.changed[0] = count
        exchange.changed[at(count)] = block


@device
def next_exchange(table, iteration):
    """Return the first iteration behind ``iteration`` before which own tables are exchanged."""
    return (iteration | (table.exchange.period - 1)) + 1


@device
def take_over(table):
    """Begin from the shared regrets and what all workers have gained since those were settled."""
    exchange = table.exchange
    exchange.touched[:] = 0
    exchange.changed[0] = 0
    for place in range(exchange.word.shape[0]):
        settled = exchange.shared[at(exchange.word[at(place)])]
        exchange.beneath[at(place)] = settled
        table.regret[at(exchange.word[at(place)])] = (
            settled + exchange.gained[at(exchange.own + place)]
        )
    exchange.known[:] = 0.0
    for worker in range(exchange.heard.shape[0]):
        if worker != exchange.worker:
            _hear_all(table, worker)


@device
def exchange_due(table, iteration):
    """Exchange what has changed where it is time before ``iteration``."""
    if iteration & (table.exchange.period - 1) == 0:
        exchange_all(table)


@device
def exchange_all(table):
    """Tell what this worker has gained where it has added to, and add what others have told."""
    exchange = table.exchange
    mask = exchange.told_words - 1
    for worker in range(exchange.heard.shape[0]):
        if worker != exchange.worker:
            told = atomic_load(exchange.counts, worker * COUNT_STRIDE)
            first, ring = exchange.heard[at(worker)], worker * exchange.told_stride
            for position in range(first, min(told, first + mask), WORDS_OF_LINE):
                prefetch_to_read(exchange.told, ring + (position & mask))
    _tell(table)
    for worker in range(exchange.heard.shape[0]):
        if worker != exchange.worker:
            _listen(table, worker)


@device
def _tell(table):
    """Write what this worker has gained in all blocks of its list.

    How far the ring is about to be written is said before, how far it has been, after: who reads
    it knows that what it has read is whole. The former never falls: who died while telling may
    have written farther than its successor will.
    """
    exchange = table.exchange
    word, beneath, gained = exchange.word, exchange.beneath, exchange.gained
    counts, mask = exchange.worker * COUNT_STRIDE, exchange.told_words - 1
    ring, position = exchange.worker * exchange.told_stride, exchange.counts[at(counts)]
    end = position
    for number in range(1, exchange.changed[0] + 1):
        block = exchange.changed[at(number)]
        end += 1 + exchange.place[at(block + 1)] - exchange.place[at(block)]
    atomic_store(exchange.counts, counts + 1, max(end, exchange.counts[at(counts + 1)]))
    in_order_for_all()
    for line in range(position, end, WORDS_OF_LINE):
        prefetch(exchange.told, ring + (line & mask))
    for number in range(1, exchange.changed[0] + 1):
        block = exchange.changed[at(number)]
        exchange.touched[at(block)] = np.uint8(0)
        first = np.int64(exchange.place[at(block)])
        count = np.int64(exchange.place[at(block + 1)]) - first
        record = ring + (position & mask)
        exchange.told[at(record)] = block
        for entry in range(count):
            gain = table.regret[at(word[at(first + entry)])] - beneath[at(first + entry)]
            gained[at(exchange.own + first + entry)] = gain
            exchange.told_gains[at(record + 1 + entry)] = gain
        position += 1 + count
    exchange.changed[0] = 0
    in_order_for_all()
    atomic_store(exchange.counts, counts, position)


@device
def _listen(table, worker):
    """Add what another worker has told since this one listened last.

    A block's gains are used when they have been read and its teller has not come round to them:
    this process may sleep at any instruction.
    """
    exchange = table.exchange
    counts, mask = worker * COUNT_STRIDE, exchange.told_words - 1
    ring, position = worker * exchange.told_stride, exchange.heard[at(worker)]
    told = atomic_load(exchange.counts, counts)
    in_order_for_all()
    while position < told:
        record = ring + (position & mask)
        block = min(np.uint32(exchange.told[at(record)]), exchange.last)
        first = np.int64(exchange.place[at(block)])
        count = np.int64(exchange.place[at(block + 1)]) - first
        for entry in range(count):
            exchange.read[at(entry)] = exchange.told_gains[at(record + 1 + entry)]
        in_order_for_all()
        if atomic_load(exchange.counts, counts + 1) - position > exchange.told_words:
            _hear_all(table, worker)
            return
        for entry in range(count):
            _hear(table, worker, first + entry, exchange.read[at(entry)])
        position += 1 + count
    exchange.heard[at(worker)] = position


@device
def _hear(table, worker, place, gained):
    """Add to one regret what another worker has gained there since it was heard of last."""
    exchange = table.exchange
    known = worker * exchange.stride + place
    more = gained - exchange.known[at(known)]
    exchange.known[at(known)] = gained
    exchange.beneath[at(place)] += more
    table.regret[at(exchange.word[at(place)])] += more


@device
def _hear_all(table, worker):
    """Add all that another worker has gained, from where it lies."""
    exchange = table.exchange
    exchange.heard[at(worker)] = atomic_load(exchange.counts, worker * COUNT_STRIDE)
    in_order_for_all()
    for place in range(exchange.word.shape[0]):
        gained = exchange.gained[at(worker * exchange.stride + place)]
        _hear(table, worker, place, gained)
