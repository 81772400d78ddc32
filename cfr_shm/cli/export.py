"""``cfr-shm export``: write a run's strategy to a file that other programs read."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from cfr_shm.cli.flags import add_smoothing_flag
from cfr_shm.errors import UsageError

BUNDLE, RANGES = "bundle", "ranges"

DESCRIPTION = (
    "Write the average strategy of the newest checkpoint of the run in DIR: as OpenSpiel's JSON "
    "policy, or as NumPy arrays, CSV or parquet with reach and visits. All infosets of the game "
    "are written. A bundle is a directory with all that the strategy needs, card buckets included, "
    "which commands open like a run."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="the run directory")
    parser.add_argument(
        "--format",
        choices=["openspiel", "npz", "csv", "parquet", RANGES, BUNDLE],
        help="what to write",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="the file to write; of a bundle the directory"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing: DIR is a bundle, whose digests are compared",
    )
    parser.add_argument(
        "--board",
        metavar="CARDS",
        help="of ranges: the board, '7c 8c 9d' (default: none)",
    )
    add_smoothing_flag(parser)
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")


def run(namespace: argparse.Namespace) -> int:
    """Export as told; return the exit code.

    Raises:
        UsageError: FILE exists, or cannot be written to.
    """
    if namespace.check:
        return _check(namespace)
    if namespace.format is None or namespace.out is None:
        raise UsageError("export: say what to write by --format, and where by --out")
    path = Path(namespace.out)
    if namespace.format == BUNDLE:
        if namespace.smooth is not None:
            raise UsageError(
                "export: a bundle holds the table as it was trained, and plays as its "
                "run.smoothing says; leave --smooth out"
            )
        return _write_bundle(namespace.directory, path)
    check_target(path, namespace.force)
    if namespace.format == RANGES:
        return _write_ranges(namespace, path)
    if namespace.board is not None:
        raise UsageError("export: --board is for --format ranges")

    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import load_table, say
    from cfr_shm.engine.compiling_apart import compiling_apart
    from cfr_shm.machine.paged_arrays import arrays_on_disk
    from cfr_shm.run.setup import mean_iteration_weight
    from cfr_shm.strategy.formats import PARQUET, is_streamed, write_strategy

    kind = namespace.format
    with contextlib.ExitStack() as little_memory:
        if kind == PARQUET:  # what is streamed is walked through, tree and table
            little_memory.enter_context(arrays_on_disk(path.parent))
            little_memory.enter_context(compiling_apart())
        stored = load_table(
            namespace.directory, lambda game: not is_streamed(game, kind), namespace.smooth
        )
        mean = mean_iteration_weight(stored.config, stored.checkpoint.iterations)
        write_strategy(stored.game, stored.checkpoint, path, kind, mean, Progress(say))
    say(f"wrote {path} (iteration {stored.checkpoint.iterations} of {stored.game.name})")
    return 0


def _write_ranges(namespace: argparse.Namespace, path: Path) -> int:
    from cfr_shm.cli.session import load_strategy, say
    from cfr_shm.strategy.export_ranges import export_ranges
    from cfr_shm.strategy.public import holdem_parts

    stored = load_strategy(namespace.directory, namespace.smooth)
    _, cards = holdem_parts(stored.game)
    board = cards.deck.parse(namespace.board) if namespace.board else cards.fixed_board
    export_ranges(stored.game, stored.strategy, path, board)
    say(f"wrote {path} (iteration {stored.checkpoint.iterations} of {stored.game.name})")
    return 0


def _write_bundle(directory: str, path: Path) -> int:
    from cfr_shm.cli.session import load_table, say
    from cfr_shm.run.bundle import summary_of, write_bundle
    from cfr_shm.strategy.sums import runs_of

    if len(runs_of(directory)) > 1:
        raise UsageError(
            f"export: a bundle is of one run; export the sum {directory} in another --format"
        )
    stored = load_table(directory)
    write_bundle(stored.game, stored.checkpoint, summary_of(directory), path)
    say(f"wrote {path} (iteration {stored.checkpoint.iterations} of {stored.game.name})")
    return 0


def _check(namespace: argparse.Namespace) -> int:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import say
    from cfr_shm.run.bundle import check_bundle

    if namespace.format or namespace.out or namespace.force:
        raise UsageError("export: --check writes nothing; leave --format, --out and --force out")
    byte_count = check_bundle(Path(namespace.directory), Progress(say))
    say(f"{namespace.directory}: {byte_count / 2**20:,.1f} MiB are what they were")
    return 0


def check_target(path: Path, force: bool) -> None:
    """Refuse what cannot be written before anything is loaded."""
    from cfr_shm.storage.files import exists, is_directory

    if is_directory(path):
        raise UsageError(f"--out {path}: is a directory; name a file")
    if not is_directory(path.parent):
        raise UsageError(f"--out {path}: there is no directory {path.parent}; make it first")
    from cfr_shm.storage.replacing import refuse_file_of_a_run

    refuse_file_of_a_run(path)
    if exists(path) and not force:
        raise UsageError(f"--out {path}: exists; replace it with --force, or name another file")
