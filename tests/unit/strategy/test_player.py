"""Playing hands that leave a tree: legal moves, the same readings as lines have, any chips."""

from __future__ import annotations

import numpy as np
import pytest
from first_cases import first_cases
from small_decks import ROYAL, game_of, random_strategy

from cfr_shm.cards.ranges import hand_of
from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.games.holdem.line_walk import Place, walk_line
from cfr_shm.layout.betting import CALL, FOLD
from cfr_shm.strategy.player import TreePlayer

SIX = """
game: {name: holdem, players: 6, blinds: [1, 2], stacks: 60, ranks: 5}
abstraction: {preflop: [[2.5bb], [3x, allin]], flop: [[0.5, 1], [allin]], turn: [[1]],
              river: [[1]], limp: true, max_flop_players: 3, max_raises: [2, 2, 1, 1],
              bucket_method: percentile, bucket_counts: [25, 3, 3, 3]}
"""
HUNDRED = ROYAL.replace("stacks: 20", "stacks: 200").replace("[1]", "[0.5, 1]")
GAMES = {"two": HUNDRED, "six": SIX}


@pytest.fixture(scope="module", params=first_cases(GAMES))
def strategy(request, tmp_path_factory):
    game = game_of(GAMES[request.param], tmp_path_factory.mktemp("game"))
    return random_strategy(game, 1)


def any_move(hand: Hand, rng: np.random.Generator) -> int:
    """A legal move; sizes of all kinds, most of them in no tree."""
    moves = [CALL, CALL, CALL]
    if hand.may_fold:
        moves.append(FOLD)
    if hand.raise_bounds is not None:
        least, most = hand.raise_bounds
        moves += [least, most, int(rng.integers(least, min(most, 3 * least) + 1))]
    return int(rng.choice(moves))


def text_of(hand: Hand, move: int) -> str:
    if move == FOLD:
        return "f"
    if move == CALL:
        return "c" if hand.call_amount else "x"
    return f"r{move}"


def place_of(game, words: list[str]) -> tuple[Place | None, str]:
    """Where a line leads to, or why it leads nowhere."""
    try:
        return walk_line(game.betting, " ".join(words), game.big_blind), ""
    except UsageError as error:
        return None, str(error)


def test_what_it_does_is_legal_wherever_a_hand_goes(strategy):
    rng = np.random.default_rng(2)
    player = TreePlayer(strategy)
    cards = strategy.game.hole_cards
    asked = off_tree = 0
    for _ in range(150):
        dealt = rng.permutation(cards.deck.card_count)
        player.begin()
        while not player.hand.finished:
            found = player.decide(dealt[:2], dealt[2:7])
            assert len(set(found.moves)) == len(found.moves)
            assert all(player.hand.refusal(move) is None for move in found.moves)
            assert sum(found.probabilities) == pytest.approx(1.0, abs=1e-12)
            asked += 1
            off_tree += player.hand.committed != player.tree_hand.committed
            own = rng.random() < 0.5
            move = found.drawn(rng.random()) if own else any_move(player.hand, rng)
            spoke = player.node is not None
            player.take(move)
            assert spoke or player.node is None
    assert off_tree > 20 < asked - off_tree


def test_moves_of_the_tree_have_the_probabilities_of_its_rows(strategy):
    """Every hand goes on as the strategy itself would, so that nothing is translated."""
    rng = np.random.default_rng(3)
    player = TreePlayer(strategy)
    records, move_of = strategy.game.tree.nodes, strategy.game.betting.move
    cards = strategy.game.hole_cards
    for _ in range(30):
        dealt = rng.permutation(cards.deck.card_count)
        player.begin()
        node = 0
        while player.node is not None:
            assert player.node == node
            board = dealt[2 : 2 + cards.board_count(player.hand.street)]
            first, count = int(records[node]["first_child"]), int(records[node]["count"])
            rows = strategy.probabilities([node], board)
            found = player.decide(dealt[:2], dealt[2:7])
            assert found.moves == tuple(move_of[first : first + count].tolist())
            row = rows[0, hand_of(int(dealt[0]), int(dealt[1])), :count]
            np.testing.assert_allclose(found.probabilities, row, rtol=1e-12)
            taken = int(rng.integers(count))
            reading = player.take(found.moves[taken])
            assert reading.known == reading.move
            node = first + taken


def test_lines_are_read_as_query_reads_them(strategy):
    """``walk_line`` keeps two hands in a way of its own; what it refuses has left the tree."""
    rng = np.random.default_rng(4)
    game = strategy.game
    player = TreePlayer(strategy)
    followed = refused = 0
    for _ in range(300):
        player.begin()
        words: list[str] = []
        while not player.hand.finished:
            move = any_move(player.hand, rng)
            words.append(text_of(player.hand, move))
            player.take(move)
            if player.hand.finished:
                break
            place, why = place_of(game, words)
            if place is None:
                # Where the tree has no raise a player goes on as after a call, if it can.
                assert player.node is None or "no bet or raise here to take it for" in why
                refused += 1
                break
            assert player.node == place.node
            assert player.tree_hand.committed == place.tree_hand.committed
            followed += 1
    assert followed > 200 < 300 + refused


def test_chips_of_another_size_change_nothing(strategy):
    """Every amount is fifty times as large; a player of the tree reads it just so."""
    rng = np.random.default_rng(5)
    rules = strategy.game.betting.rules
    times = 50
    large = betting_rules(
        players=rules.players,
        blinds=(rules.blind * times).tolist(),
        stacks=(rules.stack * times).tolist(),
    )
    plain, scaled = TreePlayer(strategy), TreePlayer(strategy, large)
    for _ in range(60):
        dealt = rng.permutation(strategy.game.hole_cards.deck.card_count)
        plain.begin()
        scaled.begin()
        while not plain.hand.finished:
            assert scaled.node == plain.node
            one, two = (each.decide(dealt[:2], dealt[2:7]) for each in (plain, scaled))
            assert len(two.moves) >= len(one.moves)  # small chips round sizes to the same move
            move = any_move(plain.hand, rng)
            known = plain.take(move), scaled.take(move * times if move > 0 else move)
            assert known[0].known == known[1].known
            assert known[0].size == known[1].size


def test_what_fits_no_tree_is_refused(strategy):
    rules = strategy.game.betting.rules
    blinds = rules.blind.tolist()
    deeper = betting_rules(players=rules.players, blinds=blinds, stacks=(rules.stack * 2).tolist())
    with pytest.raises(UsageError, match=r"made cannot play these hands: stacks of \d+ bb and"):
        TreePlayer(strategy, deeper)
    more = betting_rules(players=rules.players + 1, blinds=blinds, stacks=int(rules.stack[0]))
    with pytest.raises(UsageError, match=f"{rules.players} and {rules.players + 1} players"):
        TreePlayer(strategy, more)
    pot = rules._replace(limit=1)
    with pytest.raises(UsageError, match="betting no_limit and pot_limit"):
        TreePlayer(strategy, pot)
    player = TreePlayer(strategy)
    with pytest.raises(GameError, match="illegal move 1: "):
        player.take(1)
    while player.hand.street == 0:
        player.take(CALL)
    with pytest.raises(UsageError, match="a card twice in"):
        player.decide((0, 1), (0, 2, 3))
