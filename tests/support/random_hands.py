"""Hands played at random by our own rules, for whoever reads and writes hands."""

from __future__ import annotations

import random

from cfr_shm.cards.deck import STANDARD
from cfr_shm.games.holdem.betting import Hand, betting_rules
from cfr_shm.layout.betting import CALL, FOLD, BettingRules
from cfr_shm.protocols.played_hand import BOARD_COUNT, PlayedHand, payoffs_of


def random_rules(rng: random.Random) -> BettingRules:
    """No limit and fixed limit, two to six players, even and uneven stacks, antes at times."""
    players = rng.choice((2, 2, 3, 4, 5, 6))
    big = 2 * rng.randint(1, 50)
    fixed = rng.random() < 0.2
    stacks = [big * rng.choice((3, 20, 100))] * players
    if rng.random() < 0.4:
        stacks = [rng.randint(1, 60 * big) for _ in range(players)]
    ante = rng.choice((0, 0, 0, 1, big // 2))
    return betting_rules(
        players=players,
        blinds=[big // 2, big],
        stacks=stacks,
        ante=ante,
        betting="fixed_limit" if fixed else "no_limit",
        raise_caps=[4] * 4 if fixed else None,
        short_blinds=True,
    )


def random_move(rng: random.Random, hand: Hand) -> int:
    moves = [CALL, CALL]
    if hand.may_fold and rng.random() < 0.4:
        moves.append(FOLD)
    if hand.raise_bounds is not None:
        least, most = hand.raise_bounds
        moves += [least, rng.randint(least, min(most, 4 * least))]
        if rng.random() < 0.3:
            moves.append(rng.randint(least, most))
        if rng.random() < 0.2:
            moves.append(most)
    return rng.choice(moves)


def random_hand(
    rng: random.Random, rules: BettingRules, unfinished: float = 0.0, ranks: int = 13
) -> PlayedHand:
    """Play a hand, or a part of it; what was dealt is what a dealer would have dealt by then.

    Cards are dealt from so many of the highest ranks.
    """
    players = rules.players
    cards = rng.sample(range(4 * (13 - ranks), STANDARD.card_count), 2 * players + 5)
    holes = tuple(tuple(cards[2 * seat : 2 * seat + 2]) for seat in range(players))
    hand, moves = Hand(rules), []
    while not hand.finished and rng.random() >= unfinished:
        move = random_move(rng, hand)
        moves.append(move)
        hand = hand.apply(move)
    shown = hand.finished and len(hand.folded) + 1 < players
    count = 5 if shown else BOARD_COUNT[hand.street]
    board = tuple(cards[2 * players : 2 * players + count])
    played = PlayedHand(rules, tuple(moves), holes, board)
    return played._replace(paid=payoffs_of(played))
