"""Flags that several commands share, and how they become settings of the configuration.

A flag's text goes through the same rule as a config file's, so that ``--iters 1e6`` and
``iterations: 1e6`` mean the same and fail the same.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from cfr_shm.config.smoothing_values import Smoothing

if TYPE_CHECKING:
    from cfr_shm.config.reader import Setting
    from cfr_shm.evaluation.resolved_strategy import Resolution

#: What ``eval`` and ``match`` take for a strategy.
SOURCES = (
    "a run directory, DIR or DIR@ITERATIONS; an exported .npz, .parquet or OpenSpiel .json; or a "
    "function FILE.py:FUNCTION that plays hold'em"
)


class ConfigFlag(NamedTuple):
    """A named flag that stands for one key of the configuration."""

    names: tuple[str, ...]
    key: str
    metavar: str
    help: str


ITERATIONS = ConfigFlag(("--iters",), "run.iterations", "N", "stop after N iterations in total")
TIME_BUDGET = ConfigFlag(
    ("--time-budget",), "run.time_budget", "SECONDS", "stop after so much training"
)
WORKERS = ConfigFlag(
    ("--num-workers",), "engine.num_workers", "N", "worker processes; 0 = one per usable core"
)
BATCH_SIZE = ConfigFlag(
    ("--batch-size",), "engine.batch_size", "N", "iterations in one task (default: sized by time)"
)
CHECKPOINT_INTERVAL = ConfigFlag(
    ("--checkpoint-interval", "--snapshot-interval"),
    "run.checkpoint_interval",
    "SECONDS",
    "time between checkpoints; 0 = at the end only",
)
ON_WORKER_DEATH = ConfigFlag(
    ("--on-worker-death",),
    "engine.on_worker_death",
    "POLICY",
    "replace a worker that died (respawn, default), or end the run (abort)",
)
ON_RANK_DEATH = ConfigFlag(
    ("--on-rank-death",),
    "engine.on_rank_death",
    "POLICY",
    "of several ranks: end the run (end, default), or go on without it (shrink: Open MPI's ULFM)",
)
LOGLEVEL = ConfigFlag(
    ("--loglevel",), "run.loglevel", "LEVEL", "debug, info, warning or error (default: info)"
)
LOG_FORMAT = ConfigFlag(
    ("--log-format",), "run.log_format", "FORMAT", "of log.txt: text or json (default: text)"
)
SESSION = (
    ITERATIONS,
    TIME_BUDGET,
    WORKERS,
    BATCH_SIZE,
    CHECKPOINT_INTERVAL,
    ON_WORKER_DEATH,
    ON_RANK_DEATH,
    LOGLEVEL,
    LOG_FORMAT,
)

_TENSORBOARD = "run.tensorboard"

#: Which ``--mpi`` sets.
RANKS = "engine.ranks"


def add_config_flags(parser: argparse.ArgumentParser, flags: tuple[ConfigFlag, ...]) -> None:
    """Add named flags, ``--tensorboard``, ``--set`` and ``--json`` to a command's parser."""
    for flag in flags:
        parser.add_argument(*flag.names, dest=flag.key, metavar=flag.metavar, help=flag.help)
    for name, text in (("--tensorboard", "true"), ("--no-tensorboard", "false")):
        parser.add_argument(
            name,
            dest=_TENSORBOARD,
            action="store_const",
            const=text,
            help="write TensorBoard events (needs the extra 'tb')" if text == "true" else None,
        )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="set any key of the configuration; may be given many times",
    )
    add_json_flag(parser)


def add_ranks_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--mpi``, which says that this process is one of several."""
    parser.add_argument(
        "--mpi",
        dest=RANKS,
        action="store_const",
        const="mpi",
        help="one of the processes that mpiexec or srun has started (needs the extra 'mpi')",
    )


def add_game_flag(parser: argparse.ArgumentParser) -> None:
    """Declare the flag that says which game strategies play that do not say it themselves."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="CONFIG",
        help="the game of functions, and of exports of older versions: a file, or a shipped name",
    )


def add_board_flags(parser: argparse.ArgumentParser) -> None:
    """Declare which boards are drawn, and how many threads look at them."""
    parser.add_argument(
        "--seed", metavar="N", type=whole_number(0), default=0, help="of the boards (default: 0)"
    )
    parser.add_argument(
        "--num-workers",
        metavar="N",
        type=whole_number(0),
        default=0,
        help="threads; 0 = one per usable core. They change no number",
    )


def add_smoothing_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--smooth``, which stands for ``run.smoothing`` of the run that is looked at."""
    parser.add_argument(
        "--smooth",
        metavar="PASSES[:OWN]",
        type=smoothing_given,
        help="average the rows of turn and river with their neighbours in strength, so often, and "
        "of it take what a row itself plays, OWN of the time for all; 0 for not at all (default: "
        "as run.smoothing and run.smoothing_own of the run say)",
    )


def smoothing_given(text: str) -> Smoothing:
    """Return what ``--smooth`` says.

    Raises:
        argparse.ArgumentTypeError: it is no number of passes, or no share.

    >>> smoothing_given("16:0.1")
    Smoothing(passes=16, own=0.1)
    """
    passes, colon, share = text.partition(":")
    try:
        own = float(share) if colon else 0.0
    except ValueError:
        own = math.nan
    if not 0.0 <= own <= 1.0:
        raise argparse.ArgumentTypeError(f"{share!r} is no share from 0 to 1, such as 0.1")
    return Smoothing(whole_number(0)(passes), own)


def add_resolving_flags(parser: argparse.ArgumentParser, metavar: str, meaning: str) -> None:
    """Add ``--resolve`` and ``--resolve-method``: the rest of hands is solved anew."""
    parser.add_argument("--resolve", metavar=metavar, help=meaning)
    parser.add_argument(
        "--resolve-method",
        metavar="METHOD",
        choices=("unsafe", "resolve", "maxmargin", "reach"),
        default="resolve",
        help="how: unsafe, resolve (default), maxmargin or reach, as 'solve --from' has them",
    )


def resolution_of(namespace: argparse.Namespace, text: str) -> Resolution:
    """Return what a ``STREET:SECONDS`` of ``--resolve`` says, by the method that is named.

    Raises:
        UsageError: it is none.
    """
    from cfr_shm.errors import UsageError
    from cfr_shm.evaluation.resolved_strategy import Resolution

    try:
        return Resolution.named(text, namespace.resolve_method)
    except UsageError as error:
        raise UsageError(f"{namespace.command}: --resolve: {error}") from None


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``: exactly one JSON document on stdout, and nothing else there."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def settings(namespace: argparse.Namespace, flags: tuple[ConfigFlag, ...]) -> list[Setting]:
    """Return the settings that the given ones among ``flags`` and ``--tensorboard`` make."""
    from cfr_shm.config.reader import Setting

    given = vars(namespace)
    names = {flag.key: flag.names[0] for flag in flags} | {
        _TENSORBOARD: "--tensorboard",
        RANKS: "--mpi",
    }
    return [
        Setting(key, given[key], name, name)
        for key, name in names.items()
        if given.get(key) is not None
    ]


def whole_number(least: int) -> Callable[[str], int]:
    """Return what reads a flag's whole number, at least ``least``; ``1e6`` and ``1,000`` are some.

    Example:
        >>> whole_number(1)("1e6"), whole_number(0)("20,000")
        (1000000, 20000)
    """

    def read(text: str) -> int:
        try:
            value = float(text.replace(",", "").replace("_", ""))
        except ValueError:
            value = math.nan
        if not (value >= least and value == math.floor(value) and value < 2**53):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
        return int(value)

    return read


def positive_seconds(text: str) -> float:
    """Return what a flag's seconds say, above 0.

    >>> positive_seconds("0.5"), positive_seconds("600")
    (0.5, 600.0)
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
