"""The ladder beside donksolver: its game, equal CPU time of one core, paired by seed; resumable.

::

    donksolver, seed --> CPU seconds --> its rows on our tree --+--> local best response
    recipe, seed ------> CPU seconds --> smoothed or not -------+--> the same deals
                                                                +--> match, all hands on boards

``python -m benchmarks.bench_strength_peer --place DIR --results FILE`` goes on where it was ended;
``--table`` prints what is there. Of 10 minutes a training of ours takes as long, and donksolver's.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.bench_strength import RECIPES, about, check_recipes, pair, read_results, told
from benchmarks.peers.donksolver import small_blind_first
from benchmarks.peers.donksolver_strategy import (
    check_beside_server,
    peer_bucket_file,
    peer_strategy,
    with_peer_buckets,
)
from benchmarks.peers.trainings import Clock, train_ours, train_peer
from cfr_shm.config.load import load_config
from cfr_shm.errors import CfrShmError
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.memory.tables import table_of
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.smoothing import smoothed_rows
from cfr_shm.strategy.table import TableStrategy

CONFIG, PRESET, STACK = "peer_donk_hu100", "hu", 100
PEER = "donksolver"
#: 95 % of a normal distribution: thousands of pairs.
NORMAL = 1.959964


class Effort(NamedTuple):
    """How long is trained, and how much is measured."""

    cpu_seconds: float
    pairs: int
    match_boards: int


@cache
def our_game() -> Game:
    """Return our tree of its sizes, its seats exchanged, with our buckets."""
    config = load_config(CONFIG)
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
    """Train a recipe, or go on; return its average strategy, smoothed as the recipe says."""
    recipe, game = RECIPES[name], our_game()
    config = load_config(CONFIG, overrides=[*recipe.overrides, f"run.seed={seed}"])
    rows = train_ours(game, config, place / f"{recipe.training}.s{seed}", effort.cpu_seconds)
    rows = smoothed_rows(game, rows, False, recipe.smoothing)
    return TableStrategy(name, game, Strategy.from_table(game, table_of(rows)))


def ratio(one: Any, other: Any) -> list[float]:
    """Return a ratio of means of paired samples and the half-width of its 95 % interval.

    To first order: what is left of the samples when the ratio is taken out.
    """
    found = float(np.mean(one) / np.mean(other))
    left = np.asarray(one) - found * np.asarray(other)
    half = NORMAL * float(np.std(left, ddof=1)) / math.sqrt(len(left)) / float(np.mean(other))
    return [found, half]


class _Peer(NamedTuple):
    strategy: TableStrategy
    lost: Any  # to local best response, mbb of each pair


def climb(
    names: Sequence[str], seeds: Sequence[int], effort: Effort, place: Path, path: Path
) -> Iterator[dict[str, Any]]:
    """Train and measure what is not in the results yet; yield each line as it is written.

    Raises:
        UsageError: recipes or results that do not fit.
    """
    check_recipes([name for name in names if name != PEER], CONFIG)
    head = about(CONFIG, effort) | {"beside": PEER}
    known = {(line["recipe"], line["seed"]) for line in read_results(path, head)}
    if not path.exists():
        path.write_text(json.dumps(head) + "\n")
    for seed in seeds:
        wanted = [name for name in [PEER, *names] if (name, seed) not in known]
        if not wanted:
            continue
        other = peer(seed, effort, place)
        known_peer = _Peer(other, _lost(other, effort))
        for name in wanted:
            line = {"recipe": name, "seed": seed} | _measured(name, seed, known_peer, effort, place)
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            yield line


def _measured(name: str, seed: int, other: _Peer, effort: Effort, place: Path) -> dict[str, Any]:
    """Return what a recipe, or donksolver itself, loses and wins."""
    from cfr_shm.evaluation.gathering import Length
    from cfr_shm.evaluation.range_match import range_match

    training = PEER if name == PEER else RECIPES[name].training
    if name == PEER:
        found: dict[str, Any] = {"lbr": told(other.lost)}
    else:
        one = ours(name, seed, effort, place)
        lost = _lost(one, effort)
        won = range_match(one, other.strategy, Length(effort.match_boards, None), workers=1).value
        scaled = won.scaled(100.0 / one.game.big_blind)
        found = {"bb100": [scaled.value, scaled.high - scaled.value], "lbr": told(lost)}
        found |= {"lbr_less": told(other.lost - lost), "lbr_ratio": ratio(lost, other.lost)}
    clock = Clock(place / f"{training}.s{seed}")
    return found | {"iterations": clock.iterations, "training_cpu_seconds": clock.seconds}


def _lost(strategy: TableStrategy, effort: Effort) -> Any:
    """Return what a local best response wins, mbb a hand, by pair of deals."""
    from cfr_shm.evaluation.local_response import local_response

    samples = local_response(strategy, effort.pairs, workers=1).samples
    return samples.mean(axis=1) * 1000.0 / strategy.game.big_blind


def table(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Return results as a table of Markdown, by recipe and seed."""
    found = [
        "| recipe | seed | iterations | bb/100 v donksolver | LBR, mbb | of donksolver's, paired |",
        "|---|---|---|---|---|---|",
    ]
    order = [PEER, *RECIPES]
    for line in sorted(lines, key=lambda each: (order.index(each["recipe"]), each["seed"])):
        row = [line["recipe"], str(line["seed"]), f"{line['iterations'] / 1e6:.1f} M"]
        row += [pair(line.get("bb100"), 2), pair(line["lbr"], 0), pair(line.get("lbr_ratio"), 2)]
        found.append(f"| {' | '.join(row)} |")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Climb or print as told; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--recipes", default="linear,linear~1,linear~2,d15~4")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--pairs", type=int, default=40_000)
    parser.add_argument("--match-boards", type=int, default=400)
    parser.add_argument("--place", type=Path, default=Path("runs/strength-peer"))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args(arguments)
    effort = Effort(given.seconds, given.pairs, given.match_boards)
    try:
        if given.table:
            head = about(CONFIG, effort) | {"beside": PEER}
            print("\n".join(table(read_results(given.results, head))))
            return 0
        seeds, names = [int(each) for each in given.seeds.split(",")], given.recipes.split(",")
        for line in climb(names, seeds, effort, given.place, given.results):
            print(json.dumps(line), flush=True)
    except CfrShmError as error:
        print(f"bench_strength_peer: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
