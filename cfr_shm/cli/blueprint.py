"""What ``show`` and ``query`` share: a stored hold'em run, a place in it, and how to tell both."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.cli.flags import add_json_flag

if TYPE_CHECKING:
    from cfr_shm.cli.session import StoredTable
    from cfr_shm.games.holdem.betting_tree import BettingTree
    from cfr_shm.games.holdem.hole_cards import HoleCards
    from cfr_shm.strategy.spot import Spot

LINE_HELP = (
    "what was done so far, e.g. 'b2.5bb c / x b0.5p': f, x, c, a (all-in), or b or r and a size "
    "in chips, 2.5bb, 0.5p or 50%% of the pot, 3x the bet; '/' between streets"
)


class Blueprint(NamedTuple):
    """A stored run of a hold'em game."""

    stored: StoredTable
    tree: BettingTree
    cards: HoleCards

    @property
    def mean_iteration_weight(self) -> float:
        """Return what turns strategy weights into visits."""
        from cfr_shm.run.setup import mean_iteration_weight

        return mean_iteration_weight(self.stored.config, self.stored.checkpoint.iterations)


def add_place_arguments(parser: argparse.ArgumentParser, *, line: str) -> None:
    """Add the flags that name a place; ``line`` is what leaving ``--line`` out means."""
    parser.add_argument("--line", metavar="LINE", help=f"{LINE_HELP}; {line}")
    parser.add_argument(
        "--board",
        metavar="CARDS",
        help="the board of the line's last street, in the order it was dealt, e.g. '7c 8c 9d'",
    )
    parser.add_argument(
        "--randomize",
        metavar="SEED",
        type=int,
        help="choose among the neighbours of a size that the tree does not have by chance, not the "
        "likelier one",
    )
    add_json_flag(parser)


def hold_em(stored: StoredTable) -> Blueprint | None:
    """Return the run as one of hold'em, None where the game is another."""
    betting, cards = stored.game.betting, stored.game.hole_cards
    return None if betting is None or cards is None else Blueprint(stored, betting, cards)


def spot_from(
    blueprint: Blueprint, namespace: argparse.Namespace, hole: Sequence[int] = ()
) -> Spot:
    """Return the place that the flags name, and what the table says there.

    Args:
        blueprint: the run.
        namespace: with ``line``, ``board`` and ``randomize``.
        hole: cards that cannot be on the board.

    Raises:
        UsageError: a wrong line, or a board that does not fit it.
    """
    import random

    from cfr_shm.strategy.lookup import find_spot

    draws = None
    if namespace.randomize is not None:
        draws = iter(random.Random(namespace.randomize).random, None)
    game, table = blueprint.stored.game, blueprint.stored.sums
    weight, line = blueprint.mean_iteration_weight, namespace.line or ""
    return find_spot(game, table, weight, line, namespace.board, hole, draws=draws, dashes="--")


def run_lines(stored: StoredTable) -> list[str]:
    """Return what the run is and how far it came."""
    checkpoint = stored.checkpoint
    return [
        f"game: {stored.game.name}, {stored.game.player_count} players",
        f"checkpoint: {checkpoint.path}",
        f"iterations: {checkpoint.iterations:,} in {checkpoint.seconds:,.1f} s of training",
    ]


def place_lines(spot: Spot, blueprint: Blueprint, dead: Sequence[int] = ()) -> list[str]:
    """Return where we are: the line, what had to be translated, who is to act, and the ranges.

    The others' ranges are told without hands that hold a ``dead`` card.
    """
    from cfr_shm.strategy.place_words import (
        chips_text,
        narrative,
        range_texts,
        to_act,
        translations,
    )

    place = spot.place
    lines = [f"line: {place.line or '(start of the hand)'}"]
    if place.steps:
        lines.append(f"  {narrative(place)}")
    lines += [f"  {text}" for text in translations(place)]
    lines.append(f"{to_act(spot, blueprint.cards)}: {chips_text(place)}")
    lines += [f"  {text}" for text in range_texts(spot, dead)]
    return lines


def run_document(stored: StoredTable) -> dict[str, Any]:
    """Return the run as JSON."""
    checkpoint = stored.checkpoint
    return {
        "game": stored.game.name,
        "checkpoint": str(checkpoint.path),
        "iterations": checkpoint.iterations,
    }
