"""Follow a public line through a betting tree, with sizes that the tree does not have translated.

Two hands are kept: the one that was played, which says what is legal and how large the pot is,
and the one that the tree knows. They are the same until a size has to be translated
(games/holdem/translation.py); from then on sizes are compared as fractions of each hand's own pot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cfr_shm.cards.isomorphism import STREETS
from cfr_shm.errors import UsageError
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.betting_tree import BettingTree
from cfr_shm.games.holdem.lines import (
    ALL_IN,
    CALL,
    CHECK,
    FOLD,
    RAISE,
    Action,
    chips_text,
    parse_line,
    raise_text,
)
from cfr_shm.games.holdem.spoken_moves import all_in_move, move_of
from cfr_shm.games.holdem.translation import Translation, translate
from cfr_shm.layout.betting import CALL as CALL_MOVE
from cfr_shm.layout.betting import FOLD as FOLD_MOVE
from cfr_shm.layout.tree import DECISION

#: Seats before the button, from the button on; what is further away is under the gun.
_LATE_POSITIONS = ("BTN", "CO", "HJ", "LJ")


class Choice(NamedTuple):
    """One move of a node in the tree."""

    move: int  # chips, or layout.FOLD or CALL
    node: int  # that it leads to
    kind: str  # FOLD, CHECK, CALL, RAISE or ALL_IN of games.lines
    token: str  # as a line writes it
    name: str  # for people


class Step(NamedTuple):
    """One action of a line."""

    action: Action
    street: int  # of the game
    seat: int
    node: int  # at which it was chosen
    choice: Choice  # what the tree knows it as
    entry: int  # of the row, which is the choice's index
    played: str  # what the player did, for people
    translation: Translation | None  # where the size is not in the tree
    neighbours: tuple[Choice, Choice] | None  # that the translation is between


class Place(NamedTuple):
    """A decision node of a tree, and how a line led there."""

    tree: BettingTree
    big_blind: float | None
    steps: tuple[Step, ...]
    node: int
    hand: Hand  # as played
    tree_hand: Hand  # as the tree has it

    @property
    def seat(self) -> int:
        """Return the seat that is to act."""
        return self.hand.actor

    @property
    def street(self) -> int:
        """Return the street that the line has come to, counted from the game's first."""
        return self.hand.street

    @property
    def real_street(self) -> int:
        """Return the street that the line has come to, 0 preflop to 3 river."""
        return int(self.tree.rules.real_street[self.street])

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Return the moves of the node, in the order of its rows' entries."""
        return choices_at(self.tree, self.node, self.tree_hand, self.big_blind)

    @property
    def line(self) -> str:
        """Return the line as the tree knows it, in its shortest exact form."""
        words: list[str] = []
        street = 0
        for step in self.steps:
            words += ["/"] * (step.street - street) + [step.choice.token]
            street = step.street
        return " ".join([*words, *["/"] * (self.street - street)])


def position(seat: int, players: int) -> str:
    """Return what a seat is called: SB, BB, ..., CO, BTN; heads-up the button is the SB.

    Example:
        >>> [position(seat, 6) for seat in range(6)]
        ['SB', 'BB', 'UTG', 'HJ', 'CO', 'BTN']
    """
    if seat < 2:
        return ("SB", "BB")[seat]
    before_button = players - 1 - seat
    if seat == 2 and players > 4:
        return "UTG"
    if before_button < len(_LATE_POSITIONS):
        return _LATE_POSITIONS[before_button]
    return f"UTG+{seat - 2}"


def on_street(tree: BettingTree, street: int) -> str:
    """Return ``preflop``, ``on the flop`` and so on for a street of the game."""
    real = int(tree.rules.real_street[street])
    if real >= len(STREETS):
        return f"on street {real}"
    return STREETS[0] if real == 0 else f"on the {STREETS[real]}"


def choices_at(
    tree: BettingTree, node: int, hand: Hand, big_blind: float | None
) -> tuple[Choice, ...]:
    """Return the moves of a decision node; ``hand`` is the tree's at that node."""
    record = tree.built.tree.nodes[node]
    first, count = int(record["first_child"]), int(record["count"])
    moves = tree.move[first : first + count].tolist()
    return tuple(
        Choice(move, first + index, *named_move(move, hand, big_blind))
        for index, move in enumerate(moves)
    )


def walk_line(
    tree: BettingTree,
    text: str,
    big_blind: float | None = None,
    draws: Iterator[float] | None = None,
) -> Place:
    """Return the place that a line leads to.

    Args:
        tree: the tree.
        text: the line, in the grammar of games/holdem/lines.py.
        big_blind: chips; None: lines cannot use big blinds.
        draws: uniform numbers below 1, one for each size to translate; None: the likelier
            neighbour is taken.

    Raises:
        UsageError: an action that the grammar, the rules or the tree does not have there, or a
            line after which nobody is to act. The message says what could be done instead.
    """
    walker = _Walker(tree, text, big_blind, draws)
    for number, street in enumerate(parse_line(text)):
        if number > 0:
            walker.end_street()
        for action in street:
            walker.take(action)
    return walker.place()


class _Walker:
    """A walk under way."""

    def __init__(
        self,
        tree: BettingTree,
        text: str,
        big_blind: float | None,
        draws: Iterator[float] | None,
    ) -> None:
        self._tree = tree
        self._text = text
        self._big_blind = big_blind
        self._draws = draws
        self._steps: list[Step] = []
        self._node = 0
        self._hand = self._tree_hand = Hand(tree.rules)
        self._street_began = False

    def place(self) -> Place:
        """Return where the walk ended."""
        if self._is_over():
            raise self._error(f"{self._last()} ends the betting: nobody is to act; leave it out")
        return Place(
            self._tree,
            self._big_blind,
            tuple(self._steps),
            self._node,
            self._hand,
            self._tree_hand,
        )

    def end_street(self) -> None:
        """Take in a ``/``."""
        if not self._street_began:
            where = f"after {self._last()}" if self._steps else "at its beginning"
            raise self._error(f"'/' {where}, where no street ends; {self._legal()}")
        self._street_began = False

    def take(self, action: Action) -> None:
        """Take in an action."""
        if self._is_over():
            raise self._error(f"{action.where}: the betting is over after {self._last()}")
        hand, seat = self._hand, self._hand.actor
        move = self._played_move(action)
        index, translation, neighbours = self._tree_move(action, move)
        choice = self._choices()[index]
        _, _, played = named_move(move, hand, self._big_blind)
        self._hand = hand.apply(move)
        in_step = self._tree_hand is hand and choice.move == move
        self._tree_hand = self._hand if in_step else self._tree_hand.apply(choice.move)
        node, self._node = self._node, choice.node
        self._steps.append(
            Step(action, hand.street, seat, node, choice, index, played, translation, neighbours)
        )
        self._street_began = not self._hand.finished and self._hand.street > hand.street
        self._check_together(action)

    def _is_over(self) -> bool:
        kind = int(self._tree.built.tree.nodes[self._node]["kind"])
        return kind != DECISION or self._hand.finished

    def _choices(self) -> tuple[Choice, ...]:
        return choices_at(self._tree, self._node, self._tree_hand, self._big_blind)

    def _played_move(self, action: Action) -> int:
        """Return what was done in the hand as played."""
        try:
            return move_of(action, self._hand, self._big_blind)
        except UsageError as error:
            raise self._refused(action, str(error)) from None

    def _tree_move(
        self, action: Action, move: int
    ) -> tuple[int, Translation | None, tuple[Choice, Choice] | None]:
        """Return the index of the tree's move, and how it was found where it is another one."""
        choices = self._choices()
        same_hand = self._hand is self._tree_hand
        all_in = move == all_in_move(self._hand)
        for index, choice in enumerate(choices):
            if move <= 0 or same_hand:
                found = choice.move == move
            else:
                found = all_in and choice.kind == ALL_IN
            if found:
                return index, None, None
        if move <= 0:
            raise self._refused(action, "the tree has no such move here")
        return self._translated(action, move, choices)

    def _translated(
        self, action: Action, move: int, choices: tuple[Choice, ...]
    ) -> tuple[int, Translation, tuple[Choice, Choice]]:
        known = [index for index, choice in enumerate(choices) if choice.move > 0]
        if not known:
            raise self._refused(action, "the tree has no bet or raise here to take it for")
        sizes = [_pot_fraction(self._tree_hand, choices[index].move) for index in known]
        calls = [index for index, choice in enumerate(choices) if choice.move == CALL_MOVE]
        if calls and self._leaves_same_actor(move, choices[calls[0]]):
            known, sizes = [*calls, *known], [0.0, *sizes]
        draw = None if self._draws is None else next(self._draws)
        found = translate(sizes, _pot_fraction(self._hand, move), draw)
        neighbours = choices[known[found.smaller]], choices[known[found.larger]]
        return known[found.chosen], found, neighbours

    def _leaves_same_actor(self, move: int, call: Choice) -> bool:
        """Return whether the hand could go on if the raise were taken for a check or call."""
        if int(self._tree.built.tree.nodes[call.node]["kind"]) != DECISION:
            return False
        raised, called = self._hand.apply(move), self._tree_hand.apply(CALL_MOVE)
        return (raised.street, raised.actor) == (called.street, called.actor)

    def _check_together(self, action: Action) -> None:
        """Refuse to go on where the hand as played and the tree's ask different players."""
        played, known = self._hand, self._tree_hand
        if played is known:
            return
        tree_over = int(self._tree.built.tree.nodes[self._node]["kind"]) != DECISION
        if played.finished and tree_over:
            return
        both = not played.finished and not tree_over
        if both and (played.actor, played.street) == (known.actor, known.street):
            return
        read = ", ".join(
            f"{step.action.text} as {step.choice.token}"
            for step in self._steps
            if step.translation is not None
        )
        raise self._error(
            f"{action.where}: the tree's hand goes on in another way than the line, whose sizes "
            f"it does not have (it takes {read}); write the line with sizes of the tree"
        )

    def _chips(self, chips: int) -> str:
        return chips_text(chips, self._big_blind)

    def _last(self) -> str:
        return self._steps[-1].action.where if self._steps else "the blinds"

    def _legal(self) -> str:
        if self._is_over():
            return "the betting is over"
        words = ", ".join(choice.token for choice in self._choices())
        bounds = self._hand.raise_bounds
        if bounds is None:
            return f"expected {words}"
        least, most = (self._chips(chips) for chips in bounds)
        return f"expected {words}" + ("" if least == most else f", or a size of {least} to {most}")

    def _refused(self, action: Action, reason: str) -> UsageError:
        who = position(self._hand.actor, self._tree.rules.players)
        where = on_street(self._tree, self._hand.street)
        return self._error(f"{action.where} of {who} {where}: {reason}; {self._legal()}")

    def _error(self, text: str) -> UsageError:
        return UsageError(f"line {self._text!r}: {text}")


def _pot_fraction(hand: Hand, move: int) -> float:
    """Return what a bet or raise adds to the highest bet, as a part of the pot after calling."""
    return (move - hand.highest_bet) / (hand.pot + hand.call_amount)


def named_move(move: int, hand: Hand, big_blind: float | None) -> tuple[str, str, str]:
    """Return kind, token and name of a move of a hand's actor, as a ``Choice`` has them."""
    if move == FOLD_MOVE:
        return FOLD, "f", "fold"
    if move == CALL_MOVE:
        if hand.call_amount == 0:
            return CHECK, "x", "check"
        all_in = " all-in" if hand.call_amount == hand.stacks[hand.actor] else ""
        return CALL, "c", f"call {hand.call_amount:,}{all_in}"
    amount = f"{move:,}"
    if big_blind and (text := chips_text(move, big_blind)).endswith("bb"):
        amount += f" ({text})"
    if move == all_in_move(hand):
        return ALL_IN, "a", f"all-in {amount}"
    opens = hand.raises == 0
    verb = "bet" if hand.highest_bet == 0 else "raise to"
    return RAISE, raise_text(move, big_blind, opens), f"{verb} {amount}"
