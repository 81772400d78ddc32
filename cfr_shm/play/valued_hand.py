"""What a person's decisions in a hand were worth, where that can be told: heads-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.action_values import ActionValues, ValuedAction
from cfr_shm.games.game import Game
from cfr_shm.play.own_table import TableHand, Turn
from cfr_shm.play.words import action_text
from cfr_shm.strategy.public import PublicStrategy, hand_at


class ValuedTurn(NamedTuple):
    """A decision, and what each action of the strategy's tree is worth there."""

    turn: Turn
    actions: tuple[ValuedAction, ...]
    names: tuple[str, ...]  # of the actions, in the tree's chips
    taken: int | None  # which was done, as the tree reads it; None: it has none for it

    @property
    def lost(self) -> ValuedAction | None:
        """What was done, as the tree reads it."""
        return None if self.taken is None else self.actions[self.taken]

    @property
    def best(self) -> int:
        """The action that is worth most."""
        return min(range(len(self.actions)), key=lambda action: self.actions[action].lost)


def values_of(strategy: PublicStrategy) -> ActionValues | None:
    """Return who values actions along a strategy; None where more than two play."""
    return ActionValues(strategy) if strategy.game.player_count == 2 else None


def valued_turns(values: ActionValues, game: Game, found: TableHand) -> Iterator[ValuedTurn | None]:
    """Yield every decision of a guest; None where the tree has nothing to say, or nobody comes."""
    for turn in found.turns:
        if turn.by_guest:
            yield valued_turn(values, game, turn, found.played.holes[turn.hand.actor])


def valued_turn(
    values: ActionValues, game: Game, turn: Turn, hole: tuple[int, ...]
) -> ValuedTurn | None:
    """Return one decision valued; None as of ``valued_turns``."""
    node = turn.reading.node
    if node is None:
        return None
    try:
        actions = values.of(node, hole, turn.board)
    except UsageError:  # the strategy never brings a hand that goes with these cards
        return None
    there = hand_at(game, node)
    moves = [each.move for each in actions]
    known = turn.reading.known
    return ValuedTurn(
        turn,
        actions,
        tuple(action_text(there, move) for move in moves),
        moves.index(known) if known in moves else None,
    )


def value_text(valued: ValuedTurn, big_blind: float | None) -> str:
    """Return what was best and what was lost: ``best by EV: fold, call lost 1.20 bb``."""
    best = valued.names[valued.best]
    if valued.lost is None:
        return f"best by EV: {best}"
    if valued.taken == valued.best:
        return f"best by EV: {best}, as done"
    unit, factor = ("bb", 1.0 / big_blind) if big_blind else ("chips", 1.0)
    error = valued.lost.error * factor
    told = f"{valued.lost.lost * factor:.2f} {unit}" + (f" (± {error:.2f})" if error else "")
    return f"best by EV: {best}; what was done lost {told}"


def turn_value_text(valued: ValuedTurn | None, big_blind: float | None) -> str:
    """Return the same for a terminal, with what was done."""
    if valued is None:
        return "no EV: the strategy never comes here"
    did = action_text(valued.turn.hand, valued.turn.reading.move)
    return f"{did}: {value_text(valued, big_blind)}"
