"""The barrier: nobody leaves early, all hear one verdict, a stop ends every wait, sleep is free."""

import os
import random
import threading
import time

import numpy as np
import pytest

from cfr_shm.kernels.jit import JIT_DISABLED, kernel
from cfr_shm.kernels.parts.barrier import SPINS, least_phase, meet, meeting_of, reset_barrier
from cfr_shm.layout.control import (
    CONTROL_LINE_WORDS,
    RUN,
    STOP_AT_WINDOW,
    STOP_FLAG,
    STOP_NOW,
    barrier_word,
    control_words,
)

ROUNDS = 20 if JIT_DISABLED else 2000


@kernel
def rounds(control, meeting, count, board, seen, verdicts):
    """Write a number for all to see, meet, add up everybody's, meet; ``count`` times at most.

    Ten turns after a first ``STOP_AT_WINDOW`` all leave, at the same meeting if that is theirs.
    """
    left = 10
    for turn in range(count):
        board[meeting.member * CONTROL_LINE_WORDS] = turn * (meeting.member + 1)
        first = meet(control, meeting)
        verdicts[2 * turn] = first
        if first == STOP_NOW:
            break
        total = 0
        for member in range(meeting.participants):
            total += board[member * CONTROL_LINE_WORDS]
        seen[turn] = total
        second = meet(control, meeting)
        verdicts[2 * turn + 1] = second
        left -= second
        if second == STOP_NOW or left == 0:
            break


class Crowd:
    """Participants in threads: kernels do not hold the GIL."""

    def __init__(self, participants, cores=64, count=ROUNDS):
        self.control = np.zeros(control_words(participants), np.int64)
        self.board = np.zeros(participants * CONTROL_LINE_WORDS, np.int64)
        self.seen = np.full((participants, count), -1)
        self.verdicts = np.full((participants, 2 * count), -1)
        self.meetings = [meeting_of(each, participants, cores) for each in range(participants)]
        self.count = count
        rounds(self.control, self.meetings[0], 0, self.board, self.seen[0], self.verdicts[0])

    def _thread(self, member, delay):
        def run():
            time.sleep(delay)
            arguments = self.seen[member], self.verdicts[member]
            rounds(self.control, self.meetings[member], self.count, self.board, *arguments)

        return threading.Thread(target=run, daemon=True)

    def start(self, members=None, delays=None):
        chosen = range(len(self.meetings)) if members is None else members
        delays = [0.0] * len(self.meetings) if delays is None else delays
        threads = [self._thread(member, delays[member]) for member in chosen]
        for thread in threads:
            thread.start()
        return threads

    def run(self, **options):
        join(self.start(**options))


def join(threads, seconds=60.0):
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive()


@pytest.mark.parametrize("cores", [1, 64], ids=["sleeping", "spinning"])
@pytest.mark.parametrize("participants", [1, 2, 3, 8])
def test_everybody_sees_what_everybody_wrote(participants, cores):
    crowd = Crowd(participants, cores)
    crowd.run(delays=[random.Random(member).uniform(0, 0.02) for member in range(participants)])
    sums = np.arange(ROUNDS) * (participants * (participants + 1) // 2)
    assert np.array_equal(crowd.seen, np.tile(sums, (participants, 1)))
    assert (crowd.verdicts == RUN).all()
    # The next call goes on where this one ended.
    crowd.run()
    assert np.array_equal(crowd.seen, np.tile(sums, (participants, 1)))


@pytest.mark.parametrize("participants", [2, 3])
def test_all_hear_of_a_stop_at_the_same_meeting(participants):
    crowd = Crowd(participants, count=1_000_000)
    threads = crowd.start()
    time.sleep(0.02)
    crowd.control[STOP_FLAG] = STOP_AT_WINDOW
    join(threads)
    assert (crowd.verdicts == crowd.verdicts[0]).all()
    heard = crowd.verdicts[0][crowd.verdicts[0] >= 0]
    assert set(heard) == {RUN, STOP_AT_WINDOW}
    assert (np.diff(heard) >= 0).all()


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("cores", [1, 64], ids=["sleeping", "spinning"])
def test_who_waits_for_a_dead_one_leaves_when_told_to(missing, cores):
    crowd = Crowd(3, cores)
    present = [member for member in range(3) if member != missing]
    threads = crowd.start(present)
    time.sleep(0.1)
    assert all(thread.is_alive() for thread in threads)
    assert least_phase(crowd.control, 3) == missing
    crowd.control[STOP_FLAG] = STOP_NOW
    join(threads)
    assert all(crowd.verdicts[member, 0] == STOP_NOW for member in present)
    assert (crowd.seen == -1).all()
    crowd.control[STOP_FLAG] = RUN
    reset_barrier(crowd.control, 3)
    crowd.run()
    assert crowd.seen[missing, -1] == (ROUNDS - 1) * 6


def test_waiting_for_a_late_one_costs_no_cpu():
    crowd = Crowd(2)
    before = os.times()
    crowd.run(delays=[1.0, 0.0])
    crowd.run(delays=[0.0, 1.0])
    after = os.times()
    used = after.user - before.user + after.system - before.system
    assert used < (1.0 if JIT_DISABLED else 0.4)


def test_nobody_spins_where_cores_are_too_few():
    assert meeting_of(1, 2, 2).spins == SPINS
    assert meeting_of(1, 3, 2).spins == 0
    assert meeting_of(2, 3, 4).barrier == barrier_word(3)


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_there_is_one_compiled_signature():
    for participants in (1, 2):
        Crowd(participants).run()
    assert len(rounds.signatures) == 1
