"""A subgame of a blueprint with bet sizes of one's own in place of the blueprint's.

Ranges, pot, stacks and rake are the blueprint's where the street begins. On that street the line to
the subgame is all that there is; what comes after has the sizes that are asked for. What the other
seat could get before is still what it gets in the blueprint's tree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cfr_shm.config.spot import SpotConfig
from cfr_shm.errors import UsageError
from cfr_shm.evaluation.subgame import Subgame, SubgameTree, subgame_tree
from cfr_shm.spots.payoffs import ChipPayoffs
from cfr_shm.spots.settled import tree_rules
from cfr_shm.spots.street_trees import StreetTrees, TreeRules, build_trees
from cfr_shm.strategy.public import holdem_parts

_FLOP = 3


@dataclass(frozen=True)
class WholeChipPayoffs(ChipPayoffs):
    """Chips, with rake as games of whole chips take it: rounded down."""

    def rake(self, put: float) -> float:
        """Return what is taken from the pot to which both have put in ``put``."""
        part = math.floor(self.rake_fraction * (self.pot + 2.0 * put) + 1e-9)
        return float(min(part, self.rake_cap))


def own_tree(subgame: Subgame, spot: SpotConfig) -> SubgameTree:
    """Return the betting trees of a subgame with the sizes that a section ``spot`` gives.

    Args:
        subgame: where it begins.
        spot: bets, raises, donk and thresholds; nothing else of it is read.

    Raises:
        UsageError: the sizes cannot be read, or nobody decides there.
        GameError: not for two players, or too many nodes.
    """
    whole = subgame_tree(subgame)
    level, number = whole.places[subgame.node]
    codes = [code for code in whole.trees[level].nodes[number].line.split("-") if code]
    rules = tree_rules(replace(spot, pot=whole.pot, stack=whole.stack), len(subgame.board) - _FLOP)
    rules = _along(rules, codes)
    trees = build_trees(rules)
    betting = holdem_parts(subgame.game)[0].rules
    payoffs = WholeChipPayoffs(whole.pot, float(betting.rake_fraction), float(betting.rake_cap))
    places = {subgame.node: (0, _walk(trees[0], codes)[-1])}
    return whole._replace(trees=trees, places=places, payoffs=payoffs)


def _along(rules: TreeRules, codes: list[str]) -> TreeRules:
    """Return rules whose first street has no other way than ``codes`` as far as these lead."""
    lines = ["-".join(codes[: end + 1]) for end in range(len(codes))]
    bets = {line for line, code in zip(lines, codes, strict=True) if code[0] in "br"}
    rules = replace(rules, added=frozenset(bets))
    tree, removed = build_trees(rules)[0], set()
    for number, line, code in zip(_walk(tree, codes), lines, codes, strict=False):
        begun = line[: len(line) - len(code)]
        others = {action.code for action in tree.nodes[number].actions} - {code}
        removed |= {begun + other for other in others}
    return replace(rules, removed=frozenset(removed))


def _walk(tree: StreetTrees, codes: list[str]) -> list[int]:
    """Return the nodes that a line passes, the first and the last included.

    Raises:
        UsageError: it is not in the tree.
    """
    found = [tree.roots[0]]
    for code in codes:
        node = tree.nodes[found[-1]]
        known = [action.code for action in node.actions]
        if code not in known:
            raise UsageError(f"the line {'-'.join(codes)!r} is not in a tree of these sizes")
        found.append(node.children[known.index(code)])
    return found
