"""Deals played move by move by two players: the slow way, with nothing of the fast one."""

from __future__ import annotations

from functools import cache

import numpy as np
from draws import first_above, sweep_key, uniform

from cfr_shm.cards.evaluator import evaluate
from cfr_shm.evaluation.aivat import Choice, luck
from cfr_shm.kernels.evaluation.luck import LUCK_STREAM
from cfr_shm.kernels.evaluation.play_deals import PLAY_STREAM
from cfr_shm.layout.betting import CALL
from cfr_shm.layout.play import RUN_OUTS
from cfr_shm.strategy.player import TreePlayer

SHOWN = (0, 3, 4, 5)
RIVER = 3


class Worth:
    """What a hand is worth to each seat by everybody's cards: shares of the pot over run-outs."""

    def __init__(self, deck, cards, seed, number):
        self._deck, self._place = deck, (seed, number)
        self._board, self._holes = cards[:5], [cards[at : at + 2] for at in range(5, len(cards), 2)]
        self._strengths = cache(self._strengths_on)

    def _boards(self, street):
        shown = self._board[: SHOWN[street]]
        held = {*shown, *(card for hole in self._holes for card in hole)}
        free = [card for card in range(self._deck.card_count) if card not in held]
        if street == RIVER:
            yield shown
        elif street == RIVER - 1:
            yield from ([*shown, card] for card in free)
        else:
            index = 0
            key = sweep_key(*self._place, LUCK_STREAM + street)
            for _ in range(RUN_OUTS):
                for place in range(5 - len(shown)):
                    chosen = place + int(uniform(key, index) * (len(free) - place))
                    free[place], free[chosen] = free[chosen], free[place]
                    index += 1
                yield [*shown, *free[: 5 - len(shown)]]

    def _strengths_on(self, street):
        return [
            [evaluate(self._deck, [*board, *hole]) for hole in self._holes]
            for board in self._boards(street)
        ]

    def __call__(self, hand, street):
        inside = [seat for seat in range(hand.rules.players) if seat not in hand.folded]
        shares = np.zeros(hand.rules.players)
        every = self._strengths(street)
        for strengths in every:
            best = max(strengths[seat] for seat in inside)
            winners = [seat for seat in inside if strengths[seat] == best]
            shares[winners] += 1.0 / len(winners) / len(every)
        matched = sorted(hand.committed)[-2]
        put = np.minimum(hand.committed, matched)
        return shares * (sum(put) + hand.rules.dead) - put


def play_hand(players, seating, cards, strength, place, known=(0, 1)):
    """Return what each seat wins of one deal, and how much of it is luck.

    Args:
        players: two TreePlayers, of both sides.
        seating: mask of the seats of the first.
        cards: the board's five, then hole cards by seat.
        strength: by seat.
        place: seed and number of the deal.
        known: sides of whose choices the luck is told.
    """
    for player in players:
        player.begin()
    hand = players[0].hand
    worth = Worth(players[0].strategy.game.hole_cards.deck, cards, *place)
    draws = [0] * hand.rules.players
    lucky = np.zeros(hand.rules.players)
    while not hand.finished:
        seat, street = hand.actor, int(hand.rules.real_street[hand.street])
        side = 0 if (seating >> seat) & 1 else 1
        player = players[side]
        move = CALL
        if player.node is not None:
            board = cards[: SHOWN[street]]
            moves, shares = player._actions(player.node, cards[5 + 2 * seat : 7 + 2 * seat], board)
            draw = uniform(sweep_key(*place, PLAY_STREAM + seat), draws[seat])
            taken = first_above(shares.tolist(), draw)
            draws[seat] += 1
            move = int(moves[taken])
            values = [worth(hand.apply(int(each)), street) for each in moves]
            for other in range(len(lucky)) if side in known else ():
                told = [value[other] for value in values]
                lucky[other] += luck([Choice(shares.tolist(), told, taken)])
        for each in players:
            each.take(move)
        hand = players[0].hand
        assert players[1].hand.committed == hand.committed
        shown = hand.finished and len(hand.folded) == hand.rules.players - 1
        after = RIVER if hand.finished else int(hand.rules.real_street[hand.street])
        if not shown and after != street:
            lucky += worth(hand, after) - worth(hand, street)
    return settled(hand, strength), lucky


def settled(hand, strength):
    """Return what each seat wins of a finished hand; pots are split into equal parts."""
    won = np.array(hand.losing_utility(), float)
    for pot in hand.pots():
        best = max(strength[seat] for seat in pot.seats)
        winners = [seat for seat in pot.seats if strength[seat] == best]
        won[winners] += pot.amount / len(winners)
    return won


def every_hand(first, second, dealer, seatings, seed, numbers, known=(0, 1)):
    """Return two (deals, seatings, players) of deals played one by one: winnings and luck."""
    found = []
    for number in numbers:
        deal = dealer.deal(number, 1)
        cards, strength = deal.cards[0].tolist(), deal.strength[0].tolist()
        players = TreePlayer(first), TreePlayer(second)
        found.append(
            [play_hand(players, mask, cards, strength, (seed, number), known) for mask in seatings]
        )
    both = np.array(found)
    return both[:, :, 0], both[:, :, 1]
