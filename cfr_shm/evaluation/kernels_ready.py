"""Compile or load what measuring a game takes, before somebody waits for the measure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.exploiter import Budget, exploiter_pieces
from cfr_shm.evaluation.range_match import BoardMatch
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.games.game import Game
from cfr_shm.kernels.warm import make_ready
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy

_SAID = "compiling the kernels that measure strategies (once, about 10 s) ..."


def make_walks_ready(game: Game, announce: Callable[[str], None], *, matches: bool = False) -> None:
    """Make walks with all hands ready; ``announce`` is told once if anything is compiled.

    Args:
        game: hold'em for two.
        announce: is told.
        matches: whether strategies are to meet, too.
    """
    make_ready(lambda: _walk_over_nothing(game, matches), _SAID, announce)


def make_learning_ready(game: Game, announce: Callable[[str], None]) -> None:
    """Make the learned exploiter ready, as ``make_walks_ready`` does; for any game."""
    make_ready(lambda: _learn_nothing(game), _SAID, announce)


def _walk_over_nothing(game: Game, matches: bool) -> None:
    probability, weight = np.zeros(game.table_entries), np.zeros(game.table_entries)
    strategy = TableStrategy("nothing", game, Strategy(probability, weight))
    walk = BoardWalk(game)
    board = drawn_board(walk.cards, walk.cards.showdown_cards, 0, 0)
    walk.root_values(Players(strategy, strategy), 0, board)
    if matches:
        BoardMatch(strategy, strategy, 0).on_board(board)


def _learn_nothing(game: Game) -> None:
    # In this thread, which alone is asked to compile nothing unannounced.
    for _ in exploiter_pieces(game, np.zeros(game.table_entries), Budget(iterations=1), 2):
        pass
