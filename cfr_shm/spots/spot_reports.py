"""Reports over many boards: every card that may come next, and lists of flops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, permutations
from typing import Any, NamedTuple

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.errors import UsageError
from cfr_shm.layout.spots import LEAF
from cfr_shm.spots.boards import mapped_card
from cfr_shm.spots.places import find_place, node_at
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.spot_results import (
    NodeReport,
    action_totals,
    find_decision,
    node_report,
    plain_number,
)

ALL_FLOPS = "all"


class WeightedBoard(NamedTuple):
    """A flop of a list, and how much it counts in means."""

    cards: tuple[int, ...]
    weight: float


def next_reports(
    solver: SpotSolver, line: str, cards: tuple[int, ...] = ()
) -> Iterator[tuple[int, NodeReport]]:
    """Yield every card that may follow ``line``, and the report of the decision after it.

    Raises:
        UsageError: the line does not end a street, or nobody decides on the next one.
    """
    taken = {*solver.game.hands.board, *cards}
    for card in solver.game.hands.dealt:
        if card not in taken:
            yield card, node_report(solver, f"{line}/", (*cards, card))


def next_cards(solver: SpotSolver, line: str, cards: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    """Return a row for every card that may follow ``line``, which ends a street.

    Each holds both players' EV and the first player's equity with that card, and how often he
    takes each of his first actions.

    Raises:
        UsageError: the line does not end a street, or nobody decides on the next one.
    """
    check_street_ends(solver.game, line, cards)
    deck = solver.game.hands.deck
    rows = []
    for card, report in next_reports(solver, line, cards):
        row: dict[str, Any] = {
            "card": deck.text([card]),
            "reach": report.reach,
            "rare": report.hardly_ever,
            "equity": plain_number(report.mean(report.equity)),
            "ev_oop": plain_number(report.mean(report.ev)),
            "ev_ip": plain_number(report.other_ev),
        }
        for each in action_totals(report):
            amount = f"{each['amount']:g}" if each["action"] in ("bet", "raise") else ""
            row[f"{each['action']}{amount}_frequency"] = each["frequency"]
        rows.append(row)
    return rows


def check_street_ends(game: SpotGame, line: str, cards: tuple[int, ...]) -> None:
    """Refuse a line after which no card comes, or nobody decides on the next street.

    Raises:
        UsageError: what follows the line instead.
    """
    place = find_place(game, line, cards)
    ends = node_at(game, place).kind == LEAF
    if not ends or place.level + 1 >= game.levels:
        what = "the board is full" if ends else "it does not end a street"
        raise UsageError(f"no card comes after the line {line!r}: {what}")
    card = next(each for each in game.hands.dealt if each not in (*game.hands.board, *cards))
    find_decision(game, f"{line}/", (*cards, card))


def listed_boards(deck: Deck, lines: Iterable[str], place: str) -> list[WeightedBoard]:
    """Return the boards of a list, one a line: cards, and after a colon or blank a weight.

    Raises:
        UsageError: a line that is no board of three cards, or no weight; names file and line.
    """
    found = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].replace(":", " ").split()
        if not text:
            continue
        try:
            cards = deck.parse(text[0])
            weight = float(text[1]) if len(text) > 1 else 1.0
        except (UsageError, ValueError) as error:
            raise UsageError(f"{place}:{number}: {error}") from None
        if len(cards) != 3 or not 0.0 < weight < float("inf") or len(text) > 2:
            raise UsageError(
                f"{place}:{number}: expected three cards and a weight above 0, found "
                f"{line.strip()[:40]!r}"
            )
        found.append(WeightedBoard(cards, weight))
    if not found:
        raise UsageError(f"{place}: holds no board")
    return found


def every_flop(deck: Deck) -> list[WeightedBoard]:
    """Return one of each kind of flop that suits alone tell apart, with how many there are.

    >>> from cfr_shm.cards.deck import STANDARD
    >>> flops = every_flop(STANDARD)
    >>> len(flops), sum(flop.weight for flop in flops)
    (1755, 22100.0)
    """
    suits = list(permutations(range(SUIT_COUNT)))
    counted: Counter[tuple[int, ...]] = Counter()
    for cards in combinations(range(deck.card_count), 3):
        kinds = (tuple(sorted(mapped_card(card, each) for card in cards)) for each in suits)
        counted[min(kinds)] += 1
    return [WeightedBoard(cards[::-1], float(count)) for cards, count in sorted(counted.items())]
