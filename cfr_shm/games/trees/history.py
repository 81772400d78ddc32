"""Games as history trees: every chance event and every move is a node, infosets have names.

The other kind of game is a public tree times private buckets (poker, liar's dice): faster where
the rules allow it, because one node serves all deals.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

import numpy as np

from cfr_shm.games.game import Game, InfosetLabel, assemble_game
from cfr_shm.games.trees.builder import BuiltTree, TreeBuilder
from cfr_shm.games.trees.deals import no_deals
from cfr_shm.layout.tree import TERMINAL, Tree

#: Utilities of a constant-sum game may differ in their sum by this share of the largest.
_SUM_TOLERANCE = 1e-9


def history_game(
    builder: TreeBuilder,
    *,
    name: str,
    parameters: Mapping[str, int | bool | str | float] | None = None,
    unit: str = "points",
    openspiel_name: str | None = None,
    value: float | None = None,
    value_source: str = "",
    label: Callable[[Hashable], tuple[str, tuple[int, ...] | None]] | None = None,
) -> Game:
    """Finish a history tree and put it together as a game.

    Args:
        builder: every node declared, every decision with an ``infoset``.
        name: the game's name.
        parameters: what distinguishes this game from others of the name.
        unit: of the utilities.
        openspiel_name: as ``pyspiel.load_game`` takes it, if OpenSpiel has the game.
        value: player 0's in equilibrium, where it is known.
        value_source: who says so.
        label: maps an infoset, as named to the builder, to its name outside and its action
            ids; without it, or where it gives None, actions count from 0.

    Raises:
        GameError: a node was never declared.
    """
    built = builder.finish()
    return assemble_game(
        built,
        no_deals(builder.player_count),
        name=name,
        parameters=parameters,
        constant_sum=has_constant_sum(built.tree),
        unit=unit,
        openspiel_name=openspiel_name,
        value=value,
        value_source=value_source,
        infosets=lambda: _labels(built, label),
    )


def has_constant_sum(tree: Tree) -> bool:
    """Tell whether the players' utilities add up to the same at every end of a history tree."""
    ends = tree.nodes["payoff"][tree.nodes["kind"] == TERMINAL]
    sums = tree.utility[np.unique(ends)].sum(axis=1)
    largest = max(1.0, float(np.abs(tree.utility).max()))
    return float(sums.max() - sums.min()) <= _SUM_TOLERANCE * largest


def _labels(
    built: BuiltTree, label: Callable[[Hashable], tuple[str, tuple[int, ...] | None]] | None
) -> Iterator[InfosetLabel]:
    for infoset, known in built.infosets.items():
        name, actions = label(infoset) if label else (str(infoset), None)
        if actions is None:
            actions = tuple(range(known.action_count))
        yield InfosetLabel(name, known.player, known.row, actions)
