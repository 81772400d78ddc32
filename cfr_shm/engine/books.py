"""The engine's books: what is out, what has been done, who was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cfr_shm.engine.assignments import Assignments
from cfr_shm.engine.clock import Clock
from cfr_shm.engine.crew import Crew
from cfr_shm.engine.handshake import ResultMessage
from cfr_shm.engine.loss_account import LossAccount
from cfr_shm.engine.settings import EngineSettings


@dataclass
class Totals:
    """What all workers have done since the engine was opened; dealing policies enter it.

    Attributes:
        utility_sums: (players,) sampled utility summed over iterations, chips.
        iterations: that are in the table and done.
        nodes: tree nodes visited.
        strategy_weight: weight that workers added to strategy sums.
    """

    utility_sums: list[float]
    iterations: int = 0
    nodes: int = 0
    strategy_weight: float = 0.0

    def add(self, result: ResultMessage) -> None:
        """Enter what one worker did of a task, but for the iterations."""
        self.nodes += result.nodes
        self.strategy_weight += result.strategy_weight
        for player, utility in enumerate(result.utility_sums):
            self.utility_sums[player] += utility


class Books(NamedTuple):
    """What engine, dealing policy and recovery keep together; one engine's, for its life."""

    crew: Crew
    assignments: Assignments
    totals: Totals
    losses: LossAccount


def open_books(settings: EngineSettings, crew: Crew, clock: Clock) -> Books:
    """Return empty books."""
    return Books(
        crew=crew,
        assignments=Assignments(settings, crew, clock),
        totals=Totals([0.0] * settings.player_count),
        losses=LossAccount(settings.worker_count, settings.drain_window, clock),
    )
