"""``cfr-shm solve``: a spot, hand by hand, to an equilibrium."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import ConfigFlag, add_config_flags, settings
from cfr_shm.cli.solve_from import (
    add_blueprint_arguments,
    refuse_without_blueprint,
    solve_from,
)
from cfr_shm.cli.solve_output import (
    action_lines,
    add_output_arguments,
    check_outputs,
    hand_lines,
    place_lines,
    print_chart,
    wants_files,
    write_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cfr_shm.config.reader import Setting
    from cfr_shm.config.sections import Config
    from cfr_shm.run.solve import Solved

DESCRIPTION = (
    "Solve a spot: a board, two ranges, a pot, stacks and bet sizes, hand by hand on the public "
    "tree, until best responses gain little. SPOT is a YAML file with a section 'spot', a run "
    "directory of an earlier solve to go on with, or left out when flags say it all. Ctrl-C keeps "
    "what there is; 'cfr-shm solve DIR' goes on."
)

_FLAGS = (
    ConfigFlag(("--board",), "spot.board", "CARDS", "3 to 5 cards, e.g. Td9d6hQc"),
    ConfigFlag(("--oop",), "spot.oop", "RANGE", "range of the player who acts first"),
    ConfigFlag(("--ip",), "spot.ip", "RANGE", "range of the player who acts last"),
    ConfigFlag(("--pot",), "spot.pot", "CHIPS", "chips in the pot"),
    ConfigFlag(("--stack",), "spot.stack", "CHIPS", "chips behind"),
    ConfigFlag(("--bets",), "spot.bets", "SIZES", "first bets, e.g. '60%%,e,a'; a list: by street"),
    ConfigFlag(("--raises",), "spot.raises", "SIZES", "raises, e.g. '2.5x'"),
    ConfigFlag(("--donk",), "spot.donk", "SIZES", "bets into a player whose bet was called"),
    ConfigFlag(("--add-allin",), "spot.add_allin", "POTS", "add all-in up to so many pots"),
    ConfigFlag(("--force-allin",), "spot.force_allin", "POTS", "all-in instead of leaving less"),
    ConfigFlag(("--merge",), "spot.merge", "PART", "leave out sizes that are so near"),
    ConfigFlag(("--rake",), "spot.rake_fraction", "PART", "part of every pot that is taken"),
    ConfigFlag(("--rake-cap",), "spot.rake_cap", "CHIPS", "the most that is taken"),
    ConfigFlag(("--target",), "spot.target", "PERCENT", "stop at this exploitability, %% of pot"),
    ConfigFlag(("--algorithm",), "spot.algorithm", "NAME", "dcfr, dcfr_resets, cfr_plus, ..."),
    ConfigFlag(("--iters",), "run.iterations", "N", "stop after N iterations"),
    ConfigFlag(("--time-budget",), "run.time_budget", "SECONDS", "stop after so long"),
    ConfigFlag(("--num-workers",), "engine.num_workers", "N", "workers; 0 = one per usable core"),
    ConfigFlag(("--logdir",), "run.logdir", "DIR", "the run directory (default: runs/...)"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    what = "SPOT.yaml, a run directory, or another solver's file"
    parser.add_argument("spot", nargs="?", metavar="SPOT", help=what)
    add_config_flags(parser, _FLAGS)
    parser.add_argument(
        "--compact",
        dest="spot.compact",
        action="store_const",
        const="true",
        help="tables of 16 instead of 32 bits a number",
    )
    parser.add_argument(
        "--lock",
        action="append",
        metavar="'LINE: ACTION RANGE'",
        help="a strategy that is given, e.g. 'x-b120: f AA:0.5,KK'; may be given many times",
    )
    parser.add_argument("--name", metavar="TREE", help="which tree of a wasm-postflop export")
    parser.add_argument("--ranges", metavar="FILE", help="ranges of wasm-postflop, JSON")
    parser.add_argument(
        "--estimate", action="store_true", help="say nodes, memory and seconds, and solve nothing"
    )
    parser.add_argument("--line", metavar="LINE", help="print the hands at this line, not the root")
    parser.add_argument("--cards", metavar="CARDS", default="", help="with --line: what came since")
    parser.add_argument(
        "--next-cards", action="store_true", help="with --line: a row for every card that may come"
    )
    parser.add_argument(
        "--flops", metavar="FILE", help="solve a list of flops, a line each; 'all': all 1,755"
    )
    add_output_arguments(parser)
    add_blueprint_arguments(parser)


def run(namespace: argparse.Namespace) -> int:
    """Solve as told; return the exit code.

    Raises:
        UsageError: what was said makes no spot.
        MemoryReserveError: the tables do not fit.
    """
    import json

    from cfr_shm.config.reader import Setting

    given = settings(namespace, _FLAGS)
    if vars(namespace)["spot.compact"] is not None:
        given.append(Setting("spot.compact", "true", "--compact", "--compact"))
    if namespace.lock:
        text = json.dumps(namespace.lock)
        given.append(Setting("spot.lock_ranges", text, "--lock", "--lock"))
    if namespace.blueprint is not None:
        return solve_from(namespace, {each.key: each.text for each in given})
    refuse_without_blueprint(namespace)
    _refuse_together(namespace)
    return _run(namespace, given)


def _refuse_together(namespace: argparse.Namespace) -> None:
    """Refuse flags that would say nothing, before anything is solved.

    Raises:
        UsageError: the first of them, and what it goes with.
    """
    from cfr_shm.errors import UsageError

    if namespace.flops is not None:
        asked = {"--estimate": namespace.estimate, "--next-cards": namespace.next_cards}
        asked |= {"--line": namespace.line is not None, "--cards": namespace.cards}
        for flag in (flag for flag, given in asked.items() if given):
            raise UsageError(f"{flag} is of one board: it goes without --flops, with --board")
    if namespace.line is None and namespace.cards:
        raise UsageError("--cards are those that came on a line: give --line too")
    if namespace.line is None and namespace.next_cards:
        raise UsageError("--next-cards needs --line, a line that ends a street")


def _run(namespace: argparse.Namespace, given: list[Setting]) -> int:
    """Solve the spot that a file, a run directory or flags describe."""
    import os
    from dataclasses import replace
    from pathlib import Path

    from cfr_shm.cli.session import named_places
    from cfr_shm.config.load import load_config
    from cfr_shm.config.reader import Setting
    from cfr_shm.run.directory import default_path
    from cfr_shm.spots.foreign import is_foreign, read_foreign
    from cfr_shm.spots.settled import recorded
    from cfr_shm.storage.names import CONFIG

    source, resuming = namespace.spot, False
    imported: list[Setting] = []
    if source is not None and Path(source).is_dir():
        source, resuming = str(Path(source) / CONFIG), True
    elif source is not None and is_foreign(source):
        ranges = None if namespace.ranges is None else Path(namespace.ranges)
        values = read_foreign(Path(source), namespace.name, ranges)
        imported = [Setting(f"spot.{key}", text, source, source) for key, text in values.items()]
        given = [*imported, *given]
    config = load_config(None if imported else source, os.environ, namespace.overrides, given)
    config = replace(config, spot=recorded(config.spot, resuming=resuming))
    _need_board(config, namespace)
    name = "spot" if source is None or resuming else Path(source).stem
    path = default_path(name) if config.run.logdir is None else Path(config.run.logdir)
    if resuming:
        path = Path(namespace.spot)
    with named_places(None if imported else source, namespace.overrides, given):
        if namespace.flops is not None:
            return _flops(config, path, namespace, resuming=resuming)
        if namespace.estimate:
            return print_estimate(config, namespace.json)
        return _solve(config, path, namespace, resuming=resuming)


def _need_board(config: Config, namespace: argparse.Namespace) -> None:
    from cfr_shm.errors import UsageError

    if namespace.flops is None and config.spot.board is None:
        raise UsageError(
            "there is no spot: give a SPOT.yaml with a section 'spot', or --board, --oop, --ip, "
            "--pot, --stack and --bets; see docs/solve.md"
        )


def resume_solve(
    directory: str, overrides: Sequence[str], given: Sequence[Setting], json_output: bool
) -> int:
    """Go on with the spot in ``directory``, as ``resume`` does with a training.

    A bound among ``given`` takes the place of all earlier ones, the target included; a time
    budget is so much more time.

    Raises:
        UsageError: it is a list of flops, which goes on by another command.
    """
    import os
    from dataclasses import replace
    from pathlib import Path

    from cfr_shm.config.load import load_config
    from cfr_shm.errors import UsageError
    from cfr_shm.spots.saved import stored_seconds
    from cfr_shm.spots.settled import recorded
    from cfr_shm.storage.names import CHECKPOINTS, CONFIG

    path = Path(directory)
    bounds = [each.key for each in given if each.key in ("run.iterations", "run.time_budget")]
    if bounds:
        former = ("run.iterations", "run.time_budget", "spot.target")
        overrides = [*(f"{key}=null" for key in former), *overrides]
    config = load_config(str(path / CONFIG), os.environ, overrides, given)
    config = replace(config, spot=recorded(config.spot, resuming=True))
    if config.spot.board is None:
        raise UsageError(
            f"{directory} is a list of flops: go on with 'cfr-shm solve {directory} --flops FILE'"
        )
    if "run.time_budget" in bounds and config.run.time_budget is not None:
        total = config.run.time_budget + stored_seconds(path / CHECKPOINTS)
        config = replace(config, run=replace(config.run, time_budget=total))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    told = parser.parse_args([directory])
    told.json = json_output
    return _solve(config, path, told, resuming=True)


def _solve(config: Config, path: Path, namespace: argparse.Namespace, *, resuming: bool) -> int:
    from cfr_shm.cards.deck import STANDARD
    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.run.directory import RunDirectory
    from cfr_shm.run.signals import StopSignals
    from cfr_shm.run.solve import SpotRun
    from cfr_shm.spots.spot_results import decision_summary

    check_outputs(namespace, charts=not namespace.next_cards)
    asked = namespace.line or "", namespace.cards, bool(namespace.next_cards)
    with StopSignals() as signals, RunDirectory.claim(path, config, resuming=resuming) as directory:
        solved = SpotRun(config, directory, say, signals).run(
            resuming=resuming, asked=asked if _wants_hands(namespace) else None
        )
        about = _about(config, namespace, solved)
        shown = None if solved.report is None else (solved.report, STANDARD)
        write_outputs(namespace, solved.hands, about, shown)
        if namespace.json:
            print_json({**solved.summary, **_asked_document(solved)})
            return signals.exit_code
        print_lines(_lines(solved.summary))
        if shown is not None:
            print_lines(place_lines(decision_summary(shown[0])))
        if namespace.chart and shown is not None:
            print_chart(shown)
        else:
            print_lines(hand_lines(solved.hands) if solved.hands else [])
        print_lines(f"range of {code}: {text}" for code, text in (solved.ranges or {}).items())
        print_lines([f"run directory: {solved.summary['run_directory']}"])
        return signals.exit_code


def _asked_document(solved: Solved) -> dict[str, Any]:
    """Return what JSON says of the decision, or of the cards, that were asked for."""
    if not solved.hands:
        return {}
    found: dict[str, Any] = {"hands": solved.hands, "ranges": solved.ranges}
    if solved.report is not None:
        from cfr_shm.spots.spot_results import decision_summary

        found["decision"] = decision_summary(solved.report)
    return found


def _about(config: Config, namespace: argparse.Namespace, solved: Solved) -> dict[str, Any]:
    """Return what files say of where their rows come from."""
    from cfr_shm.spots.street_trees import PLAYERS

    spot = config.spot
    found = {
        "board": f"{spot.board or ''}{namespace.cards}",
        "pot": spot.pot,
        "line": namespace.line or "",
        "exploitability_percent": solved.summary["exploitability_percent"],
        "iterations": solved.summary["iterations"],
        "unit": "chips",
    }
    if solved.report is not None:
        found["player"] = PLAYERS[solved.report.player]
    return found


def _wants_hands(namespace: argparse.Namespace) -> bool:
    return namespace.next_cards or namespace.line is not None or wants_files(namespace)


def _flops(config: Config, path: Path, namespace: argparse.Namespace, *, resuming: bool) -> int:
    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME
    from cfr_shm.run.directory import RunDirectory
    from cfr_shm.run.signals import StopSignals
    from cfr_shm.run.solve_flops import flop_rows, read_flops, solve_flops

    check_outputs(namespace, charts=False)
    flops = read_flops(namespace.flops)
    with StopSignals() as signals, RunDirectory.claim(path, config, resuming=resuming) as directory:
        found = solve_flops(config, flops, directory, say, signals)
        about = {"flops": found["flops"], "wanted": found["wanted"], "unit": "chips"}
        write_outputs(namespace, flop_rows(directory.path), about)
        if namespace.json:
            print_json(found)
        else:
            print_lines(_flop_lines(found, flop_rows(directory.path)))
        return signals.exit_code or (EXIT_RUNTIME if found["failed"] else EXIT_OK)


#: Flops that the terminal shows, from the worst and from the best for the first player.
_MOST_FLOPS = 10


def _column(name: str) -> str:
    return "exploit. %" if name == "exploitability_percent" else name[:12]


def _flop_lines(found: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """Return the table of a list of flops, best for the first player first, and the means."""
    ordered = sorted(rows, key=lambda row: float(row["ev_oop"]), reverse=True)
    left_out = max(len(ordered) - 2 * _MOST_FLOPS, 0)
    shown = ordered
    if left_out:
        shown = ordered[:_MOST_FLOPS] + ordered[-_MOST_FLOPS:]
    columns = [name for name in found["mean"] if name != "iterations"]
    lines = [f"{'flop':<9}{'weight':>8}" + "".join(f"{_column(name):>13}" for name in columns)]
    for place, row in enumerate(shown):
        if left_out and place == _MOST_FLOPS:
            lines.append(f"... {left_out} more in flops.csv")
        numbers = "".join(f"{float(row[name] or 0.0):>13.4f}" for name in columns)
        lines.append(f"{row['flop']:<9}{float(row['weight']):>8g}{numbers}")
    means = "".join(f"{found['mean'][name]:>13.4f}" for name in columns)
    return [
        *lines,
        f"{'mean':<17}{means}",
        *(f"{each['flop']} is left out: {each['reason']}" for each in found["failed"]),
        f"{found['flops']} of {found['wanted']} flops are solved",
        f"run directory: {found['run_directory']}",
    ]


def _lines(summary: dict[str, Any]) -> list[str]:
    return [
        f"exploitability {summary['exploitability_percent']:.4f} % of the pot after "
        f"{summary['iterations']} iterations in {summary['seconds']:.2f} s "
        f"({summary['iterations_per_second']:,.1f} iter/s)",
        f"{'':<14}{'oop':>10}{'ip':>10}",
        f"{'equity %':<14}" + "".join(f"{100 * value:>10.3f}" for value in summary["equity"]),
        f"{'EV':<14}" + "".join(f"{value:>10.3f}" for value in summary["ev"]),
        f"{'best gains':<14}"
        + "".join(f"{max(value, 0.0):>10.3f}" for value in summary["best_response"]["gain"]),
        *action_lines(summary["root"]),
    ]


def print_estimate(config: Config, as_json: bool) -> int:
    """Say what a spot will take, measured for a second; return the exit code.

    Raises:
        MemoryReserveError: it does not fit, which is said after its sizes.
    """
    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.errors import EXIT_OK, MemoryReserveError
    from cfr_shm.run.solve import boards_text, estimate_spot

    found = estimate_spot(config, say)
    if as_json:
        print_json(found)
    else:
        print_lines(
            [
                f"{found['hands'][0]} x {found['hands'][1]} hands, "
                f"{boards_text(found['boards'])}, {found['nodes']:,} nodes",
                f"tables {found['memory_bytes'] / 1e6:,.1f} MB, "
                f"{found['compact_bytes'] / 1e6:,.1f} MB with --compact",
            ]
        )
    if not found["fits"]:
        raise MemoryReserveError(found["refused"])
    if not as_json:
        seconds = found["seconds_per_iteration"]
        print_lines(
            [
                "fits",
                f"{seconds:.4f} s an iteration on {found['workers']} workers; about "
                f"{100 * seconds:.1f} s for the 100 that many spots take",
            ]
        )
    return EXIT_OK
