"""Liar's dice and Goofspiel, history by history, against OpenSpiel's own trees."""

from __future__ import annotations

from collections import defaultdict

import pyspiel
import pytest
from policies import openspiel_policy, random_strategy, uniform_strategy

from cfr_shm.errors import GameError
from cfr_shm.evaluation.best_response import evaluate
from cfr_shm.games.game import Game
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.layout.tree import DECISION, TERMINAL

GAMES = {
    "liars dice 1x3": lambda: liars_dice(dice=1, sides=3),
    "liars dice 1x4": lambda: liars_dice(dice=1, sides=4),
    "liars dice 2x2": lambda: liars_dice(dice=2, sides=2),
    "goofspiel 3": lambda: goofspiel(cards=3),
    "goofspiel 4": lambda: goofspiel(cards=4),
}


class Walk:
    """Go through OpenSpiel's tree and ours together; buckets are learnt from the labels."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.labels = {label.name: label for label in game.infosets()}
        self.seen: set[str] = set()
        self.nodes: set[int] = set()
        self.leaves: list[tuple[int, tuple[int, ...], list[float]]] = []
        self.chance: dict[tuple[int, ...], dict[tuple[int, ...], float]] = defaultdict(dict)
        root = pyspiel.load_game(game.openspiel_name).new_initial_state()
        self.visit(root, 0, (), 1.0, {})

    def visit(self, state, node, dealt, chance, buckets) -> None:
        if state.is_chance_node():
            for outcome, probability in state.chance_outcomes():
                child = state.child(outcome)
                self.visit(child, node, (*dealt, outcome), chance * probability, buckets)
            return
        self.nodes.add(node)
        record = self.game.tree.nodes[node]
        if state.is_terminal():
            assert record["kind"] >= TERMINAL
            key = tuple(buckets[player] for player in sorted(buckets))
            self.leaves.append((node, key, state.returns()))
            self.chance[key][dealt] = chance
            return
        assert record["kind"] == DECISION
        assert record["actor"] == state.current_player()
        name = state.information_state_string()
        self.seen.add(name)
        label = self.labels[name]
        assert (label.player, list(label.actions)) == (record["actor"], state.legal_actions())
        bucket, rest = divmod(
            label.row - int(record["row_base"]), max(1, int(record["row_stride"]))
        )
        assert rest == 0
        assert buckets.get(label.player, bucket) == bucket
        children = range(record["first_child"], record["first_child"] + record["count"])
        for action, child in zip(state.legal_actions(), children, strict=True):
            known = {**buckets, label.player: bucket}
            self.visit(state.child(action), child, dealt, chance, known)


@pytest.fixture(scope="module", params=GAMES)
def walk(request) -> Walk:
    return Walk(GAMES[request.param]())


def test_every_infoset_has_openspiel_s_name_and_no_other(walk):
    assert walk.seen == set(walk.labels)
    assert len(walk.labels) == len(list(walk.game.infosets()))
    assert len(walk.labels) == len({label.row for label in walk.labels.values()})


def test_every_node_stands_for_a_history(walk):
    assert walk.nodes == set(range(len(walk.game.tree.nodes)))


def test_chance_probabilities_are_equal(walk):
    deals = walk.game.deals
    ours = dict(
        zip(map(tuple, deals.bucket[:, :, 0].tolist()), deals.probability.tolist(), strict=True)
    )
    theirs = {key: sum(dealt.values()) for key, dealt in walk.chance.items()}
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_terminal_utilities_are_equal(walk):
    game = walk.game
    deal_of = {tuple(row): deal for deal, row in enumerate(game.deals.bucket[:, :, 0].tolist())}
    for node, buckets, returns in walk.leaves:
        deal = deal_of[buckets]
        ours = [leaf_utility(game.tree, node, p, game.deals.strength, deal) for p in range(2)]
        assert ours == returns


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_exploitability_is_openspiel_s(name, seed):
    game = GAMES[name]()
    strategy = random_strategy(game, seed)
    theirs = pyspiel.load_game(game.openspiel_name)
    policy = openspiel_policy(game, strategy)
    found = evaluate(game, strategy)
    assert found.exploitability == pytest.approx(pyspiel.exploitability(theirs, policy), abs=1e-9)


@pytest.mark.skipif(JIT_DISABLED, reason="too slow uncompiled")
@pytest.mark.parametrize(
    ("build", "infosets", "exploitability"),
    [(liars_dice, 24_576, 0.780744), (goofspiel, 2_124, 0.775)],
)
def test_uniform_profiles_are_as_exploitable_as_published(build, infosets, exploitability):
    game = build()
    assert len(list(game.infosets())) == infosets
    found = evaluate(game, uniform_strategy(game))
    assert found.exploitability == pytest.approx(exploitability, abs=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: liars_dice(players=3), "liars_dice has 2 players, not 3"),
        (lambda: liars_dice(dice=0), "0 dice of 6 sides; at least 1 of at least 2"),
        (lambda: liars_dice(dice=2, sides=6), "make 24 bids, and the tree doubles with each"),
        (lambda: goofspiel(players=3), "goofspiel has 2 players here, not 3"),
        (lambda: goofspiel(cards=7), "goofspiel has 2 to 6 cards, not 7"),
    ],
)
def test_impossible_parameters_are_refused_in_one_line(build, message):
    with pytest.raises(GameError, match=message):
        build()
