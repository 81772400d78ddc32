"""``cfr-shm eval``: measure the strategy of a run's checkpoint."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import (
    SOURCES,
    add_board_flags,
    add_game_flag,
    add_json_flag,
    add_smoothing_flag,
    positive_seconds,
    whole_number,
)
from cfr_shm.errors import UsageError
from cfr_shm.storage.names import EXACT_ANSWERS

if TYPE_CHECKING:
    from cfr_shm.cli.session import StoredStrategy
    from cfr_shm.evaluation.best_response import Evaluation
    from cfr_shm.evaluation.measure import Measurement
    from cfr_shm.strategy.public import PublicStrategy

DESCRIPTION = (
    "Load a checkpoint of the run in DIR and print how exploitable its average strategy is: "
    "exactly where that takes less than a minute, else what best responders win at least, with a "
    "95 percent interval. docs/evaluation.md says which measure tells what."
)

#: Named here, so that asking for help imports nothing (``evaluation.measure.METHODS``).
_METHODS = ("exact", "river", "turn", "flop", "lbr", "exploiter")
_ACTION_SETS = ("fc", "fcpa", "56bets", "56bets-flop", "tree")

#: Which methods a flag is for.
_FLAGS = {
    "boards": ("river", "turn", "flop"),
    "pairs": ("lbr",),
    "actions": ("lbr",),
    "deals": ("exploiter",),
    "iters": ("exploiter",),
    "time-budget": ("exploiter",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help=SOURCES)
    add_game_flag(parser)
    parser.add_argument(
        "--method",
        choices=_METHODS,
        help="exact; river, turn or flop: a best response from that street on, on drawn boards; "
        "lbr: local best response; exploiter: a seat that learns to play against the others, for "
        "any game and two to six players (default: what takes less than a minute)",
    )
    _add_budgets(parser)
    parser.add_argument(
        "--where",
        action="store_true",
        help="take a best response's gain apart, exactly: by street, action, line, how likely the "
        "strategy comes there, visits and strength of its row; --method river (default), turn or "
        "flop",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="of --where: draw it as PNG (needs the extra 'plots')"
    )
    add_smoothing_flag(parser)
    add_board_flags(parser)
    add_json_flag(parser)


def _add_budgets(parser: argparse.ArgumentParser) -> None:
    """Declare how much a method does, and what lbr may do."""
    parser.add_argument("--boards", metavar="N", type=whole_number(2), help="boards that are drawn")
    parser.add_argument(
        "--pairs",
        metavar="N",
        type=whole_number(2),
        help="deals that lbr plays, each in both seats",
    )
    parser.add_argument(
        "--actions",
        choices=_ACTION_SETS,
        help="what lbr does: fc folds or calls; fcpa (default) bets the pot or all-in from the "
        "turn on; 56bets has 56 sizes there; 56bets-flop bets on the flop only; tree, where all "
        "deals are listed, takes every bet of the game throughout",
    )
    parser.add_argument(
        "--iters", metavar="N", type=whole_number(0), help="iterations that each exploiter learns"
    )
    parser.add_argument(
        "--time-budget",
        metavar="SECONDS",
        type=positive_seconds,
        help="CPU seconds that all seats' exploiters learn, together (default: 30)",
    )
    parser.add_argument(
        "--deals", metavar="N", type=whole_number(2), help="deals that value an exploiter"
    )


def run(namespace: argparse.Namespace) -> int:
    """Evaluate as told; return the exit code.

    Raises:
        GameError: the game cannot be measured as asked for.
    """
    from cfr_shm.cli.session import print_json, print_lines
    from cfr_shm.cli.sources import (
        load_function,
        load_source,
        names_function,
        refuse_smoothing,
    )
    from cfr_shm.evaluation.best_response import evaluate

    _refuse_useless_flags(namespace)
    if namespace.where:
        from cfr_shm.cli.eval_where import run_where

        return run_where(namespace)
    source, config = namespace.directory, namespace.config
    if names_function(source):
        refuse_smoothing(source, namespace.smooth)
        return _print_measured(*load_function(source, config), namespace)
    stored = load_source(source, config, namespace.smooth)
    if stored.game.why_not_enumerable() is None and namespace.method in (None, "exact"):
        evaluation = evaluate(stored.game, stored.strategy)
        if namespace.json:
            print_json(_document(stored, evaluation))
        else:
            print_lines(_lines(stored, evaluation))
        return 0
    return _print_measured(stored, None, namespace)


def _print_measured(
    stored: StoredStrategy, strategy: PublicStrategy | None, namespace: argparse.Namespace
) -> int:
    """Measure and print; the strategy that is measured is the stored one unless given.

    What was found is told also where an error or Ctrl-C ends it early, which is raised then.
    """
    from cfr_shm.cli.session import print_json, print_lines

    found: list[Measurement] = []
    stopped: BaseException | None = None
    try:
        found.extend(_measure(stored, strategy, namespace))
    except BaseException as error:
        if not found:
            raise
        stopped = error
    if namespace.json:
        print_json(_measured_document(stored, found))
    else:
        print_lines(_measured_lines(stored, found))
    stopped = stopped or found[-1].stopped
    if stopped is not None:
        raise stopped
    return 0


def _measure(
    stored: StoredStrategy, given: PublicStrategy | None, namespace: argparse.Namespace
) -> Iterable[Measurement]:
    from cfr_shm.cards.parallel import Progress
    from cfr_shm.cli.session import public_strategy, say
    from cfr_shm.evaluation.measure import (
        EXACT,
        EXPLOITER,
        LOCAL,
        best_measures,
        measure_by_learning,
        measure_from,
        measure_locally,
    )

    options: dict[str, Any] = {"seed": namespace.seed, "workers": namespace.num_workers}
    options |= {"progress": Progress(say)}
    if namespace.method == EXPLOITER:
        if given is not None:
            raise UsageError(f"--method exploiter learns against tables; {given.name} is none")
        options |= {"iterations": namespace.iters, "seconds": namespace.time_budget}
        options |= {"deals": namespace.deals}
        return [measure_by_learning(stored.game, stored.strategy.probability, **options)]
    if given is None and stored.game.why_not_enumerable() is None:
        return [_measure_listed(stored, namespace)]
    if stored.game.betting is None:
        stored.game.require_enumerable("evaluation")
    strategy = public_strategy(stored) if given is None else given
    if namespace.method == EXACT:
        return [_measure_exactly(stored, strategy, namespace.num_workers)]
    if namespace.method is None:
        return best_measures(strategy, **options, say=say)
    if namespace.method == LOCAL:
        actions = {} if namespace.actions is None else {"actions": namespace.actions}
        return [measure_locally(strategy, pairs=namespace.pairs, **actions, **options)]
    return [measure_from(strategy, namespace.method, boards=namespace.boards, **options)]


def _measure_exactly(stored: StoredStrategy, strategy: PublicStrategy, workers: int) -> Measurement:
    """Measure exactly, however long it takes: what was done is kept beside the run, if any."""
    from cfr_shm.cards.parallel import Progress, thread_count
    from cfr_shm.cli.session import say
    from cfr_shm.evaluation.exact_ledger import ExactLedger
    from cfr_shm.evaluation.exact_response import forecast_seconds
    from cfr_shm.evaluation.measure import AT_ONCE_SECONDS, duration, measure_exactly
    from cfr_shm.run.bundle import home_of

    seconds, cores = forecast_seconds(strategy), thread_count(workers)
    spread = f", {duration(seconds / cores)} on the {cores} that work on it" if cores > 1 else ""
    say(f"an exact answer takes about {duration(seconds)} on one core{spread}")
    path = stored.checkpoint.path
    if seconds < AT_ONCE_SECONDS or path is None or stored.name:
        return measure_exactly(strategy, workers=workers)
    directory = home_of(path) / EXACT_ANSWERS / str(stored.checkpoint.iterations)
    ledger = ExactLedger(directory, _identity(stored), Progress(say, interval=30.0))
    if ledger.taken_up:
        say(f"going on with what {directory} has kept")
    else:
        say(f"it is kept in {directory} each minute: the same command goes on with it when killed")
    return measure_exactly(strategy, ledger, workers)


def _identity(stored: StoredStrategy) -> str:
    """Return what an exact answer belongs to: game, buckets and every probability."""
    import hashlib

    digest = hashlib.sha256(stored.checkpoint.fingerprint.encode())
    digest.update(stored.strategy.probability.tobytes())
    return digest.hexdigest()


def _measure_listed(stored: StoredStrategy, namespace: argparse.Namespace) -> Measurement:
    """Measure a game whose deals are all listed by what is not the exact exploitability."""
    from cfr_shm.evaluation.local_response import DEFAULT_SET
    from cfr_shm.evaluation.measure import measure_locally_listed

    if namespace.method != "lbr":
        raise UsageError(
            f"--method {namespace.method}: {stored.game.name} is small enough to be evaluated "
            "exactly; leave the method out, or name exact, lbr or exploiter"
        )
    if namespace.pairs is not None:
        raise UsageError(f"--pairs: all deals of {stored.game.name} are listed, none is drawn")
    actions = namespace.actions or DEFAULT_SET
    return measure_locally_listed(stored.game, stored.strategy.probability, actions)


def _refuse_useless_flags(namespace: argparse.Namespace) -> None:
    for flag, methods in _FLAGS.items():
        method = namespace.method or ("river" if namespace.where else None)
        if getattr(namespace, flag.replace("-", "_")) is not None and method not in methods:
            raise UsageError(f"--{flag} is for --method {' or '.join(methods)}; name one")
    if namespace.plot is not None and not namespace.where:
        raise UsageError("--plot draws what --where finds; add --where")


def _document(stored: StoredStrategy, found: Evaluation) -> dict[str, Any]:
    document = {
        "game": stored.game.name,
        "checkpoint": str(stored.checkpoint.path),
        "iterations": stored.checkpoint.iterations,
        "exploitability": {
            "value": found.exploitability,
            "unit": found.unit,
            "method": found.method,
        },
        "nash_conv": found.nash_conv,
        "values": list(found.values),
        "best_response_values": list(found.best_response_values),
        "gains": list(found.gains),
    }
    value = found.exploitability
    return document | {
        "method": "exact",
        "unit": found.unit,
        "value": value,
        "low": value,
        "high": value,
        "n": 0,
        "seconds": None,
        "seats": list(found.best_response_values),
        "exact": True,
    }


def _measured_document(stored: StoredStrategy, found: list[Measurement]) -> dict[str, Any]:
    """Return the document: what was found first at the top, and all of it in ``measures``."""
    from cfr_shm.evaluation.measure import unit_of

    first = found[0]
    if first.evaluation is not None:
        document = _document(stored, first.evaluation)
    else:
        document = {
            "game": stored.game.name,
            "checkpoint": str(stored.checkpoint.path),
            "iterations": stored.checkpoint.iterations,
            "exploitability": None,
            "nash_conv": None,
        }
    document |= {"big_blind": stored.game.big_blind, "mbb_per_chip": unit_of(stored.game)[1]}
    return document | _of_one(first) | {"measures": [_of_one(each) for each in found]}


def _of_one(found: Measurement) -> dict[str, Any]:
    from cfr_shm.evaluation.measure_text import why_stopped

    return {
        "method": found.method,
        "unit": found.unit,
        "value": found.gain.value,
        "low": _finite(found.gain.low),
        "high": _finite(found.gain.high),
        "n": found.gain.n,
        "seconds": found.seconds,
        "seats": [each.value for each in found.seats],
        "seat_intervals": [[_finite(each.low), _finite(each.high)] for each in found.seats],
        "exact": found.exact,
        "settings": found.settings,
        "stopped": why_stopped(found.stopped),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _head(stored: StoredStrategy) -> list[str]:
    return [
        f"game: {stored.game.name}",
        f"checkpoint: {stored.checkpoint.path}",
        f"iterations: {stored.checkpoint.iterations:,}",
    ]


def _lines(stored: StoredStrategy, found: Evaluation) -> list[str]:
    return [
        *_head(stored),
        f"exploitability: {found.exploitability:.6f} {found.unit} ({found.method})",
        f"NashConv: {found.nash_conv:.6f} {found.unit}",
        *(
            f"player {player}: value {value:+.6f}, best response gains {gain:.6f}"
            for player, (value, gain) in enumerate(zip(found.values, found.gains, strict=True))
        ),
    ]


def _measured_lines(stored: StoredStrategy, found: list[Measurement]) -> list[str]:
    from cfr_shm.evaluation.measure_text import measure_lines

    if found[0].evaluation is not None:
        lines = _lines(stored, found[0].evaluation)
        lines.append(f"in milli big blinds a hand: {found[0].gain.value:.4f} mbb")
        return lines
    return [*_head(stored), *(line for each in found for line in measure_lines(each))]
