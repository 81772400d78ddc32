"""The public betting trees of a spot, street by street.

A node knows what both players have put in since the spot began. A leaf is where a street ends
with nobody folded: the next street's tree grows from it, or the hands are compared. The trees of
a street do not depend on the cards, so that each line has one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from cfr_shm.errors import GameError, UsageError
from cfr_shm.layout.spots import DECISION, FOLD, LEAF
from cfr_shm.spots.sizes import Facing, Size, Thresholds, amounts

OOP, IP = 0, 1
PLAYERS = ("oop", "ip")
STREETS = ("flop", "turn", "river")

#: Betting trees with more nodes are refused while they are built.
MOST_NODES = 1_000_000


_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15}")


class Menu(NamedTuple):
    """What one player may bet on one street."""

    bets: tuple[Size, ...]
    raises: tuple[Size, ...]
    donks: tuple[Size, ...] | None = None  # None: as ``bets``


class Action(NamedTuple):
    """An action: ``f``old, ``x`` check, ``c``all, ``b``et, ``r``aise, to a street's total."""

    kind: str
    amount: float = 0.0
    all_in: bool = False

    @property
    def code(self) -> str:
        """Return how lines write it: ``x``, ``c``, ``f``, ``b120``, ``r300``."""
        return self.kind + (amount_text(self.amount) if self.kind in "br" else "")

    @property
    def name(self) -> str:
        """Return what results call it."""
        return {"f": "fold", "x": "check", "c": "call", "b": "bet", "r": "raise"}[self.kind]


def amount_text(amount: float) -> str:
    """Write chips without a needless fraction."""
    return f"{amount:.6f}".rstrip("0").rstrip(".")


@dataclass(slots=True)
class Node:
    """A node of a street's betting tree.

    Attributes:
        kind: DECISION, FOLD or LEAF.
        actor: who decides, or who has folded.
        put: chips of both since the spot began.
        line: the actions since the spot began, streets separated by ``/``.
        actions: of a decision.
        children: numbers in the forest, one for each action.
        aggressor: of the street, for a leaf: who bet last, -1 if nobody did.
    """

    kind: int
    actor: int
    put: tuple[float, float]
    line: str
    actions: list[Action] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    aggressor: int = -1


@dataclass
class StreetTrees:
    """All betting trees of one street, a root for each line that leads to it."""

    street: int  # 0 flop, 1 turn, 2 river
    nodes: list[Node] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    @property
    def leaves(self) -> list[int]:
        """Return the numbers of the nodes from which the next street goes on."""
        return [number for number, node in enumerate(self.nodes) if node.kind == LEAF]


_NO_THRESHOLDS = Thresholds()


@dataclass(frozen=True)
class TreeRules:
    """What a spot's betting trees are built from.

    Attributes:
        first_street: 0 flop, 1 turn, 2 river.
        pot: before anybody has put in anything.
        stack: of each player.
        menus: by street (0 to 2) and player.
        thresholds: of bet sizes.
        removed: lines that are cut off, with all that follows.
        added: lines whose last action is put into the tree.
    """

    first_street: int
    pot: float
    stack: float
    menus: tuple[tuple[Menu, Menu], ...]
    thresholds: Thresholds = _NO_THRESHOLDS
    removed: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()


def build_trees(rules: TreeRules) -> list[StreetTrees]:
    """Return the betting trees of every street from the first one to the river.

    Raises:
        GameError: more nodes than ``MOST_NODES``.
        UsageError: a line to add or to remove that the tree has not.
    """
    builder = _Builder(rules)
    starts = [Node(LEAF, OOP, (0.0, 0.0), "")]
    trees = []
    for street in range(rules.first_street, len(STREETS)):
        forest = builder.street(street, starts)
        trees.append(forest)
        starts = [forest.nodes[number] for number in forest.leaves]
    unused = sorted((rules.removed | rules.added) - builder.used)
    if unused:
        raise UsageError(
            f"the line {unused[0]!r} is not in the tree; lines are actions since the spot began, "
            "for example 'x-b120-c/x' (x check, c call, f fold, b bet and r raise to a total)"
        )
    return trees


class _Open(NamedTuple):
    """A decision that is still to be given children."""

    number: int
    before: float  # what each had put in before the street
    bet: float  # highest total of the street
    raised: float  # by how much the last bet or raise went up
    may_check: bool  # the other player has not acted on this street


class _Builder:
    def __init__(self, rules: TreeRules) -> None:
        self._rules = rules
        self._count = 0
        self._donks = False
        self.used: set[str] = set()

    def street(self, street: int, starts: list[Node]) -> StreetTrees:
        forest = StreetTrees(street)
        for start in starts:
            # On the first street nobody has bet before.
            self._donks = start.aggressor == IP
            forest.roots.append(len(forest.nodes))
            line = f"{start.line}/" if street > self._rules.first_street else ""
            before = start.put[0]
            if before >= self._rules.stack:
                self._add(forest, Node(LEAF, OOP, start.put, line))
                continue
            root = self._add(forest, Node(DECISION, OOP, start.put, line))
            self._grow(forest, _Open(root, before, 0.0, 0.0, may_check=True))
        return forest

    def _add(self, forest: StreetTrees, node: Node) -> int:
        self._count += 1
        if self._count > MOST_NODES:
            raise GameError(
                f"the betting tree has more than {MOST_NODES:,} nodes; use fewer bet sizes, a "
                "larger spot.merge or spot.force_allin, or begin on a later street"
            )
        forest.nodes.append(node)
        return len(forest.nodes) - 1

    def _grow(self, forest: StreetTrees, start: _Open) -> None:
        """Give a root all its descendants, parents before children."""
        waiting = [start]
        while waiting:
            here = waiting.pop()
            node = forest.nodes[here.number]
            later = []
            for action in self._actions(forest.street, node, here):
                line = _joined(node.line, action.code)
                if line in self._rules.removed:
                    self.used.add(line)
                    continue
                child, onward = self._after(node, here, action, line)
                number = self._add(forest, child)
                node.actions.append(action)
                node.children.append(number)
                if onward is not None:
                    later.append(onward._replace(number=number))
            if not node.actions:
                raise UsageError(
                    f"the line {node.line!r}: every action is removed; leave one of them"
                )
            waiting.extend(reversed(later))

    def _actions(self, street: int, node: Node, here: _Open) -> list[Action]:
        """Return what the actor may do: fold or check, call, then bets ascending."""
        rules, own = self._rules, node.put[node.actor] - here.before
        faces = here.bet > own
        found = [Action("f"), Action("c", here.bet)] if faces else [Action("x")]
        most = rules.stack - here.before
        pot = rules.pot + 2.0 * (here.before + here.bet)
        least = max(here.bet + max(here.raised, 0.0), rules.thresholds.chip)
        streets = len(STREETS) - street
        facing = Facing(pot, here.bet, min(least, most), most, streets)
        for total in self._totals(street, node, here, facing):
            found.append(Action("r" if here.bet > 0.0 else "b", total, total >= most))
        return found

    def _totals(self, street: int, node: Node, here: _Open, facing: Facing) -> list[float]:
        menu = self._rules.menus[street][node.actor]
        sizes = menu.raises if here.bet > 0.0 else menu.bets
        is_lead = here.bet == 0.0 and node.actor == OOP
        if is_lead and self._donks and menu.donks is not None:
            sizes = menu.donks
        totals = amounts(sizes, facing, self._rules.thresholds)
        for line in self._rules.added:
            added = _added_amount(node.line, line)
            if added is not None and facing.least <= added <= facing.most:
                self.used.add(line)
                totals = sorted({*totals, added})
        return totals

    def _after(
        self, node: Node, here: _Open, action: Action, line: str
    ) -> tuple[Node, _Open | None]:
        """Return what an action leads to, and what is still open there."""
        actor, other = node.actor, 1 - node.actor
        if action.kind == "f":
            return Node(FOLD, actor, node.put, line), None
        total = here.before + (action.amount if action.kind != "x" else 0.0)
        put = (total, node.put[1]) if actor == OOP else (node.put[0], total)
        if action.kind == "c" or (action.kind == "x" and not here.may_check):
            aggressor = other if action.kind == "c" else -1
            return Node(LEAF, OOP, put, line, aggressor=aggressor), None
        child = Node(DECISION, other, put, line)
        if action.kind == "x":
            return child, here._replace(may_check=False)
        raised = action.amount - here.bet
        return child, _Open(0, here.before, action.amount, raised, may_check=False)


def _joined(line: str, code: str) -> str:
    return f"{line}{'' if not line or line.endswith('/') else '-'}{code}"


def _added_amount(line: str, added: str) -> float | None:
    """Return the amount that ``added`` bets or raises to right after ``line``, if it does."""
    for kind in "br":
        prefix = _joined(line, kind)
        if added.startswith(prefix):
            rest = added[len(prefix) :]
            if _AMOUNT.fullmatch(rest):
                return float(rest)
    return None
