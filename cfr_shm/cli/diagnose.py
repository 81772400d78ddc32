"""``cfr-shm diagnose``: say what ails a run, or any tree of processes, and what helps."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cfr_shm.cli.flags import add_json_flag

if TYPE_CHECKING:
    from cfr_shm.telemetry.diagnostics import Diagnosis

DESCRIPTION = (
    "Judge the CPU use of a run from its records, or of a process and its children while they "
    "run (--pid; it may be any program of yours). Verdicts: system CPU, idle wake-ups, busy "
    "workers, rate drift, each with its threshold and, where it is missed, cause and remedy."
)

MOST_SECONDS = 86_400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run directory")
    parser.add_argument("--pid", type=int, metavar="PID", help="watch a process and its children")
    parser.add_argument(
        "--seconds", type=float, default=10.0, metavar="S", help="how long to watch (default: 10)"
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=1.0,
        metavar="S",
        help="time between samples (default: 1; longer where sampling would take over 0.1 %% of "
        "a core)",
    )
    parser.add_argument("--plot", metavar="FILE", help="draw it as PNG (needs the extra 'plots')")
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Diagnose; return the exit code."""
    from pathlib import Path

    from cfr_shm.cli.session import print_json, print_lines
    from cfr_shm.errors import EXIT_OK, UsageError
    from cfr_shm.telemetry.diagnosis_text import diagnosis_lines
    from cfr_shm.telemetry.plots import draw_diagnosis, require_matplotlib
    from cfr_shm.telemetry.recorded import diagnose_run

    if (namespace.run is None) == (namespace.pid is None):
        raise UsageError("give either a run directory or --pid, as in 'cfr-shm diagnose runs/x'")
    if namespace.plot is not None:
        require_matplotlib("--plot")
    if namespace.run is not None:
        diagnosis = diagnose_run(Path(namespace.run))
    else:
        diagnosis = _watch(namespace)
    if namespace.plot is not None:
        draw_diagnosis(diagnosis, Path(namespace.plot))
    if namespace.json:
        print_json(diagnosis.as_dict())
    else:
        print_lines(diagnosis_lines(diagnosis))
    return EXIT_OK


def _watch(namespace: argparse.Namespace) -> Diagnosis:
    from cfr_shm.errors import UsageError
    from cfr_shm.telemetry.samples import LEAST_FRAME_SECONDS
    from cfr_shm.telemetry.watch import watch_process

    high = MOST_SECONDS
    for name, low in (("seconds", 1.0), ("interval", LEAST_FRAME_SECONDS)):
        value = getattr(namespace, name)
        if not low <= value <= high:
            raise UsageError(f"--{name} is {value:g}; expected {low:g} to {high:g}")
    if namespace.pid < 1:
        raise UsageError(f"--pid is {namespace.pid}; expected the number of a process")
    return watch_process(namespace.pid, namespace.seconds, namespace.interval)
