"""The solved spot that was looked at last, with its newest tables; one thread at a time."""

from __future__ import annotations

import threading
from typing import Any

from cfr_shm.spots.solver import SpotSolver
from cfr_shm.viewer import solved_pages, solved_reports
from cfr_shm.viewer.solved_pages import Asked
from cfr_shm.viewer.viewed_runs import Say, ViewedRun


class SolvedSpots:
    """Answers about solved spots, one of which is open at a time.

    Args:
        say: told what takes a while.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._using = threading.Lock()
        self._opened: tuple[str, int, SpotSolver] | None = None

    def page(self, run: ViewedRun, line: str, board: str) -> dict[str, Any]:
        """Return what there is to show of a decision."""
        with self._using:
            stack = float(run.config.spot.stack or 0.0)
            return solved_pages.solved_page(self._solver(run), Asked(line, board), stack)

    def range(self, run: ViewedRun, line: str, board: str, action: str) -> dict[str, str]:
        """Return the range of who decides, or what of it takes an action."""
        with self._using:
            return solved_pages.solved_range(self._solver(run), Asked(line, board), action)

    def next_cards(self, run: ViewedRun, line: str, board: str) -> dict[str, Any]:
        """Return what every card does that may come after a line."""
        with self._using:
            return solved_reports.next_cards_page(self._solver(run), Asked(line, board))

    def players(self, run: ViewedRun, line: str, board: str) -> dict[str, Any]:
        """Return both players' hands at a decision."""
        with self._using:
            return solved_reports.players_page(self._solver(run), Asked(line, board))

    def newest(self, run: ViewedRun) -> int:
        """Return the iterations of the newest tables, -1 where there are none."""
        return max((each.iterations for each in run.checkpoints()), default=-1)

    def _solver(self, run: ViewedRun) -> SpotSolver:
        newest = self.newest(run)
        if self._opened is not None:
            name, iterations, solver = self._opened
            if (name, iterations) == (run.name, newest):
                return solver
            self._opened = None
            solver.close()
        solver = solved_pages.open_solved(run, self._say)
        self._opened = (run.name, newest, solver)
        return solver
