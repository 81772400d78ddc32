"""What ``show`` and ``query`` share: a stored hold'em run, a place in it, and how to tell both."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.cli.flags import add_json_flag

if TYPE_CHECKING:
    from cfr_shm.cli.session import StoredTable
    from cfr_shm.games.holdem.betting_tree import BettingTree
    from cfr_shm.games.holdem.hole_cards import HoleCards
    from cfr_shm.games.holdem.line_walk import Place, Step
    from cfr_shm.strategy.spot import SeatRange, Spot

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
    game, table = blueprint.stored.game, blueprint.stored.table
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
    place = spot.place
    lines = [f"line: {place.line or '(start of the hand)'}"]
    if place.steps:
        lines.append(f"  {narrative(place)}")
    lines += [f"  {text}" for text in translations(place)]
    lines.append(f"{to_act(spot, blueprint)}: {chips_text(place)}")
    lines += [f"  {text}" for text in range_texts(spot, dead)]
    return lines


def to_act(spot: Spot, blueprint: Blueprint) -> str:
    """Return who is to act, and on which board."""
    from cfr_shm.games.holdem.line_walk import on_street, position

    place = spot.place
    board = f" {cards_text(blueprint.cards, spot.board)}" if spot.board else ""
    who = position(place.seat, place.tree.rules.players)
    return f"{who} to act {on_street(place.tree, place.street)}{board}"


def chips_text(place: Place) -> str:
    """Return what lies in the pot, what a call costs and what the actor has left."""
    hand = place.hand
    call = f"{hand.call_amount:,} to call" if hand.call_amount else "nothing to call"
    return f"pot {hand.pot:,}, {call}, {hand.stacks[place.seat]:,} behind"


def narrative(place: Place) -> str:
    """Return the line in words, as it was played."""
    from cfr_shm.games.holdem.line_walk import position

    words: list[str] = []
    street = 0
    for step in place.steps:
        words.append(" / " if step.street > street else ", " if words else "")
        street = step.street
        words.append(f"{position(step.seat, place.tree.rules.players)} {_told(step.played)}")
    return "".join(words)


def _told(move: str) -> str:
    """Turn a move's name into what somebody does: ``raises to 500``, ``goes all-in 20,000``."""
    verb, _, rest = move.partition(" ")
    return f"goes {move}" if verb == "all-in" else f"{verb}s {rest}".rstrip()


def translations(place: Place) -> Iterator[str]:
    """Yield how each size that is not in the tree was read."""
    for step in place.steps:
        if step.translation is not None:
            yield translation_text(step)


def translation_text(step: Step) -> str:
    """Return how a size that the tree does not have was read, and how likely that was."""
    found, neighbours = step.translation, step.neighbours
    if found is None or neighbours is None:
        return ""
    low, high = neighbours
    if found.smaller == found.larger:
        where = f"the nearest size, {low.token} ({found.smaller_size:.3g} pot)"
    else:
        where = (
            f"{low.token} ({found.smaller_size:.3g} pot) with {found.smaller_probability:.1%} and "
            f"{high.token} ({found.larger_size:.3g} pot) with {found.larger_probability:.1%}"
        )
    return (
        f"{step.action.text} is not in the tree: {found.size:.3g} pot stands for {where} "
        f"(pseudo-harmonic mapping); read as {step.choice.token}"
    )


def range_texts(spot: Spot, dead: Sequence[int] = ()) -> list[str]:
    """Return what of each seat's starting range has come here, and what is not known."""
    from cfr_shm.games.holdem.line_walk import position

    players = spot.place.tree.rules.players
    texts = []
    for seat_range in spot.ranges:
        if seat_range.folded:
            continue
        own = seat_range.seat == spot.place.seat
        share = seat_range.share(() if own else dead)
        told = "no hand is left" if share is None else f"{share:.2%} of its hands come here"
        if share is not None and guessed_share(seat_range) > 0.0:
            told += f" ({guessed_share(seat_range):.2%} by a line never visited in training)"
        texts.append(f"{position(seat_range.seat, players)}: {told}")
    return texts


def guessed_share(seat_range: SeatRange) -> float:
    """Return the part of what comes here that follows rows never visited, played uniformly."""
    weight = seat_range.start * seat_range.reach
    total = float(weight.sum())
    return float((weight * seat_range.guessed).sum()) / total if total > 0.0 else 0.0


def cards_text(cards: HoleCards, board: Sequence[int]) -> str:
    """Return cards as text, one word each."""
    return " ".join(cards.deck.text([card]) for card in board)


def place_document(spot: Spot, blueprint: Blueprint, dead: Sequence[int] = ()) -> dict[str, Any]:
    """Return the run and the place as JSON."""
    from cfr_shm.games.holdem.line_walk import position

    place, checkpoint = spot.place, blueprint.stored.checkpoint
    players = place.tree.rules.players
    return {
        "game": blueprint.stored.game.name,
        "checkpoint": str(checkpoint.path),
        "iterations": checkpoint.iterations,
        "line": place.line,
        "played": narrative(place),
        "translations": [
            _translation_document(step) for step in place.steps if step.translation is not None
        ],
        "street": place.real_street,
        "board": [blueprint.cards.deck.text([card]) for card in spot.board],
        "seat": place.seat,
        "position": position(place.seat, players),
        "pot": place.hand.pot,
        "to_call": place.hand.call_amount,
        "stack": place.hand.stacks[place.seat],
        "actions": [
            {"token": choice.token, "name": choice.name, "move": choice.move}
            for choice in place.choices
        ],
        "ranges": [
            {
                "seat": each.seat,
                "position": position(each.seat, players),
                "folded": each.folded,
                "share": each.share(() if each.seat == place.seat else dead),
                "never_visited": guessed_share(each),
            }
            for each in spot.ranges
        ],
    }


def _translation_document(step: Step) -> dict[str, Any]:
    found, neighbours = step.translation, step.neighbours
    if found is None or neighbours is None:
        return {}
    return {
        "action": step.action.text,
        "place": step.action.place,
        "pot_fraction": found.size,
        "read_as": step.choice.token,
        "method": "pseudo-harmonic",
        "neighbours": [
            {"token": choice.token, "pot_fraction": size, "probability": probability}
            for choice, size, probability in (
                (neighbours[0], found.smaller_size, found.smaller_probability),
                (neighbours[1], found.larger_size, found.larger_probability),
            )
        ][: 1 if found.smaller == found.larger else 2],
    }
