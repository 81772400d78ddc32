"""Play a hand as a strategy would, also where the hand leaves the sizes of its tree.

A ``Player`` is told every move of a hand in the chips in which it is played, and says what the
seat to move does with some hole cards: legal moves and how likely it makes each. ``TreePlayer``
does so for any strategy with a betting tree. It keeps the tree's own hand beside the one that
is played (docs/adr/0015-lines-and-translation.md): sizes that the tree does not have are read as
the likelier neighbour, and what the tree then does is done as the same part of the pot as
played. Where the tree has nothing to say any more, it checks or calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.ranges import hand_of
from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import LIMITS, Hand
from cfr_shm.kernels.evaluation.shadow import begin_following, moves_as_played, take_move
from cfr_shm.layout.betting import CALL, BettingRules, betting_words
from cfr_shm.layout.following import (
    FOLLOW_IN_STEP,
    FOLLOW_NODE,
    FOLLOW_PLAYED,
    FOLLOW_STATES,
    FOLLOW_TREE,
    FOLLOW_WORDS,
    FollowedTree,
)
from cfr_shm.strategy.public import Board, PublicStrategy, holdem_parts


class Decision(NamedTuple):
    """What a player does with some hole cards: one of its moves, each with its probability."""

    moves: tuple[int, ...]  # legal and different: FOLD, CALL, or chips to bet or raise to
    probabilities: tuple[float, ...]  # of each, sum to 1
    node: int | None  # of the player's tree; None: it has nothing to say here

    def drawn(self, uniform: float) -> int:
        """Return the move that a uniform number below 1 stands for."""
        left = uniform
        for move, probability in zip(self.moves, self.probabilities, strict=True):
            left -= probability
            if left < 0.0:
                return move
        return max(zip(self.probabilities, self.moves, strict=True))[1]


class Reading(NamedTuple):
    """What a tree takes a move of the hand as played for."""

    seat: int
    street: int
    move: int  # as played
    node: int | None  # of the tree, before it; None: the tree had nothing to say already
    known: int | None  # the tree's move, in its own chips; None: it has none for it
    size: float | None  # of a bet or raise as played, a part of the pot after calling
    known_size: float | None  # of what it was taken for, 0 for a check or call


class Player(Protocol):
    """Plays any seat of a hand: told what everybody does, it says what the one to move does."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def hand(self) -> Hand:
        """The hand as played so far."""
        ...

    def begin(self) -> None:
        """Begin a hand: antes and blinds are posted."""
        ...

    def take(self, move: int) -> Reading:
        """Go on after a move of whoever is to act; see ``Hand.apply``.

        Raises:
            GameError: it is not legal.
        """
        ...

    def decide(self, hole: Sequence[int], board: Board) -> Decision:
        """Return what the seat to move does with its hole cards.

        Args:
            hole: its two cards.
            board: the cards that lie there, in the order of dealing; more are not looked at.
        """
        ...


@runtime_checkable
class BarePlayer(Player, Protocol):
    """A player of which nobody knows how likely its moves are: only what it does is seen."""

    @property
    def game(self) -> Game:
        """The game whose hands it plays."""
        ...


class TreePlayer:
    """A strategy that plays hands; a ``Player``, which keeps one hand at a time.

    Args:
        strategy: how it plays.
        rules: of the hands; None for the strategy's own. Stacks, blinds and antes may be counted
            in other chips, as long as they are the same in big blinds.

    Raises:
        UsageError: the rules are of another game, or of other stacks or blinds.

    >>> player = TreePlayer(strategy, betting_rules(...))             # doctest: +SKIP
    >>> player.take(250)                                              # doctest: +SKIP
    >>> player.decide(hole=(51, 47), board=()).moves                  # doctest: +SKIP
    (-1, 0, 750)
    """

    def __init__(self, strategy: PublicStrategy, rules: BettingRules | None = None) -> None:
        betting, self._cards = holdem_parts(strategy.game)
        real = betting.rules if rules is None else rules
        if (reason := why_not_alike(betting.rules, real)) is not None:
            raise UsageError(f"{strategy.name} cannot play these hands: {reason}")
        self._strategy, self._rules = strategy, real
        self._tree = FollowedTree(strategy.game.tree.nodes, betting.move, betting.rules, real)
        self._in_step = int(same_chips(betting.rules, real))
        self._state = np.zeros((FOLLOW_STATES, betting_words(real.players)), np.int64)
        self._follow = np.zeros(FOLLOW_WORDS, np.int64)
        self._moves = np.zeros(strategy.game.max_actions, np.int64)
        self.begin()

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._strategy.name

    @property
    def strategy(self) -> PublicStrategy:
        """How it plays."""
        return self._strategy

    @property
    def hand(self) -> Hand:
        """The hand as played so far."""
        return self._hand

    @property
    def tree_hand(self) -> Hand:
        """The hand as the tree has it; means nothing once ``node`` is None."""
        row = FOLLOW_PLAYED if self._follow[FOLLOW_IN_STEP] else FOLLOW_TREE
        return Hand(self._tree.rules, self._row(row))

    @property
    def node(self) -> int | None:
        """The decision node of the tree; None: it has nothing to say here."""
        node = int(self._follow[FOLLOW_NODE])
        return None if node < 0 else node

    def begin(self) -> None:
        """Begin a hand."""
        begin_following(self._tree, self._state, self._follow, self._in_step)
        self._hand = Hand(self._rules, self._row(FOLLOW_PLAYED))

    def take(self, move: int) -> Reading:
        """Go on after a move; see ``Player``."""
        hand, node = self._hand, self.node
        if (reason := hand.refusal(move)) is not None:
            raise GameError(f"illegal move {move}: {reason}")
        known_hand = self.tree_hand
        child = int(take_move(self._tree, self._state, self._follow, move))
        self._hand = Hand(self._rules, self._row(FOLLOW_PLAYED))
        known = None if node is None or child < 0 else int(self._tree.move[child])
        size = known_size = None
        if move > 0:
            size = pot_part(hand, move)
            known_size = None if known is None else pot_part(known_hand, known)
        return Reading(hand.actor, hand.street, move, node, known, size, known_size)

    def decide(self, hole: Sequence[int], board: Board) -> Decision:
        """Return what the seat to move does; see ``Player``.

        Raises:
            UsageError: a card twice, or hole cards that are never dealt.
        """
        there = tuple(board)[: self._cards.board_count(self._hand.street)]
        if len({*hole, *there}) < len(hole) + len(there):
            raise UsageError(f"a card twice in {self._text(hole)} and {self._text(there)}")
        if (node := self.node) is None:
            return Decision((CALL,), (1.0,), None)
        moves, shares = self._actions(node, hole, there)
        return decision_of(moves, shares, node)

    def _actions(
        self, node: int, hole: Sequence[int], board: Board
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return (actions,) moves for a node's actions, some perhaps the same, and shares."""
        number = hand_of(int(hole[0]), int(hole[1]))
        found = self._strategy.probabilities([node], board)[0, number]
        count = self._count_moves()
        total = float(found[:count].sum())
        if not total > 0.0:
            raise UsageError(f"{self.name} has no hand {self._text(hole)} on {self._text(board)}")
        return self._moves[:count], found[:count] / total

    def offered(self) -> dict[int, int]:
        """Return the moves of the tree's node, each with what it is in the hand as played."""
        if (node := self.node) is None:
            return {}
        first = int(self._tree.nodes["first_child"][node])
        count = self._count_moves()
        known = self._tree.move[first : first + count].tolist()
        return dict(zip(known, self._moves[:count].tolist(), strict=True))

    def _count_moves(self) -> int:
        """Write the node's moves, as played, to ``_moves``; return how many."""
        return int(moves_as_played(self._tree, self._state, self._follow, self._moves))

    def _text(self, cards: Sequence[int]) -> str:
        return self._cards.deck.text(cards) or "an empty board"

    def _row(self, row: int) -> NDArray[np.int64]:
        return self._state[row : row + 1].copy()


def decision_of(
    moves: NDArray[np.int64], shares: NDArray[np.float64], node: int | None
) -> Decision:
    """Put a decision together: probabilities of the same move are added up."""
    together: dict[int, float] = {}
    for move, share in zip(moves.tolist(), shares.tolist(), strict=True):
        together[move] = together.get(move, 0.0) + share
    return Decision(tuple(together), tuple(together.values()), node)


def pot_part(hand: Hand, move: int) -> float:
    """Return what a bet or raise adds to the highest bet, as a part of the pot after calling.

    A check or call is the size 0.
    """
    return (move - hand.highest_bet) / (hand.pot + hand.call_amount) if move > 0 else 0.0


def same_chips(one: BettingRules, two: BettingRules) -> bool:
    """Return whether two sets of rules are the same, whatever the rake."""
    unraked = [
        each._replace(rake_fraction=0.0, rake_cap=0, rake_from_street=0) for each in (one, two)
    ]
    return all(np.array_equal(a, b) for a, b in zip(*unraked, strict=True))


def why_not_alike(one: BettingRules, two: BettingRules) -> str | None:
    """Say why hands by one set of rules are no hands by the other; None where they are.

    Chips may be counted in other units. Caps on raises and the rake may differ: how a hand can be
    followed does not hang on them.
    """
    if one.players != two.players:
        return f"{one.players} and {two.players} players"
    if one.limit != two.limit:
        names = {number: name for name, number in LIMITS.items()}
        return f"betting {names[one.limit]} and {names[two.limit]}"
    if not np.array_equal(one.real_street, two.real_street):
        return f"streets {one.real_street.tolist()} and {two.real_street.tolist()}"
    units = int(one.bet_size[0]), int(two.bet_size[0])
    for name in ("stack", "blind", "ante", "dead", "bet_size"):
        first, second = (np.atleast_1d(getattr(each, name)) for each in (one, two))
        if not np.array_equal(first * units[1], second * units[0]):
            return f"{_WORDS[name]} {_by_seat(first, units[0])} and {_by_seat(second, units[1])}"
    if not np.array_equal(one.first_actor, two.first_actor):
        return f"first to act {one.first_actor.tolist()} and {two.first_actor.tolist()}"
    return None


#: How the fields of rules are called, in the unit in which they are told.
_WORDS = {
    "stack": "stacks of",
    "blind": "blinds of",
    "ante": "antes of",
    "dead": "chips in the pot from before of",
    "bet_size": "smallest bets of",
}


def _by_seat(chips: NDArray[np.int64], unit: int) -> str:
    """Return amounts in big blinds, once where they are all the same."""
    told = [f"{each / unit:.6g}" for each in chips.tolist()]
    return f"{told[0] if len(set(told)) == 1 else ' '.join(told)} bb"
