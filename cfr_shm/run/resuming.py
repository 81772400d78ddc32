"""Go on with a run: its configuration, its newest checkpoint, and how far it is to go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cfr_shm.config.load import load_config
from cfr_shm.config.reader import Setting
from cfr_shm.config.sections import Config
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.run.directory import StoredRun

_BOUNDS = ("run.iterations", "run.time_budget")

#: A run that is as close as this to its time budget is complete.
_SLACK_SECONDS = 0.05

Say = Callable[[str], None]


class Resumable(NamedTuple):
    """A stored run, and what to train next."""

    stored: StoredRun
    config: Config  # with its bounds in total
    game: Game
    checkpoint: Checkpoint  # its rows are read when the run's tables stand


def resumable(
    directory: str,
    environment: Mapping[str, str],
    overrides: Sequence[str],
    given: Sequence[Setting],
    say: Say,
    warn: Say,
) -> Resumable:
    """Return what it takes to go on with the run in ``directory``.

    Args:
        directory: the run's.
        environment: variables that count, as ``load_config`` takes them.
        overrides: texts ``section.key=value``.
        given: settings; a bound among them takes the place of both earlier bounds, and a time
            budget is so much more time.
        say: told of a game that takes a while to build.
        warn: told of checkpoints that had to be passed over.

    Raises:
        UsageError: no run there, or nothing left to do.
        CheckpointError: no usable checkpoint, or one of another configuration.
    """
    stored = StoredRun(directory)
    if any(setting.key in _BOUNDS for setting in given):
        overrides = [*(f"{key}=null" for key in _BOUNDS), *overrides]
    config = load_config(stored.config_path, environment, overrides, given)
    game = load_game(config.game, say, config.abstraction)
    checkpoint = stored.load_checkpoint(config, game, warn)
    further = any(setting.key == "run.time_budget" for setting in given)
    config = _bounded(config, checkpoint, further, directory)
    return Resumable(stored, config, game, checkpoint.without_rows())


def _bounded(config: Config, checkpoint: Checkpoint, further: bool, directory: str) -> Config:
    """Return the configuration with its time budget in total; refuse when all is done."""
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
