"""``cfr-shm buckets``: build card buckets, look into them, and look hands up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import add_json_flag
from cfr_shm.cli.parser import Parser

if TYPE_CHECKING:
    from cfr_shm.cards.buckets import Buckets

DESCRIPTION = (
    "Group the hands of hold'em that play alike. 'build' writes a bucket file, 'show' says what "
    "is in one, 'lookup' says which bucket a hand is in."
)
_METHOD_HELP = (
    "percentile, emd, ochs (default), potential or lossless for all streets, or one for each: "
    "flop=potential,turn=emd,river=ochs"
)
_STREETS = ("preflop", "flop", "turn", "river")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the three actions and their flags."""
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", title="actions", required=True, parser_class=Parser
    )
    _add_build(actions.add_parser("build", help="compute buckets and write them to a file"))
    show = actions.add_parser("show", help="print sizes, spread and sample hands")
    show.add_argument("file", metavar="FILE", help="a bucket file")
    show.add_argument(
        "--street", choices=_STREETS, help="list every bucket of this street (default: a summary)"
    )
    add_json_flag(show)
    lookup = actions.add_parser("lookup", help="print the bucket of a hand")
    lookup.add_argument("hole", metavar="HOLE", help="two cards, e.g. AhKd")
    lookup.add_argument(
        "board", metavar="BOARD", nargs="?", default="", help="e.g. '7c 8c 9d'; none: preflop"
    )
    lookup.add_argument(
        "--file", metavar="FILE", help="a bucket file (default: the default one, built if missing)"
    )
    add_json_flag(lookup)


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", required=True, help="the bucket file to write")
    parser.add_argument("--method", metavar="METHOD", default="ochs", help=_METHOD_HELP)
    parser.add_argument("--deck", metavar="DECK", default="standard", help="standard, short, royal")
    for street, count in zip(_STREETS, (169, 200, 200, 200), strict=True):
        parser.add_argument(
            f"--{street}", metavar="N", default=str(count), help=f"buckets (default: {count})"
        )
    parser.add_argument("--seed", metavar="N", default="0", help="of the clusterings (default: 0)")
    parser.add_argument(
        "--restarts", metavar="N", default="3", help="seedings that a clustering tries (default: 3)"
    )
    parser.add_argument(
        "--workers", metavar="N", default="0", help="threads; 0 = one per usable core (default)"
    )
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Run the chosen action and return the exit code."""
    return {"build": _build, "show": _show, "lookup": _lookup}[namespace.action](namespace)


def _build(namespace: argparse.Namespace) -> int:
    from pathlib import Path

    from cfr_shm.cards.abstraction import BucketSpec, methods_from
    from cfr_shm.cards.buckets import build_file
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import print_json, print_lines, say

    preflop, flop, turn, river = (
        _number(f"--{street}", getattr(namespace, street), 1, 65_535) for street in _STREETS
    )
    spec = BucketSpec(
        deck=namespace.deck,
        methods=methods_from(namespace.method),
        counts=(preflop, flop, turn, river),
        seed=_number("--seed", namespace.seed, 0, 2**63 - 1),
        restarts=_number("--restarts", namespace.restarts, 1, 1000),
    )
    workers = _number("--workers", namespace.workers, 0, 1024)
    path = Path(namespace.out)
    buckets = build_file(spec, path, workers=workers, progress=Progress(say))
    say(f"wrote {path} in {buckets.about['seconds']} s, {_peak_memory()}")
    if namespace.json:
        print_json(_summary(buckets))
    else:
        print_lines(_summary_lines(buckets))
    return 0


def _show(namespace: argparse.Namespace) -> int:
    from pathlib import Path

    from cfr_shm.cards.buckets import check_is_bucket_file, open_buckets
    from cfr_shm.cli.session import print_json, print_lines

    check_is_bucket_file(Path(namespace.file))
    buckets = open_buckets(Path(namespace.file))
    if namespace.street is None:
        if namespace.json:
            print_json(_summary(buckets))
        else:
            print_lines(_summary_lines(buckets))
        return 0
    rows = _rows(buckets, _STREETS.index(namespace.street))
    if namespace.json:
        print_json({"file": str(buckets.path), "street": namespace.street, "buckets": rows})
        return 0
    print_lines([f"{'bucket':>6}  {'share':>7}  {'E[HS]':>6}  {'spread':>6}  hands"])
    print_lines(
        f"{row['bucket']:>6}  {row['share']:>7.2%}  {row['mean']:>6.3f}  {row['spread']:>6.3f}  "
        + ", ".join(row["samples"])
        for row in rows
    )
    return 0


def _lookup(namespace: argparse.Namespace) -> int:
    from pathlib import Path

    from cfr_shm.cards.buckets import check_is_bucket_file, default_buckets, open_buckets
    from cfr_shm.cards.deck import STANDARD
    from cfr_shm.cards.isomorphism import STREETS, street_of_board
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import print_json, print_lines, say

    if namespace.file is None:
        # Refuse wrong cards before minutes are spent on building.
        hole, board = STANDARD.parse(namespace.hole), STANDARD.parse(namespace.board)
        _check_hand(STANDARD, hole, board)
        buckets = default_buckets(progress=Progress(say))
    else:
        check_is_bucket_file(Path(namespace.file))
        buckets = open_buckets(Path(namespace.file))
    deck = buckets.deck
    hole, board = deck.parse(namespace.hole), deck.parse(namespace.board)
    street = street_of_board(board)
    bucket = buckets.lookup(hole, board)
    held = {name: buckets.statistics[street][name][bucket].item() for name in ("mean", "spread")}
    if namespace.json:
        print_json({"street": STREETS[street], "bucket": bucket, **held})
    else:
        line = f"{STREETS[street]} bucket {bucket} of {buckets.counts[street]}"
        print_lines([f"{line}, E[HS] {held['mean']:.3f} +- {held['spread']:.3f}"])
    return 0


def _check_hand(deck: Any, hole: tuple[int, ...], board: tuple[int, ...]) -> None:
    from cfr_shm.cards.isomorphism import street_of_board
    from cfr_shm.errors import UsageError

    street_of_board(board)
    if len(hole) != 2:
        raise UsageError(f"a hand has 2 hole cards, found {len(hole)}")
    deck.check([*hole, *board])


def _number(name: str, text: str, least: int, most: int) -> int:
    from cfr_shm.errors import UsageError

    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise UsageError(f"{name} {text}: expected a whole number from {least} to {most}")
    return value


def _rows(buckets: Buckets, street: int) -> list[dict[str, Any]]:
    held = buckets.statistics[street]
    total = int(held["weight"].sum())
    return [
        {
            "bucket": bucket,
            "share": weight / total,
            "mean": held["mean"][bucket].item(),
            "spread": held["spread"][bucket].item(),
            "samples": buckets.samples(street, bucket),
        }
        for bucket, weight in enumerate(held["weight"].tolist())
    ]


def _summary(buckets: Buckets) -> dict[str, Any]:
    streets = []
    for street, name in enumerate(_STREETS):
        held = buckets.statistics[street]
        weight = held["weight"]
        share = weight / weight.sum()
        streets.append(
            {
                "street": name,
                "method": buckets.about["spec"]["methods"][street],
                "buckets": len(weight),
                "hands": len(buckets.bucket[street]),
                "bytes": buckets.bucket[street].nbytes,
                "smallest_share": share.min().item(),
                "largest_share": share.max().item(),
                "mean_spread": (held["spread"] * share).sum().item(),
                "objective": buckets.about["objective"][street],
            }
        )
    return {
        "file": str(buckets.path),
        "deck": buckets.deck.name,
        "fingerprint": buckets.fingerprint,
        "streets": streets,
        "build_seconds": buckets.about["seconds"],
    }


def _summary_lines(buckets: Buckets) -> list[str]:
    summary = _summary(buckets)
    lines = [
        f"deck {summary['deck']}, fingerprint {summary['fingerprint'][:16]}",
        f"{'street':<8} {'method':<11} {'buckets':>7} {'hands':>12} {'MB':>6} "
        f"{'least':>7} {'most':>7} {'spread':>7}",
    ]
    for row in summary["streets"]:
        lines.append(
            f"{row['street']:<8} {row['method']:<11} {row['buckets']:>7} {row['hands']:>12,} "
            f"{row['bytes'] / 1e6:>6.1f} {row['smallest_share']:>7.2%} "
            f"{row['largest_share']:>7.2%} {row['mean_spread']:>7.4f}"
        )
    for street, name in enumerate(_STREETS):
        count = buckets.counts[street]
        picks = sorted({0, count // 2, count - 1})
        for bucket in picks:
            mean = buckets.statistics[street]["mean"][bucket]
            hands = ", ".join(buckets.samples(street, bucket))
            lines.append(f"  {name} {bucket}: E[HS] {mean:.3f}: {hands}")
    return lines


def _peak_memory() -> str:
    try:
        import resource
    except ImportError:
        return "peak memory unknown on this platform"
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gib = peak / 2**30 if sys.platform == "darwin" else peak / 2**20
    return f"peak memory {gib:.2f} GiB"
