"""The ladder: how strong recipes play after equal work, paired by seed; resumable, left out of nox.

::

    recipe x seed -> training (``cfr-shm train``, or ``resume`` where it was ended early)
                  -> local best response, best response from the river: the same deals for all
                  -> match against the first recipe of the same seed, all hands on drawn boards
                  -> one line of RESULTS, at once

``python benchmarks/bench_strength.py --place DIR --results FILE`` goes on where it was ended: what
is in RESULTS is not measured again. ``--draw FILE`` draws what is there, ``--table`` prints it.
Half an hour of one core with the defaults; docs/strength.md has what was found.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cfr_shm.config.identity import fingerprinted_values
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.errors import CfrShmError, UsageError


class Recipe(NamedTuple):
    """How a strategy is trained, and how it is read."""

    training: str  # name of its training: recipes may share one
    overrides: tuple[str, ...]
    smoothing: int = 0


def _discounted(beta: float) -> tuple[str, ...]:
    return ("algorithm.weighting=dcfr", f"algorithm.beta={beta}")


def _bucketed(method: str, count: int) -> tuple[str, ...]:
    counts = f"abstraction.bucket_counts=[169, {count}, {count}, {count}]"
    return ("algorithm.weighting=linear", f"abstraction.bucket_method={method}", counts)


#: Beta 1.5, regrets of neighbouring buckets pooled.
_POOLED = (*_discounted(1.5), "algorithm.pooling=4")

#: By name; the first one is what the others are compared with.
RECIPES = {
    "linear": Recipe("linear", ("algorithm.weighting=linear",)),
    "linear~1": Recipe("linear", ("algorithm.weighting=linear",), 1),
    "linear~2": Recipe("linear", ("algorithm.weighting=linear",), 2),
    "linear~4": Recipe("linear", ("algorithm.weighting=linear",), 4),
    "d05": Recipe("d05", _discounted(0.5)),
    "d0": Recipe("d0", _discounted(0.0)),
    "d15": Recipe("d15", _discounted(1.5)),
    "d15~4": Recipe("d15", _discounted(1.5), 4),
    "d15~8": Recipe("d15", _discounted(1.5), 8),
    "percentile50": Recipe("percentile50", _bucketed("percentile", 50)),
    "ochs50": Recipe("ochs50", _bucketed("ochs", 50)),
    "ochs200": Recipe("ochs200", _bucketed("ochs", 200)),
    "d15p4": Recipe("d15p4", _POOLED),
    "d15p4~4": Recipe("d15p4", _POOLED, 4),
}
BASE = "linear"


class Effort(NamedTuple):
    """How much is trained and measured."""

    iterations: int
    pairs: int
    boards: int
    match_boards: int


def about(config: str, effort: Effort) -> dict[str, Any]:
    """Return what results are of; those of anything else are not mixed with them."""
    values = fingerprinted_values(load_config(config))
    game = {key: values[key] for key in values if key.split(".")[0] in ("game", "abstraction")}
    return {"config": config, "game": game, "effort": effort._asdict()}


def read_results(path: Path, expected: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines that are there, none if the file is new.

    Raises:
        UsageError: they are of another game or effort, or are none; says which.
    """
    if not path.exists():
        return []
    try:
        first, *lines = [dict(json.loads(line)) for line in path.read_text().splitlines()]
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{path}: holds no results of the ladder ({error}); name another file by --results"
        ) from None
    keys = sorted(key for key in expected if first.get(key) != expected[key])
    if keys:
        raise UsageError(
            f"{path}: holds results of {first.get('config')}, and {', '.join(keys)} differ from "
            f"those of {expected['config']} as asked for; name another file by --results"
        )
    return lines


def check_recipes(names: Sequence[str], config: str) -> None:
    """Refuse recipes that there are not, or that the game has too many players for.

    Raises:
        UsageError: names the first.
    """
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        raise UsageError(f"no recipe {unknown[0]!r}; there are {', '.join(RECIPES)}")
    players = load_config(config).game.players
    if players != 2:
        raise UsageError(
            f"recipe {names[0]} is measured by local best response and matches of ranges, which "
            f"are for two players; {config} has {players}"
        )


def train(config: str, recipe: Recipe, seed: int, effort: Effort, place: Path) -> Path:
    """Train a recipe to its iterations, or go on with it; return the run directory.

    Raises:
        UsageError: what lies there under its name was configured otherwise.
    """
    run = place / f"{recipe.training}.s{seed}"
    command = [sys.executable, "-m", "cfr_shm"]
    bound = ["--iters", str(effort.iterations)]
    summary = run / "summary.json"
    if summary.exists():
        refuse_another(run, load_config(config, overrides=[*recipe.overrides, f"run.seed={seed}"]))
        if json.loads(summary.read_text())["iterations"] >= effort.iterations:
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


def measure(run: Path, base: Path, recipe: Recipe, effort: Effort) -> dict[str, Any]:
    """Return what a strategy loses to responders and wins of the base, mbb a hand and bb/100."""
    from cfr_shm.cli.sources import open_strategy
    from cfr_shm.evaluation.gathering import Length
    from cfr_shm.evaluation.local_response import local_response
    from cfr_shm.evaluation.range_match import range_match
    from cfr_shm.evaluation.sampled_response import sampled_response, street_named

    one = open_strategy(str(run), smoothing=recipe.smoothing).strategy
    milli = 1000.0 / (one.game.big_blind or 1.0)
    local = local_response(one, effort.pairs, workers=1).samples.mean(axis=1) * milli
    river = sampled_response(one, street_named(one.game, "river"), effort.boards, workers=1)
    found: dict[str, Any] = {"lbr": told(local), "river": told(river.samples * milli)}
    if run != base or recipe.smoothing:
        other = open_strategy(str(base), smoothing=0).strategy
        won = range_match(one, other, Length(effort.match_boards, None), workers=1).value
        scaled = won.scaled(milli / 10.0)
        found["bb100"] = [scaled.value, scaled.high - scaled.value]
        found["match_boards"] = effort.match_boards
        before = local_response(other, effort.pairs, workers=1).samples.mean(axis=1) * milli
        found["lbr_less"] = told(before - local)
    return found


def told(samples: Any) -> list[float]:
    """Return a mean and the half-width of its 95 % interval."""
    from cfr_shm.evaluation.estimates import mean_interval

    found = mean_interval(np.asarray(samples))
    return [found.value, found.high - found.value]


def climb(
    config: str, names: Sequence[str], seeds: Sequence[int], effort: Effort, place: Path, path: Path
) -> Iterator[dict[str, Any]]:
    """Train and measure what is not in the results yet; yield each line as it is written.

    Raises:
        UsageError: recipes or results that do not fit.
    """
    check_recipes(names, config)
    head = about(config, effort)
    known = {(line["recipe"], line["seed"]) for line in read_results(path, head)}
    if not path.exists():
        path.write_text(json.dumps(head) + "\n")
    for seed in seeds:
        base = train(config, RECIPES[BASE], seed, effort, place)
        for name in names:
            if (name, seed) in known:
                continue
            run = train(config, RECIPES[name], seed, effort, place)
            began = time.process_time()
            line = {"recipe": name, "seed": seed} | measure(run, base, RECIPES[name], effort)
            summary = json.loads((run / "summary.json").read_text())
            line |= {"iterations": summary["iterations"]}
            line |= {"training_cpu_seconds": summary["user_cpu_seconds"]}
            line |= {"measuring_cpu_seconds": time.process_time() - began}
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            yield line


def table(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Return results as a table of Markdown: a row for each recipe and seed, in their order."""
    found = [
        "| recipe | seed | bb/100 v linear | LBR, mbb | less than linear's, paired | river, mbb |",
        "|---|---|---|---|---|---|",
    ]
    order = list(RECIPES)
    for line in sorted(lines, key=lambda each: (order.index(each["recipe"]), each["seed"])):
        row = [line["recipe"], str(line["seed"])]
        row += [pair(line.get("bb100"), 2), pair(line["lbr"], 0)]
        row += [pair(line.get("lbr_less"), 0), pair(line["river"], 0)]
        found.append(f"| {' | '.join(row)} |")
    return found


def pair(value: Sequence[float] | None, digits: int) -> str:
    return "-" if value is None else f"{value[0]:.{digits}f} ± {value[1]:.{digits}f}"


def draw(lines: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw every recipe and seed: what it wins of linear, and what a local best response wins."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name in RECIPES:
        some = [line for line in lines if line["recipe"] == name]
        if some:
            won = [line.get("bb100", (0.0, 0.0)) for line in some]
            lost = [line["lbr"] for line in some]
            axes.errorbar(
                [each[0] for each in won],
                [each[0] for each in lost],
                xerr=[each[1] for each in won],
                yerr=[each[1] for each in lost],
                marker="o",
                linestyle="none",
                label=name,
            )
    axes.axvline(0.0, color="grey", linewidth=0.8)
    axes.set_xlabel("wins of linear of the same seed, bb/100")
    axes.set_ylabel("loses to local best response, mbb a hand")
    axes.legend()
    figure.savefig(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Climb, draw or print as told; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-c", "--config", default="peer_donk_hu100")
    parser.add_argument("--recipes", default="linear,linear~2,linear~4,d05,d15~4")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--iters", type=int, default=12_000_000)
    parser.add_argument("--pairs", type=int, default=40_000)
    parser.add_argument("--boards", type=int, default=40)
    parser.add_argument("--match-boards", type=int, default=100)
    parser.add_argument("--place", type=Path, default=Path("runs/strength"))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--draw", type=Path, metavar="FILE")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args(arguments)
    effort = Effort(given.iters, given.pairs, given.boards, given.match_boards)
    try:
        if given.draw or given.table:
            lines = read_results(given.results, about(given.config, effort))
            if given.draw:
                draw(lines, given.draw)
            if given.table:
                print("\n".join(table(lines)))
            return 0
        seeds = [int(seed) for seed in given.seeds.split(",")]
        names = given.recipes.split(",")
        for line in climb(given.config, names, seeds, effort, given.place, given.results):
            print(json.dumps(line), flush=True)
    except CfrShmError as error:
        print(f"bench_strength: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
