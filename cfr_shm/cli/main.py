"""The ``cfr-shm`` command: find the subcommand, run it, turn errors into exit codes.

The module of a subcommand is imported when it is asked for; what that needs beyond argparse,
when it runs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from cfr_shm import __version__
from cfr_shm.cli.output import Output, drop_output, outputs
from cfr_shm.cli.parser import Parser
from cfr_shm.cli.remedies import limit_remedy
from cfr_shm.errors import EXIT_INTERRUPTED, EXIT_MEMORY, EXIT_OK, EXIT_RUNTIME, CfrShmError
from cfr_shm.telemetry.plain_text import plain_line

#: What each command does, as ``--help`` lists it; the module of its name has the rest.
_COMMANDS = {
    "train": "train a game",
    "estimate": "say what a run will take: nodes, memory, speed, hours",
    "solve": "solve a flop, turn or river spot",
    "resume": "go on with a run",
    "eval": "print how good a run's strategy is",
    "export": "write a run's strategy to a file",
    "show": "draw the range chart of a hold'em run at any line",
    "view": "show runs in the browser",
    "query": "ask a hold'em run what it does with a hand",
    "match": "play strategies against each other",
    "play": "play hands with a hold'em run",
    "replay": "follow hands that others played with a hold'em run",
    "compare": "draw exploitability against iterations, nodes and seconds of several runs",
    "verify": "prove that training gives the right answers here",
    "buckets": "build and inspect card buckets",
    "diagnose": "judge the CPU use of a run or a process",
    "doctor": "examine this machine",
    "clean": "remove what killed runs and former versions have left",
    "bench": "measure this machine: incidents, scaling, long runs",
    "warmup": "compile the kernels ahead of the first run",
}


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="cfr-shm",
        description="Train poker strategies by Monte Carlo CFR, on shared memory and every core.",
        epilog="'cfr-shm train' alone trains Leduc poker for 15 seconds.",
    )
    parser.add_argument("--version", action="version", version=f"cfr-shm {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", parser_class=Parser
    )
    for name, what in _COMMANDS.items():
        parser.commands[name] = command = commands.add_parser(name, help=what)
        command.declare = functools.partial(_declare, command, name)
    return parser


def _module(name: str) -> Any:
    return importlib.import_module(f"cfr_shm.cli.{name}")


def _declare(command: Parser, name: str) -> None:
    command.description = _module(name).DESCRIPTION
    _module(name).add_arguments(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; see ``cfr_shm.errors`` for the codes."""
    with outputs() as (out, _):
        try:
            code = _guarded(arguments, out)
        except Exception as error:
            if limit_remedy(error):
                return _fail(f"{type(error).__name__}: {error}", EXIT_RUNTIME, error)
            print(
                f"cfr-shm: internal error in version {__version__}; please report it with what "
                "follows",
                file=sys.stderr,
            )
            raise
        return code


def _guarded(arguments: Sequence[str] | None, out: Output) -> int:
    try:
        code = _run(arguments)
        if code != EXIT_OK:  # That says more than a terminal which is gone: a hang-up is both.
            _flush_or_drop(out)
            return code
        out.flush()
        if out.failure is not None:  # a display went on without it
            raise out.failure
        return code
    except BrokenPipeError:
        drop_output()
        return EXIT_RUNTIME
    except CfrShmError as error:
        if error.told:
            return error.exit_code
        code = _fail(" ".join(str(error).split()), error.exit_code, error)
        # A worker's traceback, for example.
        with contextlib.suppress(OSError):
            for note in getattr(error, "__notes__", ()):
                print(note, file=sys.stderr)
        return code
    except MemoryError as error:
        return _fail(f"out of memory: {error or 'an allocation failed'}", EXIT_MEMORY, error)
    except KeyboardInterrupt as error:
        signal_number = getattr(error, "signal_number", None)
        code = 128 + signal_number if signal_number else EXIT_INTERRUPTED
        return _fail(str(error) or "interrupted", code, error)
    except OSError as error:
        drop_output()
        where = f"{error.filename}: " if error.filename else "cannot write the output: "
        return _fail(f"{where}{error.strerror or error}", EXIT_RUNTIME, error)


def _flush_or_drop(out: Output) -> None:
    try:
        out.flush()
    except OSError:
        drop_output()


def _run(arguments: Sequence[str] | None) -> int:
    parser = build_parser()
    try:
        namespace = parser.parse(arguments)
    except SystemExit:  # --help and --version, whose text may still wait to be written
        return EXIT_OK
    if namespace.command is None:
        parser.error(f"a command is needed: {', '.join(_COMMANDS)}")
    code: int = _module(namespace.command).run(namespace)
    return code


def _fail(message: str, code: int, error: BaseException) -> int:
    with contextlib.suppress(OSError):  # the terminal may be gone
        line = plain_line(f"cfr-shm: error: {message}{limit_remedy(error)}")
        print(line, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
