"""Sampled algorithms: rates beside OpenSpiel's C++, and exploitability after a second.

``pytest benchmarks/bench_sampling.py --benchmark-only``
"""

from __future__ import annotations

import statistics
import time

import pytest

from benchmarks.conftest import Scoreboard
from benchmarks.peers.openspiel import Peer, rates_beside_openspiel
from benchmarks.trainer import AlgorithmTrainer
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice

PEERS = {
    "outcome sampling on Leduc": Peer(
        lambda: leduc(merge_suits=False),
        "outcome_sampling",
        "OutcomeSamplingMCCFRSolver",
        "run_iteration",
        "leduc_poker",
        1_000_000,
        40_000,
    ),
    "external sampling on liar's dice": Peer(
        liars_dice,
        "external_sampling",
        "ExternalSamplingMCCFRSolver",
        "run_iteration",
        "liars_dice",
        50_000,
        2_000,
    ),
}


@pytest.mark.parametrize("name", PEERS)
def test_beside_openspiel(benchmark, scoreboard: Scoreboard, name: str) -> None:
    rate, ratio = rates_beside_openspiel(benchmark, PEERS[name])
    scoreboard.note(f"{name}: iterations/s", rate)
    scoreboard.at_least(f"{name}: rate beside OpenSpiel's C++ solver", ratio, 20)


# Options of the algorithm, iterations of a task, iterations between discounts (None: never).
AFTER_A_SECOND = {
    "external_sampling": ({}, 16_384, None),
    "outcome_sampling": ({}, 16_384, None),
    "chance_sampling": ({}, 1_024, None),
    "public_chance_sampling": ({"weighting": "linear"}, 1_024, None),
    "public_chance_sampling, dcfr": ({}, 1_024, 1_024),
}


def exploitability_after_one_second(name: str, seed: int) -> float:
    """Train on Leduc, suits merged, for a second of one core."""
    options, task, interval = AFTER_A_SECOND[name]
    trainer = AlgorithmTrainer(leduc(), name.partition(",")[0], seed=seed, **options)
    end = time.thread_time() + 1.0
    while time.thread_time() < end:
        trainer.run(task)
        if interval is not None:
            trainer.discount(interval, alpha=1.5, beta=0.5, gamma=2.0)
    return trainer.exploitability()


@pytest.mark.parametrize("name", AFTER_A_SECOND)
def test_exploitability_after_one_second(benchmark, scoreboard: Scoreboard, name: str) -> None:
    found = [exploitability_after_one_second(name, seed) for seed in range(5)]
    benchmark.pedantic(exploitability_after_one_second, args=(name, 9), rounds=1, iterations=1)
    benchmark.extra_info.update(exploitability=found)
    median = statistics.median(found)
    line = f"Leduc, suits merged: exploitability after 1 s of {name}"
    if name.startswith("public"):
        scoreboard.at_most(line, median, 0.0077, "chips")
    else:
        scoreboard.note(line, median, "chips")
