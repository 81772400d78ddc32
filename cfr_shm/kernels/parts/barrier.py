"""A barrier in shared memory at which the workers' kernels meet.

Each participant has a cache line of its own in the control block and writes its *phase* there,
the number of meetings that it has come to. Participant 0 waits for everybody's, decides, and
lets all go by writing the same number to the barrier's line. Nobody adds to a word that
another writes, so that it works without atomic additions, and a dead participant leaves nothing
behind but the phase in which it died.

::

    members' lines:  0: 7   1: 7   2: 6 <- still working      participant 0 waits for it
    barrier's line:  phase 6, verdict: RUN                     1 waits for phase 7

A participant looks at the word that it waits for some times and then sleeps until it is called
(``kernels.parts.waiting``). How often it looks follows what looking has brought: about twice as
often as was needed lately; when that was not enough ``Meeting.spins`` times, which is the most;
and when that was of no use either, because others have the cores, hardly at all until the next
trial.

What the caller guarantees:

- Workers 0 to ``participants - 1``, no others, call ``meet`` equally often, in between tasks
  too: whether to meet may depend on the task, on what was computed identically by all, and on
  earlier verdicts; never on the stop flag itself, which each sees at another moment.
- A verdict of ``STOP_NOW`` means that the meeting did not take place: the kernel leaves at
  once, without another meeting, and what all were writing to is half written. Who set the flag
  (the coordinator: somebody died, or the engine closes) decides what becomes of that.
- After a ``STOP_NOW``, before the next meeting and while no kernel runs, somebody calls
  ``reset_barrier``.

What was written before ``meet`` by any participant is seen after it by all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device
from cfr_shm.kernels.parts.atomics import atomic_load, atomic_store, fence
from cfr_shm.kernels.parts.waiting import call_sleepers, pause, sleep_on
from cfr_shm.layout.control import (
    BARRIER_PHASE,
    BARRIER_VERDICT,
    CONTROL_LINE_WORDS,
    MEMBER_ASLEEP,
    MEMBER_PHASE,
    MEMBER_SPINS,
    STOP_FLAG,
    STOP_NOW,
    Meeting,
    barrier_word,
)

#: The most looks at a word before a participant sleeps, some 80 to 200 us: longer than most
#: participants wait for each other; where none has to do without a core, sleeping costs more.
SPINS = 4000

#: The least, unless there are none.
LEAST_SPINS = 16

#: Of no use however long: stands in place of how often to look.
GIVEN_UP = -1

#: Meetings from one at which a participant looks ``SPINS`` times to the next.
TRIAL = 16


def meeting_of(worker: int, worker_count: int, cores: int) -> Meeting:
    """Return how ``worker`` meets all others; nobody spins where not all can run at once.

    Args:
        worker: from 0 to ``worker_count - 1``.
        worker_count: the workers that the control block was made for; all take part.
        cores: that the workers may use.
    """
    spins = SPINS if worker_count <= cores else 0
    return Meeting(barrier_word(worker_count), worker_count, worker, spins)


def reset_barrier(control: NDArray[np.int64], worker_count: int) -> None:
    """Forget all meetings; no kernel may run.

    Args:
        control: (control_words,) int64, the control block, written to.
        worker_count: that it was made for.
    """
    control[barrier_word(worker_count) :] = 0


def least_phase(control: NDArray[np.int64], worker_count: int) -> int:
    """Return the worker that came to the fewest meetings: the one that others wait for.

    Args:
        control: (control_words,) int64, the control block, read.
        worker_count: that it was made for.
    """
    first = barrier_word(worker_count) + CONTROL_LINE_WORDS + MEMBER_PHASE
    return int(np.argmin(control[first::CONTROL_LINE_WORDS]))


@device
def meet(control, meeting):
    """Wait until every participant is here; return the stop flag that all of them act on.

    Args:
        control: (control_words,) int64, the control block.
        meeting: layout.Meeting, this participant's.

    All get the same verdict, the stop flag as participant 0 saw it, except for ``STOP_NOW``:
    whoever sees that while waiting leaves with it.
    """
    if meeting.participants == 1:
        return atomic_load(control, STOP_FLAG)
    own = meeting.barrier + (1 + meeting.member) * CONTROL_LINE_WORDS
    before = control[at(own + MEMBER_PHASE)]
    fence()
    atomic_store(control, own + MEMBER_PHASE, before + 1)
    fence()
    if meeting.member == 0:
        here = _wait_for_members(control, meeting, own, before)
    else:
        leader = meeting.barrier + CONTROL_LINE_WORDS
        if atomic_load(control, leader + MEMBER_ASLEEP) == 1:
            call_sleepers(control, own + MEMBER_PHASE)
        here = _wait(control, meeting.barrier + BARRIER_PHASE, before, own, meeting.spins)
    fence()
    return control[at(meeting.barrier + BARRIER_VERDICT)] if here else STOP_NOW


@device
def _wait_for_members(control, meeting, own, before):
    """Wait for all others, then let all go; False if the meeting is called off."""
    for member in range(1, meeting.participants):
        line = meeting.barrier + (1 + member) * CONTROL_LINE_WORDS
        if not _wait(control, line + MEMBER_PHASE, before, own, meeting.spins):
            return False
    atomic_store(control, meeting.barrier + BARRIER_VERDICT, atomic_load(control, STOP_FLAG))
    fence()
    atomic_store(control, meeting.barrier + BARRIER_PHASE, before + 1)
    fence()
    asleep = 0
    for member in range(1, meeting.participants):
        line = meeting.barrier + (1 + member) * CONTROL_LINE_WORDS
        asleep += atomic_load(control, line + MEMBER_ASLEEP)
    if asleep > 0:
        call_sleepers(control, meeting.barrier + BARRIER_PHASE)
    return True


@device
def _wait(control, word, before, own, spins):
    """Wait until ``word`` is not ``before`` any more; False if the meeting is called off."""
    budget = control[at(own + MEMBER_SPINS)]
    tries = before % TRIAL == 0
    looks = spins if tries else min(spins, max(budget, 0) + LEAST_SPINS)
    for look in range(looks):
        if atomic_load(control, word) != before:
            if tries or budget >= 0:
                budget = max(budget, 0)
                control[at(own + MEMBER_SPINS)] = budget + (2 * look - budget) // 4
            return True
        pause()
    if budget >= 0 or tries:
        control[at(own + MEMBER_SPINS)] = spins if looks < spins else GIVEN_UP
    while atomic_load(control, word) == before:
        if atomic_load(control, STOP_FLAG) == STOP_NOW:
            return False
        # Announced before the word is looked at for the last time, in ``sleep_on``: whoever
        # writes it later sees a sleeper.
        atomic_store(control, own + MEMBER_ASLEEP, 1)
        fence()
        sleep_on(control, word, before)
        atomic_store(control, own + MEMBER_ASLEEP, 0)
    return True
