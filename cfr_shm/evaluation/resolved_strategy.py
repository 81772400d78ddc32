"""A blueprint whose later streets are solved anew, subgame by subgame, whenever they are asked for.

Implements ``strategy.public.PublicStrategy``: whoever measures or plays strategies takes it as
any other. Each subgame begins where the first of the streets does, after one line and on one
board, and is solved once for each seat.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.resolving import RESOLVE, HowToResolve, KeptSubgame, comes_up, resolve
from cfr_shm.evaluation.subgame import Subgame
from cfr_shm.games.game import Game
from cfr_shm.layout.policy import BoardPolicy
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.public import Board, PublicStrategy, holdem_parts, policy_from

#: Subgames that are kept, the last ones asked for: those of a board are asked for together.
_MOST_KEPT = 1024
#: One hand has a subgame for each seat that is asked; the last hand's may be looked at again.
_KEPT_HAND_BY_HAND = 8

#: Board cards of the streets on which subgames may begin.
STREETS = {"flop": 3, "turn": 4, "river": 5}


def street_named(game: Game, name: str) -> int:
    """Return the street of a game that has this name, by its board cards.

    Raises:
        UsageError: the game does not come to it.
        GameError: it is not hold'em.
    """
    _, cards = holdem_parts(game)
    for street in range(game.street_count):
        if cards.board_count(street) == STREETS[name]:
            return street
    raise UsageError(f"{game.name} has no betting on the {name}: there is nothing to solve anew")


class Resolution(NamedTuple):
    """From which street on a strategy solves the rest of a hand anew, and for how long."""

    street: str  # a key of STREETS
    seconds: float  # of iterating, at most, each time
    method: str = RESOLVE

    @classmethod
    def named(cls, text: str, method: str = RESOLVE) -> Resolution:
        """Return what ``STREET:SECONDS`` says.

        Raises:
            UsageError: it is none.
        """
        street, _, seconds = text.strip().partition(":")
        try:
            most = float(seconds)
        except ValueError:
            most = 0.0
        if street not in STREETS or not 0.0 < most < 1e6:
            raise UsageError(f"{text[:40]!r}: expected STREET:SECONDS, e.g. river:0.5")
        return cls(street, most, method)

    def of(self, blueprint: PublicStrategy, *, by_hand: bool = False) -> ResolvedStrategy:
        """Return a strategy that solves the rest of its hands anew.

        Args:
            blueprint: what is played before.
            by_hand: whether it plays hand after hand, so that few subgames are asked for again.

        Raises:
            UsageError: the game is not for two, or does not come to the street.
            GameError: it is not hold'em.
        """
        if blueprint.game.player_count != 2:
            raise UsageError("the rest of a hand is solved anew in games of two")
        street = street_named(blueprint.game, self.street)
        how = HowToResolve(self.method, seconds=self.seconds)
        kept = _KEPT_HAND_BY_HAND if by_hand else _MOST_KEPT
        return ResolvedStrategy(blueprint, street, how, kept)


class ResolvedStrategy:
    """A strategy with subgames solved anew, of which the last ones are kept.

    Args:
        blueprint: what is played before.
        street: of the game, from which on subgames are solved.
        how: by which method, how well.
        most_kept: how many subgames are kept.
    """

    def __init__(
        self,
        blueprint: PublicStrategy,
        street: int,
        how: HowToResolve,
        most_kept: int = _MOST_KEPT,
    ) -> None:
        self._blueprint, self._street, self._how = blueprint, street, how
        self._most_kept = most_kept
        self._solved: OrderedDict[tuple[int, tuple[int, ...], int], KeptSubgame | None]
        self._solved = OrderedDict()

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self._blueprint.name}+{self._how.method}"

    @property
    def game(self) -> Game:
        """The game that it plays."""
        return self._blueprint.game

    @property
    def suits_alike(self) -> bool:
        """Whether what differs in suits only is played alike: but for rounding, it is."""
        return False

    def probabilities(self, nodes: Sequence[int], board: Board) -> NDArray[np.float64]:
        """Return (nodes, hands, actions); see ``PublicStrategy``."""
        found = self._blueprint.probabilities(nodes, board)
        records = self.game.tree.nodes
        _, cards = holdem_parts(self.game)
        for place, node in enumerate(nodes):
            street = int(records["street"][node])
            if street < self._street:
                continue
            dealt = tuple(board[: cards.board_count(street)])
            root = self._root(node)
            begun = dealt[: cards.board_count(int(records["street"][root]))]
            solved = self._subgame(root, begun, int(records["actor"][node]))
            if solved is not None:
                found[place] = solved.rows(node, dealt[len(begun) :], found[place])
        return found

    def on_boards(self, boards: NDArray[np.int64]) -> BoardPolicy:
        """Return the same as arrays; see ``PublicStrategy``."""
        return policy_from(self, boards)

    def _root(self, node: int) -> int:
        """Return the first decision of the streets that are solved, on the way to a node."""
        betting, _ = holdem_parts(self.game)
        records = self.game.tree.nodes
        above = int(betting.parent[node])
        while above >= 0 and records["street"][above] >= self._street:
            assert records["kind"][above] == DECISION
            node, above = above, int(betting.parent[above])
        return node

    def _subgame(self, root: int, board: tuple[int, ...], seat: int) -> KeptSubgame | None:
        """Return a subgame, solved for a seat; None where its ranges leave no deal."""
        key = root, board, seat
        if key in self._solved:
            self._solved.move_to_end(key)
        else:
            if len(self._solved) >= self._most_kept:
                self._solved.popitem(last=False)
            subgame = Subgame(self._blueprint, root, board)
            self._solved[key] = None
            if comes_up(subgame, seat, self._how.method):
                found = resolve(subgame, seat, self._how, measure=False)
                self._solved[key] = KeptSubgame.of(found)
                found.solver.close()
        return self._solved[key]
