"""External sampling on Leduc beside OpenSpiel's C++ and donksolver, one core, one run.

An iteration draws one deal and traverses it once for each player; both peers' iterations are
counted the same way. ``pytest benchmarks/bench_leduc.py --benchmark-only``
"""

from __future__ import annotations

import statistics
import time

import pytest

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from benchmarks.trainer import KernelTrainer
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.small.leduc import leduc
from cfr_shm.strategy.average import Strategy

OURS = 1_000_000
PYSPIEL = 5_000
DONKSOLVER = 500_000


def test_suits_apart_beside_openspiel(benchmark, scoreboard: Scoreboard) -> None:
    pyspiel = pytest.importorskip("pyspiel")
    trainer = KernelTrainer(leduc(merge_suits=False))
    peer = pyspiel.ExternalSamplingMCCFRSolver(pyspiel.load_game("leduc_poker"), 1)

    def run_peer() -> None:
        for _ in range(PYSPIEL):
            peer.run_iteration()

    ours, theirs = in_turns(lambda: trainer.run(OURS), run_peer)
    benchmark.pedantic(lambda: trainer.run(OURS), rounds=ROUNDS, iterations=1)
    ratio = (OURS / ours) / (PYSPIEL / theirs)
    benchmark.extra_info.update(openspiel_ratio=ratio, iterations_per_second=OURS / ours)
    scoreboard.note("Leduc, suits apart: iterations/s", OURS / ours)
    scoreboard.at_least("Leduc, suits apart: rate beside OpenSpiel's C++ solver", ratio, 40)


@pytest.mark.parametrize(("average", "wanted"), [("weighted", 2.0), ("sampled", 1.3)])
def test_suits_merged_beside_donksolver(
    benchmark, scoreboard: Scoreboard, average: str, wanted: float
) -> None:
    donksolver = pytest.importorskip("donksolver")
    trainer = KernelTrainer(leduc())
    share = {"weighted": 1.0, "sampled": 0.05}[average]
    config = donksolver.toy(
        "leduc", 2, algo="es", weighting="linear", seed=1, avg_mode=average, p_avg=share
    )
    peer = donksolver.Solver(config)
    ours, theirs = in_turns(lambda: trainer.run(OURS), lambda: peer.run(DONKSOLVER, 1))
    benchmark.pedantic(lambda: trainer.run(OURS), rounds=ROUNDS, iterations=1)
    ratio = (OURS / ours) / (DONKSOLVER / theirs)
    benchmark.extra_info.update(ratio=ratio, sweeps_per_second=2 * OURS / ours)
    scoreboard.note("Leduc, suits merged: sweeps/s", 2 * OURS / ours)
    scoreboard.at_least(f"Leduc, suits merged: rate beside donksolver, {average}", ratio, wanted)


def exploitability_after_one_second(seed: int) -> float:
    """Train on Leduc, suits merged, for a second of one core."""
    trainer = KernelTrainer(leduc(), seed=seed)
    end = time.thread_time() + 1.0
    while time.thread_time() < end:
        trainer.run(16 * 1024)
    strategy = Strategy.from_table(trainer.game, trainer.views.table)
    return evaluate(trainer.game, strategy).exploitability


def test_exploitability_after_one_second(benchmark, scoreboard: Scoreboard) -> None:
    found = [exploitability_after_one_second(seed) for seed in range(5)]
    benchmark.pedantic(exploitability_after_one_second, args=(9,), rounds=1, iterations=1)
    benchmark.extra_info.update(exploitability=found)
    median = statistics.median(found)
    scoreboard.at_most("Leduc, suits merged: exploitability after 1 s", median, 0.010, "chips")
