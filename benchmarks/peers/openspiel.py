"""Our kernels beside OpenSpiel's C++ solvers: the same game, one core, in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from benchmarks.conftest import ROUNDS, in_turns
from benchmarks.trainer import AlgorithmTrainer
from cfr_shm.games.game import Game


class Peer(NamedTuple):
    """What runs beside what; one iteration updates each player once on both sides."""

    build: Callable[[], Game]
    algorithm: str
    solver: str  # a class of pyspiel
    step: str  # its method that runs one iteration
    openspiel_game: str
    count: int  # our iterations of one turn
    peer_count: int  # theirs


def rates_beside_openspiel(benchmark, peer: Peer) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Return our iterations per second, and how many times that is OpenSpiel's."""
    pyspiel = pytest.importorskip("pyspiel")
    trainer = AlgorithmTrainer(peer.build(), peer.algorithm)
    solver = getattr(pyspiel, peer.solver)(pyspiel.load_game(peer.openspiel_game))
    step = getattr(solver, peer.step)

    def run_peer() -> None:
        for _ in range(peer.peer_count):
            step()

    ours, theirs = in_turns(lambda: trainer.run(peer.count), run_peer)
    benchmark.pedantic(lambda: trainer.run(peer.count), rounds=ROUNDS, iterations=1)
    rate = peer.count / ours
    ratio = rate / (peer.peer_count / theirs)
    benchmark.extra_info.update(openspiel_ratio=ratio, iterations_per_second=rate)
    return rate, ratio
