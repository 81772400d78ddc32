"""A Python function that plays hands move by move: asked for the cards that it really holds.

``FunctionStrategy`` asks a function for every hand at every node of a tree. ``FunctionPlayer`` asks
once a decision, in the hand as it is played: the answer may be any legal move, hang on what was
before, or be drawn, because nobody asks twice. How likely it was is not known to anybody.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.line_walk import named_move
from cfr_shm.games.holdem.lines import parse_line
from cfr_shm.games.holdem.spoken_moves import all_in_move, move_of
from cfr_shm.layout.betting import CALL, FOLD, BettingRules
from cfr_shm.strategy.function_strategy import (
    FunctionStrategy,
    PublicState,
    UserFunction,
    shares_said,
    state_of,
)
from cfr_shm.strategy.player import Decision, Reading, TreePlayer, decision_of
from cfr_shm.strategy.public import Board, PublicStrategy

_MORE = " (or any other legal action, as lines write it)"


class FunctionPlayer(TreePlayer):
    """A function that plays hands; a ``Player``, which keeps one hand at a time.

    It is offered what its game's tree has where the hand is, as played; where the tree has
    nothing to say any more fold, call, the smallest raise and all-in. It may answer with any
    other legal size as lines write it, too.

    Args:
        strategy: the function, and the game whose tree it is offered.
        rules: of the hands; None for the game's own. As ``TreePlayer`` says.

    Raises:
        UsageError: the rules are of another game, or of other stacks or blinds.
    """

    def __init__(self, strategy: FunctionStrategy, rules: BettingRules | None = None) -> None:
        self._function: UserFunction = strategy.function
        self._words: list[str] = []
        super().__init__(strategy, rules)
        own = strategy.game.big_blind
        self._big_blind = float(self._rules.bet_size[0]) if rules is not None and own else own

    @property
    def game(self) -> Game:
        """The game whose hands it plays."""
        return self._strategy.game

    def begin(self) -> None:
        """Begin a hand."""
        super().begin()
        self._words = []

    def take(self, move: int) -> Reading:
        """Go on after a move; see ``Player``."""
        before = self.hand
        reading = super().take(move)
        self._words.append(named_move(move, before, self._big_blind)[1])
        if not self.hand.finished and self.hand.street > before.street:
            self._words += ["/"] * (self.hand.street - before.street)
        return reading

    def decide(self, hole: Sequence[int], board: Board) -> Decision:
        """Ask the function what the seat to move does; see ``Player``.

        Raises:
            PlayerError: the function raises, or returns no legal move.
        """
        hand, text = self.hand, self._cards.deck.text
        there = tuple(board)[: self._cards.board_count(hand.street)]
        moves = self._offered(hand)
        choices = [(named_move(move, hand, self._big_blind)[1], move) for move in moves]
        line = " ".join(self._words)
        state = state_of(hand, choices, line, text(there) if there else "")
        cards = text(sorted(hole, reverse=True))
        read = functools.partial(self._decision, moves, state, cards)
        return self._function.ask(state, cards, read)

    def _offered(self, hand: Hand) -> tuple[int, ...]:
        moves = list(self.offered().values())
        if not moves:
            moves = [FOLD, CALL] if hand.may_fold else [CALL]
            if hand.raise_bounds is not None:
                moves += [hand.raise_bounds[0], all_in_move(hand)]
        return tuple(dict.fromkeys(moves))

    def _decision(
        self, moves: tuple[int, ...], state: PublicState, hole: str, said: Any
    ) -> Decision:
        """Return what was said as a decision.

        Raises:
            PlayerError: it is none.
        """
        told = {said: 1.0} if isinstance(said, str) else said
        if isinstance(told, Mapping):
            moves = tuple(self._move(action, moves, state, hole) for action in told)
            told = list(told.values())
        shares = shares_said(told, len(moves))
        if shares is None:
            raise self._function.nonsense(f"{said!r:.60}", state, hole, _MORE)
        return decision_of(np.array(moves, np.int64), shares, self.node)

    def _move(self, action: Any, moves: tuple[int, ...], state: PublicState, hole: str) -> int:
        """Return the move that an action stands for: one that was offered, or any legal one."""
        if action in state.actions:
            return moves[state.actions.index(action)]
        reason = ""
        if isinstance(action, str):
            try:
                words = [word for street in parse_line(action) for word in street]
                if len(words) == 1:
                    return move_of(words[0], self.hand, self._big_blind)
            except UsageError as error:
                reason = f" ({error})"
        raise self._function.nonsense(f"the action {action!r:.60}{reason}", state, hole, _MORE)


def player_of(strategy: PublicStrategy, rules: BettingRules | None = None) -> TreePlayer:
    """Return who plays hands as a strategy of any kind does.

    Args:
        strategy: a function is asked hand by hand.
        rules: of the hands; None for the strategy's own. As ``TreePlayer`` says.

    Raises:
        UsageError: the rules are of another game, or of other stacks or blinds.
    """
    if isinstance(strategy, FunctionStrategy):
        return FunctionPlayer(strategy, rules)
    return TreePlayer(strategy, rules)
