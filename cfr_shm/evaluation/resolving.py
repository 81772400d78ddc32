"""Subgames of a blueprint solved anew: unsafe, resolve, maxmargin or reach.

``unsafe`` trusts that both ranges are the blueprint's at the line: usually the best, sometimes a
disaster. The others protect the seat that solves: the other seat's hands come as they are dealt,
with a choice in front of the subgame (``spots.gadgets``), so that no hand gets more than before.

Sources: Burch, Johanson & Bowling 2014, "Solving imperfect information games using
decomposition" (resolve); Moravcik et al. 2016, "Refining subgames in large imperfect information
games" (maxmargin); Brown & Sandholm 2017, "Safe and nested subgame solving" (estimates, reach).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.offers import BEST_RESPONSE, alternative_values, gifts
from cfr_shm.evaluation.subgame import (
    Subgame,
    SubgameTree,
    hands_met,
    subgame_spot,
    subgame_tree,
)
from cfr_shm.games.holdem.card_deals import LEAST_ACCEPTED
from cfr_shm.layout.spots import BEST, TRAIN, VALUE
from cfr_shm.spots.gadgets import (
    Alternatives,
    Choosing,
    Gadget,
    Leaving,
    gadget_exploitability,
    iterate,
)
from cfr_shm.spots.iteration_weights import IterationWeights, spot_algorithm
from cfr_shm.spots.places import Place, find_board, hands_at, strategy_at
from cfr_shm.spots.solver import SolverSettings, SpotSolver
from cfr_shm.spots.spot_game import SpotGame

Floats = NDArray[np.float64]

UNSAFE, RESOLVE, MAXMARGIN, REACH = "unsafe", "resolve", "maxmargin", "reach"
METHODS = (UNSAFE, RESOLVE, MAXMARGIN, REACH)

#: Iterations between two looks at the exploitability.
_CHECK_EVERY = 25

Say = Callable[[str], None]


@dataclass(frozen=True)
class HowToResolve:
    """How subgames are solved anew.

    Attributes:
        method: of METHODS.
        alternatives: what the other seat's hands can get anyway, BEST_RESPONSE or BLUEPRINT.
        target: stop at this exploitability of what is solved, in % of the pot; with maxmargin and
            reach of the margin.
        iterations: at most.
        seconds: of iterating, at most, but for the iterations that run; None for no bound.
        settings: of the solver.
    """

    method: str = RESOLVE
    alternatives: str = BEST_RESPONSE
    target: float = 0.1
    iterations: int = 2000
    seconds: float | None = None
    settings: SolverSettings = SolverSettings(spot_algorithm("dcfr"))  # noqa: RUF009 - immutable

    @property
    def trusts_nobody(self) -> bool:
        """Whether alternatives are best responses, not estimates."""
        return self.alternatives == BEST_RESPONSE

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"unknown method {self.method!r}: one of {', '.join(METHODS)}")


class Safety(NamedTuple):
    """What the other seat's hands can get now, against what they could before; by hand.

    Chips per hand that is met. Hands that meet none are left out.
    """

    hands: NDArray[np.int64]  # numbers of the other seat's hands
    before: Floats  # best response to the blueprint
    allowed: Floats  # the alternative, gifts included
    after: Floats  # best response to what was found
    often: Floats  # the blueprint's reach times what is met: how often each hand comes here

    @property
    def least_margin(self) -> float:
        """Return by how much the worst hand stays below what it is allowed."""
        return float((self.allowed - self.after).min()) if len(self.after) else 0.0

    def mean(self, values: Floats) -> float:
        """Return the mean over the hands that the blueprint brings here."""
        total = float(self.often.sum())
        return float(self.often @ values) / total if total > 0.0 else float(values.mean())


class Resolved(NamedTuple):
    """A subgame that is solved.

    Attributes:
        solver: holds the strategies; whoever has it closes it.
        tree: places of the game's nodes in the spot.
        seat: that solved.
        safety: None where nothing was asked for it.
        exploitability: of what was solved, % of the pot.
    """

    solver: SpotSolver
    tree: SubgameTree
    seat: int
    safety: Safety | None
    exploitability: float


def resolve(
    subgame: Subgame,
    seat: int,
    how: HowToResolve,
    say: Say | None = None,
    *,
    measure: bool = True,
    tree: SubgameTree | None = None,
) -> Resolved:
    """Solve a subgame anew for one seat.

    Args:
        subgame: where it begins.
        seat: whose strategy is wanted.
        how: by which method, how well.
        say: told how far it is.
        measure: whether ``safety`` is wanted.
        tree: in place of the blueprint's own (``evaluation.own_sizes``).

    Raises:
        UsageError: no such subgame, or ranges that leave no deal.
        GameError: the game is not for two, or not hold'em.
        MemoryReserveError: the tables do not fit.
    """
    tree = tree or subgame_tree(subgame)
    other = 1 - seat
    own = subgame.reach(seat)
    theirs = subgame.reach(other) if how.method == UNSAFE else subgame.dealt(other)
    player = subgame.seats.index(seat)
    ranges = [own, theirs] if player == 0 else [theirs, own]
    spot = subgame_spot(subgame, tree, ranges)
    best, offered = None, None
    if measure or how.method != UNSAFE:
        best = alternative_values(subgame, other) if measure or how.trusts_nobody else None
        offered = _offered(subgame, seat, how, spot, tree, best)
    solver = SpotSolver(spot, how.settings)
    try:
        gadget = None if offered is None else _gadget(how.method, offered)
        percent = _solve(solver, gadget, 1 - player, how, say)
        safety = None
        if measure and offered is not None and best is not None:
            safety = _safety(subgame, seat, solver, offered, tree, best)
        # Whoever looks at the subgame sees it with the ranges that come to it.
        rows = spot_hand_numbers(spot, 1 - player)
        SpotSweeps(solver).set_reach(1 - player, subgame.reach(other)[rows])
    except BaseException:
        solver.close()
        raise
    return Resolved(solver, tree, seat, safety, percent)


def comes_up(subgame: Subgame, seat: int, method: str) -> bool:
    """Return whether a subgame's ranges leave deals that can be told from rounding."""
    other = 1 - seat
    own = subgame.reach(seat)
    theirs = subgame.reach(other) if method == UNSAFE else subgame.dealt(other)
    deals = own * hands_met(subgame.game, theirs)
    least = LEAST_ACCEPTED * float(own.sum()) * float(theirs.sum())
    return bool((deals > 1e-12).any() and deals.sum() > least)


def _gadget(method: str, offered: Alternatives) -> Gadget | None:
    if method == UNSAFE:
        return None
    return Leaving(offered) if method == RESOLVE else Choosing(offered)


def _offered(
    subgame: Subgame,
    seat: int,
    how: HowToResolve,
    spot: SpotGame,
    tree: SubgameTree,
    best: Floats | None,
) -> Alternatives:
    """Return what the other seat's hands of the spot can get anyway, counted as spots count.

    ``best`` are its best responses to the blueprint, where they are known already.
    """
    other = 1 - seat
    player = subgame.seats.index(other)
    rows = spot_hand_numbers(spot, player)
    compatible = spot.hands.met() if player == 0 else spot.hands.met().T
    met = compatible @ spot.hands.weights[1 - player]
    found = best if how.trusts_nobody else None
    if found is None:
        found = alternative_values(subgame, other, how.alternatives)
    value = found[rows]
    value = value + met * (tree.put[player] - tree.pot / 2.0)
    if how.method == REACH:
        value = value + met * gifts(subgame, other)[rows]
    return Alternatives(spot.hands.weights[player], value, met)


def spot_hand_numbers(spot: SpotGame, player: int) -> NDArray[np.int64]:
    """Return the number in the deck of each of a player's hands on the spot's board."""
    holes = spot.hands.holes[player]
    low, high = holes.min(axis=1), holes.max(axis=1)
    numbers: NDArray[np.int64] = high * (high - 1) // 2 + low
    return numbers


class SpotSweeps:
    """A spot's solver as gadgets want it (``spots.gadgets.Sweeper``)."""

    def __init__(self, solver: SpotSolver) -> None:
        self._solver = solver

    def train(self, player: int, weights: IterationWeights) -> Floats:
        """Sweep for a player, who learns; return his hands' values."""
        return self._solver.sweep(player, TRAIN, weights)

    def values(self, player: int, *, best: bool) -> Floats:
        """Return the values of a player's hands: by the averages, or of his best response."""
        return self._solver.sweep(player, BEST if best else VALUE)

    def set_reach(self, player: int, reach: Floats) -> None:
        """Let a player's hands enter with this reach from now on."""
        self._solver.game.arrays.reach[player, : len(reach)] = reach


def _solve(
    solver: SpotSolver, gadget: Gadget | None, other: int, how: HowToResolve, say: Say | None
) -> float:
    """Iterate until it is good enough; return the exploitability in % of the pot."""
    percent, done = float("inf"), 0
    weights = how.settings.algorithm.weights()
    end = float("inf") if how.seconds is None else time.monotonic() + how.seconds
    while done < how.iterations and percent > how.target and (not done or time.monotonic() < end):
        count = min(_CHECK_EVERY, how.iterations - done)
        if gadget is None:
            solver.iterate(count)
            percent = solver.exploitability()
        else:
            percent = _iterate_guarded(solver, gadget, other, islice(weights, count))
        done += count
        if say is not None:
            say(f"Iteration {done} exploitability {percent:.4f} % of the pot")
    return percent


def _iterate_guarded(
    solver: SpotSolver, gadget: Gadget, other: int, some: islice[IterationWeights]
) -> float:
    hands, sweeps = solver.game.hands, SpotSweeps(solver)
    for weights in some:
        iterate(sweeps, gadget, other, weights)
        solver.iterations += 1
    gain = gadget_exploitability(sweeps, gadget, other, hands.weights[1 - other])
    # What is chosen among is one hand; what is left or played are all of them.
    mass = 1.0 if isinstance(gadget, Choosing) else hands.mass()
    return 100.0 * gain / mass / solver.game.pot


def _safety(
    subgame: Subgame,
    seat: int,
    solver: SpotSolver,
    offered: Alternatives,
    tree: SubgameTree,
    best: Floats,
) -> Safety:
    """Return what each hand of the other seat can get now; ``best`` is what it could before."""
    other = 1 - seat
    player = subgame.seats.index(other)
    rows = spot_hand_numbers(solver.game, player)
    known = offered.met > 1e-12
    shift = tree.pot / 2.0
    before = best[rows] / np.where(known, offered.met, 1.0)
    after = solver.sweep(player, BEST) / np.where(known, offered.met, 1.0) + shift
    allowed = offered.value / np.where(known, offered.met, 1.0) + shift
    often = subgame.reach(other)[rows] * offered.met
    before = before + tree.put[player]
    return Safety(rows[known], before[known], allowed[known], after[known], often[known])


def line_to(found: Resolved, subgame: Subgame) -> str:
    """Return the spot's line from where its street begins to where the subgame does."""
    level, number = found.tree.places[subgame.node]
    return found.tree.trees[level].nodes[number].line


class KeptSubgame(NamedTuple):
    """What is kept of a subgame that is solved, once its solver is closed."""

    game: SpotGame
    tree: SubgameTree
    average: tuple[NDArray[np.generic], NDArray[np.generic]]

    @classmethod
    def of(cls, found: Resolved) -> KeptSubgame:
        """Return a copy of the strategies; the solver may be closed then."""
        tables = found.solver.tables
        return cls(
            found.solver.game, found.tree, (tables.average_0.copy(), tables.average_1.copy())
        )

    def rows(self, node: int, cards: tuple[int, ...], blueprint: Floats) -> Floats:
        """Return (hands, actions) what is done at a node of the game after ``cards``.

        Hands that the seat's blueprint never brings to the subgame keep to the blueprint.

        Args:
            node: a decision of the subgame.
            cards: that came since it began.
            blueprint: (hands, actions), of the node.
        """
        level, number = self.tree.places[node]
        board, suits = find_board(self.game, cards)
        place = Place(level, number, board, suits)
        player = self.game.trees[level].nodes[number].actor
        chances = strategy_at(self.game, place, self.average)
        hands = hands_at(self.game, place, player)
        low, high = hands.min(axis=1), hands.max(axis=1)
        rows = blueprint.copy()
        rows[high * (high - 1) // 2 + low, : len(chances)] = chances.T
        return rows
