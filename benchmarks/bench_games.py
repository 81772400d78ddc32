"""Liar's dice and Goofspiel beside OpenSpiel's C++ solver, and the import of an OpenSpiel tree.

An iteration draws one deal and traverses it once for each player, ours and theirs.
``pytest benchmarks/bench_games.py --benchmark-only``
"""

from __future__ import annotations

import time

import pytest

from benchmarks.conftest import ROUNDS, Scoreboard, in_turns
from benchmarks.trainer import KernelTrainer
from cfr_shm.games.imported.openspiel import import_game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.liars_dice import liars_dice

#: Game, our and their iterations in a turn, and the ratio that is wanted.
GAMES = {
    "liar's dice": (liars_dice, 200_000, 3_000, 20),
    "Goofspiel, 5 cards": (goofspiel, 60_000, 600, 20),
}

#: 969,523 histories.
MILLION = "goofspiel(num_cards=6,imp_info=True,points_order=descending,returns_type=win_loss)"


@pytest.mark.parametrize("name", GAMES)
def test_external_sampling_beside_openspiel(benchmark, scoreboard: Scoreboard, name: str) -> None:
    pyspiel = pytest.importorskip("pyspiel")
    build, ours_count, theirs_count, wanted = GAMES[name]
    trainer = KernelTrainer(build())
    loaded = pyspiel.load_game(trainer.game.openspiel_name)
    peer = pyspiel.ExternalSamplingMCCFRSolver(loaded, 1)

    def run_peer() -> None:
        for _ in range(theirs_count):
            peer.run_iteration()

    ours, theirs = in_turns(lambda: trainer.run(ours_count), run_peer)
    benchmark.pedantic(lambda: trainer.run(ours_count), rounds=ROUNDS, iterations=1)
    rate = ours_count / ours
    ratio = rate / (theirs_count / theirs)
    benchmark.extra_info.update(openspiel_ratio=ratio, iterations_per_second=rate)
    scoreboard.note(f"{name}: iterations/s", rate)
    scoreboard.at_least(f"{name}: rate beside OpenSpiel's C++ solver", ratio, wanted)


def test_import_of_a_million_histories(benchmark, scoreboard: Scoreboard) -> None:
    pytest.importorskip("pyspiel")
    began = time.monotonic()
    game = benchmark.pedantic(import_game, args=(MILLION,), rounds=1, iterations=1)
    seconds = (time.monotonic() - began) * 1e6 / len(game.tree.nodes)
    benchmark.extra_info.update(histories=len(game.tree.nodes))
    scoreboard.at_most("OpenSpiel import, a million histories", seconds, 60.0, "s")
