"""Matches of strategies of any game whose deals and tree are the same for both.

Where every deal is listed both are walked over the whole tree in all seatings, and the result is
exact. Where deals are drawn they are played, each in all seatings, and are one sample each. In
both ways a strategy against itself wins exactly nothing, and with sides swapped the result is the
negative, bit for bit: ``play_match.shares_of`` adds up a seating and the swapped one together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.evaluation.estimates import Estimate, exactly
from cfr_shm.evaluation.gathering import Gathered, Length, Pieces, Sampler, gather
from cfr_shm.evaluation.play_match import seatings_of, shares_of
from cfr_shm.games.game import Game
from cfr_shm.kernels.evaluation.listed_seatings import play_seatings, seating_reach
from cfr_shm.kernels.tables.best_response import profile_values
from cfr_shm.layout.deals import DEALS_TABLE
from cfr_shm.layout.exploiter import FrozenGame
from cfr_shm.memory.tables import allocate_scratch
from cfr_shm.strategy.listed import ListedStrategy, in_rows_of

Floats = NDArray[np.float64]

#: Deals of one call of the kernel, and calls between two looks at the interval.
DEALS = Pieces(together=4096, look_after=4, ratio=0.005)

_NODES = ("kind", "actor", "street", "count", "first_child", "payoff", "detail")


def seen_alike(
    one: ListedStrategy, two: ListedStrategy
) -> tuple[ListedStrategy, ListedStrategy] | None:
    """Return both with trees and deals in common, None where they are of different games.

    One of two that list their deals differently, but name their infosets alike, takes the finer
    one's rows.
    """
    if why_not_alike(one.game, two.game) is None:
        return one, two
    if (one.game.name, one.game.player_count) != (two.game.name, two.game.player_count):
        return None
    if len(one.game.deals.probability) >= len(two.game.deals.probability):
        other = in_rows_of(one.game, two)
        return None if other is None else (one, other)
    other = in_rows_of(two.game, one)
    return None if other is None else (other, two)


def why_not_alike(one: Game, two: Game) -> str | None:
    """Say what of two games differs beside rows and buckets; None where nothing does."""
    if one.name != two.name:
        return f"{one.name} and {two.name}"
    if one.player_count != two.player_count:
        return f"{one.name} for {one.player_count} and for {two.player_count}"
    reason = _what_differs(one, two)
    if reason is None:
        return None
    for key in sorted({*one.parameters, *two.parameters}):
        values = one.parameters.get(key), two.parameters.get(key)
        if values[0] != values[1]:
            return f"{one.name} with {key} {values[0]} and {values[1]}"
    return reason


def _what_differs(one: Game, two: Game) -> str | None:
    if len(one.tree.nodes) != len(two.tree.nodes):
        return f"trees of {len(one.tree.nodes)} and {len(two.tree.nodes)} nodes"
    if any(not np.array_equal(one.tree.nodes[name], two.tree.nodes[name]) for name in _NODES):
        return "different trees"
    for field in ("utility", "pot_amount", "pot_players", "outcome_cumulative"):
        if not np.array_equal(getattr(one.tree, field), getattr(two.tree, field)):
            return "different payoffs or chances"
    if one.deals.kind != two.deals.kind or any(
        not np.array_equal(getattr(one.deals, field), getattr(two.deals, field))
        for field in ("probability", "strength", *_drawn(one))
    ):
        return "different deals"
    return None


def _drawn(game: Game) -> tuple[str, ...]:
    """Return what else decides a deal: buckets, where they are what is drawn."""
    return () if game.deals.kind == DEALS_TABLE else ("bucket_count",)


def exact_match(
    first: ListedStrategy, second: ListedStrategy, progress: Progress | None = None
) -> Gathered:
    """Return exactly what the seats of the first win together, the mean over all seatings.

    Games must be ``seen_alike`` and enumerable (unchecked). In the utility's unit; half the
    difference of both sides where the sum of what is won is no constant.
    """
    one, two = _frozen(first), _frozen(second)
    seatings = seatings_of(first.game.player_count)
    won = np.zeros((1, len(seatings), first.game.player_count))
    try:
        reach = np.empty((len(one.tree.nodes), len(one.deals.probability)))
        for place, mask in enumerate(seatings.tolist()):
            seating_reach(one, two, mask, reach)
            profile_values(one.tree, one.deals, reach, won[0, place])
            if progress:
                progress.update((place + 1) / len(seatings))
    except BaseException as error:  # noqa: BLE001 - told with what other pairs won
        unknown = Estimate(float("nan"), float("-inf"), float("inf"), 0)
        return Gathered(unknown, np.zeros(0), error)
    return Gathered(exactly(float(shares_of(won, seatings)[0])), np.zeros(0), None)


def drawn_match(
    first: ListedStrategy,
    second: ListedStrategy,
    length: Length,
    *,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> Gathered:
    """Play deals in all seatings; return what the seats of the first win together.

    Games must be ``seen_alike`` (unchecked). A sample is a deal, the mean over its seatings.

    Args:
        first: whose winnings are told.
        second: the other one.
        length: how many deals are played.
        seed: of the deals and of both sides' actions.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.
    """
    make = _sampler_of(first, second, seed)
    return gather(make, length, DEALS, workers=workers, progress=progress)


def _sampler_of(first: ListedStrategy, second: ListedStrategy, seed: int) -> Callable[[], Sampler]:
    game, one, two = first.game, _frozen(first), _frozen(second)
    seatings = seatings_of(game.player_count)

    def make() -> Sampler:
        scratch = allocate_scratch(game.player_count, game.street_count, 1, game.max_actions, 2)

        def samples(begin: int, count: int) -> Floats:
            won = np.zeros((count, len(seatings), game.player_count))
            play_seatings(one, two, seatings, seed, begin, won, scratch)
            return shares_of(won, seatings)

        return samples

    return make


def _frozen(strategy: ListedStrategy) -> FrozenGame:
    probability = strategy.probability.view()
    probability.setflags(write=False)
    return FrozenGame(strategy.game.tree, strategy.game.deals, probability)
