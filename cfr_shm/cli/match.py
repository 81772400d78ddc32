"""``cfr-shm match``: two or more strategies against each other."""

from __future__ import annotations

import argparse
import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.cli.flags import add_board_flags, add_json_flag, whole_number
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.evaluation.range_match import RangeMatch
    from cfr_shm.strategy.table import TableStrategy

DESCRIPTION = (
    "Play the average strategies of runs against each other and print what the first wins of the "
    "second, in big blinds per 100 hands with a 95 percent interval. On a shared betting tree all "
    "hands of both meet on drawn boards, in both seatings. DIR@ITERATIONS names a checkpoint, so "
    "that a run can play its own past."
)

#: About twenty seconds on ``hu_small`` and one core.
_BOARDS = 2000
_MOST_BOARDS = 1_000_000


class _Pair(NamedTuple):
    names: tuple[str, str]
    found: RangeMatch
    seconds: float
    big_blind: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "directories", metavar="RUN", nargs="+", help="run directories, DIR or DIR@ITERATIONS"
    )
    parser.add_argument(
        "--boards",
        metavar="N",
        type=whole_number(2),
        help=f"boards that are played (default: {_BOARDS:,}); with --until: at most",
    )
    parser.add_argument(
        "--until",
        metavar="MBB",
        type=_half_width,
        help="play until the result is known to +-MBB milli big blinds a hand, by an interval "
        "that may be watched",
    )
    add_board_flags(parser)
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Play as told; return the exit code.

    Raises:
        UsageError: fewer than two strategies, or strategies that cannot meet.
    """
    from cfr_shm.cli.session import load_public_strategy, print_json, print_lines

    if len(namespace.directories) < 2:
        raise UsageError("match: one strategy alone plays nobody; name two runs or checkpoints")
    strategies = [load_public_strategy(each).strategy for each in namespace.directories]
    for one, two in itertools.combinations(strategies, 2):
        _refuse_strangers(one, two)
    pairs = [_play(one, two, namespace) for one, two in itertools.combinations(strategies, 2)]
    if namespace.json:
        print_json(_document(pairs))
    else:
        print_lines(line for pair in pairs for line in _lines(pair))
    return 0


def _half_width(text: str) -> float:
    plain = text.lower().removesuffix("mbb").lstrip("+-±")
    try:
        value = float(plain)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no half-width in mbb, such as 5")
    return value


def _refuse_strangers(one: TableStrategy, two: TableStrategy) -> None:
    from cfr_shm.evaluation.range_match import share_a_tree

    if one.game.player_count != 2 or two.game.player_count != 2:
        raise UsageError(
            f"match: {one.name} and {two.name}: matches are for two players, these have "
            f"{one.game.player_count} and {two.game.player_count}"
        )
    if not share_a_tree(one.game, two.game):
        raise UsageError(
            f"match: {one.name} and {two.name} have no common betting tree (game.stacks, "
            "game.blinds, bet sizes, deck, ranges or board differ), so their hands cannot meet; "
            "play runs of the same game and sizes (their buckets may differ)"
        )


def _play(one: TableStrategy, two: TableStrategy, namespace: argparse.Namespace) -> _Pair:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import say
    from cfr_shm.evaluation.range_match import range_match, range_match_until

    progress = Progress(say)
    progress.start(f"{one.name} against {two.name}")
    began = time.monotonic()
    options: dict[str, Any] = {
        "seed": namespace.seed,
        "workers": namespace.num_workers,
        "progress": progress,
    }
    big_blind = one.game.big_blind or 1.0
    if namespace.until is None:
        found = range_match(one, two, namespace.boards or _BOARDS, **options)
    else:
        half = namespace.until * big_blind / 1000.0
        found = range_match_until(one, two, half, namespace.boards or _MOST_BOARDS, **options)
    return _Pair((one.name, two.name), found, time.monotonic() - began, big_blind)


def _document(pairs: list[_Pair]) -> dict[str, Any]:
    """Return the first pair's result at the top, and all in ``pairs``."""
    found = [_of_pair(pair) for pair in pairs]
    return found[0] | {"pairs": found}


def _of_pair(pair: _Pair) -> dict[str, Any]:
    value = pair.found.value.scaled(100.0 / pair.big_blind)
    return {
        "names": list(pair.names),
        "unit": "bb/100",
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "deals": value.n,
        "seatings": 2,
        "method": "ranges",
        "seconds": pair.seconds,
    }


def _lines(pair: _Pair) -> list[str]:
    found = pair.found.value.scaled(100.0 / pair.big_blind)
    one, two = pair.names
    sure = (
        f"{one} wins"
        if found.low > 0.0
        else f"{two} wins"
        if found.high < 0.0
        else "no difference is certain"
    )
    return [
        f"{one} against {two}: {found.value:+.3f} bb/100 (95 % CI {found.low:+.3f} to "
        f"{found.high:+.3f}), {10.0 * found.value:+.2f} mbb a hand: {sure}",
        f"  {found.n:,} boards, all hands of both, both seatings; {pair.seconds:.1f} s",
    ]
