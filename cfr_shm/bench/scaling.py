"""How much faster more workers are: whole trainings, taken in turns."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cfr_shm.config.sections import Config
from cfr_shm.run.train import train


@dataclass(frozen=True)
class Point:
    """Medians over the turns of one number of workers; speed-ups are over the first number."""

    workers: int
    nodes_per_second: float
    nodes_per_cpu_second: float
    speed_up: float  # of nodes per second
    cpu_speed_up: float  # workers x nodes per CPU second: what a machine to itself would give
    efficiency: float  # speed-up by workers
    cpu_efficiency: float
    busy: float  # the least busy worker
    system_fraction: float


@dataclass(frozen=True)
class Scaling:
    """One game on several numbers of workers."""

    game: str
    table_bytes: int
    seconds: float
    turns: int
    points: tuple[Point, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the document that ``--json`` prints."""
        return asdict(self)


def scaling(
    config: Config,
    workers: Sequence[int],
    seconds: float,
    turns: int,
    say: Callable[[str], None],
) -> Scaling:
    """Train with each number of workers in turn, from an empty table each time.

    Args:
        config: the game and the algorithm; budgets and workers are set here.
        workers: numbers of workers; the first is what the others are compared with.
        seconds: of each training.
        turns: of each number; medians are compared.
        say: is told what runs.
    """
    from cfr_shm.games.registry import load_game

    found: dict[int, list[dict[str, Any]]] = {count: [] for count in workers}
    for turn in range(turns):
        for count in workers:
            say(f"turn {turn + 1} of {turns}: {count} workers ...")
            found[count].append(_summary(config, count, seconds))
    game = load_game(config.game, None, config.abstraction)
    points = tuple(_point(count, found[count], workers[0], found[workers[0]]) for count in workers)
    return Scaling(game.name, game.table_bytes, seconds, turns, points)


def _summary(config: Config, workers: int, seconds: float) -> dict[str, Any]:
    engine = dataclasses.replace(config.engine, num_workers=workers, in_process=False)
    run = dataclasses.replace(
        config.run, iterations=None, time_budget=seconds, checkpoint_interval=0.0, logdir=None
    )
    with tempfile.TemporaryDirectory(prefix="cfr-shm-bench-") as directory:
        path = Path(directory) / "run"
        return train(dataclasses.replace(config, engine=engine, run=run), path)


def _point(
    workers: int, own: list[dict[str, Any]], first: int, base: list[dict[str, Any]]
) -> Point:
    wall = _median(own, _per_second)
    cpu = _median(own, _per_cpu_second)
    speed_up = wall / _median(base, _per_second)
    cpu_speed_up = workers * cpu / (first * _median(base, _per_cpu_second))
    return Point(
        workers=workers,
        nodes_per_second=wall,
        nodes_per_cpu_second=cpu,
        speed_up=speed_up,
        cpu_speed_up=cpu_speed_up,
        efficiency=speed_up * first / workers,
        cpu_efficiency=cpu_speed_up * first / workers,
        busy=min(min(summary["busy_fraction"]) for summary in own),
        system_fraction=_median(own, _system_fraction),
    )


def _median(summaries: list[dict[str, Any]], figure: Callable[[dict[str, Any]], float]) -> float:
    return statistics.median(figure(summary) for summary in summaries)


def _per_second(summary: dict[str, Any]) -> float:
    return float(summary["nodes_per_second"])


def _cpu_seconds(summary: dict[str, Any]) -> float:
    return float(summary["user_cpu_seconds"] + summary["system_cpu_seconds"])


def _per_cpu_second(summary: dict[str, Any]) -> float:
    return float(summary["nodes"] / _cpu_seconds(summary))


def _system_fraction(summary: dict[str, Any]) -> float:
    return float(summary["system_cpu_seconds"] / _cpu_seconds(summary))
