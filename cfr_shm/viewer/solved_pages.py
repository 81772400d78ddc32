"""What the page shows of a solved spot: each hand's EV, equity, EQR and what it does, as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.isomorphism import STREETS
from cfr_shm.cards.ranges import hand_of, range_text
from cfr_shm.config.identity import spot_fingerprint
from cfr_shm.errors import UsageError
from cfr_shm.layout.spots import DECISION, LEAF
from cfr_shm.run.solve import solver_settings
from cfr_shm.spots.places import find_place
from cfr_shm.spots.saved import load_tables
from cfr_shm.spots.settled import spot_of
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.spot_kernels import make_spot_kernels_ready
from cfr_shm.spots.spot_results import NodeReport, action_ranges, node_report
from cfr_shm.spots.street_trees import PLAYERS, Node
from cfr_shm.spots.upper_streets import NAME, UpperStreets
from cfr_shm.storage.names import CHECKPOINTS
from cfr_shm.strategy.chart_colours import colour
from cfr_shm.strategy.place_chart import chart_document
from cfr_shm.strategy.spot_chart import spot_actions, spot_chart
from cfr_shm.viewer.place_pages import rounded
from cfr_shm.viewer.viewed_runs import Say, ViewedRun


class Asked(NamedTuple):
    """A place of a spot: a line such as ``x-b120-c/x``, and the whole board."""

    line: str
    board: str


def open_solved(run: ViewedRun, say: Say) -> tuple[SpotSolver, UpperStreets | None]:
    """Return a solver with the newest tables of a run, which the caller closes.

    Beside it what solves its last streets again, where the run was saved without them.

    Raises:
        CfrShmError: there are none that are whole, or too little memory.
    """
    config = run.config
    make_spot_kernels_ready(bool(config.spot.compact), say)
    settings = dataclasses.replace(solver_settings(config), worker_count=1)
    mark = spot_fingerprint(config)
    below = (run.path / CHECKPOINTS / NAME).exists()
    solver = SpotSolver(spot_of(config.spot), settings, mark, looks=not below)
    try:
        upper = _tables_of(run, solver, mark)
        # Nobody else opens it: nothing is left behind, however this process ends.
        solver.arena.unlink()
    except BaseException:
        solver.close()
        raise
    return solver, upper


def _tables_of(run: ViewedRun, solver: SpotSolver, mark: str) -> UpperStreets | None:
    """Put a run's tables into a solver; return what solves its last streets where they are not."""
    checkpoints = run.path / CHECKPOINTS
    if (checkpoints / NAME).exists():
        return UpperStreets(checkpoints, solver, mark)
    load_tables(checkpoints, solver, mark, to_look=True)
    return None


def board_of(solver: SpotSolver, asked: Asked) -> tuple[int, ...]:
    """Return the cards of a board, which may be longer or shorter than the line's.

    Raises:
        UsageError: no cards, one twice, or it does not begin with the spot's own.
    """
    deck, fixed = solver.game.hands.deck, tuple(solver.game.hands.board)
    cards = tuple(deck.parse(asked.board)) if asked.board.strip() else fixed
    deck.check(cards)
    if cards[: len(fixed)] != fixed:
        raise UsageError(f"board: it begins with the spot's own, {deck.text(fixed)}")
    return cards


def solved_page(solver: SpotSolver, asked: Asked, stack: float) -> dict[str, Any]:
    """Return what there is to show of a decision, or how many cards are missing.

    Raises:
        UsageError: no such line or board, or nobody decides there.
    """
    game = solver.game
    deck, fixed = game.hands.deck, tuple(game.hands.board)
    cards = board_of(solver, asked)
    need = len(fixed) + asked.line.count("/")
    street = STREETS[min(need - 2, len(STREETS) - 1)]
    known: dict[str, Any] = {
        "iterations": solver.iterations,
        "line": asked.line,
        "need": need,
        "played": "",
        "told": [],
        "strip": _strip(game, asked.line, len(fixed)),
        "deck": deck.text(game.hands.dealt),
        "fixed": [deck.text([card]) for card in fixed],
        "street_name": f"on the {street}",
        "board_counts": [len(fixed) + level for level in range(game.levels)],
        "board": [deck.text([card]) for card in cards[:need]],
    }
    if len(cards) < need:
        return known | {"chart": None}
    report = node_report(solver, asked.line, tuple(cards[len(fixed) : need]))
    known["street_ends"] = _street_ends(game, asked.line)
    return known | _decided(solver, report, known, stack)


def solved_range(solver: SpotSolver, asked: Asked, action: str) -> dict[str, str]:
    """Return the range of who decides, or what of it takes an action, as other tools read it.

    Raises:
        UsageError: no such place, or no such action.
    """
    game = solver.game
    deck, count = game.hands.deck, len(game.hands.board)
    cards = board_of(solver, asked)
    report = node_report(solver, asked.line, tuple(cards[count : count + asked.line.count("/")]))
    codes = [each.code for each in report.actions]
    if action and action not in codes:
        raise UsageError(f"action {action[:20]!r}: expected {', '.join(codes)}")
    taken = report.frequency[codes.index(action)] if action else 1.0
    weights = np.zeros(deck.card_count * (deck.card_count - 1) // 2)
    rows = [hand_of(int(one), int(two)) for one, two in report.hands.tolist()]
    weights[rows] = np.round(np.clip(report.weight * taken, 0.0, 1.0), 3)
    text = range_text(deck, weights) if weights.any() else ""
    if action:
        text = action_ranges(report, deck).get(action, "")
    return {"text": text, "weights": " ".join(f"{weight:g}" for weight in weights.tolist())}


def _decided(
    solver: SpotSolver, report: NodeReport, known: dict[str, Any], stack: float
) -> dict[str, Any]:
    deck = solver.game.hands.deck
    chart = spot_chart(report, deck)
    place = report.place
    put = solver.game.trees[place.level].nodes[place.node].put
    who = PLAYERS[report.player].upper()
    to_call = max(put[1 - report.player] - put[report.player], 0.0)
    board = " ".join(known["board"])
    told = f"{to_call:g} to call" if to_call else "nothing to call"
    return {
        "position": who,
        "pot": report.pot,
        "to_call": to_call,
        "stacks": [stack - each for each in put],
        "ranges": [],
        "headline": f"{who} to act {known['street_name']} {board}: pot {report.pot:g}, {told}",
        "facts": [
            [f"EV {who}", _short(report.mean(report.ev))],
            [f"EV {PLAYERS[1 - report.player].upper()}", _short(report.other_ev)],
            ["Equity", _short(100.0 * report.mean(report.equity)) + " %"],
        ],
        "actions": [
            {
                "token": action.token,
                "name": action.name,
                "letter": action.letter,
                "colour": colour(action),
                "kind": action.kind,
            }
            for action in spot_actions(report)
        ],
        "ranks": chart.ranks,
        "chart": rounded(chart_document(chart)),
        "hands": _hands(report, [deck.text([card]) for card in range(deck.card_count)]),
    }


def _hands(report: NodeReport, names: list[str]) -> dict[str, Any]:
    held = np.sort(report.hands, axis=1)[:, ::-1]
    order = np.lexsort((held[:, 1], held[:, 0]))[::-1]
    return {
        "cards": [names[high] + names[low] for high, low in held[order].tolist()],
        "weight": _list(np.clip(report.weight, 0.0, 1.0)[order]),
        "visits": (~report.rare[order]).astype(int).tolist(),
        "probability": [_list(row[order]) for row in report.frequency],
        "equity": _list(report.equity[order]),
        "ev": _list(report.ev[order]),
        "eqr": _list(report.eqr[order]),
        "action_ev": [_list(row[order]) for row in report.action_ev],
    }


def _list(values: NDArray[np.float64]) -> list[float | None]:
    return [None if not np.isfinite(each) else round(float(each), 5) for each in values]


def _short(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _strip(game: SpotGame, line: str, first_cards: int) -> list[dict[str, Any]]:
    """Return the decisions of a line, and the one where it ends."""
    found = []
    before = ""
    for level, street in enumerate(line.split("/")):
        before += "/" if level else ""
        for code in [*filter(None, street.split("-")), None]:
            if code is None and level < line.count("/"):
                break
            found.append(_step(game, before, code, first_cards + level - 2))
            if code is not None:
                before += ("" if before.endswith("/") or not before else "-") + code
    return found


def _step(game: SpotGame, before: str, taken: str | None, street: int) -> dict[str, Any]:
    level = before.count("/")
    node = game.trees[level].nodes[_number(game, before)]
    joint = "" if before.endswith("/") or not before else "-"
    actions = []
    for action, child in zip(node.actions, node.children, strict=True):
        onward = _onward(game, level, child)
        leads = None if onward is None else f"{before}{joint}{action.code}{onward}"
        actions.append(
            {
                "token": action.code,
                "name": action.name + (f" {action.amount:g}" if action.kind in "br" else ""),
                "share": None,
                "ends": onward is None,
                "leads": leads,
            }
        )
    return {
        "before": before,
        "street": street,
        "position": PLAYERS[node.actor].upper() if node.kind == DECISION else "",
        "pot": game.pot + sum(node.put),
        "taken": taken,
        "actions": actions,
    }


def _number(game: SpotGame, line: str) -> int:
    """Return the number of the node after a line, whatever cards come."""
    cards: tuple[int, ...] = ()
    for _ in range(line.count("/")):
        used = {*game.hands.board, *cards}
        cards = (*cards, next(card for card in game.hands.dealt if card not in used))
    return find_place(game, line, cards).node


def _street_ends(game: SpotGame, line: str) -> list[str]:
    """Return the lines on from a decision after which a card comes, shortest first."""
    level = line.count("/")
    waiting, found = [(_number(game, line), line)], []
    for number, before in waiting:  # which grows
        joint = "" if before.endswith("/") or not before else "-"
        node = game.trees[level].nodes[number]
        for action, child in zip(node.actions, node.children, strict=True):
            onward, after = _onward(game, level, child), f"{before}{joint}{action.code}"
            if onward == "/":
                found.append(after)
            elif onward == "":
                waiting.append((child, after))
    return found


def _onward(game: SpotGame, level: int, child: int) -> str | None:
    """Return what a line has after an action: nothing, a new street, or None where it is over."""
    node: Node = game.trees[level].nodes[child]
    if node.kind == DECISION:
        return ""
    if node.kind != LEAF or level + 1 >= game.levels:
        return None
    root = game.trees[level + 1].roots[game.trees[level].leaves.index(child)]
    return "/" if game.trees[level + 1].nodes[root].kind == DECISION else None
