"""The solved spot that was looked at last, with its newest tables; one thread at a time."""

from __future__ import annotations

import threading
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.run.solve import stored_summary
from cfr_shm.spots.places import find_place
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.upper_streets import UpperStreets
from cfr_shm.viewer import solved_pages, solved_reports
from cfr_shm.viewer.solved_pages import Asked
from cfr_shm.viewer.viewed_runs import Say, ViewedRun

#: Said where streets that were left out are solved again.
SOLVED_AGAIN = (
    "The last streets were left out when this was saved. What is shown of them is solved again, no "
    "worse for either player: of several equilibria it may be another."
)


class SolvedSpots:
    """Answers about solved spots, one of which is open at a time.

    Args:
        say: told what takes a while.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._using = threading.Lock()
        self._opened: tuple[str, int, SpotSolver] | None = None
        self._upper: UpperStreets | None = None  # of what is open, where streets were left out
        self._again: set[Asked] = set()  # what was solved again

    def page(self, run: ViewedRun, line: str, board: str) -> dict[str, Any]:
        """Return what there is to show of a decision."""
        with self._using:
            asked, stack = Asked(line, board), float(run.config.spot.stack or 0.0)
            page = solved_pages.solved_page(self._solver(run, asked), asked, stack)
            return page if self._upper is None else page | {"told": [*page["told"], SOLVED_AGAIN]}

    def range(self, run: ViewedRun, line: str, board: str, action: str) -> dict[str, str]:
        """Return the range of who decides, or what of it takes an action."""
        with self._using:
            asked = Asked(line, board)
            return solved_pages.solved_range(self._solver(run, asked), asked, action)

    def next_cards(self, run: ViewedRun, line: str, board: str) -> dict[str, Any]:
        """Return what every card does that may come after a line."""
        with self._using:
            asked = Asked(line, board)
            return solved_reports.next_cards_page(self._solver(run, asked), asked)

    def players(self, run: ViewedRun, line: str, board: str) -> dict[str, Any]:
        """Return both players' hands at a decision."""
        with self._using:
            asked = Asked(line, board)
            return solved_reports.players_page(self._solver(run, asked), asked)

    def newest(self, run: ViewedRun) -> int:
        """Return the iterations of the newest tables, -1 where there are none."""
        return max((each.iterations for each in run.checkpoints()), default=-1)

    def _solver(self, run: ViewedRun, asked: Asked) -> SpotSolver:
        """Return a solver that knows what a place depends on.

        Raises:
            UsageError: it depends on more than is solved again while somebody waits.
        """
        solver = self._open(run)
        if self._upper is not None:
            self._solve_below(run, solver, self._upper, asked)
        return solver

    def _open(self, run: ViewedRun) -> SpotSolver:
        newest = self.newest(run)
        if self._opened is not None:
            name, iterations, solver = self._opened
            if (name, iterations) == (run.name, newest):
                return solver
            self._opened = None
            solver.close()
        solver, self._upper = solved_pages.open_solved(run, self._say)
        self._again.clear()
        self._opened = (run.name, newest, solver)
        return solver

    def _solve_below(
        self, run: ViewedRun, solver: SpotSolver, upper: UpperStreets, asked: Asked
    ) -> None:
        count, depth = len(solver.game.hands.board), asked.line.count("/")
        cards = solved_pages.board_of(solver, asked)[count : count + depth]
        if asked in self._again or len(cards) < depth:
            return
        place = find_place(solver.game, asked.line, cards)
        parts = upper.count_below(place)
        if parts > 1:
            raise UsageError(
                f"{run.name} was saved without its last streets, and this place depends on {parts} "
                "boards of them: more than is solved again while a page waits. Go on to a later "
                "street, whose board is solved again, or see this one by 'cfr-shm solve "
                f'{run.path} --line "{asked.line}"\''
            )
        self._say(f"{run.name}: solving again what was left out below {asked.line or 'the root'!r}")
        upper.solve_below(place, stored_summary(run.path)[1])
        self._again.add(asked)
