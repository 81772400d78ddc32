"""Full-width algorithms beside OpenSpiel's C++ solvers on one core, and two workers beside one.

``pytest benchmarks/bench_full_width.py --benchmark-only``
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from plain_settings import algorithm_settings, engine_settings

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from benchmarks.peers.openspiel import Peer, rates_beside_openspiel
from benchmarks.trainer import AlgorithmTrainer
from cfr_shm.algorithms import FULL_WIDTH
from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.games.game import Game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.trees.vector_form import outline
from cfr_shm.machine.cores import usable_cores
from cfr_shm.memory.tables import create_training_arena

PEERS = {
    "Leduc, suits apart": Peer(
        lambda: leduc(merge_suits=False),
        "cfr_plus",
        "CFRPlusSolver",
        "evaluate_and_update_policy",
        "leduc_poker",
        10_000,
        50,
    ),
    "liar's dice, 6 sides": Peer(
        liars_dice, "cfr", "CFRSolver", "evaluate_and_update_policy", "liars_dice", 500, 5
    ),
}


@pytest.mark.parametrize("name", PEERS)
def test_beside_openspiel(benchmark, scoreboard: Scoreboard, name: str) -> None:
    algorithm = PEERS[name].algorithm
    rate, ratio = rates_beside_openspiel(benchmark, PEERS[name])
    scoreboard.note(f"{name}: {algorithm} iterations/s", rate)
    scoreboard.at_least(f"{name}: {algorithm} rate beside OpenSpiel's C++ solver", ratio, 50)


@pytest.mark.parametrize("algorithm", FULL_WIDTH)
def test_every_algorithm_on_leduc(benchmark, scoreboard: Scoreboard, algorithm: str) -> None:
    trainer = AlgorithmTrainer(leduc(merge_suits=False), algorithm)
    benchmark.pedantic(lambda: trainer.run(5_000), rounds=ROUNDS, iterations=1, warmup_rounds=1)
    rate = 5_000 / benchmark.stats.stats.median
    scoreboard.note(f"Leduc, suits apart: {algorithm} iterations/s", rate)


# Game, iterations of one turn, speed-up of two workers that is wanted (None: only noted).
TOGETHER: dict[str, tuple[Callable[[], Game], int, float | None]] = {
    "Leduc, suits apart": (lambda: leduc(merge_suits=False), 5_000, None),
    "liar's dice, 6 sides": (liars_dice, 400, 1.6),
    "Goofspiel, 5 cards": (lambda: goofspiel(cards=5), 400, 1.6),
    "Leduc, 3 players": (lambda: leduc(3), 250, 1.6),
    "liar's dice, 2 dice of 4 sides": (lambda: liars_dice(dice=2, sides=4), 20, 1.7),
}


@contextlib.contextmanager
def trained_by(game: Game, workers: int) -> Iterator[Engine]:
    """An engine of worker processes that run CFR+."""
    algorithm = algorithm_settings(name="cfr_plus")
    settings = engine_settings(
        game,
        worker_count=workers,
        drain_window=1,
        on_worker_death="abort",
        algorithm=algorithm,
        cores=usable_cores(),
    )
    words = outline(game.tree, game.deals).vector_words
    planes = algorithm.state_planes
    with (
        create_training_arena(game, workers, "benchmark", planes, None, words) as arena,
        open_engine(settings, arena, in_process=False) as engine,
    ):
        yield engine


class Turns:
    """An engine's iterations, some in each turn; the workers' CPU time with them."""

    def __init__(self, engine: Engine, count: int) -> None:
        """Run so many iterations of ``engine`` in each turn."""
        self.engine, self.count, self.done = engine, count, 0

    def __call__(self) -> None:
        """Run one turn."""
        ledger = IterationLedger(self.done + self.count, [(0, self.done)] if self.done else [])
        self.engine.advance(ledger, lambda: False, lambda stats: None)
        self.done += self.count

    def iterations_per_cpu_second(self) -> float:
        """Return the rate so far by CPU time of all workers, spinning at meetings included."""
        stats = self.engine.stats()
        return stats.iterations / (stats.user_cpu_seconds + stats.system_cpu_seconds)


@pytest.mark.parametrize("name", TOGETHER)
def test_two_workers_beside_one(benchmark, scoreboard: Scoreboard, name: str) -> None:
    build, count, wanted = TOGETHER[name]
    game = build()
    with trained_by(game, 1) as alone, trained_by(game, 2) as together:
        one, two = Turns(alone, count), Turns(together, count)
        single, double = in_turns(one, two)
        benchmark.pedantic(two, rounds=1, iterations=1)
        speedup = single / double
        efficiency = two.iterations_per_cpu_second() / one.iterations_per_cpu_second()
    benchmark.extra_info.update(speedup=speedup, efficiency=efficiency)
    line = f"{name}: two workers beside one"
    if wanted is None:
        scoreboard.note(line, speedup, "x")
    else:
        scoreboard.at_least(line, speedup, wanted)
    scoreboard.note(f"{name}: the same by CPU time, of 2", 2 * efficiency, "x")
