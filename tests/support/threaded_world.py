"""Ranks in threads of one process, for tests: a world without MPI, that can be looked into.

Ranks may die there: then the world is as MPI's fault tolerance has it. What a collective call
returns is each rank's own matter: one may come through, and the other be told of a death.
"""

from __future__ import annotations

import threading

import numpy as np

from cfr_shm.errors import RankLostError

PATIENCE_SECONDS = 120.0


class Died(BaseException):
    """Ends the thread of a rank, as a kill would."""


class _Table:
    """Where the ranks lay down what they bring.

    A death breaks the barrier for all that have not left it, and for all who come later, until
    they shrink together.
    """

    def __init__(self, size):
        self.size = size
        self.called = 0
        self._votes = threading.Condition()
        self._verdicts = {}
        self._cast = {}
        self.living = list(range(size))
        self._fresh(size)

    def _fresh(self, size):
        self.barrier = threading.Barrier(size)
        self.brought = [None] * size

    def die(self, who):
        """Take one away; its last words may have reached some of the others."""
        with self._votes:
            self.living.remove(who)
            self.barrier.abort()
            self._votes.notify_all()

    def vote(self, who, topic, came):
        """Return what all that live have voted for, the same for each of them."""
        with self._votes:
            self._cast.setdefault(topic, {})[who] = came
            self._votes.notify_all()
            while topic not in self._verdicts:
                votes = self._cast[topic]
                if all(each in votes for each in self.living):
                    whole = not self.barrier.broken
                    self._verdicts[topic] = whole and all(votes.values())
                    self._votes.notify_all()
                elif not self._votes.wait(PATIENCE_SECONDS):
                    raise threading.BrokenBarrierError
            return self._verdicts[topic]

    def shrink(self, who, topic):
        """Return who lives, the same for each of them; whoever dies meanwhile may be among them."""
        self.vote(who, topic, True)
        with self._votes:
            if (topic, "left") not in self._verdicts:
                self._verdicts[topic, "left"] = list(self.living)
                self._fresh(len(self.living))
            left = self._verdicts[topic, "left"]
            if any(each not in self.living for each in left):
                self.barrier.abort()
            return left


class ThreadedWorld:
    """One rank's view; what the ranks add up is added in their order, at each alike."""

    survives = False

    def __init__(self, table, rank):
        self.rank, self.size, self.sent_bytes = rank, table.size, 0
        self._table, self._who, self._topic = table, rank, 0
        self._members = list(range(table.size))

    def survive(self):
        self.survives = True

    def commit(self, came):
        if not self.survives:
            return came
        self._topic += 1
        return self._table.vote(self._who, self._topic, came)

    def shrink(self):
        self._topic += 1
        left = self._table.shrink(self._who, self._topic)
        places = [self._members.index(each) for each in left]
        self._members, self.size, self.rank = left, len(left), left.index(self._who)
        if 0 not in left:
            raise RankLostError("rank 0 has died")
        return places

    def die(self):
        """End this rank."""
        self._table.die(self._who)
        raise Died

    def _wait(self):
        try:
            self._table.barrier.wait(PATIENCE_SECONDS)
        except threading.BrokenBarrierError:
            if self.survives and len(self._table.living) < len(self._members):
                raise RankLostError("a rank has died") from None
            raise

    def _bring(self, thing):
        self._table.brought[self.rank] = thing
        self._wait()
        found = list(self._table.brought)
        self._wait()
        return found

    def wait_for_all(self):
        self._wait()

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
        return self._table.called >= meeting or (self.survives and self._table.barrier.broken)

    def abort(self, code):
        self._table.barrier.abort()
        raise SystemExit(code)


def run_ranks(size, work):
    """Return what ``work(world)`` returns at each rank, in threads of their own; None of the dead.

    Ranks who die end their own thread only; any other error is raised here.
    """
    table = _Table(size)
    results, errors = [None] * size, []

    def run(rank):
        try:
            results[rank] = work(ThreadedWorld(table, rank))
        except Died:
            pass
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
