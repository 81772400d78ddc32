"""``cfr-shm train``: start a run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cfr_shm.cli.flags import SESSION, ConfigFlag, add_config_flags, add_ranks_flag, settings

if TYPE_CHECKING:
    from cfr_shm.config.reader import Setting

DESCRIPTION = (
    "Train a game and write a run directory. Told nothing, it trains Leduc poker for 15 seconds "
    "on every core. Ctrl-C writes a checkpoint and leaves; 'cfr-shm resume DIR' goes on from it."
)

_FLAGS = (
    ConfigFlag(
        ("--game",),
        "game.name",
        "NAME",
        "the game: holdem, kuhn, leduc, liars_dice, goofspiel, synthetic, "
        "openspiel:NAME(params), or your own: FILE.py:FUNCTION",
    ),
    ConfigFlag(
        ("--max-histories",),
        "game.max_histories",
        "N",
        "refuse an OpenSpiel game with more histories (default: 5 million)",
    ),
    *SESSION,
    ConfigFlag(("--buckets",), "abstraction.buckets", "FILE", "card buckets of hold'em"),
    ConfigFlag(
        ("--mode",),
        "engine.mode",
        "MODE",
        "async, or deterministic: the table does not depend on workers (default: async)",
    ),
    ConfigFlag(("--seed",), "run.seed", "N", "seed of every random number"),
    ConfigFlag(
        ("--logdir",), "run.logdir", "DIR", "the run directory (default: runs/<name>-<time>)"
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument(
        "-c", "--config", metavar="CONFIG", help="a YAML file, or a shipped config: leduc, kuhn ..."
    )
    add_config_flags(parser, _FLAGS)
    add_ranks_flag(parser)
    parser.add_argument(
        "--resume-from", metavar="DIR", help="go on with an earlier run: same as 'resume DIR'"
    )


def run(namespace: argparse.Namespace) -> int:
    """Train as told; return the exit code."""
    if vars(namespace)["run.logdir"] == "":
        from cfr_shm.errors import UsageError

        raise UsageError("--logdir is empty; name a directory, or leave the flag out")
    given = settings(namespace, _FLAGS)
    if namespace.resume_from is not None:
        return _resume(namespace, given)

    import os
    from pathlib import Path

    from cfr_shm.cli.session import agreed_by_ranks, named_places, run_session
    from cfr_shm.config.load import load_config
    from cfr_shm.run.directory import default_path

    with agreed_by_ranks("train", given, namespace.overrides, namespace.config) as world:
        config = load_config(namespace.config, os.environ, namespace.overrides, given)
        if config.spot.given:
            from cfr_shm.errors import UsageError

            raise UsageError(
                "the configuration has a section 'spot', and a spot is solved, not trained: "
                f"cfr-shm solve {namespace.config or 'SPOT.yaml'}"
            )
        name = config.game.name if namespace.config is None else Path(namespace.config).stem
        path = default_path(name) if config.run.logdir is None else Path(config.run.logdir)
    with named_places(namespace.config, namespace.overrides, given):
        return run_session(config, path, resume=None, json_output=namespace.json, world=world)


def _resume(namespace: argparse.Namespace, given: list[Setting]) -> int:
    from cfr_shm.cli.resume import resume_run
    from cfr_shm.errors import UsageError

    given_flags = {"config": namespace.config, "buckets": vars(namespace)["abstraction.buckets"]}
    for flag, value in given_flags.items():
        if value is not None:
            raise UsageError(
                f"--{flag} and --resume-from exclude each other: a run is resumed as it was "
                "configured"
            )
    if vars(namespace)["run.logdir"] is not None:
        raise UsageError(
            "--logdir and --resume-from exclude each other: a run is resumed where it lies"
        )
    return resume_run(namespace.resume_from, namespace.overrides, given, namespace.json)
