"""``cfr-shm play RUN --spot LINE``: one place dealt again and again, with a score."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cfr_shm.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cfr_shm.evaluation.action_values import ActionValues
    from cfr_shm.play.spot_trainer import SpotAnswer, SpotTrainer
    from cfr_shm.strategy.public import PublicStrategy


def add_spot_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the trainer's flags."""
    parser.add_argument(
        "--spot",
        metavar="LINE",
        help="deal the place after LINE again and again, ask for one move, and keep a score",
    )
    parser.add_argument(
        "--board",
        metavar="CARDS",
        help="of --spot: the board, or its first cards (default: dealt anew each time)",
    )


def check_spot_flags(namespace: argparse.Namespace) -> None:
    """Refuse flags that go with other ways to play.

    Raises:
        UsageError: names them.
    """
    if namespace.spot is None:
        if namespace.board is not None:
            raise UsageError("play: --board is for --spot")
        return
    others = (
        ("--seat", namespace.seat),
        ("--review", namespace.review),
        ("--phh", namespace.phh),
        ("--acpc", namespace.acpc),
        ("--slumbot", namespace.slumbot),
        ("--resolve", namespace.resolve),
    )
    for flag, given in others:
        if given:
            raise UsageError(f"play: {flag} and --spot: one at a time")


def train_spot(
    strategy: PublicStrategy,
    checkpoint: str,
    namespace: argparse.Namespace,
    read: Callable[[str], str | None],
) -> int:
    """Deal a place until the person leaves; return the exit code.

    Raises:
        UsageError: a line or board that does not fit, or values of more than two players.
    """
    from cfr_shm.cli.session import print_json, print_lines, say
    from cfr_shm.play.spot_trainer import SpotTrainer, spot_score_text
    from cfr_shm.play.valued_hand import values_of
    from cfr_shm.run.signals import StopSignals

    trainer = SpotTrainer(strategy, namespace.spot, namespace.board or "", namespace.seed)
    values = values_of(strategy) if namespace.values else None
    if namespace.values and values is None:
        raise UsageError("play: --values is for games of two players")
    code, began, big_blind = EXIT_OK, time.monotonic(), strategy.game.big_blind
    with StopSignals():
        try:
            while namespace.hands is None or trainer.score.answers < namespace.hands:
                answer = _asked(trainer, read)
                if answer is None:
                    break
                _tell(trainer, answer, values)
        except KeyboardInterrupt as stop:
            code = 128 + getattr(stop, "signal_number", 2)
            say("")
    document = {
        "names": ["you", strategy.name],
        "line": trainer.place.line,
        **trainer.score.document(big_blind),
        "method": "spot",
        "seconds": time.monotonic() - began,
        "checkpoint": checkpoint,
    }
    if namespace.json:
        print_json(document)
    else:
        told = spot_score_text(trainer.score, big_blind)
        print_lines([f"you against {strategy.name}, {told}"])
    return code


def _asked(trainer: SpotTrainer, read: Callable[[str], str | None]) -> SpotAnswer | None:
    """Deal, and ask until a move of the tree is typed; None where the person leaves."""
    from cfr_shm.cli.session import say
    from cfr_shm.play.person import leaves, typed_move
    from cfr_shm.play.spot_trainer import choices

    deal, hand, text = trainer.next(), trainer.hand, trainer.deck.text
    board = " ".join(text([card]) for card in deal.board)
    say("")
    hole = " ".join(text([card]) for card in deal.hole)
    to_call = f"{hand.call_amount:,} to call" if hand.call_amount else "nothing to call"
    say(
        f"spot {deal.number}: you are {trainer.seat} with {hole}{' on ' + board if board else ''}: "
        f"pot {hand.pot:,}, {to_call}"
    )
    menu = ", ".join(f"{typed} {name}" for typed, name in choices(hand, deal.decision.moves))
    say(f"  {menu}, q leave")
    while True:
        line = read("> ")
        if leaves(line):
            return None
        try:
            return trainer.answer(typed_move(line or "", hand, trainer.strategy.game.big_blind))
        except UsageError as error:
            say(f"  {error}; {menu}")


def _tell(trainer: SpotTrainer, answer: SpotAnswer, values: ActionValues | None) -> None:
    from cfr_shm.cli.session import say
    from cfr_shm.play.spot_trainer import answer_text, lost_text, spot_score_text
    from cfr_shm.play.words import decision_text

    big_blind = trainer.strategy.game.big_blind
    say(f"  {answer_text(trainer.hand, answer)}")
    say(f"  the strategy: {decision_text(trainer.hand, answer.deal.decision)}")
    if values is not None:
        say(f"  {lost_text(trainer, values)}")
    say(f"  {spot_score_text(trainer.score, big_blind)}")
