"""One place of a game dealt again and again: what would you do, and what does the strategy?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.action_values import ActionValues, ValuedAction
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.hole_cards import check_board, check_dealt
from cfr_shm.games.holdem.line_walk import position, walk_line
from cfr_shm.games.holdem.spoken_moves import move_of
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.play.words import action_text
from cfr_shm.strategy.player import Decision, TreePlayer
from cfr_shm.strategy.public import PublicStrategy, hands_of, holdem_parts, start_weights

#: What is done less often counts as never done.
NEVER_DONE = 0.005

#: Deals that are thrown away, one after the other, because a card is in two of them.
_MOST_TRIES = 20_000
#: Boards on which nobody comes here, one after the other.
_MOST_BOARDS = 200


class SpotDeal(NamedTuple):
    """One deal of the place."""

    number: int
    hole: tuple[int, ...]
    board: tuple[int, ...]
    decision: Decision  # of the strategy: not for the person before they answer


class SpotAnswer(NamedTuple):
    """What a person did with a deal."""

    deal: SpotDeal
    move: int

    @property
    def share(self) -> float:
        """How often the strategy does it."""
        return dict(zip(self.deal.decision.moves, self.deal.decision.probabilities, strict=True))[
            self.move
        ]

    @property
    def likeliest(self) -> int:
        """The move that the strategy does most often."""
        decision = self.deal.decision
        return decision.moves[int(np.argmax(decision.probabilities))]

    @property
    def score(self) -> float:
        """How often the strategy does it, as part of how often it does its likeliest move."""
        return self.share / max(self.deal.decision.probabilities)


class SpotScore:
    """What answers come to."""

    def __init__(self) -> None:
        self.answers = self.likeliest = self.never = self.valued = 0
        self._score = self._lost = 0.0

    def add(self, answer: SpotAnswer) -> None:
        """Count an answer."""
        self.answers += 1
        self._score += answer.score
        self.likeliest += answer.move == answer.likeliest
        self.never += answer.share < NEVER_DONE

    def add_lost(self, chips: float) -> None:
        """Count what an answer lost."""
        self.valued += 1
        self._lost += chips

    @property
    def score(self) -> float | None:
        """The mean score, 1 where the likeliest move was always made; None without answers."""
        return self._score / self.answers if self.answers else None

    @property
    def lost(self) -> float | None:
        """Chips lost an answer, of those that were valued; None where none was."""
        return self._lost / self.valued if self.valued else None

    def document(self, big_blind: float | None) -> dict[str, Any]:
        """Return it as JSON."""
        lost = self.lost
        unit = "bb" if big_blind else "chips"
        return {
            "spots": self.answers,
            "score": self.score,
            "likeliest": self.likeliest,
            "never_done": self.never,
            "ev_lost": None if lost is None else lost / (big_blind or 1.0),
            "unit": unit,
        }


class SpotTrainer:
    """Deals a place of a game; owns the hand that leads there, one thread uses it at a time.

    Hands of all seats are as likely as their strategies bring them along the line, on boards
    that are given, or else dealt as any other.

    Args:
        strategy: of all seats.
        line: to the place.
        board: cards of it, first ones first; what is missing is dealt.
        seed: of the deals.

    Raises:
        UsageError: a line or board that does not fit.
    """

    def __init__(self, strategy: PublicStrategy, line: str, board: str, seed: int) -> None:
        self.strategy, game = strategy, strategy.game
        betting, self._cards = holdem_parts(game)
        self.place = walk_line(betting, line, game.big_blind)
        self.deck = self._cards.deck
        self._need = self._cards.board_count(self.place.street)
        self._given = self._board_given(board)
        self._player = TreePlayer(strategy)
        hand = Hand(betting.rules)
        for step in self.place.steps:
            move = move_of(step.action, hand, game.big_blind)
            self._player.take(move)
            hand = hand.apply(move)
        self._random = random.Random(seed)
        self._pairs = hands_of(game)
        self._weights: tuple[tuple[int, ...], list[NDArray[np.float64]]] | None = None
        self.score = SpotScore()
        self.number = 0
        self.deal: SpotDeal | None = None
        self.answered: SpotAnswer | None = None
        self._values: tuple[int, tuple[ValuedAction, ...]] | None = None

    @property
    def hand(self) -> Hand:
        """The public state of the place."""
        return self._player.hand

    @property
    def seat(self) -> str:
        """Who is to act, by position."""
        return position(self.hand.actor, self.hand.rules.players)

    def next(self) -> SpotDeal:
        """Deal the place anew.

        Raises:
            UsageError: the strategy never comes here.
        """
        for _ in range(_MOST_BOARDS):
            board = self._dealt_board()
            holes = self._holes(board)
            if holes is not None:
                break
            if len(self._given) == self._need:
                raise UsageError("the strategy never comes here on this board")
        else:
            raise UsageError("the strategy never comes here")
        self.number += 1
        hole = holes[self.hand.actor]
        decision = self._player.decide(hole, board)
        self.deal, self.answered = SpotDeal(self.number, hole, board, decision), None
        return self.deal

    def answer(self, move: int) -> SpotAnswer:
        """Count what was done.

        Raises:
            UsageError: nothing is dealt, or the strategy's tree has no such move here.
        """
        if self.deal is None or self.answered is not None:
            raise UsageError("no spot is dealt")
        moves = self.deal.decision.moves
        if move not in moves:
            names = ", ".join(action_text(self.hand, each) for each in moves)
            raise UsageError(f"{action_text(self.hand, move)} is not in the tree: {names}")
        self.answered = SpotAnswer(self.deal, move)
        self.score.add(self.answered)
        return self.answered

    def values(self, values: ActionValues) -> tuple[ValuedAction, ...]:
        """Return what the actions of the deal that was answered are worth; counted once.

        Raises:
            UsageError: nothing was answered, or the other seat never comes here.
        """
        if self.answered is None:
            raise UsageError("nothing was answered yet")
        deal = self.answered.deal
        if self._values is None or self._values[0] != deal.number:
            found = values.of(self.place.node, deal.hole, deal.board)
            self._values = deal.number, found
            lost = [
                each.lost
                for move, each in zip(self.moves(), found, strict=True)
                if move == self.answered.move
            ]
            self.score.add_lost(min(lost))
        return self._values[1]

    def moves(self) -> tuple[int, ...]:
        """Return what the tree's actions are in the hand as played; some perhaps the same."""
        return tuple(self._player.offered().values())

    def _board_given(self, text: str) -> tuple[int, ...]:
        fixed = self._cards.fixed_board[: self._need]
        board = self.deck.parse(text) if text.strip() else fixed
        self.deck.check(board)
        check_dealt(self._cards, board)
        if len(board) == self._need:
            check_board(self._cards, self.place.street, board)
        if len(board) > self._need or board[: len(fixed)] != fixed[: len(board)]:
            raise UsageError(f"a board of {self.deck.text(board)} where {self._need} cards lie")
        return tuple(board) if len(board) >= len(fixed) else fixed

    def _dealt_board(self) -> tuple[int, ...]:
        left = [card for card in self._cards.dealt if card not in self._given]
        more = self._random.sample(left, self._need - len(self._given))
        return (*self._given, *more)

    def _holes(self, board: tuple[int, ...]) -> list[tuple[int, ...]] | None:
        """Return hole cards by seat; None where somebody never comes here."""
        weights = self._weights_on(board)
        for _ in range(_MOST_TRIES):
            if any(not each[-1] > 0.0 for each in weights):
                return None
            chosen = [
                int(np.searchsorted(each, self._random.random() * each[-1], side="right"))
                for each in weights
            ]
            holes = [tuple(self._pairs[number].tolist()) for number in chosen]
            cards = {*board, *(card for hole in holes for card in hole)}
            if len(cards) == len(board) + 2 * len(holes):
                return holes
        return None

    def _weights_on(self, board: tuple[int, ...]) -> list[NDArray[np.float64]]:
        """Return by seat (hands,) running sums of what of each hand comes here."""
        if self._weights is not None and self._weights[0] == board:
            return self._weights[1]
        free = ~np.isin(self._pairs, list(board)).any(axis=1)
        found = []
        for seat in range(self.hand.rules.players):
            weight = np.where(free, start_weights(self.strategy.game, seat), 0.0)
            for step in self.place.steps:
                if step.seat == seat:
                    shares = self.strategy.probabilities([step.node], board)
                    weight = weight * shares[0, :, step.entry]
            found.append(np.cumsum(weight))
        self._weights = board, found
        return found


def answer_text(hand: Hand, answer: SpotAnswer) -> str:
    """Return what an answer is worth by frequency: ``call 50: 3.0 %, score 4 %``."""
    return f"{action_text(hand, answer.move)}: {answer.share:.1%}, score {answer.score:.0%}"


def spot_score_text(score: SpotScore, big_blind: float | None) -> str:
    """Return what all answers come to, in one line."""
    count = f"{score.answers:,} spot{'' if score.answers == 1 else 's'}"
    if score.score is None:
        return count
    told = f"{count}: score {score.score:.1%}, the likeliest move {score.likeliest:,} times"
    told += f", never done moves {score.never:,}"
    if score.lost is not None:
        lost = score.lost / (big_blind or 1.0)
        told += f", EV lost {lost:.3f} {'bb' if big_blind else 'chips'} a spot"
    return told


def lost_text(trainer: SpotTrainer, values: ActionValues) -> str:
    """Return which move was worth most, and what the answer lost."""
    try:
        found = trainer.values(values)
    except UsageError as error:
        return f"no EV: {error}"
    hand, answer = trainer.hand, trainer.answered
    big_blind = trainer.strategy.game.big_blind
    pairs = list(zip(trainer.moves(), found, strict=True))
    best = min(pairs, key=lambda pair: pair[1].lost)[0]
    lost = min(each.lost for move, each in pairs if answer is not None and move == answer.move)
    told = f"{lost / big_blind:.3f} bb" if big_blind else f"{lost:.3f} chips"
    return f"best by EV: {action_text(hand, best)}; your move lost {told}"


def choices(hand: Hand, moves: Sequence[int]) -> list[tuple[str, str]]:
    """Return moves as they are typed, with what they are called."""
    words = []
    for move in moves:
        name = action_text(hand, move)
        typed = {FOLD: "f", CALL: "c" if hand.call_amount else "x"}.get(move, f"b {move}")
        words.append((typed, name))
    return words
