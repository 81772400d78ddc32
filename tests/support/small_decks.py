"""Hold'em games on small decks, and strategies drawn at random: exact answers are at hand."""

from __future__ import annotations

import numpy as np

from cfr_shm.config.load import load_config
from cfr_shm.games.game import Game
from cfr_shm.games.registry import load_game
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy

TWO_STREETS = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
"""
THREE_STREETS = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 3, board_cards: [0, 1, 1]}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1]], turn: [[1], [allin]]}
"""
FIXED_BOARD = """
game: {name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 4, suits: 4,
       board_cards: [3, 1],
       board: AsKsQd, ranges: ["AA:0.5, KK, AQ, JJ, AJs:0.3", "*"]}
abstraction: {flop: [[1], [allin]], turn: [[1], [allin]]}
"""
RAKED = """
game: {name: holdem, blinds: [1, 2], stacks: 12, ranks: 3, suits: 4, board_cards: [0, 3],
       rake_fraction: 0.2, rake_cap: 3}
abstraction: {preflop: [[2.5bb], [allin]], flop: [[1], [allin]]}
"""
ROYAL = """
game: {name: holdem, blinds: [1, 2], stacks: 20, ranks: 5}
abstraction: {preflop: [[allin]], flop: [[1]], turn: [[1]], river: [[1]],
              bucket_method: percentile, bucket_counts: [25, 6, 5, 4]}
"""
#: As long as nobody is all-in on the flop or turn there are later streets.
STANDARD = """
game: {name: holdem, blinds: [100, 200], stacks: 20bb}
abstraction: {preflop: [[2.5bb], [allin]], max_raises: [2, 1, 1, 1], flop: [[0.5]], turn: [[0.75]],
              river: [[0.75]]}
"""


def game_of(text: str, tmp_path) -> Game:
    """Build the game that a configuration describes."""
    path = tmp_path / "game.yaml"
    path.write_text(text)
    config = load_config(path)
    return load_game(config.game, abstraction=config.abstraction)


def probabilities_of(game: Game, of_row) -> np.ndarray:
    """Return (entries,) what ``of_row(node, record, bucket)`` says for each row."""
    probability = np.zeros(game.table_entries)
    for node in np.flatnonzero(game.tree.nodes["kind"] == DECISION):
        record = game.tree.nodes[node]
        count, stride = int(record["count"]), int(record["row_stride"])
        for bucket in range(game.deals.bucket_count[record["actor"], record["street"]]):
            row = int(record["row_base"]) + bucket * stride
            probability[row : row + count] = of_row(node, record, bucket)
    return probability


def strategy_of(game: Game, of_row, name: str = "made") -> TableStrategy:
    """Return the strategy that ``of_row`` describes."""
    probability = probabilities_of(game, of_row)
    return TableStrategy(name, game, Strategy(probability, np.ones(game.table_entries)))


def random_strategy(game: Game, seed: int) -> TableStrategy:
    """Return a strategy drawn uniformly."""
    rng = np.random.default_rng(seed)
    return strategy_of(game, lambda _, record, __: rng.dirichlet(np.ones(record["count"])))


def raw(strategy: TableStrategy) -> Strategy:
    """Return the rows of a strategy, as the listed evaluator takes them."""
    return Strategy(strategy.probability, strategy.weight)
