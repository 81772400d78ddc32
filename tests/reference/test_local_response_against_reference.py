"""Local best response, decision by decision, against the slow one."""

from __future__ import annotations

from functools import lru_cache

import betting_lines as plain
import draws
import numpy as np
import pytest
import slow_local_response as slow
from brute_force_evaluator import Rules
from small_decks import ROYAL, game_of, random_strategy

from cfr_shm.cli.main import main
from cfr_shm.cli.sources import open_strategy
from cfr_shm.evaluation.local_response import LocalPlayer, local_moves
from cfr_shm.kernels.evaluation.draw_deals import draw_deals
from cfr_shm.layout.local_response import (
    RECORD_COLUMNS,
    RECORD_MOVE,
    RECORD_NODE,
    RECORD_PAIR,
    RECORD_SEAT,
    RECORD_STREET,
    RECORD_UTILITY,
)
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.public import PublicStrategy

SETS = {
    "fcpa": ((slow.CALLS, slow.CALLS, slow.BETS, slow.BETS), (1.0,)),
    "56bets": (
        (slow.CALLS, slow.CALLS, slow.BETS, slow.BETS),
        tuple(0.05 * 1.15**step for step in range(55)),
    ),
    "56bets-flop": (
        (slow.CALLS, slow.BETS, slow.FOLDS, slow.FOLDS),
        tuple(0.05 * 1.15**step for step in range(55)),
    ),
}
#: Streams of the draws, as docs/evaluation.md tells them.
ACTION_STREAM = 64


def plain_strategy(strategy: PublicStrategy) -> slow.Strategy:
    """Return the same strategy for one hand at a time."""
    game = strategy.game
    nodes, move = game.tree.nodes, game.betting.move
    children = {}
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        first, count = int(nodes["first_child"][node]), int(nodes["count"][node])
        children[node] = [(int(move[child]), child) for child in range(first, first + count)]

    @lru_cache(maxsize=4096)
    def all_hands(node, board):
        return strategy.probabilities([node], board)[0]

    def policy(node, hand, board):
        low, high = sorted(hand)
        return all_hands(node, board)[high * (high - 1) // 2 + low][: len(children[node])]

    return slow.Strategy(children, policy)


def compare(strategy: PublicStrategy, actions: str, pairs: int, rank, seed: int = 7) -> int:
    """Play pairs both ways; return how many decisions that compare anything were the same."""
    game = strategy.game
    record = np.zeros((pairs * 40, RECORD_COLUMNS))
    won = np.zeros((pairs, 2))
    player = LocalPlayer(strategy, local_moves(actions), seed)
    record = record[: player.play(0, won, record)]
    dealt = np.zeros((pairs, 9), np.int64)
    draw_deals(game.deals.cards, seed, 0, 2, dealt)
    rules = game.betting.rules
    plain_rules = plain.Rules(tuple(rules.stack.tolist()), tuple(rules.blind.tolist()))
    told = plain_strategy(strategy)
    deck = range(game.hole_cards.deck.card_count)
    compared = 0
    for pair in range(pairs):
        for seat in range(2):
            key = draws.sweep_key(seed, pair, ACTION_STREAM + seat)
            hand = slow.Hand(
                plain_rules,
                told,
                rank,
                deck,
                SETS[actions],
                tuple(dealt[pair, :5].tolist()),
                tuple(dealt[pair, 5 + 2 * seat : 7 + 2 * seat].tolist()),
                seat,
                lambda index, key=key: draws.uniform(key, index),
            )
            assert won[pair, seat] == pytest.approx(hand.play(), abs=1e-9)
            rows = record[(record[:, RECORD_PAIR] == pair) & (record[:, RECORD_SEAT] == seat)]
            assert len(rows) == len(hand.decisions)
            for row, decision in zip(rows, hand.decisions, strict=True):
                assert row[RECORD_STREET] == decision.street
                assert row[RECORD_NODE] == (-1 if decision.node is None else decision.node)
                assert row[RECORD_MOVE] == decision.move
                assert row[RECORD_UTILITY] == pytest.approx(decision.utility, abs=1e-9)
                compared += SETS[actions][0][decision.street] != slow.CALLS
    return compared


#: More sizes than the tree has, deeper stacks than one bet: most bets have to be translated.
DEEP = ROYAL.replace("stacks: 20", "stacks: 90").replace("river: [[1]]", "river: [[0.6], [allin]]")


@pytest.mark.parametrize(("actions", "pairs"), [("fcpa", 60), ("56bets", 60), ("56bets-flop", 20)])
def test_the_same_action_and_utility_at_every_decision(actions, pairs, tmp_path):
    strategy = random_strategy(game_of(DEEP, tmp_path), 4)
    ranks = Rules(5)
    rank = lru_cache(maxsize=None)(lambda cards: ranks.rank(cards))
    assert compare(strategy, actions, pairs, lambda cards: rank(tuple(sorted(cards)))) > 20


@pytest.mark.slow
def test_five_hundred_decisions_against_a_trained_hu_small(tmp_path):
    """Minutes: the slow one ranks 46 boards for every hand of the range on each turn."""
    phevaluator = pytest.importorskip("phevaluator")
    run = str(tmp_path / "run")
    train = ["train", "-c", "hu_small", "--iters", "1000000", "--seed", "1", "--logdir", run]
    assert main(train) == 0
    rank = lru_cache(maxsize=1 << 20)(lambda cards: -phevaluator.evaluate_cards(*cards))
    strategy = open_strategy(str(run)).strategy
    found = compare(strategy, "fcpa", 180, lambda cards: rank(tuple(sorted(map(int, cards)))))
    assert found >= 500
