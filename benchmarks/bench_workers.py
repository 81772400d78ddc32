"""Worker processes: speed-up, updates, idleness and wake-up.

Workers are compared by engines that take turns in one run, each from an empty table. Speed-up is
workers x nodes per CPU second over one worker's: what the cores are given by a shared machine
does not count, what workers cost each other does. What they idle away is the busy fraction. By the
clock, as settled, it is what two did in the same time: a machine of one's own is needed for that.
``pytest benchmarks/bench_workers.py --benchmark-only``
"""

from __future__ import annotations

import statistics
import time

import psutil
import pytest
from plain_settings import engine_settings

from benchmarks.conftest import ROUNDS, Scoreboard
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.engine.coordinator import Engine, open_engine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.lost_updates import estimate_lost_updates, total_strategy_weight
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic, synthetic_buckets
from cfr_shm.memory.tables import create_training_arena, training_views
from cfr_shm.run.doctor import line_transfer_seconds
from cfr_shm.run.setup import in_flight

SECONDS = 3.0
IDLE_SECONDS = 10.0

#: Smaller tables are bounded by the way of cache lines from core to core.
SMALL_BYTES = 1 << 20


def heads_up() -> Game:
    """Return heads-up hold'em at 100 big blinds, donksolver's tree; its buckets are built once."""
    config = load_config("peer_donk_hu100")
    return load_game(config.game, print, config.abstraction)


GAMES = {
    "Leduc": (leduc, 1, 1.6),
    "8 MB table": (lambda: synthetic(buckets=synthetic_buckets(8_000_000)), 8, 1.9),
    "32 MB table": (lambda: synthetic(buckets=synthetic_buckets(32_000_000)), 8, 1.75),
    "hu100": (heads_up, 8, 1.75),
    "250 MB table": (lambda: synthetic(buckets=synthetic_buckets(250_000_000)), 8, 1.75),
}


def configured(name: str, *overrides: str) -> Game:
    """Return the game of a shipped configuration."""
    config = load_config(name, {}, overrides)
    return load_game(config.game, print, config.abstraction)


#: From here on cores are far from each other: virtual ones, where the host has put them apart.
FAR_SECONDS = 100e-9

#: Small ones, with the traversals in flight that each number of workers has by default, and what
#: two workers should do of one's work where cores are near and where they are far. On Goofspiel
#: all rows come in every iteration: docs/adr/0003-updates.md.
AS_SETTLED = {
    "Goofspiel, 5 cards": (lambda: configured("goofspiel", "game.cards=5"), 1.4, 1.1),
    "Leduc, 3 players": (lambda: configured("leduc", "game.players=3"), 1.4, 1.3),
    "liar's dice": (lambda: configured("liars_dice"), 1.4, 1.35),
    "2 MB table": (lambda: synthetic(buckets=synthetic_buckets(2_000_000)), 1.4, 1.4),
    "3 MB table": (lambda: synthetic(buckets=synthetic_buckets(3_000_000)), 1.4, 1.4),
    "hu_small": (lambda: configured("hu_small"), 1.6, 1.6),
}


def settings(game: Game, workers: int, lanes: int, update: str) -> EngineSettings:
    return engine_settings(
        game,
        worker_count=workers,
        weighting="vanilla",
        in_flight=lanes,
        update=update,
    )


def train_for(game: Game, workers: int, lanes: int, update: str) -> tuple[EngineStats, float]:
    """Train for SECONDS in worker processes; return the totals and the share of lost updates."""
    arena = create_training_arena(game, workers, "benchmark")
    try:
        chosen = settings(game, workers, lanes, update)
        with open_engine(chosen, arena, in_process=False) as engine:
            end = time.monotonic() + SECONDS
            engine.advance(
                IterationLedger(None, drain_window=chosen.drain_window),
                lambda: time.monotonic() >= end,
                lambda stats: None,
                pause_at=end,
            )
            stats = engine.stats()
        views = training_views(arena)
        weight = total_strategy_weight(
            views.tree, game.deals.bucket_count, views.table.strategy_sum
        )
        del views
        return stats, estimate_lost_updates(stats.strategy_weight, 0.0, weight)
    finally:
        arena.unlink()
        arena.close()


@pytest.mark.parametrize("name", GAMES)
def test_two_workers_beside_one(benchmark, scoreboard: Scoreboard, name: str) -> None:
    build, lanes, wanted = GAMES[name]
    game = build()
    sides = {"one": (1, "racy"), "two racy": (2, "racy"), "two atomic": (2, "atomic")}
    rates: dict[str, list[float]] = {side: [] for side in sides}
    lost: list[float] = []
    busy: list[float] = []
    system: list[float] = []
    for _ in range(ROUNDS):
        for side, (workers, update) in sides.items():
            stats, share = train_for(game, workers, lanes, update)
            cpu = stats.system_cpu_seconds + stats.user_cpu_seconds
            rates[side].append(workers * stats.nodes / cpu)
            if side == "two racy":
                lost.append(share or 0.0)
                busy.extend(stats.busy_fraction)
                system.append(stats.system_cpu_seconds / cpu)
    benchmark.pedantic(train_for, args=(game, 2, lanes, "racy"), rounds=1, iterations=1)
    one, racy, atomic = (statistics.median(rates[side]) for side in sides)
    benchmark.extra_info.update(rates=rates, lost=lost, busy=busy, system=system)
    scoreboard.at_least(f"{name}: two workers beside one", racy / one, wanted)
    scoreboard.note(f"{name}: atomic beside racy, two workers", atomic / racy, "x")
    scoreboard.note(f"{name}: updates lost, two racy workers", 100 * statistics.median(lost), "%")
    if game.table_bytes < SMALL_BYTES:
        scoreboard.note("a cache line from core to core", 1e9 * line_transfer_seconds(), "ns")
    scoreboard.at_least(f"{name}: busy fraction", 100 * min(busy), 99, "%")
    scoreboard.at_most(f"{name}: system CPU", 100 * statistics.median(system), 1, "%")


@pytest.mark.parametrize("name", AS_SETTLED)
def test_two_workers_as_settled(benchmark, scoreboard: Scoreboard, name: str) -> None:
    """Two workers with what they have in flight beside one with what it has, in turns."""
    build, near, far = AS_SETTLED[name]
    game = build()
    by_cpu: list[float] = []
    by_clock: list[float] = []
    apart: list[float] = []
    for _ in range(ROUNDS):
        nodes, cpu = [], []
        apart.append(line_transfer_seconds())
        for workers in (1, 2):
            lanes = in_flight(Config(), game.table_bytes, workers)
            stats, _ = train_for(game, workers, lanes, "racy")
            nodes.append(stats.nodes)
            cpu.append((stats.system_cpu_seconds + stats.user_cpu_seconds) / workers)
        by_clock.append(nodes[1] / nodes[0])
        by_cpu.append(by_clock[-1] * cpu[0] / cpu[1])
    benchmark.pedantic(lambda: None, rounds=1)
    benchmark.extra_info.update(by_cpu=by_cpu, by_clock=by_clock, apart=apart)
    wanted = near if statistics.median(apart) < FAR_SECONDS else far
    wording = f"{name}: two workers as settled beside one"
    scoreboard.at_least(f"{wording}, CPU time", statistics.median(by_cpu), wanted)
    scoreboard.at_least(f"{wording}, clock", statistics.median(by_clock), wanted)
    scoreboard.note("a cache line from core to core", 1e9 * statistics.median(apart), "ns")


def idle_switches(engine: Engine) -> int:
    """Return the voluntary context switches of all workers during IDLE_SECONDS."""
    workers = psutil.Process().children(recursive=True)
    before = {worker: worker.num_ctx_switches().voluntary for worker in workers}
    time.sleep(IDLE_SECONDS)
    return sum(worker.num_ctx_switches().voluntary - before[worker] for worker in workers)


def test_idle_workers_and_wake_up(benchmark, scoreboard: Scoreboard) -> None:
    game = leduc()
    arena = create_training_arena(game, 2, "benchmark")
    try:
        with open_engine(settings(game, 2, 1, "racy"), arena, in_process=False) as engine:

            def one_iteration() -> None:
                engine.advance(IterationLedger(1), lambda: False, lambda stats: None)

            one_iteration()
            time.sleep(0.5)
            switches = idle_switches(engine)
            benchmark.pedantic(one_iteration, rounds=300, iterations=1, warmup_rounds=20)
    finally:
        arena.unlink()
        arena.close()
    round_trip = benchmark.stats.stats.median * 1e3
    scoreboard.at_most("idle workers: voluntary context switches in 10 s", switches, 0)
    scoreboard.at_most("wake-up, one iteration and back", round_trip, 1.0, "ms")
