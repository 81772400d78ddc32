"""Best responses from a street on, on sampled boards: a lower bound for every hold'em strategy.

Before the street the responder plays the strategy's own policy, from it on a best response.
Boards of the street are drawn, all later cards are dealt, and the responder sees no more than
the board so far and its own hand. So each board gives the value of a legal responder without
bias, and their mean, with an interval over boards, bounds the exploitability from below.

The mean over both seats of what responders win is a bound of NashConv / 2. Where chips leave the
table (rake) the strategy's own value, on the same boards, is taken off first.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import GameError
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.estimates import Estimate, mean_interval
from cfr_shm.evaluation.gathering import for_each
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.games.game import Game
from cfr_shm.strategy.public import PublicStrategy

#: Cards on the board of the streets that a response may begin on.
STREET_CARDS = {"flop": 3, "turn": 4, "river": 5}

SEATS = 2


class SampledResponse(NamedTuple):
    """What responders win against a strategy, in chips."""

    gain: Estimate  # mean over both seats
    seats: tuple[Estimate, Estimate]  # of each responder
    samples: NDArray[np.float64]  # (boards,), of the mean, to be paired with others
    stopped: BaseException | None = None  # what ended it before all boards were seen


def street_named(game: Game, name: str) -> int:
    """Return the number of a street.

    Raises:
        GameError: there is no betting on it.
    """
    cards = game.hole_cards
    streets = range(game.street_count)
    found = [
        street
        for street in streets
        if cards is not None and cards.board_count(street) == STREET_CARDS[name]
    ]
    if not found:
        raise GameError(f"no betting on the {name} in {game.name}: a response cannot begin there")
    return found[0]


def sampled_response(
    strategy: PublicStrategy,
    street: int,
    boards: int,
    *,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> SampledResponse:
    """Measure best responses from a street on.

    Args:
        strategy: what they are against; for two seats.
        street: of the game, on which they begin.
        boards: how many are drawn, at least 2 for an interval.
        seed: of the boards.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.

    Raises:
        GameError: not a game of hold'em for two.
    """

    def make(stop: threading.Event) -> BoardGains:
        return BoardGains(strategy, street, seed, BoardWalk(strategy.game, stop))

    found, stopped = for_each(make, boards, workers, progress)
    seats = mean_interval(found[:, 0]), mean_interval(found[:, 1])
    both = found.mean(axis=1)
    return SampledResponse(mean_interval(both), seats, both, stopped)


class BoardGains:
    """What responders win on one board after the other; owns the space for it.

    Args:
        strategy: what they are against; for two seats.
        street: of the game, on which they begin.
        seed: of the boards.
        walk: of the same game, where there is one already; None makes one.

    Raises:
        GameError: not a game of hold'em for two.
    """

    def __init__(
        self, strategy: PublicStrategy, street: int, seed: int, walk: BoardWalk | None = None
    ) -> None:
        self._walk = BoardWalk(strategy.game) if walk is None else walk
        self._players, self._street, self._seed = Players(strategy, strategy), street, seed
        self._size = self._walk.street_board(street)

    def __call__(self, index: int) -> NDArray[np.float64]:
        """Return (seats,) what responders win on board ``index``, chips."""
        walk = self._walk
        board = drawn_board(walk.cards, self._size, self._seed, index)
        found = np.zeros(SEATS)
        for seat in range(SEATS):
            values = walk.root_values(self._players, seat, board, self._street)
            found[seat] = walk.seat_value(values, seat, len(board))
            if not walk.game.zero_sum:
                values = walk.root_values(self._players, seat, board)
                found[seat] -= walk.seat_value(values, seat, len(board))
        return found
