"""A strategy that is a Python function: it sees what is public and its own cards, and acts.

    def act(state, hole):
        return {"c": 0.5, "f": 0.5}

``state`` is a ``PublicState``, ``hole`` a text such as "AhKd". What is returned are probabilities:
by action, in the order of ``state.actions``, or one action alone.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError, PlayerError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.line_walk import choices_at
from cfr_shm.games.holdem.public_lines import public_line
from cfr_shm.games.imported.user_game import guarded, load_user_function, user_path
from cfr_shm.layout.policy import BoardPolicy
from cfr_shm.strategy.public import Board, hand_at, hands_of, holdem_parts, policy_from

#: Answers of nodes and boards that are kept beyond those before the flop.
_MOST_KEPT = 4096

_TOLERANCE = 1e-6

_Read = TypeVar("_Read")


class PublicState(NamedTuple):
    """What everybody at the table sees when somebody is to act."""

    seat: int  # that is to act
    street: int  # 0 before the flop to 3 on the river
    line: str  # what was done so far, as on the command line
    board: str  # "7c8c9d"
    pot: int  # chips
    to_call: int
    stacks: tuple[int, ...]  # behind, by seat
    bets: tuple[int, ...]  # on this street, by seat
    actions: tuple[str, ...]  # as lines write them
    amounts: tuple[int | None, ...]  # chips on this street after each bet or raise


class UserFunction:
    """The function itself: asked in one place with some hole cards.

    Args:
        name: ``FILE.py:FUNCTION``.

    Raises:
        GameError: there is no such function.
    """

    def __init__(self, name: str) -> None:
        self.name, self._path = name, user_path(name)
        self._function: Callable[..., Any] = load_user_function(name)

    def ask(self, state: PublicState, hole: str, read: Callable[[Any], _Read]) -> _Read:
        """Return what ``read`` makes of what it says.

        Raises:
            PlayerError: it raises, or what it returns does when it is read; as ``read`` raises.
        """

        def answer() -> _Read:
            return read(self._function(state, hole))

        try:
            return guarded(self.name, self._path, answer)  # type: ignore[no-any-return]
        except PlayerError:
            raise
        except GameError as error:
            raise PlayerError(str(error)) from error

    def nonsense(self, said: str, state: PublicState, hole: str, more: str = "") -> PlayerError:
        """Return what to raise where it said something else than it may; ``more`` may be, too."""
        where = f"after {state.line!r}" if state.line else "at the start of the hand"
        board = f" on {state.board}" if state.board else ""
        return PlayerError(
            f"{self.name}: returned {said} for {hole} {where}{board}; expected probabilities of "
            f"{', '.join(state.actions)} that sum to 1, or one of these{more}"
        )


def shares_said(said: Any, count: int) -> NDArray[np.float64] | None:
    """Return a distribution over so many actions that was said, None where it is none."""
    try:
        shares = np.array(said, np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    total = float(shares.sum()) if shares.shape == (count,) else 0.0
    if not (abs(total - 1.0) <= _TOLERANCE and (shares >= 0.0).all()):
        return None
    return shares / total


def state_of(hand: Hand, choices: Sequence[tuple[str, int]], line: str, board: str) -> PublicState:
    """Return what a function is told of a hand; ``choices`` are tokens and moves."""
    return PublicState(
        seat=hand.actor,
        street=int(hand.rules.real_street[hand.street]),
        line=line,
        board=board,
        pot=hand.pot,
        to_call=hand.call_amount,
        stacks=hand.stacks,
        bets=hand.street_bets,
        actions=tuple(token for token, _ in choices),
        amounts=tuple(move if move > 0 else None for _, move in choices),
    )


class FunctionStrategy:
    """A function that plays a hold'em game; implements ``strategy.public.PublicStrategy``.

    It is asked once for each node, board and hand, and only ever by one thread at a time: its
    answers must hang on these alone. Whoever asks for the hands that are really held only is
    ``strategy.function_player.FunctionPlayer``.

    Args:
        name: ``FILE.py:FUNCTION``.
        game: whose actions it chooses among.

    Raises:
        GameError: there is no such function, or the game is not hold'em.
    """

    def __init__(self, name: str, game: Game) -> None:
        self._betting, self._cards = holdem_parts(game)
        self._game = game
        self._function = UserFunction(name)
        self._holes = hands_of(game)
        self._dealt = np.isin(self._holes, self._cards.dealt).all(axis=1)
        self._lock = threading.Lock()
        self._known: dict[tuple[int, tuple[int, ...]], NDArray[np.float64]] = {}

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._function.name

    @property
    def game(self) -> Game:
        """The game that it plays."""
        return self._game

    @property
    def function(self) -> UserFunction:
        """The function itself."""
        return self._function

    @property
    def suits_alike(self) -> bool:
        """Nobody knows: a function may tell suits apart."""
        return False

    def probabilities(self, nodes: Sequence[int], board: Board) -> NDArray[np.float64]:
        """Return (nodes, hands, actions); see ``PublicStrategy``.

        Raises:
            PlayerError: the function raises, or returns what is no distribution.
        """
        found = np.zeros((len(nodes), len(self._holes), self._game.max_actions))
        for row, node in enumerate(nodes):
            street = int(self._game.tree.nodes["street"][node])
            there = tuple(int(card) for card in board[: self._cards.board_count(street)])
            answer = self._answers(int(node), there)
            found[row, :, : answer.shape[1]] = answer
        return found

    def on_boards(self, boards: NDArray[np.int64]) -> BoardPolicy:
        """Return the same as arrays; see ``PublicStrategy``."""
        return policy_from(self, boards)

    def _answers(self, node: int, board: tuple[int, ...]) -> NDArray[np.float64]:
        """Return (hands, actions) what the function does at one node."""
        with self._lock:
            if (node, board) not in self._known:
                if len(self._known) >= _MOST_KEPT:
                    self._known = {key: kept for key, kept in self._known.items() if not key[1]}
                self._known[node, board] = self._ask(node, board)
            return self._known[node, board]

    def _ask(self, node: int, board: tuple[int, ...]) -> NDArray[np.float64]:
        state = self.state(node, board)
        free = self._dealt & ~np.isin(self._holes, board).any(axis=1)
        found = np.zeros((len(self._holes), len(state.actions)))
        for hand in np.flatnonzero(free).tolist():
            hole = self._cards.deck.text(self._holes[hand][::-1].tolist())
            read = functools.partial(self._shares, state, hole)
            found[hand] = self._function.ask(state, hole, read)
        return found

    def state(self, node: int, board: Board) -> PublicState:
        """Return what the function is told at a node, on the board that lies there."""
        hand = hand_at(self._game, node)
        choices = choices_at(self._betting, node, hand, self._game.big_blind)
        return state_of(
            hand,
            [(choice.token, choice.move) for choice in choices],
            public_line(self._betting, node, self._game.big_blind),
            self._cards.deck.text(board),
        )

    def _shares(self, state: PublicState, hole: str, said: Any) -> NDArray[np.float64]:
        """Return what the function has said as a distribution.

        Raises:
            PlayerError: it is none.
        """
        if isinstance(said, str):
            said = {said: 1.0}
        if isinstance(said, Mapping):
            strange = [key for key in said if key not in state.actions]
            if strange:
                raise self._function.nonsense(f"the action {strange[0]!r}", state, hole)
            said = [said.get(action, 0.0) for action in state.actions]
        shares = shares_said(said, len(state.actions))
        if shares is None:
            raise self._function.nonsense(f"{said!r:.60}", state, hole)
        return shares
