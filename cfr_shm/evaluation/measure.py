"""One door to every measure of how good a strategy is: by name, in milli big blinds a hand.

``best_measures`` picks what can be said at once: the exact exploitability where that takes less
than a minute, else lower bounds with intervals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import GameError
from cfr_shm.evaluation.best_response import Evaluation
from cfr_shm.evaluation.estimates import Estimate, exactly
from cfr_shm.evaluation.exact_ledger import ExactLedger
from cfr_shm.evaluation.exact_response import exact_response, forecast_seconds
from cfr_shm.evaluation.exploiter import (
    Budget,
    ExploiterResponse,
    exploiter_pieces,
    exploiter_response,
)
from cfr_shm.evaluation.listed_local_response import listed_local_response, streets_named
from cfr_shm.evaluation.local_response import DEFAULT_SET, local_response
from cfr_shm.evaluation.sampled_response import SampledResponse, sampled_response, street_named
from cfr_shm.games.game import Game
from cfr_shm.strategy.public import PublicStrategy
from cfr_shm.strategy.table import TableStrategy

EXACT, RIVER, TURN, FLOP, LOCAL, EXPLOITER = "exact", "river", "turn", "flop", "lbr", "exploiter"
METHODS = (EXACT, RIVER, TURN, FLOP, LOCAL, EXPLOITER)

#: Exact answers that take longer are asked for by name.
AT_ONCE_SECONDS = 60.0

#: Boards of each street that are drawn when nobody says how many: about half a minute's work
#: on ``hu_small`` and one core, minutes for the flop.
DEFAULT_BOARDS = {RIVER: 1000, TURN: 40, FLOP: 2}

#: Pairs that local best response plays when nobody says how many: ten seconds or less.
DEFAULT_PAIRS = 10_000

#: CPU seconds that all seats of an exploiter learn for, together, when nobody says how long.
DEFAULT_LEARNING_SECONDS = 30.0

#: Deals that value what an exploiter learned when nobody says how many: a second a seat, or two.
DEFAULT_DEALS = 400_000

MILLI = 1000.0


@dataclass(frozen=True)
class Measurement:
    """What one method found."""

    method: str
    unit: str  # "mbb" a hand, or chips where there is no big blind
    gain: Estimate  # what best responders win, mean over both seats: exact, or a lower bound
    seats: tuple[Estimate, ...]  # of each responding seat
    seconds: float
    evaluation: Evaluation | None = None  # where it is exact, in chips
    settings: dict[str, Any] = field(default_factory=dict)  # all that decides the numbers
    stopped: BaseException | None = None  # what ended it early: then of what was found until then

    @property
    def exact(self) -> bool:
        """Whether nothing was sampled and nothing left out."""
        return self.evaluation is not None

    def whole(self) -> Measurement:
        """Return this, or raise what ended it early."""
        if self.stopped is not None:
            raise self.stopped
        return self


def unit_of(game: Game) -> tuple[str, float]:
    """Return the unit of measures, and what a chip is in it."""
    return ("mbb", MILLI / game.big_blind) if game.big_blind else (game.unit, 1.0)


def measure_exactly(
    strategy: PublicStrategy, ledger: ExactLedger | None = None, workers: int = 0
) -> Measurement:
    """Return the exact exploitability.

    Args:
        strategy: what is measured.
        ledger: where an answer that takes hours is kept while it is made.
        workers: threads, 0 for all usable cores.

    Raises:
        GameError: not a game of hold'em for two.
        ArrayStoreError: what was done so far cannot be kept.
    """
    began = time.monotonic()
    found = exact_response(strategy, ledger, workers)
    unit, factor = unit_of(strategy.game)
    # In zero-sum games the responders' mean is NashConv / 2; with rake, or a pot from before,
    # their gains are told.
    won = found.best_response_values if strategy.game.zero_sum else found.gains
    return Measurement(
        EXACT,
        unit,
        exactly(found.exploitability * factor),
        tuple(exactly(each * factor) for each in won),
        time.monotonic() - began,
        found,
    )


def measure_from(
    strategy: PublicStrategy,
    method: str,
    *,
    boards: int | None = None,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> Measurement:
    """Return the lower bound by best responses from a street on.

    Args:
        strategy: what is measured.
        method: RIVER, TURN or FLOP.
        boards: how many are drawn; None for DEFAULT_BOARDS.
        seed: of the boards.
        workers: threads, 0 for all usable cores.
        progress: told how far it is.

    Raises:
        GameError: not hold'em for two, or no betting on the street.
    """
    began = time.monotonic()
    street = street_named(strategy.game, method)
    count = DEFAULT_BOARDS[method] if boards is None else boards
    if progress:
        progress.start(f"best response from the {method} on, {count:,} boards")
    found: SampledResponse = sampled_response(
        strategy, street, count, seed=seed, workers=workers, progress=progress
    )
    unit, factor = unit_of(strategy.game)
    return Measurement(
        method,
        unit,
        found.gain.scaled(factor),
        tuple(each.scaled(factor) for each in found.seats),
        time.monotonic() - began,
        settings={"boards": found.gain.n, "seed": seed},
        stopped=found.stopped,
    )


def measure_locally(
    strategy: PublicStrategy,
    *,
    pairs: int | None = None,
    actions: str = DEFAULT_SET,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> Measurement:
    """Return what local best response wins.

    Args:
        strategy: what is measured.
        pairs: deals, each played in both seats; None for DEFAULT_PAIRS.
        actions: a name of ``local_response.ACTION_SETS``.
        seed: of the deals.
        workers: threads, 0 for all usable cores.
        progress: told how far it is.

    Raises:
        GameError: not hold'em for two, dealt from a whole deck.
        UsageError: no such action set.
    """
    began = time.monotonic()
    count = DEFAULT_PAIRS if pairs is None else pairs
    if progress:
        progress.start(f"local best response, {count:,} pairs of hands")
    found = local_response(
        strategy, count, actions=actions, seed=seed, workers=workers, progress=progress
    )
    unit, factor = unit_of(strategy.game)
    return Measurement(
        LOCAL,
        unit,
        found.gain.scaled(factor),
        tuple(each.scaled(factor) for each in found.seats),
        time.monotonic() - began,
        settings={
            "pairs": found.gain.n,
            "actions": actions,
            "seed": seed,
            "translation": "likelier",
        },
        stopped=found.stopped,
    )


def measure_locally_listed(
    game: Game, probability: NDArray[np.float64], actions: str = DEFAULT_SET
) -> Measurement:
    """Return what local best response wins where every deal is listed: exactly.

    Args:
        game: Leduc, or hold'em on a small deck, for two.
        probability: (entries,) the strategy of every row.
        actions: a name of ``listed_local_response.ON_HALVES``.

    Raises:
        GameError: another game.
        UsageError: no such action set.
    """
    began = time.monotonic()
    won = listed_local_response(game, probability, streets_named(game, actions))
    unit, factor = unit_of(game)
    return Measurement(
        LOCAL,
        unit,
        exactly(sum(won) / 2 * factor),
        tuple(exactly(each * factor) for each in won),
        time.monotonic() - began,
        settings={"actions": actions},
    )


def measure_by_learning(
    game: Game,
    probability: NDArray[np.float64],
    *,
    iterations: int | None = None,
    seconds: float | None = None,
    deals: int | None = None,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> Measurement:
    """Return what each seat gains that learns to play against everybody else's strategy.

    Args:
        game: any, for any number of players.
        probability: (entries,) the strategy of every row.
        iterations: that each seat learns for; None for as many as the seconds allow.
        seconds: of CPU that all seats learn for together; None for DEFAULT_LEARNING_SECONDS, or
            for as long as the iterations take.
        deals: that value what was learned; None for DEFAULT_DEALS.
        seed: of the deals.
        workers: threads, 0 for all usable cores.
        progress: told how far it is.
    """
    began = time.monotonic()
    count = DEFAULT_DEALS if deals is None else deals
    if iterations is None and seconds is None:
        seconds = DEFAULT_LEARNING_SECONDS
    if progress:
        progress.start(f"learning to play against it, {game.player_count} seats")
    budget = Budget(iterations, None if seconds is None else seconds / game.player_count)
    options: dict[str, Any] = {"seed": seed, "workers": workers, "progress": progress}
    found = exploiter_response(game, probability, budget, count, **options)
    if progress:
        progress.finish()
    return _learned(game, found, seconds, seed, began)


def learning_pieces(
    game: Game, probability: NDArray[np.float64], *, seconds: float, seed: int = 0
) -> Generator[None, None, Measurement]:
    """Do what ``measure_by_learning`` does in one thread, and yield every few milliseconds."""
    began = time.monotonic()
    budget = Budget(seconds=seconds / game.player_count)
    found = yield from exploiter_pieces(game, probability, budget, DEFAULT_DEALS, seed=seed)
    return _learned(game, found, seconds, seed, began)


def _learned(
    game: Game, found: ExploiterResponse, seconds: float | None, seed: int, began: float
) -> Measurement:
    unit, factor = unit_of(game)
    return Measurement(
        EXPLOITER,
        unit,
        found.gain.scaled(factor),
        tuple(gain.scaled(factor) for gain in found.seats),
        time.monotonic() - began,
        settings={
            "iterations": list(found.iterations),
            "learning_seconds": seconds,
            "learned": list(found.learned),
            "deals": len(found.samples),
            "seed": seed,
        },
        stopped=found.stopped,
    )


def rows_of(strategy: PublicStrategy) -> NDArray[np.float64]:
    """Return (entries,) the probabilities of every row of a strategy that has rows.

    Raises:
        GameError: it has none.
    """
    if not isinstance(strategy, TableStrategy):
        raise GameError(
            f"{strategy.name} has no rows that an exploiter could learn to answer; measure it by "
            "--method river or lbr"
        )
    return strategy.probability


def best_measures(
    strategy: PublicStrategy,
    *,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Measurement]:
    """Yield what can be said at once; ``say`` is told what it is and why.

    Three and more players have no other measure than the gains of single seats that learn. What
    is ended early is the last.

    Raises:
        GameError: not a game of hold'em, or not for two and a strategy without rows.
    """
    if strategy.game.player_count > 2:
        say("measured is what each seat gains that alone learns to play against all others")
        options: dict[str, Any] = {"seed": seed, "workers": workers, "progress": progress}
        yield measure_by_learning(strategy.game, rows_of(strategy), **options)
        return
    seconds = forecast_seconds(strategy)
    if seconds < AT_ONCE_SECONDS:
        yield measure_exactly(strategy, workers=workers)
        return
    say(
        f"an exact answer takes about {duration(seconds)} (--method exact); measured are lower "
        "bounds: what best responders win at least"
    )
    for method in (RIVER, TURN, FLOP):
        try:
            street_named(strategy.game, method)
        except GameError:
            continue
        found = measure_from(strategy, method, seed=seed, workers=workers, progress=progress)
        yield found
        if found.stopped is not None:
            return
        break
    yield measure_locally(strategy, seed=seed, workers=workers, progress=progress)


def duration(seconds: float) -> str:
    """Return a time for people: seconds, minutes, hours or days.

    >>> duration(90), duration(7200), duration(5)
    ('1.5 minutes', '2.0 hours', '5 seconds')
    """
    for size, name in ((86400.0 * 2, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= size:
            return f"{seconds / (86400.0 if name == 'days' else size):,.1f} {name}"
    return f"{seconds:.0f} seconds"
