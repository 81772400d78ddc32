"""Freezes as the engine sees them: how long, in what units, and what to do after a death.

Each increment is rounded to a whole number of units, so fine that rounding is far below what
float32 regrets can tell, and so coarse that the sum of a freeze cannot overflow::

    freeze x visits x largest increment x units < 2 ** 62

The units are fixed when a run starts, from the game and the algorithm alone, so that every
part of a run and every number of workers has the same.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from cfr_shm.algorithms import (
    OUTCOME_SAMPLING,
    PUBLIC_CHANCE_SAMPLING,
    AlgorithmSettings,
)
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.errors import ConfigError
from cfr_shm.games.game import Game
from cfr_shm.games.trees.vector_form import classify
from cfr_shm.kernels.parts.barrier import least_phase, meeting_of, reset_barrier
from cfr_shm.kernels.parts.freeze import apply_freeze, settle_freeze
from cfr_shm.layout.control import CONTROL_LINE_WORDS
from cfr_shm.layout.freeze import (
    FREEZE_CLAMPED,
    FREEZE_STEP,
    TOTAL_ITERATIONS,
    TOTAL_NODES,
    TOTAL_UTILITY,
    Border,
    freeze_lines,
)
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.task import NEVER
from cfr_shm.layout.tree import DECISION, SHOWDOWN, TERMINAL, Tree
from cfr_shm.memory.increments import FreezePlan
from cfr_shm.memory.tables import TrainingViews

#: Sums of a freeze stay below 2 to this.
SUM_BITS = 62

#: Finer units than this many to 1.0 of strategy weight, or to the largest payoff, are of no use:
#: a float64 has no more digits.
FINEST_BITS = 50

#: Coarser ones would be coarser than the float32 that regrets are kept in.
COARSEST_BITS = 24

#: Utilities are reported to so many binary places, of chips that are worth at least 1/64 of the
#: largest payoff; their sums are exact up to 2 ** 53 units.
UTILITY_BITS = 20

#: A freeze has an iteration for so many bytes of the table, rounded down to a power of 2.
BYTES_PER_ITERATION = 128
LEAST_FREEZE = 16

#: Tables up to this size have increments for each worker, which nobody else writes to: it is
#: the lines that go from core to core that cost there (docs/adr/0018-freezes.md).
OWN_INCREMENTS_BYTES = 1 << 20


def default_freeze(game: Game) -> int:
    """Return the iterations of a freeze where none is given, by the size of the table.

    docs/adr/0018-freezes.md says what was measured.
    """
    iterations = max(LEAST_FREEZE, game.table_bytes // BYTES_PER_ITERATION)
    return int(1 << (iterations.bit_length() - 1))


def plan_freezes(
    game: Game, algorithm: AlgorithmSettings, iterations: int, worker_count: int
) -> FreezePlan:
    """Return how a run is frozen.

    Args:
        game: what is trained.
        algorithm: a sampled one.
        iterations: of a freeze.
        worker_count: workers of the engine; it does not matter for what is computed.

    Raises:
        ConfigError: no units are fine enough; names the figures.
    """
    payoff = payoff_range(game.tree)
    visits = _visits(game)
    growth = _growth(game, algorithm)
    sum_bits = math.log2(iterations) + math.log2(visits) + math.log2(growth)
    bits = math.floor(SUM_BITS - sum_bits - 1e-9)
    if bits < COARSEST_BITS:
        most = 2.0 ** (SUM_BITS - COARSEST_BITS) / (visits * growth)
        remedy = (
            f"set engine.freeze to at most {math.floor(most)}"
            if most >= 1
            else "explore more (algorithm.epsilon) or use external_sampling"
        )
        raise ConfigError(
            f"engine.freeze {iterations} x {visits} visits x increments of up to {growth:.3g} "
            f"times the payoff range of {payoff:g} would leave {bits} bits for units, below the "
            f"{COARSEST_BITS} that regrets need; {remedy}"
        )
    bits = min(bits, FINEST_BITS)
    chip_bits = math.ceil(math.log2(payoff))
    copies = worker_count if game.table_bytes <= OWN_INCREMENTS_BYTES else 1
    weight_bits, largest_share = bits, math.inf
    if algorithm.name == OUTCOME_SAMPLING and game.player_count > 2:
        weight_bits = COARSEST_BITS
        largest_share = 2.0 ** math.floor(
            SUM_BITS - weight_bits - math.log2(iterations * visits) - 1e-9
        )
    return FreezePlan(
        iterations=iterations,
        copies=copies,
        per_weight=2.0**weight_bits,
        per_chip=2.0 ** (bits - chip_bits),
        per_utility=2.0 ** (UTILITY_BITS - max(0, chip_bits - 6)),
        largest_share=largest_share,
    )


def payoff_range(tree: Tree) -> float:
    """Return the largest payoff less the smallest, of any player, chips; at least 2**-20.

    >>> from cfr_shm.games.small.kuhn import kuhn
    >>> payoff_range(kuhn().tree)
    4.0
    """
    leaves = tree.nodes[tree.nodes["kind"] >= TERMINAL]
    shown = leaves[leaves["kind"] == SHOWDOWN]
    least, most = float(tree.utility.min()), float(tree.utility.max())
    if len(shown):
        pots = np.concatenate([[0.0], np.cumsum(tree.pot_amount)])
        first = shown["detail"].astype(np.int64)
        won = pots[first + shown["count"]] - pots[first]
        most = max(most, float((tree.utility[shown["payoff"]].max(axis=1) + won).max()))
    return max(most - least, 2.0**-20)


def _visits(game: Game) -> int:
    """Return how often an iteration can add to one cell, at most.

    A player's infoset comes up once in a sweep for each node that shares its rows; there is a
    sweep for every player, and possibly a pass for the average.
    """
    uses = row_sets(game.tree, game.deals.bucket_count).uses
    return int(uses.max(initial=1)) * (game.player_count + 1)


def _growth(game: Game, algorithm: AlgorithmSettings) -> float:
    """Return how many times the payoff range, or 1.0 of weight, an increment can be.

    Weights of outcome sampling of three and more players are cut at what fits.
    """
    if algorithm.name == OUTCOME_SAMPLING:
        return _most_unlikely(game.tree, min(epsilon for _, epsilon in algorithm.epsilon))
    if algorithm.name == PUBLIC_CHANCE_SAMPLING:
        # A value adds up what is sampled on every street; all classes may share one row.
        return float(game.street_count * classify(game.deals).sizes.max())
    return 1.0


def _most_unlikely(tree: Tree, epsilon: float) -> float:
    """Return one over the least probability with which exploring draws a line of own moves."""
    players = tree.utility.shape[1]
    nodes = tree.nodes
    rarity = np.ones((len(nodes), players))
    for index in np.flatnonzero(nodes["kind"] < TERMINAL):
        record = nodes[index]
        below = rarity[index].copy()
        if record["kind"] == DECISION:
            below[record["actor"]] *= record["count"] / epsilon
        first = int(record["first_child"])
        rarity[first : first + record["count"]] = below
    return float(rarity.max())


class Freezes:
    """What the coordinator does with freezes; it owns nothing, and calls while no kernel runs.

    Args:
        settings: the engine's, of deterministic mode.
        views: of the tables that the workers have.
    """

    def __init__(self, settings: EngineSettings, views: TrainingViews) -> None:
        assert views.freeze is not None
        assert settings.freeze is not None
        self._control, self._border = views.control, border_of(settings, views, 0)
        self._table = views.freeze.table(views.table, settings.freeze, 0)
        self._per_utility = settings.freeze.per_utility

    @property
    def utility_units(self) -> float:
        """Units for each chip of utility."""
        return self._per_utility

    def settle(self) -> None:
        """Bring the table to a border after workers were stopped or died, wherever they were.

        What was being applied is applied to the end, what was being traversed is forgotten.
        May be called at any time when no kernel runs, and again if it was interrupted.
        """
        settle_freeze(self._table, self._border)
        reset_barrier(self._control, self._border.meeting.participants)

    @property
    def units(self) -> NDArray[np.int64]:
        """What has been added since the last border, (copies, BLOCK_WORDS * entries)."""
        return self._border.units

    def apply(self, first: int, end: int) -> None:
        """Apply the units of all ranks, which add up to the freeze of iterations [first, end)."""

        def share(member: int) -> None:
            apply_freeze(self._table, self._border, first, end, member)

        members = range(self._border.meeting.participants)
        if len(members) == 1:
            share(0)
        else:
            with ThreadPoolExecutor(len(members)) as threads:
                list(threads.map(share, members))
        # A rank that had no part of the freeze is in no odd step.
        self._lines()[:, FREEZE_STEP] = self.step + (self.step & 1)

    def slowest(self) -> int:
        """Return the worker that the others wait for, if they wait."""
        return least_phase(self._control, self._border.meeting.participants)

    def totals(self) -> tuple[int, int, tuple[int, ...]]:
        """Return iterations, nodes and utility units of all freezes since the arena was made."""
        words = self._border.lines.total_words
        # In the odd step of a freeze among ranks its own part is done.
        first = self._border.lines.totals + (self.step + 1 >> 1 & 1) * words
        summed = [sum(column) for column in self._lines()[:, first : first + words].T.tolist()]
        return summed[TOTAL_ITERATIONS], summed[TOTAL_NODES], tuple(summed[TOTAL_UTILITY:])

    @property
    def step(self) -> int:
        """Twice the number of borders, and one more while one is being applied."""
        return int(self._lines()[:, FREEZE_STEP].max())

    @property
    def clamped(self) -> int:
        """How often a regret was put back to a limit at a border."""
        return int(self._lines()[:, FREEZE_CLAMPED].sum())

    def _lines(self) -> NDArray[np.int64]:
        words = self._border.lines.words
        return self._border.line[CONTROL_LINE_WORDS:].reshape(-1, words)


def border_of(settings: EngineSettings, views: TrainingViews, worker: int) -> Border:
    """Return what one worker needs at borders; ``views`` has the freezes' arrays."""
    assert views.freeze is not None
    assert settings.freeze is not None
    floor = settings.algorithm.regret_floor
    return views.freeze.border(
        settings.freeze,
        freeze_lines(settings.player_count),
        meeting_of(worker, settings.worker_count, settings.cores),
        settings.weighting_kind,
        NEVER if floor is None else floor,
    )
