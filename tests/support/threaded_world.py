"""Ranks in threads of one process, for tests: a world without MPI, that can be looked into."""

from __future__ import annotations

import threading

import numpy as np

PATIENCE_SECONDS = 120.0


class _Table:
    """Where the ranks lay down what they bring."""

    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size)
        self.brought = [None] * size
        self.called = 0


class ThreadedWorld:
    """One rank's view; what the ranks add up is added in their order, at each alike."""

    def __init__(self, table, rank):
        self.rank, self.size, self.sent_bytes = rank, table.size, 0
        self._table = table

    def _bring(self, thing):
        self._table.brought[self.rank] = thing
        self._table.barrier.wait(PATIENCE_SECONDS)
        found = list(self._table.brought)
        self._table.barrier.wait(PATIENCE_SECONDS)
        return found

    def wait_for_all(self):
        self._table.barrier.wait(PATIENCE_SECONDS)

    def gather(self, words):
        return np.array(self._bring(np.array(words)))

    def gather_ranges(self, ranges):
        return self._bring(list(ranges))

    def add_up(self, values):
        self.sent_bytes += values.nbytes
        values[:] = np.sum(self._bring(values.copy()), axis=0, dtype=values.dtype)

    def add_up_at_first(self, values):
        self.sent_bytes += values.nbytes
        found = self._bring(values.copy())
        if self.rank == 0:
            values[:] = np.sum(found, axis=0)

    def texts(self, text):
        return self._bring(text)

    def call(self, meeting):
        self._table.called = max(self._table.called, meeting)

    def is_called(self, meeting):
        return self._table.called >= meeting

    def abort(self, code):
        self._table.barrier.abort()
        raise SystemExit(code)


def run_ranks(size, work):
    """Return what ``work(world)`` returns at each rank, in threads of their own."""
    table = _Table(size)
    results, errors = [None] * size, []

    def run(rank):
        try:
            results[rank] = work(ThreadedWorld(table, rank))
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)
            table.barrier.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next(
            (e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0]
        )
    return results
