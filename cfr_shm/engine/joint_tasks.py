"""Tasks that all workers run together: each is done when everybody has answered it."""

from __future__ import annotations

from cfr_shm.engine.handshake import TaskMessage
from cfr_shm.errors import WorkerError


class JointTasks:
    """Which tasks wait for more answers.

    Args:
        worker_count: workers that answer each task.
    """

    def __init__(self, worker_count: int) -> None:
        self._worker_count = worker_count
        self._answers: dict[int, list[int]] = {}  # iterations that workers say were done, by task

    def answered(self, task: TaskMessage, iterations: int) -> bool:
        """Enter a worker's answer; return whether it was the last one that was missing.

        Raises:
            WorkerError: workers do not agree on how far they came together.
        """
        answers = self._answers.setdefault(task.task_id, [])
        answers.append(iterations)
        if iterations != answers[0]:
            raise WorkerError(
                f"workers ran iterations from {task.first_iteration} on together, and say that "
                f"{answers[0]} and {iterations} were done"
            )
        if len(answers) < self._worker_count:
            return False
        del self._answers[task.task_id]
        return True
