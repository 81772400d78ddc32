"""The ladder: how strong recipes play after equal work, paired by seed; resumable, left out of nox.

::

    recipe x seed -> training (``cfr-shm train``, or ``resume`` where it was ended early)
                  -> local best response, best response from the river: the same deals for all
                  -> match against the first recipe of the same seed, all hands on drawn boards
                  -> one line of RESULTS, at once

``python -m benchmarks.bench_strength --place DIR --results FILE`` goes on where it was ended; what
is in RESULTS is not measured again. ``--draw FILE`` draws what is there, ``--table`` prints it.
Half an hour of one core with the defaults; docs/strength.md has what was found.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.ladder import (
    RECIPES,
    Ladder,
    Line,
    Picture,
    Recipe,
    about,
    check_recipes,
    climb_or_show,
    lost_locally,
    pair,
    parser_of,
    told,
    won_on_boards,
)
from cfr_shm.config.identity import fingerprinted_values
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.config.smoothing_values import UNSMOOTHED, Smoothing
from cfr_shm.errors import UsageError

#: What the others are compared with.
BASE = "linear"


class Effort(NamedTuple):
    """How much is trained and measured."""

    iterations: int
    pairs: int
    boards: int
    match_boards: int


def train(config: str, recipe: Recipe, seed: int, effort: Effort, place: Path) -> list[Path]:
    """Train a recipe to its iterations, or go on with it; return its run directories.

    Raises:
        UsageError: what lies there under its name was configured otherwise.
    """
    bound = -(-effort.iterations // recipe.parts)
    return [
        _trained(config, recipe, own_seed, bound, place / name)
        for name, own_seed in recipe.trainings(seed)
    ]


def _trained(config: str, recipe: Recipe, seed: int, iterations: int, run: Path) -> Path:
    command = [sys.executable, "-m", "cfr_shm"]
    bound = ["--iters", str(iterations)]
    summary = run / "summary.json"
    if summary.exists():
        refuse_another(run, load_config(config, overrides=[*recipe.overrides, f"run.seed={seed}"]))
        if json.loads(summary.read_text())["iterations"] >= iterations:
            return run
        command += ["resume", str(run), *bound]
    else:
        command += ["train", "-c", config, "--logdir", str(run), "--seed", str(seed), *bound]
        command += ["--num-workers", "1", "--no-tensorboard", "--set", "run.quality=off"]
        command += ["--time-budget", "1e6"]
        command += [part for each in recipe.overrides for part in ("--set", each)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return run


def refuse_another(run: Path, wanted: Config) -> None:
    """Refuse a run that lies under a recipe's name and is of another configuration.

    Raises:
        UsageError: names the first key that differs.
    """
    found, expected = (
        fingerprinted_values(each) for each in (load_config(run / "config.yaml"), wanted)
    )
    for key, value in expected.items():
        if found.get(key) != value:
            raise UsageError(
                f"{run}: its {key} is {found.get(key)}, that of the recipe on this ladder is "
                f"{value}; name another directory by --place"
            )


def strategy_of(runs: Sequence[Path], smoothing: Smoothing) -> Any:
    """Return the strategy of a run, or of the sum of several, smoothed."""
    from cfr_shm.cli.sources import open_strategy
    from cfr_shm.strategy.sums import PLUS

    return open_strategy(PLUS.join(map(str, runs)), smoothing=smoothing).strategy


def measure(name: str, runs: Sequence[Path], base: Sequence[Path], effort: Effort) -> Line:
    """Return what a recipe's strategy loses to responders and wins of the base.

    Mbb a hand, and bb/100.
    """
    from cfr_shm.evaluation.sampled_response import sampled_response, street_named

    one = strategy_of(runs, RECIPES[name].smoothing)
    milli = 1000.0 / (one.game.big_blind or 1.0)
    local = lost_locally(one, effort.pairs)
    river = sampled_response(one, street_named(one.game, "river"), effort.boards, workers=1)
    found: Line = {"lbr": told(local), "river": told(river.samples * milli)}
    if name != BASE:
        other = strategy_of(base, UNSMOOTHED)
        found["bb100"] = won_on_boards(one, other, effort.match_boards)
        found["match_boards"] = effort.match_boards
        found["lbr_less"] = told(lost_locally(other, effort.pairs) - local)
    return found


def rung(config: str, effort: Effort, place: Path, name: str, seed: int) -> Line:
    """Train and measure a recipe; return its line of results."""
    base = train(config, RECIPES[BASE], seed, effort, place)
    runs = train(config, RECIPES[name], seed, effort, place)
    began = time.process_time()
    found = measure(name, runs, base, effort)
    summaries = [json.loads((run / "summary.json").read_text()) for run in runs]
    found["iterations"] = sum(each["iterations"] for each in summaries)
    found["training_cpu_seconds"] = sum(each["user_cpu_seconds"] for each in summaries)
    return found | {"measuring_cpu_seconds": time.process_time() - began}


COLUMNS = {
    "bb/100 v linear": lambda line: pair(line.get("bb100"), 2),
    "LBR, mbb": lambda line: pair(line["lbr"], 0),
    "less than linear's, paired": lambda line: pair(line.get("lbr_less"), 0),
    "river, mbb": lambda line: pair(line["river"], 0),
}

PICTURE = Picture(
    lost="lbr",
    across="wins of linear of the same seed, bb/100",
    upwards="loses to local best response, mbb a hand",
)


def ladder(given: argparse.Namespace) -> Ladder:
    """Return the ladder that is asked for.

    Raises:
        UsageError: recipes that do not fit.
    """
    names = given.recipes.split(",")
    check_recipes(names, given.config)
    effort = Effort(given.iters, given.pairs, given.boards, given.match_boards)

    def measured(name: str, seed: int) -> Line:
        return rung(given.config, effort, given.place, name, seed)

    return Ladder(about(given.config, effort), names, list(RECIPES), measured, COLUMNS, PICTURE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Climb, draw or print as told; return the exit code."""
    usual = "linear,linear~2,linear~4,d05,d15~4"
    parser = parser_of(__doc__, recipes=usual, pairs=40_000, boards=100)
    parser.add_argument("-c", "--config", default="peer_donk_hu100")
    parser.add_argument("--iters", type=int, default=12_000_000)
    parser.add_argument("--boards", type=int, default=40)
    return climb_or_show("bench_strength", ladder, parser.parse_args(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
