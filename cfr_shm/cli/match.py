"""``cfr-shm match``: two or more strategies against each other."""

from __future__ import annotations

import argparse
import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.cli.flags import (
    SOURCES,
    add_board_flags,
    add_game_flag,
    add_json_flag,
    add_resolving_flags,
    smoothing_given,
    whole_number,
)
from cfr_shm.cli.match_output import EXACT, PER_HUNDRED, PLAY, RANGES, Pair, document_of, lines_of
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.config.smoothing_values import Smoothing
    from cfr_shm.evaluation.gathering import Gathered, Length
    from cfr_shm.evaluation.resolved_strategy import Resolution
    from cfr_shm.strategy.listed import ListedStrategy
    from cfr_shm.strategy.public import PublicStrategy

    Opponent = PublicStrategy | ListedStrategy

DESCRIPTION = (
    "Play strategies, of runs or from elsewhere, against each other and print what the first wins "
    "of the second, in big blinds per 100 hands with a 95 percent interval. On a shared betting "
    "tree all hands of both meet on drawn boards, in both seatings; where bet sizes differ, or for "
    "three and more seats, deals are played in all seatings, and sizes that a tree does not have "
    "are translated. Where all deals are listed (Kuhn, Leduc, small decks) the result is exact, of "
    "games without blinds in their own unit. DIR@ITERATIONS names a checkpoint, so that a run can "
    "play its own past."
)

#: About twenty seconds on ``hu_small`` and one core.
_BOARDS = 2000
_MOST_BOARDS = 1_000_000
#: Some seconds on one core.
_HANDS = 1_000_000
_MOST_HANDS = 10_000_000_000
#: With a Python function, which is asked hand by hand: some seconds too, if it does not think.
_ASKED_HANDS = 20_000


_RESOLVE = (
    "from which street on each strategy, in the order given, solves the rest of a hand anew when "
    "it comes to it, hand by hand, in at most so many seconds: river:0.5; 'no' for one that does "
    "not"
)


class _Meeting(NamedTuple):
    """Who meets, and how: RANGES, PLAY or EXACT."""

    one: Opponent
    two: Opponent
    method: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directories", metavar="RUN", nargs="+", help=SOURCES)
    add_game_flag(parser)
    parser.add_argument(
        "--method",
        choices=(EXACT, RANGES, PLAY),
        help="all deals and lines (exact, the default where they are listed), all hands on drawn "
        "boards (ranges, where that is possible), or hands (play)",
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
    add_resolving_flags(parser, "STREET:SECONDS[,...]", _RESOLVE)
    add_board_flags(parser)
    add_json_flag(parser)


def _add_smoothing_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--smooth",
        metavar="PASSES[:OWN][,...]",
        type=_smoothings,
        default=[],
        help="how often each run's rows of turn and river are averaged with their neighbours in "
        "strength, in the order of the runs, as --smooth of eval has it; 0 for not at all "
        "(default: as run.smoothing of each)",
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
    resolutions = _resolutions(namespace)
    loaded = load_players(namespace.directories, namespace.config, namespace.smooth)
    strategies = [_resolved(*each) for each in zip(loaded, resolutions, strict=True)]
    meetings = [_meeting(*both, namespace) for both in itertools.combinations(strategies, 2)]
    _check_flags({meeting.method for meeting in meetings}, namespace)
    pairs = []
    for meeting in meetings:
        pairs.append(_play(meeting, namespace))
        if pairs[-1].found.stopped is not None:
            break
    if namespace.json:
        print_json(document_of(pairs))
    else:
        print_lines(line for pair in pairs for line in lines_of(pair))
    stopped = pairs[-1].found.stopped
    if stopped is not None:
        raise stopped
    return 0


def _resolutions(namespace: argparse.Namespace) -> list[Resolution | None]:
    """Return what ``--resolve`` says of each strategy, None of those that do not.

    Raises:
        UsageError: it says more, or nothing that can be read.
    """
    from cfr_shm.cli.flags import resolution_of

    told = [] if namespace.resolve is None else namespace.resolve.split(",")
    if len(told) > len(namespace.directories):
        raise UsageError(
            f"match: --resolve names {len(told)} strategies of {len(namespace.directories)}"
        )
    told += ["no"] * (len(namespace.directories) - len(told))
    return [None if each.strip() == "no" else resolution_of(namespace, each) for each in told]


def _resolved(strategy: Opponent, resolution: Resolution | None) -> Opponent:
    """Return a strategy, solving the rest of its hands anew where that is asked for.

    Raises:
        UsageError: its game is not for two, or does not come to the street.
        GameError: it is not hold'em.
    """
    if resolution is None:
        return strategy
    from cfr_shm.strategy.listed import ListedStrategy

    if isinstance(strategy, ListedStrategy):
        raise UsageError(f"match: --resolve is for hold'em, not for {strategy.game.name}")
    return resolution.of(strategy)


def _smoothings(text: str) -> list[Smoothing]:
    return [smoothing_given(each) for each in text.split(",")]


def _half_width(text: str) -> float:
    plain = text.lower().removesuffix("mbb").lstrip("+-±")
    try:
        value = float(plain)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no half-width in mbb, such as 5")
    return value


def _meeting(one: Opponent, two: Opponent, namespace: argparse.Namespace) -> _Meeting:
    """Return how two strategies meet.

    Raises:
        UsageError: they are of different games, or not as the flags say.
    """
    from cfr_shm.evaluation.listed_match import why_not_alike
    from cfr_shm.evaluation.play_match import why_no_match
    from cfr_shm.evaluation.range_match import share_a_tree
    from cfr_shm.strategy.listed import ListedStrategy

    if isinstance(one, ListedStrategy) or isinstance(two, ListedStrategy):
        return _listed_meeting(one, two, namespace)
    if (reason := why_no_match(one.game, two.game)) is not None:
        raise _no_match(one, two, f"{reason}; bet sizes and buckets may differ, nothing else")
    shared = one.game.player_count == 2 and share_a_tree(one.game, two.game)
    if namespace.method == RANGES and not shared:
        raise UsageError(
            f"match: {one.name} and {two.name} have no common betting tree for two, which "
            f"--method {RANGES} needs; leave it out, or take --method {PLAY}"
        )
    first, second = _rows_of(one), _rows_of(two)
    if first is None or second is None or why_not_alike(one.game, two.game) is not None:
        if namespace.method == EXACT:
            raise UsageError(
                f"match: --method {EXACT} is for strategies with rows, of one tree whose deals "
                f"are all listed; {one.name} and {two.name} are not, so leave it out"
            )
        return _Meeting(one, two, namespace.method or (RANGES if shared else PLAY))
    method = namespace.method or (RANGES if namespace.boards is not None and shared else EXACT)
    return _Meeting(first, second, EXACT) if method == EXACT else _Meeting(one, two, method)


def _listed_meeting(one: Opponent, two: Opponent, namespace: argparse.Namespace) -> _Meeting:
    """Return how strategies meet of which one is no hold'em.

    Raises:
        UsageError: they are of different games, or not as the flags say.
    """
    from cfr_shm.evaluation.listed_match import seen_alike, why_not_alike
    from cfr_shm.strategy.listed import ListedStrategy

    alike = None
    if isinstance(one, ListedStrategy) and isinstance(two, ListedStrategy):
        alike = seen_alike(one, two)
    if alike is None:
        raise _no_match(one, two, f"{why_not_alike(one.game, two.game)}")
    if namespace.method == RANGES:
        raise UsageError(
            f"match: --method {RANGES} is for hold'em, not for {one.game.name}; leave it out"
        )
    reason = alike[0].game.why_not_enumerable()
    if namespace.method == EXACT and reason is not None:
        raise UsageError(f"match: {one.game.name} cannot be walked over exactly: {reason}")
    return _Meeting(*alike, namespace.method or (EXACT if reason is None else PLAY))


def _no_match(one: Opponent, two: Opponent, reason: str) -> UsageError:
    return UsageError(
        f"match: {one.name} and {two.name} are strategies of different games, so their hands "
        f"cannot meet: {reason}"
    )


def _rows_of(strategy: Opponent) -> ListedStrategy | None:
    """Return a hold'em strategy of which all rows and deals are listed by its rows."""
    from cfr_shm.strategy.listed import ListedStrategy
    from cfr_shm.strategy.table import TableStrategy

    if not isinstance(strategy, TableStrategy) or strategy.game.why_not_enumerable() is not None:
        return None
    return ListedStrategy(strategy.name, strategy.game, strategy.probability)


def _check_flags(methods: set[str], namespace: argparse.Namespace) -> None:
    """Refuse a number of boards or deals where nothing is played by them."""
    for flag, method in (("boards", RANGES), ("deals", PLAY)):
        if method not in methods and getattr(namespace, flag) is not None:
            raise UsageError(
                f"match: --{flag} is for --method {method}, but these strategies meet by "
                f"{', '.join(methods)}"
            )


def _play(meeting: _Meeting, namespace: argparse.Namespace) -> Pair:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import say
    from cfr_shm.evaluation.play_match import can_correct, seatings_of
    from cfr_shm.strategy.listed import ListedStrategy

    one, two, method = meeting
    progress = Progress(say)
    progress.start(f"{one.name} against {two.name}")
    began = time.monotonic()
    seatings = len(seatings_of(one.game.player_count))
    listed = isinstance(one, ListedStrategy)
    unknown = _functions(one, two) if method == PLAY else ()
    corrected = method == PLAY and not listed and can_correct(one.game) and not namespace.raw
    found = _found(meeting, namespace, progress, corrected)
    seconds = time.monotonic() - began
    unit, factor = one.game.unit, 1.0
    if one.game.big_blind is not None:
        unit, factor = PER_HUNDRED, 100.0 / one.game.big_blind
    names = (one.name, two.name)
    return Pair(names, method, corrected, unknown, seatings, found, seconds, unit, factor)


def _found(
    meeting: _Meeting, namespace: argparse.Namespace, progress: Progress, corrected: bool
) -> Gathered:
    """Play, or walk, and return what the first wins."""
    from cfr_shm.evaluation.listed_match import drawn_match, exact_match
    from cfr_shm.evaluation.range_match import range_match
    from cfr_shm.strategy.listed import ListedStrategy

    one, two, method = meeting
    if isinstance(one, ListedStrategy) and isinstance(two, ListedStrategy):
        if method == EXACT:
            return exact_match(one, two, progress)
        length = _length(meeting, namespace)
        return drawn_match(one, two, length, **_options(namespace, progress))
    first, second = (each for each in (one, two) if not isinstance(each, ListedStrategy))
    length, options = _length(meeting, namespace), _options(namespace, progress)
    if method == RANGES:
        return range_match(first, second, length, **options)
    return _by_play(first, second, length, corrected=corrected, **options)


def _options(namespace: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    return {"seed": namespace.seed, "workers": namespace.num_workers, "progress": progress}


def _length(meeting: _Meeting, namespace: argparse.Namespace) -> Length:
    """Return how long is played."""
    from cfr_shm.evaluation.gathering import Length
    from cfr_shm.evaluation.play_match import seatings_of

    one, two, method = meeting
    until = namespace.until
    if method == RANGES:
        most = namespace.boards or (_BOARDS if until is None else _MOST_BOARDS)
    else:
        asked = bool(_functions(one, two))
        hands = (_ASKED_HANDS if asked else _HANDS) if until is None else _MOST_HANDS
        most = namespace.deals or max(2, hands // len(seatings_of(one.game.player_count)))
    return Length(most, None if until is None else until * (one.game.big_blind or 1.0) / 1000.0)


def _functions(*strategies: Opponent) -> tuple[str, ...]:
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
