"""``cfr-shm estimate``: say what a run will take, before it is started."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import ConfigFlag, add_config_flags, settings

if TYPE_CHECKING:
    from cfr_shm.config.sections import Config
    from cfr_shm.memory.limits import Limit
    from cfr_shm.run.budgeted_buckets import Choice
    from cfr_shm.run.forecast import Disk, Hours, Rate, Sizes

DESCRIPTION = (
    "Say what a run will take before it is started: nodes, infosets and entries by street, bytes "
    "of each table and what memory there is, how fast this machine is (the kernel is run for a "
    "second) and how many hours until each infoset has been visited often enough. What does not "
    "fit is refused as 'train' refuses it."
)

_FLAGS = (
    ConfigFlag(("--game",), "game.name", "NAME", "the game, as 'train' takes it"),
    ConfigFlag(("--num-workers",), "engine.num_workers", "N", "worker processes of the run"),
    ConfigFlag(
        ("--time-budget",),
        "run.time_budget",
        "SECONDS",
        "how long it would train: which card buckets that is enough for",
    ),
)
_MOST_VISITS = 10**12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's flags."""
    parser.add_argument(
        "-c",
        "--config",
        metavar="CONFIG",
        help="a YAML file, a run directory, or a shipped config: hu_standard ...",
    )
    parser.add_argument(
        "--visits", metavar="N", default="1000", help="expected visits to wait for (default: 1000)"
    )
    add_config_flags(parser, _FLAGS)


def run(namespace: argparse.Namespace) -> int:
    """Measure and print; return the exit code."""
    import os
    from pathlib import Path

    from cfr_shm.cli.session import named_places
    from cfr_shm.config.load import load_config
    from cfr_shm.errors import UsageError
    from cfr_shm.storage.names import CONFIG

    written = namespace.visits
    if not written.isascii() or not written.isdecimal() or not 1 <= int(written) <= _MOST_VISITS:
        raise UsageError(
            f"--visits must be a whole number from 1 to {_MOST_VISITS}, found '{written[:60]}'"
        )
    given = settings(namespace, _FLAGS)
    source = namespace.config
    if source is not None and (Path(source) / CONFIG).is_file():
        source = str(Path(source) / CONFIG)  # a run directory
    config = load_config(source, os.environ, namespace.overrides, given)
    with named_places(source, namespace.overrides, given):
        if config.spot.given:
            from cfr_shm.cli.solve import print_estimate

            return print_estimate(config, namespace.json)
        return _estimate(config, int(written), namespace.json)


def _estimate(config: Config, visits: int, json_output: bool) -> int:
    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.errors import EXIT_OK, MemoryReserveError
    from cfr_shm.kernels.warm import compile_kernels
    from cfr_shm.machine.cores import usable_cores
    from cfr_shm.run import forecast
    from cfr_shm.run.budgeted_buckets import choose_buckets, with_buckets
    from cfr_shm.run.setup import worker_count

    compile_kernels(say, config.table.compact)
    choice = choose_buckets(config, progress=say)
    config = with_buckets(config, choice)
    game = forecast.game_of(config, say)
    workers = worker_count(config, game, usable_cores())
    sizes = forecast.sizes_of(config, game, workers, say)
    limits = forecast.limits_of(config, workers)
    if not json_output:
        told = [] if choice is None else [choice.text]
        print_lines([*told, *_size_lines(config, sizes, limits)])
    try:
        forecast.require_room(config, sizes, workers)
    except MemoryReserveError as error:
        if json_output:
            refused = {"fits": False, "refused": str(error)}
            print_json(_document(config, sizes, limits) | _buckets_document(choice) | refused)
        raise
    rate = forecast.measured_rate(config, game, sizes, say)
    hours = forecast.hours_until(config, game, sizes, rate, workers, visits)
    disk = forecast.disk_of(config, sizes, rate, workers)
    if json_output:
        print_json(
            _document(config, sizes, limits)
            | _buckets_document(choice)
            | {"fits": True, "refused": None}
            | _speed_document(rate, hours, workers)
            | {"disk": disk._asdict()}
        )
    else:
        print_lines([*_speed_lines(rate, hours, workers), _disk_line(disk)])
    return EXIT_OK


def _size_lines(config: Config, sizes: Sizes, limits: list[Limit]) -> list[str]:
    from cfr_shm.memory.limits import size_text

    lines = [f"{config.game.name}: {sizes.nodes:,} nodes, {sizes.leaves:,} of them leaves"]
    lines.append(f"{'street':<8} {'decisions':>12} {'infosets':>14} {'entries':>14} {'table':>10}")
    for name, decisions, infosets, entries, byte_count in [
        *sizes.streets,
        (
            "all",
            sum(street.decisions for street in sizes.streets),
            sizes.infosets,
            sizes.entries,
            sizes.table_bytes,
        ),
    ]:
        shown = size_text(byte_count)
        lines.append(f"{name:<8} {decisions:>12,} {infosets:>14,} {entries:>14,} {shown:>10}")
    kept = {
        "table (average strategy and regrets)": sizes.table_bytes,
        "kept by the algorithm besides": sizes.state_bytes,
        "tables of the workers' own, and what they tell each other": sizes.own_bytes,
        "of each rank, for what it exchanges": sizes.exchange_bytes,
        "tree": sizes.tree_bytes,
        "card buckets, once for all workers": sizes.bucket_bytes,
    }
    lines += [f"{size_text(count):>10}  {what}" for what, count in kept.items() if count]
    lines += [
        f"{size_text(max(limit.available_bytes, 0)):>10}  free: {limit.name}" for limit in limits
    ]
    if sizes.unused:
        lines.append(f"never a move of any node: {', '.join(sizes.unused)}")
    return lines


def _speed_lines(rate: Rate, hours: Hours | None, workers: int) -> list[str]:
    lines = [
        f"{rate.iterations_per_second:,.0f} iterations/s, {rate.nodes_per_second:,.0f} nodes/s on "
        f"one worker, measured for {rate.seconds:.1f} s on {rate.measured_on}"
    ]
    if hours is None:
        return [*lines, "how often infosets are visited is not known for this algorithm"]
    lines.append(
        f"hours until {hours.visits:,} expected visits with {workers} workers (that many times "
        "one worker's speed, everybody playing uniformly as at the start):"
    )
    lines.append(
        f"{_hours(hours.mean):>10}  on average over all infosets "
        f"({hours.mean_per_iteration:.3g} visits per iteration)"
    )
    lines += [
        f"{_hours(needed):>10}  each of the {100 * share:g} % most visited infosets"
        for share, needed in hours.by_share.items()
    ]
    return lines


def _disk_line(disk: Disk) -> str:
    from cfr_shm.memory.limits import size_text

    kept = f", {disk.history} of them kept as history (run.keep_history)" if disk.history else ""
    return (
        f"{size_text(disk.bytes):>10}  on disk for {disk.newest + disk.history} checkpoints{kept}"
    )


def _hours(hours: float) -> str:
    if hours < 1 / 30:
        return f"{hours * 3600:.1f} s"
    return f"{hours * 60:.1f} min" if hours < 2 else f"{hours:,.1f} h"


def _document(config: Config, sizes: Sizes, limits: list[Limit]) -> dict[str, Any]:
    return {
        "game": config.game.name,
        "nodes": sizes.nodes,
        "leaves": sizes.leaves,
        "streets": [street._asdict() for street in sizes.streets],
        "infosets": sizes.infosets,
        "entries": sizes.entries,
        "table_bytes": sizes.table_bytes,
        "state_bytes": sizes.state_bytes,
        "own_bytes": sizes.own_bytes,
        "exchange_bytes": sizes.exchange_bytes,
        "tree_bytes": sizes.tree_bytes,
        "bucket_bytes": sizes.bucket_bytes,
        "needed_bytes": sizes.needed_bytes,
        "unused_sizes": list(sizes.unused),
        "limits": [
            {"name": limit.name, "available_bytes": limit.available_bytes} for limit in limits
        ],
    }


def _buckets_document(choice: Choice | None) -> dict[str, Any]:
    """Say which buckets were chosen for the time, None where they are not left open."""
    if choice is None:
        return {"buckets": None}
    method, count = choice.candidate.method, choice.candidate.buckets
    return {"buckets": {"method": method, "buckets": count, "updates_of_a_row": choice.updates}}


def _speed_document(rate: Rate, hours: Hours | None, workers: int) -> dict[str, Any]:
    return {
        "rate": rate._asdict(),
        "workers": workers,
        "visits": None
        if hours is None
        else {
            "visits": hours.visits,
            "mean_per_iteration": hours.mean_per_iteration,
            "hours_mean": hours.mean,
            "hours_by_share": {f"{share:g}": each for share, each in hours.by_share.items()},
            "assumes": "uniform play; every worker as fast as one alone",
        },
    }
