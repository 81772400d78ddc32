"""The ladder beside donksolver: its game, equal CPU time of one core, paired by seed; resumable.

::

    donksolver, seed --> CPU seconds --> its rows on our tree --+--> local best response
    recipe, seed ------> CPU seconds --> summed, smoothed ------+--> the same deals
                                                                +--> match, all hands on boards

``python -m benchmarks.bench_strength_peer --place DIR --results FILE`` goes on where it was ended;
``--table`` prints what is there, ``--draw FILE`` draws it. A training of ours takes as long as
donksolver's; parts of a recipe that are summed share the time. Buckets are built before.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.ladder import (
    RECIPES,
    Ladder,
    Line,
    Picture,
    about,
    check_recipes,
    climb_or_show,
    lost_locally,
    pair,
    parser_of,
    ratio,
    told,
    won_on_boards,
)
from benchmarks.peers.donksolver import small_blind_first
from benchmarks.peers.donksolver_strategy import (
    check_beside_server,
    peer_bucket_file,
    peer_strategy,
    with_peer_buckets,
)
from benchmarks.peers.trainings import Clock, train_ours, train_peer
from cfr_shm.config.load import load_config
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.memory.tables import table_of
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.smoothing import smoothed_rows
from cfr_shm.strategy.sums import summed_rows
from cfr_shm.strategy.table import TableStrategy

CONFIG, PRESET, STACK = "peer_donk_hu100", "hu", 100
PEER = "donksolver"


class Effort(NamedTuple):
    """How long is trained, and how much is measured."""

    cpu_seconds: float
    pairs: int
    match_boards: int


@cache
def our_game(abstraction: tuple[str, ...] = ()) -> Game:
    """Return our tree of its sizes, its seats exchanged.

    Args:
        abstraction: overrides of the configuration's buckets.
    """
    config = load_config(CONFIG, overrides=abstraction)
    return small_blind_first(load_game(config.game, print, config.abstraction))


def peer(seed: int, effort: Effort, place: Path) -> TableStrategy:
    """Train donksolver, or go on; return its average strategy."""
    import donksolver

    spot = donksolver.preset(PRESET, stack_bb=STACK)
    solver = donksolver.Solver.nlhe(
        spot, os.fspath(peer_bucket_file()), donksolver.Solve(seed=seed)
    )
    home = place / f"{PEER}.s{seed}"
    train_peer(solver, home, effort.cpu_seconds)
    found = peer_strategy(with_peer_buckets(our_game()), solver)
    check_beside_server(found, solver, home)
    return found


def ours(name: str, seed: int, effort: Effort, place: Path) -> TableStrategy:
    """Train a recipe, or go on; return its average strategy, summed and smoothed as it says."""
    recipe = RECIPES[name]
    game = our_game(tuple(each for each in recipe.overrides if each.startswith("abstraction.")))
    tables = []
    for directory, own_seed in recipe.trainings(seed):
        config = load_config(CONFIG, overrides=[*recipe.overrides, f"run.seed={own_seed}"])
        seconds = effort.cpu_seconds / recipe.parts
        tables.append(table_of(train_ours(game, config, place / directory, seconds)))
    rows = smoothed_rows(game, summed_rows(game, tables), False, recipe.smoothing)
    return TableStrategy(name, game, Strategy.from_table(game, table_of(rows)))


class Rival(NamedTuple):
    """Donksolver after a training."""

    strategy: TableStrategy
    lost: Any  # to local best response, mbb of each pair


@lru_cache(maxsize=1)
def rival(seed: int, effort: Effort, place: Path) -> Rival:
    """Return donksolver of a seed, trained and measured once for all recipes."""
    strategy = peer(seed, effort, place)
    return Rival(strategy, lost_locally(strategy, effort.pairs))


def rung(effort: Effort, place: Path, name: str, seed: int) -> Line:
    """Return what a recipe, or donksolver itself, loses and wins."""
    other = rival(seed, effort, place)
    if name == PEER:
        places, found = [f"{PEER}.s{seed}"], {"lbr": told(other.lost)}
    else:
        places = [each for each, _ in RECIPES[name].trainings(seed)]
        one = ours(name, seed, effort, place)
        lost = lost_locally(one, effort.pairs)
        found = {"bb100": won_on_boards(one, other.strategy, effort.match_boards)}
        found |= {"lbr": told(lost), "lbr_less": told(other.lost - lost)}
        found["lbr_ratio"] = ratio(lost, other.lost)
    clocks = [Clock(place / each) for each in places]
    iterations = sum(each.iterations for each in clocks)
    seconds = sum(each.seconds for each in clocks)
    return found | {"iterations": iterations, "training_cpu_seconds": seconds}


COLUMNS = {
    "iterations": lambda line: f"{line['iterations'] / 1e6:.1f} M",
    "bb/100 v donksolver": lambda line: pair(line.get("bb100"), 2),
    "LBR, mbb": lambda line: pair(line["lbr"], 0),
    "of donksolver's, paired": lambda line: pair(line.get("lbr_ratio"), 2),
}

PICTURE = Picture(
    lost="lbr_ratio",
    across="wins of donksolver of the same seed, bb/100",
    upwards="loses to local best response, over what donksolver loses",
)


def ladder(given: argparse.Namespace) -> Ladder:
    """Return the ladder that is asked for.

    Raises:
        UsageError: recipes that do not fit.
    """
    names = given.recipes.split(",")
    check_recipes(names, CONFIG)
    effort = Effort(given.seconds, given.pairs, given.match_boards)

    def measured(name: str, seed: int) -> Line:
        return rung(effort, given.place, name, seed)

    head = about(CONFIG, effort) | {"beside": PEER}
    return Ladder(head, [PEER, *names], [PEER, *RECIPES], measured, COLUMNS, PICTURE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Climb, draw or print as told; return the exit code."""
    usual = "linear,linearx2~1,ochs50x2,ochs50x2~2"
    parser = parser_of(__doc__, recipes=usual, pairs=100_000, boards=100)
    parser.add_argument("--seconds", type=float, default=600.0)
    return climb_or_show("bench_strength_peer", ladder, parser.parse_args(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
