"""Kuhn poker as a history tree with explicit chance nodes: the other half of the tree format."""

from __future__ import annotations

from itertools import permutations

from cfr_shm.games.game import Game, InfosetLabel
from cfr_shm.games.trees.builder import TreeBuilder
from cfr_shm.games.trees.deals import no_deals


def history_kuhn() -> Game:
    """Build two-player Kuhn poker, one chance node per card, infosets by name."""
    builder = TreeBuilder(player_count=2)
    players: dict[str, int] = {}

    def play(node: int, cards: tuple[int, int], line: str) -> None:
        if line in ("pp", "bb", "bp", "pbp", "pbb"):
            stake = 2.0 if line.endswith("bb") else 1.0
            higher = 1.0 if cards[0] > cards[1] else -1.0
            folded = {"bp": 1.0, "pbp": -1.0}.get(line)
            won = folded if folded is not None else higher * stake
            builder.terminal(node, [won, -won])
            return
        actor = len(line) % 2
        name = f"{cards[actor]}{line}"
        players[name] = actor
        for letter, child in zip("pb", builder.decision(node, actor, 2, infoset=name), strict=True):
            play(child, cards, line + letter)

    first = builder.chance(0, [1 / 3] * 3)
    for card, node in enumerate(first):
        others = [other for own, other in permutations(range(3), 2) if own == card]
        for other, dealt in zip(others, builder.chance(node, [0.5, 0.5]), strict=True):
            play(dealt, (card, other), "")
    built = builder.finish()
    return Game(
        name="history_kuhn",
        parameters={},
        player_count=2,
        street_count=1,
        tree=built.tree,
        deals=no_deals(2),
        table_entries=built.table_entries,
        max_depth=built.max_depth,
        max_actions=built.max_actions,
        constant_sum=True,
        unit="chips",
        openspiel_name="kuhn_poker",
        value=-1 / 18,
        value_source="Kuhn 1950",
        infosets=lambda: iter(
            InfosetLabel(name, player, built.infoset_rows[name], (0, 1))
            for name, player in players.items()
        ),
    )
