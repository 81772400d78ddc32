"""Streets below kept strategies, solved again, for one seat after the other, without harm.

What hangs below a leaf of the streets that are kept was left out. Solved again as if both ranges
were certain, it would be an equilibrium, but another one: who deviates above could then gain more
than before. So it is solved once for each player, and each time the other one's hands may take what
the best response got them there before (``spots.gadgets.Leaving``): no hand gets more, wherever it
comes from, and the whole strategy is no more exploitable than it was.

All lines that lead to a board are solved together, each with a gadget of its own in front of it.
Rivers get theirs before the card comes: one number for each hand and line, on each turn board.

Source: Burch, Johanson & Bowling 2014, "Solving imperfect information games using decomposition".
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.spots.lanes import LANES
from cfr_shm.layout.spots import (
    BASE,
    BEST,
    CHILD_END,
    CHILD_FIRST,
    HANDS,
    ORDER_FIRST,
    TRAIN,
    VALUE,
    WIDTH,
    Spot,
    SweepSpace,
)
from cfr_shm.spots.boards import board_level
from cfr_shm.spots.gadgets import Alternatives, Leaving, gadget_exploitability, iterate
from cfr_shm.spots.iteration_weights import IterationWeights
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame, board_steps

Floats = NDArray[np.float64]
_Step = tuple[int, int, int, int, int]

_NOTHING: _Step = (0, 0, 0, 0, 0)
#: Iterations between two looks at how well the streets are solved.
_CHECK_EVERY = 25


class BelowLeaves:
    """What is below a board of the last street that is kept, swept alone (``gadgets.Sweeper``).

    Reach and values are (lines x hands of the board,), flat; lines are those of the links.

    Args:
        solver: whose tables are learnt in; its workers wait.
        levels: streets that are kept.
        board: of the last of them.
        children: boards with one card more, all of the board's or one.
        segments: of the last street that are wanted; None for all.
    """

    def __init__(
        self,
        solver: SpotSolver,
        levels: int,
        board: int,
        children: Sequence[int],
        segments: Sequence[int] | None = None,
    ) -> None:
        self._solver, self._levels, self._board = solver, levels, board
        self._children = tuple(children)
        game = solver.game
        self._stride = game.hands.stride
        self._space: SweepSpace = game.space(apart=True)
        self._reach = [np.zeros(0), np.zeros(0)]
        self._below = _steps_of(game, levels, self._children, segments)
        self._scale = game.scale()

    @property
    def game(self) -> SpotGame:
        """The spot."""
        return self._solver.game

    def train(self, player: int, weights: IterationWeights) -> Floats:
        """Sweep for a player, who learns; return his hands' values."""
        return self._swept(player, TRAIN, weights, self._scale)

    def values(self, player: int, *, best: bool) -> Floats:
        """Return the values of a player's hands: by the averages, or of his best response."""
        return self._swept(player, BEST if best else VALUE, None, 1.0)

    def set_reach(self, player: int, reach: Floats) -> None:
        """Let a player's hands come to the lines with this reach from now on."""
        self._reach[player] = reach

    def kept_reach(self, player: int) -> Floats:
        """Return the reach of a player's hands by the averages above; others' cards are ignored."""
        steps: list[_Step] = [(1, 0, 0, 0, 0)]
        if self._levels == 2:
            steps.append((1, 0, 1, 0, self._board))
        self._run(1 - player, VALUE, None, self._arrays(steps, whole=True))
        lifted, _ = self._handed()
        found = self._flat(lifted)
        found[:, ~self.held(player)] = 0.0
        return found.reshape(-1)

    def held(self, player: int) -> NDArray[np.bool_]:
        """Return (stride,) which rows are hands of a player's that the children leave possible."""
        boards = self.game.arrays.boards
        held = np.zeros(self._stride, np.bool_)
        for child in self._children:
            count = int(boards.about[player, child, HANDS])
            order = boards.order[player, boards.family[child, ORDER_FIRST]]
            held[order[:count].astype(np.int64)] = True
        if len(self._children) > 1:
            held[: int(boards.about[player, self._board, HANDS])] = True
        return held

    def dealt(self, player: int) -> Floats:
        """Return (lines x hands,) the weights of a player's hands as they are dealt."""
        boards = self.game.arrays.boards
        weights = np.zeros(self._stride)
        count = int(boards.about[player, self._board, HANDS])
        order = boards.order[player, boards.family[self._board, ORDER_FIRST]][:count]
        weights[:count] = self.game.hands.weights[player][order.astype(np.int64)]
        weights[~self.held(player)] = 0.0
        return np.tile(weights, self.line_count)

    def tables(self, player: int) -> list[slice]:
        """Return where the player's slots of the boards below lie in his tables."""
        return parts_of(self.game, player, self._all_boards())

    def clear(self) -> None:
        """Forget what was learnt below."""
        arena = self._solver.arena
        for name in self._solver.table_names():
            for part in self.tables(int(name[-1])):
                arena.array(name)[part] = 0

    def _all_boards(self) -> list[int]:
        family = self.game.arrays.boards.family
        found, waiting = [], list(self._children)
        while waiting:
            board = waiting.pop()
            found.append(board)
            waiting += range(*family[board, [CHILD_FIRST, CHILD_END]].tolist())
        return sorted(found)

    @property
    def chance(self) -> float:
        """Return how often one of the children comes."""
        together = len(self._children) > 1
        return 1.0 if together else float(self.game.arrays.chance[self._levels - 1])

    @property
    def line_count(self) -> int:
        """Return how many lines there are, those included that fill up sixteens."""
        level = (self.game.arrays.first, self.game.arrays.second)[self._levels - 1]
        return len(level.links.offsets) // 4

    def _swept(
        self, player: int, mode: int, weights: IterationWeights | None, scale: float
    ) -> Floats:
        lifted, summed = self._handed()
        self._put(lifted, self._reach[1 - player] * scale)
        summed[:] = 0.0
        self._run(player, mode, weights, self._arrays([_NOTHING, *self._below], whole=False))
        chance = float(self.game.arrays.chance[self._levels - 1])
        found = self._flat(summed).reshape(-1)
        return found * (chance / scale)

    def _arrays(self, steps: list[_Step], *, whole: bool) -> Spot:
        """Return the spot with these steps; the last one does nothing."""
        arrays = self.game.arrays
        if not whole and len(self._children) == 1:
            # A board that stands for others is valued as itself alone.
            family, (child,) = arrays.boards.family.copy(), self._children
            family[child + 1, ORDER_FIRST] = family[child, ORDER_FIRST] + 1
            arrays = arrays._replace(boards=arrays.boards._replace(family=family))
        listed = np.array([*steps, _NOTHING], np.int64)
        return arrays._replace(steps=listed, groups=np.array([1, len(listed) - 1], np.int64))

    def _run(self, player: int, mode: int, weights: IterationWeights | None, arrays: Spot) -> None:
        self._solver.sweep_alone(arrays, player, mode, weights, self._space)

    def _handed(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what lines hand down and what comes back up, as kernels lay it out."""
        if self._levels == 1:
            gathered = self._solver.gathered
            return gathered.lifted, gathered.sums[0]
        return self._space.lifted, self._space.summed

    def _flat(self, laid_out: NDArray[np.float32]) -> Floats:
        """Return (lines, stride) what lies sixteen lines at a time."""
        blocks = laid_out.reshape(-1, self._stride, LANES)
        rows: Floats = blocks.transpose(0, 2, 1).astype(np.float64).reshape(-1, self._stride)
        return rows

    def _put(self, laid_out: NDArray[np.float32], flat: Floats) -> None:
        rows = flat.reshape(-1, LANES, self._stride)
        laid_out.reshape(-1, self._stride, LANES)[:] = rows.transpose(0, 2, 1)


def _steps_of(
    game: SpotGame, levels: int, children: Sequence[int], wanted: Sequence[int] | None
) -> list[_Step]:
    segments = [len(forest.level.forest.first) - 1 for forest in game.forests]
    steps: list[_Step] = []
    for child in children:
        steps += board_steps(game.arrays.boards, segments, levels, child)
    if wanted is None:
        return steps
    return [step for step in steps if step[2] < game.levels - 1 or step[3] in wanted]


def parts_of(game: SpotGame, player: int, boards: Sequence[int]) -> list[slice]:
    """Return where a player's slots of some boards lie in his tables."""
    found = []
    for board in boards:
        about = game.arrays.boards.about[player, board]
        level = board_level(game.hands, game.boards[board])
        begin, count = int(about[BASE]), game.forests[level].slots[player] * int(about[WIDTH])
        found.append(slice(begin, begin + count))
    return found


def offered_values(below: BelowLeaves) -> tuple[Floats, Floats]:
    """Return what each player's hands get below by the best response to the averages."""
    for p in range(2):
        below.set_reach(p, below.kept_reach(p))
    return below.values(0, best=True), below.values(1, best=True)


def solve_again(
    below: BelowLeaves, offered: Sequence[Floats], solver: SpotSolver, iterations: int, goal: float
) -> float:
    """Solve what is below for one player after the other; put the averages in their tables.

    Args:
        below: the streets.
        offered: what each player's hands may take instead, as ``offered_values`` found it.
        solver: whose tables they are.
        iterations: for each player, at most.
        goal: stop when what best responses gain there is no more, chips on average.

    Returns:
        The larger of what best responses gain there, chips.
    """
    kept, gains = [], 0.0
    for seat in range(2):
        below.clear()
        gains = max(gains, _solve_for(below, seat, offered[1 - seat], solver, iterations, goal))
        average = solver.arena.array(f"average_{seat}")
        kept.append([average[part].copy() for part in below.tables(seat)])
    for seat, parts in enumerate(kept):
        average = solver.arena.array(f"average_{seat}")
        for part, found in zip(below.tables(seat), parts, strict=True):
            average[part] = found
    return gains


def _solve_for(
    below: BelowLeaves,
    seat: int,
    offered: Floats,
    solver: SpotSolver,
    iterations: int,
    goal: float,
) -> float:
    other = 1 - seat
    own = below.kept_reach(seat)
    weight = below.dealt(other)
    gadget = Leaving(Alternatives(weight, offered, np.zeros_like(weight)))
    below.set_reach(seat, own)
    below.set_reach(other, gadget.reach())
    weights = solver.settings.algorithm.weights()
    mass = float(own.sum()) * float(weight.sum()) / below.line_count * below.chance
    done, gain = 0, float("inf")
    while done < iterations and gain > goal:
        for each in islice(weights, min(_CHECK_EVERY, iterations - done)):
            iterate(below, gadget, other, each)
            done += 1
        gain = gadget_exploitability(below, gadget, other, own) / max(mass, 1e-30)
    return gain
