"""A part of a hold'em game as a spot: the rest of a hand from a line on, on a board.

The spot has the blueprint's own betting tree, so that what is found there can take its place.
It begins where the line's street begins; on that street the line itself is all that there is, so
that a subgame may begin in the middle of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.betting import Hand
from cfr_shm.layout.betting import CALL as CALL_MOVE
from cfr_shm.layout.betting import FOLD as FOLD_MOVE
from cfr_shm.layout.showdown import Amounts
from cfr_shm.layout.spots import DECISION, FOLD, LEAF
from cfr_shm.layout.tree import DECISION as DECIDES
from cfr_shm.layout.tree import SHOWDOWN
from cfr_shm.spots.boards import require_deals, spot_hands
from cfr_shm.spots.payoffs import Payoffs
from cfr_shm.spots.spot_game import SpotGame, spot_of_trees
from cfr_shm.spots.street_trees import OOP, Action, Node, StreetTrees, TreeRules
from cfr_shm.strategy.public import PublicStrategy, hand_at, hands_of, holdem_parts, start_weights

Floats = NDArray[np.float64]

#: A spot's board has at least so many cards.
_FLOP = 3
_RIVER = 5


class Subgame(NamedTuple):
    """Where a part of a game begins.

    Attributes:
        strategy: the blueprint.
        node: of its game, at which somebody decides.
        board: the cards that lie there.
    """

    strategy: PublicStrategy
    node: int
    board: tuple[int, ...]

    @property
    def game(self) -> Game:
        """Return the game that it is a part of."""
        return self.strategy.game

    @property
    def street(self) -> int:
        """Return the street of the game on which it begins."""
        return int(self.game.tree.nodes["street"][self.node])

    @property
    def start(self) -> int:
        """Return the node at which its street begins."""
        return self.path[0]

    @property
    def path(self) -> list[int]:
        """Return the nodes of its street that lead to it, itself included."""
        parent, street = holdem_parts(self.game)[0].parent, self.street
        found = [self.node]
        above = int(parent[self.node])
        while above >= 0 and self.game.tree.nodes["street"][above] == street:
            found.append(above)
            above = int(parent[above])
        return found[::-1]

    @property
    def seats(self) -> tuple[int, int]:
        """Return who is out of position, and who is in position."""
        first = int(holdem_parts(self.game)[0].rules.first_actor[self.street])
        return first, 1 - first

    def reach(self, seat: int) -> Floats:
        """Return (hands,) the weight of a seat's hands there: start times its own way."""
        return self.dealt(seat) * own_reach(self.strategy, seat, self.node, self.board)

    def dealt(self, seat: int) -> Floats:
        """Return (hands,) the weight of a seat's hands as they are dealt, on this board."""
        _, cards = holdem_parts(self.game)
        used = np.isin(hands_of(self.game), list(self.board)).any(axis=1)
        out = ~np.isin(hands_of(self.game), list(cards.dealt)).all(axis=1)
        weights: Floats = np.where(used | out, 0.0, start_weights(self.game, seat))
        return weights


def own_reach(strategy: PublicStrategy, seat: int, node: int, board: Sequence[int]) -> Floats:
    """Return (hands,) the product of a seat's own probabilities on the way to a node."""
    game = strategy.game
    betting, _ = holdem_parts(game)
    records = game.tree.nodes
    reach = np.ones(len(hands_of(game)))
    above = int(betting.parent[node])
    while above >= 0:
        if records["actor"][above] == seat:
            entry = node - int(records["first_child"][above])
            reach *= strategy.probabilities([above], board)[0, :, entry]
        node, above = above, int(betting.parent[above])
    return reach


def hands_met(game: Game, reach: Floats) -> Floats:
    """Return (hands,) the reach that each hand can meet."""
    holes = hands_of(game)
    by_card = np.zeros(holes.max() + 1)
    for place in range(2):
        np.add.at(by_card, holes[:, place], reach)
    met: Floats = reach.sum() - by_card[holes].sum(axis=1) + reach
    return met


def check_subgame(subgame: Subgame) -> None:
    """Refuse what cannot be played as a spot.

    Raises:
        UsageError: before the flop, or nobody decides there.
        GameError: not for two players.
    """
    game = subgame.game
    if game.player_count != 2:
        raise GameError(f"{game.name} has {game.player_count} players; spots are for two")
    if game.tree.nodes["kind"][subgame.node] != DECIDES:
        raise UsageError("nobody decides at the end of the line: there is nothing to solve")
    if len(subgame.board) < _FLOP:
        raise UsageError(
            f"the line ends with {len(subgame.board)} board cards; a spot has at least {_FLOP}: "
            "give a line that goes on to the flop"
        )
    if holdem_parts(game)[1].showdown_cards != _RIVER:
        raise GameError(f"{game.name} is not shown down on five board cards, as spots are")


@dataclass(frozen=True)
class TreePayoffs:
    """What the ends of a game's tree pay, by what both have put in since the spot began.

    Attributes:
        shows: by what each has put in, both players' amounts.
        folds: by what both have put in and who folded, both players' chips.
        uneven: whether one player's gain is not always the other's loss.
    """

    shows: dict[float, tuple[Amounts, Amounts]]
    folds: dict[tuple[tuple[float, float], int], tuple[float, float]]
    uneven: bool

    def shown(self, put: float) -> tuple[Amounts, Amounts]:
        """Return each player's amounts at a showdown, both having put in ``put``."""
        return self.shows[put]

    def folded(self, put: tuple[float, float], folder: int) -> tuple[float, float]:
        """Return what each player gets where ``folder`` has folded."""
        return self.folds[put, folder]


class SubgameTree(NamedTuple):
    """A subgame's betting trees as a spot has them.

    Attributes:
        trees: by street, from the spot's first one to the river.
        places: by the game's decision node, level and number in the spot.
        payoffs: of their ends, from half the pot.
        pot: when the street began.
        stack: behind, the smaller one.
        put: (2,), what each player had put in by then.
    """

    trees: list[StreetTrees]
    places: dict[int, tuple[int, int]]
    payoffs: Payoffs
    pot: float
    stack: float
    put: tuple[float, float]


def subgame_tree(subgame: Subgame) -> SubgameTree:
    """Return the betting trees of a subgame.

    Raises:
        UsageError: before the flop, or nobody decides there.
        GameError: not for two players.
    """
    check_subgame(subgame)
    return _Growing(subgame).tree()


def subgame_spot(subgame: Subgame, tree: SubgameTree, ranges: Sequence[Floats]) -> SpotGame:
    """Return a subgame as a spot.

    Args:
        subgame: where it begins.
        tree: its betting trees.
        ranges: (hands,) weights of both players, out of position first.
    """
    _, cards = holdem_parts(subgame.game)
    fewer = cards.dealt if len(cards.dealt) < cards.deck.card_count else None
    hands = spot_hands(cards.deck, subgame.board, ranges, fewer)
    require_deals(hands)
    rules = TreeRules(len(subgame.board) - _FLOP, tree.pot, tree.stack, ())
    return spot_of_trees(hands, tree.trees, rules, tree.payoffs)


class _Open(NamedTuple):
    """A node of the game that goes on a street, and the hand there."""

    game_node: int
    hand: Hand
    line: str


class _Growing:
    """Turns a game's nodes into a spot's, street by street."""

    def __init__(self, subgame: Subgame) -> None:
        self._subgame, self._game = subgame, subgame.game
        self._betting, self._cards = holdem_parts(subgame.game)
        self._records = subgame.game.tree.nodes
        self._only = dict(zip(subgame.path, subgame.path[1:], strict=False))
        self._seats = subgame.seats
        start = hand_at(subgame.game, subgame.start)
        self._start = start
        self._put = [float(start.committed[seat]) for seat in self._seats]
        self._places: dict[int, tuple[int, int]] = {}
        self._shows: dict[float, tuple[Amounts, Amounts]] = {}
        self._folds: dict[tuple[tuple[float, float], int], tuple[float, float]] = {}

    def tree(self) -> SubgameTree:
        """Return everything."""
        starts = [_Open(self._subgame.start, self._start, "")]
        trees = []
        for level in range(_RIVER - len(self._subgame.board) + 1):
            forest, starts = self._street(level, starts)
            trees.append(forest)
        payoffs = TreePayoffs(self._shows, self._folds, not self._game.constant_sum)
        stack = float(min(self._start.stacks))
        put = (self._put[0], self._put[1])
        return SubgameTree(trees, self._places, payoffs, float(self._start.pot), stack, put)

    def _street(self, level: int, starts: list[_Open]) -> tuple[StreetTrees, list[_Open]]:
        forest = StreetTrees(len(self._subgame.board) - _FLOP + level)
        leaves: list[_Open] = []
        for start in starts:
            line = f"{start.line}/" if level else ""
            forest.roots.append(len(forest.nodes))
            self._add(forest, level, start._replace(line=line), leaves)
            self._grow(forest, level, forest.roots[-1], start._replace(line=line), leaves)
        return forest, leaves

    def _level(self, node: int) -> int:
        """Return the spot's street on which a decision is taken."""
        street = int(self._records["street"][node])
        return self._cards.board_count(street) - len(self._subgame.board)

    def _add(self, forest: StreetTrees, level: int, here: _Open, leaves: list[_Open]) -> bool:
        """Add a node; return whether it is decided there and then."""
        kind = self._records["kind"][here.game_node]
        put = self._put_by(here.hand)
        if kind == DECIDES and self._level(here.game_node) == level:
            actor = self._seats.index(int(self._records["actor"][here.game_node]))
            self._places[here.game_node] = level, len(forest.nodes)
            forest.nodes.append(Node(DECISION, actor, put, here.line))
            return True
        if kind in (DECIDES, SHOWDOWN):
            matched = min(put)
            if kind == SHOWDOWN:
                self._shows[matched] = self._shown(here.game_node)
            forest.nodes.append(Node(LEAF, OOP, (matched, matched), here.line))
            leaves.append(here)
            return False
        folder = self._seats.index(here.hand.folded[0])
        self._folds[put, folder] = self._paid(here.game_node)
        forest.nodes.append(Node(FOLD, folder, put, here.line))
        return False

    def _grow(
        self, forest: StreetTrees, level: int, root: int, start: _Open, leaves: list[_Open]
    ) -> None:
        """Give a root all its descendants, parents before children."""
        waiting = [(root, start)] if forest.nodes[root].kind == DECISION else []
        while waiting:
            number, here = waiting.pop()
            node, later = forest.nodes[number], []
            for child in self._children(here.game_node):
                move = int(self._betting.move[child])
                action = _action(here.hand, move)
                line = f"{here.line}{'' if not here.line or here.line[-1] == '/' else '-'}"
                onward = _Open(child, here.hand.apply(move), line + action.code)
                node.actions.append(action)
                node.children.append(len(forest.nodes))
                if self._add(forest, level, onward, leaves):
                    later.append((node.children[-1], onward))
            waiting.extend(reversed(later))

    def _children(self, node: int) -> list[int]:
        if node in self._only:
            return [self._only[node]]
        first, count = (int(self._records[key][node]) for key in ("first_child", "count"))
        return list(range(first, first + count))

    def _put_by(self, hand: Hand) -> tuple[float, float]:
        one, two = (
            hand.committed[seat] - put for seat, put in zip(self._seats, self._put, strict=True)
        )
        return float(one), float(two)

    def _paid(self, node: int) -> tuple[float, float]:
        """Return both players' utilities at a leaf, from half the pot when the spot began."""
        losing = self._game.tree.utility[int(self._records["payoff"][node])]
        half = self._start.pot / 2.0
        one, two = (
            float(losing[seat]) + put - half
            for seat, put in zip(self._seats, self._put, strict=True)
        )
        return one, two

    def _shown(self, node: int) -> tuple[Amounts, Amounts]:
        pot = float(self._game.tree.pot_amount[int(self._records["detail"][node])])
        one, two = self._paid(node)
        return (
            Amounts(one + pot, one + pot / 2.0, one),
            Amounts(two + pot, two + pot / 2.0, two),
        )


def _action(hand: Hand, move: int) -> Action:
    """Return a move as spots write it."""
    if move == FOLD_MOVE:
        return Action("f")
    if move == CALL_MOVE:
        if hand.call_amount == 0:
            return Action("x")
        return Action("c", float(hand.street_bets[hand.actor] + hand.call_amount))
    bounds = hand.raise_bounds
    return Action("r" if hand.highest_bet > 0 else "b", float(move), move == (bounds or (0, 0))[1])
