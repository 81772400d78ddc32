"""The parts of a responder's gain against plain recursion over single hands."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gain_by_choices import Response
from small_decks import FIXED_BOARD, RAKED, THREE_STREETS, game_of, random_strategy

from cfr_shm.evaluation.gain_parts import BoardParts
from cfr_shm.layout.tree import DECISION, SHOWDOWN
from cfr_shm.strategy.public import hands_of, start_weights


def plain(strategy, seat: int, street: int) -> Response:
    """Put a strategy on a small deck in plain terms: nodes, cards, payoffs."""
    game = strategy.game
    nodes, cards = game.tree.nodes, game.hole_cards
    numbers = {tuple(hole): number for number, hole in enumerate(hands_of(game).tolist())}
    known: dict = {}

    def policy(node, hand, board):
        if (node, board) not in known:
            known[node, board] = strategy.probabilities([node], board)[0]
        return known[node, board][numbers[hand]][: nodes[node]["count"]].tolist()

    def strength(hand, board):
        return int(cards.strengths(np.array([hand], np.int64), board)[0])

    def pays(node, seat, own, other, board):
        record = nodes[node]
        losing = float(game.tree.utility[record["payoff"], seat])
        if record["kind"] != SHOWDOWN:
            return losing
        pot = float(game.tree.pot_amount[record["detail"]])
        mine, theirs = strength(own, board), strength(other, board)
        return losing + pot * (1.0 if mine > theirs else 0.5 if mine == theirs else 0.0)

    shown = [cards.board_count(each) for each in range(game.street_count)]
    lies = {}
    for node, record in enumerate(nodes):
        last = cards.showdown_cards if record["kind"] == SHOWDOWN else 0
        lies[node] = shown[record["street"]] if record["kind"] == DECISION else last
    decides = [int(node) for node in np.flatnonzero(nodes["kind"] == DECISION)]
    return Response(
        children={
            node: list(
                range(nodes[node]["first_child"], nodes[node]["first_child"] + nodes[node]["count"])
            )
            for node in decides
        },
        actor={node: int(nodes[node]["actor"]) for node in decides},
        cards=lies,
        pays=pays,
        policy=policy,
        deck=tuple(int(card) for card in cards.dealt),
        first_cards=shown[street],
        seat=seat,
    )


def slowly(strategy, street: int, board: tuple[int, ...]) -> dict[int, float]:
    """Return what both responders gain by each choice on a board, chips, the mean over seats.

    In units of how often two hands meet on a board, on average.
    """
    game = strategy.game
    holes = [tuple(hole) for hole in hands_of(game).tolist()]
    start = [dict(zip(holes, start_weights(game, seat), strict=True)) for seat in range(2)]
    dealt = [int(card) for card in game.hole_cards.dealt]
    fixed = game.hole_cards.fixed_board
    free = [card for card in dealt if card not in fixed]
    boards = [(*fixed, *more) for more in itertools.combinations(free, len(board) - len(fixed))]
    met = np.mean([pairs_on(each, start, set(dealt)) for each in boards])
    total: dict[int, float] = {}
    for seat in range(2):
        response = plain(strategy, seat, street)
        live = [hole for hole in holes if set(hole) <= set(dealt) - set(board)]
        for own in live:
            others = {hole: start[1 - seat][hole] for hole in live if not set(hole) & set(own)}
            others = {hole: weight for hole, weight in others.items() if weight > 0.0}
            if start[seat][own] > 0.0:
                response.take_apart(0, board, own, others, float(start[seat][own]))
        for node, gain in response.gains.items():
            total[node] = total.get(node, 0.0) + gain / met / 2.0
    return total


def pairs_on(board, start, dealt) -> float:
    """Return the sum over pairs of hands that can meet on a board of both weights."""
    live = [hole for hole in start[0] if set(hole) <= dealt - set(board)]
    return sum(
        start[0][one] * start[1][two]
        for one in live
        if start[0][one] > 0.0
        for two in live
        if not set(one) & set(two)
    )


@pytest.mark.parametrize(
    ("text", "street", "cards"),
    [
        pytest.param(THREE_STREETS, 1, 1, marks=pytest.mark.thorough),
        (THREE_STREETS, 2, 2),
        pytest.param(RAKED, 1, 3, marks=pytest.mark.thorough),
        pytest.param(FIXED_BOARD, 1, 4, marks=pytest.mark.thorough),
    ],
)
def test_parts_are_those_of_plain_recursion(text, street, cards, tmp_path):
    game = game_of(text, tmp_path)
    strategy = random_strategy(game, 4)
    left = [c for c in map(int, game.hole_cards.dealt) if c not in game.hole_cards.fixed_board]
    board = (*game.hole_cards.fixed_board, *left[1::3])[:cards]
    found, lines = BoardParts(strategy, street).on_board(board)
    expected = slowly(strategy, street, board)
    assert set(lines) >= {node for node, gain in expected.items() if abs(gain) > 1e-12}
    for node in set(lines) | set(expected):
        assert lines.get(node, 0.0) == pytest.approx(expected.get(node, 0.0), rel=1e-9, abs=1e-12)
    assert found[:4].sum() == pytest.approx(sum(expected.values()), rel=1e-9)
