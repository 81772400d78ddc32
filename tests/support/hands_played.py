"""Deals played move by move by two players: the slow way, with nothing of the fast one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from draws import first_above, sweep_key, uniform

from cfr_shm.kernels.evaluation.play_deals import PLAY_STREAM
from cfr_shm.strategy.player import TreePlayer


def play_hand(players, seating, cards, strength, seed, number):
    """Return what each seat wins of one deal; ``players`` are those of both sides.

    Args:
        players: two TreePlayers.
        seating: mask of the seats of the first.
        cards: the board's five, then hole cards by seat.
        strength: by seat.
        seed: of the draws.
        number: the deal's.
    """
    for player in players:
        player.begin()
    hand = players[0].hand
    draws = [0] * hand.rules.players
    while not hand.finished:
        seat = hand.actor
        side = 0 if (seating >> seat) & 1 else 1
        if players[side].node is None:
            move = 0
        else:
            hole = cards[5 + 2 * seat : 7 + 2 * seat]
            shown = (0, 3, 4, 5)[int(hand.rules.real_street[hand.street])]
            move = drawn(players[side], hole, cards[:shown], (seed, number, seat, draws[seat]))
            draws[seat] += 1
        for player in players:
            player.take(move)
        hand = players[0].hand
        assert players[1].hand.committed == hand.committed
    won = [Fraction(chips) for chips in hand.losing_utility()]
    for pot in hand.pots():
        best = max(strength[seat] for seat in pot.seats)
        winners = [seat for seat in pot.seats if strength[seat] == best]
        for seat in winners:
            won[seat] += Fraction(pot.amount, len(winners))
    return [float(chips) for chips in won]


def drawn(player: TreePlayer, hole, board, place) -> int:
    """Draw a move as the fast way does: from the row, in the order of its actions."""
    seed, number, seat, index = place
    moves, shares = player._actions(player.node, hole, board)
    draw = uniform(sweep_key(seed, number, PLAY_STREAM + seat), index)
    return int(moves[first_above(shares.tolist(), draw)])


def every_hand(first, second, dealer, seatings, seed, numbers):
    """Return (deals, seatings, players) of deals played one by one."""
    won = []
    for number in numbers:
        deal = dealer.deal(number, 1)
        players = TreePlayer(first), TreePlayer(second)
        won.append(
            [
                play_hand(
                    players, mask, deal.cards[0].tolist(), deal.strength[0].tolist(), seed, number
                )
                for mask in seatings.tolist()
            ]
        )
    return np.array(won)
