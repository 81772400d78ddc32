"""Reads of card buckets from sealed memory beside reads of the same bytes in a mapped file.

``pytest benchmarks/bench_sealed_buckets.py --benchmark-only``; docs/adr/0027 has the figures.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.conftest import Scoreboard
from benchmarks.trainer import KernelTrainer
from cfr_shm.config.load import load_config
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.layout.cards import BUCKET_ARRAYS

ITERATIONS = 64 * 1024
TURNS = 16


def mapped(game: Game, path: Path) -> Game:
    """Return the game with its buckets in a file that is mapped."""
    cards = game.deals.cards
    held = {}
    for name in BUCKET_ARRAYS:
        (path / name).write_bytes(getattr(cards, name).tobytes())
        held[name] = np.asarray(np.memmap(path / name, np.uint8, "r"))
    return replace(game, deals=game.deals._replace(cards=cards._replace(**held)))


def cpu_seconds(trainer: KernelTrainer) -> float:
    """Return the CPU time of one turn."""
    start = time.thread_time()
    trainer.run(ITERATIONS)
    return time.thread_time() - start


@pytest.mark.parametrize("name", ["hu_small", "hu_standard"])
def test_sealed_beside_mapped(benchmark, scoreboard: Scoreboard, name: str, tmp_path: Path) -> None:
    """One process, one worker, eight in flight, in turns that begin with each in turn.

    The same buckets from sealed memory twice: what lies where in memory is worth some per cent.
    """
    config = load_config(name)
    game = load_game(config.game, print, config.abstraction)
    games = (game, mapped(game, tmp_path), game, mapped(game, tmp_path))
    sides = [KernelTrainer(each, in_flight=8) for each in games]
    for side in sides:
        side.run(ITERATIONS)
    taken: list[list[float]] = [[] for _ in sides]
    for turn in range(TURNS):
        for place in range(len(sides)):
            side = (turn + place) % len(sides)
            taken[side].append(cpu_seconds(sides[side]))
    benchmark.pedantic(cpu_seconds, args=(sides[0],), rounds=1, iterations=1)
    sealed, file = (statistics.median(taken[one] + taken[one + 2]) for one in (0, 1))
    scoreboard.at_least(f"{name}: sealed buckets beside a mapped file", file / sealed, 0.98)
    medians = [statistics.median(each) for each in taken]
    scoreboard.note(f"{name}: sealed, one table beside another", medians[2] / medians[0])
    scoreboard.note(f"{name}: mapped, one table beside another", medians[3] / medians[1])
