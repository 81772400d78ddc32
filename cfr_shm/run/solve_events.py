"""What a solve tells its listeners: the same events as a training, of sweeps instead of samples."""

from __future__ import annotations

import os
import resource
import time

from cfr_shm.spots.solver import Quality, SpotSolver
from cfr_shm.telemetry.events import Evaluated, Listener, Progress, RunEnded, RunStarted

UNIT = "% of the pot"
METHOD = "best responses, exact"


class SolveTeller:
    """Tells how far a solve is: an interval and what best responses gain, each in % of the pot.

    Args:
        listen: the run's listeners.
        solver: of the spot.
        name: of the spot, its board.
        directory: of the run.
        interval: seconds between two intervals, at least.
    """

    def __init__(
        self, listen: Listener, solver: SpotSolver, name: str, directory: str, interval: float
    ) -> None:
        self._listen, self._solver, self._name = listen, solver, name
        self._directory, self._interval = directory, interval
        self._nodes = 2 * solver.game.node_count()  # of an iteration
        self._told = self._looked = _Look(solver.iterations)

    def begin(self, table_bytes: int, iterations: int | None, time_budget: float | None) -> None:
        """Tell that tables stand and the first iteration is about to begin."""
        self._listen(
            RunStarted(
                game=self._name,
                directory=self._directory,
                workers=self._solver.settings.worker_count,
                in_process=True,
                table_bytes=table_bytes,
                iterations=self._solver.iterations,
                target_iterations=iterations,
                time_budget=time_budget,
            )
        )

    def tell(self, seconds: float, quality: Quality, *, last: bool) -> None:
        """Tell of the iterations since the last time, if it is long enough ago or the end."""
        now = _Look(self._solver.iterations)
        if now.iterations == self._told.iterations:
            return
        if not last and now.time - self._told.time < self._interval:
            return
        before, self._told = self._told, now
        self._listen(self._interval_of(before, now, seconds, quality))
        percent = 100.0 / self._solver.game.pot
        gained = percent * quality.exploitability
        self._listen(Evaluated(now.iterations, seconds, gained, 2.0 * gained, UNIT, METHOD))

    def end(self, status: str, seconds: float, rate: float, quality: Quality) -> None:
        """Tell that the solve is over."""
        percent = 100.0 * quality.exploitability / self._solver.game.pot
        self._listen(
            RunEnded(
                status=status,
                game=self._name,
                directory=self._directory,
                iterations=self._solver.iterations,
                seconds=seconds,
                iterations_per_second=rate,
                nodes_per_second=rate * self._nodes,
                workers=self._solver.settings.worker_count,
                utility=quality.values[0],
                exploitability=percent,
                unit=UNIT,
                method=METHOD,
            )
        )

    def _interval_of(self, before: _Look, now: _Look, seconds: float, quality: Quality) -> Progress:
        workers = self._solver.settings.worker_count
        nodes = before.iterations * self._nodes, now.iterations * self._nodes
        return _interval((self._looked, before, now), nodes, seconds, workers, quality.values[0])


class BatchTeller:
    """Tells how far a list of spots is: an interval for each that is solved.

    Args:
        listen: the run's listeners.
        name: of the list.
        directory: of the run.
        workers: of each solve.
    """

    def __init__(self, listen: Listener, name: str, directory: str, workers: int) -> None:
        self._listen, self._name, self._directory = listen, name, directory
        self._workers = workers
        self._start = self._told = _Look(0)
        self._nodes = 0
        self._began = time.monotonic()

    def begin(self, time_budget: float | None) -> None:
        """Tell that the first spot is about to be solved."""
        started = RunStarted(
            game=self._name,
            directory=self._directory,
            workers=self._workers,
            in_process=True,
            table_bytes=0,
            iterations=0,
            target_iterations=None,
            time_budget=time_budget,
        )
        self._listen(started)

    def tell(self, iterations: int, nodes: int, ev: float, percent: float) -> None:
        """Tell of a spot that took so many iterations over so many nodes each."""
        before, now = self._told, _Look(self._told.iterations + iterations)
        total = self._nodes + 2 * nodes * iterations
        seconds = time.monotonic() - self._began
        looks = self._start, before, now
        self._listen(_interval(looks, (self._nodes, total), seconds, self._workers, ev))
        self._listen(Evaluated(now.iterations, seconds, percent, 2.0 * percent, UNIT, METHOD))
        self._told, self._nodes = now, total

    def end(self, status: str) -> None:
        """Tell that the list is over."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        ended = RunEnded(
            status=status,
            game=self._name,
            directory=self._directory,
            iterations=self._told.iterations,
            seconds=seconds,
            iterations_per_second=self._told.iterations / seconds,
            nodes_per_second=self._nodes / seconds,
            workers=self._workers,
            utility=None,
            exploitability=None,
            unit=None,
            method=None,
            not_evaluated="each spot has its own",
        )
        self._listen(ended)


def _interval(
    looks: tuple[_Look, _Look, _Look],
    nodes: tuple[int, int],
    seconds: float,
    workers: int,
    utility: float,
) -> Progress:
    """Return what happened between the last two looks; the first one was at the start."""
    start, before, now = looks
    passed = max(now.time - before.time, 1e-9)
    used = now.user + now.system - before.user - before.system
    switches = now.voluntary + now.involuntary - before.voluntary - before.involuntary
    return Progress(
        due=True,
        iterations=now.iterations,
        nodes=nodes[1],
        seconds=seconds,
        iterations_per_second=(now.iterations - before.iterations) / passed,
        nodes_per_second=(nodes[1] - nodes[0]) / passed,
        utility=utility,
        workers=workers,
        busy_fraction=(min(used / passed / workers, 1.0),) * workers,
        user_cpu_seconds=now.user - start.user,
        system_cpu_seconds=now.system - start.system,
        system_cpu_fraction=(now.system - before.system) / used if used > 0.0 else 0.0,
        voluntary_context_switches=now.voluntary - start.voluntary,
        involuntary_context_switches=now.involuntary - start.involuntary,
        context_switches_per_second=switches / passed,
        utility_moving_average=utility,
    )


class _Look:
    """What the process has used until now."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.time = time.monotonic()
        spent, used = os.times(), resource.getrusage(resource.RUSAGE_SELF)
        self.user, self.system = spent.user, spent.system
        self.voluntary, self.involuntary = used.ru_nvcsw, used.ru_nivcsw
