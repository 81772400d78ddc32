"""What the coordinator keeps of each worker."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cfr_shm.engine.batches import BatchSizer
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.usage import NOTHING, Usage


@dataclass
class WorkerRecord:
    """What the coordinator knows of one worker, and of those that had its place before.

    Attributes:
        sizer: sizes its tasks; its rate outlives the process.
        unanswered: tasks that it has, the first of which it is at.
        last: its last result.
        reported: whether it had a result in this round of collection.
        batch: iterations of the last result that had any.
        is_ready: else it was lost, and its successor has not joined yet.
        heartbeat: when the task was begun, or last looked at.
        used: by its lost predecessors, up to their last results.
        active_seconds: likewise.
        blocked_seconds: likewise.
    """

    sizer: BatchSizer
    unanswered: deque[TaskMessage] = field(default_factory=deque)
    last: ResultMessage | None = None
    reported: bool = False
    batch: int = 0
    is_ready: bool = True
    heartbeat: int = 0
    used: Usage = NOTHING
    active_seconds: float = 0.0
    blocked_seconds: float = 0.0

    def total_usage(self) -> Usage:
        """Return what this worker and its predecessors have used."""
        last = self.last
        if last is None:
            return self.used
        return self.used.plus(
            Usage(
                last.user_seconds,
                last.system_seconds,
                last.voluntary_switches,
                last.involuntary_switches,
            )
        )

    def busy_fraction(self) -> float:
        """Return the share of its time that it was not blocked."""
        active, blocked = self.active_seconds, self.blocked_seconds
        if self.last is not None:
            active += self.last.active_seconds
            blocked += self.last.blocked_seconds
        return 1.0 - blocked / active if active > 0 else 0.0

    def lose(self) -> list[TaskMessage]:
        """Forget what only the lost process knew; return the tasks that it has not answered."""
        tasks = list(self.unanswered)
        self.used = self.total_usage()
        if self.last is not None:
            self.active_seconds += self.last.active_seconds
            self.blocked_seconds += self.last.blocked_seconds
        self.last, self.is_ready, self.heartbeat = None, False, 0
        self.unanswered.clear()
        self.sizer.begin_small()
        return tasks
