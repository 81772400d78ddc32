"""What deterministic mode costs beside async mode, by freeze.

One worker in this process, per CPU second: what the cores are given by a shared machine does not
count. Exploitability on Leduc is compared after equal CPU time.
``pytest benchmarks/bench_deterministic.py --benchmark-only``
"""

from __future__ import annotations

import statistics
import time

import pytest
from plain_settings import algorithm_settings, engine_settings

from benchmarks.conftest import ROUNDS, Scoreboard
from cfr_shm.engine.freezes import default_freeze, plan_freezes
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.game import Game
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic, synthetic_buckets
from cfr_shm.layout.task import RESULT_NODES
from cfr_shm.memory.tables import private_views
from cfr_shm.strategy.average import Strategy

#: CPU seconds of each side, for exploitability.
SECONDS = 10.0
SEEDS = range(1, 10)
FREEZES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)

#: Table bytes and the share of async mode's rate that is wanted with the default freeze.
TABLES = {"16 MB": (16_000_000, 0.7), "250 MB": (250_000_000, 0.7)}


class Side:
    """One mode on one game, on one core."""

    def __init__(self, game: Game, freeze: int | None, in_flight: int, seed: int = 1) -> None:
        """Reserve private tables; no freeze is async mode."""
        algorithm = algorithm_settings()
        plan = None if freeze is None else plan_freezes(game, algorithm, freeze, 1)
        settings = engine_settings(
            game,
            seed=seed,
            weighting="vanilla",
            in_flight=in_flight,
            freeze=plan,
        )
        self.game, self.step = game, max(freeze or 0, 16_384)
        self.views = private_views(game, 1, 0, plan)
        self.runner = TaskRunner(settings, self.views, 0)
        self.runner.run(0, 0)
        self.done = 0

    def run(self, cpu_seconds: float) -> float:
        """Train for about so long; return the nodes per CPU second."""
        nodes, began = 0.0, time.process_time()
        while time.process_time() - began < cpu_seconds:
            nodes += float(self.runner.run(self.done, self.step)[RESULT_NODES])
            self.done += self.step
        return nodes / (time.process_time() - began)

    def exploitability(self) -> float:
        """Return the average strategy's, chips."""
        strategy = Strategy.from_table(self.game, self.views.table)
        return evaluate(self.game, strategy).exploitability


@pytest.mark.parametrize("name", TABLES)
def test_rate_beside_async(benchmark, scoreboard: Scoreboard, name: str) -> None:
    table_bytes, wanted = TABLES[name]
    game = synthetic(buckets=synthetic_buckets(table_bytes))
    freeze = default_freeze(game)
    sides = {None: Side(game, None, 8), freeze: Side(game, freeze, 8)}
    rates: dict[int | None, list[float]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for key, side in sides.items():
            rates[key].append(side.run(1.0))
    benchmark.pedantic(sides[freeze].run, args=(0.5,), rounds=1, iterations=1)
    ratio = statistics.median(rates[freeze]) / statistics.median(rates[None])
    benchmark.extra_info.update(freeze=freeze, ratio=ratio)
    scoreboard.at_least(f"{name} table: freezes of {freeze:,} beside async", ratio, wanted)


def leduc_after(game: Game, freeze: int | None, seed: int) -> tuple[float, float]:
    """Train for SECONDS; return the nodes per second and the exploitability."""
    side = Side(game, freeze, 1, seed)
    return side.run(SECONDS), side.exploitability()


def test_exploitability_of_leduc_by_freeze(benchmark, scoreboard: Scoreboard) -> None:
    game = leduc()
    default = default_freeze(game)
    found: dict[int | None, float] = {}
    for freeze in (None, *sorted({*FREEZES, default})):
        # One seed says little: exploitabilities of equal runs differ by a fifth.
        seeds = SEEDS if freeze in (None, default) else SEEDS[:1]
        rates, ends = zip(*(leduc_after(game, freeze, seed) for seed in seeds), strict=True)
        rate, found[freeze] = statistics.mean(rates), statistics.mean(ends)
        beside = found[freeze] / found[None]
        label = "async" if freeze is None else f"freezes of {freeze:,}"
        print(f"{label:>18}: {found[freeze]:.5f} chips, {beside:.2f} x, {rate / 1e6:.1f} M nodes/s")
    benchmark.pedantic(Side(game, default, 1).run, args=(0.5,), rounds=1, iterations=1)
    benchmark.extra_info["exploitability"] = {str(key): value for key, value in found.items()}
    ratio = found[default] / found[None]
    scoreboard.at_most(f"Leduc after {SECONDS:g} s: freezes of {default}", ratio, 1.5, "x")
