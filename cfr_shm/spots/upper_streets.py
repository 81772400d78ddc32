"""Results without the last streets: saved small, and solved again where they are looked at.

What is left out hangs below strategies that are kept, so it can be solved again board by board
(``spots.below_leaves``): with what each hand of both players could get there, which is kept too,
so that what is solved again makes nobody's strategy worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm import __version__
from cfr_shm.errors import ArrayStoreError, CheckpointError, UsageError
from cfr_shm.layout.spots import CHILD_END, CHILD_FIRST
from cfr_shm.spots.arena_tables import AVERAGES
from cfr_shm.spots.below_leaves import BelowLeaves, offered_values, parts_of, solve_again
from cfr_shm.spots.boards import board_level
from cfr_shm.spots.places import Place
from cfr_shm.spots.saved import MOST_ITERATIONS
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.documents import Count, Number, Text, record
from cfr_shm.storage.store import read_manifest, read_store, remove_store, write_store

KIND = "spot-upper"

#: What it is called in a run's checkpoints.
NAME = "upper"

#: What both players' hands could get below, in a file.
OFFERED = ("offered_0", "offered_1")

#: Streets are solved again until best responses there gain no more than this part of what they
#: gained in the whole spot, or for four times as many iterations as it took, or so many.
PART_OF_GAIN = 0.03
LEAST_ITERATIONS = 400

WHOLE, NO_RIVERS, NO_TURNS = "whole", "no_rivers", "no_turns"

_LEFT_OUT = {WHOLE: 0, NO_RIVERS: 1, NO_TURNS: 2}

_ABOUT = record(
    fingerprint=Text(),
    iterations=Count(high=MOST_ITERATIONS),
    seconds=Number(low=0.0),
    levels=Count(low=1, high=2),
)


def kept_levels(game: SpotGame, save: str) -> int:
    """Return how many streets are kept.

    Raises:
        UsageError: nothing would be left.
    """
    levels = game.levels - _LEFT_OUT[save]
    if levels < 1:
        raise UsageError(
            f"spot.save: {save} would leave nothing of a spot that begins on its "
            f"{'river' if game.levels == 1 else 'turn'}; leave the key out"
        )
    return levels


def save_upper(
    directory: Path,
    solver: SpotSolver,
    levels: int,
    about: Mapping[str, Any],
    disk: Disk = DISK,
) -> Path:
    """Write the averages of the first ``levels`` streets to ``directory/upper``.

    With them go the values that best responses have below, by place, line and hand.

    Args:
        directory: of the run's checkpoints.
        solver: whose averages.
        levels: that are kept.
        about: ``fingerprint`` and ``seconds``.
        disk: where it lies.

    Raises:
        ArrayStoreError: the disk refused.
    """
    path, game = directory / NAME, solver.game
    arrays: dict[str, NDArray[Any]] = {}
    for p, name in enumerate(AVERAGES):
        table = solver.arena.array(name)
        arrays[name] = np.concatenate([table[part] for part in _kept_parts(game, p, levels)])
    offered = [offered_values(BelowLeaves(solver, levels, *each)) for each in _places(game, levels)]
    for p, name in enumerate(OFFERED):
        arrays[name] = np.array([both[p] for both in offered], np.float32)
    further = {
        "iterations": solver.iterations,
        "levels": levels,
        "version": __version__,
        "locks": game.locks_mark,
    }
    if path.exists():
        remove_store(path, disk)
    write_store(path, arrays, {**about, **further}, kind=KIND, disk=disk)
    return path


class UpperStreets:
    """A solver whose upper streets are given, and whose last ones are solved where needed.

    Args:
        directory: of the run's checkpoints.
        solver: with empty tables; the averages of the upper streets are put in.
        fingerprint: of the spot.

    Raises:
        CheckpointError: there is nothing that can be read, or of another spot.
    """

    def __init__(self, directory: Path, solver: SpotSolver, fingerprint: str) -> None:
        path = directory / NAME
        self._solver = solver
        try:
            about = dict(read_manifest(path, kind=KIND).about)
            if not _ABOUT.fits(about) or int(about["levels"]) >= solver.game.levels:
                raise ArrayStoreError(f"{path}: its manifest holds what no save of a spot writes")
            if about["fingerprint"] != fingerprint:
                raise CheckpointError(f"{path}: this is another spot; solve it anew")
            if about.get("locks", solver.game.locks_mark) != solver.game.locks_mark:
                raise CheckpointError(
                    f"{path}: its last streets were left out with other locks; solve it anew"
                )
            self.levels, self.seconds = int(about["levels"]), float(about["seconds"])
            self._places = _places(solver.game, self.levels)
            stored = self._empty()
            read_store(path, kind=KIND, into=stored)
        except ArrayStoreError as error:
            raise CheckpointError(str(error)) from None
        for p, name in enumerate(AVERAGES):
            self._put(p, stored[name])
        self._offered = [stored[name] for name in OFFERED]
        solver.skip_to(about["iterations"])

    def _empty(self) -> dict[str, NDArray[Any]]:
        """Return arrays for what is stored."""
        game, found = self._solver.game, {}
        for p, name in enumerate(AVERAGES):
            size = sum(part.stop - part.start for part in _kept_parts(game, p, self.levels))
            found[name] = np.empty(size, self._solver.arena.array(name).dtype)
        links = (game.arrays.first, game.arrays.second)[self.levels - 1].links
        hands = len(links.offsets) // 4 * game.hands.stride
        for name in OFFERED:
            found[name] = np.empty((len(self._places), hands), np.float32)
        return found

    def _put(self, p: int, stored: NDArray[Any]) -> None:
        average, begin = self._solver.arena.array(AVERAGES[p]), 0
        for part in _kept_parts(self._solver.game, p, self.levels):
            end = begin + part.stop - part.start
            average[part] = stored[begin:end]
            begin = end

    def count_below(self, place: Place) -> int:
        """Return how many parts ``solve_below`` solves for a place, one after the other."""
        near = (_is_near(self._solver.game, place.board, *each) for each in self._places)
        return sum(near)

    def solve_below(self, place: Place, percent: float) -> None:
        """Solve what a place's values and strategies need of the streets that were left out.

        Args:
            place: that is looked at.
            percent: of the pot that best responses gained when it was saved.
        """
        game = self._solver.game
        segments = None
        if place.level == self.levels == game.levels - 1:
            segments = [int(game.forests[place.level].segment[place.node])]
        most = max(LEAST_ITERATIONS, 4 * self._solver.iterations)
        goal = PART_OF_GAIN * percent / 100.0 * game.pot
        for number, (board, children) in enumerate(self._places):
            if not _is_near(game, place.board, board, children):
                continue
            below = BelowLeaves(self._solver, self.levels, board, children, segments)
            offered = [values[number].astype(np.float64) for values in self._offered]
            solve_again(below, offered, self._solver, most, goal)


def _places(game: SpotGame, levels: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return where streets that are left out are solved: a board, and those below it together.

    Rivers are solved for a turn together; turns, which have rivers below them, one by one.
    """
    found: list[tuple[int, tuple[int, ...]]] = []
    for number, board in enumerate(game.boards):
        if board_level(game.hands, board) != levels - 1:
            continue
        below = range(*game.arrays.boards.family[number, [CHILD_FIRST, CHILD_END]].tolist())
        together = levels == game.levels - 1
        found += [(number, tuple(below))] if together else [(number, (each,)) for each in below]
    return found


def _is_near(game: SpotGame, asked: int, board: int, children: Sequence[int]) -> bool:
    """Return whether ``asked`` is above what is solved there, or a part of it."""
    below = [asked]
    while game.boards[below[-1]].parent >= 0:
        below.append(game.boards[below[-1]].parent)
    above = [board]
    while game.boards[above[-1]].parent >= 0:
        above.append(game.boards[above[-1]].parent)
    return asked in above or bool(set(children) & set(below))


def _kept_parts(game: SpotGame, p: int, levels: int) -> list[slice]:
    """Return where a player's slots of the upper streets lie in his tables."""
    kept = [
        number
        for number, board in enumerate(game.boards)
        if board_level(game.hands, board) < levels
    ]
    return parts_of(game, p, kept)
