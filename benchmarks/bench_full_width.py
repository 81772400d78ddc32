"""Full-width algorithms beside OpenSpiel's C++ solvers, one core, one run.

One iteration updates each player once on both sides. ``pytest benchmarks/bench_full_width.py
--benchmark-only``
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from benchmarks.trainer import AlgorithmTrainer
from cfr_shm.algorithms import FULL_WIDTH
from cfr_shm.games.game import Game
from cfr_shm.games.leduc import leduc
from cfr_shm.games.liars_dice import liars_dice

# Game, our algorithm, OpenSpiel's solver and game, our iterations, theirs.
PEERS: dict[str, tuple[Callable[[], Game], str, str, str, int, int]] = {
    "Leduc, suits apart": (
        lambda: leduc(merge_suits=False),
        "cfr_plus",
        "CFRPlusSolver",
        "leduc_poker",
        10_000,
        50,
    ),
    "liar's dice, 6 sides": (liars_dice, "cfr", "CFRSolver", "liars_dice", 500, 5),
}


@pytest.mark.parametrize("name", PEERS)
def test_beside_openspiel(benchmark, scoreboard: Scoreboard, name: str) -> None:
    pyspiel = pytest.importorskip("pyspiel")
    build, algorithm, solver, openspiel_game, count, peer_count = PEERS[name]
    trainer = AlgorithmTrainer(build(), algorithm)
    peer = getattr(pyspiel, solver)(pyspiel.load_game(openspiel_game))

    def run_peer() -> None:
        for _ in range(peer_count):
            peer.evaluate_and_update_policy()

    ours, theirs = in_turns(lambda: trainer.run(count), run_peer)
    benchmark.pedantic(lambda: trainer.run(count), rounds=ROUNDS, iterations=1)
    ratio = (count / ours) / (peer_count / theirs)
    benchmark.extra_info.update(openspiel_ratio=ratio, iterations_per_second=count / ours)
    scoreboard.note(f"{name}: {algorithm} iterations/s", count / ours)
    scoreboard.at_least(f"{name}: {algorithm} rate beside OpenSpiel's C++ solver", ratio, 50)


@pytest.mark.parametrize("algorithm", FULL_WIDTH)
def test_every_algorithm_on_leduc(benchmark, scoreboard: Scoreboard, algorithm: str) -> None:
    trainer = AlgorithmTrainer(leduc(merge_suits=False), algorithm)
    benchmark.pedantic(lambda: trainer.run(5_000), rounds=ROUNDS, iterations=1, warmup_rounds=1)
    rate = 5_000 / benchmark.stats.stats.median
    scoreboard.note(f"Leduc, suits apart: {algorithm} iterations/s", rate)
