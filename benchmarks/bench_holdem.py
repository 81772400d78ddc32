"""Hold'em: deals per second, and iterations beside donksolver on the same game, in one run.

Heads-up the seats of later streets are exchanged for that (``benchmarks/peers/donksolver.py``). An
iteration is one deal and one sweep for each player, on both sides. The peer's own command
builds its buckets, ours are percentile buckets of the same counts.
``pytest benchmarks/bench_holdem.py --benchmark-only``; the buckets take a few minutes once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.conftest import ROUNDS, Scoreboard
from benchmarks.peers.donksolver import small_blind_first
from benchmarks.peers.donksolver_strategy import peer_bucket_file
from benchmarks.trainer import KernelTrainer
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.kernels.training.averaged_on_paths import external_sampling_averaged_on_paths
from cfr_shm.kernels.training.deal import deal_many
from cfr_shm.layout.task import RESULT_NODES, WEIGHT_LINEAR, Task
from cfr_shm.memory.tables import allocate_scratch, create_training_arena
from cfr_shm.run.setup import settle

OURS = 64 * 1024
PEER = 20_000
DEALS = 500_000


#: donksolver's presets at 100 big blinds: our config of as many nodes, how many times as fast we
#: want to be with averages as configured and without.
PEERS = {"hu": ("peer_donk_hu100", 3.0, 2.5), "6max-lite": ("peer_donk_6max100", 5.0, 2.0)}


@cache
def peer_game(name: str) -> Game:
    """Return our side of a comparison; ``name`` is that of our config."""
    config = load_config(name)
    game = load_game(config.game, print, config.abstraction)
    return small_blind_first(game) if game.player_count == 2 else game


class WithPaths(KernelTrainer):
    """Takes averages on paths of their own, as is the default for three and more players."""

    probability = 1.0

    def run(self, count: int) -> int:
        """Run ``count`` more iterations and return the nodes visited."""
        task = Task(
            self.seed, self.done, count, *self.settings, average_probability=self.probability
        )
        views = self.views.for_kernel(self.scratch)
        external_sampling_averaged_on_paths(views, task, self.result)
        self.done += count
        return int(self.result[RESULT_NODES])


class WithoutAverage(WithPaths):
    """Updates regrets and leaves the average alone."""

    probability = 0.0


def peer_solver(preset: str, averaging: bool) -> Any:
    """Return donksolver on one of its presets; skip where it is not installed."""
    donksolver = pytest.importorskip("donksolver")
    solve = donksolver.Solve() if averaging else donksolver.Solve(avg_mode="off")
    spot = donksolver.preset(preset, stack_bb=100)
    return donksolver.Solver.nlhe(spot, os.fspath(peer_bucket_file()), solve)


def settings_of(config: Config, game: Game, averaging: bool, directory: Path) -> EngineSettings:
    """Return what a run of two workers has, less its average if there is to be none."""
    settings = replace(settle(config, game, directory).engine, worker_count=2)
    if averaging:
        return settings
    off = replace(settings.algorithm, averaging="separate", average_probability=0.0)
    return replace(settings, algorithm=off)


def advance(engine: Engine, ledger: IterationLedger) -> float:
    """Work on a ledger; return the CPU seconds of all workers and of the coordinator."""
    before = engine.stats()
    engine.advance(ledger, lambda: False, lambda stats: None)
    after = engine.stats()
    return (
        after.user_cpu_seconds
        + after.system_cpu_seconds
        - before.user_cpu_seconds
        - before.system_cpu_seconds
    )


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process, threads included: other work does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(*works: Callable[[], object]) -> list[float]:
    """Return each work's median CPU time, taken in turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, taken in zip(works, times, strict=True):
            taken.append(processor_seconds(work))
    return [float(np.median(taken)) for taken in times]


@pytest.mark.parametrize("averaging", [True, False], ids=["as configured", "off"])
@pytest.mark.parametrize("preset", PEERS)
def test_beside_donksolver(benchmark, scoreboard: Scoreboard, preset: str, averaging: bool) -> None:
    config, wanted, wanted_off = PEERS[preset]
    game = peer_game(config)
    configured = WithPaths if game.player_count > 2 else KernelTrainer
    kind = configured if averaging else WithoutAverage
    trainer = kind(game, in_flight=8, weighting=WEIGHT_LINEAR)
    peer = peer_solver(preset, averaging)
    # Early strategies visit other nodes than later ones: both sides begin with as many.
    trainer.run(2 * OURS)
    peer.run(2 * OURS, 1)
    ours, theirs = in_turns(lambda: trainer.run(OURS), lambda: peer.run(PEER, 1))
    benchmark.pedantic(lambda: trainer.run(OURS), rounds=ROUNDS, iterations=1)
    rate, peer_rate = OURS / ours, PEER / theirs
    benchmark.extra_info.update(iterations_per_second=rate, peer_iterations_per_second=peer_rate)
    name = f"{config}, averaging {'as configured' if averaging else 'off'}"
    scoreboard.note(f"{name}: iterations/s of one core", rate)
    scoreboard.note(f"{name}: donksolver's", peer_rate)
    least = wanted if averaging else wanted_off
    scoreboard.at_least(f"{name}: beside donksolver", rate / peer_rate, least)
    if averaging:
        entries = peer.info()["entries"]
        scoreboard.note(f"{config}: table bytes per entry", game.table_bytes / entries)
        scoreboard.note(f"{config}: donksolver's", peer.info()["table_bytes"] / entries)


@pytest.mark.parametrize("averaging", [True, False], ids=["as configured", "off"])
@pytest.mark.parametrize("preset", PEERS)
def test_two_workers_beside_two_threads(
    benchmark, scoreboard: Scoreboard, tmp_path: Path, preset: str, averaging: bool
) -> None:
    config, wanted, wanted_off = PEERS[preset]
    game = peer_game(config)
    peer = peer_solver(preset, averaging)
    chosen = settings_of(load_config(config), game, averaging, tmp_path)
    warm, end = 2 * OURS, 2 * OURS + ROUNDS * 2 * OURS
    arena = create_training_arena(game, 2, "benchmark")
    try:
        with open_engine(chosen, arena, in_process=False) as engine:
            advance(engine, IterationLedger(warm))
            peer.run(warm, 2)
            ours = advance(engine, IterationLedger(end, [(0, warm)]))
            theirs = processor_seconds(lambda: peer.run(ROUNDS * PEER, 2))
            again = IterationLedger(end + OURS, [(0, end)])
            benchmark.pedantic(advance, args=(engine, again), rounds=1, iterations=1)
    finally:
        arena.unlink()
        arena.close()
    rate, peer_rate = (end - warm) / ours, ROUNDS * PEER / theirs
    name = f"{config}, averaging {'as configured' if averaging else 'off'}, two workers"
    scoreboard.note(f"{name}: iterations/s per core", rate)
    scoreboard.note(f"{name}: donksolver's", peer_rate)
    least = wanted if averaging else wanted_off
    scoreboard.at_least(f"{name}: beside donksolver", rate / peer_rate, least)


@pytest.mark.parametrize("players", [2, 6])
def test_deals(benchmark, scoreboard: Scoreboard, players: int) -> None:
    """Deals without a traversal in between: nothing hides the reads of the buckets."""
    name = {2: "peer_donk_hu100", 6: "peer_donk_6max100"}[players]
    deals = deals_of(name, players)
    scratch = allocate_scratch(players, 4, 1, 1, 1)
    bucket = np.zeros((DEALS, players, 4), np.int32)
    strength = np.zeros((DEALS, players), np.int32)
    first = [0]

    def work() -> None:
        deal_many(deals, 1, first[0], scratch, bucket, strength)
        first[0] += DEALS

    work()
    (taken,) = in_turns(work)
    benchmark.pedantic(work, rounds=ROUNDS, iterations=1)
    scoreboard.note(f"{players} players: M deals/s", DEALS / taken / 1e6)
    if players == 2:
        scoreboard.at_most("2 players: microseconds a deal", taken / DEALS * 1e6, 0.6, "us")


def deals_of(name: str, players: int):  # type: ignore[no-untyped-def]
    """Return the deals of a preset without building its tree."""
    from cfr_shm.cards.deck import STANDARD
    from cfr_shm.games.holdem.bucket_choice import load_buckets
    from cfr_shm.games.holdem.card_deals import holdem_deals

    config = load_config(name)
    buckets = load_buckets(config.abstraction, STANDARD, range(4), print)
    return holdem_deals(buckets, players, 4)
