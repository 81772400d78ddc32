"""Hands are merged only where the game cannot tell them apart: against games of real hands.

A strategy is drawn for every row of the table. What the package says of it, best responses
included, must be what real hands say: with one merge too many the package's best response could
not do what real ones can.
"""

from __future__ import annotations

import numpy as np
import pytest
from production import table_with
from real_games import built, loaded, policy_of, real_hands

from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.evaluation.exact_response import exact_response
from cfr_shm.games.holdem.line_walk import walk_line
from cfr_shm.games.holdem.public_lines import public_lines
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.policy import BLOCKED
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import hands_of, holdem_parts
from cfr_shm.strategy.row_sums import TableSums
from cfr_shm.strategy.spot import spot_at
from cfr_shm.strategy.table import TableStrategy

PREFLOP = ["blinds=[10,10]", "stacks=30", "board_cards=[0]"]
FLOP = ["blinds=[0,0]", "dead=30", "big_blind=10", "stacks=40", "board_cards=[3]"]
FLOP_AND_TURN = ["blinds=[0,0]", "dead=30", "big_blind=10", "stacks=40", "board_cards=[3,1]"]
ON_RIVER = ["blinds=[0,0]", "dead=100", "bet_sizes=[1]", "stacks=100", "board_cards=[5]"]
ON_TURN = ["blinds=[0,0]", "dead=100", "bet_sizes=[1]", "stacks=100", "board_cards=[4]"]

GAMES = {
    "two suits told apart": [
        *PREFLOP,
        "ranks=4",
        'ranges=["KcQc,KdQd","AcAd,KcJc"]',
    ],
    "three suits told apart": [
        *PREFLOP,
        "ranks=4",
        'ranges=["KcQc,KdQd,KhQh","AcAd,KcJc,QdJd,KsQs"]',
    ],
    "weights that differ by suit": [
        *PREFLOP,
        "ranks=4",
        'ranges=["KcQc:0.3,KdQd,KhQh,AsJs","AA,KcJc:0.5,KJs:0.25"]',
    ],
    "one suit of a class left out": [
        *PREFLOP,
        "ranks=3",
        'ranges=["AKs,KQs,AcKc:0","*"]',
    ],
    "three players": [
        "players=3",
        "blinds=[10,10,10]",
        "stacks=30",
        "board_cards=[0]",
        "ranks=4",
        'ranges=["KcQc,KdQd","AcAd,KcJc","JhJs,QdJd"]',
    ],
    "ranges of classes": [*PREFLOP, "ranks=3", 'ranges=["AA,KQs","*"]'],
    "a monotone flop": [
        *FLOP,
        "ranks=4",
        "board=AcKcQc",
        'ranges=["AdJd,AhJh,JdJh","KdKh,JcJs,QdJd"]',
    ],
    "a flop and ranges that know nothing of suits": [*FLOP, "ranks=3", "board=AcKcQc"],
    "a two-tone flop and one suit of a flush draw": [
        *FLOP_AND_TURN,
        "ranks=4",
        "board=AcKcQd",
        'ranges=["JhJs,AdJd,AhJh","QcJc,KdJd,KhJh:0.5"]',
    ],
    "a flop that is known before it is dealt": [
        "blinds=[10,10]",
        "stacks=30",
        "board_cards=[0,3]",
        "ranks=3",
        "suits=3",
        "board=AcKcQd",
    ],
    "a board of which one card is known": [*FLOP, "ranks=3", "suits=3", "board=Ac"],
    "a river of the whole deck": [*ON_RIVER, "board=2s2h2d3c3d", 'ranges=["KK","AA,QQ,AsKs"]'],
    "a river with a flush for one suit": [
        *ON_RIVER,
        "board=Ts9s2s3d4c",
        'ranges=["KsQs,KdQd,KhQh,AcAd","AsJs,JhJc,AdJd:0.5,TT"]',
    ],
    "a river of three": [
        "players=3",
        "blinds=[0,0,0]",
        "dead=90",
        "bet_sizes=[1]",
        "stacks=50",
        "board_cards=[5]",
        "board=Ts9s2s3d4c",
        'ranges=["KsQs,KdQd,KhQh","AsJs,JhJc","TT,AcKc"]',
    ],
    "a turn and a river": [
        "blinds=[0,0]",
        "dead=100",
        "bet_sizes=[1,1]",
        "stacks=100",
        "board_cards=[4,1]",
        "board=Ts9s2s3d",
        'ranges=["KsQs,KdQd","AsJs,8h8c"]',
    ],
    "a turn whose river comes at the showdown": [
        *ON_TURN,
        "board=Ts9s2s3d",
        'ranges=["KsQs,KdQd","AsJs,JhJc,8h8c"]',
    ],
    "a hand that only the other seat is dealt": [
        *ON_TURN,
        "board=Ts9s2s3d",
        'ranges=["AcAd:0.3,AcKc:0.1","AcAd,7c7d:0.2,7h7c:0.7"]',
    ],
}


def drawn_strategy(game, seed):
    sums = np.random.default_rng(seed).random(game.table_entries) ** 3
    return Strategy.from_table(game, table_with(game, sums))


def nothing_behind(strategy):
    """Return a strategy where what lies behind its last row is no number."""
    entries = len(strategy.probability)
    probability = np.concatenate([strategy.probability, np.full(entries, np.nan)])
    return Strategy(probability[:entries], strategy.weight)


@pytest.mark.parametrize("name", GAMES)
def test_what_is_said_of_a_strategy_is_what_real_hands_say(name):
    config = loaded(GAMES[name])
    game = built(config)
    assert game.why_not_enumerable() is None
    reference = real_hands(config, levels=((("pot", 1), ("allin",)),))
    for seed in range(10):
        strategy = drawn_strategy(game, seed)
        policy = policy_of(game, strategy.probability)
        found = evaluate(game, strategy)
        assert found.values == pytest.approx(reference.values(policy), abs=1e-9)
        best = reference.best_responses(policy)
        assert found.best_response_values == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("name", GAMES)
def test_every_hand_has_a_row_at_every_node_whoever_holds_it(name):
    """Hands that a seat never holds have no row in the table: they read as one never visited."""
    game = built(loaded(GAMES[name]))
    table = TableStrategy("drawn", game, drawn_strategy(game, 3))
    cards, nodes = game.hole_cards, game.tree.nodes
    others = (card for card in cards.dealt if card not in cards.fixed_board)
    board = (*cards.fixed_board, *others)[: cards.board_count(game.street_count - 1)]
    policy = table.on_boards(np.array([board], np.int64).reshape(1, -1))
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        street, actor = int(nodes["street"][node]), int(nodes["actor"][node])
        number = policy.number[0, street]
        shares, weight = table.rows(node, number[number != BLOCKED])
        assert shares.sum(axis=1) == pytest.approx(1.0)
        missing = number[number != BLOCKED] >= game.deals.bucket_count[actor, street]
        assert (weight[~missing] > 0.0).all()
        assert (weight[missing] == 0.0).all()
        assert (shares[missing] == 1.0 / nodes["count"][node]).all()
        row = policy.row_base[node] + number[number != BLOCKED] * policy.row_stride[node]
        assert (policy.probability[row[:, None] + np.arange(shares.shape[1])] == shares).all()
        free = hands_of(game)[number != BLOCKED].astype(np.uint8)
        shown = board[: cards.board_count(street)]
        assert not (missing & (cards.buckets(actor, street, free, shown) != BLOCKED)).any()


@pytest.mark.parametrize("name", GAMES)
def test_places_show_the_hands_that_are_dealt_and_no_others(name):
    """A range's hand may meet none of the others' hands: other seats' rows say nothing of it."""
    config = loaded(GAMES[name])
    game = built(config)
    reference = real_hands(config, levels=((("pot", 1), ("allin",)),))
    table = table_with(game, np.random.default_rng(3).random(game.table_entries) ** 3)
    policy = policy_of(game, Strategy.from_table(game, table).probability)
    tree, cards = holdem_parts(game)
    lines = public_lines(tree, game.big_blind)
    for node in np.flatnonzero(game.tree.nodes["kind"] == DECISION)[::3].tolist():
        place = walk_line(tree, lines[node].rstrip("/"), game.big_blind)
        street, line = place.street, tuple(step.choice.move for step in place.steps)
        dealt = reference.classes[street]
        for parts in sorted({seen[1:] for seen in dealt[place.seat]})[::97]:
            shown = [card for part in parts for card in part]
            fixed = cards.fixed_board[: len(shown)]
            board = (*fixed, *(card for card in shown if card not in fixed))
            spot = spot_at(TableSums(table), place, cards, board)
            for seat, held in enumerate(spot.ranges):
                given = {tuple(hand) for hand in np.sort(held.cards, axis=1).tolist()}
                assert given == {hole for hole, *seen in dealt[seat] if tuple(seen) == parts}
            seen = [(tuple(sorted(hand)), *parts) for hand in spot.hands.cards.tolist()]
            count = len(place.choices)
            expected = policy(line, place.seat, street, count, seen)
            assert spot.hands.probability == pytest.approx(expected, abs=1e-12)


@pytest.mark.thorough
@pytest.mark.skipif(JIT_DISABLED, reason="walks over boards need compiled kernels")
@pytest.mark.parametrize(
    "name",
    [
        "a river with a flush for one suit",
        "a turn whose river comes at the showdown",
        "a turn and a river",
        "a hand that only the other seat is dealt",
    ],
)
def test_walks_over_all_boards_say_the_same(name):
    """Chips that lie in the pot from before belong to whoever wins: values add up to them."""
    config = loaded(GAMES[name])
    game = built(config)
    strategy = nothing_behind(drawn_strategy(game, 3))
    listed = evaluate(game, strategy)
    walked = exact_response(TableStrategy("drawn", game, strategy))
    assert walked.values == pytest.approx(listed.values, abs=1e-6)
    assert walked.best_response_values == pytest.approx(listed.best_response_values, abs=1e-6)
    assert sum(walked.values) == pytest.approx(100.0)
