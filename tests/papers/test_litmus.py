"""What nobody doubts in heads-up hold'em, after a short training of the shipped ``hu_standard``.

Aces do not fold before the flop and seven-deuce folds to raises that ace-king does not, wherever
training came often enough to know; the nuts do not fold on the river, wherever it came at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cfr_shm.cards.deck import STANDARD
from cfr_shm.cli.main import main
from cfr_shm.cli.session import StoredTable, load_table
from cfr_shm.games.holdem.line_walk import Place, walk_line
from cfr_shm.games.holdem.lines import ALL_IN, FOLD, RAISE
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.layout.betting import FOLD as FOLD_MOVE
from cfr_shm.layout.tree import DECISION
from cfr_shm.run.setup import mean_iteration_weight
from cfr_shm.strategy.spot import read_rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(JIT_DISABLED, reason="training needs compiled kernels"),
]

ITERATIONS = 8_000_000
ENOUGH_VISITS = 1000
#: Seven-deuce rarely comes further than its first decision.
FEW_VISITS = 100
PREFLOP, RIVER = 0, 3
#: Hole cards, and boards on which nothing beats them.
NUTS = (
    ("AhKh", "QhJhTh2c3d"),
    ("AsAd", "AcAhKd7s2c"),
    ("As2s", "KsQs8s4d3c"),
)


class Blueprint:
    """A trained run, asked as ``cfr-shm query`` asks it."""

    def __init__(self, stored: StoredTable) -> None:
        self.stored = stored
        self.tree, self.cards = stored.game.betting, stored.game.hole_cards
        self.weight = mean_iteration_weight(stored.config, stored.checkpoint.iterations)

    def preflop_places(self) -> Iterator[Place]:
        """Walk through the preflop lines on which a fold is possible."""
        nodes = self.tree.built.tree.nodes
        waiting = [""]
        while waiting:
            line = waiting.pop()
            place = walk_line(self.tree, line, self.stored.game.big_blind)
            if any(choice.kind == FOLD for choice in place.choices):
                yield place
            for choice in place.choices:
                record = nodes[choice.node]
                if record["kind"] == DECISION and record["street"] == PREFLOP:
                    waiting.append(f"{line} {choice.token}")

    def river_nodes(self) -> Iterator[int]:
        """Go through the river's decision nodes at which a fold is possible."""
        for node, record in enumerate(self.tree.built.tree.nodes):
            if record["kind"] == DECISION and record["street"] == RIVER:
                first = record["first_child"]
                if FOLD_MOVE in self.tree.move[first : first + record["count"]]:
                    yield node

    def fold(self, node: int, hole: str, board: str = "") -> tuple[float, float]:
        """Return how often a hand's infoset was visited, and its probability to fold."""
        start = walk_line(self.tree, "", self.stored.game.big_blind)
        record = self.tree.built.tree.nodes[node]
        hands, dealt = np.array([STANDARD.parse(hole)], np.uint8), STANDARD.parse(board)
        bucket = self.cards.buckets(int(record["actor"]), int(record["street"]), hands, dealt)
        rows = read_rows(self.stored.sums, start, node, bucket)
        first = record["first_child"]
        moves = self.tree.move[first : first + record["count"]].tolist()
        fold = rows.probability[0, moves.index(FOLD_MOVE)]
        return float(rows.weight[0]) / self.weight, float(fold)


@pytest.fixture(scope="module")
def blueprint(tmp_path_factory) -> Blueprint:
    run = str(tmp_path_factory.mktemp("litmus") / "run")
    flags = ["--iters", str(ITERATIONS), "--time-budget", "3600", "--seed", "1"]
    assert main(["train", "-c", "hu_standard", *flags, "--logdir", run]) == 0
    return Blueprint(load_table(str(run)))


def test_aces_never_fold_before_the_flop(blueprint):
    found = [
        (place.line, *blueprint.fold(place.node, "AsAh")) for place in blueprint.preflop_places()
    ]
    known = {line: fold for line, visits, fold in found if visits >= ENOUGH_VISITS}
    assert len(known) >= 10
    assert max(known.values()) < 0.001, known


def test_seven_deuce_folds_to_raises_more_than_ace_king(blueprint):
    compared = {}
    for place in blueprint.preflop_places():
        if any(step.choice.kind in (RAISE, ALL_IN) for step in place.steps):
            weak, strong = (blueprint.fold(place.node, hole) for hole in ("7s2h", "AsKs"))
            if min(weak[0], strong[0]) >= FEW_VISITS:
                compared[place.line] = (weak[1], strong[1])
    assert len(compared) >= 2
    assert all(weak > strong + 0.3 for weak, strong in compared.values()), compared


@pytest.mark.parametrize(("hole", "board"), NUTS)
def test_the_nuts_never_fold_on_the_river(blueprint, hole, board):
    """Not once, at any node that training came to, however rarely."""
    found = np.array([blueprint.fold(node, hole, board) for node in blueprint.river_nodes()])
    visits, fold = found.T
    assert np.sum(visits >= ENOUGH_VISITS) >= 1000
    assert np.sum(visits > 0) >= 2500
    assert fold[visits > 0].max() == 0.0
