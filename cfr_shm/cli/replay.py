"""``cfr-shm replay``: hands that others played, along a strategy."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.flags import SOURCES, add_game_flag, add_json_flag, whole_number
from cfr_shm.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, PlayerError, UsageError

if TYPE_CHECKING:
    from cfr_shm.play.replayed_hands import Refused, Replayed, Replayer, Tally

DESCRIPTION = (
    "Follow hand histories in PHH move by move with the average strategy of RUN: where real hands "
    "leave its tree, how far sizes had to be translated, which decisions training never came to, "
    "and how often the strategy does what was done. FILE is a .phh or .phhs file, a folder of "
    "them, or a tar or zip archive."
)

#: Lines about damaged hands, reasons why hands are of another game, and players.
_MOST_LINES = 20
_SAY_EVERY = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="RUN", help=SOURCES)
    add_game_flag(parser)
    parser.add_argument("files", metavar="FILE", nargs="+", help="hand histories")
    parser.add_argument(
        "--decisions",
        action="store_true",
        help="tell every decision and what the strategy would have done",
    )
    parser.add_argument(
        "--hands", metavar="N", type=whole_number(1), help="stop after N hands (default: all)"
    )
    add_json_flag(parser)


def run(namespace: argparse.Namespace) -> int:
    """Follow the hands as told; return the exit code.

    Raises:
        UsageError: a file that cannot be read, or none of its hands is of the run's game.
        PlayerError: the strategy is a function, which fails; what was followed is told.
    """
    from cfr_shm.cli.session import print_json, print_lines
    from cfr_shm.cli.sources import open_strategy
    from cfr_shm.play.replayed_hands import Replayer, Tally

    paths = [Path(each) for each in namespace.files]
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file")
    strategy = open_strategy(namespace.directory, namespace.config).strategy
    replayer, tally = Replayer(strategy, namespace.decisions), Tally()
    listed: list[dict[str, Any]] = []
    stopped: BaseException | None = None
    try:
        _replay(replayer, tally, paths, namespace, listed)
    except (KeyboardInterrupt, PlayerError) as error:
        stopped = error
    if tally.hands == 0 and stopped is None:
        reason = f": {next(iter(tally.refused))}" if tally.refused else ""
        raise UsageError(f"replay: no hand could be followed{reason}")
    if namespace.json:
        document = _document(strategy.name, tally)
        print_json(document | ({"hands": listed} if namespace.decisions else {}))
    else:
        print_lines(_lines(strategy.name, tally))
    if isinstance(stopped, PlayerError):
        raise stopped
    return EXIT_INTERRUPTED if stopped else EXIT_USAGE if tally.damaged else EXIT_OK


def _replay(
    replayer: Replayer,
    tally: Tally,
    paths: list[Path],
    namespace: argparse.Namespace,
    listed: list[dict[str, Any]],
) -> None:
    """Follow all hands; name what is damaged; show decisions as they come, or list them."""
    from cfr_shm.cli.session import print_lines, say
    from cfr_shm.play.replayed_hands import Refused

    due = time.monotonic() + _SAY_EVERY
    for found in _found(replayer, paths):
        tally.add(found)
        if isinstance(found, Refused):
            if found.damaged and tally.damaged <= _MOST_LINES:
                say(f"cfr-shm: error: {found.reason}")
        elif namespace.decisions and namespace.json:
            listed.append(_hand_document(found))
        elif namespace.decisions:
            print_lines(_hand_lines(found))
        if time.monotonic() > due:
            due = time.monotonic() + _SAY_EVERY
            say(f"{tally.hands:,} hands followed")
        if namespace.hands is not None and tally.hands >= namespace.hands:
            return


def _found(replayer: Replayer, paths: list[Path]) -> Iterator[Replayed | Refused]:
    from cfr_shm.play.history_files import history_texts

    for path in paths:
        for text in history_texts(path):
            yield from replayer.replay(text)


def _document(name: str, tally: Tally) -> dict[str, Any]:
    import numpy as np

    from cfr_shm.evaluation.estimates import mean_interval

    answered = tally.asked - tally.never_visited
    return {
        "strategy": name,
        "hands_followed": tally.hands,
        "hands_of_other_games": sum(tally.refused.values()),
        "hands_damaged": tally.damaged,
        "decisions": tally.decisions,
        "decisions_with_known_cards": tally.asked,
        "never_visited": _share(tally.never_visited, tally.asked),
        "likeliest_done": _share(tally.likeliest, answered),
        "mean_probability_of_what_was_done": _share(tally.share, answered),
        "raises": tally.raises,
        "raises_translated": sum(tally.translated.values()),
        "translated_by_street": _by_street(tally.translated),
        "translation_distance_in_pots": _distances(tally.distances),
        "hands_off_tree_sizes": tally.off_tree_hands,
        "first_off_tree_by_street": _by_street(tally.first_translated),
        "hands_tree_ended": tally.left_hands,
        "tree_ended_by_street": _by_street(tally.left),
        "decisions_after_tree_ended": tally.silent,
        "results": {
            who: _estimate(mean_interval(np.array(won) * 1000.0)) | {"unit": "mbb/hand"}
            for who, won in sorted(tally.won.items())
        },
    }


def _estimate(found: Any) -> dict[str, Any]:
    import math

    known = math.isfinite(found.low)
    low, high = (found.low, found.high) if known else (None, None)
    return {"value": found.value, "low": low, "high": high, "n": found.n}


def _share(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _by_street(counts: Any) -> dict[str, int]:
    from cfr_shm.cards.isomorphism import STREETS

    return {name: counts[street] for street, name in enumerate(STREETS)}


def _distances(found: list[float]) -> dict[str, float] | None:
    if not found:
        return None
    import numpy as np

    half, most = np.quantile(found, [0.5, 0.9]).tolist()
    return {"mean": float(np.mean(found)), "median": half, "p90": most, "largest": max(found)}


def _lines(name: str, tally: Tally) -> Iterator[str]:
    document = _document(name, tally)
    yield f"strategy: {name}"
    yield f"hands followed: {tally.hands:,}, {tally.decisions:,} decisions"
    for reason, count in tally.refused.most_common(_MOST_LINES):
        yield f"  left out {count:,}: {reason}"
    if tally.damaged:
        yield f"  left out {tally.damaged:,}: damaged, see the errors"
    translated = document["raises_translated"]
    yield (
        f"bets and raises: {tally.raises:,}, of sizes that the tree does not have: {translated:,}"
        f"{_percent(_share(translated, tally.raises))}{_streets(document['translated_by_street'])}"
    )
    if (distance := document["translation_distance_in_pots"]) is not None:
        yield (
            f"  translated by {distance['mean']:.3f} pot on average; half by less than "
            f"{distance['median']:.3f}, nine tenths by less than {distance['p90']:.3f}, the "
            f"furthest by {distance['largest']:.3f}"
        )
    yield (
        f"hands with such a size: {tally.off_tree_hands:,}"
        f"{_percent(_share(tally.off_tree_hands, tally.hands))}, the first of a hand"
        f"{_streets(document['first_off_tree_by_street'])}"
    )
    yield (
        f"hands that go on where the tree's hand is over: {tally.left_hands:,}"
        f"{_percent(_share(tally.left_hands, tally.hands))}"
        f"{_streets(document['tree_ended_by_street'])}"
    )
    yield from _strategy_lines(document, tally)
    often = sorted(document["results"].items(), key=lambda each: -each[1]["n"])
    for who, found in often[:_MOST_LINES]:
        hands = f"{found['n']:,} hand{'' if found['n'] == 1 else 's'}"
        told = f"  {who}: {found['value']:+.3f} mbb/hand"
        if found["low"] is not None:
            told += f" (95 % CI {found['low']:+.3f} to {found['high']:+.3f})"
        yield f"{told}, {hands}"


def _strategy_lines(document: dict[str, Any], tally: Tally) -> Iterator[str]:
    if tally.asked:
        yield (
            f"decisions with known cards: {tally.asked:,}, never visited in training: "
            f"{tally.never_visited:,}{_percent(document['never_visited'])}"
        )
    if document["likeliest_done"] is not None:
        yield (
            f"  of the others what was done is the strategy's likeliest action in "
            f"{document['likeliest_done']:.1%}; it does it with "
            f"{document['mean_probability_of_what_was_done']:.1%} on average"
        )
    if document["results"]:
        yield "results as played:"


def _percent(share: float | None) -> str:
    return "" if share is None else f" ({share:.1%})"


def _streets(counts: dict[str, int]) -> str:
    told = [f"{name} {count:,}" for name, count in counts.items() if count]
    return f": {', '.join(told)}" if told else ""


def _hand_document(found: Replayed) -> dict[str, Any]:
    from cfr_shm.games.holdem.line_walk import position

    players = found.played.rules.players
    decisions = []
    for told in found.told:
        reading, row, decision = told
        decisions.append(
            {
                "seat": reading.seat,
                "position": position(reading.seat, players),
                "street": int(found.played.rules.real_street[reading.street]),
                "move": reading.move,
                "read_as": reading.known,
                "pot_fraction": reading.size,
                "read_as_pot_fraction": reading.known_size,
                "in_tree": reading.node is not None,
                "visited": None if row is None else row.visited,
                "probability": None if row is None else row.share,
                "moves": None if decision is None else list(decision.moves),
                "probabilities": None if decision is None else list(decision.probabilities),
            }
        )
    return {"where": found.where, "decisions": decisions}


def _hand_lines(found: Replayed) -> Iterator[str]:
    from cfr_shm.play.words import decision_text, move_words, reading_text
    from cfr_shm.protocols.played_hand import board_on, decisions

    played = found.played
    yield f"{found.where}"
    for (hand, move), told in zip(decisions(played), found.told, strict=True):
        deck, hole = played.deck, played.holes[hand.actor]
        board = board_on(hand, played.board)
        cards = f" {deck.text(hole) if hole else '????'}" + (
            f" on {deck.text(board)}" if board else ""
        )
        yield f"  {move_words(hand, move)}{cards}{reading_text(hand, told.reading)}"
        if told.decision is not None:
            unseen = ", never visited" if told.row is not None and not told.row.visited else ""
            yield f"    the strategy: {decision_text(hand, told.decision)}{unseen}"
