"""What a solved spot says: per hand equity, EV, frequencies, and the EV of each action."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import Deck
from cfr_shm.cards.ranges import hand_of, range_text
from cfr_shm.errors import UsageError
from cfr_shm.layout.spots import ACTOR, BEST, DECISION, LEAF, REACH_ROW, VALUE_ROW
from cfr_shm.spots.all_in_equity import Equities, equities
from cfr_shm.spots.boards import SpotHands
from cfr_shm.spots.places import Place, find_place, hands_at, node_at, strategy_at
from cfr_shm.spots.solver import SpotSolver
from cfr_shm.spots.spot_game import SpotGame
from cfr_shm.spots.street_trees import PLAYERS, Action, amount_text

#: A hand whose reach is less, as a part of its weight in the range, hardly ever comes here: what
#: is said of it is not worth much.
LEAST_REACH = 1e-3

#: Who meets less of the other player's reach, or less as a part of it, meets nobody: values are
#: sums over all hands less those that share a card, in float32, and at one in 10**7 a hand that
#: always loses was told the whole pot.
_LEAST_MET, _LEAST_MET_PART = 1e-12, 1e-4


class PlayerHands(NamedTuple):
    """A player's hands at a place, whoever decides there; arrays as of ``NodeReport``."""

    player: int
    hands: NDArray[np.int64]  # (hands, 2), cards
    weight: NDArray[np.float64]
    range_weight: NDArray[np.float64]
    met: NDArray[np.float64]
    equity: NDArray[np.float64]
    ev: NDArray[np.float64]
    eqr: NDArray[np.float64]

    @property
    def reach(self) -> float:
        """Return the part of the player's range that comes here, of the hands that may."""
        return _part(self.weight, self.range_weight)

    @property
    def rare(self) -> NDArray[np.bool_]:
        """Return which hands hardly ever come here."""
        few: NDArray[np.bool_] = self.weight < LEAST_REACH * self.range_weight
        return few

    def mean(self, values: NDArray[np.float64]) -> float:
        """Return the mean of ``values``, (hands,), over what is played."""
        often = np.where(np.isfinite(values), self.weight * self.met, 0.0)
        total = float(often.sum())
        return float(often @ np.nan_to_num(values)) / total if total > 0.0 else float("nan")


class NodeReport(NamedTuple):
    """Everything about one decision, by hand of the player who decides.

    Values are shares of the pot, chips: what a hand gets at the end less what it puts in from
    now on. Arrays are by hand; NaN where a hand meets none of the other player's, or next to none.
    """

    place: Place
    line: str
    player: int
    actions: list[Action]
    hands: NDArray[np.int64]  # (hands, 2), cards
    weight: NDArray[np.float64]  # reach: range weight times the player's own way here
    range_weight: NDArray[np.float64]
    met: NDArray[np.float64]  # the other player's reach that the hand can meet
    equity: NDArray[np.float64]
    ev: NDArray[np.float64]
    best_ev: NDArray[np.float64]  # of the best response to the other player, from here on
    eqr: NDArray[np.float64]  # EV / (equity x pot)
    frequency: NDArray[np.float64]  # (actions, hands)
    action_ev: NDArray[np.float64]  # (actions, hands)
    pot: float
    other: PlayerHands  # of the player who does not decide

    @property
    def own(self) -> PlayerHands:
        """Return the hands of the player who decides, as the other's are told."""
        return PlayerHands(
            self.player,
            self.hands,
            self.weight,
            self.range_weight,
            self.met,
            self.equity,
            self.ev,
            self.eqr,
        )

    @property
    def other_ev(self) -> float:
        """Return the mean EV of the other player's hands."""
        return self.other.mean(self.other.ev)

    @property
    def other_reach(self) -> float:
        """Return the part of the other player's range that comes here."""
        return self.other.reach

    @property
    def often(self) -> NDArray[np.float64]:
        """Return how often each hand is here, in no unit."""
        return self.weight * self.met

    @property
    def gain(self) -> NDArray[np.float64]:
        """Return what each hand's best response gains, but for rounding 0 or more."""
        gains: NDArray[np.float64] = self.best_ev - self.ev
        return gains

    @property
    def reach(self) -> float:
        """Return the part of the player's range that comes here, of the hands that may."""
        return self.own.reach

    @property
    def hardly_ever(self) -> bool:
        """Return whether one of the players hardly ever comes here: what is said means little."""
        return min(self.reach, self.other_reach) < LEAST_REACH

    @property
    def rare(self) -> NDArray[np.bool_]:
        """Return which hands hardly ever come here."""
        return self.own.rare

    def mean(self, values: NDArray[np.float64]) -> float:
        """Return the mean of ``values``, (hands,), over what is played."""
        return self.own.mean(values)


def node_report(solver: SpotSolver, line: str = "", cards: tuple[int, ...] = ()) -> NodeReport:
    """Return the report of the decision after ``line`` and the cards that came.

    Raises:
        UsageError: no such line, or no decision there.
    """
    game = solver.game
    place = find_decision(game, line, cards)
    node = node_at(game, place)
    reach, values = _rows(solver, place)
    player = node.actor
    equity = _equities(solver, place, reach).equity
    own, other = (
        _player_hands(solver, place, p, reach, values[p][0], equity[p])
        for p in (player, 1 - player)
    )
    known = _known(own.met, reach[1 - player])
    # What is put in from now on is taken off a hand's share; what was put in before is gone.
    share = game.pot / 2.0 + node.put[player]
    return NodeReport(
        place=place,
        line=line,
        player=player,
        actions=node.actions,
        hands=own.hands,
        weight=own.weight,
        range_weight=own.range_weight,
        met=own.met,
        equity=own.equity,
        ev=own.ev,
        best_ev=share + _best_values(solver, place, player) / known,
        eqr=own.eqr,
        frequency=strategy_at(game, place, (solver.tables.average_0, solver.tables.average_1)),
        action_ev=share + values[player][1] / known,
        pot=game.pot + sum(node.put),
        other=other,
    )


def _player_hands(
    solver: SpotSolver,
    place: Place,
    player: int,
    reach: tuple[NDArray[np.float64], NDArray[np.float64]],
    values: NDArray[np.float64],
    equity: NDArray[np.float64],
) -> PlayerHands:
    """Return what is known of a player's hands; ``values`` are against the other's reach."""
    game, node = solver.game, node_at(solver.game, place)
    hands = hands_at(game, place, player)
    met = _met(hands, hands_at(game, place, 1 - player)) @ reach[1 - player]
    known = _known(met, reach[1 - player])
    ev = game.pot / 2.0 + node.put[player] + values / known
    with np.errstate(invalid="ignore", divide="ignore"):
        eqr = ev / (equity * (game.pot + sum(node.put)))
    weights = _range_weights(solver, place, player)
    return PlayerHands(player, hands, reach[player], weights, met, equity, ev, eqr)


def _known(met: NDArray[np.float64], reach: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what hands meet of the other player's reach, NaN where that is next to nothing."""
    least = max(_LEAST_MET, _LEAST_MET_PART * float(reach.sum()))
    found: NDArray[np.float64] = np.where(met > least, met, np.nan)
    return found


def find_decision(game: SpotGame, line: str, cards: tuple[int, ...] = ()) -> Place:
    """Return the place of the decision after ``line`` and the cards that came.

    Raises:
        UsageError: no such line, or no decision there.
    """
    place = find_place(game, line, cards)
    kind = node_at(game, place).kind
    if kind != DECISION:
        what = "the street ends" if kind == LEAF else "somebody has folded"
        raise UsageError(f"nobody decides after the line {line!r}: {what} there")
    return place


def _part(some: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    total = float(whole.sum())
    return float(some.sum()) / total if total > 0.0 else 0.0


def root_summary(solver: SpotSolver) -> dict[str, Any]:
    """Return equity and EV of both players, best responses, and the first decision's actions."""
    hands = solver.game.hands
    found = equities(hands, hands.weights, compact=solver.settings.compact)
    equity = found.mean(hands.weights)
    quality, responses = solver.quality(), solver.responses()
    report = node_report(solver)
    return {
        "equity": [plain_number(value) for value in equity],
        "ev": [plain_number(value) for value in quality.values],
        "best_response": {
            "ev": [plain_number(value) for value in responses.best],
            "gain": [plain_number(value) for value in responses.gains],
        },
        "root": action_totals(report),
    }


def action_totals(report: NodeReport) -> list[dict[str, Any]]:
    """Return each action's total frequency, and the EV of the hands that take it."""
    found, everything = [], float(report.often.sum())
    for number, action in enumerate(report.actions):
        often = report.often * report.frequency[number]
        values = report.action_ev[number]
        total = float(often.sum())
        mean = float(often @ np.nan_to_num(values)) / total if total > 0.0 else None
        found.append(
            {
                "action": action.name,
                "amount": float(amount_text(action.amount)),
                "frequency": plain_number(report.mean(report.frequency[number])),
                "ev": mean,
                "rare": report.hardly_ever or total < LEAST_REACH * everything,
            }
        )
    return found


def decision_summary(report: NodeReport) -> dict[str, Any]:
    """Return what there is to say of a decision without its hands."""
    return {
        "line": report.line,
        "player": PLAYERS[report.player],
        "pot": report.pot,
        "reach": report.reach,
        "other_reach": report.other_reach,
        "rare": report.hardly_ever,
        "equity": plain_number(report.mean(report.equity)),
        "ev": plain_number(report.mean(report.ev)),
        "actions": action_totals(report),
    }


def plain_number(value: float) -> float | None:
    """Return a number as files have it: None in place of NaN."""
    return float(value) if np.isfinite(value) else None


def _rows(
    solver: SpotSolver, place: Place
) -> tuple[
    tuple[NDArray[np.float64], NDArray[np.float64]],
    list[tuple[NDArray[np.float64], NDArray[np.float64]]],
]:
    """Return both players' reach at a place, and each one's values there and of its children."""
    game = solver.game
    forest = game.forests[place.level]
    words = forest.level.forest.node
    segment = int(forest.segment[place.node])
    counts = [len(game.cards_on(place.board, p)) for p in range(2)]
    reach: list[NDArray[np.float64]] = [np.zeros(0), np.zeros(0)]
    values = []
    for p, space in enumerate(solver.look(place.level, place.board, segment)):
        below = (space.reach_0, space.reach_1, space.reach_2)[place.level]
        found = (space.value_0, space.value_1, space.value_2)[place.level]
        first = int(words[place.node, REACH_ROW + p])
        reach[1 - p] = below[first : first + counts[1 - p]].astype(np.float64)
        first = int(words[place.node, VALUE_ROW])
        own = found[first : first + counts[p]].astype(np.float64)
        children = game.trees[place.level].nodes[place.node].children
        rows = [int(words[child, VALUE_ROW]) for child in children]
        onward = np.array([found[row : row + counts[p]] for row in rows], np.float64)
        values.append((own, onward))
    assert int(words[place.node, ACTOR]) in (0, 1)
    return (reach[0], reach[1]), values


def _best_values(solver: SpotSolver, place: Place, player: int) -> NDArray[np.float64]:
    """Return what each of a player's hands gets by his best response from a place on."""
    forest = solver.game.forests[place.level]
    segment = int(forest.segment[place.node])
    (space,) = solver.look(place.level, place.board, segment, BEST, (player,))
    found = (space.value_0, space.value_1, space.value_2)[place.level]
    first = int(forest.level.forest.node[place.node, VALUE_ROW])
    count = len(solver.game.cards_on(place.board, player))
    values: NDArray[np.float64] = found[first : first + count].astype(np.float64)
    return values


def _met(own: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = (own[:, None, :, None] == other[None, :, None, :]).any(axis=(2, 3))
    apart: NDArray[np.float64] = (~shares).astype(np.float64)
    return apart


def _equities(
    solver: SpotSolver, place: Place, reach: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> Equities:
    """Return equities on the solved board: what turns it into the asked one changes nothing."""
    game = solver.game
    one, two = (game.cards_on(place.board, p) for p in range(2))
    board = SpotHands(
        game.hands.deck,
        game.boards[place.board].cards,
        (one, two),
        (np.ones(len(one)), np.ones(len(two))),
        game.hands.fewer,
    )
    return equities(board, reach, compact=solver.settings.compact)


def _range_weights(solver: SpotSolver, place: Place, player: int) -> NDArray[np.float64]:
    """Return the weight in the range of each of the player's hands at a place."""
    game = solver.game
    weights = {
        hand_of(int(a), int(b)): float(weight)
        for (a, b), weight in zip(
            game.hands.holes[player].tolist(), game.hands.weights[player].tolist(), strict=True
        )
    }
    cards = game.cards_on(place.board, player)
    return np.array([weights[hand_of(int(a), int(b))] for a, b in cards.tolist()])


def hand_rows(report: NodeReport, text: Any) -> list[dict[str, Any]]:
    """Return one row per hand, for tables and files.

    Args:
        report: of a decision.
        text: writes cards.
    """
    rows = []
    for number, cards in enumerate(report.hands.tolist()):
        row: dict[str, Any] = {
            "line": report.line,
            "player": PLAYERS[report.player],
            "hand": text(sorted(cards, reverse=True)),
            "weight": float(report.weight[number]),
            "rare": bool(report.rare[number]),
            "equity": plain_number(report.equity[number]),
            "ev": plain_number(report.ev[number]),
            "best_ev": plain_number(report.best_ev[number]),
            "gain": plain_number(report.gain[number]),
            "eqr": plain_number(report.eqr[number]),
        }
        for place, action in enumerate(report.actions):
            row[f"{action.code}_frequency"] = float(report.frequency[place, number])
            row[f"{action.code}_ev"] = plain_number(report.action_ev[place, number])
        rows.append(row)
    return rows


def action_ranges(report: NodeReport, deck: Deck) -> dict[str, str]:
    """Return the range that takes each action, as text that other tools read, by action's code.

    Weights are reach times frequency, in thousandths; an action that nobody takes has no range.
    """
    pairs = deck.card_count * (deck.card_count - 1) // 2
    rows = [hand_of(int(a), int(b)) for a, b in report.hands.tolist()]
    found = {}
    for number, action in enumerate(report.actions):
        weights = np.zeros(pairs)
        taken = np.clip(report.weight * report.frequency[number], 0.0, 1.0)
        weights[rows] = np.round(taken, 3)
        if weights.any():
            found[action.code] = range_text(deck, weights)
    return found
