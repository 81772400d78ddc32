"""Local best response where all deals are listed: published figures, and never above exact."""

from __future__ import annotations

import numpy as np
import pytest
from small_decks import FIXED_BOARD, TWO_STREETS, game_of, probabilities_of, random_strategy

from cfr_shm.cards.abstraction import FAMILIES, BucketSpec
from cfr_shm.cards.buckets import build_file
from cfr_shm.errors import GameError, UsageError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.evaluation.listed_local_response import listed_local_response, streets_named
from cfr_shm.evaluation.local_response import local_response
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.betting import FOLD
from cfr_shm.strategy.average import Strategy

#: The same river, with the bets that local best response takes: all deals listed, and dealt.
RIVER = """
game: {{name: holdem, blinds: [0, 0], dead: 4, big_blind: 2, stacks: 12, ranks: 5,
       board_cards: [5], board: AsKsQdJcJd}}
abstraction: {{river: [[1, allin], [1, allin]]{buckets}}}
"""


def drawn(game, seed):
    rng = np.random.default_rng(seed)
    found = probabilities_of(game, lambda _, r, __: rng.dirichlet(np.ones(int(r["count"]))))
    found.setflags(write=False)
    return found


def wins(game, probability, actions):
    return listed_local_response(game, probability, streets_named(game, actions))


@pytest.mark.parametrize("merge", [False, True], ids=["apart", "merged"])
def test_leduc_played_uniformly(merge):
    """The figures of an independent enumeration; bets throughout, from the second street, never."""
    game = leduc(merge_suits=merge)
    uniform = probabilities_of(game, lambda _, r, __: np.full(int(r["count"]), 1.0 / r["count"]))
    uniform.setflags(write=False)
    first, second = wins(game, uniform, "tree")
    assert (first, second) == (
        pytest.approx(1.7296296, abs=5e-8),
        pytest.approx(2.6268519, abs=5e-8),
    )
    assert (first + second) / 2 == pytest.approx(2.1782407, abs=5e-8)
    assert sum(wins(game, uniform, "fcpa")) / 2 == pytest.approx(1.875, abs=1e-12)
    assert sum(wins(game, uniform, "fc")) / 2 == pytest.approx(0.5166667, abs=5e-8)


@pytest.mark.parametrize(
    "count",
    [
        20,
        pytest.param(200, marks=pytest.mark.thorough),
        pytest.param(2000, marks=pytest.mark.slow),
    ],
    ids=["some", "many", "all"],
)
@pytest.mark.parametrize("name", ["leduc", "two streets", "fixed board"])
def test_never_more_than_a_best_response(name, count, tmp_path):
    """Nothing is drawn, so that not even rounding excuses more."""
    games = {"two streets": TWO_STREETS, "fixed board": FIXED_BOARD}
    game = leduc() if name == "leduc" else game_of(games[name], tmp_path)
    dead = 0 if game.betting is None else game.betting.rules.dead
    for seed in range(count if name == "leduc" else count // 10):
        probability = drawn(game, seed)
        best = evaluate(game, Strategy(probability.copy(), np.ones(len(probability))))
        for actions in ("fc", "fcpa", "tree"):
            for won, most in zip(
                wins(game, probability, actions), best.best_response_values, strict=True
            ):
                assert won <= most - dead / 2 + 1e-9


def test_somebody_who_folds_loses_what_it_put_in(tmp_path):
    game = game_of(TWO_STREETS, tmp_path)
    moves = game.betting.move

    def folds(_, record, __):
        first, count = int(record["first_child"]), int(record["count"])
        legal = moves[first : first + count].tolist()
        return np.eye(count)[legal.index(FOLD) if FOLD in legal else 0]

    probability = probabilities_of(game, folds)
    probability.setflags(write=False)
    assert wins(game, probability, "tree") == pytest.approx((2.0, 1.0))


@pytest.mark.skipif(JIT_DISABLED, reason="thousands of hands need compiled kernels")
def test_the_one_that_draws_agrees_with_the_one_that_lists(tmp_path):
    """On a river whose cards play alone; chips from before are no gain of either."""
    buckets = tmp_path / "royal"
    build_file(BucketSpec("royal", FAMILIES["percentile"], (25, 2, 2, 5)), buckets)
    drawing = game_of(RIVER.format(buckets=f", buckets: {buckets}"), tmp_path)
    listing = game_of(RIVER.format(buckets=""), tmp_path)
    for node, record in enumerate(drawing.tree.nodes):
        assert record["kind"] == listing.tree.nodes["kind"][node]
    rng = np.random.default_rng(5)
    at_node = {node: rng.dirichlet(np.ones(3)) for node in range(len(drawing.tree.nodes))}

    def alike(node, record, _):
        chosen = at_node[node][: int(record["count"])]
        return chosen / chosen.sum()

    probability = probabilities_of(listing, alike)
    probability.setflags(write=False)
    exact = wins(listing, probability, "fcpa")
    strategy = random_strategy(drawing, 0)
    strategy = type(strategy)(
        "alike", drawing, Strategy(probabilities_of(drawing, alike), strategy.weight)
    )
    found = local_response(strategy, 4000, seed=3)
    for seat, gain in enumerate(found.seats):
        error = (gain.high - gain.value) / 1.96
        assert abs(gain.value - exact[seat]) < 4.5 * error < 1.0  # half the chips from before: 2


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(UsageError, match="no action set '56bets' where deals are listed"):
        streets_named(leduc(), "56bets")
    with pytest.raises(GameError, match="nothing says what folds"):
        wins(kuhn(), drawn(kuhn(), 1), "tree")
    with pytest.raises(GameError, match="for two players, not 3"):
        wins(leduc(3), np.zeros(0), "tree")
