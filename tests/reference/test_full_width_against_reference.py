"""Every full-width algorithm against plain recursion, entry by entry."""

from __future__ import annotations

import pytest
from any_algorithm import train
from full_width import VARIANTS, FullWidth
from poker_rules import Kuhn, Leduc

from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc

# Few iterations on Leduc: where two actions are worth exactly the same, rounding decides which
# regret is positive, and the policies of two right implementations part ways for good.
GAMES = {
    "kuhn": (kuhn, Kuhn(), 30),
    "kuhn 3 players": (lambda: kuhn(3), Kuhn(players=3), 10),
    "leduc merged": (leduc, Leduc(merged=True), 4),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", GAMES)
def test_the_average_strategy_is_the_reference_s(name, variant):
    build, rules, iterations = GAMES[name]
    game = build()
    run = train(game, variant, iterations)
    rows = {label.name: label.row for label in game.infosets()}
    strategy = run.strategy()
    plain = FullWidth(rules, variant).run(iterations).strategy()
    for infoset, expected in plain.items():
        row = rows[rules.name(infoset)]
        found = strategy.probability[row : row + len(expected)]
        assert found.tolist() == pytest.approx(expected, abs=1e-9), (infoset, variant)
    visited = {rows[rules.name(infoset)] for infoset in plain}
    assert not strategy.weight[list(set(rows.values()) - visited)].any()
