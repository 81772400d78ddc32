"""``cfr-shm resume``: go on with a run from its newest checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cfr_shm.cli.flags import SESSION, add_config_flags, settings

if TYPE_CHECKING:
    from cfr_shm.config.reader import Setting
    from cfr_shm.config.sections import Config
    from cfr_shm.memory.checkpoint import Checkpoint

HELP = "go on with a run"
DESCRIPTION = (
    "Go on with the run in DIR from its newest checkpoint. Without flags it goes on to the "
    "iterations or the training time that it was started for. --iters N goes on to N iterations "
    "in total, --time-budget S trains for S more seconds; either takes the place of both earlier "
    "bounds."
)

_BOUNDS = ("run.iterations", "run.time_budget")

#: A run that is as close as this to its time budget is complete.
_SLACK_SECONDS = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="the run directory")
    add_config_flags(parser, SESSION)


def run(namespace: argparse.Namespace) -> int:
    """Resume as told; return the exit code."""
    given = settings(namespace, SESSION)
    return resume_run(namespace.directory, namespace.overrides, given, namespace.json)


def resume_run(
    directory: str, overrides: Sequence[str], given: Sequence[Setting], json_output: bool
) -> int:
    """Go on with the run in ``directory``; return the exit code.

    Raises:
        UsageError: no run there, or nothing left to do.
        CheckpointError: no usable checkpoint, or one of another configuration.
    """
    import os

    from cfr_shm.cli.session import run_session, say, warn
    from cfr_shm.config.load import load_config
    from cfr_shm.games.registry import load_game
    from cfr_shm.run.directory import StoredRun

    stored = StoredRun(directory)
    if any(setting.key in _BOUNDS for setting in given):
        overrides = [*(f"{key}=null" for key in _BOUNDS), *overrides]
    config = load_config(stored.config_path, os.environ, overrides, given)
    game = load_game(config.game, say, config.abstraction)
    checkpoint = stored.load_checkpoint(config, game, warn)
    further = any(setting.key == "run.time_budget" for setting in given)
    config = _bounded(config, checkpoint, further, directory)
    return run_session(config, stored.path, resume=checkpoint, json_output=json_output)


def _bounded(config: Config, checkpoint: Checkpoint, further: bool, directory: str) -> Config:
    """Return the configuration with its time budget in total; refuse when all is done."""
    import dataclasses

    from cfr_shm.errors import UsageError

    run = config.run
    if further and run.time_budget is not None:
        run = dataclasses.replace(run, time_budget=run.time_budget + checkpoint.seconds)
    bound = None
    if run.iterations is not None and run.iterations <= checkpoint.iterations:
        bound = f"{run.iterations:,} iterations"
    elif run.time_budget is not None and run.time_budget <= checkpoint.seconds + _SLACK_SECONDS:
        bound = f"{run.time_budget:g} s of training"
    if bound is not None:
        raise UsageError(
            f"{directory}: nothing is left to do up to {bound}: {checkpoint.iterations:,} "
            f"iterations in {checkpoint.seconds:.1f} s are done; to go on, give a greater total "
            "with --iters, or more time with --time-budget"
        )
    return dataclasses.replace(config, run=run)
