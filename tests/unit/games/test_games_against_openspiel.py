"""Kuhn and Leduc, history by history, against OpenSpiel's own trees."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

import pyspiel
import pytest

from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.layout.tree import DECISION, SHOWDOWN, TERMINAL


@dataclass
class Walk:
    """Go through OpenSpiel's tree and ours together."""

    game: Game
    labels: dict[str, InfosetLabel] = field(default_factory=dict)
    seen_names: set[str] = field(default_factory=set)
    histories: int = 0
    card_bucket: dict[tuple[int, ...], int] = field(default_factory=dict)
    deal_of: dict[tuple[int, ...], int] = field(default_factory=dict)
    leaf_checks: list[tuple[int, tuple[int, ...], list[float]]] = field(default_factory=list)
    card_probability: dict[tuple[int, ...], float] = field(default_factory=dict)

    def run(self, keep: float = 1.0) -> Walk:
        self.labels = {label.name: label for label in self.game.infosets()}
        state = pyspiel.load_game(self.game.openspiel_name).new_initial_state()
        self._visit(state, 0, (), 1.0, random.Random(1), keep)
        return self

    def _visit(self, state, node, cards, chance, chosen, keep) -> None:
        if state.is_chance_node():
            outcomes = state.chance_outcomes()
            count = max(1, round(keep * len(outcomes)))
            for card, probability in chosen.sample(outcomes, count):
                self._visit(
                    state.child(card), node, (*cards, card), chance * probability, chosen, keep
                )
            return
        self.histories += 1
        record = self.game.tree.nodes[node]
        self.card_probability[cards] = chance
        if state.is_terminal():
            assert record["kind"] in (TERMINAL, SHOWDOWN)
            self.leaf_checks.append((node, cards, state.returns()))
            return
        assert record["kind"] == DECISION
        actor = state.current_player()
        assert record["actor"] == actor
        self._check_infoset(state, record, actor, cards)
        children = range(record["first_child"], record["first_child"] + record["count"])
        for action, child in zip(state.legal_actions(), children, strict=True):
            self._visit(state.child(action), child, cards, chance, chosen, keep)

    def _check_infoset(self, state, record, actor, cards) -> None:
        name = state.information_state_string()
        self.seen_names.add(name)
        label = self.labels[name]
        assert label.player == actor
        assert list(label.actions) == state.legal_actions()
        bucket, rest = divmod(label.row - int(record["row_base"]), int(record["row_stride"]))
        assert rest == 0
        assert 0 <= bucket < self.game.deals.bucket_count[actor, record["street"]]
        known = (actor, cards[actor], *cards[self.game.player_count :])
        assert self.card_bucket.setdefault(known, bucket) == bucket

    def buckets(self, cards: tuple[int, ...]) -> tuple[int, ...]:
        """What all players know on all streets, player by player."""
        players, board = self.game.player_count, cards[self.game.player_count :]
        return tuple(
            self.card_bucket[(player, cards[player], *board[:street])]
            for player in range(players)
            for street in range(self.game.street_count)
        )

    def deals(self) -> dict[tuple[int, ...], int]:
        table = self.game.deals.bucket
        return {tuple(row): deal for deal, row in enumerate(table.reshape(len(table), -1).tolist())}


GAMES = {
    "kuhn": lambda: kuhn(),
    "kuhn 3 players": lambda: kuhn(3),
    "kuhn 4 players": lambda: kuhn(4),
    "leduc apart": lambda: leduc(merge_suits=False),
    "leduc merged": lambda: leduc(merge_suits=True),
}


@pytest.fixture(scope="module", params=GAMES)
def walk(request) -> Walk:
    return Walk(GAMES[request.param]()).run()


def test_every_infoset_has_openspiel_s_name_and_no_other(walk):
    assert walk.seen_names == set(walk.labels)
    assert len(walk.labels) == len(list(walk.game.infosets()))


def test_histories_are_as_many(walk):
    cards_by_length = defaultdict(set)
    for cards in walk.card_probability:
        cards_by_length[len(cards)].add(cards)
    players = walk.game.player_count
    ours = sum(len(cards_by_length[players + int(n["street"])]) for n in walk.game.tree.nodes)
    assert walk.histories == ours


def test_chance_probabilities_are_equal(walk):
    full = max(map(len, walk.card_probability))
    theirs = defaultdict(float)
    for cards, probability in walk.card_probability.items():
        if len(cards) == full:
            theirs[walk.buckets(cards)] += probability
    deals = walk.deals()
    assert set(theirs) == set(deals)
    for buckets, probability in theirs.items():
        assert walk.game.deals.probability[deals[buckets]] == pytest.approx(probability, abs=1e-12)


def test_terminal_utilities_are_equal(walk):
    assert_utilities_are_equal(walk)


def assert_utilities_are_equal(walk: Walk) -> None:
    game, deals = walk.game, walk.deals()
    full = max(map(len, walk.card_probability))
    completed = {
        cards[:length]: cards
        for cards in walk.card_probability
        if len(cards) == full
        for length in range(full + 1)
    }
    checked = 0
    for node, cards, returns in walk.leaf_checks:
        if cards not in completed:
            continue
        deal = deals[walk.buckets(completed[cards])]
        ours = [
            leaf_utility(game.tree, node, player, game.deals.strength, deal)
            for player in range(game.player_count)
        ]
        assert ours == pytest.approx(returns, abs=1e-12)
        checked += 1
    assert checked == len(walk.leaf_checks)


def test_infoset_and_row_are_one_to_one_where_suits_are_apart(walk):
    rows = {label.row for label in walk.labels.values()}
    if walk.game.parameters.get("merge_suits"):
        assert (len(walk.labels), len(rows)) == (936, 18 + 270)
    else:
        assert len(rows) == len(walk.labels)


def test_three_player_leduc_on_a_sample_of_its_deals():
    walk = Walk(leduc(3, merge_suits=False)).run(keep=0.2)
    assert len(walk.leaf_checks) > 1000
    assert_utilities_are_equal(walk)
    assert len(walk.labels) == len({label.row for label in walk.labels.values()}) == 25_800


@pytest.mark.parametrize("name", ["leduc_poker", "leduc_poker(players=3)", "kuhn_poker(players=4)"])
def test_openspiel_name_is_loadable(name):
    build = kuhn if name.startswith("kuhn") else leduc
    players = pyspiel.load_game(name).num_players()
    assert build(players).openspiel_name == name
