"""Local best response: a lower bound that also tries bets the strategy's tree does not have.

Deals are played in pairs, the responder once in either seat, on boards by number: the same for
every strategy and checkpoint under one seed. What the responder may do is one of the four sets
that are published; where it bets a size that the tree does not have the strategy answers as to
the nearest size of its tree, and where that leaves nothing to say it checks or calls.

A small or negative result says nothing: the responder looks one action ahead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import GameError, UsageError
from cfr_shm.evaluation.estimates import Estimate, mean_interval
from cfr_shm.evaluation.gathering import for_each
from cfr_shm.evaluation.play_match import TablePlay
from cfr_shm.games.game import Game
from cfr_shm.kernels.evaluation.draw_deals import draw_deals
from cfr_shm.kernels.evaluation.local_response import play_pairs
from cfr_shm.layout.betting import betting_words
from cfr_shm.layout.cards import FIRST_STREET, FULL_BOARD, HOLE_CARDS
from cfr_shm.layout.deals import DEALS_HOLDEM
from cfr_shm.layout.following import (
    FOLLOW_STATES,
)
from cfr_shm.layout.local_response import (
    LOCAL_BETS,
    LOCAL_CALLS,
    LOCAL_FOLDS,
    LOCAL_WORDS,
    RECORD_COLUMNS,
    LocalGame,
    LocalMoves,
    LocalPairs,
    LocalSpace,
)
from cfr_shm.strategy.public import PublicStrategy, hands_of, holdem_parts, start_weights
from cfr_shm.strategy.table import TableStrategy

Floats = NDArray[np.float64]

#: Fifty-five bets from a twentieth of the pot on, each 1.15 times the one before.
_MANY_SIZES = tuple(0.05 * 1.15**step for step in range(55))

#: What the responder does preflop, on the flop, turn and river, and with which bets.
#: Source: Moravčík et al. 2017, "DeepStack", supplementary table 3.
ACTION_SETS: dict[str, tuple[tuple[int, int, int, int], tuple[float, ...]]] = {
    "fc": ((LOCAL_FOLDS,) * 4, ()),
    "fcpa": ((LOCAL_CALLS, LOCAL_CALLS, LOCAL_BETS, LOCAL_BETS), (1.0,)),
    "56bets": ((LOCAL_CALLS, LOCAL_CALLS, LOCAL_BETS, LOCAL_BETS), _MANY_SIZES),
    "56bets-flop": ((LOCAL_CALLS, LOCAL_BETS, LOCAL_FOLDS, LOCAL_FOLDS), _MANY_SIZES),
}
DEFAULT_SET = "fcpa"

_NOTHING = np.zeros(0)

#: Pairs whose buckets are looked up together.
_TOGETHER = 32


class LocalResponse(NamedTuple):
    """What local best response wins more than the strategy does of itself, in chips."""

    gain: Estimate  # mean over pairs
    seats: tuple[Estimate, Estimate]
    samples: Floats  # (pairs, 2), by the responder's seat
    stopped: BaseException | None = None  # what ended it before all pairs were played


def local_moves(name: str) -> LocalMoves:
    """Return the action set of a name.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in ACTION_SETS:
        raise UsageError(f"no action set {name!r}; there are {', '.join(ACTION_SETS)}")
    on_street, sizes = ACTION_SETS[name]
    moves = LocalMoves(np.array(on_street, np.int64), np.array(sizes), int(LOCAL_BETS in on_street))
    moves.on_street.setflags(write=False)
    moves.size.setflags(write=False)
    return moves


def local_response(
    strategy: PublicStrategy,
    pairs: int,
    *,
    actions: str = DEFAULT_SET,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> LocalResponse:
    """Measure a strategy by local best response.

    What the strategy wins of itself is taken off, half of it in either seat: nothing where what
    players win adds up to nothing, chips that lie in the pot from before, and rake, as it is on
    the same deals.

    Args:
        strategy: what it plays against; for two seats.
        pairs: deals, each played in both seats; at least 2 for an interval.
        actions: a name of ACTION_SETS.
        seed: of the deals and of the strategy's actions.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.

    Raises:
        GameError: not hold'em for two dealt from a whole deck.
        UsageError: no such action set.
    """
    moves = local_moves(actions)
    check_playable(strategy.game)
    constant = strategy.game.constant_sum
    from_before = holdem_parts(strategy.game)[0].rules.dead
    won = np.zeros((pairs, 2))
    # What is asked hand by hand takes a while for one pair, and may fail at the next.
    together = _TOGETHER if isinstance(strategy, TableStrategy) else 1

    def make(_: threading.Event) -> Callable[[int], Floats]:
        player = LocalPlayer(strategy, moves, seed)
        among_itself = None if constant else TablePlay(strategy, strategy, seed, corrected=False)

        def play(chunk: int) -> Floats:
            first = chunk * together
            part = won[first : first + together]
            player.play(first, part)
            if among_itself is None:
                part -= from_before / 2
            else:
                own = among_itself.winnings(first, len(part))[0]
                part -= own[:, 0].sum(axis=1, keepdims=True) / 2
            return _NOTHING

        return play

    chunks, stopped = for_each(make, -(-pairs // together), workers, progress)
    won = won[: len(chunks) * together]
    seats = mean_interval(won[:, 0]), mean_interval(won[:, 1])
    return LocalResponse(mean_interval(won.mean(axis=1)), seats, won, stopped)


def check_playable(game: Game) -> None:
    """Refuse games that are not dealt from a whole deck to two.

    Raises:
        GameError: with the reason.
    """
    holdem_parts(game)
    if game.player_count != 2:
        raise GameError(f"local best response is for two players, not {game.player_count}")
    if game.deals.kind != DEALS_HOLDEM:
        raise GameError(
            f"local best response is for decks that are dealt; all deals of {game.name} are "
            "listed, so it can be evaluated exactly"
        )


class LocalPlayer:
    """Plays pairs against one strategy; owns the space for it, so that one thread uses it."""

    def __init__(self, strategy: PublicStrategy, moves: LocalMoves, seed: int) -> None:
        game = strategy.game
        betting, cards = holdem_parts(game)
        self._strategy, self._moves, self._seed = strategy, moves, seed
        self._deals = game.deals.cards
        self._ranks = hand_rank_tables(cards.deck)
        holes = hands_of(game)
        start = np.stack([start_weights(game, 0), start_weights(game, 1)])
        for array in (holes, start):
            array.setflags(write=False)
        first_street = int(game.deals.cards.setting[FIRST_STREET])
        self._game = LocalGame(
            game.tree.nodes,
            betting.move,
            betting.rules,
            betting.rules,
            holes,
            start,
            first_street,
        )
        self._space = _space(len(holes), game.max_actions, betting_words(2))

    def play(self, first: int, won: Floats, record: Floats | None = None) -> int:
        """Play pairs from number ``first`` on; write what the responder wins to ``won``.

        Args:
            first: number of the first pair.
            won: (pairs, 2), out; by the responder's seat, chips.
            record: (most, RECORD_COLUMNS), out: its decisions.

        Returns the number of decisions that were recorded.
        """
        kept = np.zeros((0, RECORD_COLUMNS)) if record is None else record
        dealt = np.zeros((len(won), FULL_BOARD + 2 * HOLE_CARDS), np.int64)
        draw_deals(self._deals, self._seed, first, 2, dealt)
        policy = self._strategy.on_boards(dealt[:, :FULL_BOARD])
        recorded = np.zeros(1, np.int64)
        pairs = LocalPairs(self._seed, first, dealt, won, kept, recorded)
        play_pairs(self._game, policy, self._ranks, self._moves, pairs, self._space)
        return int(recorded[0])


def _space(hands: int, actions: int, words: int) -> LocalSpace:
    return LocalSpace(
        state=np.zeros((FOLLOW_STATES, words), np.int64),
        follow=np.zeros(LOCAL_WORDS, np.int64),
        weight=np.zeros(hands),
        points=np.zeros(hands),
        chosen=np.zeros(actions),
        cards=np.zeros(64, np.int64),
        amount=np.zeros(2, np.int64),
        mask=np.zeros(2, np.int64),
    )
