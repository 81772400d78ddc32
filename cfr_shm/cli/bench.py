"""``cfr-shm bench``: measure on this machine what the documentation promises."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import add_json_flag
from cfr_shm.cli.parser import Parser

if TYPE_CHECKING:
    from pathlib import Path

    from cfr_shm.bench.incidents.replay import Replay
    from cfr_shm.bench.ranks_on_paper import Planned
    from cfr_shm.bench.scaling import Scaling
    from cfr_shm.bench.soak import Soak, Trend

DESCRIPTION = (
    "Measure on this machine. 'incidents' replays five ways in which training used to die, "
    "'scaling' compares numbers of workers, 'soak' sees whether the rate lasts, 'ranks' reckons "
    "what several machines would do."
)

_MOST_WORKERS = 1024
_SOAK_INTERVALS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True, parser_class=Parser
    )
    incidents = actions.add_parser(
        "incidents", help="five old ways to fail beside cfr-shm, about two minutes"
    )
    incidents.add_argument(
        "--seconds", type=float, default=6.0, metavar="S", help="measured on each side (default: 6)"
    )
    _add_output(incidents)
    scaling = actions.add_parser("scaling", help="speed-up and efficiency of more workers")
    scaling.add_argument(
        "--workers", default="1,2,4", metavar="N,N,...", help="numbers of workers (default: 1,2,4)"
    )
    scaling.add_argument(
        "--seconds", type=float, default=10.0, metavar="S", help="of each training (default: 10)"
    )
    scaling.add_argument(
        "--turns", type=int, default=3, metavar="N", help="of each number (default: 3)"
    )
    soak = actions.add_parser("soak", help="the rate per minute of a long training")
    soak.add_argument(
        "--minutes", type=float, default=30.0, metavar="M", help="of training (default: 30)"
    )
    soak.add_argument(
        "--interval", type=float, default=60.0, metavar="S", help="between looks (default: 60)"
    )
    for parser_of in (scaling, soak):
        parser_of.add_argument(
            "-c",
            "--config",
            metavar="CONFIG",
            default="leduc",
            help="what to train (default: leduc)",
        )
        _add_output(parser_of)

    ranks = actions.add_parser("ranks", help="what several machines would do, on paper")
    _add_paper(ranks)


def _add_paper(parser: argparse.ArgumentParser) -> None:
    for flag, metavar, default, what in (
        ("--ranks", "N,N,...", "1,2,4,8", "numbers of machines"),
        ("--rate", "R", None, "iterations per second of one machine"),
        ("--table", "BYTES", None, "of the table; 'estimate' tells"),
        ("--gigabits", "G", "25", "per second of the line between them"),
        ("--exchange-rate", "GB/S", None, "as 'doctor --mpi' measured it, instead of --gigabits"),
        ("--hours", "H", "8", "of training"),
    ):
        told = what if default is None else f"{what} (default: {default})"
        parser.add_argument(flag, metavar=metavar, default=default, help=told)
    parser.add_argument("--compact", action="store_true", help="tables are compact")
    parser.add_argument(
        "--damped", action="store_true", help="as engine.rank_gains=damped: more exchanges"
    )
    parser.set_defaults(plot=None)
    parser.add_argument("--out", metavar="DIR", help="keep the result there")
    add_json_flag(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plot", metavar="FILE", help="draw it as PNG (needs the extra 'plots')")
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="keep the result there (default: benchmarks/results, in a checkout)",
    )
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Run the chosen action and return the exit code."""
    from cfr_shm.telemetry.plots import require_matplotlib

    if namespace.plot is not None:
        require_matplotlib("--plot")
    actions = {"incidents": _incidents, "scaling": _scaling, "soak": _soak, "ranks": _ranks}
    return actions[namespace.action](namespace)


def _incidents(namespace: argparse.Namespace) -> int:
    from pathlib import Path

    from cfr_shm.bench.incidents.replay import replay
    from cfr_shm.bench.pictures import draw_replay
    from cfr_shm.bench.results import results_directory
    from cfr_shm.cli.session import say
    from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME

    _in_range("--seconds", namespace.seconds, 1.0, 600.0)
    directory = results_directory(namespace.out)
    result = replay(namespace.seconds, say)
    if namespace.plot is not None:
        draw_replay(result, Path(namespace.plot))
    _output("incidents", result.as_dict(), _incident_lines(result), namespace.json, directory)
    return EXIT_OK if result.all_met else EXIT_RUNTIME


def _incident_lines(result: Replay) -> list[str]:
    from cfr_shm.telemetry.diagnosis_text import aligned

    rows = [("", "figure", "old", "cfr-shm", "ratio", "wanted", "")]
    for row in result.comparisons:
        ratio = "" if row.ratio is None else f"{row.ratio:,.1f} x"
        met = {True: "met", False: "MISSED", None: ""}[row.met]
        rows.append((row.incident, row.figure, row.old, row.new, ratio, row.wanted, met))
    return aligned(rows, right=False)


def _scaling(namespace: argparse.Namespace) -> int:
    import os
    from pathlib import Path

    from cfr_shm.bench.pictures import draw_scaling
    from cfr_shm.bench.results import results_directory
    from cfr_shm.bench.scaling import scaling
    from cfr_shm.cli.session import say
    from cfr_shm.config.load import load_config
    from cfr_shm.errors import EXIT_OK

    _in_range("--seconds", namespace.seconds, 0.5, 3600.0)
    _in_range("--turns", namespace.turns, 1, 100)
    workers = _worker_counts(namespace.workers)
    directory = results_directory(namespace.out)
    config = load_config(namespace.config, os.environ, [], [])
    result = scaling(config, workers, namespace.seconds, namespace.turns, say)
    if namespace.plot is not None:
        draw_scaling(result, Path(namespace.plot))
    _output("scaling", result.as_dict(), _scaling_lines(result), namespace.json, directory)
    return EXIT_OK


def _worker_counts(text: str, flag: str = "--workers") -> list[int]:
    from cfr_shm.errors import UsageError

    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{flag} '{text}': expected numbers like 1,2,4") from None
    if len(set(counts)) < len(counts):
        raise UsageError(f"{flag} '{text}': a number is given twice")
    for count in counts:
        _in_range(flag, count, 1, _MOST_WORKERS)
    return counts


def _scaling_lines(result: Scaling) -> list[str]:
    from cfr_shm.telemetry.diagnosis_text import aligned

    head = ("workers", "nodes/s", "speed-up", "efficiency", "nodes/CPU s", "speed-up", "efficiency")
    rows: list[tuple[str, ...]] = [(*head, "busy", "system")]
    for point in result.points:
        rows.append(
            (
                str(point.workers),
                f"{point.nodes_per_second:,.0f}",
                f"{point.speed_up:.2f} x",
                f"{point.efficiency:.0%}",
                f"{point.nodes_per_cpu_second:,.0f}",
                f"{point.cpu_speed_up:.2f} x",
                f"{point.cpu_efficiency:.0%}",
                f"{point.busy:.1%}",
                f"{point.system_fraction:.1%}",
            )
        )
    note = "per CPU second: as on a machine with a core for each worker and nobody else on it"
    return [f"{result.game}, table of {result.table_bytes:,} bytes", *aligned(rows), note]


def _soak(namespace: argparse.Namespace) -> int:
    import os
    from pathlib import Path

    from cfr_shm.bench.pictures import draw_soak
    from cfr_shm.bench.results import results_directory
    from cfr_shm.bench.soak import soak
    from cfr_shm.cli.session import say
    from cfr_shm.config.load import load_config
    from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME

    _in_range("--interval", namespace.interval, 1.0, 3600.0)
    least = _SOAK_INTERVALS * namespace.interval / 60
    _in_range("--minutes", namespace.minutes, round(least, 3), 100_000.0)
    directory = results_directory(namespace.out)
    config = load_config(namespace.config, os.environ, [], [])
    result = soak(config, namespace.minutes, namespace.interval, say)
    if namespace.plot is not None:
        draw_soak(result, Path(namespace.plot))
    _output("soak", result.as_dict(), _soak_lines(result), namespace.json, directory)
    return EXIT_RUNTIME if result.verdict == "drifts" else EXIT_OK


def _soak_lines(result: Soak) -> list[str]:
    def line(name: str, trend: Trend) -> str:
        return f"{name}: {trend.drift:+.2%} from start to end, 95 % within +-{trend.margin:.2%}"

    return [
        f"{result.game}, {result.workers} workers, {len(result.minutes)} intervals of "
        f"{result.interval_seconds:g} s",
        line("iterations per second", result.wall),
        line("nodes per iteration, by what the strategies have learned", result.work),
        line("nodes per CPU second, by the calibration loop", result.own),
        f"verdict: {result.verdict} (wanted: within 2 %)",
    ]


def _ranks(namespace: argparse.Namespace) -> int:
    from cfr_shm.bench.ranks_on_paper import Machines, gb_per_second_of_line, plans
    from cfr_shm.bench.results import results_directory
    from cfr_shm.errors import EXIT_OK

    gigabits = _number("--gigabits", namespace.gigabits, 0.01, 1e4)
    measured = namespace.exchange_rate
    machines = Machines(
        rate=_number("--rate", namespace.rate, 1.0, 1e12),
        gb_per_second=gb_per_second_of_line(gigabits)
        if measured is None
        else _number("--exchange-rate", measured, 1e-3, 1e4),
        table_bytes=_number("--table", namespace.table, 1.0, 1e15),
        compact=namespace.compact,
        hours=_number("--hours", namespace.hours, 1e-3, 1e5),
        damped=namespace.damped,
    )
    found = plans(machines, _worker_counts(namespace.ranks, "--ranks"))
    directory = None if namespace.out is None else results_directory(namespace.out)
    figures = {"plans": [each.as_dict() for each in found]}
    _output("ranks", figures, _paper_lines(found), namespace.json, directory)
    return EXIT_OK


def _paper_lines(found: list[Planned]) -> list[str]:
    from cfr_shm.memory.limits import size_text
    from cfr_shm.telemetry.diagnosis_text import aligned

    rows = [("ranks", "exchange", "exchanges", "training", "iterations", "sent", "memory")]
    for each in found:
        rows.append(
            (
                str(each.ranks),
                f"{each.exchange_seconds:.2f} s",
                f"{each.exchanges:,}{'' if each.enough else ' (few)'}",
                f"{each.training_share:.1%}",
                f"{each.iterations:.3g}",
                size_text(int(each.sent_bytes)),
                size_text(int(each.memory_bytes)),
            )
        )
    note = "(few): less than eight exchanges for each rank; the last ranks add little then"
    return [*aligned(rows), *([] if all(each.enough for each in found) else [note])]


def _number(flag: str, text: str | None, low: float, high: float) -> float:
    from cfr_shm.errors import UsageError

    try:
        value = float("" if text is None else text.replace(",", "").replace("_", ""))
    except ValueError:
        given = "is missing" if text is None else f"'{text}': is no number"
        raise UsageError(f"{flag} {given}; expected {low:g} to {high:g}") from None
    _in_range(flag, value, low, high)
    return value


def _in_range(flag: str, value: float, low: float, high: float) -> None:
    from cfr_shm.errors import UsageError

    if not low <= value <= high:
        raise UsageError(f"{flag} is {value:g}; expected {low:g} to {high:g}")


def _output(
    name: str, figures: dict[str, Any], lines: list[str], as_json: bool, directory: Path | None
) -> None:
    """Keep a result, and print it."""
    from cfr_shm.bench.results import keep_result
    from cfr_shm.cli.session import print_json, print_lines, say

    if as_json:
        print_json(figures)
    else:
        print_lines(lines)
    if directory is not None:
        say(f"kept in {keep_result(name, figures, directory)}")
