"""Write the ranges of every line that a board allows, as 1,326 weights that other tools paste.

One line of text for the hands that come to a decision, and one for those that take each action:
line, seat, action (empty for all that come) and weights, separated by tabs. Weights are in
the order of hands' numbers, which is PioSOLVER's (``cards.ranges``): the starting weight times the
probabilities of the seat's own actions. Hands that no deal gives to the seat have none; those whose
row training never visited take no action.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import check_board
from cfr_shm.games.holdem.public_lines import move_text, public_line
from cfr_shm.layout.betting import FOLD
from cfr_shm.layout.policy import BLOCKED
from cfr_shm.layout.tree import DECISION
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import Board, hands_of, holdem_parts, start_weights
from cfr_shm.strategy.table import TableStrategy

#: The header of a file of ranges.
RANGE_COLUMNS = ("line", "seat", "action", "weights")


def export_ranges(game: Game, strategy: Strategy, path: Path, board: Board) -> None:
    """Write the ranges of all decisions up to the street of a board.

    Args:
        game: hold'em.
        strategy: its strategy.
        path: the file.
        board: the cards that lie there, in the order of dealing; none before the flop.

    Raises:
        GameError: the game is not hold'em.
        UsageError: no street has such a board, or ``path`` cannot be written to.
    """
    last = _last_street(game, board)
    with replaced_file(path) as file:
        file.write(("\t".join(RANGE_COLUMNS) + "\n").encode())
        for line, seat, action, weights in _ranges(game, strategy, board, last):
            told = " ".join(f"{weight:.6g}" for weight in weights.tolist())
            file.write(f"{line}\t{seat}\t{action}\t{told}\n".encode())


def _last_street(game: Game, board: Board) -> int:
    _, cards = holdem_parts(game)
    for street in reversed(range(game.street_count)):
        if cards.board_count(street) == len(board):
            check_board(cards, street, board)
            return street
    counts = sorted({cards.board_count(street) for street in range(game.street_count)})
    raise UsageError(
        f"--board: {len(board)} cards; streets of {game.name} have {', '.join(map(str, counts))}"
    )


def _ranges(
    game: Game, strategy: Strategy, board: Board, last: int
) -> Iterator[tuple[str, int, str, NDArray[np.float64]]]:
    """Yield line, seat, action and weights, nodes before those below them."""
    betting, cards = holdem_parts(game)
    table, nodes = TableStrategy("exported", game, strategy), game.tree.nodes
    full = _full(game, board)
    number, holes = table.on_boards(full).number[0], hands_of(game).astype(np.uint8)

    @functools.cache
    def held(seat: int, street: int) -> NDArray[np.bool_]:
        """Return (hands,) whether some deal gives a seat the hand."""
        found: NDArray[np.bool_] = number[street] != BLOCKED
        shown = full[0, : cards.board_count(street)].tolist()
        found[found] = cards.buckets(seat, street, holes[found], shown) != BLOCKED
        return found

    start = np.stack([start_weights(game, seat) for seat in range(game.player_count)])
    waiting = [(0, start)]
    while waiting:
        node, weights = waiting.pop()
        record = nodes[node]
        street, seat, count = int(record["street"]), int(record["actor"]), int(record["count"])
        if record["kind"] != DECISION or street > last:
            continue
        bucket = number[street]
        own = weights[seat] * held(seat, street)
        line, first = public_line(betting, node, game.big_blind), int(record["first_child"])
        shares, weight = table.rows(node, np.maximum(bucket, 0))
        known = weight > 0.0
        yield line, seat, "", own
        moves = betting.move[first : first + count].tolist()
        for place, move in enumerate(moves):
            token = move_text(move, FOLD in moves, game.big_blind)
            yield line, seat, token, own * shares[:, place] * known
        for place in reversed(range(count)):
            after = weights.copy()
            after[seat] = own * shares[:, place]
            waiting.append((first + place, after))


def _full(game: Game, board: Sequence[int]) -> NDArray[np.int64]:
    """Return (1, cards) the board with any other cards on the streets that are not looked at."""
    _, cards = holdem_parts(game)
    wanted = cards.board_count(game.street_count - 1)
    others = [card for card in (*cards.fixed_board, *cards.dealt) if card not in board]
    found = [*board, *dict.fromkeys(others)][:wanted]
    return np.array([found], np.int64)
