"""What the page shows of a place that is dealt again and again."""

from __future__ import annotations

from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.action_values import ActionValues
from cfr_shm.games.holdem.line_walk import position
from cfr_shm.play.person import STREETS, typed_move
from cfr_shm.play.spot_trainer import SpotTrainer, answer_text, choices, lost_text, spot_score_text
from cfr_shm.play.words import action_text
from cfr_shm.strategy.place_words import narrative


class TrainedSpot:
    """A visitor's trainer, with a deal.

    Args:
        trainer: owned by this.
        values: says what actions are worth; None where nobody can.

    Raises:
        UsageError: the strategy never comes to the place.
    """

    def __init__(self, trainer: SpotTrainer, values: ActionValues | None) -> None:
        self._trainer, self._values = trainer, values
        self._valued: dict[int, float] = {}  # EV by move, of the last answer
        self._lost = ""
        trainer.next()

    def next(self) -> None:
        """Deal the place anew; a deal that was not answered is passed over."""
        self._valued, self._lost = {}, ""
        self._trainer.next()

    def answer(self, typed: str, number: int) -> None:
        """Count what the visitor did with deal ``number``.

        Raises:
            UsageError: it is no move of the tree, or another deal is there.
        """
        trainer = self._trainer
        if number != trainer.number or trainer.answered is not None:
            raise UsageError("that spot was answered")
        trainer.answer(typed_move(typed, trainer.hand, trainer.strategy.game.big_blind))

    def value(self) -> None:
        """Find what the actions of the last answer are worth.

        Raises:
            UsageError: more than two play, or nothing was answered.
        """
        if self._values is None:
            raise UsageError("values of actions are told where two play")
        trainer = self._trainer
        if trainer.answered is None:
            raise UsageError("nothing was answered yet")
        self._lost = lost_text(trainer, self._values)
        if not self._lost.startswith("no EV"):
            found = trainer.values(self._values)
            self._valued = {
                move: each.ev for move, each in zip(trainer.moves(), found, strict=True)
            }

    def document(self) -> dict[str, Any]:
        """Return what the visitor sees: the strategy's play only once they have answered."""
        trainer, hand = self._trainer, self._trainer.hand
        deal, text = trainer.deal, trainer.deck.text
        if deal is None:
            raise UsageError("no spot is dealt")
        moves = deal.decision.moves
        return {
            "strategy": trainer.strategy.name,
            "spot": deal.number,
            "line": trainer.place.line,
            "played": narrative(trainer.place),
            "position": trainer.seat,
            "street": STREETS[int(hand.rules.real_street[hand.street])],
            "hole": [text([card]) for card in deal.hole],
            "board": [text([card]) for card in deal.board],
            "pot": hand.pot,
            "to_call": hand.call_amount,
            "big_blind": trainer.strategy.game.big_blind,
            "stacks": [
                {"position": position(seat, hand.rules.players), "stack": stack}
                for seat, stack in enumerate(hand.stacks)
                if seat not in hand.folded
            ],
            "choices": [{"move": typed, "name": name} for typed, name in choices(hand, moves)],
            "valued": self._values is not None,
            "answer": self._answer_document(),
            "score": {
                **trainer.score.document(trainer.strategy.game.big_blind),
                "text": spot_score_text(trainer.score, trainer.strategy.game.big_blind),
            },
        }

    def _answer_document(self) -> dict[str, Any] | None:
        answer, hand = self._trainer.answered, self._trainer.hand
        if answer is None:
            return None
        decision = answer.deal.decision
        return {
            "text": answer_text(hand, answer),
            "score": answer.score,
            "lost": self._lost,
            "actions": [
                {
                    "name": action_text(hand, move),
                    "share": share,
                    "taken": move == answer.move,
                    "ev": self._valued.get(move),
                }
                for move, share in zip(decision.moves, decision.probabilities, strict=True)
            ],
        }
