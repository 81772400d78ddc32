"""What the page shows of a table at which somebody plays: nothing but what a player may see."""

from __future__ import annotations

import math
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.action_values import ActionValues
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.games.holdem.line_walk import position
from cfr_shm.layout.betting import AT_SHOWDOWN, CALL
from cfr_shm.play.own_table import OpenHand, Turn
from cfr_shm.play.person import STREETS, hand_report, typed_move
from cfr_shm.play.score import Score, estimate_document, score_text
from cfr_shm.play.sitting import SeatedHand, Sitting
from cfr_shm.play.valued_hand import ValuedTurn, value_text, valued_turns
from cfr_shm.play.words import action_text, move_words
from cfr_shm.protocols.phh import why_not_told
from cfr_shm.strategy.player import Decision

#: Sizes that are offered, parts of the pot after calling; any other may be typed.
OFFERED_SIZES = (0.33, 0.5, 0.75, 1.0, 1.5)


class SeatAtTable:
    """A visitor's place: the hand under way, or the last one until the next is dealt.

    Args:
        sitting: the table; owned by this.
        values: says what actions are worth; None where nobody can.
    """

    def __init__(self, sitting: Sitting, values: ActionValues | None) -> None:
        self.sitting, self._values = sitting, values
        self._opened: OpenHand | None = None
        self.closed: SeatedHand | None = None
        self.deal()

    def deal(self) -> None:
        """Deal the next hand, and play on to the visitor's turn.

        Raises:
            UsageError: a hand is under way.
        """
        self._opened, self.closed = self.sitting.deal(), None
        self._go_on()

    def act(self, typed: str, number: int) -> None:
        """Do what the visitor typed, as a line has it, in hand ``number``.

        Raises:
            UsageError: it is no legal move, another hand is under way, or none.
        """
        if self.closed is not None or number != self.sitting.number:
            raise UsageError("that hand is over")
        opened = self._hand()
        opened.take(typed_move(typed, opened.hand, self.sitting.strategy.game.big_blind))
        self._go_on()

    def closed_hand(self, number: int) -> SeatedHand:
        """Return a hand that is over.

        Raises:
            UsageError: it is not, or is not kept any more.
        """
        for each in self.sitting.hands:
            if each.found.played.number == number:
                return each
        raise UsageError(f"hand {number} is not over, or is not kept any more")

    def values_document(self, closed: SeatedHand) -> list[dict[str, Any] | None]:
        """Return what the visitor's actions were worth, by decision.

        Raises:
            UsageError: more than two play.
        """
        if self._values is None:
            raise UsageError("values of actions are told where two play")
        game = self.sitting.strategy.game
        found = valued_turns(self._values, game, closed.found)
        return [None if each is None else valued_document(each, game.big_blind) for each in found]

    def document(self) -> dict[str, Any]:
        """Return what the visitor sees."""
        sitting, opened = self.sitting, self._hand()
        hand, text = opened.hand, sitting.deck.text
        seat, players = sitting.seat, hand.rules.players
        shown = opened.board
        return {
            "strategy": sitting.strategy.name,
            "hand": sitting.number,
            "seat": seat,
            "position": position(seat, players),
            "positions": [position(each, players) for each in range(players)],
            "hole": _cards(sitting, opened.dealt.holes[seat]),
            "board": _cards(sitting, shown),
            "street": STREETS[int(hand.rules.real_street[hand.street])],
            "pot": hand.pot,
            "big_blind": sitting.strategy.game.big_blind,
            "seats": [self._seat(each) for each in range(players)],
            "log": _log(opened, text),
            "turn": _turn(hand) if opened.waits else None,
            "over": None if self.closed is None else _over(self.closed),
            "score": _score(sitting.score),
            "adjusted": _score(sitting.adjusted),
            "valued": self._values is not None,
            "no_history": why_not_told(hand.rules, sitting.deck),
        }

    def _seat(self, seat: int) -> dict[str, Any]:
        hand = self._hand().hand
        rules = hand.rules
        shown = self.closed is not None and hand.status == AT_SHOWDOWN
        cards = seat == self.sitting.seat or (shown and seat not in hand.folded)
        return {
            "position": position(seat, rules.players),
            "you": seat == self.sitting.seat,
            "stack": hand.stacks[seat],
            "bet": 0 if hand.finished else hand.street_bets[seat],
            "folded": seat in hand.folded,
            "all_in": seat in hand.all_in,
            "acts": not hand.finished and hand.actor == seat,
            "cards": _cards(self.sitting, self._hand().dealt.holes[seat]) if cards else None,
            "won": None if self.closed is None else (self.closed.found.played.paid or ())[seat],
        }

    def _hand(self) -> OpenHand:
        if self._opened is None:
            raise UsageError("no hand is dealt")
        return self._opened

    def _go_on(self) -> None:
        opened = self._hand()
        for _ in opened.strategy_moves():
            pass
        if opened.hand.finished:
            self.closed = self.sitting.close()


def _cards(sitting: Sitting, cards: tuple[int, ...]) -> list[str]:
    return [sitting.deck.text([card]) for card in cards]


def _log(opened: OpenHand, text: Any) -> list[dict[str, Any]]:
    """Return what was done, street by street."""
    found: list[dict[str, Any]] = []
    street = -1
    for turn in opened.turns:
        if turn.hand.street != street:
            street = turn.hand.street
            name = STREETS[int(turn.hand.rules.real_street[street])]
            found.append({"street": name, "board": text(turn.board), "moves": []})
        found[-1]["moves"].append(move_words(turn.hand, turn.reading.move))
    return found


def _turn(hand: Hand) -> dict[str, Any]:
    """Return what the visitor may do."""
    call = action_text(hand, CALL)
    known: dict[str, Any] = {
        "may_fold": hand.may_fold,
        "call": call,
        "call_token": "c" if hand.call_amount else "x",
        "to_call": hand.call_amount,
        "raise": None,
        "sizes": [],
    }
    if hand.raise_bounds is not None:
        least, most = hand.raise_bounds
        verb = "raise to" if hand.highest_bet else "bet"
        known["raise"] = {"least": least, "most": most, "verb": verb}
        known["sizes"] = _sizes(hand, least, most)
    return known


def _sizes(hand: Hand, least: int, most: int) -> list[dict[str, Any]]:
    """Return some sizes between the least and the most, ascending, each once."""
    whole = hand.pot + hand.call_amount
    named = {least: "least"}
    for part in OFFERED_SIZES:
        chips = hand.highest_bet + math.floor(part * whole + 1e-6)
        if least <= chips <= most:
            named[chips] = f"{part:.0%} pot"
    named[most] = (
        "all-in" if most == hand.street_bets[hand.actor] + hand.stacks[hand.actor] else "most"
    )
    return [{"chips": chips, "name": name} for chips, name in sorted(named.items())]


def _over(closed: SeatedHand) -> dict[str, Any]:
    """Return how a hand ended, and what the strategy would have done."""
    return {
        "hand": closed.found.played.number,
        "won": closed.won,
        "luck": closed.luck,
        "told": [line.strip() for line in hand_report(closed.found, closed.seat, review=False)],
        "review": [
            review_document(turn, turn.decision)
            for turn in closed.found.turns
            if turn.by_guest and turn.decision is not None
        ],
    }


def review_document(turn: Turn, decision: Decision) -> dict[str, Any]:
    """Return what was done at a decision, beside what the strategy does there."""
    move = turn.reading.move
    shares = dict(zip(decision.moves, decision.probabilities, strict=True))
    return {
        "street": STREETS[int(turn.hand.rules.real_street[turn.hand.street])],
        "did": action_text(turn.hand, move),
        "share": shares.get(move, 0.0),
        "known": decision.node is not None,
        "actions": [
            {"name": action_text(turn.hand, each), "share": share, "taken": each == move}
            for each, share in shares.items()
        ],
    }


def valued_document(valued: ValuedTurn, big_blind: float | None) -> dict[str, Any]:
    """Return what each action of a decision is worth, chips."""
    pairs = zip(valued.names, valued.actions, strict=True)
    return {
        "text": value_text(valued, big_blind),
        "taken": valued.taken,
        "best": valued.best,
        "actions": [
            {"name": name, "ev": each.ev, "lost": each.lost, "error": each.error}
            for name, each in pairs
        ],
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "text": score_text(score),
        "hands": score.hands,
        "chips": float(score.chips),
        "unit": score.unit,
        **estimate_document(score.estimate()),
    }
