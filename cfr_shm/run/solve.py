"""A spot solved as a run: a directory, progress, stop rules, checkpoints, a summary."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cfr_shm.config.identity import spot_fingerprint
from cfr_shm.config.sections import Config
from cfr_shm.config.spot import DEFAULT_TARGET_PERCENT
from cfr_shm.errors import ArrayStoreError, CheckpointError, MemoryReserveError, UsageError
from cfr_shm.machine.cores import usable_cores
from cfr_shm.memory.segments import remove_stale_segments
from cfr_shm.run.directory import RunDirectory
from cfr_shm.run.listening import listeners
from cfr_shm.run.signals import StopSignals
from cfr_shm.run.solve_events import SolveTeller
from cfr_shm.spots.arena_tables import require_room
from cfr_shm.spots.places import find_place
from cfr_shm.spots.saved import load_tables, remove_tables, save_tables
from cfr_shm.spots.settled import algorithm_of, spot_of
from cfr_shm.spots.solver import Quality, SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.spot_kernels import make_spot_kernels_ready
from cfr_shm.spots.spot_reports import check_street_ends, next_cards
from cfr_shm.spots.spot_results import (
    NodeReport,
    action_ranges,
    find_decision,
    hand_rows,
    node_report,
    root_summary,
)
from cfr_shm.spots.upper_streets import NAME, WHOLE, UpperStreets, kept_levels, save_upper
from cfr_shm.storage.documents import DocumentError, read_document
from cfr_shm.storage.names import CHECKPOINTS, SUMMARY
from cfr_shm.telemetry.events import (
    CheckpointFailed,
    CheckpointSaved,
    Event,
    Listener,
    Warned,
    ignore,
)

#: Iterations between two looks at the exploitability: one look costs about as much as one.
CHECK_EVERY = 10

SAY_EVERY_SECONDS = 0.5

MOST_SUMMARY_BYTES = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bounds:
    """When a solve ends: whichever comes first.

    Attributes:
        target: exploitability in % of the pot, None for none.
        iterations: in all, None for none.
        seconds: of iterating, None for none.
    """

    target: float | None
    iterations: int | None
    seconds: float | None

    @classmethod
    def of(cls, config: Config) -> Bounds:
        """Return what the configuration says, or the default target."""
        target, run = config.spot.target, config.run
        if target is None and run.iterations is None and run.time_budget is None:
            target = DEFAULT_TARGET_PERCENT
        return cls(target, run.iterations, run.time_budget)

    def reached(self, iterations: int, seconds: float, percent: float) -> bool:
        """Tell whether a solve is over after so much, at so many % of the pot."""
        return (
            (self.iterations is not None and iterations >= self.iterations)
            or (self.seconds is not None and seconds >= self.seconds)
            or (self.target is not None and iterations > 0 and percent <= self.target)
        )


def stored_summary(directory: Path) -> tuple[dict[str, Any], float]:
    """Return a finished solve's summary, and how exploitable it was, in % of the pot.

    Raises:
        CheckpointError: there is none that can be read.
    """
    path = directory / SUMMARY
    try:
        summary = dict(read_document(path, MOST_SUMMARY_BYTES))
        return summary, float(summary["exploitability_percent"])
    except (OSError, DocumentError, TypeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: no summary of a solve: {error}") from None


def solver_settings(config: Config) -> SolverSettings:
    """Return how the spot is solved: algorithm, workers, width of the tables."""
    cores = usable_cores()
    return SolverSettings(
        algorithm=algorithm_of(config.spot),
        worker_count=config.engine.num_workers or cores,
        cores=cores,
        compact=bool(config.spot.compact),
    )


class Solved(NamedTuple):
    """What a run leaves: its summary, and the hands of the decision that was asked for."""

    summary: dict[str, Any]
    hands: list[dict[str, Any]]
    ranges: dict[str, str] | None = None  # by action, of a decision
    report: NodeReport | None = None  # of a decision


class SpotRun:
    """A spot that is solved in a run directory.

    Args:
        config: with a section ``spot``.
        directory: claimed by the caller.
        say: told progress, line by line.
        signals: that end the run early.
    """

    def __init__(
        self, config: Config, directory: RunDirectory, say: Say, signals: StopSignals
    ) -> None:
        self._config, self._directory, self._say, self._signals = config, directory, say, signals
        self._bounds = Bounds.of(config)
        self._fingerprint = spot_fingerprint(config)
        self._seconds = 0.0
        self._before = 0.0  # seconds of earlier processes
        self._iterations = 0  # of this one
        self._said_at = 0.0
        self._saved_at = time.monotonic()
        self._listen: Listener = ignore

    def run(self, *, resuming: bool, asked: tuple[str, str, bool] | None = None) -> Solved:
        """Solve the spot; return the summary, which is in the directory too, and some hands.

        Args:
            resuming: whether to go on from the directory's newest tables.
            asked: a line, the cards that came since the spot's board, and whether every card
                that may come next is asked for instead of the hands.

        Raises:
            UsageError: the section makes no spot.
            MemoryReserveError: the tables do not fit; names sizes and levers.
        """
        remove_stale_segments()
        game = spot_of(self._config.spot)
        if asked is not None:
            place = asked[0], game.hands.deck.parse(asked[1])
            (check_street_ends if asked[2] else find_decision)(game, *place)
        kept_levels(game, self._config.spot.save or WHOLE)
        if all(len(node.children) < 2 for trees in game.trees for node in trees.nodes):
            self._say("cfr-shm: warning: spot.bets has no bet: hands are checked down")
        settings = solver_settings(self._config)
        self._say(_sizes_line(game, settings))
        require_room(game, compact=settings.compact, predicts=settings.algorithm.predicts)
        make_spot_kernels_ready(settings.compact, self._say)
        with (
            listeners(self._config, self._directory, self._hear) as self._listen,
            self._opened(game, settings, resuming) as solver,
        ):
            if resuming and (self._checkpoints / NAME).is_dir():
                summary = self._solve_below(solver, None if asked is None else place)
                return self._answer(solver, summary, asked)
            self._directory.keep()
            self._signals.defer()
            teller = self._teller(solver)
            quality = self._iterate(solver, teller)
            if not solver.looks:
                self._save(solver)
            summary = self._summary(solver, quality)
            teller.end(summary["status"], self._seconds, self._rate, quality)
            solved = self._answer(solver, summary, asked)
            self._leave_out(solver)
            return solved

    def _opened(self, game: SpotGame, settings: SolverSettings, resuming: bool) -> SpotSolver:
        """Return a solver with the newest tables, which only looks where the solve is over."""
        resuming = resuming and not (self._checkpoints / NAME).is_dir()
        for looks in (True, False) if resuming else (False,):
            solver = SpotSolver(game, settings, self._fingerprint, looks=looks)
            try:
                if resuming:
                    where = self._checkpoints, solver, self._fingerprint
                    self._seconds = self._before = load_tables(*where, to_look=looks)
                if not looks or self._is_over(solver, solver.quality()):
                    break
            except BaseException:
                solver.close()
                raise
            solver.close()
        if resuming and not looks:
            self._say(f"going on from iteration {solver.iterations}")
        return solver

    def _answer(
        self, solver: SpotSolver, summary: dict[str, Any], asked: tuple[str, str, bool] | None
    ) -> Solved:
        """Return the summary with what was asked for besides."""
        if asked is None:
            return Solved(summary, [])
        deck = solver.game.hands.deck
        place = asked[0], deck.parse(asked[1])
        if asked[2]:
            return Solved(summary, next_cards(solver, *place))
        report = node_report(solver, *place)
        rows = hand_rows(report, deck.text)
        return Solved(summary, rows, action_ranges(report, deck), report)

    def _leave_out(self, solver: SpotSolver) -> None:
        """Keep the upper streets alone, where that is asked for and the solve is over."""
        save = self._config.spot.save or WHOLE
        if save == WHOLE or self._signals.pending:
            return
        about = {"fingerprint": self._fingerprint, "seconds": self._seconds}
        levels, disk = kept_levels(solver.game, save), self._directory.disk
        try:
            save_upper(self._checkpoints, solver, levels, about, disk)
        except ArrayStoreError as error:
            self._say(f"saved whole: {error}")
            return
        remove_tables(self._checkpoints, disk)

    def _solve_below(
        self, solver: SpotSolver, asked: tuple[str, tuple[int, ...]] | None
    ) -> dict[str, Any]:
        """Solve again what was left out and is asked for; return the stored summary.

        Raises:
            UsageError: more is asked for than was solved.
            CheckpointError: what is stored cannot be read.
        """
        summary, percent = stored_summary(self._directory.path)
        upper = UpperStreets(self._checkpoints, solver, self._fingerprint)
        if not self._bounds.reached(solver.iterations, upper.seconds, percent):
            raise UsageError(
                f"{self._directory.path} was saved without its last streets, after "
                f"{solver.iterations} iterations at {percent:.4f} % of the pot: it cannot go on; "
                "solve it anew, without spot.save"
            )
        if asked is not None:
            self._say("solving again what was left out")
            upper.solve_below(find_place(solver.game, *asked), percent)
        return summary

    @property
    def _checkpoints(self) -> Path:
        return self._directory.path / CHECKPOINTS

    def _hear(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._say(f"cfr-shm: warning: {event.text}")

    def _teller(self, solver: SpotSolver) -> SolveTeller:
        """Return who tells the listeners, told that tables stand."""
        board = solver.game.hands.deck.text(solver.game.hands.board)
        teller = SolveTeller(
            self._listen,
            solver,
            f"spot {board}",
            str(self._directory.path),
            self._config.run.progress_interval,
        )
        teller.begin(_table_bytes(solver), self._bounds.iterations, self._bounds.seconds)
        return teller

    def _iterate(self, solver: SpotSolver, teller: SolveTeller) -> Quality:
        quality = solver.quality()
        while not self._is_over(solver, quality):
            began = time.perf_counter()
            solver.iterate(self._next_count(solver))
            quality = solver.quality()
            self._seconds += time.perf_counter() - began
            self._report(solver, quality)
            teller.tell(self._seconds, quality, last=self._is_over(solver, quality))
            interval = self._config.run.checkpoint_interval
            due = interval > 0 and time.monotonic() - self._saved_at >= interval
            if due or self._signals.take_checkpoint_request():
                self._save(solver)
        return quality

    def _next_count(self, solver: SpotSolver) -> int:
        """Return the iterations until the next look at exploitability and signals."""
        count = CHECK_EVERY
        if 0.0 < self._rate < 5.0:
            count = max(1, CHECK_EVERY // 2)
        if self._bounds.iterations is not None:
            count = min(count, self._bounds.iterations - solver.iterations)
        self._iterations += count
        return count

    def _is_over(self, solver: SpotSolver, quality: Quality) -> bool:
        percent = 100.0 * quality.exploitability / solver.game.pot
        over = self._bounds.reached(solver.iterations, self._seconds, percent)
        return self._signals.pending or over

    @property
    def _rate(self) -> float:
        """Iterations per second of this process, looks at the exploitability included."""
        seconds = self._seconds - self._before
        return self._iterations / seconds if seconds > 0.0 else 0.0

    def _report(self, solver: SpotSolver, quality: Quality) -> None:
        """Say how far it is, a few times a second at most."""
        now = time.monotonic()
        if now - self._said_at >= SAY_EVERY_SECONDS or self._is_over(solver, quality):
            self._said_at = now
            self._say(self._progress_line(solver, quality))

    def _progress_line(self, solver: SpotSolver, quality: Quality) -> str:
        percent = 100.0 * quality.exploitability / solver.game.pot
        rate = self._rate
        ev = " ".join(f"{value:.3f}" for value in quality.values)
        return (
            f"Iteration {solver.iterations} ({rate:,.1f} iter/s) exploitability {percent:.4f} % "
            f"of the pot, EV {ev}"
        )

    def _save(self, solver: SpotSolver) -> None:
        self._saved_at = began = time.monotonic()
        try:
            path = save_tables(
                self._checkpoints,
                solver,
                self._fingerprint,
                {"seconds": self._seconds},
                self._directory.disk,
            )
        except ArrayStoreError as error:
            self._say(f"checkpoint failed: {error}")
            self._listen(CheckpointFailed(str(error), solver.iterations))
            return
        self._listen(CheckpointSaved(str(path), solver.iterations, time.monotonic() - began))

    def _summary(self, solver: SpotSolver, quality: Quality) -> dict[str, Any]:
        summary = {
            "status": "interrupted" if self._signals.pending else "finished",
            "exploitability_percent": 100.0 * quality.exploitability / solver.game.pot,
            "iterations": solver.iterations,
            "seconds": self._seconds,
            "iterations_per_second": self._rate,
            "memory_bytes": _table_bytes(solver),
            "algorithm": solver.settings.algorithm.name,
            "workers": solver.settings.worker_count,
            **root_summary(solver),
            "run_directory": str(self._directory.path),
        }
        return self._directory.write_summary(summary)


def _table_bytes(solver: SpotSolver) -> int:
    settings = solver.settings
    return solver.game.table_bytes(compact=settings.compact, predicts=settings.algorithm.predicts)


def boards_text(count: int) -> str:
    """Return ``1 board``, ``1,466 boards``."""
    return f"{count:,} board{'' if count == 1 else 's'}"


def _sizes_line(game: SpotGame, settings: SolverSettings) -> str:
    tables = game.table_bytes(compact=settings.compact, predicts=settings.algorithm.predicts)
    hands = " x ".join(str(len(side)) for side in game.hands.weights)
    boards = boards_text(len(game.boards))
    return (
        f"{game.hands.deck.text(game.hands.board)}: {hands} hands, {boards}, "
        f"{game.node_count():,} nodes, tables {tables / 1e6:,.1f} MB, "
        f"{settings.algorithm.name} on {settings.worker_count} workers"
    )


def estimate_spot(config: Config, say: Say) -> dict[str, Any]:
    """Return nodes, bytes, and seconds of an iteration, measured for about a second.

    Where the tables do not fit, nothing is measured, and what would help is named.
    """
    game, settings = spot_of(config.spot), solver_settings(config)
    predicts = settings.algorithm.predicts
    compact = settings.compact
    found: dict[str, Any] = {
        "hands": [len(side) for side in game.hands.weights],
        "boards": len(game.boards),
        "nodes": game.node_count(),
        "memory_bytes": game.table_bytes(compact=compact, predicts=predicts),
        "compact_bytes": game.table_bytes(compact=True, predicts=predicts),
        "workers": settings.worker_count,
        "fits": True,
        "refused": None,
        "seconds_per_iteration": None,
    }
    try:
        require_room(game, compact=compact, predicts=predicts)
        make_spot_kernels_ready(compact, say)
        with SpotSolver(game, settings) as solver:
            began = time.perf_counter()
            while time.perf_counter() - began < 1.0:
                solver.iterate(1)
            found["seconds_per_iteration"] = (time.perf_counter() - began) / solver.iterations
    except MemoryReserveError as error:
        found["fits"], found["refused"] = False, str(error)
    return found
