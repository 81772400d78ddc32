"""``cfr-shm resume``: go on with a run from its newest checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cfr_shm.cli.flags import RANKS, SESSION, add_config_flags, add_ranks_flag, settings

if TYPE_CHECKING:
    from cfr_shm.config.reader import Setting

DESCRIPTION = (
    "Go on with the run in DIR from its newest checkpoint. Without flags it goes on to the "
    "iterations or the training time that it was started for. --iters N goes on to N iterations "
    "in total, --time-budget S trains for S more seconds; either takes the place of both earlier "
    "bounds. A spot that 'solve' began goes on likewise, until its exploitability is low enough."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="the run directory")
    add_config_flags(parser, SESSION)
    add_ranks_flag(parser)


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

    from cfr_shm.cli.session import agreed_by_ranks, run_session, say, warn
    from cfr_shm.config.reader import Setting
    from cfr_shm.run.directory import StoredRun
    from cfr_shm.run.resuming import resumable

    if not any(each.key == RANKS for each in given) and RANKS not in " ".join(overrides):
        # A run that several ranks have begun goes on alone, unless it is said otherwise.
        alone = [*given, Setting(RANKS, "none", "--mpi", "--mpi")]
    else:
        alone = list(given)
    with agreed_by_ranks("resume", given, overrides) as world:
        found = None
        if not StoredRun(directory).holds_spot():
            found = resumable(directory, os.environ, overrides, alone, say, warn)
    if found is None:
        from cfr_shm.cli.solve import resume_solve

        return resume_solve(directory, overrides, given, json_output)
    path, checkpoint = found.stored.path, found.checkpoint
    return run_session(found.config, path, resume=checkpoint, json_output=json_output, world=world)
