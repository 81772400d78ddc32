"""What ladders of recipes share: recipes, results that grow line by line, their command line.

::

    recipe x seed, not in RESULTS yet --measure--> one line of RESULTS, at once
    RESULTS --columns--> a table of Markdown

The first line of RESULTS says what they are of; those of anything else are refused.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cfr_shm.config.identity import fingerprinted_values
from cfr_shm.config.load import load_config
from cfr_shm.config.smoothing_values import UNSMOOTHED, Smoothing
from cfr_shm.errors import CfrShmError, UsageError

Line = dict[str, Any]

#: 95 % of a normal distribution: thousands of pairs.
NORMAL = 1.959964

#: Between the seeds of a recipe's parts, beyond the seeds that a ladder has.
PART_SEEDS = 1000


class Recipe(NamedTuple):
    """How a strategy is trained, and how it is read."""

    training: str  # name of its training: recipes may share one
    overrides: tuple[str, ...]
    smoothing: Smoothing = UNSMOOTHED
    parts: int = 1  # independent trainings, each with its share of the work, that are summed

    def trainings(self, seed: int) -> list[tuple[str, int]]:
        """Return the place and the seed of each of its trainings."""
        seeds = [seed + PART_SEEDS * part for part in range(self.parts)]
        shared = f".of{self.parts}" if self.parts > 1 else ""
        return [(f"{self.training}.s{each}{shared}", each) for each in seeds]


def _discounted(beta: float) -> tuple[str, ...]:
    return ("algorithm.weighting=dcfr", f"algorithm.beta={beta}")


def _bucketed(method: str, count: int) -> tuple[str, ...]:
    counts = f"abstraction.bucket_counts=[169, {count}, {count}, {count}]"
    return (f"abstraction.bucket_method={method}", counts)


_LINEAR = ("algorithm.weighting=linear",)
#: Beta 1.5, regrets of neighbouring buckets pooled.
_POOLED = (*_discounted(1.5), "algorithm.pooling=4")
_OCHS, _OCHS15 = ((*each, *_bucketed("ochs", 50)) for each in (_LINEAR, _discounted(1.5)))
#: In one training four parts: of what ten CPU minutes are beside donksolver, of 44 million.
_OCHS15_ANEW, _SHORT_ANEW = (
    (*_OCHS15, f"algorithm.restart_interval={each}000000") for each in (22, 11)
)

#: By name. After ~ stands how it is smoothed (`--smooth`), after x the trainings that share work.
RECIPES = {
    "linear": Recipe("linear", _LINEAR),
    "linear~1": Recipe("linear", _LINEAR, Smoothing(1)),
    "linear~2": Recipe("linear", _LINEAR, Smoothing(2)),
    "linear~4": Recipe("linear", _LINEAR, Smoothing(4)),
    "linearx2": Recipe("linear", _LINEAR, parts=2),
    "linearx2~1": Recipe("linear", _LINEAR, Smoothing(1), 2),
    "linearx2~2": Recipe("linear", _LINEAR, Smoothing(2), 2),
    "d05": Recipe("d05", _discounted(0.5)),
    "d0": Recipe("d0", _discounted(0.0)),
    "d15": Recipe("d15", _discounted(1.5)),
    "d15~4": Recipe("d15", _discounted(1.5), Smoothing(4)),
    "d15~8": Recipe("d15", _discounted(1.5), Smoothing(8)),
    "percentile50": Recipe("percentile50", (*_LINEAR, *_bucketed("percentile", 50))),
    "ochs50": Recipe("ochs50", _OCHS),
    "ochs50~16:0.1": Recipe("ochs50", _OCHS, Smoothing(16, 0.1)),
    "ochs50x2": Recipe("ochs50", _OCHS, parts=2),
    "ochs50x2~1": Recipe("ochs50", _OCHS, Smoothing(1), 2),
    "ochs50x2~2": Recipe("ochs50", _OCHS, Smoothing(2), 2),
    "ochs50x2~4": Recipe("ochs50", _OCHS, Smoothing(4), 2),
    "ochs50x2~16:0.1": Recipe("ochs50", _OCHS, Smoothing(16, 0.1), 2),
    "ochs50d15x4": Recipe("ochs50d15", _OCHS15, parts=4),
    "ochs50d15x4~16:0.1": Recipe("ochs50d15", _OCHS15, Smoothing(16, 0.1), 4),
    "ochs50d15x4~16:0.13": Recipe("ochs50d15", _OCHS15, Smoothing(16, 0.13), 4),
    "ochs50d15x4~16:0.15": Recipe("ochs50d15", _OCHS15, Smoothing(16, 0.15), 4),
    "ochs50d15x4~16:0.2": Recipe("ochs50d15", _OCHS15, Smoothing(16, 0.2), 4),
    "ochs50d15r11": Recipe("ochs50d15r11", _SHORT_ANEW),
    "ochs50d15r11~16:0.13": Recipe("ochs50d15r11", _SHORT_ANEW, Smoothing(16, 0.13)),
    "ochs50d15r22": Recipe("ochs50d15r22", _OCHS15_ANEW),
    "ochs50d15r22~16:0.13": Recipe("ochs50d15r22", _OCHS15_ANEW, Smoothing(16, 0.13)),
    "ochs200": Recipe("ochs200", (*_LINEAR, *_bucketed("ochs", 200))),
    "d15p4": Recipe("d15p4", _POOLED),
    "d15p4~4": Recipe("d15p4", _POOLED, Smoothing(4)),
}


class Picture(NamedTuple):
    """What is drawn of every recipe and seed: what it wins to the right, what it loses upwards."""

    lost: str  # key of a pair of a line
    across: str
    upwards: str


class Ladder(NamedTuple):
    """Recipes that are measured alike."""

    head: Line  # what its results are of
    names: Sequence[str]  # of what is measured, in this order
    order: Sequence[str]  # of the rows of its table
    measure: Callable[[str, int], Line]  # a name and a seed
    columns: dict[str, Callable[[Line], str]]
    picture: Picture


def about(config: str, effort: Any) -> Line:
    """Return what results are of; those of anything else are not mixed with them."""
    values = fingerprinted_values(load_config(config))
    game = {key: values[key] for key in values if key.split(".")[0] in ("game", "abstraction")}
    return {"config": config, "game": game, "effort": effort._asdict()}


def read_results(path: Path, expected: Line) -> list[Line]:
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


def climb(ladder: Ladder, seeds: Sequence[int], path: Path) -> Iterator[Line]:
    """Measure what is not in the results yet; yield each line as it is written.

    Raises:
        UsageError: results that do not fit.
    """
    known = {(line["recipe"], line["seed"]) for line in read_results(path, ladder.head)}
    if not path.exists():
        path.write_text(json.dumps(ladder.head) + "\n")
    for seed in seeds:
        for name in ladder.names:
            if (name, seed) in known:
                continue
            line = {"recipe": name, "seed": seed} | ladder.measure(name, seed)
            with path.open("a") as file:
                file.write(json.dumps(line) + "\n")
            yield line


def table(ladder: Ladder, lines: Sequence[Line]) -> list[str]:
    """Return results as a table of Markdown: a row for each recipe and seed, in their order."""
    found = [" | ".join(["| recipe", "seed", *ladder.columns]) + " |"]
    found.append("|---" * (2 + len(ladder.columns)) + "|")
    order = list(ladder.order)
    for line in sorted(lines, key=lambda each: (order.index(each["recipe"]), each["seed"])):
        cells = [tell(line) for tell in ladder.columns.values()]
        found.append(" | ".join([f"| {line['recipe']}", str(line["seed"]), *cells]) + " |")
    return found


def draw(lines: Sequence[Line], picture: Picture, path: Path) -> None:
    """Draw every recipe and seed that was measured against the ladder's opponent."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name in RECIPES:
        some = [line for line in lines if line["recipe"] == name and picture.lost in line]
        if some:
            won = [line.get("bb100", (0.0, 0.0)) for line in some]
            lost = [line[picture.lost] for line in some]
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
    axes.set_xlabel(picture.across)
    axes.set_ylabel(picture.upwards)
    axes.legend()
    figure.savefig(path)


def told(samples: Any) -> list[float]:
    """Return a mean and the half-width of its 95 % interval."""
    from cfr_shm.evaluation.estimates import mean_interval

    found = mean_interval(np.asarray(samples))
    return [found.value, found.high - found.value]


def ratio(one: Any, other: Any) -> list[float]:
    """Return a ratio of means of paired samples and the half-width of its 95 % interval.

    To first order: what is left of the samples when the ratio is taken out.
    """
    found = float(np.mean(one) / np.mean(other))
    left = np.asarray(one) - found * np.asarray(other)
    half = NORMAL * float(np.std(left, ddof=1)) / math.sqrt(len(left)) / float(np.mean(other))
    return [found, half]


def lost_locally(strategy: Any, pairs: int) -> Any:
    """Return what a local best response wins, mbb a hand, by pair of deals: the same for all."""
    from cfr_shm.evaluation.local_response import local_response

    samples = local_response(strategy, pairs, workers=1).samples
    return samples.mean(axis=1) * 1000.0 / (strategy.game.big_blind or 1.0)


def won_on_boards(one: Any, other: Any, boards: int) -> list[float]:
    """Return what one wins of another, all hands on drawn boards: bb/100 and its half-width."""
    from cfr_shm.evaluation.gathering import Length
    from cfr_shm.evaluation.range_match import range_match

    won = range_match(one, other, Length(boards, None), workers=1).value
    scaled = won.scaled(100.0 / (one.game.big_blind or 1.0))
    return [scaled.value, scaled.high - scaled.value]


def pair(value: Sequence[float] | None, digits: int) -> str:
    """Return a value and its half-width as a table has them."""
    return "-" if value is None else f"{value[0]:.{digits}f} ± {value[1]:.{digits}f}"


def parser_of(
    text: str | None, *, recipes: str, pairs: int, boards: int
) -> argparse.ArgumentParser:
    """Return a parser of what every ladder is asked.

    Args:
        text: the module's; its first line is shown.
        recipes: measured by default.
        pairs: of deals for local best response, by default.
        boards: of a match, by default.
    """
    parser = argparse.ArgumentParser(description=(text or "").splitlines()[0])
    parser.add_argument("--recipes", default=recipes)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--pairs", type=int, default=pairs)
    parser.add_argument("--match-boards", type=int, default=boards)
    parser.add_argument("--place", type=Path, default=Path("runs/strength"))
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--draw", type=Path, metavar="FILE")
    parser.add_argument("--table", action="store_true")
    return parser


def climb_or_show(
    program: str, make: Callable[[argparse.Namespace], Ladder], given: argparse.Namespace
) -> int:
    """Climb, draw or print as told; return the exit code.

    Args:
        program: as errors name it.
        make: returns the ladder that is asked for; may refuse it.
        given: what a parser of ``parser_of`` found.
    """
    try:
        ladder = make(given)
        if given.draw or given.table:
            _show(ladder, given)
            return 0
        seeds = [int(seed) for seed in given.seeds.split(",")]
        for line in climb(ladder, seeds, given.results):
            print(json.dumps(line), flush=True)
    except CfrShmError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _show(ladder: Ladder, given: argparse.Namespace) -> None:
    lines = read_results(given.results, ladder.head)
    if given.draw:
        draw(lines, ladder.picture, given.draw)
    if given.table:
        print("\n".join(table(ladder, lines)))
