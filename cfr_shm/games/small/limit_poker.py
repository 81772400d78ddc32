"""Fixed-limit poker for any number of players: betting rules to a public tree.

Antes, one raise size and a cap on raises per street, no blinds and no stacks, hence a single
pot. The first player who has not folded opens each street.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game, InfosetLabel, assemble_game
from cfr_shm.games.trees.builder import BuiltTree, TreeBuilder
from cfr_shm.layout.deals import Deals

FOLD = "f"
CALL = "c"  # a check where there is nothing to call
RAISE = "r"

#: Trees are built in Python, at about 10 us a node.
MAX_NODES = 2_000_000


@dataclass(frozen=True)
class BettingRules:
    """Who may put in how much, in chips."""

    player_count: int
    ante: int
    raise_size: tuple[int, ...]  # per street
    max_raises: tuple[int, ...]  # per street, by all players together

    @property
    def street_count(self) -> int:
        """Number of betting rounds."""
        return len(self.raise_size)


class Betting(NamedTuple):
    """The public state of a hand: all that the cards do not say."""

    street: int
    actor: int
    waiting: int  # players who have still to act before the street ends
    raises: int  # on this street
    committed: tuple[int, ...]  # chips per player, antes included
    folded: int  # bit p set: player p has folded
    line: tuple[str, ...]  # actions so far, one string of letters per street

    @property
    def to_call(self) -> int:
        """Chips that the actor is behind."""
        return max(self.committed) - self.committed[self.actor]


class PokerTree(NamedTuple):
    """A built tree, and the public state of each node by its index."""

    built: BuiltTree
    states: tuple[Betting, ...]

    def decisions(self) -> Iterator[tuple[Betting, int, int]]:
        """Yield (state, row base, row stride) of each decision node."""
        for node, state in zip(self.built.tree.nodes, self.states, strict=True):
            if state.waiting > 0:
                yield state, int(node["row_base"]), int(node["row_stride"])


def opening(rules: BettingRules) -> Betting:
    """Return the state after the antes."""
    return Betting(
        street=0,
        actor=0,
        waiting=rules.player_count,
        raises=0,
        committed=(rules.ante,) * rules.player_count,
        folded=0,
        line=("",) * rules.street_count,
    )


def legal_actions(state: Betting, rules: BettingRules) -> str:
    """Return the actor's legal actions as letters, in the order of a row's entries."""
    fold = FOLD if state.to_call > 0 else ""
    raise_ = RAISE if state.raises < rules.max_raises[state.street] else ""
    return fold + CALL + raise_


def apply(state: Betting, action: str, rules: BettingRules) -> Betting:
    """Return the state after ``action``; ``waiting`` is 0 once the hand is over."""
    actor = state.actor
    committed = list(state.committed)
    folded, raises, waiting = state.folded, state.raises, state.waiting - 1
    if action == FOLD:
        folded |= 1 << actor
    else:
        committed[actor] = max(committed)
    if action == RAISE:
        committed[actor] += rules.raise_size[state.street]
        raises += 1
        waiting = _remaining(folded, rules.player_count) - 1
    line = list(state.line)
    line[state.street] += action
    street = state.street
    if _remaining(folded, rules.player_count) == 1:
        waiting = 0
    elif waiting == 0 and street + 1 < rules.street_count:
        street, raises, actor = street + 1, 0, rules.player_count - 1
        waiting = _remaining(folded, rules.player_count)
    following = _next_player(actor, folded, rules.player_count)
    return Betting(street, following, waiting, raises, tuple(committed), folded, tuple(line))


def count_nodes(rules: BettingRules) -> int:
    """Return the number of public nodes without building them.

    How a hand may go on depends on little: not on how much was put in on the way.
    """
    known: dict[tuple[int, int, int, int, int], int] = {}

    def count(state: Betting) -> int:
        key = (state.street, state.actor, state.waiting, state.raises, state.folded)
        if state.waiting == 0:
            return 1
        if key not in known:
            actions = legal_actions(state, rules)
            known[key] = 1 + sum(count(apply(state, action, rules)) for action in actions)
        return known[key]

    return count(opening(rules))


def build_poker_tree(rules: BettingRules, bucket_count: Sequence[Sequence[int]]) -> PokerTree:
    """Build the public betting tree, breadth first.

    Args:
        rules: the betting.
        bucket_count: buckets by [player][street]: rows per decision node.

    Raises:
        GameError: the tree would have more than MAX_NODES nodes.
    """
    size = count_nodes(rules)
    if size > MAX_NODES:
        raise GameError(
            f"the betting tree would have {size} nodes, over the limit of {MAX_NODES}; "
            "use fewer players, streets or raises"
        )
    builder = TreeBuilder(rules.player_count)
    states = [opening(rules)]
    queue = deque([0])
    while queue:
        node = queue.popleft()
        state = states[node]
        if state.waiting == 0:
            _declare_leaf(builder, node, state)
            continue
        actions = legal_actions(state, rules)
        children = builder.decision(
            node,
            state.actor,
            len(actions),
            street=state.street,
            bucket_count=bucket_count[state.actor][state.street],
        )
        states.extend(apply(state, action, rules) for action in actions)
        queue.extend(children)
    return PokerTree(builder.finish(), tuple(states))


def poker_game(
    poker: PokerTree,
    deals: Deals,
    *,
    name: str,
    parameters: Mapping[str, int | bool | str | float],
    infosets: Callable[[], Iterator[InfosetLabel]],
    openspiel_name: str | None = None,
    value: float | None = None,
    value_source: str = "",
) -> Game:
    """Put a poker tree and its deals together as a game."""
    return assemble_game(
        poker.built,
        deals,
        name=name,
        parameters=parameters,
        constant_sum=True,
        unit="chips",
        openspiel_name=openspiel_name,
        value=value,
        value_source=value_source,
        infosets=infosets,
    )


def _declare_leaf(builder: TreeBuilder, node: int, state: Betting) -> None:
    player_count = builder.player_count
    losing = [float(-chips) for chips in state.committed]
    pot = float(sum(state.committed))
    contenders = [p for p in range(player_count) if not (state.folded >> p) & 1]
    if len(contenders) == 1:
        losing[contenders[0]] += pot
        builder.terminal(node, losing, street=state.street)
    else:
        mask = sum(1 << p for p in contenders)
        builder.showdown(node, losing, [(pot, mask)], street=state.street)


def _remaining(folded: int, player_count: int) -> int:
    return player_count - folded.bit_count()


def _next_player(actor: int, folded: int, player_count: int) -> int:
    following = (actor + 1) % player_count
    while (folded >> following) & 1:
        following = (following + 1) % player_count
    return following
