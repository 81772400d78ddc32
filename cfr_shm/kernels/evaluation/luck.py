"""Take the luck of cards and of draws out of hands that are played: AIVAT's core.

What a hand is worth to each seat is guessed from everybody's cards: its share of the pot over
boards to come, of what is matched of all bets, as if nobody bet any more. Counting a bet as if it
were called explains far less: on two checkpoints of ``hu_small`` the spread went from 7.82 to
7.53 big blinds a deal, with what is matched to 5.39. A
choice's luck is the guess after it less the mean guess over all that could have been chosen:
zero on average whatever the guess, which hangs on nothing that comes later.

- Choices of both sides: their rows say how likely each was.
- Cards: the share of the pot is its own mean over the next card, so that the mean guess after
  a card is the guess before it. On the turn all rivers are enumerated. Earlier, ``RUN_OUTS``
  boards are drawn that have nothing to do with the one that is dealt, whose mean share is the
  true one on average; so the luck is zero on average still.

Hole cards' luck stays in: that is what playing every deal in all seatings is for. Source: see
cfr_shm/evaluation/aivat.py.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.points import list_free
from cfr_shm.kernels.evaluation.shadow import advance, as_played
from cfr_shm.kernels.holdem.hand_rank import EMPTY_KEY, strength_of
from cfr_shm.kernels.jit import at, device, outlined
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.layout.betting import BET_FOLDED, BET_SEATS
from cfr_shm.layout.cards import FULL_BOARD, HOLE_CARDS
from cfr_shm.layout.following import FOLLOW_NODE, FOLLOW_PLAYED, FOLLOW_PLAYED_NEXT
from cfr_shm.layout.play import CARD_STREETS, LUCK_MEAN, LUCK_OUTCOME, LUCK_TAKEN, RUN_OUTS

#: Streams of the run-outs that are drawn, by street.
LUCK_STREAM = 160
_RIVER = 3
_TURN = 2
_ONE = np.uint64(1)


@device
def forget_deal(luck):
    """Forget the run-outs of the deal before."""
    for street in range(CARD_STREETS):
        luck.runs[at(street)] = 0
        for mask in range(luck.known.shape[1]):
            luck.known[at(street), at(mask)] = 0


@device
def _rank_run(ranks, dealt, key, mask, place, strength):
    """Write every seat's strength on a full board."""
    for seat in range(strength.shape[1]):
        one = dealt[at(FULL_BOARD + HOLE_CARDS * seat)]
        two = dealt[at(FULL_BOARD + HOLE_CARDS * seat + 1)]
        own_key = key + ranks.card_key[at(one)] + ranks.card_key[at(two)]
        own_mask = mask | ranks.card_mask[at(one)] | ranks.card_mask[at(two)]
        strength[at(place), at(seat)] = strength_of(ranks, own_key, own_mask)


@outlined
def _make_runs(ranks, luck, row, street, key):
    """Write the strengths on the run-outs of a street: all there are, or drawn ones."""
    dealt, strength = luck.dealt[at(row)], luck.strength[at(street)]
    shown = street + 2 if street > 0 else 0
    used = np.uint64(0)
    for place in range(FULL_BOARD, len(dealt)):
        used |= _ONE << np.uint64(dealt[at(place)])
    board_key, board_mask = EMPTY_KEY, np.uint64(0)
    for place in range(shown):
        card = dealt[at(place)]
        used |= _ONE << np.uint64(card)
        board_key += ranks.card_key[at(card)]
        board_mask |= ranks.card_mask[at(card)]
    if street == _RIVER:
        _rank_run(ranks, dealt, board_key, board_mask, 0, strength)
        luck.runs[at(street)] = 1
        return
    free = list_free(ranks, used, luck.cards)
    runs = free if street == _TURN else RUN_OUTS
    index = 0
    for run in range(runs):
        key_there, mask_there = board_key, board_mask
        for place in range(FULL_BOARD - shown):
            chosen = run
            if street != _TURN:
                # One of those that are left, which is put behind them.
                chosen = place + int(uniform(key, index) * (free - place))
                index += 1
            card = luck.cards[at(chosen)]
            luck.cards[at(chosen)] = luck.cards[at(place)]
            luck.cards[at(place)] = card
            key_there += ranks.card_key[at(card)]
            mask_there |= ranks.card_mask[at(card)]
        if street == _TURN:
            # Back to where it was, for every card is taken once.
            card = luck.cards[0]
            luck.cards[0] = luck.cards[at(run)]
            luck.cards[at(run)] = card
        _rank_run(ranks, dealt, key_there, mask_there, run, strength)
    luck.runs[at(street)] = runs


@device
def _find_shares(luck, street, mask, players):
    """Write what part of the pot each seat of a mask gets, the mean over the run-outs."""
    share = luck.share[at(street), at(mask)]
    for seat in range(players):
        share[at(seat)] = 0.0
    runs = luck.runs[at(street)]
    for run in range(runs):
        best = np.int32(-1)
        tied = 0
        for seat in range(players):
            if (mask >> seat) & 1:
                mine = luck.strength[at(street), at(run), at(seat)]
                if mine > best:
                    best = mine
                    tied = 0
                if mine == best:
                    tied += 1
        for seat in range(players):
            if (mask >> seat) & 1 and luck.strength[at(street), at(run), at(seat)] == best:
                share[at(seat)] += 1.0 / tied
    for seat in range(players):
        share[at(seat)] /= runs
    luck.known[at(street), at(mask)] = 1


@outlined
def guess(real, ranks, luck, deals, row, street, state, target):
    """Write what a hand is worth to each seat by what is known on a street of the cards.

    Args:
        real: layout.BettingRules, read-only.
        ranks: cards.evaluator.HandRankTables, read-only.
        luck: layout.play.PlayLuck; ``value[target]`` is written.
        deals: layout.play.PlayDeals, read-only.
        row: the deal.
        street: of the cards that are looked at, 3 for the whole board.
        state: (words,) int64, the betting state of the hand, read-only.
        target: LUCK_*.
    """
    players = real.players
    if luck.runs[at(street)] == 0:
        key = sweep_key(deals.seed, deals.first + row, LUCK_STREAM + street)
        _make_runs(ranks, luck, row, street, key)
    mask = ((np.int64(1) << players) - 1) & ~state[at(BET_FOLDED)]
    if luck.known[at(street), at(mask)] == 0:
        _find_shares(luck, street, mask, players)
    highest = np.int64(0)
    matched = np.int64(0)
    for seat in range(players):
        put = state[at(BET_SEATS + players + seat)]
        matched = max(matched, min(put, highest))
        highest = max(highest, put)
    pot = np.float64(real.dead)
    value = luck.value[at(target)]
    for seat in range(players):
        put = min(state[at(BET_SEATS + players + seat)], matched)
        pot += put
        value[at(seat)] = -np.float64(put)
    for seat in range(players):
        value[at(seat)] += luck.share[at(street), at(mask), at(seat)] * pot


@outlined
def account_cards(real, ranks, luck, deals, row, streets, state, place):
    """Add the luck of the cards that came: ``streets`` are before | after << 8."""
    guess(real, ranks, luck, deals, row, streets & 255, state, LUCK_MEAN)
    guess(real, ranks, luck, deals, row, streets >> 8, state, LUCK_TAKEN)
    for seat in range(real.players):
        luck.luck[at(row), at(place), at(seat)] += (
            luck.value[LUCK_TAKEN, at(seat)] - luck.value[LUCK_MEAN, at(seat)]
        )


@outlined
def account_choice(tree, ranks, luck, deals, choice, state, follow, chances):
    """Add the luck of a side's choice; the hand as played is where it was made.

    Args:
        tree: layout.following.FollowedTree, read-only.
        ranks: cards.evaluator.HandRankTables, read-only.
        luck: layout.play.PlayLuck.
        deals: layout.play.PlayDeals, read-only.
        choice: the row of the deal, the place of the seating, the card street, the action.
        state: (FOLLOW_STATES, words) int64, of the side that chose.
        follow: (FOLLOW_WORDS,) int64, of the side that chose, read-only.
        chances: (actions,) float64, how likely each action of the node was, read-only.
    """
    row, place, street, taken = choice
    players = tree.real.players
    node = follow[FOLLOW_NODE]
    first = np.int64(tree.nodes[at(node)]["first_child"])
    for seat in range(players):
        luck.value[LUCK_MEAN, at(seat)] = 0.0
    for action in range(np.int64(tree.nodes[at(node)]["count"])):
        chance = chances[at(action)]
        if chance > 0.0:
            move = as_played(tree, state, follow, first + action)
            advance(tree.real, state, FOLLOW_PLAYED, FOLLOW_PLAYED_NEXT, move)
            after = state[FOLLOW_PLAYED_NEXT]
            guess(tree.real, ranks, luck, deals, row, street, after, LUCK_OUTCOME)
            for seat in range(players):
                value = luck.value[LUCK_OUTCOME, at(seat)]
                luck.value[LUCK_MEAN, at(seat)] += chance * value
                if action == taken:
                    luck.value[LUCK_TAKEN, at(seat)] = value
    for seat in range(players):
        luck.luck[at(row), at(place), at(seat)] += (
            luck.value[LUCK_TAKEN, at(seat)] - luck.value[LUCK_MEAN, at(seat)]
        )
