"""``cfr-shm query``: what a blueprint does with one hand at one place."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cfr_shm.cli.blueprint import Blueprint, add_place_arguments
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.strategy.spot import Spot

DESCRIPTION = (
    "Print what the average strategy of the run in DIR does with the hole cards HOLE on a board "
    "after LINE: probabilities, how often training visited the infoset, how likely the player's "
    "own actions lead there (reach, without chance), and how much of the others' ranges comes."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="the run directory")
    parser.add_argument(
        "--hole", metavar="HOLE", required=True, help="the two hole cards, e.g. AhKd"
    )
    add_place_arguments(parser, line="default: the start of the hand")


def run(namespace: argparse.Namespace) -> int:
    """Answer as told; return the exit code.

    Raises:
        UsageError: the game is not hold'em, or wrong cards, a wrong line or board.
    """
    from cfr_shm.cli.blueprint import hold_em, spot_from
    from cfr_shm.cli.session import load_table, print_json, print_lines
    from cfr_shm.strategy.lookup import parse_hole

    stored = load_table(namespace.directory)
    blueprint = hold_em(stored)
    if blueprint is None:
        raise UsageError(
            f"{namespace.directory}: {stored.game.name} is not hold'em; list its infosets with "
            "'cfr-shm show', or write all of them with 'cfr-shm export'"
        )
    hole = parse_hole(blueprint.cards, namespace.hole, "--")
    spot = spot_from(blueprint, namespace, hole)
    try:
        index = spot.index_of(hole)
    except UsageError as error:
        raise UsageError(f"--hole {namespace.hole}: {error}") from None
    if namespace.json:
        print_json(_document(spot, blueprint, hole, index))
    else:
        print_lines(_lines(spot, blueprint, hole, index))
    return 0


def _document(spot: Spot, blueprint: Blueprint, hole: Sequence[int], index: int) -> dict[str, Any]:
    from cfr_shm.cli.blueprint import run_document
    from cfr_shm.strategy.place_words import place_document

    own = spot.ranges[spot.place.seat]
    visits = float(spot.hands.visits[index])
    probability = spot.hands.probability[index].tolist()
    known = run_document(blueprint.stored) | place_document(spot, blueprint.cards, hole)
    return known | {
        "hole": [blueprint.cards.deck.text([card]) for card in hole],
        "bucket": int(spot.bucket[index]),
        "visits": visits,
        "visited": visits > 0.0,
        "probability": probability if visits > 0.0 else None,
        "reach": float(own.reach[index]),
        "reach_never_visited": bool(own.guessed[index]),
        "start_weight": float(own.start[index]),
    }


def _lines(spot: Spot, blueprint: Blueprint, hole: Sequence[int], index: int) -> list[str]:
    from cfr_shm.cli.blueprint import place_lines, run_lines
    from cfr_shm.games.holdem.line_walk import position
    from cfr_shm.strategy.place_words import cards_text

    place = spot.place
    own = spot.ranges[place.seat]
    who = position(place.seat, place.tree.rules.players)
    visits = float(spot.hands.visits[index])
    lines = [*run_lines(blueprint.stored), *place_lines(spot, blueprint, hole), ""]
    count = blueprint.cards.bucket_count(place.seat, place.street)
    lines.append(f"{cards_text(blueprint.cards, hole)}: bucket {spot.bucket[index]} of {count}")
    choices = place.choices
    width = max(len(choice.token) for choice in choices)
    if visits > 0.0:
        for choice, share in zip(choices, spot.hands.probability[index], strict=True):
            lines.append(f"  {choice.token:<{width}}  {share:8.4%}  {choice.name}")
    else:
        lines.append("  never visited in training: there is no strategy for this hand here")
        lines.append(f"  legal: {', '.join(choice.token for choice in choices)}")
    lines.append(f"visits: {visits:,.1f}")
    reach = f"reach: {own.reach[index]:.6f} (by {who}'s own actions along the line; chance left out"
    if own.guessed[index]:
        reach += "; it leads through infosets never visited, taken as uniform"
    lines.append(reach + ")")
    if own.start[index] < 1.0:
        lines.append(f"weight in {who}'s starting range: {own.start[index]:.4f}")
    return lines
