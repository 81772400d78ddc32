"""Look one thing up in a strategy: an infoset by its name, or a hand at a line and a board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cfr_shm.config.reader import nearest
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.holdem.hole_cards import HoleCards, check_dealt
from cfr_shm.games.holdem.line_walk import Place, on_street, walk_line
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import holdem_parts
from cfr_shm.strategy.row_sums import RowSums
from cfr_shm.strategy.spot import Spot, spot_at


class Answer(NamedTuple):
    """What a strategy does at one infoset.

    >>> Answer(("f", "c"), (0.25, 0.75), 10.0).by_action
    {'f': 0.25, 'c': 0.75}
    """

    actions: tuple[str, ...]  # ids of a game's actions, or tokens of hold'em's: f, c, b2.5bb
    probability: tuple[float, ...]  # sums to 1; uniform where training never came
    visits: float  # 0: training never came here

    @property
    def by_action(self) -> dict[str, float]:
        """The probability of each action."""
        return dict(zip(self.actions, self.probability, strict=True))


class Found(NamedTuple):
    """A hand at a place of a hold'em game."""

    spot: Spot
    hole: tuple[int, ...]
    hand: int  # its number among those of the seat that is to act


def labels_by_name(game: Game) -> dict[str, InfosetLabel]:
    """Return the infosets of a game by their names."""
    return {label.name: label for label in game.infosets()}


def look_up(
    labels: dict[str, InfosetLabel], strategy: Strategy, name: str, mean_iteration_weight: float
) -> Answer:
    """Return what a strategy does at an infoset.

    Raises:
        UsageError: there is none of the name; the nearest is given.
    """
    label = labels.get(name)
    if label is None:
        raise UsageError(f"no infoset is named {name[:60]!r}{nearest(name, labels)}")
    entries = strategy.probability[label.row : label.row + len(label.actions)].tolist()
    visits = float(strategy.weight[label.row]) / mean_iteration_weight
    if mean_iteration_weight == 1.0:
        visits = float(round(visits))  # A count, but for rounding of the sums.
    return Answer(tuple(map(str, label.actions)), tuple(entries), visits)


def find_hand(
    game: Game,
    table: RowSums,
    mean_iteration_weight: float,
    hole: str,
    line: str,
    board: str | None,
    *,
    draws: Iterator[float] | None = None,
    dashes: str = "",
) -> Found:
    """Return a hand at the place that a line leads to.

    Args:
        game: hold'em.
        table: the sums of the training.
        mean_iteration_weight: turns strategy weights into visits.
        hole: two cards.
        line: what was done so far.
        board: the cards of the line's last street; None where there are none, or they are fixed.
        draws: choose among the neighbours of a size that the tree does not have.
        dashes: before names of arguments in errors: "--" where they are flags.

    Raises:
        GameError: the game is not hold'em.
        UsageError: wrong cards, a wrong line, or a board that does not fit it.
    """
    _, cards = holdem_parts(game)
    hand = parse_hole(cards, hole, dashes)
    spot = find_spot(
        game, table, mean_iteration_weight, line, board, hand, draws=draws, dashes=dashes
    )
    try:
        return Found(spot, hand, spot.index_of(hand))
    except UsageError as error:
        raise UsageError(f"{dashes}hole {hole}: {error}") from None


def find_spot(
    game: Game,
    table: RowSums,
    mean_iteration_weight: float,
    line: str,
    board: str | None,
    hole: Sequence[int] = (),
    *,
    draws: Iterator[float] | None = None,
    dashes: str = "",
) -> Spot:
    """Return the place that a line leads to, and what a table says there.

    The arguments are those of ``find_hand``; ``hole`` are cards that cannot be on the board.

    Raises:
        GameError: the game is not hold'em.
        UsageError: a wrong line, or a board that does not fit it.
    """
    tree, cards = holdem_parts(game)
    place = walk_line(tree, line, game.big_blind, draws)
    there = _board(cards, board, place, dashes)
    for card in hole:
        if card in there:
            name = cards.deck.text([card])
            raise UsageError(f"{dashes}hole: the card {name} is on the board too")
    return spot_at(table, place, cards, there, mean_iteration_weight)


def parse_hole(cards: HoleCards, text: str, dashes: str = "") -> tuple[int, ...]:
    """Return the two cards of a hand.

    Raises:
        UsageError: not two cards of the game.
    """
    hole = _parse(cards, f"{dashes}hole", text)
    if len(hole) != 2:
        raise UsageError(f"{dashes}hole: {len(hole)} cards in {text!r}; a hand has two")
    check_dealt(cards, hole)
    return hole


def _parse(cards: HoleCards, name: str, text: str) -> tuple[int, ...]:
    try:
        return cards.deck.parse(text)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None


def _board(cards: HoleCards, text: str | None, place: Place, dashes: str) -> tuple[int, ...]:
    where = on_street(place.tree, place.street)
    expected = cards.board_count(place.street)
    if text is None:
        board = cards.fixed_board[:expected]
        if len(board) < expected:
            raise UsageError(
                f"the line ends {where}: give its {expected} board cards with {dashes}board"
            )
        return board
    board = _parse(cards, f"{dashes}board", text)
    if len(board) != expected:
        raise UsageError(
            f"{dashes}board: {len(board)} cards, but the line ends {where}, where "
            f"{expected or 'none'} lie; "
            + (f"leave {dashes}board out" if expected == 0 else "give as many")
            + f", or go on with {dashes}line"
        )
    return board
