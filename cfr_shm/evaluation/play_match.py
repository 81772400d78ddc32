"""Matches by play: strategies whose trees differ meet in real hands, deal by deal.

Every deal is played in all seatings that seat both (heads-up: twice, sides swapped), and is one
sample. A bet that the other's tree does not have is translated (``strategy.player``). Cards and
draws are keyed by deal and seat, never by who sits there: so a strategy against itself wins
exactly nothing, and with sides swapped the result is the negative, bit for bit.

A side may be a *bare player*, of which only its moves are seen (``evaluation.bare_hands``): it is
asked hand by hand, and the luck of its choices is never taken out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.parallel import Progress
from cfr_shm.evaluation.bare_hands import BareHands, Table
from cfr_shm.evaluation.drawn_deals import Dealer, DealtPolicy, policy_of_deals
from cfr_shm.evaluation.gathering import Gathered, Length, Pieces, gather
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.kernels.evaluation.play_deals import play_deals
from cfr_shm.layout.betting import betting_words
from cfr_shm.layout.following import FOLLOW_STATES, FOLLOW_WORDS, FollowedTree
from cfr_shm.layout.play import (
    CARD_STREETS,
    LUCK_VALUES,
    RUN_OUTS,
    SIDES,
    PlayDeals,
    PlayLuck,
    PlayPolicy,
    PlaySpace,
)
from cfr_shm.strategy.player import BarePlayer, why_not_alike
from cfr_shm.strategy.public import PublicStrategy, holdem_parts, start_weights

Floats = NDArray[np.float64]

_NOTHING, _NO_ROWS = np.zeros(0), np.zeros(0, np.int64)

#: Deals of one call of the kernel, and between two looks at the interval; 40,000 make it tightest.
DEALS = Pieces(together=256, look_after=16, ratio=0.005)
#: The same with a bare player, so that what was played before it fails is kept.
BARE_DEALS = Pieces(together=1, look_after=200, ratio=0.02)

#: A strategy, whose probabilities are known, or a bare player.
Side = PublicStrategy | BarePlayer


def why_no_match(one: Game, two: Game) -> str | None:
    """Say why hands of one game are not hands of another; None where they are.

    Bet sizes and buckets may differ, nothing else.

    Raises:
        GameError: one of them is not hold'em.
    """
    (first, first_cards), (second, second_cards) = holdem_parts(one), holdem_parts(two)
    if (reason := why_not_alike(first.rules, second.rules)) is not None:
        return reason
    for field in first.rules._fields:
        a, b = (np.asarray(getattr(each.rules, field)) for each in (first, second))
        if not np.array_equal(a, b):
            return f"{field.replace('_', ' ')} {a.tolist()} and {b.tolist()}"
    if first_cards.dealt != second_cards.dealt or first_cards.deck != second_cards.deck:
        return "different decks"
    if first_cards.fixed_board != second_cards.fixed_board:
        return "different boards"
    if first_cards.showdown_cards != second_cards.showdown_cards or any(
        first_cards.board_count(street) != second_cards.board_count(street)
        for street in range(one.street_count)
    ):
        return "different numbers of board cards"
    for seat in range(one.player_count):
        if not np.allclose(start_weights(one, seat), start_weights(two, seat), 1e-12, 0.0):
            return f"different ranges of seat {seat}"
    return None


def play_match(
    first: Side,
    second: Side,
    length: Length,
    *,
    corrected: bool = True,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> Gathered:
    """Play two strategies against each other; ``why_no_match`` of their games is None (unchecked).

    Returns what the seats of the first win together, in chips a hand: a sample is a deal, the
    mean over its seatings, and half the difference of both sides where there is rake.

    Args:
        first: whose winnings are told.
        second: the other one.
        length: how many deals are played, each in all seatings.
        corrected: whether the luck of boards and of draws is taken out, where the deck allows.
        seed: of the deals and of both sides' actions.
        workers: threads, 0 for all usable cores; changes nothing in the result. Bare players are
            asked by this one, in the order of deals and seatings.
        progress: told how far it is.
    """
    bare = isinstance(first, BarePlayer) or isinstance(second, BarePlayer)
    return gather(
        lambda: TablePlay(first, second, seed, corrected).samples,
        length,
        BARE_DEALS if bare else DEALS,
        workers=1 if bare else workers,
        progress=progress,
    )


def seatings_of(players: int) -> NDArray[np.int64]:
    """Return (seatings,) all masks of the seats of the first that leave the second one some.

    A seating's place from the end is that of the one with sides swapped.

    >>> seatings_of(2).tolist()
    [1, 2]
    """
    masks = np.arange(1, (1 << players) - 1, dtype=np.int64)
    masks.setflags(write=False)
    return masks


def shares_of(won: Floats, seatings: NDArray[np.int64]) -> Floats:
    """Return (deals,) what the first wins: the mean over seatings.

    Half the difference of both sides is taken, which is what the first wins where nothing is
    raked; swapping sides negates it exactly, and so does the mean.

    Args:
        won: (deals, seatings, players), chips of each seat.
        seatings: as ``seatings_of`` gives them.
    """
    players = won.shape[2]
    ahead = np.empty(won.shape[:2])
    for place, mask in enumerate(seatings.tolist()):
        own = np.zeros(len(won))
        other = np.zeros(len(won))
        for seat in range(players):
            if (mask >> seat) & 1:
                own += won[:, place, seat]
            else:
                other += won[:, place, seat]
        ahead[:, place] = 0.5 * (own - other)
    total = np.zeros(len(won))
    for place in range(len(seatings) // 2):
        total += ahead[:, place] + ahead[:, -1 - place]
    return total / len(seatings)


class TablePlay:
    """Plays deals between two sides; owns the space for it, so that one thread uses it."""

    def __init__(self, first: Side, second: Side, seed: int, corrected: bool = True) -> None:
        self._sides, self._seed = (first, second), seed
        self._corrects = corrected and can_correct(first.game)
        self._dealer = Dealer(first.game, seed)
        self._seatings = seatings_of(first.game.player_count)
        betting, cards = holdem_parts(first.game)
        self._root, nodes, move = _trees(self._sides)
        self._tree = FollowedTree(nodes, move, betting.rules, betting.rules)
        players, most = betting.rules.players, max(first.game.max_actions, second.game.max_actions)
        self._space = _space(players, most)
        self._ranks = hand_rank_tables(cards.deck)
        self._luck = _luck(players if self._corrects else 0)
        self._known: tuple[list[DealtPolicy], PlayPolicy] | None = None
        bare = {side: each for side, each in enumerate(self._sides) if isinstance(each, BarePlayer)}
        self._bare = BareHands(bare, cards) if bare else None

    def samples(self, first: int, count: int) -> Floats:
        """Return (count,) what the first wins on deals from number ``first`` on, chips."""
        won, luck = self.winnings(first, count)
        return shares_of(won - luck if self._corrects else won, self._seatings)

    def winnings(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Return (count, seatings, players) what each seat wins, and how much of it is luck."""
        deals = self._dealer.deal(first, count)
        policies = [
            _no_policy(side.game, count)
            if isinstance(side, BarePlayer)
            else policy_of_deals(side, deals)
            for side in self._sides
        ]
        number = np.stack([policy.number for policy in policies])
        dealt = deals.cards[: count if self._corrects else 0]
        for array in (number, deals.strength, dealt):
            array.setflags(write=False)
        played = PlayDeals(self._seed, first, number, deals.strength, self._seatings)
        won = np.zeros((count, len(self._seatings), deals.strength.shape[1]))
        luck = self._luck._replace(dealt=dealt, luck=np.zeros_like(won))
        policy = self._together(policies)
        table = Table(self._tree, policy, self._ranks, played, luck, won, self._space)
        if self._bare is None:
            play_deals(*table)
        else:
            self._bare.play(table, deals.cards)
        return won, luck.luck

    def _together(self, policies: list[DealtPolicy]) -> PlayPolicy:
        one, two = policies
        if self._known is not None and all(
            new.probability is old.probability and new.row_base is old.row_base
            for new, old in zip(policies, self._known[0], strict=True)
        ):
            return self._known[1]
        found = PlayPolicy(
            root=self._root,
            first=one.probability,
            second=two.probability,
            row_base=np.concatenate([one.row_base, two.row_base]),
            row_stride=np.concatenate([one.row_stride, two.row_stride]),
        )
        for array in found:
            array.setflags(write=False)
        self._known = policies, found
        return found


def can_correct(game: Game) -> bool:
    """Return whether the luck of boards can be told: whole boards are dealt, and hands ranked."""
    return isinstance(holdem_parts(game)[1], DealtCards)


def _trees(
    sides: tuple[Side, Side],
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
    """Return where each side's tree begins, and the nodes and moves of those that have one."""
    root = np.full(SIDES, -1, np.int64)
    nodes: list[NDArray[Any]] = []
    move: list[NDArray[np.int64]] = []
    tables = {side: each for side, each in enumerate(sides) if not isinstance(each, BarePlayer)}
    for side, each in tables.items():
        root[side] = sum(len(before) for before in nodes)
        found = each.game.tree.nodes.copy()
        found["first_child"] += root[side]
        nodes.append(found)
        move.append(holdem_parts(each.game)[0].move)
    if not tables:  # nobody looks at it
        nodes, move = [sides[0].game.tree.nodes], [holdem_parts(sides[0].game)[0].move]
    both = root, np.concatenate(nodes), np.concatenate(move)
    for array in both:
        array.setflags(write=False)
    return both


def _no_policy(game: Game, deals: int) -> DealtPolicy:
    """Return what stands for the table of a side that has none."""
    number = np.zeros((deals, game.player_count, game.street_count), np.int32)
    return DealtPolicy(_NOTHING, _NO_ROWS, _NO_ROWS, number)


def _space(players: int, actions: int) -> PlaySpace:
    words = betting_words(players)
    return PlaySpace(
        state=np.zeros((SIDES, FOLLOW_STATES, words), np.int64),
        opening=np.zeros((1, words), np.int64),
        follow=np.zeros((SIDES, FOLLOW_WORDS), np.int64),
        draws=np.zeros(players, np.int64),
        chances=np.zeros(actions),
        amount=np.zeros(players, np.int64),
        mask=np.zeros(players, np.int64),
    )


def _luck(players: int) -> PlayLuck:
    """Return space for the luck of so many seats, 0: none is told."""
    masks = 1 << players
    return PlayLuck(
        dealt=np.zeros((0, 0), np.int64),
        luck=np.zeros((0, 0, 0)),
        strength=np.zeros((CARD_STREETS, RUN_OUTS, players), np.int32),
        runs=np.zeros(CARD_STREETS, np.int64),
        share=np.zeros((CARD_STREETS, masks, players)),
        known=np.zeros((CARD_STREETS, masks), np.int64),
        value=np.zeros((LUCK_VALUES, players)),
        cards=np.zeros(64, np.int64),
    )
