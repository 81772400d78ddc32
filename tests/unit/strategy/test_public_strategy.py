"""The strategy interface: what a table says for all hands at once, against one row at a time."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.cards.ranges import hand_of
from cfr_shm.config.load import load_config
from cfr_shm.errors import GameError
from cfr_shm.games.registry import load_game
from cfr_shm.layout.policy import BLOCKED
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import hand_at, hands_of, policy_from, start_weights
from cfr_shm.strategy.table import TableStrategy

ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]], bucket_method: percentile,
              bucket_counts: [25, 6, 5, 4]}
"""
SMALL = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
"""


def random_strategy(text: str, tmp_path, seed: int = 1) -> TableStrategy:
    path = tmp_path / "game.yaml"
    path.write_text(text)
    config = load_config(path)
    game = load_game(config.game, abstraction=config.abstraction)
    rng = np.random.default_rng(seed)
    probability = np.zeros(game.table_entries)
    for record in game.tree.nodes[game.tree.nodes["kind"] == DECISION]:
        count, stride = int(record["count"]), int(record["row_stride"])
        for bucket in range(game.deals.bucket_count[record["actor"], record["street"]]):
            row = int(record["row_base"]) + bucket * stride
            probability[row : row + count] = rng.dirichlet(np.ones(count))
    return TableStrategy("random", game, Strategy(probability, np.ones(game.table_entries)))


@pytest.mark.parametrize("text", [ROYAL, SMALL], ids=["royal", "small"])
def test_all_hands_at_once_are_the_rows_of_their_buckets(text, tmp_path):
    strategy = random_strategy(text, tmp_path)
    game = strategy.game
    cards = game.hole_cards
    board = [int(card) for card in cards.dealt][:: len(cards.dealt) // 5][:5]
    nodes = np.flatnonzero(game.tree.nodes["kind"] == DECISION).tolist()
    found = strategy.probabilities(nodes, board)
    probability = strategy.on_boards(np.array([board])).probability
    for place, node in enumerate(nodes):
        record = game.tree.nodes[node]
        street, count = int(record["street"]), int(record["count"])
        shown = board[: cards.board_count(street)]
        for number, hole in enumerate(hands_of(game).tolist()):
            assert number == hand_of(*hole)
            possible = not set(hole) & set(shown) and set(hole) <= set(cards.dealt)
            expected = np.zeros(found.shape[2])
            if possible and number % 7 == 0:
                holes = np.array([hole], np.uint8)
                bucket = int(cards.buckets(record["actor"], street, holes, shown)[0])
                row = int(record["row_base"]) + bucket * int(record["row_stride"])
                expected[:count] = probability[row : row + count]
            if number % 7 == 0 or not possible:
                np.testing.assert_array_equal(found[place, number], expected)


def test_a_strategy_that_answers_for_nodes_alone_gives_kernels_the_same(tmp_path):
    strategy = random_strategy(ROYAL, tmp_path)
    game = strategy.game
    boards = np.array([[0, 5, 10, 15, 19], [1, 2, 3, 4, 8]])
    direct, made = strategy.on_boards(boards), policy_from(strategy, boards)
    np.testing.assert_array_equal(direct.number == BLOCKED, made.number == BLOCKED)
    for node in np.flatnonzero(game.tree.nodes["kind"] == DECISION)[::5].tolist():
        record = game.tree.nodes[node]
        street, count = int(record["street"]), int(record["count"])
        for board in range(len(boards)):
            for hand in np.flatnonzero(direct.number[board, street] != BLOCKED)[::11].tolist():
                rows = [
                    int(each.row_base[node])
                    + int(each.number[board, street, hand]) * int(each.row_stride[node])
                    for each in (direct, made)
                ]
                np.testing.assert_array_equal(
                    direct.probability[rows[0] : rows[0] + count],
                    made.probability[rows[1] : rows[1] + count],
                )


def test_the_public_state_of_a_node_follows_its_moves(tmp_path):
    game = random_strategy(ROYAL, tmp_path).game
    assert (hand_at(game, 0).pot, hand_at(game, 0).actor) == (3, 0)
    nodes = game.tree.nodes
    for node in np.flatnonzero(nodes["kind"] == DECISION).tolist():
        hand = hand_at(game, node)
        assert (hand.actor, hand.street) == (nodes["actor"][node], nodes["street"][node])
    assert start_weights(game, 0).sum() == 190


def test_games_without_hands_are_refused(tmp_path):
    path = tmp_path / "kuhn.yaml"
    path.write_text("game: {name: kuhn}\n")
    game = load_game(load_config(path).game)
    strategy = Strategy(np.zeros(game.table_entries), np.zeros(game.table_entries))
    with pytest.raises(GameError, match="not hold'em"):
        TableStrategy("kuhn", game, strategy)
