"""What there is to say of a place in a hold'em game: the line in words, translations, ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.games.holdem.line_walk import Place, Step, on_street, position
from cfr_shm.strategy.spot import SeatRange, Spot


def to_act(spot: Spot, cards: HoleCards) -> str:
    """Return who is to act, and on which board."""
    place = spot.place
    board = f" {cards_text(cards, spot.board)}" if spot.board else ""
    who = position(place.seat, place.tree.rules.players)
    return f"{who} to act {on_street(place.tree, place.street)}{board}"


def chips_text(place: Place) -> str:
    """Return what lies in the pot, what a call costs and what the actor has left."""
    hand = place.hand
    call = f"{hand.call_amount:,} to call" if hand.call_amount else "nothing to call"
    return f"pot {hand.pot:,}, {call}, {hand.stacks[place.seat]:,} behind"


def narrative(place: Place) -> str:
    """Return the line in words, as it was played."""
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


def place_document(spot: Spot, cards: HoleCards, dead: Sequence[int] = ()) -> dict[str, Any]:
    """Return the place as JSON; the others' ranges without hands that hold a ``dead`` card."""
    place = spot.place
    players = place.tree.rules.players
    return {
        "line": place.line,
        "played": narrative(place),
        "translations": [
            _translation_document(step) for step in place.steps if step.translation is not None
        ],
        "street": place.real_street,
        "board": [cards.deck.text([card]) for card in spot.board],
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
