"""Spots: iterations per CPU second beside a copy of the tables, and seconds to each target.

``pytest benchmarks/bench_solve.py --benchmark-only``

The bound is memory: an iteration reads and writes every slot's regret and average once. The best
open solver (postflop-solver, one thread) does 38, 32.5 and 0.50 iterations a second on a core that
copies 18 GB/s (read + written) from memory; what is wanted is a multiple of that, scaled by what
this core copies of 200 MB in the same run: a copy from memory on both sides. A copy over the
tables' own size (half of their bytes onto the other half) is told too. It judges nothing: where a
turn's tables fit a cache it is several times as fast, and what the peer's core copied of its own
tables is not known.
"""

from __future__ import annotations

import statistics
import time
from typing import Any, NamedTuple

import numpy as np
import pytest
from spot_cases import basic_spot, fast_spot

from benchmarks.conftest import Scoreboard
from cfr_shm.spots.iteration_weights import spot_algorithm
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import SpotGame

PEER_COPY = 18e9

#: Of which half is copied onto the other: more than any cache holds.
LARGE_BYTES = 400_000_000
TARGETS = (0.5, 0.3, 0.1)

#: Spot, the peer's iterations a second, what is wanted in times of it, whole and compact, and
#: iterations of one turn.
TURNS = {
    "turn, basic": (lambda: basic_spot("Td9d6hQc"), 38.0, 4.0, 5.0, 60),
    "turn, 3betpotFAST": (lambda: fast_spot("QsJh2h7c"), 32.5, 4.0, 5.0, 60),
}
FLOP = (lambda: fast_spot("QsJh2h"), 0.50, 3.5, 5.0, 2)


def copied_per_second(byte_count: int) -> float:
    """Return the bytes read and written a CPU second by copying half the tables onto the other."""
    source = np.ones(byte_count // 8, np.float32)
    target = np.zeros_like(source)
    rounds = max(3, int(2e8 / source.nbytes))
    np.copyto(target, source)
    taken = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(rounds):
            np.copyto(target, source)
        taken.append((time.process_time() - began) / rounds)
    return 2 * source.nbytes / statistics.median(taken)


class Rates(NamedTuple):
    """Medians of turns."""

    iterations: float  # per CPU second
    memory: float  # bytes a second, of a copy that no cache holds
    tables: float  # of one as large as the tables


def rates(game: SpotGame, iterations: int, compact: bool) -> Rates:
    """Iterate and copy in turns."""
    found, memory, tables = [], [], []
    with SpotSolver(game, SolverSettings(compact=compact)) as solver:
        solver.iterate(1)
        for _ in range(3):
            began = time.process_time()
            solver.iterate(iterations)
            found.append(iterations / (time.process_time() - began))
            memory.append(copied_per_second(LARGE_BYTES))
            tables.append(copied_per_second(game.table_bytes(compact=compact)))
    return Rates(*map(statistics.median, (found, memory, tables)))


def _note(
    scoreboard: Scoreboard, name: str, game: SpotGame, spot: tuple, compact: bool, benchmark: Any
) -> None:
    _, peer, wanted, wanted_compact, iterations = spot
    rate, memory, tables = benchmark.pedantic(lambda: rates(game, iterations, compact), rounds=1)
    label = f"{name}{', compact' if compact else ''}"
    goal = wanted_compact if compact else wanted
    scoreboard.note(f"{label}: iterations per CPU second", rate)
    scoreboard.note(f"{label}: million slot visits a second", 2 * rate * sum(game.sizes) / 1e6)
    scoreboard.note(f"{label}: copy of 200 MB, GB/s", memory / 1e9)
    scaled = rate / (peer * memory / PEER_COPY)
    scoreboard.at_least(f"{label}: beside the best open solver, scaled by that", scaled, goal)
    scoreboard.note(f"{label}: copy of the tables, GB/s", tables / 1e9)
    scoreboard.note(f"{label}: scaled by that", rate / (peer * tables / PEER_COPY), "x")


@pytest.mark.parametrize("compact", [False, True], ids=["whole", "compact"])
@pytest.mark.parametrize("name", TURNS)
def test_turns(benchmark, scoreboard: Scoreboard, name: str, compact: bool) -> None:
    spot = TURNS[name]
    _note(scoreboard, name, spot[0](), spot, compact, benchmark)


@pytest.mark.slow
@pytest.mark.parametrize("compact", [False, True], ids=["whole", "compact"])
def test_flop(benchmark, scoreboard: Scoreboard, compact: bool) -> None:
    _note(scoreboard, "flop, 3betpotFAST", FLOP[0](), FLOP, compact, benchmark)


@pytest.mark.parametrize("name", TURNS)
def test_seconds_to_each_target(benchmark, scoreboard: Scoreboard, name: str) -> None:
    game = TURNS[name][0]()
    algorithm = spot_algorithm("dcfr", first_street=1)

    def solve() -> None:
        targets = list(TARGETS)
        with SpotSolver(game, SolverSettings(algorithm)) as solver:
            began = time.perf_counter()
            while targets and solver.iterations < 1000:
                solver.iterate(10)
                percent = solver.exploitability()
                while targets and percent <= targets[0]:
                    taken = time.perf_counter() - began
                    label = f"{name}: to {targets.pop(0)} % of the pot, "
                    scoreboard.note(label + "iterations", solver.iterations)
                    scoreboard.note(label + "seconds", taken)

    benchmark.pedantic(solve, rounds=1)


@pytest.mark.parametrize("name", TURNS)
def test_two_workers(benchmark, scoreboard: Scoreboard, name: str) -> None:
    game, iterations = TURNS[name][0](), TURNS[name][4]

    def speed_up() -> float:
        taken: list[list[float]] = [[], []]
        solvers = [SpotSolver(game, SolverSettings(worker_count=n, cores=2)) for n in (1, 2)]
        for _ in range(5):
            for solver, times in zip(solvers, taken, strict=True):
                began = time.perf_counter()
                solver.iterate(iterations)
                times.append(time.perf_counter() - began)
        for solver in solvers:
            solver.close()
        return statistics.median(taken[0]) / statistics.median(taken[1])

    ratio = benchmark.pedantic(speed_up, rounds=1)
    scoreboard.at_least(f"{name}: two workers beside one", ratio, 1.7)
