"""``cfr-shm clean``: remove what killed runs and former versions have left behind."""

from __future__ import annotations

import argparse

from cfr_shm.cli.flags import add_json_flag

DESCRIPTION = (
    "List shared memory of runs that were killed, unfinished checkpoints and bucket files, and "
    "kernel caches of other versions; with --yes, remove them. Nothing that a running process uses "
    "is touched, and no checkpoint, no strategy and no log."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "directories",
        nargs="*",
        metavar="DIR",
        help="run directories to look into (default: all in runs/)",
    )
    parser.add_argument("--yes", action="store_true", help="remove what is listed")
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """List, and remove if told to; return the exit code."""
    from dataclasses import asdict
    from pathlib import Path

    from cfr_shm.cli.session import print_json, print_lines
    from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME, UsageError
    from cfr_shm.memory.limits import size_text
    from cfr_shm.run.leftovers import find_leftovers, remove_leftovers
    from cfr_shm.storage.files import is_directory

    directories = [Path(name) for name in namespace.directories]
    for directory in directories:
        if not is_directory(directory):
            raise UsageError(f"{directory}: there is no such run directory")
    found = find_leftovers(directories or None)
    removed = remove_leftovers(found) if namespace.yes else []
    if namespace.json:
        print_json(
            {
                "found": [asdict(each) for each in found],
                "removed": [each.path for each in removed],
            }
        )
        return EXIT_OK if len(removed) == len(found) or not namespace.yes else EXIT_RUNTIME
    for each in found:
        state = "" if not namespace.yes else "removed  " if each in removed else "still there  "
        print_lines([f"{state}{each.kind:<21}  {size_text(each.byte_count):>10}  {each.path}"])
    if not found:
        print_lines(["nothing is left behind"])
    elif not namespace.yes:
        print_lines(["nothing was removed; 'cfr-shm clean --yes' removes these"])
    return EXIT_OK if len(removed) == len(found) or not namespace.yes else EXIT_RUNTIME
