"""``cfr-shm play``: play hands with a blueprint."""

from __future__ import annotations

import argparse
import functools
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cfr_shm.cli.flags import (
    SOURCES,
    add_game_flag,
    add_json_flag,
    add_resolving_flags,
    add_smoothing_flag,
    resolution_of,
    whole_number,
)
from cfr_shm.cli.play_spot import add_spot_flags, check_spot_flags, train_spot
from cfr_shm.errors import EXIT_OK, EXIT_RUNTIME, CfrShmError, UsageError

if TYPE_CHECKING:
    from cfr_shm.evaluation.resolved_strategy import Resolution
    from cfr_shm.games.game import Game
    from cfr_shm.layout.betting import BettingRules
    from cfr_shm.play.acpc_client import RemoteHand
    from cfr_shm.play.history_writer import HistoryWriter
    from cfr_shm.play.score import Score
    from cfr_shm.play.sitting import Sitting
    from cfr_shm.strategy.public import PublicStrategy

DESCRIPTION = (
    "Play hands at this terminal against the average strategy of the hold'em run RUN, which has "
    "all other seats. Any legal size may be bet; where the strategy's tree does not have it, it is "
    "told after the hand what it was read as. With --spot one place is dealt again and again, with "
    "a score. Ctrl-C, or q, ends the session and prints its result. With --acpc or --slumbot the "
    "strategy plays somewhere else, at the address that you give."
)

#: Between two lines about the running result of hands that are played somewhere else.
_SAY_EVERY = 5.0
_LARGEST_GAME_BYTES = 1 << 20
_LONGEST_LINE = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="RUN", help=SOURCES)
    add_game_flag(parser)
    parser.add_argument(
        "--seat",
        metavar="SEAT",
        help="sit there in every hand: SB, BB, BTN, ... or a number from 0, the small blind "
        "(default: one seat on after every hand)",
    )
    parser.add_argument(
        "--hands", metavar="N", type=whole_number(1), help="stop after N hands (default: none)"
    )
    parser.add_argument(
        "--seed", metavar="N", type=whole_number(0), help="of cards and moves (default: a new one)"
    )
    parser.add_argument(
        "--phh", metavar="FILE", help="append the hands to FILE, as hand histories in PHH"
    )
    parser.add_argument(
        "--review",
        action="store_true",
        help="tell after each hand what the strategy would have done in your place",
    )
    parser.add_argument(
        "--values",
        action="store_true",
        help="tell after each hand which action was worth most and what others lost; two players "
        "only, takes seconds where many boards may come",
    )
    add_spot_flags(parser)
    _add_addresses(parser)
    add_smoothing_flag(parser)
    add_resolving_flags(
        parser,
        "STREET:SECONDS",
        "two players: from this street on the strategy solves the rest of each hand anew, hand by "
        "hand, in at most so many seconds each time: river:0.5",
    )
    add_json_flag(parser)


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    """Declare where else the strategy may play."""
    parser.add_argument(
        "--acpc",
        metavar="HOST:PORT",
        help="play a seat at a dealer of ACPC's protocol, until it closes",
    )
    parser.add_argument(
        "--acpc-game",
        metavar="FILE",
        help="the dealer's game file (default: the run's game, in its chips)",
    )
    parser.add_argument(
        "--slumbot",
        metavar="URL",
        help="play heads-up against a server with Slumbot's HTTP interface: blinds 50 and 100, 200 "
        "big blinds",
    )


def run(namespace: argparse.Namespace) -> int:
    """Play as told; return the exit code.

    Raises:
        UsageError: not hold'em, no such seat, or a file that cannot be written to.
    """
    from cfr_shm.cli.session import say
    from cfr_shm.cli.sources import open_strategy
    from cfr_shm.play.sitting import PERSON, Sitting

    _check_flags(namespace)
    resolution = None if namespace.resolve is None else resolution_of(namespace, namespace.resolve)
    stored = open_strategy(namespace.directory, namespace.config, namespace.smooth)
    strategy, checkpoint = stored.strategy, str(stored.stored.checkpoint.path)
    if resolution is not None:
        strategy = _resolving(strategy, resolution)
    if namespace.seed is None:
        namespace.seed = secrets.randbits(31)
        say(f"seed: {namespace.seed}")
    if namespace.acpc or namespace.slumbot:
        method, begin = ("acpc", _acpc) if namespace.acpc else ("slumbot", _slumbot)
        play = begin(strategy, namespace)
        where = namespace.acpc or namespace.slumbot
        return Session((strategy.name, where), play.big_blind, checkpoint).hold(
            functools.partial(_elsewhere, play, namespace), method, namespace.json
        )
    if namespace.spot is not None:
        return train_spot(strategy, checkpoint, namespace, _typed)
    game = strategy.game
    seat = _seat(namespace.seat, game)
    sitting = Sitting(strategy, namespace.seed, seat, namespace.review)
    writer = _writer(namespace, rules_of(strategy), game)
    at_terminal = functools.partial(_at_terminal, sitting, namespace, writer)
    session = Session((PERSON, strategy.name), game.big_blind, checkpoint)
    return session.hold(at_terminal, "play", namespace.json)


def _resolving(strategy: PublicStrategy, resolution: Resolution) -> PublicStrategy:
    """Return the strategy that solves the rest of its hands anew, with its kernels ready."""
    from cfr_shm.cli.session import say
    from cfr_shm.spots.spot_kernels import make_spot_kernels_ready

    found = resolution.of(strategy, by_hand=True)
    make_spot_kernels_ready(False, say)
    return found


def _check_flags(namespace: argparse.Namespace) -> None:
    check_spot_flags(namespace)
    if namespace.values and namespace.resolve is not None:
        raise UsageError("play: --values is of the strategy as it is: leave it out with --resolve")
    if namespace.acpc and namespace.slumbot:
        raise UsageError("play: --acpc and --slumbot: one at a time")
    if namespace.acpc_game and not namespace.acpc:
        raise UsageError("play: --acpc-game is for --acpc")
    if namespace.acpc or namespace.slumbot:
        for flag, given in (
            ("--seat", namespace.seat),
            ("--review", namespace.review),
            ("--values", namespace.values),
        ):
            if given:
                raise UsageError(f"play: {flag} is for playing at the terminal")


def rules_of(strategy: PublicStrategy) -> BettingRules:
    """Return the rules of the hands that a strategy plays."""
    from cfr_shm.strategy.public import holdem_parts

    return holdem_parts(strategy.game)[0].rules


class _Elsewhere(NamedTuple):
    """Hands that are played somewhere else."""

    name: str  # of the strategy
    hands: Iterator[RemoteHand]
    writer: HistoryWriter | None
    big_blind: float


def _acpc(strategy: PublicStrategy, namespace: argparse.Namespace) -> _Elsewhere:
    from cfr_shm.play.acpc_client import connected, play_acpc
    from cfr_shm.protocols.acpc import game_by_rules, read_game
    from cfr_shm.storage.files import read_bytes
    from cfr_shm.strategy.function_player import player_of

    if namespace.acpc_game is None:
        game = game_by_rules(rules_of(strategy))
    else:
        try:
            text = read_bytes(Path(namespace.acpc_game), _LARGEST_GAME_BYTES).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no text in UTF-8"
            raise UsageError(f"--acpc-game {namespace.acpc_game}: {reason}") from None
        game = read_game(text, f"--acpc-game {namespace.acpc_game}")
    playing = player_of(strategy, game.rules)
    writer = _writer(namespace, game.rules)
    hands = play_acpc(playing, game, connected(namespace.acpc), namespace.seed)
    return _Elsewhere(strategy.name, hands, writer, float(game.rules.blind.max()))


def _slumbot(strategy: PublicStrategy, namespace: argparse.Namespace) -> _Elsewhere:
    from cfr_shm.play.slumbot_client import Endpoint, play_slumbot
    from cfr_shm.protocols.slumbot import RULES
    from cfr_shm.strategy.function_player import player_of

    playing, endpoint = player_of(strategy, RULES), Endpoint(namespace.slumbot)
    hands = play_slumbot(playing, endpoint, namespace.seed)
    writer = _writer(namespace, RULES)
    return _Elsewhere(strategy.name, hands, writer, float(RULES.blind.max()))


def _elsewhere(play: _Elsewhere, namespace: argparse.Namespace, session: Session) -> None:
    """Count and keep what is played somewhere else."""
    from cfr_shm.cli.session import say
    from cfr_shm.play.score import score_text
    from cfr_shm.protocols.played_hand import payoffs_of

    due = time.monotonic() + _SAY_EVERY
    for found in play.hands:
        adjusted = None if found.baseline is None else found.won - found.baseline
        session.add(found.won, adjusted)
        if play.writer is not None:
            played = found.played._replace(paid=payoffs_of(found.played), number=None)
            names = ["elsewhere"] * played.rules.players
            names[found.seat] = play.name
            play.writer.write(played._replace(names=tuple(names)))
        if time.monotonic() > due:
            due = time.monotonic() + _SAY_EVERY
            say(score_text(session.score))
        if namespace.hands is not None and session.score.hands >= namespace.hands:
            return


class Session:
    """Counts hands until somebody ends it, and tells what they came to."""

    def __init__(self, names: tuple[str, str], big_blind: float | None, checkpoint: str) -> None:
        from cfr_shm.play.score import Score

        self._names, self._big_blind, self._checkpoint = names, big_blind, checkpoint
        self.score = Score(big_blind)
        self.adjusted: Score | None = Score(big_blind)

    def add(self, won: float | Fraction, adjusted: float | Fraction | None = None) -> None:
        """Count a hand, and its result less what is known of its luck where every hand tells it."""
        self.score.add(won)
        if adjusted is None:
            self.adjusted = None
        elif self.adjusted is not None:
            self.adjusted.add(adjusted)

    def hold(self, play: Callable[[Session], None], method: str, as_json: bool) -> int:
        """Play until the end, Ctrl-C or an error, and print the result; return the exit code."""
        from cfr_shm.cli.session import say
        from cfr_shm.run.signals import StopSignals

        code, error = EXIT_OK, None
        began = time.monotonic()
        with StopSignals():
            try:
                play(self)
            except KeyboardInterrupt as stop:
                code = 128 + getattr(stop, "signal_number", 2)
                say("")
            except (CfrShmError, OSError) as failure:
                error = " ".join(str(failure).split())
                code = failure.exit_code if isinstance(failure, CfrShmError) else EXIT_RUNTIME
        self._print(time.monotonic() - began, error, method, as_json)
        if error is not None:
            say(f"cfr-shm: error: {error}")
        return code

    def _print(self, seconds: float, error: str | None, method: str, as_json: bool) -> None:
        from cfr_shm.cli.session import print_json, print_lines
        from cfr_shm.play.score import LESS_LUCK, Played, score_text

        found = Played(self._names, self.score, self.adjusted, seconds, self._checkpoint, error)
        if as_json:
            print_json(found.document(method))
            return
        one, two = self._names
        print_lines([f"{one} against {two}, {score_text(self.score)}"])
        if self.adjusted is not None and self.adjusted.hands:  # every hand told it
            told = "less its own result on the same cards, "
            if method == "play":
                told = LESS_LUCK
            print_lines([f"  {told}{score_text(self.adjusted)}"])


def _seat(text: str | None, game: Game) -> int | None:
    """Return the seat that a flag names."""
    from cfr_shm.play.sitting import seat_named

    if text is None:
        return None
    try:
        return seat_named(text, game)
    except UsageError as error:
        raise UsageError(f"--seat {text}: {error}") from None


def _writer(
    namespace: argparse.Namespace, rules: BettingRules, game: Game | None = None
) -> HistoryWriter | None:
    from cfr_shm.cards.deck import STANDARD
    from cfr_shm.play.history_writer import HistoryWriter
    from cfr_shm.strategy.public import holdem_parts

    if namespace.phh is None:
        return None
    deck = STANDARD if game is None else holdem_parts(game)[1].deck
    return HistoryWriter(Path(namespace.phh), rules, deck)


def _at_terminal(
    sitting: Sitting, namespace: argparse.Namespace, writer: HistoryWriter | None, session: Session
) -> None:
    """Play hand after hand against somebody who types."""
    from cfr_shm.cli.session import say
    from cfr_shm.play.own_table import ask
    from cfr_shm.play.person import GuestLeft, Person, hand_report
    from cfr_shm.play.score import adjusted_text, score_text
    from cfr_shm.play.valued_hand import turn_value_text, valued_turns, values_of

    values = values_of(sitting.strategy) if namespace.values else None
    if namespace.values and values is None:
        raise UsageError("play: --values is for games of two players")
    person = Person(_typed, say, sitting.deck, sitting.strategy.game.big_blind)
    while namespace.hands is None or session.score.hands < namespace.hands:
        opened = sitting.deal()
        person.sit(sitting.seat, sitting.number, opened.hand, opened.dealt.holes[sitting.seat])
        try:
            ask(opened, {sitting.seat: person})
        except GuestLeft:
            return
        closed = sitting.close()
        for line in hand_report(closed.found, closed.seat, namespace.review):
            say(line)
        if values is not None:
            for each in valued_turns(values, sitting.strategy.game, closed.found):
                say(f"  {turn_value_text(each, sitting.strategy.game.big_blind)}")
        session.add(closed.won, closed.won - closed.luck)
        if writer is not None:
            writer.write(closed.found.played)
        say(f"  {score_text(session.score)}")
        say(f"  {adjusted_text(sitting.adjusted)}")


def _typed(prompt: str) -> str | None:
    """Return a line that was typed, None at the end of what there is."""
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise UsageError(f"play: a line of more than {_LONGEST_LINE:,} characters was typed")
    return line if line else None
