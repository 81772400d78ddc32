"""What the other seat's hands can get in a subgame anyway: the bar for whoever solves it anew.

- ``best_response``: what a hand gets by answering the blueprint as well as it can. No strategy
  that stays below it, hand by hand, makes the whole strategy more exploitable (Burch, Johanson &
  Bowling 2014).
- ``blueprint``: what it gets by playing the blueprint itself: an estimate of what it gets in an
  equilibrium, lower, so that more can be won, without that guarantee (Brown & Sandholm 2017).

*Gifts* (Brown & Sandholm 2017, reach): on the way here a hand may have let something better go.
What it would have got for certain there, less what it gets here, may be given to it here: it still
has no reason to come. Only what no subgame can take back counts: before the streets that are
solved anew the solving seat keeps to the blueprint; on these streets the other seat is taken to
lose what it has put in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.subgame import Subgame, hands_met, own_reach
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.layout.response import NEVER, Stage
from cfr_shm.layout.tree import DECISION, TERMINAL
from cfr_shm.strategy.public import PublicStrategy, hand_at, hands_of, holdem_parts

Floats = NDArray[np.float64]

BEST_RESPONSE = "best_response"
BLUEPRINT = "blueprint"

#: Boards of fewer cards are not walked over to find gifts, where cards are dealt from a whole deck.
_FEWEST_CARDS = 3


def alternative_values(subgame: Subgame, seat: int, kind: str = BEST_RESPONSE) -> Floats:
    """Return (hands,) what each hand of a seat gets in a subgame, chips from the hand's start.

    Values are sums over the hands that can be met, times these hands' reach.

    Args:
        subgame: where.
        seat: whose hands.
        kind: BEST_RESPONSE or BLUEPRINT.
    """
    first_best = subgame.street if kind == BEST_RESPONSE else NEVER
    walk = BoardWalk(subgame.game)
    players = Players(subgame.strategy, subgame.strategy)
    stage, root = Stage(seat, first_best, 0), np.array([subgame.node])
    found = walk.values(players, stage, subgame.board, root, subgame.reach(1 - seat)[None, :])
    values: Floats = found[0]
    return values


def gifts(subgame: Subgame, seat: int) -> Floats:
    """Return (hands,) what each hand of a seat let go on the way here, chips, 0 or more.

    Per hand that is met, so that what reaches the subgame is multiplied by it.
    """
    game, strategy = subgame.game, subgame.strategy
    betting, cards = holdem_parts(game)
    found = np.zeros(len(hands_of(game)))
    least = _FEWEST_CARDS if isinstance(cards, DealtCards) else 0
    sure = _SureGame(strategy, subgame.street, seat)
    node, above = subgame.start, int(betting.parent[subgame.start])
    while above >= 0:
        street = int(game.tree.nodes["street"][above])
        size = cards.board_count(street)
        if size < least:
            break
        if game.tree.nodes["actor"][above] == seat:
            found += _let_go(sure, above, node, subgame.board[:size])
        node, above = above, int(betting.parent[above])
    return found


def _let_go(sure: _SureGame, decision: int, taken: int, board: tuple[int, ...]) -> Floats:
    """Return what each hand would have got for certain by other actions, less what it gets."""
    strategy, seat = sure.strategy, sure.seat
    records = strategy.game.tree.nodes
    first, count = (int(records[key][decision]) for key in ("first_child", "count"))
    others = [child for child in range(first, first + count) if child != taken]
    if not others:
        return np.zeros(len(hands_of(strategy.game)))
    way = Subgame(strategy, decision, board).dealt(1 - seat)
    reach = way * own_reach(strategy, 1 - seat, decision, board)
    here = _walked(strategy, seat, taken, board, reach, strategy.game)
    there = np.max(
        [_walked(strategy, seat, child, board, reach, sure.game) for child in others], axis=0
    )
    met = hands_met(strategy.game, reach)
    gain = np.divide(there - here, met, out=np.zeros_like(met), where=met > 1e-12)
    given: Floats = np.maximum(gain, 0.0)
    return given


def _walked(
    strategy: PublicStrategy,
    seat: int,
    node: int,
    board: tuple[int, ...],
    reach: Floats,
    game: Game,
) -> Floats:
    """Return what a seat's hands get from a node on at best, in a game with the same nodes."""
    walk, players = BoardWalk(game), Players(strategy, strategy)
    found = walk.values(players, Stage(seat, 0, 0), board, np.array([node]), reach[None, :])
    values: Floats = found[0]
    return values


class _SureGame:
    """A game that ends, lost by one seat, where the streets begin that are solved anew."""

    def __init__(self, strategy: PublicStrategy, street: int, seat: int) -> None:
        self.strategy, self.seat = strategy, seat
        game = strategy.game
        betting, _ = holdem_parts(game)
        nodes, utility = game.tree.nodes.copy(), [game.tree.utility]
        late = (nodes["kind"] == DECISION) & (nodes["street"] >= street)
        first = np.flatnonzero(late & ~late[np.maximum(betting.parent, 0)])
        for place, node in enumerate(first.tolist(), len(game.tree.utility)):
            put = hand_at(game, node).committed
            lost = [float(put[each]) for each in range(2)]
            lost[seat] = -float(put[seat])
            utility.append(np.array([lost]))
            nodes["kind"][node], nodes["payoff"][node] = TERMINAL, place
        tree = game.tree._replace(nodes=nodes, utility=np.concatenate(utility))
        for array in (tree.nodes, tree.utility):
            array.setflags(write=False)
        self.game = replace(game, tree=tree)
