"""What an engine has done so far: one frozen record, handed to callbacks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineStats:
    """Totals since the engine was opened; a resumed run adds its checkpoint's.

    Attributes:
        iterations: completed iterations.
        nodes: tree nodes visited.
        utility_sums: (players,) sampled utility summed over iterations, chips.
        strategy_weight: weight that workers added to strategy sums, counted privately by each.
        seconds: first task sent to last result received.
        busy_fraction: (workers,) 1 - blocked / (its first task to its last result).
        user_cpu_seconds: of the workers, and of the coordinator while it coordinates.
        system_cpu_seconds: likewise.
        voluntary_context_switches: likewise.
        involuntary_context_switches: likewise.
        largest_message_bytes: longest message that crossed a process border.
        batches: results received.
        polls: polls and sleeps of the coordinator, beyond the messages' own reads and writes.
        workers: workers of the engine.
        batch_iterations: (workers,) iterations of each worker's last result that had any.
        worker_restarts: (workers,) how often each was replaced.
        replayed_iterations: iterations that were run again after a death, and may be in the
            table twice; they count once in ``iterations``.
        clamped_regrets: regrets that were put back to a limit, in deterministic mode.
        longest_recovery_seconds: from the news of a death to its successor's first task.
    """

    iterations: int
    nodes: int
    utility_sums: tuple[float, ...]
    strategy_weight: float
    seconds: float
    busy_fraction: tuple[float, ...]
    user_cpu_seconds: float
    system_cpu_seconds: float
    voluntary_context_switches: int
    involuntary_context_switches: int
    largest_message_bytes: int
    batches: int
    polls: int
    workers: int
    replayed_iterations: int = 0
    batch_iterations: tuple[int, ...] = ()
    worker_restarts: tuple[int, ...] = ()
    longest_recovery_seconds: float = 0.0
    clamped_regrets: int = 0

    @property
    def restarts(self) -> int:
        """How often any worker was replaced."""
        return sum(self.worker_restarts)
