"""Reports of a solved spot, as JSON: what every next card does, and both players' hands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.errors import UsageError
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_reports import next_reports
from cfr_shm.spots.spot_results import NodeReport, PlayerHands, node_report, plain_number
from cfr_shm.spots.street_trees import PLAYERS
from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.range_chart import class_name
from cfr_shm.strategy.spot_chart import spot_actions
from cfr_shm.viewer.solved_pages import Asked, board_of

#: Points of a curve of equities, evenly over the range.
_POINTS = 100


def next_cards_page(solver: SpotSolver, asked: Asked) -> dict[str, Any]:
    """Return frequencies, equity and EVs after every card that may follow a line.

    Raises:
        UsageError: the line does not end a street, nobody decides on the next one, or the board is
            not that of the line.
    """
    deck, count = solver.game.hands.deck, len(solver.game.hands.board)
    cards = board_of(solver, asked)
    if len(cards) != count + asked.line.count("/"):
        need = count + asked.line.count("/")
        raise UsageError(f"board: the line {asked.line!r} has {need} cards, found {len(cards)}")
    found = list(next_reports(solver, asked.line, cards[count:]))
    return {
        "line": asked.line,
        "board": [deck.text([card]) for card in cards],
        "ranks": deck.ranks[::-1],
        "player": PLAYERS[found[0][1].player].upper(),
        "pot": found[0][1].pot,
        "actions": _actions(found[0][1]),
        "cards": [_card(deck.text([card]), report) for card, report in found[::-1]],
    }


def _card(name: str, report: NodeReport) -> dict[str, Any]:
    return {
        "card": name,
        "reach": plain_number(report.reach),
        "rare": report.hardly_ever,
        "equity": plain_number(report.mean(report.equity)),
        "ev": plain_number(report.mean(report.ev)),
        "ev_other": plain_number(report.other_ev),
        "eqr": plain_number(_eqr(report.own, report.pot)),
        "probability": [plain_number(report.mean(row)) for row in report.frequency],
    }


def players_page(solver: SpotSolver, asked: Asked) -> dict[str, Any]:
    """Return both players' ranges at a decision: equity, EV and EQR, by class and by rank of hand.

    Raises:
        UsageError: nobody decides there, or the board is not that of the line.
    """
    count = len(solver.game.hands.board)
    cards = board_of(solver, asked)[: count + asked.line.count("/")]
    report = node_report(solver, asked.line, cards[count:])
    deck = solver.game.hands.deck
    pair = sorted((report.own, report.other), key=lambda each: each.player)
    return {
        "line": asked.line,
        "pot": report.pot,
        "ranks": deck.ranks[::-1],
        "players": [_player(each, deck, report.pot) for each in pair],
    }


def _player(hands: PlayerHands, deck: Deck, pot: float) -> dict[str, Any]:
    return {
        "player": PLAYERS[hands.player].upper(),
        "combos": float(hands.weight.sum()),
        "reach": hands.reach,
        "equity": plain_number(hands.mean(hands.equity)),
        "ev": plain_number(hands.mean(hands.ev)),
        "eqr": plain_number(_eqr(hands, pot)),
        "curve": equity_curve(hands),
        "classes": _classes(hands, deck),
    }


def _eqr(hands: PlayerHands, pot: float) -> float:
    """Return what the range gets of its equity: its EV / (its equity x pot)."""
    equity = hands.mean(hands.equity)
    return hands.mean(hands.ev) / (equity * pot) if equity > 0.0 else float("nan")


def equity_curve(hands: PlayerHands) -> list[list[float]]:
    """Return [part of the range, equity] from the weakest hand to the strongest.

    A hand takes as much of the range as it is held and can be met; at most so many points are told
    that the picture cannot show more.
    """
    often = np.where(np.isfinite(hands.equity), hands.weight * hands.met, 0.0)
    order = np.argsort(hands.equity, kind="stable")
    order = order[often[order] > 0.0]
    if len(order) == 0:
        return []
    equity, end = hands.equity[order], np.cumsum(often[order])
    parts = (np.arange(_POINTS + 1) / _POINTS).tolist()
    at = np.minimum(np.searchsorted(end, np.array(parts) * end[-1]), len(order) - 1)
    return [[part, round(float(equity[i]), 4)] for part, i in zip(parts, at, strict=True)]


def _classes(hands: PlayerHands, deck: Deck) -> list[dict[str, Any]]:
    """Return weight, equity, EV and EQR of each class of hole cards, as range charts order them."""
    count = len(deck.ranks)
    rank, suit = np.divmod(hands.hands, SUIT_COUNT)
    better, worse = count - 1 - rank.max(axis=1), count - 1 - rank.min(axis=1)
    suited = suit[:, 0] == suit[:, 1]
    place = np.where(suited, better * count + worse, worse * count + better)
    size = count * count
    held = np.bincount(place, minlength=size)
    weight = np.bincount(place, weights=hands.weight, minlength=size)
    means = [_means(hands, place, size, each) for each in (hands.equity, hands.ev, hands.eqr)]
    few = np.bincount(place, weights=hands.rare, minlength=size) == held
    return [
        {
            "name": class_name(deck.ranks[::-1], *divmod(index, count)),
            "hands": int(held[index]),
            "weight": round(float(weight[index] / max(held[index], 1)), 5),
            "rare": bool(few[index]),
            "equity": _short(means[0][index]),
            "ev": _short(means[1][index]),
            "eqr": _short(means[2][index]),
        }
        for index in range(size)
    ]


def _means(
    hands: PlayerHands, place: NDArray[np.int64], size: int, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    often = np.where(np.isfinite(values), hands.weight * hands.met, 0.0)
    total = np.bincount(place, weights=often, minlength=size)
    sums = np.bincount(place, weights=often * np.nan_to_num(values), minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = np.where(total > 0.0, sums / total, np.nan)
    return found


def _short(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def _actions(report: NodeReport) -> list[dict[str, Any]]:
    return [
        {"token": each.token, "name": each.name, "letter": each.letter, "colour": colour(each)}
        for each in spot_actions(report)
    ]
