"""What the page shows of a place in a hold'em blueprint, as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.ranges import hand_of, range_text
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import HoleCards, check_dealt
from cfr_shm.games.holdem.line_walk import on_street, walk_line
from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.place_chart import actions_of, chart_document, chart_of
from cfr_shm.strategy.place_words import chips_text, narrative, place_document, to_act, translations
from cfr_shm.strategy.public import holdem_parts
from cfr_shm.strategy.row_sums import RowSums
from cfr_shm.strategy.spot import Spot, spot_at
from cfr_shm.viewer.betting_strip import strip_document
from cfr_shm.viewer.viewed_runs import OpenedTable

AVERAGE, CURRENT = "average", "current"
POLICIES = (AVERAGE, CURRENT)

#: What is said of a probability is enough for a picture of it.
_DIGITS = 5


class Asked(NamedTuple):
    """A place as the page names it."""

    line: str
    board: str
    policy: str = AVERAGE


def page_of(game: Game, opened: OpenedTable, asked: Asked) -> dict[str, Any]:
    """Return what there is to show, or the number of board cards that are missing.

    Raises:
        UsageError: a wrong line, a card twice, or one that the game does not deal.
    """
    tree, cards = holdem_parts(game)
    place = walk_line(tree, asked.line, game.big_blind)
    given = _board(cards, asked.board)
    need = cards.board_count(place.street)
    strip = strip_document(place, cards, opened.sums, given)
    known: dict[str, Any] = {
        "iterations": opened.iterations,
        "seconds": opened.seconds,
        "line": place.line,
        "need": need,
        "played": narrative(place),
        "told": list(translations(place)),
        "strip": strip,
        "deck": cards.deck.text(cards.dealt),
        "fixed": [cards.deck.text([card]) for card in cards.fixed_board],
        "street_name": on_street(tree, place.street),
        "board_counts": [
            cards.board_count(street) for street in range(len(tree.rules.real_street))
        ],
        "board": [cards.deck.text([card]) for card in given[:need]],
    }
    if len(given) < need:
        return known | {"chart": None}
    spot = spot_at(opened.sums, place, cards, given[:need], opened.mean_iteration_weight)
    if asked.policy == CURRENT:
        spot = _with_current(spot, opened.sums)
    return known | _decided(spot, cards)


def _decided(spot: Spot, cards: HoleCards) -> dict[str, Any]:
    """Return what is done at a place whose board is known."""
    place = spot.place
    chart = chart_of(spot, cards)
    document = place_document(spot, cards)
    named = zip(document["actions"], actions_of(place), strict=True)
    return document | {
        "headline": f"{to_act(spot, cards)}: {chips_text(place)}",
        "stacks": list(place.hand.stacks),
        "actions": [
            {**about, "letter": action.letter, "colour": colour(action), "kind": action.kind}
            for about, action in named
        ],
        "ranks": chart.ranks,
        "chart": rounded(chart_document(chart)),
        "hands": _hands_document(spot, cards),
        "bucket_count": cards.bucket_count(place.seat, place.street),
    }


def range_of(game: Game, opened: OpenedTable, asked: Asked, action: str) -> dict[str, str]:
    """Return the range of the seat to act, or what of it takes an action, as other tools read it.

    ``text`` is in hands with their weights, ``weights`` a number for each hand of the deck; both
    have three digits, and are read by ``cards.ranges.parse_range``.

    Raises:
        UsageError: a wrong place, or it has no such action.
    """
    tree, cards = holdem_parts(game)
    place = walk_line(tree, asked.line, game.big_blind)
    board = _board(cards, asked.board)[: cards.board_count(place.street)]
    spot = spot_at(opened.sums, place, cards, board, opened.mean_iteration_weight)
    if asked.policy == CURRENT:
        spot = _with_current(spot, opened.sums)
    tokens = [choice.token for choice in place.choices]
    if action and action not in tokens:
        raise UsageError(f"action {action[:20]!r}: expected {', '.join(tokens)}")
    taken = spot.hands.probability[:, tokens.index(action)] if action else 1.0
    weights = np.zeros(cards.deck.card_count * (cards.deck.card_count - 1) // 2)
    weights[_numbers(spot.hands.cards)] = np.round(spot.hands.weight * taken, 3)
    return {
        "text": range_text(cards.deck, weights) if weights.any() else "",
        "weights": " ".join(f"{weight:g}" for weight in weights.tolist()),
    }


def equity_of(game: Game, opened: OpenedTable, asked: Asked, say: Any) -> dict[str, Any]:
    """Return the equity of each hand of the seat to act against the other's range, all-in.

    Raises:
        UsageError: more than two players are in the hand, or there is no flop yet.
    """
    # Whoever waits for the first page does not wait for these.
    from cfr_shm.spots.all_in_equity import equities
    from cfr_shm.spots.boards import spot_hands
    from cfr_shm.spots.spot_kernels import make_spot_kernels_ready

    tree, cards = holdem_parts(game)
    place = walk_line(tree, asked.line, game.big_blind)
    board = _board(cards, asked.board)[: cards.board_count(place.street)]
    spot = spot_at(opened.sums, place, cards, board)
    others = [each for each in spot.ranges if not each.folded and each.seat != place.seat]
    if len(others) != 1 or len(board) < 3 or cards.showdown_cards != 5:
        raise UsageError("equities are told from the flop on, where two players are in the hand")
    own = spot.ranges[place.seat]
    pairs = cards.deck.card_count * (cards.deck.card_count - 1) // 2
    everything, met = np.zeros(pairs), np.zeros(pairs)
    everything[_numbers(own.cards)] = 1.0
    met[_numbers(others[0].cards)] = others[0].start * others[0].reach
    fewer = None if len(cards.dealt) == cards.deck.card_count else cards.dealt
    hands = spot_hands(cards.deck, board, (everything, met), fewer)
    make_spot_kernels_ready(False, say)
    found = equities(hands, hands.weights).equity[0]
    whole = np.full(pairs, np.nan)
    whole[_numbers(hands.holes[0])] = found
    told = whole[_numbers(_shown_order(spot)[1])]
    return {"equity": [None if np.isnan(each) else round(float(each), 4) for each in told]}


def _numbers(hands: NDArray[Any]) -> list[int]:
    return [hand_of(one, two) for one, two in hands.tolist()]


def _board(cards: HoleCards, text: str) -> tuple[int, ...]:
    """Return the cards of a board that may be longer or shorter than the street's."""
    try:
        board = cards.deck.parse(text) if text.strip() else cards.fixed_board
    except UsageError as error:
        raise UsageError(f"board: {error}") from None
    cards.deck.check(board)
    check_dealt(cards, board)
    return board


def _with_current(spot: Spot, sums: RowSums) -> Spot:
    """Return the place with the policy that the next iteration would begin with."""
    count = spot.hands.probability.shape[1]
    regret = sums.regrets(spot.hands.row, count)
    positive = np.maximum(regret, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    uniform = np.full_like(positive, 1.0 / count)
    policy = np.divide(positive, total, out=uniform, where=total > 0.0)
    return spot._replace(hands=spot.hands._replace(probability=policy))


def _hands_document(spot: Spot, cards: HoleCards) -> dict[str, Any]:
    """Return the combos, a list for each column, best first."""
    order, held = _shown_order(spot)
    own = spot.ranges[spot.place.seat]
    names = [cards.deck.text([card]) for card in range(cards.deck.card_count)]
    return {
        "cards": [names[high] + names[low] for high, low in held.tolist()],
        "weight": _list(spot.hands.weight[order]),
        "visits": np.round(spot.hands.visits[order], 1).tolist(),
        "bucket": spot.bucket[order].tolist(),
        "guessed": own.guessed[order].tolist(),
        "probability": [
            _list(spot.hands.probability[order, entry])
            for entry in range(spot.hands.probability.shape[1])
        ],
        "number": _numbers(held),
    }


def _shown_order(spot: Spot) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order in which hands are listed, and their cards in it, higher one first."""
    held = np.sort(spot.hands.cards.astype(np.int64), axis=1)[:, ::-1]
    order = np.lexsort((held[:, 1], held[:, 0]))[::-1]
    return order, held[order]


def _list(values: NDArray[np.float64]) -> list[float]:
    found: list[float] = np.round(values, _DIGITS).tolist()
    return found


def rounded(document: dict[str, Any]) -> dict[str, Any]:
    """Round what is only drawn."""
    for cell in document["classes"]:
        cell["weight"] = round(cell["weight"], _DIGITS)
        cell["visits"] = round(cell["visits"], 1)
        if cell["probability"] is not None:
            cell["probability"] = [round(each, _DIGITS) for each in cell["probability"]]
    return document
