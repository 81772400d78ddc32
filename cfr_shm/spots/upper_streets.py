"""Results without the last streets: saved small, and solved again where they are looked at.

What is left out hangs below strategies that are kept, so it can be solved again board by board:
with the reach that these strategies give, for as many iterations as the first time. Its
equilibrium need not be the one that was found first, but it is one of the same subgame.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm import __version__
from cfr_shm.errors import ArrayStoreError, CheckpointError, UsageError
from cfr_shm.kernels.spots.lanes import WHOLE_PARTS
from cfr_shm.layout.spots import BASE, CHILD_END, CHILD_FIRST, WIDTH
from cfr_shm.spots.arena_tables import AVERAGES, REGRETS
from cfr_shm.spots.boards import board_level
from cfr_shm.spots.places import Place
from cfr_shm.spots.saved import MOST_ITERATIONS
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame, board_steps
from cfr_shm.storage.disk import DISK, Disk
from cfr_shm.storage.documents import Count, Number, Text, record
from cfr_shm.storage.store import read_manifest, read_store, remove_store, write_store

KIND = "spot-upper"

#: What it is called in a run's checkpoints.
NAME = "upper"

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

    Args:
        directory: of the run's checkpoints.
        solver: whose averages.
        levels: that are kept.
        about: ``fingerprint`` and ``seconds``.
        disk: where it lies.

    Raises:
        ArrayStoreError: the disk refused.
    """
    path = directory / NAME
    arrays = {}
    for p, name in enumerate(AVERAGES):
        table = solver.arena.array(name)
        arrays[name] = np.concatenate([table[part] for part in _parts(solver.game, p, levels)])
    further = {"iterations": solver.iterations, "levels": levels, "version": __version__}
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
            if not _ABOUT.fits(about):
                raise ArrayStoreError(f"{path}: its manifest holds what no save of a spot writes")
            if about["fingerprint"] != fingerprint:
                raise CheckpointError(f"{path}: this is another spot; solve it anew")
            self.levels, self.seconds = int(about["levels"]), float(about["seconds"])
            parts = [_parts(solver.game, p, self.levels) for p in range(2)]
            stored: dict[str, NDArray[Any]] = {
                name: np.empty(
                    sum(part.stop - part.start for part in parts[p]),
                    solver.arena.array(name).dtype,
                )
                for p, name in enumerate(AVERAGES)
            }
            read_store(path, kind=KIND, into=stored)
        except ArrayStoreError as error:
            raise CheckpointError(str(error)) from None
        for p, name in enumerate(AVERAGES):
            self._put(p, parts[p], stored[name])
        solver.skip_to(about["iterations"])

    def _put(self, p: int, parts: list[slice], stored: NDArray[Any]) -> None:
        """Put averages in their place, and as regrets too: strategies are made of these."""
        average = self._solver.arena.array(AVERAGES[p])
        regret = self._solver.arena.array(REGRETS[p])
        begin = 0
        for part in parts:
            end = begin + part.stop - part.start
            average[part] = stored[begin:end]
            if regret.dtype == np.int16:
                share = stored[begin:end].astype(np.float32) / np.float32(WHOLE_PARTS)
                regret[part] = share.astype(np.float16).view(np.int16)
            else:
                regret[part] = stored[begin:end]
            begin = end

    def solve_below(self, place: Place) -> None:
        """Solve what a place's values and strategies need of the streets that were left out."""
        steps = steps_below(self._solver.game, self.levels, place.board)
        self._solver.iterate_steps(steps, self._solver.iterations)


def steps_below(game: SpotGame, levels: int, board: int) -> NDArray[np.int64]:
    """Return the steps that train what is below ``levels`` streets on the way to and below a board.

    On the streets that are kept reach goes down and nothing comes up: their strategies stay.
    """
    way = [board]
    while game.boards[way[0]].parent >= 0:
        way.insert(0, game.boards[way[0]].parent)
    segments = [len(forest.level.forest.first) - 1 for forest in game.forests]
    steps: list[tuple[int, int, int, int, int]] = []
    for each in way[:levels][:-1]:
        steps.append((1, 0, board_level(game.hands, game.boards[each]), 0, each))
    first = way[min(levels, len(way)) - 1]
    if len(way) > levels:
        steps.append((1, 0, levels - 1, 0, first))
        steps += board_steps(game.arrays.boards, segments, levels, way[levels])
    else:
        steps += _all_below(game, segments, levels, first)
    return np.array([*steps, (0, 0, 0, 0, 0)], np.int64)


def _all_below(
    game: SpotGame, segments: list[int], levels: int, board: int
) -> list[tuple[int, int, int, int, int]]:
    level = board_level(game.hands, game.boards[board])
    if level >= levels:
        return board_steps(game.arrays.boards, segments, level, board)
    steps = [(1, 0, level, 0, board)]
    for below in range(*game.arrays.boards.family[board, [CHILD_FIRST, CHILD_END]].tolist()):
        steps += _all_below(game, segments, levels, below)
    return steps


def _parts(game: SpotGame, p: int, levels: int) -> list[slice]:
    """Return where a player's slots of the upper streets lie in his tables."""
    found = []
    for number, board in enumerate(game.boards):
        level = board_level(game.hands, board)
        if level < levels:
            about = game.arrays.boards.about[p, number]
            begin, count = int(about[BASE]), game.forests[level].slots[p] * int(about[WIDTH])
            found.append(slice(begin, begin + count))
    return found
