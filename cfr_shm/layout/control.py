"""The control block that coordinator and workers share: stop flag, progress, barrier."""

from __future__ import annotations

from typing import NamedTuple

from cfr_shm.layout.rows import WORD_BYTES

CACHE_LINE_BYTES = 64
CONTROL_LINE_WORDS = CACHE_LINE_BYTES // WORD_BYTES

#: Line 0 of the control block holds the stop flag; line 1 + w belongs to worker w. The lines of
#: the barrier follow: one with its phase, then one for each worker.
STOP_FLAG = 0
RUN = 0

#: Of several machines' run: how many there were at first, and how many are left; 0 for as many.
#: Each holds the whole divided by how many are left, thresholds are told divided by the first.
RANKS_AT_FIRST = 1
RANKS_LEFT = 2
STOP_AT_WINDOW = 1
STOP_NOW = 2
WORKER_ITERATIONS = 0
WORKER_NODES = 1
WORKER_HEARTBEAT = 2
BARRIER_PHASE = 0
BARRIER_VERDICT = 1
MEMBER_PHASE = 0
MEMBER_ASLEEP = 1
MEMBER_SPINS = 2


class Meeting(NamedTuple):
    """Who meets at the barrier, for ``kernels.parts.barrier``. Plain Python ints."""

    barrier: int  # first word of the barrier's lines in the control block
    participants: int  # workers 0 to participants - 1 take part
    member: int  # which of them this one is
    spins: int  # most looks at a word before a participant sleeps; 0 where cores are fewer


def barrier_word(worker_count: int) -> int:
    """Return the first word of the barrier's lines in a control block."""
    return (1 + worker_count) * CONTROL_LINE_WORDS


def control_words(worker_count: int) -> int:
    """Return the length of a control block in int64 words."""
    return barrier_word(worker_count) + (1 + worker_count) * CONTROL_LINE_WORDS


def worker_line(worker: int) -> int:
    """Return the first word of a worker's line in the control block."""
    return (1 + worker) * CONTROL_LINE_WORDS
