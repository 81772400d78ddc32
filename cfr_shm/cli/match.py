"""``cfr-shm match``: two or more strategies against each other."""

from __future__ import annotations

import argparse
import itertools
import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.cli.flags import SOURCES, add_board_flags, add_game_flag, add_json_flag, whole_number
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.evaluation.gathering import Gathered, Length
    from cfr_shm.strategy.public import PublicStrategy

DESCRIPTION = (
    "Play strategies, of runs or from elsewhere, against each other and print what the first wins "
    "of the second, in big blinds per 100 hands with a 95 percent interval. On a shared betting "
    "tree all hands of both meet on drawn boards, in both seatings; where bet sizes differ, or for "
    "three and more seats, deals are played in all seatings, and sizes that a tree does not have "
    "are translated. DIR@ITERATIONS names a checkpoint, so that a run can play its own past."
)

#: About twenty seconds on ``hu_small`` and one core.
_BOARDS = 2000
_MOST_BOARDS = 1_000_000
#: Some seconds on one core.
_HANDS = 1_000_000
_MOST_HANDS = 10_000_000_000
#: With a Python function, which is asked hand by hand: some seconds too, if it does not think.
_ASKED_HANDS = 20_000

RANGES, PLAY = "ranges", "play"


class _Pair(NamedTuple):
    names: tuple[str, str]
    method: str
    corrected: bool
    unknown: tuple[str, ...]  # sides of which only the moves are seen
    seatings: int
    found: Gathered
    seconds: float
    big_blind: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directories", metavar="RUN", nargs="+", help=SOURCES)
    add_game_flag(parser)
    parser.add_argument(
        "--method",
        choices=(RANGES, PLAY),
        help="all hands on boards (ranges, the default where it is possible), or hands (play)",
    )
    parser.add_argument(
        "--boards",
        metavar="N",
        type=whole_number(2),
        help=f"boards of ranges (default: {_BOARDS:,}); with --until: at most",
    )
    parser.add_argument(
        "--deals",
        metavar="N",
        type=whole_number(2),
        help="deals of play, each in all seatings (default: so many that a million hands are "
        "played, 20,000 with a Python function); with --until: at most",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="leave the luck of boards and draws in what is told of hands played",
    )
    parser.add_argument(
        "--until",
        metavar="MBB",
        type=_half_width,
        help="play until the result is known to +-MBB milli big blinds a hand, by an interval "
        "that may be watched",
    )
    _add_smoothing_flag(parser)
    _add_resolving_flags(parser)
    add_board_flags(parser)
    add_json_flag(parser)


def _add_smoothing_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--smooth",
        metavar="PASSES[,PASSES ...]",
        type=_passes,
        default=[],
        help="how often each run's rows of turn and river are averaged with their neighbours in "
        "strength, in the order of the runs; 0 for not at all (default: as run.smoothing of each)",
    )


def _add_resolving_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--resolve",
        metavar="STREET:SECONDS[,...]",
        type=_resolutions,
        default=[],
        help="from which street on each strategy, in the order given, solves the rest of a hand "
        "anew when it comes to it, hand by hand, in at most so many seconds: river:0.5; 'no' for "
        "one that does not",
    )
    parser.add_argument(
        "--resolve-method",
        metavar="METHOD",
        choices=("unsafe", "resolve", "maxmargin", "reach"),
        default="resolve",
        help="how: unsafe, resolve (default), maxmargin or reach, as 'solve --from' has them",
    )


def run(namespace: argparse.Namespace) -> int:
    """Play as told; return the exit code.

    What was played is told also where an error or Ctrl-C ends it early, which is raised then.

    Raises:
        UsageError: fewer than two strategies, or strategies that cannot meet.
    """
    from cfr_shm.cli.session import print_json, print_lines
    from cfr_shm.cli.sources import load_players

    if len(namespace.directories) < 2:
        raise UsageError("match: one strategy alone plays nobody; name two runs or checkpoints")
    if len(namespace.smooth) > len(namespace.directories):
        raise UsageError(
            f"match: --smooth has {len(namespace.smooth)} numbers of passes for "
            f"{len(namespace.directories)} strategies"
        )
    strategies = load_players(namespace.directories, namespace.config, namespace.smooth)
    strategies = _resolving(strategies, namespace)
    meetings = [
        (one, two, _method(one, two, namespace))
        for one, two in itertools.combinations(strategies, 2)
    ]
    _check_flags({method for _, _, method in meetings}, namespace)
    pairs = []
    for one, two, method in meetings:
        pairs.append(_play(one, two, method, namespace))
        if pairs[-1].found.stopped is not None:
            break
    if namespace.json:
        print_json(_document(pairs))
    else:
        print_lines(line for pair in pairs for line in _lines(pair))
    stopped = pairs[-1].found.stopped
    if stopped is not None:
        raise stopped
    return 0


def _resolving(
    strategies: list[PublicStrategy], namespace: argparse.Namespace
) -> list[PublicStrategy]:
    """Return the strategies, those in place that solve the rest of a hand anew.

    Raises:
        UsageError: more are named than there are, or a game does not come to the street.
        GameError: a game is not hold'em for two.
    """
    if not namespace.resolve:
        return strategies
    from cfr_shm.evaluation.resolved_strategy import ResolvedStrategy, street_named
    from cfr_shm.evaluation.resolving import HowToResolve

    if len(namespace.resolve) > len(strategies):
        raise UsageError(
            f"match: --resolve names {len(namespace.resolve)} strategies of {len(strategies)}"
        )
    found = list(strategies)
    for number, wanted in enumerate(namespace.resolve):
        if wanted is None:
            continue
        street, seconds = wanted
        blueprint = strategies[number]
        if blueprint.game.player_count != 2:
            raise UsageError("match: --resolve is for games of two")
        how = HowToResolve(namespace.resolve_method, seconds=seconds)
        found[number] = ResolvedStrategy(blueprint, street_named(blueprint.game, street), how)
    return found


def _resolutions(text: str) -> list[tuple[str, float] | None]:
    found: list[tuple[str, float] | None] = []
    for each in text.split(","):
        street, _, seconds = each.strip().partition(":")
        if each.strip() == "no":
            found.append(None)
            continue
        try:
            most = float(seconds)
        except ValueError:
            most = 0.0
        if street not in ("flop", "turn", "river") or not 0.0 < most < 1e6:
            raise argparse.ArgumentTypeError(f"{each!r}: expected STREET:SECONDS, e.g. river:0.5")
        found.append((street, most))
    return found


def _passes(text: str) -> list[int]:
    return [whole_number(0)(each) for each in text.split(",")]


def _half_width(text: str) -> float:
    plain = text.lower().removesuffix("mbb").lstrip("+-±")
    try:
        value = float(plain)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no half-width in mbb, such as 5")
    return value


def _method(one: PublicStrategy, two: PublicStrategy, namespace: argparse.Namespace) -> str:
    """Return how two strategies meet.

    Raises:
        UsageError: they are of different games, or not as the flags say.
    """
    from cfr_shm.evaluation.play_match import why_no_match
    from cfr_shm.evaluation.range_match import share_a_tree

    if (reason := why_no_match(one.game, two.game)) is not None:
        raise UsageError(
            f"match: {one.name} and {two.name} are strategies of different games, so their hands "
            f"cannot meet: {reason}; bet sizes and buckets may differ, nothing else"
        )
    shared = one.game.player_count == 2 and share_a_tree(one.game, two.game)
    if namespace.method == RANGES and not shared:
        raise UsageError(
            f"match: {one.name} and {two.name} have no common betting tree for two, which "
            f"--method {RANGES} needs; leave it out, or take --method {PLAY}"
        )
    method: str = namespace.method or (RANGES if shared else PLAY)
    return method


def _check_flags(methods: set[str], namespace: argparse.Namespace) -> None:
    """Refuse a number of boards or deals where nothing is played by them."""
    for flag, method in (("boards", RANGES), ("deals", PLAY)):
        if method not in methods and getattr(namespace, flag) is not None:
            raise UsageError(
                f"match: --{flag} is for --method {method}, but these strategies meet by "
                f"{', '.join(methods)}"
            )


def _play(
    one: PublicStrategy, two: PublicStrategy, method: str, namespace: argparse.Namespace
) -> _Pair:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import say
    from cfr_shm.evaluation.gathering import Length
    from cfr_shm.evaluation.play_match import can_correct, seatings_of
    from cfr_shm.evaluation.range_match import range_match

    progress = Progress(say)
    progress.start(f"{one.name} against {two.name}")
    began = time.monotonic()
    big_blind = one.game.big_blind or 1.0
    seatings = len(seatings_of(one.game.player_count))
    unknown = _functions(one, two) if method == PLAY else ()
    until = namespace.until
    if method == RANGES:
        most = namespace.boards or (_BOARDS if until is None else _MOST_BOARDS)
    else:
        hands = (_ASKED_HANDS if unknown else _HANDS) if until is None else _MOST_HANDS
        most = namespace.deals or max(2, hands // seatings)
    length = Length(most, None if until is None else until * big_blind / 1000.0)
    options: dict[str, Any] = {
        "seed": namespace.seed,
        "workers": namespace.num_workers,
        "progress": progress,
    }
    corrected = method == PLAY and can_correct(one.game) and not namespace.raw
    if method == RANGES:
        found = range_match(one, two, length, **options)
    else:
        found = _by_play(one, two, length, corrected=corrected, **options)
    names, seconds = (one.name, two.name), time.monotonic() - began
    return _Pair(names, method, corrected, unknown, seatings, found, seconds, big_blind)


def _functions(*strategies: PublicStrategy) -> tuple[str, ...]:
    """Return the names of those that are Python functions."""
    from cfr_shm.strategy.function_strategy import FunctionStrategy

    return tuple(each.name for each in strategies if isinstance(each, FunctionStrategy))


def _by_play(one: PublicStrategy, two: PublicStrategy, length: Length, **options: Any) -> Gathered:
    """Play hands; a function is asked in each for what it really holds."""
    from cfr_shm.evaluation.play_match import play_match
    from cfr_shm.strategy.function_player import FunctionPlayer
    from cfr_shm.strategy.function_strategy import FunctionStrategy

    sides = [
        FunctionPlayer(each) if isinstance(each, FunctionStrategy) else each for each in (one, two)
    ]
    return play_match(sides[0], sides[1], length, **options)


def _document(pairs: list[_Pair]) -> dict[str, Any]:
    """Return the first pair's result at the top, and all in ``pairs``."""
    found = [_of_pair(pair) for pair in pairs]
    return found[0] | {"pairs": found}


def _of_pair(pair: _Pair) -> dict[str, Any]:
    value = pair.found.value.scaled(100.0 / pair.big_blind)
    return {
        "names": list(pair.names),
        "unit": "bb/100",
        "value": _finite(value.value),
        "low": _finite(value.low),
        "high": _finite(value.high),
        "deals": value.n,
        "seatings": pair.seatings,
        "method": pair.method,
        "corrected": pair.corrected,
        "unknown": list(pair.unknown),
        "seconds": pair.seconds,
        "stopped": _why(pair.found.stopped),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _why(stopped: BaseException | None) -> str | None:
    if stopped is None:
        return None
    return "interrupted" if isinstance(stopped, KeyboardInterrupt) else str(stopped)


def _lines(pair: _Pair) -> list[str]:
    found = pair.found.value.scaled(100.0 / pair.big_blind)
    one, two = pair.names
    what = "boards, all hands of both" if pair.method == RANGES else "deals"
    if pair.corrected:
        draws = f"draws of all but {' and '.join(pair.unknown)}" if pair.unknown else "draws"
        what += f", luck of boards and {draws} taken out"
    seatings = "both seatings" if pair.seatings == 2 else f"all {pair.seatings} seatings"
    played = f"  {found.n:,} {what}, {seatings}; {pair.seconds:.1f} s"
    if pair.found.stopped is not None:
        played += f"; ended early: {_why(pair.found.stopped)}"
    if found.n < 2:
        return [f"{one} against {two}: not enough was played to tell anything", played]
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
        played,
    ]
